/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * address.h - mail addresses in SMTP (RFC 5321 4.1.2, RFC 6531): what a client gave in MAIL FROM and RCPT TO. Pure.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

/*
 * Split what stood in the argument ("<a@b>", "a@b", "<>", "<@hop:a@b>") without judging it: brackets and white space
 * around them are taken off, the domain is what follows the last @ that is not within quotes; without one it is empty.
 * A source route stays in text and local. The parts point into bytes; domain and text have no NUL after them here
 * (see address_copy). Any octets are taken: there is no error.
 */
struct sluice_address address_split(const char *bytes, size_t len);

struct arena;
/* The same, copied into an arena with the NULs that struct sluice_address promises. False: no memory. */
bool address_copy(struct arena *a, const char *bytes, size_t len, struct sluice_address *ret);

/* Why a server would pass an address on elsewhere, though its domain looks local (the forms of open-relay abuse). */
enum address_route {
	ADDRESS_PLAIN,
	ADDRESS_SOURCE_ROUTE, /* @hop,@hop:user@domain (RFC 5321 C) */
	ADDRESS_PERCENT,      /* user%elsewhere@here */
	ADDRESS_BANG,         /* elsewhere!user@here */
	ADDRESS_QUOTED_AT,    /* "user@elsewhere"@here, or an unquoted second @ */
};
extern const char *const address_route_words[]; /* in the order of enum address_route, NULL-terminated */
/* What form the address has; *ret_next, if not NULL, is the domain it would go to next, a part of it (len 0: none). */
enum address_route address_route(const struct sluice_address *a, const char **ret_next, size_t *ret_next_len);

#endif
