/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "plugins/uribl/uribl_config.h"
#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_uribl;

enum { HASH = DNSBL_OWN_OPTIONS, NAMES, TEST_LISTED }; /* in the order of uribl_options */

#define COMMON { .option = HASH, .number = 1 << URIBL_SHA1 }, { .option = NAMES, .number = 3 }, { .option = DNSBL_TEST_POINTS, .number = 1 }
static const struct sluice_setting multi[] = {
	COMMON,
	{ .option = DNSBL_BITS, .ip = { 4, { 0, 0, 0, 2 } }, .prefix_len = 32, .number = 4000 },
	{ .option = DNSBL_BITS, .ip = { 4, { 0, 0, 0, 8 } }, .prefix_len = 32, .number = 1000 },
	{ .option = DNSBL_LOOKUP, .number = 1 << URIBL_DOMAIN | 1 << URIBL_IP },
	{ .option = DNSBL_KEY, .text = "s3cret" },
	{ .option = TEST_LISTED, .text = "test.multi.example" },
};
static const struct sluice_setting hosts[] = {
	COMMON,
	{ .option = DNSBL_LOOKUP, .number = 1 << URIBL_HOST },
	{ .option = DNSBL_WEIGHT, .number = 2000 },
	{ .option = TEST_LISTED, .text = "TEST" },
};
static const struct sluice_setting addresses[] = {
	COMMON,
	{ .option = DNSBL_LOOKUP, .number = 1 << URIBL_ADDRESS },
	{ .option = DNSBL_WEIGHT, .number = 3000 },
	{ .option = TEST_LISTED, .text = "listed@example.com" },
};
static const struct sluice_setting good[] = {
	COMMON,
	{ .option = DNSBL_LOOKUP, .number = 1 << URIBL_DOMAIN | 1 << URIBL_HOST },
	{ .option = DNSBL_WEIGHT, .number = -1000 },
	{ .option = TEST_LISTED, .text = "TEST" },
};
static const struct sluice_block blocks[] = {
	{ "multi.example", multi, ARRAY_LEN(multi), 1 },
	{ "host.example", hosts, ARRAY_LEN(hosts), 2 },
	{ "ebl.example", addresses, ARRAY_LEN(addresses), 3 },
	{ "good.example", good, ARRAY_LEN(good), 4 },
};
static const struct fake_item lists[] = { { "trusted", "10.0.0.0/8" }, { "uribl-exempt", "exempt.net" }, { .list = NULL } };

#define EVIL       { "url.domains", "evil.net" }, { "url.hosts", "www.evil.net" }
#define KNOWN      { "url.too_many", "no" }
#define END        { .name = NULL }

