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

#define DOMAIN_ASCII_SIZE 254 /* octets, with the NUL */
/*
 * As the DNS has it: U-labels become A-labels (RFC 5890 2.3.2.1, RFC 5891 5), a name in ASCII is copied, whatever is in it but
 * a NUL. False: there are labels that cannot be such, or it is too long; ret is then "".
 */
bool domain_to_ascii(const char *name, size_t len, char ret[DOMAIN_ASCII_SIZE]);

#endif
