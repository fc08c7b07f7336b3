/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "filter/engine/core_facts.h"
#include "filter/policy/policy.h"
#include "tests/fuzz/fuzz.h"

static int no_plugin(void *arg, const char *path, struct err *reterr)
{
	(void)arg;
	return err_set(reterr, -ENOENT, "%s", path);
}

/* Every rule of what is read can be evaluated, with no fact known and with all of them at their least. */
static void evaluate(const struct policy *p, const struct catalog *catalog)
{
	struct value *facts = calloc(catalog->facts.len, sizeof *facts);

	for (int known = 0; facts && known <= 1; known++) {
		for (size_t i = 0; i < catalog->facts.len; i++)
			facts[i] = (struct value){ .known = known, .type = catalog->facts.items[i].type };
		for (size_t i = 0; i < p->rules.len; i++) {
			SLUICE_CLEANUP(text_done) struct text reply = TEXT_INIT(REPLY_TEXT_MAX), key = TEXT_INIT(LIMIT_KEY_BYTES);
			const struct limit *limit = p->rules.items[i].limit;

			MUST(!limit || (limit->interval_us > 0 && limit->burst > 0 && limit->burst <= INT64_MAX / limit->interval_us));
			if (limit && limit_key(&key, p->rules.items[i].name, limit, facts, catalog))
				MUST(key.len <= SLUICE_STORE_KEY_MAX);
			if (p->rules.items[i].when)
				(void)expr_eval(p->rules.items[i].when, facts);
			if (p->rules.items[i].reply)
				reply_expand(&reply, p->rules.items[i].reply, facts, catalog);
		}
	}
	free(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct catalog catalog = { 0 };
	struct policy_host host = { .catalog = &catalog, .load_plugin = no_plugin };
	struct policy *p;
	struct err err = { "" };

	for (size_t i = 0; i < CORE_FACTS; i++)
		MUST(catalog_add(&catalog, &core_facts[i]));
	if (policy_parse("policy", (const char *)data, size, &host, &p, &err) == 0) {
		evaluate(p, &catalog);
		policy_free(p);
	} else {
		MUST(err.text[0]);
	}
	catalog_done(&catalog);
	return 0;
}
