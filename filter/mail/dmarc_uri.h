/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_uri.h - where a domain wants its reports: the URIs of rua in a DMARC record (RFC 9989 4.7, RFC 6068). Pure. */
#ifndef MAIL_DMARC_URI_H
#define MAIL_DMARC_URI_H

#include <stddef.h>
#include <stdint.h>

#define DMARC_URIS_MAX     10   /* of one record that reports go to; more are passed over */
#define DMARC_ADDRESS_SIZE 256  /* octets of an address (RFC 5321 4.5.3.1.3), with the NUL */
#define DMARC_URI_LIST_MAX 4096 /* octets of rua that are looked at; a longer one has no URI */

struct dmarc_uri {
	char address[DMARC_ADDRESS_SIZE]; /* its domain in A-labels and lower case */
	const char *domain;               /* within address */
	uint64_t max_bytes;               /* "!10m": no report that is larger; UINT64_MAX: none is too large */
};
/*
 * The mail addresses among the URIs, each once, in their order; their number. What is no mailto: URI of a plain address is passed
 * over: another scheme, a quoted local part, a domain of one label, an address literal. What follows a ? does not count.
 */
size_t dmarc_uris_read(const char *list, size_t len, struct dmarc_uri ret[DMARC_URIS_MAX]);

#endif
