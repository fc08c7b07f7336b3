/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dnsbl_zone.h"
#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_dnsbl;

enum { CLIENT, HELO, RDNS, MAIL }; /* in the order of the words of `lookup` */

static const struct sluice_setting heavy[] = {
	{ .option = DNSBL_ANSWER, .ip = { 4, { 127, 0, 0, 2 } }, .prefix_len = 31, .number = 8000 },
	{ .option = DNSBL_KEY, .text = "s3cret" },
	{ .option = DNSBL_LOOKUP, .number = 1 << CLIENT },
	{ .option = DNSBL_TEST_POINTS, .number = 1 },
};
static const struct sluice_setting light[] = {
	{ .option = DNSBL_LOOKUP, .number = 1 << CLIENT | 1 << RDNS },
	{ .option = DNSBL_WEIGHT, .number = 1500 },
	{ .option = DNSBL_TEST_POINTS, .number = 0 },
};
static const struct sluice_setting good[] = {
	{ .option = DNSBL_LOOKUP, .number = 1 << CLIENT },
	{ .option = DNSBL_WEIGHT, .number = -4000 },
	{ .option = DNSBL_TEST_POINTS, .number = 1 },
};
static const struct sluice_setting domains[] = {
	{ .option = DNSBL_LOOKUP, .number = 1 << HELO | 1 << MAIL },
	{ .option = DNSBL_WEIGHT, .number = 2000 },
	{ .option = DNSBL_TEST_POINTS, .number = 1 },
};
static const struct sluice_block blocks[] = {
	{ "heavy.example", heavy, ARRAY_LEN(heavy), 1 },
	{ "light.example", light, ARRAY_LEN(light), 2 },
	{ "good.example", good, ARRAY_LEN(good), 3 },
	{ "dom.example", domains, ARRAY_LEN(domains), 4 },
};
static const struct fake_item lists[] = { { "trusted", "10.0.0.0/8" }, { .list = NULL } };

