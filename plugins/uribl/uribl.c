/* SPDX-License-Identifier: BSD-2-Clause */
/* uribl - do DNS lists (RFC 5782) know the domains, hosts and mail addresses in the message? */
#include <stdio.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/domain.h"
#include "plugins/uribl/uribl_config.h"

#define MAX_SUBJECTS (3 * 256) /* a list of texts has 256 at most: domains, hosts (names or addresses), mail addresses */
#define NAME_SIZE    1024      /* of one in uribl.names, with the answer */

enum { LISTED, WEIGHT, ZONES, ALLOWED, NAMES, TOO_MANY };
static const struct sluice_fact facts[] = {
	[LISTED] = { "uribl.listed", SLUICE_BOOL, NULL, "a zone of positive weight lists a name in the message" },
	[WEIGHT] = { "uribl.weight", SLUICE_MILLI, NULL, "weights of all listings, added" },
	[ZONES] = { "uribl.zones", SLUICE_TEXTS, NULL, "zones that list something in the message, of positive weight" },
	[ALLOWED] = { "uribl.allowed", SLUICE_TEXTS, NULL, "zones that list something, of negative weight" },
	[NAMES] = { "uribl.names", SLUICE_TEXTS, NULL, "what is listed, where, and how: evil.example multi.example=127.0.0.2" },
	[TOO_MANY] = { "uribl.too_many", SLUICE_BOOL, NULL, "a zone was not asked for all names, as there are too many" },
	{ .name = NULL },
};
static const struct sluice_list_use lists[] = {
	{ "uribl-exempt", SLUICE_LIST_DOMAIN, false, "domains in links that no list is asked for" },
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients whose messages are not looked at" },
	{ .name = NULL },
};

struct subject {
	enum uribl_lookup lookup;
	const char *name; /* borrowed from a fact */
	size_t len;
	bool exempt;    /* nobody is asked for it */
	bool is_domain; /* of a host: it is a registrable domain, and as such there, too */
};
struct subjects {
	struct subject items[MAX_SUBJECTS];
	size_t count;
};

/* ---- what is in the message ---- */

static struct subject *add(struct subjects *s, enum uribl_lookup lookup, const char *name, size_t len)
{
	struct subject *added = &s->items[s->count < MAX_SUBJECTS ? s->count++ : MAX_SUBJECTS - 1];

	*added = (struct subject){ .lookup = lookup, .name = name, .len = len };
	return added;
}

static bool is_exempt(const struct sluice_check_ctx *c, const char *domain, size_t len)
{
	return sluice_list_has_domain(c, "uribl-exempt", domain, len);
}

/* The registrable domains are there already; with that of a host, it is exempt itself. */
static void add_host(struct sluice_check_ctx *c, struct subjects *s, const char *host, size_t len)
{
	struct subject *added = add(s, URIBL_HOST, host, len);

	added->exempt = is_exempt(c, host, len);
	for (const struct subject *d = s->items; d < added; d++) {
		if (d->lookup != URIBL_DOMAIN || !domain_within(host, len, d->name, d->len))
			continue;
		added->exempt |= d->exempt;
		added->is_domain |= len == d->len;
	}
}

static void collect(struct sluice_check_ctx *c, struct subjects *s)
{
	const struct uribl_config *config = sluice_state(c);
	bool hosts = dnsbl_any_wants(config->lists, URIBL_HOST);
	const char *name;
	struct sluice_ip ip;
	size_t len;

	for (size_t i = 0; (name = sluice_fact_item(c, "url.domains", i, &len)); i++)
		add(s, URIBL_DOMAIN, name, len)->exempt = is_exempt(c, name, len);
	for (size_t i = 0; (name = sluice_fact_item(c, "url.hosts", i, &len)); i++) {
		if (ip_parse(name, len, &ip))
			(void)add(s, URIBL_IP, name, len);
		else if (hosts)
			add_host(c, s, name, len);
	}
	for (size_t i = 0; (name = sluice_fact_item(c, "url.addresses", i, &len)); i++)
		(void)add(s, URIBL_ADDRESS, name, len);
}

/* ---- asking ---- */

