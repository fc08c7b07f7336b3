/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dnsbl_zone.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/mail/domain.h"

#define ZONE_MAX_BYTES 180 /* with its key: so that a whole IPv6 address fits before it */

int dnsbl_wrong(struct sluice_config_error *reterr, unsigned line, const char *format, ...)
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
		.bits = s->option == DNSBL_BITS,
		.net = { .ip = s->ip, .prefix_len = s->prefix_len },
		.weight_milli = s->number,
	};

	if (s->ip.family != 4 || (row.bits && s->prefix_len != 32))
		return dnsbl_wrong(reterr, s->line, "answers of a DNS list are IPv4: write %s",
			row.bits ? "bits 0.0.0.8 weight 2" : "answer 127.0.0.2 weight 8");
	if (s->number < -DNSBL_WEIGHT_MAX_MILLI || s->number > DNSBL_WEIGHT_MAX_MILLI)
		return dnsbl_wrong(reterr, s->line, "a weight is from %d to %d", -DNSBL_WEIGHT_MAX_MILLI / 1000,
			DNSBL_WEIGHT_MAX_MILLI / 1000);
	if (zone->rows.len == DNSBL_MAX_ROWS)
		return dnsbl_wrong(reterr, s->line, "a zone has at most %d lines 'answer' and 'bits': join networks",
			DNSBL_MAX_ROWS);
	return vec_push(&zone->rows, row) ? 0 : -ENOMEM;
}

