/* SPDX-License-Identifier: BSD-2-Clause */
/* relay - does a client that may not ask us to pass its mail on? */
#include "filter/mail/address.h"
#include "plugins/relay/relay_eval.h"

enum { ATTEMPT, FORM };
static const struct sluice_list_use lists[] = {
	{ "local-domains", SLUICE_LIST_DOMAIN, true, "the domains whose mail ends here" },
	{ "relay-domains", SLUICE_LIST_DOMAIN, false, "domains whose mail is passed on for anybody" },
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients that may send mail to anywhere" },
	{ .name = NULL },
};

static const struct sluice_fact facts[] = {
	[ATTEMPT] = { "relay.attempt", SLUICE_BOOL, NULL, "a client that may not sends mail for a domain that is not ours" },
	[FORM] = { "relay.form", SLUICE_ENUM, address_route_words, "how the recipient names a further server" },
	{ .name = NULL },
};

static bool is_ours(const void *arg, const char *domain, size_t len)
{
	const struct sluice_check_ctx *c = arg;

	return sluice_list_has_domain(c, "local-domains", domain, len) ||
		sluice_list_has_domain(c, "relay-domains", domain, len);
}

static bool may_relay(const struct sluice_check_ctx *c)
{
	const struct sluice_ip *client = sluice_client_ip(c);

	return client->family == 0 || sluice_authenticated(c) || sluice_list_has_ip(c, "trusted", client);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct sluice_address *rcpt = sluice_rcpt(c);

	if (!rcpt)
		return SLUICE_SKIPPED;
	sluice_set_bool(res, ATTEMPT, !may_relay(c) && relay_is_attempt(rcpt, is_ours, c));
	sluice_set_enum(res, FORM, address_route(rcpt, NULL));
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "relay", .stage = SLUICE_STAGE_RCPT, .run = run, .first_fact = ATTEMPT, .last_fact = FORM },
	{ .name = NULL },
};
SLUICE_PLUGIN(relay) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "relay",
	.help = "does a client that may not ask us to pass its mail on?",
	.facts = facts,
	.checks = checks,
	.lists = lists,
};