static const struct sluice_dns_answer *ask(struct sluice_check_ctx *c, const struct dnsbl_zone *list, const char *subject)
{
	char name[DNSBL_QUESTION_SIZE], shown[DNSBL_QUESTION_SIZE];

	dnsbl_question(list, subject, name, shown);
	return list->secret ? sluice_ask_dns_as(c, name, SLUICE_DNS_A, shown) : sluice_ask_dns(c, name, SLUICE_DNS_A);
}

struct inquiry {
	const struct dnsbl_zone *list;
	const struct uribl_zone *zone;
	const struct subjects *subjects;
	size_t at;     /* of subjects */
	unsigned left; /* that it may still be asked for */
	bool too_many;
	char subject[URIBL_SUBJECT_SIZE];
};

static struct inquiry inquiry_of(const struct uribl_config *config, size_t zone, const struct subjects *s)
{
	return (struct inquiry){ &config->lists->zones.items[zone], &config->zones.items[zone], s, 0, config->zones.items[zone].names, false, "" };
}

/* The next that the list is to be asked for, and in `subject` how; NULL: no more. */
static const struct subject *next_subject(struct inquiry *q)
{
	while (q->at < q->subjects->count) {
		const struct subject *s = &q->subjects->items[q->at++];

		if (s->exempt || !dnsbl_wants(q->list, s->lookup) || (s->is_domain && dnsbl_wants(q->list, URIBL_DOMAIN)) ||
			!uribl_subject(s->lookup, q->zone->hash, s->name, s->len, q->subject))
			continue;
		if (q->left == 0) {
			q->too_many = true;
			return NULL;
		}
		q->left--;
		return s;
	}
	return NULL;
}

/* ---- what they say ---- */

static void report_name(struct sluice_result *res, const struct dnsbl_zone *list, const struct subject *s, const struct sluice_dns_answer *answer)
{
	for (size_t i = 0; i < answer->count && i < DNSBL_MAX_RECORDS; i++) {
		char code[DNSBL_CODE_SIZE], text[NAME_SIZE];

		if (!*dnsbl_code(list, &answer->records[i], code))
			continue;
		(void)snprintf(text, sizeof text, "%.*s %s", (int)s->len, s->name, code);
		sluice_add_text(res, NAMES, text, strlen(text));
	}
}

/* What one list says of all subjects; its weight. All answers are here, but for a list that has just recovered: then it is PENDING. */
static enum sluice_outcome judge(struct sluice_check_ctx *c, struct sluice_result *res, struct inquiry *q, int64_t *ret_weight)
{
	enum sluice_outcome outcome = SLUICE_DONE;
	const struct subject *s, *listed[URIBL_MAX_NAMES];
	const struct sluice_dns_answer *answers[URIBL_MAX_NAMES];
	size_t listed_count = 0;
	uint64_t matched = 0;

	*ret_weight = 0;
	while ((s = next_subject(q))) {
		const struct sluice_dns_answer *answer = ask(c, q->list, q->subject);
		struct sluice_ip record;
		enum dnsbl_kind kind;
		char why[DNSBL_WHY_SIZE];

		if (!answer)
			return SLUICE_PENDING;
		kind = dnsbl_read(answer, q->list->rows.items, q->list->rows.len, &matched, &record);
		switch (kind) {
		case DNSBL_NOT_LISTED:
			break;
		case DNSBL_LISTED:
			listed[listed_count] = s;
			answers[listed_count++] = answer;
			break;
		case DNSBL_REFUSED:
		case DNSBL_NO_LIST:
			sluice_report_health(c, q->list->subject, false, dnsbl_why_bad(kind, &record, why));
			return SLUICE_DONE;
		case DNSBL_UNANSWERED:
			outcome = SLUICE_TEMPERROR;
			break;
		}
	}
	for (size_t i = 0; i < listed_count; i++)
		report_name(res, q->list, listed[i], answers[i]);
	*ret_weight = dnsbl_weight(q->list->rows.items, q->list->rows.len, matched);
	return outcome;
}

static bool ask_all(struct sluice_check_ctx *c, const struct subjects *s)
{
	const struct uribl_config *config = sluice_state(c);
	bool all = true;

	for (size_t z = 0; z < config->zones.len; z++) {
		struct inquiry q = inquiry_of(config, z, s);

		if (!sluice_healthy(c, q.list->subject))
			continue;
		while (next_subject(&q))
			all &= ask(c, q.list, q.subject) != NULL;
	}
	return all;
}

