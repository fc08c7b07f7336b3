/* SPDX-License-Identifier: BSD-2-Clause */
/* helo - does the client introduce itself with a usable name? */
#include <string.h>

#include "filter/base/ip.h"
#include "filter/mail/domain.h"
#include "plugins/helo/helo_eval.h"

enum { FORM, OURS, LITERAL, LITERAL_MATCHES };
static const struct sluice_list_use lists[] = {
	{ "our-names", SLUICE_LIST_DOMAIN, false, "names that only we may use in HELO" },
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients that may use them too" },
	{ .name = NULL },
};

static const char *const forms[] = { /* in the order of enum helo_form */
	"fqdn", "single-label", "literal", "malformed", NULL,
};
static const struct sluice_fact facts[] = {
	[FORM] = { "helo.form", SLUICE_ENUM, forms, "what kind of name the client gave" },
	[OURS] = { "helo.ours", SLUICE_BOOL, NULL, "a stranger uses one of our own names" },
	[LITERAL] = { "helo.literal", SLUICE_BOOL, NULL, "the client gave an address in brackets for a name" },
	[LITERAL_MATCHES] = { "helo.literal_matches", SLUICE_BOOL, NULL, "and it is the client's own address" },
	{ .name = NULL },
};

static bool claims_our_name(const struct sluice_check_ctx *c, const char *name, size_t len)
{
	const char *ours = sluice_our_name(c);
	const struct sluice_ip *client = sluice_client_ip(c);

	if (client->family == 0 || sluice_list_has_ip(c, "trusted", client))
		return false;
	return domain_equal(name, len, ours, strlen(ours)) || sluice_list_has_domain(c, "our-names", name, len);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	struct sluice_ip literal;
	enum helo_form form;
	size_t len;
	const char *name = sluice_helo(c, &len);

	if (!name)
		return SLUICE_SKIPPED;
	form = helo_classify(name, len, &literal);
	sluice_set_enum(res, FORM, form);
	sluice_set_bool(res, OURS, claims_our_name(c, name, len));
	sluice_set_bool(res, LITERAL, form == HELO_LITERAL);
	if (form == HELO_LITERAL)
		sluice_set_bool(res, LITERAL_MATCHES, ip_equal(&literal, sluice_client_ip(c)));
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "helo", .stage = SLUICE_STAGE_HELO, .run = run, .first_fact = FORM, .last_fact = LITERAL_MATCHES },
	{ .name = NULL },
};
SLUICE_PLUGIN(helo) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "helo",
	.help = "does the client introduce itself with a usable name?",
	.facts = facts,
	.checks = checks,
	.lists = lists,
};
