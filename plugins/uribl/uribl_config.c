/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/uribl/uribl_config.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"

#define ADDRESS_MAX_BYTES 512

static const char *const lookups[] = { "domain", "host", "ip", "address", NULL }; /* in the order of enum uribl_lookup */
static const char *const hashes[] = { "sha1", "sha256", "md5", NULL };            /* in the order of enum uribl_hash */
enum { HASH = DNSBL_OWN_OPTIONS, NAMES, TEST_LISTED, OPTIONS };
const struct sluice_option uribl_options[] = {
	DNSBL_OPTION_ROWS,
	[DNSBL_LOOKUP] = { "ask", SLUICE_OPT_WORDS, false, lookups, 0, 0, "domain",
		"what the list is asked for: registrable domains, hosts or IP addresses of links, or mail addresses by their hash" },
	[HASH] = { "hash", SLUICE_OPT_WORDS, false, hashes, 0, 0, "sha1", "how the list has mail addresses: sha1 or md5 in hexadecimal digits, or sha256 in base32" },
	[NAMES] = { "names", SLUICE_OPT_COUNT, false, NULL, 1, URIBL_MAX_NAMES, "20", "different names of one message that the list is asked for" },
	[TEST_LISTED] = { "test_listed", SLUICE_OPT_TEXT, false, NULL, 0, 0, "TEST", "what the list always has: a domain, or a mail address if that is all it is asked for" },
	[OPTIONS] = { .key = NULL },
};

/* ---- subjects ---- */

static void write_hex(const unsigned char *bytes, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* RFC 4648 6, in small letters and without padding. */
static void write_base32(const unsigned char *bytes, size_t len, char *ret)
{
	for (size_t bit = 0; bit < 8 * len; bit += 5) {
		unsigned two = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < len ? bytes[bit / 8 + 1] : 0);

		*ret++ = "abcdefghijklmnopqrstuvwxyz234567"[two >> (11 - bit % 8) & 31];
	}
	*ret = '\0';
}

static bool write_hash(enum uribl_hash hash, const char *address, size_t len, char ret[URIBL_SUBJECT_SIZE])
{
	static const struct {
		const EVP_MD *(*kind)(void);
		void (*write)(const unsigned char *bytes, size_t len, char *ret);
	} rows[] = { /* in the order of enum uribl_hash; a label has 63 octets at most, and SHA-256 has 64 digits */
		{ EVP_sha1, write_hex }, { EVP_sha256, write_base32 }, { EVP_md5, write_hex },
	};
	unsigned char digest[EVP_MAX_MD_SIZE];
	char lower[ADDRESS_MAX_BYTES];
	unsigned octets;

	if (len > sizeof lower)
		return false;
	for (size_t i = 0; i < len; i++)
		lower[i] = ascii_lower(address[i]);
	if (!EVP_Digest(lower, len, digest, &octets, rows[hash].kind(), NULL))
		return false;
	rows[hash].write(digest, octets, ret);
	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy): a hash is a label, of at most 63 octets, and there is room for a name */
	(void)strcat(ret, ".");
	return true;
}

bool uribl_subject(enum uribl_lookup lookup, enum uribl_hash hash, const char *name, size_t len, char ret[URIBL_SUBJECT_SIZE])
{
	struct sluice_ip ip;

	switch (lookup) {
	case URIBL_DOMAIN:
	case URIBL_HOST:
		if (!dnsbl_may_ask_domain(name, len))
			return false;
		(void)snprintf(ret, URIBL_SUBJECT_SIZE, "%.*s.", (int)len, name);
		return true;
	case URIBL_IP:
		return ip_parse(name, len, &ip) && ip_reverse_name(&ip, "", ret, URIBL_SUBJECT_SIZE) == 0;
	case URIBL_ADDRESS:
		return write_hash(hash, name, len, ret);
	}
	return false;
}

/* ---- settings ---- */

/* The test entries of RFC 5782 5: of domains, if it is asked for those; else of addresses of one or the other kind. */
static int set_test(struct uribl_zone *zone, const struct dnsbl_zone *list, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	bool is_address = address_split(s->text, strlen(s->text)).domain_len > 0;

	if (!is_address && !domain_valid(s->text, strlen(s->text), 1))
		return dnsbl_wrong(reterr, s->line, "'%.60s' is neither a domain nor a mail address", s->text);
	if (dnsbl_wants(list, URIBL_DOMAIN) || dnsbl_wants(list, URIBL_HOST)) {
		if (is_address)
			return dnsbl_wrong(reterr, s->line, "the list is asked for domains: test_listed is a domain that it always has");
		(void)snprintf(zone->test_listed, sizeof zone->test_listed, "%s.", s->text);
		(void)snprintf(zone->test_unlisted, sizeof zone->test_unlisted, "INVALID.");
	} else if (dnsbl_wants(list, URIBL_IP)) {
		(void)snprintf(zone->test_listed, sizeof zone->test_listed, "2.0.0.127.");
		(void)snprintf(zone->test_unlisted, sizeof zone->test_unlisted, "1.0.0.127.");
	} else if (is_address) {
		if (!write_hash(zone->hash, s->text, strlen(s->text), zone->test_listed))
			return dnsbl_wrong(reterr, s->line, "OpenSSL here has no hash of this kind");
		(void)snprintf(zone->test_unlisted, sizeof zone->test_unlisted, "INVALID.");
	}
	return 0;
}

static int read_own(struct uribl_zone *zone, const struct dnsbl_zone *list, const struct sluice_block *b, struct sluice_config_error *reterr)
{
	const struct sluice_setting *test = NULL;

	for (size_t i = 0; i < b->count; i++) {
		const struct sluice_setting *s = &b->settings[i];

		switch (s->option) {
		case HASH:
			if (s->number & (s->number - 1))
				return dnsbl_wrong(reterr, s->line, "a list has one hash: write sha1, sha256 or md5");
			zone->hash = s->number >> URIBL_MD5 & 1 ? URIBL_MD5 : s->number >> URIBL_SHA256 & 1 ? URIBL_SHA256 : URIBL_SHA1;
			break;
		case NAMES:
			zone->names = (unsigned)s->number;
			break;
		case TEST_LISTED:
			test = s;
			break;
		}
	}
	return test && list->test_points ? set_test(zone, list, test, reterr) : 0;
}

int uribl_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct uribl_config *config = calloc(1, sizeof *config);
	int r = config ? dnsbl_zones_read("uribl", blocks, count, &config->lists, reterr) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct uribl_zone zone = { 0 };

		r = read_own(&zone, &config->lists->zones.items[i], &blocks[i], reterr);
		if (r == 0 && !vec_push(&config->zones, zone))
			r = -ENOMEM;
	}
	if (r < 0) {
		uribl_release(config);
		return r;
	}
	*ret_state = config;
	return 0;
}

void uribl_release(void *state)
{
	struct uribl_config *config = state;

	if (!config)
		return;
	dnsbl_zones_free(config->lists);
	vec_done(&config->zones);
	free(config);
}
