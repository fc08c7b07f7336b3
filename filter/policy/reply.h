/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply.h - the text of a reply with facts in it: "554 5.7.1 {client.ip} is listed by {dnsbl.zones}".
 * Code (RFC 5321 4.2) and enhanced status code (RFC 3463) may be left out; the action then gives them.
 */
#ifndef POLICY_REPLY_H
#define POLICY_REPLY_H

#include "filter/base/text.h"
#include "filter/base/value.h"
#include "filter/policy/catalog.h"
#include "filter/policy/lex.h"

#define REPLY_TEXT_MAX 1000 /* octets of an expanded reply without its codes */
#define REPLY_FACT_MAX 200  /* octets of one fact in it; more are cut and end in "..." */

struct reply_part {
	const char *literal; /* NULL: a fact */
	unsigned fact;
};

struct reply {
	unsigned code;
	const char *dsn; /* "5.7.1" */
	const struct reply_part *parts;
	size_t count;
	struct place place;
};

/* token: the STRING; severity: 4 or 5 for a reply, 0 for a text that is none (a tag). 0, -EINVAL, -ENOMEM. */
int reply_parse(const struct token *token, unsigned severity, const struct catalog *catalog, struct arena *arena,
	const struct reply **ret, struct err *reterr) SLUICE_MUST_USE;
/* The text without codes, with the facts as printable ASCII: what does not print becomes '?'. Unknown facts are "?". */
void reply_expand(struct text *out, const struct reply *r, const struct value *facts, const struct catalog *catalog);

#endif
