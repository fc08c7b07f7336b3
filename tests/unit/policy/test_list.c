/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "filter/base/ip.h"
#include "filter/mail/address.h"
#include "filter/policy/list.h"

static struct list *list_of(enum sluice_list_type type, const char *const *items)
{
	struct list *l = list_new("l", type, (struct place){ 0 });
	struct err err;

	for (; *items; items++)
		assert_int_equal(list_add(l, *items, strlen(*items), (struct place){ 0 }, &err), 0);
	return l;
}

static void domains(void **state)
{
	static const char *const items[] = { "Example.ORG", ".below.example", "both.example", ".both.example", "m\u00fcnchen.example",
		".xn--bcher-kva.example", ".Stra\u00dfe.example", "rooted.example.", ".rooted.below.example.", "f\u00fcnf.example.", NULL };
	static const struct {
		const char *name;
		bool in;
	} rows[] = {
		{ "example.org", true }, { "EXAMPLE.org.", true }, { "a.example.org", false }, { "xample.org", false },
		{ "below.example", false }, { "a.below.example", true }, { "a.b.below.example", true }, { "xbelow.example", false },
		{ "both.example", true }, { "a.both.example", true }, { "", false }, { ".", false }, { "org", false },
		{ "m\u00fcnchen.example", true }, { "M\u00dcNCHEN.Example.", true }, { "xn--mnchen-3ya.example", true }, { "XN--MNCHEN-3YA.example", true },
		{ "a.b\u00fccher.example", true }, { "A.xn--bcher-kva.example", true }, { "xn--bcher-kva.example", false },
		{ "a.stra\u00dfe.example", true }, { "a.xn--strae-oqa.example", true }, { "\xff.example", false },
		{ "rooted.example", true }, { "rooted.example.", true }, { "a.rooted.below.example", true }, { "f\u00fcnf.example", true }, { "xn--fnf-hoa.example", true },
	};
	struct list *l = list_of(SLUICE_LIST_DOMAIN, items);
	struct err err;

	(void)state;
	assert_int_equal(list_len(l), 10);
	assert_int_equal(list_add(l, "\u2603.\u202e.example", 14, (struct place){ 0 }, &err), -EINVAL);
	assert_non_null(strstr(err.text, "write its A-labels (xn--...)"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (list_has_domain(l, rows[i].name, strlen(rows[i].name)) != rows[i].in)
			fail_msg("'%s'", rows[i].name);
	list_free(l);
}

static void networks(void **state)
{
	static const char *const items[] = { "192.0.2.0/24", "198.51.100.7", "2001:db8::/32", NULL };
	static const struct {
		const char *ip;
		bool in;
	} rows[] = {
		{ "192.0.2.0", true }, { "192.0.2.255", true }, { "192.0.3.0", false }, { "198.51.100.7", true }, { "198.51.100.8", false },
		{ "2001:db8:ffff::1", true }, { "2001:db9::", false }, { "::ffff:192.0.2.9", true },
	};
	struct list *l = list_of(SLUICE_LIST_NETWORK, items);
	struct sluice_ip ip = { 0 };

	(void)state;
	assert_false(list_has_ip(l, &ip));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(ip_parse(rows[i].ip, strlen(rows[i].ip), &ip));
		if (list_has_ip(l, &ip) != rows[i].in)
			fail_msg("%s", rows[i].ip);
	}
	assert_false(list_has_domain(l, "192.0.2.0", 9));
	list_free(l);
}

static void addresses(void **state)
{
	static const char *const items[] = { "Boss@Example.org", "@staff.example", "j\u00f6rg@m\u00fcnchen.example", "@xn--bcher-kva.example", "a@rooted.example.", "@rooted.below.example.", NULL };
	static const struct {
		const char *address;
		bool in;
	} rows[] = {
		{ "<boss@example.org>", true }, { "<BOSS@EXAMPLE.ORG>", true }, { "<other@example.org>", false }, { "<any@staff.example>", true },
		{ "<any@sub.staff.example>", false }, { "<>", false }, { "<boss>", false },
		{ "<j\u00f6rg@xn--mnchen-3ya.example>", true }, { "<j\u00f6rg@M\u00fcnchen.example>", true }, { "<any@b\u00fccher.example>", true },
		{ "<jorg@m\u00fcnchen.example>", false },
		{ "<a@rooted.example>", true }, { "<b@rooted.example>", false }, { "<b@rooted.below.example>", true },
	};
	struct list *l = list_of(SLUICE_LIST_ADDRESS, items);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_address a = address_split(rows[i].address, strlen(rows[i].address));

		if (list_has_address(l, &a) != rows[i].in)
			fail_msg("'%s'", rows[i].address);
	}
	list_free(l);
}

static void many_items_are_found(void **state)
{
	struct list *l = list_new("many", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;
	char name[64];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		int len = snprintf(name, sizeof name, "d%d.example", i % 10000);

		assert_int_equal(list_add(l, name, (size_t)len, (struct place){ 0 }, &err), 0);
	}
	assert_int_equal(list_len(l), 10000);
	assert_true(list_has_domain(l, "d9999.example", 13));
	assert_false(list_has_domain(l, "d10000.example", 14));
	list_free(l);
}

