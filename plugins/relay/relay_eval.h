/* SPDX-License-Identifier: BSD-2-Clause */
/* relay_eval.h - does a recipient ask us to pass mail on to somebody else's server? Pure. */
#ifndef RELAY_EVAL_H
#define RELAY_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "plugins/plugin.h"

#define RELAY_MAX_HOPS 16 /* a route with more is an attempt whatever is in it */

/*
 * Is a domain on the recipient's way not ours? Its own domain, and each that a server would take the address for next
 * (source route, percent, bang, a second @) is looked at. No domain at all is ours for postmaster (RFC 5321 4.5.1) and
 * for nobody else; an address literal is not ours. ours(arg, ...) says whether mail for a domain is taken.
 */
bool relay_is_attempt(const struct sluice_address *rcpt, bool (*ours)(const void *arg, const char *domain, size_t len),
	const void *arg);

#endif