static const struct fake_record dns[] = {
	{ "evil.net.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "bad.net.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.10" },
	{ "odd.net.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.4" },
	{ "1.2.0.192.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.8" },
	{ "refused.net.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.1" },
	{ "slow.net.s3cret.multi.example", SLUICE_DNS_A, "TIMEOUT" },
	{ "www.evil.net.host.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "deep.exempt.net.host.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "exempt.net.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "fine.net.good.example", SLUICE_DNS_A, "127.0.0.2" },
	{ "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33.ebl.example", SLUICE_DNS_A, "127.0.0.2" },
	END,
};

static void *config;

static int make_config(void **state)
{
	struct sluice_config_error err;

	(void)state;
	return uribl_configure(blocks, ARRAY_LEN(blocks), &config, &err);
}

static int free_config(void **state)
{
	(void)state;
	uribl_release(config);
	return 0;
}

static void adds_what_the_lists_say_of_the_message(void **state)
{
	static const struct {
		const char *client;
		struct fake_fact facts[8];
		const char *want;
	} rows[] = {
		{ NULL, { EVIL, KNOWN, END }, "skipped\n" },
		{ "10.1.2.3", { EVIL, KNOWN, END }, "skipped\n" },
		{ "192.0.2.1", { EVIL, END }, "temperror\n" },
		{ "192.0.2.1", { KNOWN, END }, "done uribl.listed=no uribl.weight=0 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.domains", "fresh.net" }, KNOWN, END }, "done uribl.listed=no uribl.weight=0 uribl.too_many=no\n" },
		{ "192.0.2.1", { EVIL, KNOWN, END },
			"done uribl.listed=yes uribl.weight=6 uribl.zones=multi.example, host.example "
			"uribl.names=evil.net multi.example=127.0.0.2, www.evil.net host.example=127.0.0.2 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.domains", "evil.net" }, { "url.domains", "bad.net" }, KNOWN, END },
			"done uribl.listed=yes uribl.weight=5 uribl.zones=multi.example "
			"uribl.names=evil.net multi.example=127.0.0.2, bad.net multi.example=127.0.0.10 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.hosts", "192.0.2.1" }, KNOWN, END },
			"done uribl.listed=yes uribl.weight=1 uribl.zones=multi.example uribl.names=192.0.2.1 multi.example=127.0.0.8 uribl.too_many=no\n" },
		/* a listing of no line weighs nothing */
		{ "192.0.2.1", { { "url.domains", "odd.net" }, KNOWN, END },
			"done uribl.listed=no uribl.weight=0 uribl.names=odd.net multi.example=127.0.0.4 uribl.too_many=no\n" },
		/* the domain of a host is not asked for twice */
		{ "192.0.2.1", { { "url.domains", "fine.net" }, { "url.hosts", "fine.net" }, KNOWN, END },
			"done uribl.listed=no uribl.weight=-1 uribl.allowed=good.example uribl.names=fine.net good.example=127.0.0.2 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.domains", "exempt.net" }, { "url.hosts", "deep.exempt.net" }, KNOWN, END },
			"done uribl.listed=no uribl.weight=0 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.addresses", "FOO" }, KNOWN, END },
			"done uribl.listed=yes uribl.weight=3 uribl.zones=ebl.example uribl.names=FOO ebl.example=127.0.0.2 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.domains", "a.net" }, { "url.domains", "b.net" }, { "url.domains", "c.net" }, { "url.domains", "evil.net" }, KNOWN, END },
			"done uribl.listed=no uribl.weight=0 uribl.too_many=yes\n" },
		{ "192.0.2.1", { { "url.domains", "slow.net" }, { "url.domains", "evil.net" }, KNOWN, END },
			"temperror uribl.listed=yes uribl.weight=4 uribl.zones=multi.example uribl.names=evil.net multi.example=127.0.0.2 uribl.too_many=no\n" },
		{ "192.0.2.1", { { "url.domains", "evil.net" }, { "url.domains", "refused.net" }, KNOWN, END },
			"uribl multi.example is sick: it answers 127.0.0.1: it refuses to serve our resolver (a public one, over the limit, or a key is needed)\n"
			"done uribl.listed=no uribl.weight=0 uribl.too_many=no\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = rows[i].client, .dns = dns, .lists = lists, .facts = rows[i].facts, .state = config };

		if (strcmp(fake_run(&c, &sluice_plugin_uribl, "uribl"), rows[i].want) != 0)
			fail_msg("row %zu: got %s", i, text_str(&c.log));
		if (strstr(text_str(&c.log), "s3cret") || strstr(text_str(&c.asked), "s3cret"))
			fail_msg("row %zu shows the key", i);
		fake_done(&c);
	}
}

static void asks_side_by_side_and_not_who_is_ill(void **state)
{
	static const struct fake_fact facts[] = { EVIL, { "url.domains", "b.net" }, { "url.addresses", "foo" }, KNOWN, END };
	struct sluice_check_ctx c = { .client = "192.0.2.1", .dns = dns, .lists = lists, .facts = facts, .state = config };

	(void)state;
	(void)fake_run(&c, &sluice_plugin_uribl, "uribl");
	assert_int_equal(c.runs, 2);
	assert_string_equal(text_str(&c.asked), "evil.net.multi.example A\nb.net.multi.example A\nwww.evil.net.host.example A\n"
						"0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33.ebl.example A\nevil.net.good.example A\n"
						"b.net.good.example A\nwww.evil.net.good.example A\n");
	fake_done(&c);
	c = (struct sluice_check_ctx){ .client = "192.0.2.1", .dns = dns, .lists = lists, .facts = facts, .state = config, .sick = "uribl multi.example" };
	(void)fake_run(&c, &sluice_plugin_uribl, "uribl");
	assert_null(strstr(text_str(&c.asked), "multi.example"));
	fake_done(&c);
}

#define WELL_MULTI { "test.multi.example.s3cret.multi.example", SLUICE_DNS_A, "127.0.0.2" }
#define WELL_HOST  { "TEST.host.example", SLUICE_DNS_A, "127.0.0.2" }
#define WELL_GOOD  { "TEST.good.example", SLUICE_DNS_A, "127.0.0.2" }
#define WELL_EBL   { "d6b3c218471ecb0dfbb2a910f68798926fa87059.ebl.example", SLUICE_DNS_A, "127.0.0.2" }