static void a_file_may_have_comments_and_blank_lines(void **state)
{
	char path[] = "/tmp/sluice-list-XXXXXX";
	int fd = mkstemp(path);
	struct list *l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;
	static const char content[] = "# ours\r\n\n  a.example  # the first\n\tb.example\r\nlast.example";

	(void)state;
	assert_int_equal(write(fd, content, sizeof content - 1), sizeof content - 1);
	(void)close(fd);
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_len(l), 3);
	assert_true(list_has_domain(l, "last.example", 12));
	(void)unlink(path);
	list_free(l);
}

static void a_file_may_begin_with_a_byte_order_mark(void **state)
{
	char path[] = "/tmp/sluice-list-XXXXXX";
	int fd = mkstemp(path);
	struct list *l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;
	static const char content[] = "\xef\xbb\xbf""first.example\n\xef\xbb\xbf second.example\n";

	(void)state;
	assert_int_equal(write(fd, content, sizeof content - 1), sizeof content - 1);
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":2:1: ")); /* elsewhere it is none */
	list_free(l);
	l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	assert_int_equal(ftruncate(fd, 17), 0);
	(void)close(fd);
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_len(l), 1);
	assert_true(list_has_domain(l, "first.example", 13));
	(void)unlink(path);
	list_free(l);
}

static void write_file(const char *path, const char *content)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(content, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void changed_files_are_taken_when_they_are_at_rest(void **state)
{
	char path[] = "/tmp/sluice-list-XXXXXX";
	struct list *l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;

	(void)state;
	(void)close(mkstemp(path));
	write_file(path, "old.example\n");
	assert_int_equal(list_add(l, "fixed.example", 13, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_refresh(l, false, NULL, &err), 0);

	write_file(path, "another.example\n");
	assert_int_equal(list_refresh(l, false, NULL, &err), 0);
	assert_true(list_has_domain(l, "old.example", 11));
	assert_int_equal(list_refresh(l, false, NULL, &err), 1);
	assert_false(list_has_domain(l, "old.example", 11));
	assert_true(list_has_domain(l, "another.example", 15));
	assert_true(list_has_domain(l, "fixed.example", 13));
	assert_int_equal(list_len(l), 2);
	assert_int_equal(list_refresh(l, false, NULL, &err), 0);
	(void)unlink(path);
	list_free(l);
}

static void broken_files_keep_the_old_contents(void **state)
{
	static const struct { const char *content, *why; bool needed; } rows[] = {
		{ "one.example\nno domain\n", ":2:1: 'no domain' is no domain", false },
		{ "\x7f" "ELF\x01\n", ":1:1: an octet 0x7f: a list is a text file", false },
		{ "# all gone for now\n", ": nothing is left in list file", true },
		{ NULL, ": cannot be read: No such file", false },
	};
	char path[] = "/tmp/sluice-list-XXXXXX";
	struct list *l = list_new("file", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err, shown;

	(void)state;
	(void)close(mkstemp(path));
	write_file(path, "old.example\n");
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), 0);
	assert_false(list_stale(l, &shown));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].content)
			write_file(path, rows[i].content);
		else
			(void)unlink(path);
		assert_int_equal(list_refresh(l, rows[i].needed, NULL, &err), 0);
		assert_true(list_refresh(l, rows[i].needed, NULL, &err) < 0);
		assert_memory_equal(err.text, path, strlen(path));
		if (!strstr(err.text, rows[i].why))
			fail_msg("%s", err.text);
		assert_int_equal(list_refresh(l, rows[i].needed, NULL, &err), 0); /* said once */
		assert_true(list_stale(l, &shown));
		assert_string_equal(shown.text, err.text);
		assert_true(list_has_domain(l, "old.example", 11));
	}
	write_file(path, "mended.example\n");
	assert_int_equal(list_refresh(l, true, NULL, &err), 0);
	assert_int_equal(list_refresh(l, true, NULL, &err), 1);
	assert_false(list_stale(l, &shown));
	assert_false(list_has_domain(l, "old.example", 11));
	(void)unlink(path);
	list_free(l);
}

static void lines_are_not_endless_and_patterns_not_many(void **state)
{
	char path[] = "/tmp/sluice-list-XXXXXX", item[32];
	struct list *l = list_new("file", SLUICE_LIST_PATTERN, (struct place){ 0 });
	static char line[5002];
	struct err err;
	int len = 0;

	(void)state;
	(void)close(mkstemp(path));
	memset(line, 'x', 5000);
	line[5000] = '\n';
	write_file(path, line);
	assert_int_equal(list_add_source(l, LIST_FILE, path, NULL, false, (struct place){ 0 }, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":1:1: a line of 5000 octets: a list has one item a line, of at most 4096 with its comment"));
	for (int i = 0; i <= LIST_MAX_PATTERNS; i++) {
		len = snprintf(item, sizeof item, "*.%d.example", i);
		assert_int_equal(list_add(l, item, (size_t)len, (struct place){ 0 }, &err), i < LIST_MAX_PATTERNS ? 0 : -EINVAL);
	}
	assert_true(list_has_match(l, "A.999.EXAMPLE", 13));
	assert_false(list_has_match(l, "a.1000.example", 14));
	assert_false(list_has_domain(l, "a.999.example", 13));
	(void)unlink(path);
	list_free(l);
}

