/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dkim_keys.h"

#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" /* RFC 8463 A.2 */

static struct dkim_record record(enum dkim_key_type type, const char *key)
{
	return (struct dkim_record){ .type = type, .key = key, .key_len = strlen(key) };
}

static void a_key_is_parsed_once(void **state)
{
	struct dkim_record r = record(DKIM_KEY_ED25519, ED25519), again;
	char copy[] = ED25519;
	struct dkim_keys *k = dkim_keys_new();
	EVP_PKEY *first = dkim_keys_get(k, &r), *second;

	(void)state;
	again = record(DKIM_KEY_ED25519, copy);
	second = dkim_keys_get(k, &again);
	assert_non_null(first);
	assert_ptr_equal(first, second);
	assert_int_equal(EVP_PKEY_get_id(first), EVP_PKEY_ED25519);
	dkim_keys_release(k, first);
	dkim_keys_release(k, second);
	dkim_keys_free(k);
}

static void the_type_is_part_of_it(void **state)
{
	struct dkim_record ed25519 = record(DKIM_KEY_ED25519, ED25519), rsa = record(DKIM_KEY_RSA, ED25519);
	struct dkim_keys *k = dkim_keys_new();
	EVP_PKEY *key = dkim_keys_get(k, &ed25519);

	(void)state;
	assert_non_null(key);
	assert_null(dkim_keys_get(k, &rsa));
	dkim_keys_release(k, key);
	dkim_keys_free(k);
}

#define OTHERS (4 * DKIM_KEYS_MAX) /* keys, more than there is room for */

/* NULL: all were what they should be. */
static void *ask_for_all(void *arg)
{
	static char wrong[] = "another key than was asked for";
	struct dkim_keys *k = arg;

	for (unsigned i = 0; i < OTHERS; i++) {
		char text[] = ED25519;
		struct dkim_record r = record(DKIM_KEY_ED25519, text);
		unsigned char raw[32];
		size_t len = sizeof raw;
		EVP_PKEY *key;

		/* Twelve bits, in base64. */
		text[0] = (char)('A' + i % 16);
		text[1] = (char)('a' + i / 16 % 16);
		text[2] = (char)('A' + i / 256);
		key = dkim_keys_get(k, &r);
		if (!key || EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 || raw[0] >> 2 != i % 16)
			return wrong;
		dkim_keys_release(k, key);
	}
	return NULL;
}

static void more_keys_than_room_from_many_threads(void **state)
{
	struct dkim_keys *k = dkim_keys_new();
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_for_all, k), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *why;

		assert_int_equal(pthread_join(threads[i], &why), 0);
		if (why)
			fail_msg("%s", (const char *)why);
	}
	dkim_keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_parsed_once),
		cmocka_unit_test(the_type_is_part_of_it),
		cmocka_unit_test(more_keys_than_room_from_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
