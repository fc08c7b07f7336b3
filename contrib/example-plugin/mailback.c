/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mailback - could an answer to this mail be delivered? An example of a plugin that is built out of Sluice's tree.
 *
 * The domain of the reverse-path is looked up as a mail server would that has to bounce a message to it (RFC 5321 5.1): its
 * MX, or without one its addresses; and then the addresses of the hosts that the MX names.
 */
#include <sluice/plugin.h>

#include <stdlib.h>
#include <string.h>

/* ---- settings: mailback { hosts 5 } ---- */

#define HOSTS_MAX 20

struct settings {
	size_t hosts;
};

static const struct sluice_option options[] = {
	{ "hosts", SLUICE_OPT_COUNT, .min = 1, .max = HOSTS_MAX, .deflt = "5", .help = "hosts of an MX whose addresses are looked up" },
	{ .key = NULL },
};

/* blocks: one, with a row for the only setting, written or by default. */
static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct settings *settings = calloc(1, sizeof *settings);

	(void)reterr;
	if (!settings)
		return -12; /* -ENOMEM */
	for (size_t i = 0; count && i < blocks->count; i++)
		settings->hosts = (size_t)blocks->settings[i].number;
	*ret_state = settings;
	return 0;
}

/* ---- facts ---- */

enum { BY, UNREACHABLE };
enum by { BY_MX, BY_ADDRESS, BY_NULL_MX, BY_NOTHING, BY_NO_DOMAIN };
static const char *const by_words[] = { /* in the order of enum by */
	"mx", "address", "null-mx", "nothing", "no-domain", NULL,
};
static const struct sluice_fact facts[] = {
	[BY] = { "mailback.by", SLUICE_ENUM, by_words, "how the domain of the reverse-path takes mail" },
	[UNREACHABLE] = { "mailback.unreachable", SLUICE_BOOL, NULL, "all hosts that take its mail have addresses of no use to others, or none" },
	{ .name = NULL },
};

/* ---- the check ---- */

/* Can nobody else reach this address? The networks of RFC 6890 that people put into an MX. */
static int is_useless(const struct sluice_dns_record *r)
{
	const unsigned char *a = (const unsigned char *)r->data;
	static const unsigned char none[16];

	if (r->len == 4)
		return a[0] == 0 || a[0] == 10 || a[0] == 127 || (a[0] == 172 && a[1] >> 4 == 1) || (a[0] == 192 && a[1] == 168) ||
			(a[0] == 169 && a[1] == 254) || a[0] >= 224;
	if (r->len == 16)
		return (memcmp(a, none, 15) == 0 && a[15] <= 1) || (a[0] & 0xFE) == 0xFC || (a[0] == 0xFE && (a[1] & 0xC0) == 0x80) || a[0] == 0xFF;
	return 1;
}

static int is_useful(const struct sluice_dns_answer *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (!is_useless(&a->records[i]))
			return 1;
	return 0;
}

static int is_open(const struct sluice_dns_answer *a)
{
	return a->status == SLUICE_DNS_FAILED || a->status == SLUICE_DNS_TIMEOUT;
}

/* The addresses of hosts: all asked for before the first return, so that the questions run side by side. */
static enum sluice_outcome look_at_hosts(struct sluice_check_ctx *c, struct sluice_result *res, const char *const *names, size_t count)
{
	const struct sluice_dns_answer *answers[2 * HOSTS_MAX];
	int useful = 0, failed = 0, pending = 0;

	for (size_t i = 0; i < count; i++) {
		answers[2 * i] = sluice_ask_dns(c, names[i], SLUICE_DNS_A);
		answers[2 * i + 1] = sluice_ask_dns(c, names[i], SLUICE_DNS_AAAA);
	}
	for (size_t i = 0; i < 2 * count; i++) {
		if (!answers[i])
			pending = 1;
		else if (is_open(answers[i]))
			failed = 1;
		else
			useful |= is_useful(answers[i]);
	}
	if (!useful && pending)
		return SLUICE_PENDING;
	if (!useful && failed)
		return SLUICE_TEMPERROR;
	sluice_set_bool(res, UNREACHABLE, !useful);
	return SLUICE_DONE;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct settings *settings = sluice_state(c);
	const struct sluice_address *from = sluice_mail_from(c);
	const char *names[HOSTS_MAX];
	const struct sluice_dns_answer *mx, *a, *aaaa;
	size_t count = 0;

	if (!from || from->null || !from->domain_len || sluice_authenticated(c))
		return SLUICE_SKIPPED;
	mx = sluice_ask_dns(c, from->domain, SLUICE_DNS_MX);
	a = sluice_ask_dns(c, from->domain, SLUICE_DNS_A); /* most have an MX: asked at once all the same, to save those others a round */
	aaaa = sluice_ask_dns(c, from->domain, SLUICE_DNS_AAAA);
	if (!mx)
		return SLUICE_PENDING;
	if (is_open(mx))
		return SLUICE_TEMPERROR;
	if (mx->status == SLUICE_DNS_NXDOMAIN) {
		sluice_set_enum(res, BY, BY_NO_DOMAIN);
		sluice_set_bool(res, UNREACHABLE, true);
		return SLUICE_DONE;
	}
	if (mx->count == 1 && mx->records[0].len == 0) { /* RFC 7505 */
		sluice_set_enum(res, BY, BY_NULL_MX);
		sluice_set_bool(res, UNREACHABLE, true);
		return SLUICE_DONE;
	}
	for (; count < mx->count && count < settings->hosts; count++)
		names[count] = mx->records[count].data;
	if (count) {
		sluice_set_enum(res, BY, BY_MX);
		return look_at_hosts(c, res, names, count);
	}
	if (!a || !aaaa)
		return SLUICE_PENDING;
	if (!a->count && !aaaa->count && (is_open(a) || is_open(aaaa)))
		return SLUICE_TEMPERROR;
	sluice_set_enum(res, BY, a->count || aaaa->count ? BY_ADDRESS : BY_NOTHING);
	sluice_set_bool(res, UNREACHABLE, !is_useful(a) && !is_useful(aaaa));
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "mailback", .stage = SLUICE_STAGE_MAIL, .run = run, .first_fact = BY, .last_fact = UNREACHABLE },
	{ .name = NULL },
};

SLUICE_PLUGIN(mailback) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "mailback",
	.help = "Could an answer to this mail be delivered?",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = free,
};
