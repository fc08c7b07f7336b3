/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/services/dns_name.h"

#define L9  "123456789"
#define L63 L9 L9 L9 L9 L9 L9 L9

static const struct {
	const char *text, *want; /* NULL: cannot be in the DNS */
} names[] = {
	{ "", "" },
	{ ".", "" },
	{ "example.org", "example.org" },
	{ "Example.ORG.", "example.org" },
	{ "a\\.b.org", "a\\.b.org" },
	{ "\\065.org", "a.org" },
	{ "\\000\\255 x.org", "\\000\\255\\032x.org" },
	{ "a\\\\b", "a\\\\b" },
	{ L63 ".org", L63 ".org" },
	{ L63 "." L63 "." L63 "." L9 L9 L9 L9 L9 L9 "1234567", L63 "." L63 "." L63 "." L9 L9 L9 L9 L9 L9 "1234567" },
	{ L63 "." L63 "." L63 "." L9 L9 L9 L9 L9 L9 "12345678", NULL },
	{ L63 "." L63 "." L63 "." L63, NULL },
	{ L63 "x.org", NULL },
	{ "..", NULL },
	{ ".a", NULL },
	{ "a..b", NULL },
	{ "a..", NULL },
	{ "a\\", NULL },
	{ "a\\25", NULL },
	{ "a\\256", NULL },
	{ "a\\2x5", NULL },
};

static void reads_and_prints_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[DNS_NAME_TEXT_MAX];
		struct dns_name name;
		bool ok = dns_name_parse(names[i].text, strlen(names[i].text), &name);

		if (ok != (names[i].want != NULL))
			fail_msg("'%s': %s", names[i].text, ok ? "taken" : "refused");
		if (!ok)
			continue;
		if (dns_name_print(&name, text) != strlen(text) || strcmp(text, names[i].want) != 0)
			fail_msg("'%s': got '%s', want '%s'", names[i].text, text, names[i].want);
	}
}

#define MESSAGE(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
	const char *row;
	const uint8_t *octets;
	size_t len, at;
	const char *want; /* NULL: malformed */
	size_t end;
} messages[] = {
	{ "plain", MESSAGE("\1A\3org\0"), 0, "a.org", 7 },
	{ "root", MESSAGE("\0"), 0, "", 1 },
	{ "pointer", MESSAGE("\3org\0\1a\xc0\0"), 5, "a.org", 9 },
	{ "pointer to pointer", MESSAGE("\3org\0\1a\xc0\0\1b\xc0\5"), 9, "b.a.org", 13 },
	{ "pointer to itself", MESSAGE("\1a\xc0\0"), 0, NULL, 0 },
	{ "pointer forward", MESSAGE("\xc0\2\1a\0"), 0, NULL, 0 },
	{ "two pointers in a ring", MESSAGE("\xc0\2\xc0\0"), 2, NULL, 0 },
	{ "cut in a label", MESSAGE("\5abc"), 0, NULL, 0 },
	{ "cut before the root", MESSAGE("\3abc"), 0, NULL, 0 },
	{ "cut in a pointer", MESSAGE("\1a\xc0"), 0, NULL, 0 },
	{ "label type 01",
		MESSAGE("\x41"
			"a\0"),
		0, NULL, 0 },
};

static void reads_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		size_t pos = messages[i].at;
		char text[DNS_NAME_TEXT_MAX];
		struct dns_name name;
		bool ok = dns_name_read(messages[i].octets, messages[i].len, &pos, &name);

		if (ok != (messages[i].want != NULL))
			fail_msg("%s: %s", messages[i].row, ok ? "taken" : "refused");
		if (!ok)
			continue;
		dns_name_print(&name, text);
		if (strcmp(text, messages[i].want) != 0 || pos != messages[i].end)
			fail_msg("%s: got '%s' up to %zu", messages[i].row, text, pos);
	}
}

static void a_key_begins_with_that_of_each_parent(void **state)
{
	uint8_t key[DNS_NAME_MAX], parent_key[DNS_NAME_MAX];
	struct dns_name name, parent;
	size_t len, parent_len;

	(void)state;
	assert_true(dns_name_parse("a.b.org", 7, &name));
	assert_true(dns_name_parse("b.org", 5, &parent));
	len = dns_name_key(&name, key);
	parent_len = dns_name_key(&parent, parent_key);
	assert_int_equal(len, 8);
	assert_memory_equal(key, "\3org\1b\1a", 8);
	assert_int_equal(parent_len, 6);
	assert_memory_equal(key, parent_key, parent_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints_text),
		cmocka_unit_test(reads_messages),
		cmocka_unit_test(a_key_begins_with_that_of_each_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
