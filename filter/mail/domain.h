/* SPDX-License-Identifier: BSD-2-Clause */
/* domain.h - domain names in text, as mail uses them. Pure. */
#ifndef MAIL_DOMAIN_H
#define MAIL_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Letters, digits, hyphens (RFC 5321 4.1.2 Domain, RFC 1035 2.3.4 sizes), at least `min_labels` labels; one dot at the
 * end is allowed. UTF-8 labels (RFC 6531 3.3) too.
 */
bool domain_valid(const char *name, size_t len, unsigned min_labels);
unsigned domain_labels(const char *name, size_t len); /* 0 for "" and "." */
/*
 * Is name equal to, or below, parent? Without regard to case, and to a dot at the end of either. Nothing but the empty
 * name is within an empty parent: a setting left empty must not take in the world.
 */
bool domain_within(const char *name, size_t len, const char *parent, size_t parent_len);
bool domain_equal(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