static bool is_stranger(const struct sluice_check_ctx *c)
{
	const struct sluice_ip *client = sluice_client_ip(c);

	return client->family != 0 && !sluice_list_has_ip(c, "trusted", client);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct uribl_config *config = sluice_state(c);
	enum sluice_outcome outcome = SLUICE_DONE;
	bool listed = false, too_many = false;
	struct subjects s;
	int64_t sum = 0;
	size_t len;

	if (!config->zones.len || !is_stranger(c))
		return SLUICE_SKIPPED;
	if (!sluice_fact(c, "url.too_many", &len)) /* the links could not be looked at */
		return SLUICE_TEMPERROR;
	s.count = 0;
	collect(c, &s);
	if (!ask_all(c, &s))
		return SLUICE_PENDING;
	for (size_t z = 0; z < config->zones.len; z++) {
		struct inquiry q = inquiry_of(config, z, &s);
		int64_t weight;

		if (!sluice_healthy(c, q.list->subject))
			continue;
		switch (judge(c, res, &q, &weight)) {
		case SLUICE_PENDING:
			return SLUICE_PENDING;
		case SLUICE_TEMPERROR:
			outcome = SLUICE_TEMPERROR;
			break;
		case SLUICE_DONE:
		case SLUICE_SKIPPED:
			break;
		}
		if (weight != 0)
			sluice_add_text(res, weight > 0 ? ZONES : ALLOWED, q.list->name, strlen(q.list->name));
		listed |= weight > 0;
		too_many |= q.too_many;
		sum += weight;
	}
	sluice_set_bool(res, LISTED, listed);
	sluice_set_milli(res, WEIGHT, sum);
	sluice_set_bool(res, TOO_MANY, too_many);
	return outcome;
}

/* ---- the health of the lists ---- */

static enum sluice_outcome probe(struct sluice_check_ctx *c, const struct dnsbl_zone *list, const struct uribl_zone *zone)
{
	const struct sluice_dns_answer *yes, *no;
	char why[DNSBL_WHY_SIZE];

	if (!zone->test_listed[0]) { /* one that refused us is tried again */
		sluice_report_health(c, list->subject, true, "it is tried again");
		return SLUICE_DONE;
	}
	yes = ask(c, list, zone->test_listed);
	no = ask(c, list, zone->test_unlisted);
	if (!yes || !no)
		return SLUICE_PENDING;
	switch (dnsbl_test_read(yes, no, zone->test_listed, zone->test_unlisted, why)) {
	case DNSBL_WELL:
		sluice_report_health(c, list->subject, true, "its test entries are right");
		break;
	case DNSBL_ILL:
		sluice_report_health(c, list->subject, false, why);
		break;
	case DNSBL_NOT_KNOWN:
		return SLUICE_TEMPERROR;
	}
	return SLUICE_DONE;
}

static enum sluice_outcome run_probe(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct uribl_config *config = sluice_state(c);
	bool pending = false, unanswered = false;

	(void)res;
	for (size_t z = 0; z < config->zones.len; z++) {
		enum sluice_outcome outcome = probe(c, &config->lists->zones.items[z], &config->zones.items[z]);

		pending |= outcome == SLUICE_PENDING;
		unanswered |= outcome == SLUICE_TEMPERROR;
	}
	if (pending)
		return SLUICE_PENDING;
	return unanswered ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const char *const reads[] = { "url.domains", "url.hosts", "url.addresses", "url.too_many", NULL };
static const struct sluice_check checks[] = {
	{ .name = "uribl", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = LISTED, .last_fact = TOO_MANY, .reads = reads },
	{ .name = "uribl_probe", .stage = SLUICE_STAGE_PROBE, .run = run_probe },
	{ .name = NULL },
};
SLUICE_PLUGIN(uribl) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "uribl",
	.help = "do DNS lists (RFC 5782) know the domains, hosts and mail addresses in the message?",
	.facts = facts,
	.checks = checks,
	.options = uribl_options,
	.label = "ZONE",
	.lists = lists,
	.configure = uribl_configure,
	.release = uribl_release,
};
