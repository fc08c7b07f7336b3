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
/*
 * What form the address has. *ret_next, when not NULL and the form is a route, is the address that a server would take
 * it for next: its domain and what is left of the local part, both within the local part of a (text is empty). Asked
 * again with that, the whole way comes to light; each step is shorter than the one before. The domain may be empty.
 */
enum address_route address_route(const struct sluice_address *a, struct sluice_address *ret_next);

#endif
