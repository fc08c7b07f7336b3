/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dnsbl_zone.h"

static const struct sluice_setting defaults[] = {
	{ .option = DNSBL_LOOKUP, .number = 1 },
	{ .option = DNSBL_WEIGHT, .number = 1000 },
	{ .option = DNSBL_TEST_POINTS, .number = 1 },
};

static void a_bare_zone_counts_any_listing(void **state)
{
	const struct sluice_block block = { "zen.example", defaults, ARRAY_LEN(defaults), 3 };
	struct sluice_config_error err;
	struct dnsbl_zones *config = NULL;

	(void)state;
	assert_int_equal(dnsbl_zones_read("dnsbl", &block, 1, &config, &err), 0);
	assert_int_equal(config->zones.len, 1);
	assert_string_equal(config->zones.items[0].subject, "dnsbl zen.example");
	assert_string_equal(config->zones.items[0].name, "zen.example");
	assert_string_equal(config->zones.items[0].suffix, "zen.example");
	assert_false(config->zones.items[0].secret);
	assert_true(config->zones.items[0].test_points);
	assert_int_equal(config->zones.items[0].rows.len, 1);
	assert_int_equal(config->zones.items[0].rows.items[0].net.prefix_len, 8);
	assert_int_equal(config->zones.items[0].rows.items[0].weight_milli, 1000);
	dnsbl_zones_free(config);
	dnsbl_zones_free(NULL);
}

static void rows_and_key_are_taken(void **state)
{
	static const struct sluice_setting settings[] = {
		{ .option = DNSBL_ANSWER, .ip = { 4, { 127, 0, 0, 2 } }, .prefix_len = 31, .number = 8000 },
		{ .option = DNSBL_BITS, .ip = { 4, { 0, 0, 0, 8 } }, .prefix_len = 32, .number = -2000 },
		{ .option = DNSBL_KEY, .text = "s3cret" },
		{ .option = DNSBL_LOOKUP, .number = 6 },
		{ .option = DNSBL_WEIGHT, .number = 1000 },
	};
	const struct sluice_block block = { "zen.example", settings, ARRAY_LEN(settings), 3 };
	struct sluice_config_error err;
	struct dnsbl_zones *made = NULL;
	struct dnsbl_zone *zone;

	(void)state;
	assert_int_equal(dnsbl_zones_read("dnsbl", &block, 1, &made, &err), 0);
	zone = &made->zones.items[0];
	assert_string_equal(zone->suffix, "s3cret.zen.example");
	assert_string_equal(zone->name, "zen.example");
	assert_true(zone->secret);
	assert_int_equal(zone->lookups, 6);
	assert_int_equal(zone->rows.len, 2);
	assert_true(zone->rows.items[1].bits);
	assert_int_equal(zone->rows.items[1].weight_milli, -2000);
	dnsbl_zones_free(made);
}

static void errors_name_the_line_and_never_the_key(void **state)
{
	static const struct {
		const char *label;
		struct sluice_setting setting;
		unsigned line;
		const char *text;
	} rows[] = {
		{ "zen", { .option = DNSBL_WEIGHT, .line = 7 }, 3, "is no zone" },
		{ "zen example", { .option = DNSBL_WEIGHT, .line = 7 }, 3, "is no zone" },
		{ "zen.example.", { .option = DNSBL_WEIGHT, .line = 7 }, 3, "is no zone" },
		{ "zen.example", { .option = DNSBL_KEY, .text = "s3cret key", .line = 7 }, 7, "key" },
		{ "zen.example", { .option = DNSBL_KEY, .text = "", .line = 7 }, 7, "key" },
		{ "zen.example", { .option = DNSBL_ANSWER, .ip = { 6, { 0 } }, .prefix_len = 128, .line = 7 }, 7, "IPv4" },
		{ "zen.example", { .option = DNSBL_BITS, .ip = { 4, { 127 } }, .prefix_len = 8, .line = 7 }, 7,
			"bits 0.0.0.8" },
		{ "zen.example",
			{ .option = DNSBL_ANSWER, .ip = { 4, { 127 } }, .prefix_len = 8, .number = 1000001, .line = 7 }, 7,
			"from -1000 to 1000" },
		{ "zen.example",
			{ .option = DNSBL_KEY,
				.text = "s3cret.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
			3, "longer" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sluice_block block = { rows[i].label, &rows[i].setting, 1, 3 };
		struct sluice_config_error err = { "", 0 };
		struct dnsbl_zones *made = NULL;

		if (dnsbl_zones_read("dnsbl", &block, 1, &made, &err) != -EINVAL || made)
			fail_msg("row %zu was taken", i);
		if (err.line != rows[i].line || !strstr(err.text, rows[i].text) || strstr(err.text, "s3cret"))
			fail_msg("row %zu: line %u: %s", i, err.line, err.text);
	}
}

static void a_zone_stands_once(void **state)
{
	const struct sluice_block blocks[] = {
		{ "zen.example", defaults, ARRAY_LEN(defaults), 3 },
		{ "other.example", defaults, ARRAY_LEN(defaults), 4 },
		{ "ZEN.example", defaults, ARRAY_LEN(defaults), 5 },
	};
	struct sluice_config_error err;
	struct dnsbl_zones *made = NULL;

	(void)state;
	assert_int_equal(dnsbl_zones_read("dnsbl", blocks, 3, &made, &err), -EINVAL);
	assert_int_equal(err.line, 5);
	assert_null(made);
	assert_int_equal(dnsbl_zones_read("dnsbl", blocks, 0, &made, &err), 0);
	assert_non_null(made);
	dnsbl_zones_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_zone_counts_any_listing),
		cmocka_unit_test(rows_and_key_are_taken),
		cmocka_unit_test(errors_name_the_line_and_never_the_key),
		cmocka_unit_test(a_zone_stands_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