static void an_item_matches_what_the_list_finds(void **state)
{
	static const struct { enum sluice_list_type type; const char *item, *value; } rows[] = {
		{ SLUICE_LIST_DOMAIN, "Example.org", "example.ORG." }, { SLUICE_LIST_DOMAIN, "example.org", "a.example.org" },
		{ SLUICE_LIST_DOMAIN, ".example.org", "a.b.example.org" }, { SLUICE_LIST_DOMAIN, ".example.org", "example.org" },
		{ SLUICE_LIST_DOMAIN, ".example.org", "xexample.org" }, { SLUICE_LIST_ADDRESS, "a@example.org", "<A@example.org>" },
		{ SLUICE_LIST_ADDRESS, "@example.org", "a@EXAMPLE.org" }, { SLUICE_LIST_ADDRESS, "@example.org", "a@b.example.org" },
		{ SLUICE_LIST_ADDRESS, "a@example.org", "<>" }, { SLUICE_LIST_NETWORK, "192.0.2.0/24", "192.0.2.77" },
		{ SLUICE_LIST_NETWORK, "192.0.2.0/24", "192.0.3.77" }, { SLUICE_LIST_NETWORK, "2001:db8::/32", "2001:db8::1" },
		{ SLUICE_LIST_PATTERN, "*.dyn.*", "a.DYN.example" }, { SLUICE_LIST_PATTERN, "*.dyn.*", "dyn.example" },
		{ SLUICE_LIST_DOMAIN, "m\u00fcnchen.example", "xn--mnchen-3ya.example" }, { SLUICE_LIST_DOMAIN, ".xn--mnchen-3ya.example", "a.M\u00fcnchen.example" },
		{ SLUICE_LIST_ADDRESS, "@M\u00dcNCHEN.example", "<j\u00f6rg@xn--mnchen-3ya.example>" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const items[] = { rows[i].item, NULL };
		size_t len = strlen(rows[i].value);
		struct list *l = list_of(rows[i].type, items);
		struct sluice_address a = address_split(rows[i].value, len);
		struct sluice_ip ip = { 0 };
		bool in;

		(void)ip_parse(rows[i].value, len, &ip);
		in = list_has_domain(l, rows[i].value, len) || list_has_ip(l, &ip) || list_has_address(l, &a) || list_has_match(l, rows[i].value, len);
		if (list_item_matches(rows[i].type, rows[i].item, strlen(rows[i].item), rows[i].value, len) != in)
			fail_msg("'%s' '%s': the list says %d", rows[i].item, rows[i].value, in);
		list_free(l);
	}
}

static void a_folder_is_all_of_its_files(void **state)
{
	static const struct { const char *name, *item; bool in; } files[] = {
		{ "20-more", "more.example", true }, { "10-first", "first.example", true }, { ".hidden", "hidden.example", false },
		{ "10-first~", "backup.example", false },
	};
	char folder[] = "/tmp/sluice-list-XXXXXX", path[64];
	struct list *l = list_new("folder", SLUICE_LIST_DOMAIN, (struct place){ 0 });
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 1; i < ARRAY_LEN(files); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
		write_file(path, files[i].item);
	}
	assert_int_equal(list_add_source(l, LIST_FOLDER, folder, NULL, false, (struct place){ 0 }, &err), 0);
	assert_int_equal(list_len(l), 1);
	(void)snprintf(path, sizeof path, "%s/%s", folder, files[0].name);
	write_file(path, files[0].item);
	assert_int_equal(list_refresh(l, false, NULL, &err), 0);
	assert_int_equal(list_refresh(l, false, NULL, &err), 1);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (list_has_domain(l, files[i].item, strlen(files[i].item)) != files[i].in)
			fail_msg("%s", files[i].name);
		(void)snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
		(void)unlink(path);
	}
	(void)rmdir(folder);
	list_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains),
		cmocka_unit_test(networks),
		cmocka_unit_test(addresses),
		cmocka_unit_test(many_items_are_found),
		cmocka_unit_test(a_file_may_have_comments_and_blank_lines),
		cmocka_unit_test(a_file_may_begin_with_a_byte_order_mark),
		cmocka_unit_test(changed_files_are_taken_when_they_are_at_rest),
		cmocka_unit_test(broken_files_keep_the_old_contents),
		cmocka_unit_test(lines_are_not_endless_and_patterns_not_many),
		cmocka_unit_test(a_folder_is_all_of_its_files),
		cmocka_unit_test(an_item_matches_what_the_list_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
