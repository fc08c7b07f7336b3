/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_name.h - names of the DNS as octets of a message (RFC 1035 3.1) and in text (RFC 1035 5.1). Pure. */
#ifndef SERVICES_DNS_NAME_H
#define SERVICES_DNS_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "filter/services/dns.h"

#define DNS_NAME_MAX  255 /* octets in a message, with the root's length octet */
#define DNS_LABEL_MAX 63

struct dns_name {
	uint8_t len; /* at least 1 */
	uint8_t octets[DNS_NAME_MAX];
};

/*
 * Read text, with or without a dot at its end; "" and "." are the root. Letters become lower case.
 * False when it cannot be in the DNS.
 */
bool dns_name_parse(const char *text, size_t len, struct dns_name *ret);
/*
 * Read the name at *pos of a message, compression pointers followed (each must point to before the one that was read
 * before it, so that they end). Letters become lower case. *pos is moved behind it. False when it is malformed.
 */
bool dns_name_read(const uint8_t *message, size_t len, size_t *pos, struct dns_name *ret);
/* In text, no dot at its end; the root is "". Returns the length. */
size_t dns_name_print(const struct dns_name *name, char text[DNS_NAME_TEXT_MAX]);
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
/* The labels from the root down, each behind its length: the key of a name begins with that of each name above it. */
size_t dns_name_key(const struct dns_name *name, uint8_t key[DNS_NAME_MAX]);

#endif
