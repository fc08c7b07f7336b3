/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp.h - send one mail to a mail server of ours (RFC 5321): no TLS and no authentication, which is why it is to be one on this
 * machine or on a network of ours, that takes mail from here and does the rest.
 */
#ifndef CTL_SMTP_H
#define CTL_SMTP_H

#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

struct smtp_server {
	const char *host, *port; /* names or numbers */
	const char *helo;
	int64_t timeout_ms; /* for a connection, and then for each answer */
};
struct smtp_mail {
	const char *from, *to; /* plain addresses */
	const char *bytes;     /* lines end with CRLF, the last one too */
	size_t len;
};
enum smtp_result {
	SMTP_SENT,
	SMTP_LATER,   /* 4xx: this mail may be taken another time */
	SMTP_REFUSED, /* 5xx, or larger than the server takes: it never will */
	SMTP_DOWN,    /* the server does not answer, or not as it should: no mail can be sent now */
};
/* Once the server has said that it has the mail, it is SENT. why: what it said else, or what is wrong; printable. */
enum smtp_result smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, struct text *why);

#endif