static void the_probe_finds_lists_that_are_ill(void **state)
{
	static const struct {
		struct fake_record dns[6];
		const char *sick, *want;
	} rows[] = {
		{ { WELL_MULTI, WELL_HOST, WELL_GOOD, WELL_EBL, END }, NULL, "done\n" },
		{ { WELL_MULTI, WELL_HOST, WELL_GOOD, WELL_EBL, END }, "uribl ebl.example", "uribl ebl.example is healthy: its test entries are right\ndone\n" },
		{ { WELL_HOST, WELL_GOOD, WELL_EBL, END }, NULL, "uribl multi.example is sick: it lists nothing: test.multi.example must always be listed\ndone\n" },
		{ { WELL_MULTI, WELL_HOST, WELL_GOOD, WELL_EBL, { "INVALID.good.example", SLUICE_DNS_A, "127.0.0.2" }, END }, NULL,
			"uribl good.example is sick: it lists all: INVALID must never be listed\ndone\n" },
		{ { WELL_MULTI, { "TEST.host.example", SLUICE_DNS_A, "SERVFAIL" }, WELL_GOOD, WELL_EBL, END }, NULL, "temperror\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .dns = rows[i].dns, .sick = rows[i].sick, .state = config };

		if (strcmp(fake_run(&c, &sluice_plugin_uribl, "uribl_probe"), rows[i].want) != 0)
			fail_msg("row %zu: %s", i, text_str(&c.log));
		fake_done(&c);
	}
}

static void errors_name_the_line_and_the_remedy(void **state)
{
	static const struct {
		struct sluice_setting settings[3];
		size_t count;
		unsigned line;
		const char *text; /* NULL: it is good */
	} rows[] = {
		{ { { .option = HASH, .number = 3, .line = 7 } }, 1, 7, "one hash" },
		{ { { .option = HASH, .number = 4, .line = 7 } }, 1, 0, NULL },
		{ { { .option = TEST_LISTED, .text = "a b", .line = 7 }, { .option = DNSBL_TEST_POINTS, .number = 1 }, { .option = DNSBL_LOOKUP, .number = 1 } }, 3, 7,
			"neither a domain nor a mail address" },
		{ { { .option = TEST_LISTED, .text = "a@b", .line = 7 }, { .option = DNSBL_TEST_POINTS, .number = 1 }, { .option = DNSBL_LOOKUP, .number = 1 } }, 3, 7,
			"asked for domains" },
		{ { { .option = TEST_LISTED, .text = "a@b", .line = 7 }, { .option = DNSBL_TEST_POINTS, .number = 1 }, { .option = DNSBL_LOOKUP, .number = 8 } }, 3, 0, NULL },
		{ { { .option = TEST_LISTED, .text = "TEST", .line = 7 }, { .option = DNSBL_TEST_POINTS, .number = 1 }, { .option = DNSBL_LOOKUP, .number = 8 } }, 3, 0, NULL },
		{ { { .option = TEST_LISTED, .text = "TEST", .line = 7 }, { .option = DNSBL_TEST_POINTS, .number = 1 }, { .option = DNSBL_LOOKUP, .number = 4 } }, 3, 0, NULL },
		{ { { .option = DNSBL_KEY, .text = "a key", .line = 7 } }, 1, 7, "key" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sluice_block block = { "multi.example", rows[i].settings, rows[i].count, 3 };
		struct sluice_config_error err = { "", 0 };
		void *made = NULL;
		int r = uribl_configure(&block, 1, &made, &err);

		if ((r == 0) != !rows[i].text || (rows[i].text && (err.line != rows[i].line || !strstr(err.text, rows[i].text))))
			fail_msg("row %zu: %d, line %u: %s", i, r, err.line, err.text);
		uribl_release(made);
	}
	uribl_release(NULL);
}

static void a_question_is_made_of_each_kind(void **state)
{
	static const struct {
		enum uribl_lookup lookup;
		enum uribl_hash hash;
		const char *name, *want;
	} rows[] = {
		{ URIBL_DOMAIN, URIBL_SHA1, "evil.net", "evil.net." },
		{ URIBL_HOST, URIBL_SHA1, "www.evil.net", "www.evil.net." },
		{ URIBL_DOMAIN, URIBL_SHA1, "net", NULL },
		{ URIBL_HOST, URIBL_SHA1, "192.0.2.1", NULL },
		{ URIBL_HOST, URIBL_SHA1, "a b.net", NULL },
		{ URIBL_IP, URIBL_SHA1, "192.0.2.1", "1.2.0.192." },
		{ URIBL_IP, URIBL_SHA1, "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2." },
		{ URIBL_IP, URIBL_SHA1, "evil.net", NULL },
		{ URIBL_ADDRESS, URIBL_SHA1, "Foo", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33." },
		{ URIBL_ADDRESS, URIBL_MD5, "foo", "acbd18db4cc2f85cedef654fccc4a4d8." },
		{ URIBL_ADDRESS, URIBL_SHA256, "foo", "fqtli23i77di76m3iu6b2mcbgqjuellqmsb37ihzrjpiqytg46xa." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[URIBL_SUBJECT_SIZE];
		bool made = uribl_subject(rows[i].lookup, rows[i].hash, rows[i].name, strlen(rows[i].name), got);

		if (made != (rows[i].want != NULL) || (made && strcmp(got, rows[i].want) != 0))
			fail_msg("'%s': got '%s'", rows[i].name, made ? got : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_what_the_lists_say_of_the_message),
		cmocka_unit_test(asks_side_by_side_and_not_who_is_ill),
		cmocka_unit_test(the_probe_finds_lists_that_are_ill),
		cmocka_unit_test(errors_name_the_line_and_the_remedy),
		cmocka_unit_test(a_question_is_made_of_each_kind),
	};

	return cmocka_run_group_tests(tests, make_config, free_config);
}
