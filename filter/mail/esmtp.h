/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * esmtp.h - the parameters of MAIL and RCPT (RFC 5321 4.1.2; SIZE: RFC 1870, BODY: RFC 6152 and 3030, SMTPUTF8:
 * RFC 6531, RET, ENVID, NOTIFY, ORCPT: RFC 3461, AUTH: RFC 4954). Pure.
 */
#ifndef MAIL_ESMTP_H
#define MAIL_ESMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum esmtp_body { ESMTP_BODY_NONE, ESMTP_BODY_7BIT, ESMTP_BODY_8BITMIME, ESMTP_BODY_BINARYMIME };
extern const char *const esmtp_body_words[]; /* "none" "7bit" "8bitmime" "binarymime" NULL */

struct esmtp_text {
	const char *bytes; /* points into the arguments */
	size_t len;
};

struct esmtp_mail {
	bool has_size, smtputf8;
	uint64_t size_bytes;
	enum esmtp_body body;
	struct esmtp_text ret, envid, auth; /* as given; empty when absent */
	unsigned unknown;                   /* parameters that are none of these, or repeated, or malformed */
};
struct esmtp_rcpt {
	struct esmtp_text notify, orcpt;
	unsigned unknown;
};

#define ESMTP_MAX_PARAMETERS 64 /* more are counted as unknown */

/* args: NULL-terminated, one "KEY=VALUE" or "KEY" each; NULL: none. */
struct esmtp_mail esmtp_parse_mail(char *const *args);
struct esmtp_rcpt esmtp_parse_rcpt(char *const *args);

#endif
