/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/hash.h"

/* SipHash-2-4 of 00, 01, 02 ... under the key 00 01 .. 0f: the vectors that its authors publish. */
static void gives_the_published_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{ 0, 0x726fdb47dd0e0e31 },
		{ 1, 0x74f839c593dc67fd },
		{ 2, 0x0d6c8009d9a94f5a },
		{ 3, 0x85676696d7fb7e2d },
		{ 4, 0xcf2794e0277187b7 },
		{ 5, 0x18765564cd99a68d },
		{ 6, 0xcbc9466e58fee3ce },
		{ 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 },
		{ 15, 0xa129ca6149be45e5 },
	};
	static const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	unsigned char bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t got = hash_bytes(&key, bytes, rows[i].len);

		if (got != rows[i].want)
			fail_msg("%zu octets: got %llx", rows[i].len, (unsigned long long)got);
	}
}

static void keys_differ(void **state)
{
	struct hash_key a = hash_key_random(), b = hash_key_random();

	(void)state;
	assert_true(a.k0 != b.k0 || a.k1 != b.k1);
	assert_true(hash_bytes(&a, "x", 1) != hash_bytes(&b, "x", 1));
	assert_true(hash_bytes(&a, NULL, 0) == hash_bytes(&a, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_vectors),
		cmocka_unit_test(keys_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
