/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dnsbl/dnsbl_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/mail/domain.h"

#define ZONE_MAX_BYTES   180     /* with its key: so that a whole IPv6 address fits before it */
#define WEIGHT_MAX_MILLI 1000000
#define SUBJECT_PREFIX   "dnsbl "

enum { ANSWER, BITS, LOOKUP, WEIGHT, KEY, TEST_POINTS };
static const char *const lookups[] = { "client", "helo", "rdns", "mail", NULL }; /* in the order of enum dnsbl_lookup */
const struct sluice_option dnsbl_options[] = {
	[ANSWER] = { "answer", SLUICE_OPT_WEIGHTED_NETWORK, true, NULL, 0, 0, NULL,
		"weight of the answers within a network: answer 127.0.0.2/31 weight 8; negative for a list of good senders" },
	[BITS] = { "bits", SLUICE_OPT_WEIGHTED_NETWORK, true, NULL, 0, 0, NULL,
		"weight of the answers that have one of these bits: bits 0.0.0.8 weight 2" },
	[LOOKUP] = { "lookup", SLUICE_OPT_WORDS, false, lookups, 0, 0, "client",
		"what the list is asked for: the client's address, or one of the domains" },
	[WEIGHT] = { "weight", SLUICE_OPT_DECIMAL, false, NULL, -WEIGHT_MAX_MILLI, WEIGHT_MAX_MILLI, "1",
		"weight of any listing, where there is no line 'answer' or 'bits'" },
	[KEY] = { "key", SLUICE_OPT_SECRET, false, NULL, 0, 0, NULL, "what the list's operator gave you to put before the zone" },
	[TEST_POINTS] = { "test_points", SLUICE_OPT_BOOL, false, NULL, 0, 0, "yes",
		"see each hour whether the list works, by the test entries of RFC 5782" },
	{ .key = NULL },
};

static int wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...) SLUICE_PRINTF(3, 4);
static int wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
	va_end(args);
	reterr->line = line;
	return -EINVAL;
}

static int add_row(struct dnsbl_zone *zone, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	struct dnsbl_row row = {
		.bits = s->option == BITS,
		.net = { .ip = s->ip, .prefix_len = s->prefix_len },
		.weight_milli = s->number,
	};

	if (s->ip.family != 4 || (row.bits && s->prefix_len != 32))
		return wrong(reterr, s->line, "answers of a DNS list are IPv4: write %s",
			row.bits ? "bits 0.0.0.8 weight 2" : "answer 127.0.0.2 weight 8");
	if (s->number < -WEIGHT_MAX_MILLI || s->number > WEIGHT_MAX_MILLI)
		return wrong(reterr, s->line, "a weight is from %d to %d", -WEIGHT_MAX_MILLI / 1000, WEIGHT_MAX_MILLI / 1000);
	if (zone->rows.len == DNSBL_MAX_ROWS)
		return wrong(reterr, s->line, "a zone has at most %d lines 'answer' and 'bits': join networks", DNSBL_MAX_ROWS);
	return vec_push(&zone->rows, row) ? 0 : -ENOMEM;
}

static int read_settings(struct dnsbl_zone *zone, const struct sluice_block *b, const char **ret_key, int64_t *ret_weight,
	struct sluice_config_error *reterr)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct sluice_setting *s = &b->settings[i];
		int r = 0;

		switch (s->option) {
		case ANSWER:
		case BITS:
			r = add_row(zone, s, reterr);
			break;
		case LOOKUP:
			zone->lookups = (uint64_t)s->number;
			break;
		case WEIGHT:
			*ret_weight = s->number;
			break;
		case KEY:
			*ret_key = s->text;
			/* What is wrong with it is said without it. */
			if (!domain_valid(s->text, strlen(s->text), 1))
				r = wrong(reterr, s->line, "the key is no part of a domain name: it has letters, digits and hyphens");
			break;
		case TEST_POINTS:
			zone->test_points = s->number != 0;
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_names(struct dnsbl_zone *zone, const struct sluice_block *b, const char *key, struct sluice_config_error *reterr)
{
	size_t len = strlen(b->label);

	if (!domain_valid(b->label, len, 2) || b->label[len - 1] == '.')
		return wrong(reterr, b->line, "'%s' is no zone: write its name, such as zen.example.org", b->label);
	if (len + (key ? strlen(key) + 1 : 0) > ZONE_MAX_BYTES)
		return wrong(reterr, b->line, "key and zone together are longer than %d octets", ZONE_MAX_BYTES);
	zone->secret = key != NULL;
	if (asprintf(&zone->subject, SUBJECT_PREFIX "%s", b->label) < 0) {
		zone->subject = NULL;
		return -ENOMEM;
	}
	zone->name = zone->subject + strlen(SUBJECT_PREFIX);
	if (asprintf(&zone->suffix, "%s%s%s", key ? key : "", key ? "." : "", b->label) < 0) {
		zone->suffix = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int read_zone(struct dnsbl_zone *zone, const struct sluice_block *b, struct sluice_config_error *reterr)
{
	struct dnsbl_row any = { .net = { .ip = { 4, { 127 } }, .prefix_len = 8 } };
	const char *key = NULL;
	int r;

	r = read_settings(zone, b, &key, &any.weight_milli, reterr);
	if (r < 0)
		return r;
	r = set_names(zone, b, key, reterr);
	if (r < 0)
		return r;
	if (zone->rows.len == 0 && !vec_push(&zone->rows, any))
		return -ENOMEM;
	return 0;
}

static void zone_done(struct dnsbl_zone *zone)
{
	if (zone->suffix)
		explicit_bzero(zone->suffix, strlen(zone->suffix));
	free(zone->suffix);
	free(zone->subject);
	vec_done(&zone->rows);
}

int dnsbl_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct dnsbl_config *config = calloc(1, sizeof *config);
	int r = config ? 0 : -ENOMEM;

	if (count > DNSBL_MAX_ZONES)
		r = wrong(reterr, blocks[DNSBL_MAX_ZONES].line, "there are at most %d zones", DNSBL_MAX_ZONES);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct dnsbl_zone zone = { 0 };

		r = read_zone(&zone, &blocks[i], reterr);
		for (size_t k = 0; r == 0 && k < config->zones.len; k++) {
			const char *other = config->zones.items[k].name;

			if (domain_equal(zone.name, strlen(zone.name), other, strlen(other)))
				r = wrong(reterr, blocks[i].line, "zone %s stands twice: join its blocks", other);
		}
		if (r == 0 && !vec_push(&config->zones, zone))
			r = -ENOMEM;
		if (r < 0)
			zone_done(&zone);
	}
	if (r < 0) {
		dnsbl_release(config);
		return r;
	}
	*ret_state = config;
	return 0;
}

void dnsbl_release(void *state)
{
	struct dnsbl_config *config = state;

	if (!config)
		return;
	for (size_t i = 0; i < config->zones.len; i++)
		zone_done(&config->zones.items[i]);
	vec_done(&config->zones);
	free(config);
}