static int read_settings(struct dnsbl_zone *zone, const struct sluice_block *b, const char **ret_key,
	int64_t *ret_weight, struct sluice_config_error *reterr)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct sluice_setting *s = &b->settings[i];
		int r = 0;

		switch (s->option) {
		case DNSBL_ANSWER:
		case DNSBL_BITS:
			r = add_row(zone, s, reterr);
			break;
		case DNSBL_LOOKUP:
			zone->lookups = (uint64_t)s->number;
			break;
		case DNSBL_WEIGHT:
			*ret_weight = s->number;
			break;
		case DNSBL_KEY:
			*ret_key = s->text;
			/* What is wrong with it is said without it. */
			if (!domain_valid(s->text, strlen(s->text), 1))
				r = dnsbl_wrong(reterr, s->line,
					"the key is no part of a domain name: it has letters, digits and hyphens");
			break;
		case DNSBL_TEST_POINTS:
			zone->test_points = s->number != 0;
			break;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_names(const char *plugin, struct dnsbl_zone *zone, const struct sluice_block *b, const char *key, struct sluice_config_error *reterr)
{
	size_t len = strlen(b->label);

	if (!domain_valid(b->label, len, 2) || b->label[len - 1] == '.')
		return dnsbl_wrong(reterr, b->line, "'%s' is no zone: write its name, such as zen.example.org", b->label);
	if (len + (key ? strlen(key) + 1 : 0) > ZONE_MAX_BYTES)
		return dnsbl_wrong(reterr, b->line, "key and zone together are longer than %d octets", ZONE_MAX_BYTES);
	zone->secret = key != NULL;
	if (asprintf(&zone->subject, "%s %s", plugin, b->label) < 0) {
		zone->subject = NULL;
		return -ENOMEM;
	}
	zone->name = zone->subject + strlen(plugin) + 1;
	if (asprintf(&zone->suffix, "%s%s%s", key ? key : "", key ? "." : "", b->label) < 0) {
		zone->suffix = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int read_zone(const char *plugin, struct dnsbl_zone *zone, const struct sluice_block *b, struct sluice_config_error *reterr)
{
	struct dnsbl_row any = { .net = { .ip = { 4, { 127 } }, .prefix_len = 8 } };
	const char *key = NULL;
	int r;

	r = read_settings(zone, b, &key, &any.weight_milli, reterr);
	if (r < 0)
		return r;
	r = set_names(plugin, zone, b, key, reterr);
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

int dnsbl_zones_read(const char *plugin, const struct sluice_block *blocks, size_t count, struct dnsbl_zones **ret, struct sluice_config_error *reterr)
{
	struct dnsbl_zones *z = calloc(1, sizeof *z);
	int r = z ? 0 : -ENOMEM;

	if (count > DNSBL_MAX_ZONES)
		r = dnsbl_wrong(reterr, blocks[DNSBL_MAX_ZONES].line, "there are at most %d zones", DNSBL_MAX_ZONES);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct dnsbl_zone zone = { 0 };

		r = read_zone(plugin, &zone, &blocks[i], reterr);
		for (size_t k = 0; r == 0 && k < z->zones.len; k++) {
			const char *other = z->zones.items[k].name;

			if (domain_equal(zone.name, strlen(zone.name), other, strlen(other)))
				r = dnsbl_wrong(reterr, blocks[i].line, "zone %s stands twice: join its blocks", other);
		}
		if (r == 0 && !vec_push(&z->zones, zone))
			r = -ENOMEM;
		if (r < 0)
			zone_done(&zone);
	}
	if (r < 0) {
		dnsbl_zones_free(z);
		return r;
	}
	*ret = z;
	return 0;
}

void dnsbl_zones_free(struct dnsbl_zones *z)
{
	if (!z)
		return;
	for (size_t i = 0; i < z->zones.len; i++)
		zone_done(&z->zones.items[i]);
	vec_done(&z->zones);
	free(z);
}

bool dnsbl_wants(const struct dnsbl_zone *zone, unsigned lookup)
{
	return zone->lookups >> lookup & 1;
}

bool dnsbl_any_wants(const struct dnsbl_zones *z, unsigned lookup)
{
	for (size_t i = 0; i < z->zones.len; i++)
		if (dnsbl_wants(&z->zones.items[i], lookup))
			return true;
	return false;
}

void dnsbl_question(const struct dnsbl_zone *zone, const char *subject, char ret_name[DNSBL_QUESTION_SIZE], char ret_shown[DNSBL_QUESTION_SIZE])
{
	(void)snprintf(ret_name, DNSBL_QUESTION_SIZE, "%s%s", subject, zone->suffix);
	(void)snprintf(ret_shown, DNSBL_QUESTION_SIZE, "%s%s", subject, zone->name);
}

const char *dnsbl_code(const struct dnsbl_zone *zone, const struct sluice_dns_record *record, char ret[DNSBL_CODE_SIZE])
{
	const unsigned char *octets = (const unsigned char *)record->data;

	ret[0] = '\0';
	if (record->len == 4)
		(void)snprintf(ret, DNSBL_CODE_SIZE, "%s=%u.%u.%u.%u", zone->name, octets[0], octets[1], octets[2], octets[3]);
	return ret;
}

const char *dnsbl_why_bad(enum dnsbl_kind kind, const struct sluice_ip *record, char ret[DNSBL_WHY_SIZE])
{
	char ip[IP_TEXT_MAX];

	(void)snprintf(ret, DNSBL_WHY_SIZE, "it answers %s: %s", ip_format(record, ip),
		kind == DNSBL_REFUSED ? "it refuses to serve our resolver (a public one, over the limit, or a key is needed)"
				      : "that is no answer of a DNS list");
	return ret;
}

enum dnsbl_health dnsbl_test_read(const struct sluice_dns_answer *on_listed, const struct sluice_dns_answer *on_unlisted, const char *listed,
	const char *unlisted, char why[DNSBL_WHY_SIZE])
{
	struct sluice_ip record;
	uint64_t matched = 0;
	enum dnsbl_kind yes = dnsbl_read(on_listed, NULL, 0, &matched, &record), no;

	if (yes == DNSBL_REFUSED || yes == DNSBL_NO_LIST) {
		(void)dnsbl_why_bad(yes, &record, why);
		return DNSBL_ILL;
	}
	no = dnsbl_read(on_unlisted, NULL, 0, &matched, &record);
	if (yes == DNSBL_UNANSWERED || no == DNSBL_UNANSWERED)
		return DNSBL_NOT_KNOWN;
	if (yes == DNSBL_LISTED && no == DNSBL_NOT_LISTED)
		return DNSBL_WELL;
	if (no != DNSBL_NOT_LISTED)
		(void)snprintf(why, DNSBL_WHY_SIZE, "it lists all: %.*s must never be listed", (int)strlen(unlisted) - 1, unlisted);
	else
		(void)snprintf(why, DNSBL_WHY_SIZE, "it lists nothing: %.*s must always be listed", (int)strlen(listed) - 1, listed);
	return DNSBL_ILL;
}
