/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "filter/engine/core_facts.h"
#include "filter/policy/policy.h"

static struct catalog catalog;

static struct policy *parse(const char *stage, const char *rule)
{
	struct policy_host host = { .catalog = &catalog };
	char config[512];
	struct policy *p = NULL;
	struct err err;

	(void)snprintf(config, sizeof config, "at %s { rule it limit %s }\n", stage, rule);
	if (policy_parse("test", config, strlen(config), &host, &p, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static void a_rate_is_an_interval_and_a_burst(void **state)
{
	static const struct {
		const char *stage, *rule;
		int64_t interval_us, burst;
		enum limit_unit unit;
		bool strict;
		enum rule_action action;
	} rows[] = {
		{ "connect", "10/1s by client.ip", 100000, 10, LIMIT_CONNECTIONS, false, RULE_TEMPFAIL },
		{ "mail", "60/1m by client.ip", 1000000, 60, LIMIT_MESSAGES, false, RULE_TEMPFAIL },
		{ "mail", "60/1m burst 5 by client.ip strict", 1000000, 5, LIMIT_MESSAGES, true, RULE_TEMPFAIL },
		{ "rcpt", "1/1d by rcpt.address score 3", INT64_C(86400000000), 1, LIMIT_RECIPIENTS, false, RULE_SCORE },
		{ "rcpt", "1/1d of messages by client.ip reject \"no\"", INT64_C(86400000000), 1, LIMIT_MESSAGES, false, RULE_REJECT },
		{ "message", "1/1d of recipients by client.ip", INT64_C(86400000000), 1, LIMIT_RECIPIENTS, false, RULE_TEMPFAIL },
		{ "message", "1M/1h of bytes burst 10000 by client.ip", 3515625, 10, LIMIT_KILOBYTES, false, RULE_TEMPFAIL },
		{ "message", "500/1h of bytes by client.ip", INT64_C(3600000000), 1, LIMIT_KILOBYTES, false, RULE_TEMPFAIL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy *p = parse(rows[i].stage, rows[i].rule);
		const struct rule *rule = &p->rules.items[0];

		if (rule->limit->interval_us != rows[i].interval_us || rule->limit->burst != rows[i].burst || rule->limit->unit != rows[i].unit ||
			rule->limit->strict != rows[i].strict || rule->action != rows[i].action)
			fail_msg("%s: an interval of %lld us, a burst of %lld", rows[i].rule, (long long)rule->limit->interval_us, (long long)rule->limit->burst);
		policy_free(p);
	}
}

static void a_key_has_the_rule_and_each_value(void **state)
{
	struct policy *p = parse("mail", "60/1m by client.net, mail.from, client.authenticated, port");
	struct value facts[CORE_FACTS] = { { 0 } };
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES), none = TEXT_INIT(LIMIT_KEY_BYTES);

	(void)state;
	facts[CORE_CLIENT_NET] = (struct value){ .known = true, .type = SLUICE_TEXT, .text = { "192.0.2.0/24", 12 } };
	facts[CORE_MAIL_FROM] = (struct value){ .known = true, .type = SLUICE_ADDRESS, .text = { "A|b@Example.ORG", 15 } };
	facts[CORE_CLIENT_AUTHENTICATED] = (struct value){ .known = true, .type = SLUICE_BOOL, .yes = true };
	facts[CORE_PORT] = (struct value){ .known = true, .type = SLUICE_INT, .number = 25 };
	assert_true(limit_key(&key, "it", p->rules.items[0].limit, facts, &catalog));
	assert_string_equal(text_str(&key), "limit|it|192.0.2.0/24|a%7cb@example.org|yes|25");
	facts[CORE_PORT].known = false;
	assert_false(limit_key(&none, "it", p->rules.items[0].limit, facts, &catalog));
	policy_free(p);
}

static void a_key_is_never_too_long_for_the_store(void **state)
{
	struct policy *p = parse("mail", "60/1m by mail.from, mail.domain");
	struct value facts[CORE_FACTS] = { { 0 } };
	char *large = malloc(100000);
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);

	(void)state;
	memset(large, 'x', 100000);
	facts[CORE_MAIL_FROM] = (struct value){ .known = true, .type = SLUICE_ADDRESS, .text = { large, 300 } };
	facts[CORE_MAIL_DOMAIN] = (struct value){ .known = true, .type = SLUICE_DOMAIN, .text = { large, 300 } };
	assert_true(limit_key(&key, "it", p->rules.items[0].limit, facts, &catalog));
	assert_int_equal(key.len, SLUICE_STORE_KEY_MAX);
	text_clear(&key);
	facts[CORE_MAIL_DOMAIN].text.len = 100000;
	assert_true(limit_key(&key, "it", p->rules.items[0].limit, facts, &catalog));
	assert_int_equal(key.len, SLUICE_STORE_KEY_MAX);
	free(large);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_is_an_interval_and_a_burst),
		cmocka_unit_test(a_key_has_the_rule_and_each_value),
		cmocka_unit_test(a_key_is_never_too_long_for_the_store),
	};
	int failures;

	for (size_t i = 0; i < CORE_FACTS; i++)
		if (!catalog_add(&catalog, &core_facts[i]))
			return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	catalog_done(&catalog);
	return failures;
}
