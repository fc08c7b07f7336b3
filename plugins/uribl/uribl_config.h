/* SPDX-License-Identifier: BSD-2-Clause */
/* uribl_config.h - the blocks `uribl ZONE { }`, read once for each configuration, and what stands before the zone in a question. Pure. */
#ifndef URIBL_CONFIG_H
#define URIBL_CONFIG_H

#include "filter/mail/dnsbl_zone.h"

#define URIBL_MAX_NAMES    200 /* of one message that a list may be asked for */
#define URIBL_SUBJECT_SIZE 256 /* a domain of 253 octets, its dot, and the NUL */

/* What a list is asked for; the bits are by the order of the words of `ask`. */
enum uribl_lookup { URIBL_DOMAIN, URIBL_HOST, URIBL_IP, URIBL_ADDRESS };
#define URIBL_LOOKUPS (URIBL_ADDRESS + 1)
enum uribl_hash { URIBL_SHA1, URIBL_SHA256, URIBL_MD5 };

/* Of a zone what other lists do not have. */
struct uribl_zone {
	enum uribl_hash hash; /* of mail addresses */
	unsigned names;       /* that it is asked for, of one message */
	char test_listed[URIBL_SUBJECT_SIZE], test_unlisted[URIBL_SUBJECT_SIZE]; /* subjects; "": there is none */
};
struct uribl_config {
	struct dnsbl_zones *lists;
	VEC(struct uribl_zone) zones; /* in their order */
};

extern const struct sluice_option uribl_options[];

/* As struct sluice_plugin has them; the state is a struct uribl_config. */
int uribl_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr);
void uribl_release(void *state);

/*
 * What is asked about a name of that kind, with a dot at its end: "evil.example.", "1.2.0.192.", or the hash of the address in lower case: SHA-1 and MD5 in
 * hexadecimal digits, SHA-256 in base32. False: no list can be asked about it.
 */
bool uribl_subject(enum uribl_lookup lookup, enum uribl_hash hash, const char *name, size_t len, char ret[URIBL_SUBJECT_SIZE]);

#endif
