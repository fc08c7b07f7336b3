/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp_link.h - a connection to a mail server, and its answers (RFC 5321 4.2). No TLS. */
#ifndef CTL_SMTP_LINK_H
#define CTL_SMTP_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

struct smtp_link;

/* Names or numbers. timeout_ms: for the connection, and then for each answer. NULL: why says so. */
struct smtp_link *smtp_link_open(const char *host, const char *port, int64_t timeout_ms, struct text *why);
void smtp_link_close(struct smtp_link *l); /* takes NULL; says nothing to the server */
struct sluice_ip smtp_link_peer(const struct smtp_link *l);
/* False: the connection is no more, or does not move; why says so. */
bool smtp_link_put(struct smtp_link *l, const char *bytes, size_t len, struct text *why);
/* The code of the next answer; its lines, without it, are added to ret_lines, each with LF. 0: there is none, and why says so. */
unsigned smtp_link_get(struct smtp_link *l, struct text *ret_lines, struct text *why);
/* A command, without its end of line, and what is answered to it. */
unsigned smtp_link_ask(struct smtp_link *l, struct text *ret_lines, struct text *why, const char *format, ...) SLUICE_PRINTF(4, 5);
/* For people: the code and the last line of an answer, printable and no longer than they read. */
void smtp_link_show(struct text *out, unsigned code, const struct text *lines);

#endif
