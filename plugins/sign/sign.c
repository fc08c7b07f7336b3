/* SPDX-License-Identifier: BSD-2-Clause */
/* sign - the signatures of our own mail (DKIM, RFC 6376 and RFC 8463). */
#include <string.h>

#include "filter/mail/domain.h"
#include "plugins/sign/sign_config.h"

static const struct sluice_check checks[] = {
	{ .name = NULL },
};

/* A key of the sender's domain, whoever that is, is one of this domain's where its postmaster's mail is signed with it. */
static bool is_key_of(const struct sign_config *config, const struct sign_key *key, const char *domain)
{
	const struct sign_key *found[SIGN_MAX_KEYS];
	size_t len = strlen(domain), count;

	if (key->domain)
		return domain_equal(key->domain, strlen(key->domain), domain, len);
	count = sign_config_find(config, "postmaster", strlen("postmaster"), domain, len, found);
	while (count > 0)
		if (found[--count] == key)
			return true;
	return false;
}

static void published(const void *state, const char *domain, void (*add)(void *arg, const char *name, const char *text), void *arg)
{
	const struct sign_config *config = state;

	for (size_t i = 0; i < config->keys.len; i++) {
		SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);
		const struct sign_key *key = &config->keys.items[i];

		if (!is_key_of(config, key, domain))
			continue;
		dkim_record_name(&name, key->selector, domain);
		add(arg, text_str(&name), key->record);
	}
}

SLUICE_PLUGIN(sign) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "sign",
	.help = "signatures of our own mail (DKIM, RFC 6376 and RFC 8463)",
	.checks = checks,
	.options = sign_options,
	.configure = sign_configure,
	.release = sign_release,
	.published = published,
};
