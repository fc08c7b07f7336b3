/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsbl - do DNS lists (RFC 5782) know the client, or the domains that it names? */
#include <stdio.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dnsbl_zone.h"

#define MAX_NAMES     4 /* names of the client's address that are looked up */
#define MAX_SUBJECTS  (MAX_NAMES + 1)
#define SUBJECT_BYTES 256 /* a domain of 253 octets, its dot, and the NUL */

enum lookup { CLIENT, HELO, RDNS, MAIL };
static const char *const lookups[] = { "client", "helo", "rdns", "mail", NULL }; /* in the order of enum lookup */
static const struct sluice_option options[] = {
	DNSBL_OPTION_ROWS,
	[DNSBL_LOOKUP] = { "lookup", SLUICE_OPT_WORDS, false, lookups, 0, 0, "client",
		"what the list is asked for: the client's address, or one of the domains" },
	[DNSBL_OWN_OPTIONS] = { .key = NULL },
};

/* What each check reports, in the order of its facts from the first on. */
enum { WEIGHT, ZONES, ALLOWED, CODES, FACTS_OF_CHECK };
enum { OF_CLIENT = 0, OF_HELO = FACTS_OF_CHECK, OF_MAIL = 2 * FACTS_OF_CHECK };
static const struct sluice_fact facts[] = {
	[OF_CLIENT + WEIGHT] = { "dnsbl.weight", SLUICE_MILLI, NULL, "weights of all listings of the client, added" },
	[OF_CLIENT + ZONES] = { "dnsbl.zones", SLUICE_TEXTS, NULL, "zones that list the client, of positive weight" },
	[OF_CLIENT +
		ALLOWED] = { "dnsbl.allowed", SLUICE_TEXTS, NULL, "zones that list the client, of negative weight" },
	[OF_CLIENT + CODES] = { "dnsbl.codes", SLUICE_TEXTS, NULL, "what they answered: zen.example=127.0.0.2" },
	[OF_HELO + WEIGHT] = { "dnsbl_helo.weight", SLUICE_MILLI, NULL,
		"weights of all listings of the HELO name, added" },
	[OF_HELO + ZONES] = { "dnsbl_helo.zones", SLUICE_TEXTS, NULL,
		"zones that list the HELO name, of positive weight" },
	[OF_HELO + ALLOWED] = { "dnsbl_helo.allowed", SLUICE_TEXTS, NULL, "zones that list it, of negative weight" },
	[OF_HELO + CODES] = { "dnsbl_helo.codes", SLUICE_TEXTS, NULL, "what they answered" },
	[OF_MAIL + WEIGHT] = { "dnsbl_mail.weight", SLUICE_MILLI, NULL,
		"weights of all listings of the sender's domain, added" },
	[OF_MAIL + ZONES] = { "dnsbl_mail.zones", SLUICE_TEXTS, NULL,
		"zones that list the sender's domain, of positive weight" },
	[OF_MAIL + ALLOWED] = { "dnsbl_mail.allowed", SLUICE_TEXTS, NULL, "zones that list it, of negative weight" },
	[OF_MAIL + CODES] = { "dnsbl_mail.codes", SLUICE_TEXTS, NULL, "what they answered" },
	{ .name = NULL },
};
static const struct sluice_list_use lists[] = {
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients that no list is asked for" },
	{ .name = NULL },
};

/* What stands before the zone in a question: an address in reverse or a domain, and a dot. */
struct subject {
	enum lookup lookup;
	char text[SUBJECT_BYTES];
};
struct subjects {
	struct subject items[MAX_SUBJECTS];
	size_t count;
};

static void add_domain(struct subjects *s, enum lookup lookup, const char *name, size_t len)
{
	struct subject *subject = &s->items[s->count];

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (!dnsbl_may_ask_domain(name, len))
		return;
	subject->lookup = lookup;
	(void)snprintf(subject->text, sizeof subject->text, "%.*s.", (int)len, name);
	s->count++;
}

static const struct sluice_dns_answer *ask(struct sluice_check_ctx *c, const struct dnsbl_zone *zone, const char *subject)
{
	char name[DNSBL_QUESTION_SIZE], shown[DNSBL_QUESTION_SIZE];

	dnsbl_question(zone, subject, name, shown);
	return zone->secret ? sluice_ask_dns_as(c, name, SLUICE_DNS_A, shown) : sluice_ask_dns(c, name, SLUICE_DNS_A);
}

static void report_codes(struct sluice_result *res, unsigned fact, const struct dnsbl_zone *zone, const struct sluice_dns_answer *answer)
{
	for (size_t i = 0; i < answer->count && i < DNSBL_MAX_RECORDS; i++) {
		char code[DNSBL_CODE_SIZE];

		if (*dnsbl_code(zone, &answer->records[i], code))
			sluice_add_text(res, fact, code, strlen(code));
	}
}

