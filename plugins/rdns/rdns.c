/* SPDX-License-Identifier: BSD-2-Clause */
/* rdns - has the client's address a name that leads back to it? */
#include <string.h>

#include "filter/base/ip.h"
#include "plugins/rdns/rdns_eval.h"

enum { NAME, NAMES, CONFIRMED, RESULT };
static const char *const results[] = { /* in the order of enum rdns_result */
	"pass", "fail", "temperror", "permerror", NULL,
};
static const struct sluice_fact facts[] = {
	[NAME] = { "rdns.name", SLUICE_DOMAIN, NULL, "name of the client's address: the first that leads back, else the first" },
	[NAMES] = { "rdns.names", SLUICE_TEXTS, NULL, "all names of the client's address, at most 10" },
	[CONFIRMED] = { "rdns.confirmed", SLUICE_BOOL, NULL, "rdns.name leads back to the address" },
	[RESULT] = { "rdns.result", SLUICE_ENUM, results, "as RFC 8601 2.7.3; permerror: the address has no name" },
	{ .name = NULL },
};

/* Ask for the addresses of each name, all before the first answer is needed. False: some are not here yet. */
static bool ask_forward(struct sluice_check_ctx *c, const struct sluice_dns_answer *ptr, enum sluice_dns_type type,
	const struct sluice_dns_answer **forward)
{
	bool complete = true;

	for (size_t i = 0; i < ptr->count && i < RDNS_MAX_NAMES; i++) {
		forward[i] = sluice_ask_dns(c, ptr->records[i].data, type);
		complete &= forward[i] != NULL;
	}
	return complete;
}

static void report(struct sluice_result *res, const struct sluice_ip *ip, const struct sluice_dns_answer *ptr,
	enum rdns_result result, size_t name)
{
	char buf[IP_TEXT_MAX];
	const char *ip_text = ip_format(ip, buf);
	const struct sluice_authres_property properties[] = {
		{ "policy.iprev", ip_text, strlen(ip_text) },
		{ .name = NULL },
	};

	for (size_t i = 0; i < ptr->count && i < RDNS_MAX_NAMES; i++)
		sluice_add_text(res, NAMES, ptr->records[i].data, ptr->records[i].len);
	if (ptr->count > 0)
		sluice_set_text(res, NAME, ptr->records[name].data, ptr->records[name].len);
	if (result != RDNS_TEMPERROR)
		sluice_set_bool(res, CONFIRMED, result == RDNS_PASS);
	sluice_set_enum(res, RESULT, result);
	sluice_authres(res, "iprev", results[result], NULL, properties);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_ip *ip = sluice_client_ip(c);
	const struct sluice_dns_answer *ptr, *forward[RDNS_MAX_NAMES];
	char reverse[128];
	enum rdns_result result;
	size_t name = 0;

	if (ip_reverse_name(ip, NULL, reverse, sizeof reverse) < 0)
		return SLUICE_SKIPPED; /* no address */
	ptr = sluice_ask_dns(c, reverse, SLUICE_DNS_PTR);
	if (!ptr || !ask_forward(c, ptr, ip->family == 4 ? SLUICE_DNS_A : SLUICE_DNS_AAAA, forward))
		return SLUICE_PENDING;
	result = rdns_judge(ip, ptr, forward, &name);
	report(res, ip, ptr, result, name);
	return result == RDNS_TEMPERROR ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{
		.name = "rdns",
		.stage = SLUICE_STAGE_CONNECT,
		.run = run,
		.first_fact = NAME,
		.last_fact = RESULT,
		.authres = true,
	},
	{ .name = NULL },
};
SLUICE_PLUGIN(rdns) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "rdns",
	.help = "has the client's address a name that leads back to it?",
	.facts = facts,
	.checks = checks,
};
