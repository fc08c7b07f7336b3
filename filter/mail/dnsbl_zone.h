/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsbl_zone.h - lists in the DNS (RFC 5782) as the configuration names them, `NAME ZONE { }`: what is the same whether they are asked about
 * clients (dnsbl) or about what is in a message (uribl). Pure.
 */
#ifndef MAIL_DNSBL_ZONE_H
#define MAIL_DNSBL_ZONE_H

#include "filter/base/cleanup.h"
#include "filter/base/vec.h"
#include "filter/mail/dnsbl.h"

#define DNSBL_MAX_ZONES        64
#define DNSBL_QUESTION_SIZE    512 /* of a question, with the NUL; one too long for the DNS is answered NXDOMAIN */
#define DNSBL_CODE_SIZE        256
#define DNSBL_WHY_SIZE         160
#define DNSBL_WEIGHT_MAX_MILLI 1000000

/* The options that each such plugin has; its own follow. LOOKUP, what the list is asked for, it has to word itself. */
enum dnsbl_option { DNSBL_ANSWER, DNSBL_BITS, DNSBL_LOOKUP, DNSBL_WEIGHT, DNSBL_KEY, DNSBL_TEST_POINTS, DNSBL_OWN_OPTIONS };
#define DNSBL_OPTION_ROWS \
	[DNSBL_ANSWER] = { "answer", SLUICE_OPT_WEIGHTED_NETWORK, true, NULL, 0, 0, NULL, \
		"weight of the answers within a network: answer 127.0.0.2/31 weight 8; negative for a list of good senders" }, \
	[DNSBL_BITS] = { "bits", SLUICE_OPT_WEIGHTED_NETWORK, true, NULL, 0, 0, NULL, \
		"weight of the answers that have one of these bits: bits 0.0.0.8 weight 2" }, \
	[DNSBL_WEIGHT] = { "weight", SLUICE_OPT_DECIMAL, false, NULL, -DNSBL_WEIGHT_MAX_MILLI, DNSBL_WEIGHT_MAX_MILLI, "1", \
		"weight of any listing, where there is no line 'answer' or 'bits'" }, \
	[DNSBL_KEY] = { "key", SLUICE_OPT_SECRET, false, NULL, 0, 0, NULL, \
		"what the list's operator gave you to put before the zone" }, \
	[DNSBL_TEST_POINTS] = { "test_points", SLUICE_OPT_BOOL, false, NULL, 0, 0, "yes", \
		"see each hour whether the list works, by the test entries of RFC 5782" }

struct dnsbl_zone {
	char *subject;    /* of its health: "NAME ZONE" */
	const char *name; /* ZONE, within subject: what people see */
	char *suffix;     /* what is asked for: ZONE, or KEY.ZONE */
	bool secret;      /* there is a KEY */
	uint64_t lookups; /* bits by the words of LOOKUP */
	bool test_points;
	VEC(struct dnsbl_row) rows;
};

struct dnsbl_zones {
	VEC(struct dnsbl_zone) zones; /* in the order of the blocks */
};

/* Read the blocks `plugin ZONE { }`; options of the plugin's own are passed over. 0, or -EINVAL with *reterr, or -ENOMEM. */
int dnsbl_zones_read(const char *plugin, const struct sluice_block *blocks, size_t count, struct dnsbl_zones **ret, struct sluice_config_error *reterr);
void dnsbl_zones_free(struct dnsbl_zones *z); /* takes NULL */
/* Say what is wrong in that line; -EINVAL. */
int dnsbl_wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...) SLUICE_PRINTF(3, 4);

bool dnsbl_wants(const struct dnsbl_zone *zone, unsigned lookup);
bool dnsbl_any_wants(const struct dnsbl_zones *z, unsigned lookup);
/* What is asked about a subject, "2.0.0.127." or "evil.example.", which ends with a dot; and the same without the key. */
void dnsbl_question(const struct dnsbl_zone *zone, const char *subject, char ret_name[DNSBL_QUESTION_SIZE], char ret_shown[DNSBL_QUESTION_SIZE]);
/* "zen.example=127.0.0.2"; "": the record is no address. */
const char *dnsbl_code(const struct dnsbl_zone *zone, const struct sluice_dns_record *record, char ret[DNSBL_CODE_SIZE]);
/* Why a list is not asked any more that has answered REFUSED or NO_LIST by this record. */
const char *dnsbl_why_bad(enum dnsbl_kind kind, const struct sluice_ip *record, char ret[DNSBL_WHY_SIZE]);

enum dnsbl_health { DNSBL_WELL, DNSBL_ILL, DNSBL_NOT_KNOWN };
/* One test (RFC 5782 5) by the answers about two subjects, one that is always listed, and one that never is. On ILL why says so. */
enum dnsbl_health dnsbl_test_read(const struct sluice_dns_answer *on_listed, const struct sluice_dns_answer *on_unlisted, const char *listed,
	const char *unlisted, char why[DNSBL_WHY_SIZE]);

#endif