/* What one zone says of all subjects; its weight is added to *weight. */
static enum sluice_outcome judge_zone(struct sluice_check_ctx *c, struct sluice_result *res, unsigned first_fact,
	const struct dnsbl_zone *zone, const struct subjects *s, int64_t *weight)
{
	enum sluice_outcome outcome = SLUICE_DONE;
	const struct sluice_dns_answer *listed[MAX_SUBJECTS];
	size_t listed_count = 0;
	uint64_t matched = 0;
	int64_t zone_weight;

	for (size_t i = 0; i < s->count; i++) {
		const struct sluice_dns_answer *answer;
		struct sluice_ip record;
		enum dnsbl_kind kind;
		char why[DNSBL_WHY_SIZE];

		if (!dnsbl_wants(zone, s->items[i].lookup))
			continue;
		answer = ask(c, zone, s->items[i].text);
		if (!answer)
			return SLUICE_PENDING;
		kind = dnsbl_read(answer, zone->rows.items, zone->rows.len, &matched, &record);
		switch (kind) {
		case DNSBL_NOT_LISTED:
			break;
		case DNSBL_LISTED:
			listed[listed_count++] = answer;
			break;
		case DNSBL_REFUSED:
		case DNSBL_NO_LIST:
			sluice_report_health(c, zone->subject, false, dnsbl_why_bad(kind, &record, why));
			return SLUICE_DONE;
		case DNSBL_UNANSWERED:
			outcome = SLUICE_TEMPERROR;
			break;
		}
	}
	for (size_t i = 0; i < listed_count; i++)
		report_codes(res, first_fact + CODES, zone, listed[i]);
	zone_weight = dnsbl_weight(zone->rows.items, zone->rows.len, matched);
	if (zone_weight > 0)
		sluice_add_text(res, first_fact + ZONES, zone->name, strlen(zone->name));
	else if (zone_weight < 0)
		sluice_add_text(res, first_fact + ALLOWED, zone->name, strlen(zone->name));
	*weight += zone_weight;
	return outcome;
}

/* Ask every zone for every subject that it wants, and report once all have answered. */
static enum sluice_outcome look_up(
	struct sluice_check_ctx *c, struct sluice_result *res, unsigned first_fact, const struct subjects *s)
{
	const struct dnsbl_zones *config = sluice_state(c);
	enum sluice_outcome outcome = SLUICE_DONE;
	bool pending = false;
	int64_t weight = 0;

	for (size_t z = 0; z < config->zones.len; z++) {
		const struct dnsbl_zone *zone = &config->zones.items[z];

		if (!sluice_healthy(c, zone->subject))
			continue;
		for (size_t i = 0; i < s->count; i++)
			pending |= dnsbl_wants(zone, s->items[i].lookup) && !ask(c, zone, s->items[i].text);
	}
	if (pending)
		return SLUICE_PENDING;
	for (size_t z = 0; z < config->zones.len; z++) {
		const struct dnsbl_zone *zone = &config->zones.items[z];

		if (!sluice_healthy(c, zone->subject))
			continue;
		switch (judge_zone(c, res, first_fact, zone, s, &weight)) {
		case SLUICE_PENDING: /* another session has just seen the zone recover */
			return SLUICE_PENDING;
		case SLUICE_TEMPERROR:
			outcome = SLUICE_TEMPERROR;
			break;
		case SLUICE_DONE:
		case SLUICE_SKIPPED:
			break;
		}
	}
	sluice_set_milli(res, first_fact + WEIGHT, weight);
	return outcome;
}

static bool is_stranger(const struct sluice_check_ctx *c)
{
	const struct sluice_ip *client = sluice_client_ip(c);

	return client->family != 0 && !sluice_list_has_ip(c, "trusted", client);
}

static enum sluice_outcome run_client(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct dnsbl_zones *config = sluice_state(c);
	const struct sluice_ip *client = sluice_client_ip(c);
	const struct sluice_dns_answer *ptr = NULL;
	bool names = dnsbl_any_wants(config, RDNS);
	struct subjects s = { .count = 0 };
	enum sluice_outcome outcome;
	char reverse[SUBJECT_BYTES];

	if (!is_stranger(c) || (!names && !dnsbl_any_wants(config, CLIENT)))
		return SLUICE_SKIPPED;
	s.items[0].lookup = CLIENT;
	if (ip_reverse_name(client, "", s.items[0].text, sizeof s.items[0].text) < 0 ||
		ip_reverse_name(client, NULL, reverse, sizeof reverse) < 0)
		return SLUICE_SKIPPED;
	s.count = 1;
	if (names) {
		ptr = sluice_ask_dns(c, reverse, SLUICE_DNS_PTR);
		for (size_t i = 0; ptr && i < ptr->count && i < MAX_NAMES; i++)
			add_domain(&s, RDNS, ptr->records[i].data, ptr->records[i].len);
	}
	outcome = look_up(c, res, OF_CLIENT, &s);
	if (names && !ptr)
		return SLUICE_PENDING;
	if (names && (ptr->status == SLUICE_DNS_FAILED || ptr->status == SLUICE_DNS_TIMEOUT) && outcome == SLUICE_DONE)
		return SLUICE_TEMPERROR;
	return outcome;
}