static const struct fake_record dns[] = {
	{ "1.2.0.192.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2 127.0.0.3" },
	{ "1.2.0.192.light.example", SLUICE_DNS_A, "127.0.0.9" },
	{ "2.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "bad.dyn.example localhost" },
	{ "bad.dyn.example.light.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "3.2.0.192.good.example", SLUICE_DNS_A, "127.0.0.5" },
	{ "4.2.0.192.s3cret.heavy.example", SLUICE_DNS_A, "127.255.255.254" },
	{ "4.2.0.192.light.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "5.2.0.192.s3cret.heavy.example", SLUICE_DNS_A, "192.0.2.80" },
	{ "6.2.0.192.s3cret.heavy.example", SLUICE_DNS_A, "TIMEOUT" },
	{ "6.2.0.192.light.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "7.2.0.192.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.77" },
	{ "8.2.0.192.in-addr.arpa", SLUICE_DNS_PTR, "SERVFAIL" },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.s3cret.heavy.example", SLUICE_DNS_A,
		"127.0.0.2" },
	{ "spam.example.dom.example", SLUICE_DNS_A, "127.0.0.2" },
	{ .name = NULL },
};

static void *config;

static int make_config(void **state)
{
	struct sluice_config_error err;

	(void)state;
	return sluice_plugin_dnsbl.configure(blocks, ARRAY_LEN(blocks), &config, &err);
}

static int free_config(void **state)
{
	(void)state;
	sluice_plugin_dnsbl.release(config);
	return 0;
}

static void adds_what_the_lists_say_of_the_client(void **state)
{
	static const struct {
		const char *client, *want;
	} rows[] = {
		{ NULL, "skipped\n" },
		{ "10.1.2.3", "skipped\n" },
		{ "198.51.100.1", "done dnsbl.weight=0\n" },
		{ "192.0.2.1",
			"done dnsbl.weight=9.5 dnsbl.zones=heavy.example, light.example "
			"dnsbl.codes=heavy.example=127.0.0.2, heavy.example=127.0.0.3, light.example=127.0.0.9\n" },
		{ "192.0.2.2",
			"done dnsbl.weight=1.5 dnsbl.zones=light.example dnsbl.codes=light.example=127.0.0.2\n" },
		{ "192.0.2.3", "done dnsbl.weight=-4 dnsbl.allowed=good.example dnsbl.codes=good.example=127.0.0.5\n" },
		{ "192.0.2.4",
			"dnsbl heavy.example is sick: it answers 127.255.255.254: it refuses to serve our resolver "
			"(a public one, over the limit, or a key is needed)\n"
			"done dnsbl.weight=1.5 dnsbl.zones=light.example dnsbl.codes=light.example=127.0.0.2\n" },
		{ "192.0.2.5", "dnsbl heavy.example is sick: it answers 192.0.2.80: that is no answer of a DNS list\n"
			       "done dnsbl.weight=0\n" },
		{ "192.0.2.6",
			"temperror dnsbl.weight=1.5 dnsbl.zones=light.example dnsbl.codes=light.example=127.0.0.2\n" },
		{ "192.0.2.7", "done dnsbl.weight=0 dnsbl.codes=heavy.example=127.0.0.77\n" },
		{ "192.0.2.8", "temperror dnsbl.weight=0\n" },
		{ "2001:db8::1",
			"done dnsbl.weight=8 dnsbl.zones=heavy.example dnsbl.codes=heavy.example=127.0.0.2\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = rows[i].client, .dns = dns, .lists = lists, .state = config };

		if (strcmp(fake_run(&c, &sluice_plugin_dnsbl, "dnsbl"), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&c.log));
		fake_done(&c);
	}
}

static void asks_side_by_side_and_shows_no_key(void **state)
{
	struct sluice_check_ctx c = { .client = "192.0.2.2", .dns = dns, .lists = lists, .state = config };

	(void)state;
	(void)fake_run(&c, &sluice_plugin_dnsbl, "dnsbl");
	assert_int_equal(c.runs, 3);
	assert_string_equal(text_str(&c.asked), "2.2.0.192.in-addr.arpa PTR\n2.2.0.192.heavy.example A\n"
						"2.2.0.192.light.example A\n2.2.0.192.good.example A\n"
						"bad.dyn.example.light.example A\n");
	fake_done(&c);
}

static void a_sick_zone_is_not_asked(void **state)
{
	struct sluice_check_ctx c = {
		.client = "192.0.2.1",
		.dns = dns,
		.lists = lists,
		.state = config,
		.sick = "dnsbl heavy.example",
	};

	(void)state;
	assert_string_equal(fake_run(&c, &sluice_plugin_dnsbl, "dnsbl"),
		"done dnsbl.weight=1.5 dnsbl.zones=light.example dnsbl.codes=light.example=127.0.0.9\n");
	assert_null(strstr(text_str(&c.asked), "heavy.example"));
	fake_done(&c);
}

static void domains_have_checks_of_their_own(void **state)
{
	static const struct {
		const char *check, *client, *helo, *mail_from, *want;
	} rows[] = {
		{ "dnsbl_helo", "192.0.2.1", "spam.example", NULL,
			"done dnsbl_helo.weight=2 dnsbl_helo.zones=dom.example "
		        "dnsbl_helo.codes=dom.example=127.0.0.2\n" },
		{ "dnsbl_helo", "192.0.2.1", "Spam.Example.", NULL,
			"done dnsbl_helo.weight=2 dnsbl_helo.zones=dom.example "
		        "dnsbl_helo.codes=dom.example=127.0.0.2\n" },
		{ "dnsbl_helo", "192.0.2.1", "ham.example", NULL, "done dnsbl_helo.weight=0\n" },
		{ "dnsbl_helo", "192.0.2.1", "localhost", NULL, "skipped\n" },
		{ "dnsbl_helo", "192.0.2.1", "[192.0.2.1]", NULL, "skipped\n" },
		{ "dnsbl_helo", "192.0.2.1", NULL, NULL, "skipped\n" },
		{ "dnsbl_helo", "10.0.0.1", "spam.example", NULL, "skipped\n" },
		{ "dnsbl_mail", "192.0.2.1", NULL, "<a@spam.example>",
			"done dnsbl_mail.weight=2 dnsbl_mail.zones=dom.example "
		        "dnsbl_mail.codes=dom.example=127.0.0.2\n" },
		{ "dnsbl_mail", "192.0.2.1", NULL, "<>", "skipped\n" },
		{ "dnsbl_mail", "192.0.2.1", NULL, "<a@[192.0.2.1]>", "skipped\n" },
		{ "dnsbl_mail", "192.0.2.1", NULL, NULL, "skipped\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = {
			.client = rows[i].client,
			.helo = rows[i].helo,
			.mail_from = rows[i].mail_from,
			.dns = dns,
			.lists = lists,
			.state = config,
		};

		if (strcmp(fake_run(&c, &sluice_plugin_dnsbl, rows[i].check), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&c.log));
		fake_done(&c);
	}
}

#define TEST_POINTS_OF_GOOD                                                                                            \
	{                                                                                                              \
		"2.0.0.127.good.example", SLUICE_DNS_A, "127.0.0.2"                                                    \
	}
#define TEST_POINTS_OF_DOMAIN                                                                                          \
	{                                                                                                              \
		"TEST.dom.example", SLUICE_DNS_A, "127.0.0.2"                                                          \
	}
#define END                                                                                                            \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

static void the_probe_finds_lists_that_are_ill(void **state)
{
	static const struct {
		struct fake_record dns[6];
		const char *sick, *want;
	} rows[] = {
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" }, END },
			NULL, "done\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" }, END },
			"dnsbl heavy.example", "dnsbl heavy.example is healthy: its test entries are right\ndone\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" }, END },
			"dnsbl light.example", "dnsbl light.example is healthy: it is tried again\ndone\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN, END }, NULL,
			"dnsbl heavy.example is sick: it lists nothing: 2.0.0.127 must always be listed\ndone\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" },
			  { "1.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" }, END },
			NULL, "dnsbl heavy.example is sick: it lists all: 1.0.0.127 must never be listed\ndone\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.255.255.252" }, END },
			NULL,
			"dnsbl heavy.example is sick: it answers 127.255.255.252: it refuses to serve our resolver "
			"(a public one, over the limit, or a key is needed)\ndone\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "SERVFAIL" }, END },
			"dnsbl heavy.example", "temperror\n" },
		{ { TEST_POINTS_OF_GOOD, TEST_POINTS_OF_DOMAIN,
			  { "2.0.0.127.s3cret.heavy.example", SLUICE_DNS_A, "127.0.0.2" },
			  { "INVALID.dom.example", SLUICE_DNS_A, "127.0.0.2" }, END },
			NULL, "dnsbl dom.example is sick: it lists all: INVALID must never be listed\ndone\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .dns = rows[i].dns, .sick = rows[i].sick, .state = config };

		if (strcmp(fake_run(&c, &sluice_plugin_dnsbl, "dnsbl_probe"), rows[i].want) != 0 || c.runs != 2)
			fail_msg("row %zu: %u runs: %s", i, c.runs, text_str(&c.log));
		if (strstr(text_str(&c.log), "s3cret") || strstr(text_str(&c.asked), "s3cret"))
			fail_msg("row %zu shows the key", i);
		fake_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_what_the_lists_say_of_the_client),
		cmocka_unit_test(asks_side_by_side_and_shows_no_key),
		cmocka_unit_test(a_sick_zone_is_not_asked),
		cmocka_unit_test(domains_have_checks_of_their_own),
		cmocka_unit_test(the_probe_finds_lists_that_are_ill),
	};

	return cmocka_run_group_tests(tests, make_config, free_config);
}