static enum sluice_outcome run_helo(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct subjects s = { .count = 0 };
	size_t len;
	const char *name = sluice_helo(c, &len);

	if (!name || !is_stranger(c) || !dnsbl_any_wants(sluice_state(c), HELO))
		return SLUICE_SKIPPED;
	add_domain(&s, HELO, name, len);
	return s.count > 0 ? look_up(c, res, OF_HELO, &s) : SLUICE_SKIPPED;
}

static enum sluice_outcome run_mail(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *from = sluice_mail_from(c);
	struct subjects s = { .count = 0 };

	if (!from || !is_stranger(c) || !dnsbl_any_wants(sluice_state(c), MAIL))
		return SLUICE_SKIPPED;
	add_domain(&s, MAIL, from->domain, from->domain_len);
	return s.count > 0 ? look_up(c, res, OF_MAIL, &s) : SLUICE_SKIPPED;
}

/* One test: an entry that is always there, and one that never is. */
static enum sluice_outcome probe_pair(struct sluice_check_ctx *c, const struct dnsbl_zone *zone, const char *listed,
	const char *unlisted, bool *healthy)
{
	const struct sluice_dns_answer *yes = ask(c, zone, listed), *no = ask(c, zone, unlisted);
	char why[DNSBL_WHY_SIZE];

	if (!yes || !no)
		return SLUICE_PENDING;
	switch (dnsbl_test_read(yes, no, listed, unlisted, why)) {
	case DNSBL_WELL:
		break;
	case DNSBL_ILL:
		*healthy = false;
		sluice_report_health(c, zone->subject, false, why);
		break;
	case DNSBL_NOT_KNOWN:
		return SLUICE_TEMPERROR;
	}
	return SLUICE_DONE;
}

static enum sluice_outcome probe_zone(struct sluice_check_ctx *c, const struct dnsbl_zone *zone)
{
	enum sluice_outcome outcome = SLUICE_DONE, domains = SLUICE_DONE;
	bool healthy = true;

	if (zone->test_points && dnsbl_wants(zone, CLIENT))
		outcome = probe_pair(c, zone, "2.0.0.127.", "1.0.0.127.", &healthy);
	if (zone->test_points && (zone->lookups & ~(UINT64_C(1) << CLIENT)))
		domains = probe_pair(c, zone, "TEST.", "INVALID.", &healthy);
	if (outcome == SLUICE_DONE)
		outcome = domains;
	/* One without test points that refused us is tried again; one that does not answer keeps its health. */
	if (outcome == SLUICE_DONE && healthy)
		sluice_report_health(
			c, zone->subject, true, zone->test_points ? "its test entries are right" : "it is tried again");
	return outcome;
}

static enum sluice_outcome run_probe(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct dnsbl_zones *config = sluice_state(c);
	bool pending = false, unanswered = false;

	(void)res;
	for (size_t z = 0; z < config->zones.len; z++) {
		enum sluice_outcome outcome = probe_zone(c, &config->zones.items[z]);

		pending |= outcome == SLUICE_PENDING;
		unanswered |= outcome == SLUICE_TEMPERROR;
	}
	if (pending)
		return SLUICE_PENDING;
	return unanswered ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct dnsbl_zones *zones;
	int r = dnsbl_zones_read("dnsbl", blocks, count, &zones, reterr);

	if (r == 0)
		*ret_state = zones;
	return r;
}

static void release(void *state)
{
	dnsbl_zones_free(state);
}

static const struct sluice_check checks[] = {
	{
		.name = "dnsbl",
		.stage = SLUICE_STAGE_CONNECT,
		.run = run_client,
		.first_fact = OF_CLIENT,
		.last_fact = OF_CLIENT + FACTS_OF_CHECK - 1,
	},
	{
		.name = "dnsbl_helo",
		.stage = SLUICE_STAGE_HELO,
		.run = run_helo,
		.first_fact = OF_HELO,
		.last_fact = OF_HELO + FACTS_OF_CHECK - 1,
	},
	{
		.name = "dnsbl_mail",
		.stage = SLUICE_STAGE_MAIL,
		.run = run_mail,
		.first_fact = OF_MAIL,
		.last_fact = OF_MAIL + FACTS_OF_CHECK - 1,
	},
	{ .name = "dnsbl_probe", .stage = SLUICE_STAGE_PROBE, .run = run_probe },
	{ .name = NULL },
};
SLUICE_PLUGIN(dnsbl) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "dnsbl",
	.help = "do DNS lists (RFC 5782) know the client, or the domains that it names?",
	.facts = facts,
	.checks = checks,
	.options = options,
	.label = "ZONE",
	.lists = lists,
	.configure = configure,
	.release = release,
};
