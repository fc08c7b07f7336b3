/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dkim_record.h"

#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" /* RFC 8463 A.2 */

/* One key in both forms that are found in the DNS. */
static const char spki[] = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDFVw3wyE01PaYUTcB3xou7xq89PJ+o/gzsYjV9hQtiD6PKNL1cKcpAjUa5"
		"arFFH/7gZ9PWYtUM+21fX2ysaAoNZDu8XYgn020PLRuS9HpHAAwYc5ELVF1e4GbD7FcXJwD99+YtRV+Yw/7RNi8tU1tuO82q"
		"uNf9MGDrRbZDSBpP3QIDAQAB";
static const char pkcs1[] = "MIGJAoGBAMVXDfDITTU9phRNwHfGi7vGrz08n6j+DOxiNX2FC2IPo8o0vVwpykCNRrlqsUUf/uBn09Zi1Qz7bV9fbKxoCg1k"
		"O7xdiCfTbQ8tG5L0ekcADBhzkQtUXV7gZsPsVxcnAP335i1FX5jD/tE2Ly1TW247zaq41/0wYOtFtkNIGk/dAgMBAAE=";

static void reads_key_records(void **state)
{
	static const struct {
		const char *record;
		enum dkim_key_type type;
		const char *key;
		bool testing, for_mail, no_subdomains;
	} rows[] = {
		{ "v=DKIM1; k=rsa; p=MIGf", DKIM_KEY_RSA, "MIGf", false, true },
		{ "p=MIGf", DKIM_KEY_RSA, "MIGf", false, true },
		{ "v=DKIM1;p=;", DKIM_KEY_RSA, "", false, true },
		{ " v = DKIM1 ; k = ed25519 ; p = 11 q\r\n Y= ; ", DKIM_KEY_ED25519, "11 q\r\n Y=", false, true },
		{ "k=ecdsa; p=x", DKIM_KEY_UNKNOWN, "x", false, true },
		{ "v=DKIM1; t=y:s; p=x", DKIM_KEY_RSA, "x", true, true, true },
		{ "v=DKIM1; t=s; p=x", DKIM_KEY_RSA, "x", false, true, true },
		{ "v=DKIM1; t=yes; p=x", DKIM_KEY_RSA, "x", false, true },
		{ "v=DKIM1; h=sha1; p=x", DKIM_KEY_RSA, "x", false, false },
		{ "v=DKIM1; h=sha1 : sha256; p=x", DKIM_KEY_RSA, "x", false, true },
		{ "v=DKIM1; s=tlsrpt; p=x", DKIM_KEY_RSA, "x", false, false },
		{ "v=DKIM1; s=*; p=x", DKIM_KEY_RSA, "x", false, true },
		{ "v=DKIM1; s=tlsrpt:email; n=a; g=*; x_y=; p=x", DKIM_KEY_RSA, "x", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dkim_record r;

		if (!dkim_record_parse(rows[i].record, strlen(rows[i].record), &r))
			fail_msg("'%s' is no record", rows[i].record);
		if (r.type != rows[i].type || r.key_len != strlen(rows[i].key) || memcmp(r.key, rows[i].key, r.key_len) != 0 ||
			r.testing != rows[i].testing || r.for_mail != rows[i].for_mail || r.no_subdomains != rows[i].no_subdomains)
			fail_msg("'%s': type %d, key '%.*s'", rows[i].record, (int)r.type, (int)r.key_len, r.key);
	}
}

static void tells_other_records_apart(void **state)
{
	static const char *const rows[] = {
		"",
		";",
		"v=spf1 -all",
		"v=DKIM1",
		"v=DKIM1; k=rsa",
		"v=DKIM2; p=x",
		"v=dkim1; p=x",
		"p=x; v=DKIM1",
		"v=DKIM1; p=x; p=y",
		"v=DKIM1; k=rsa; k=rsa; p=x",
		"v=DKIM1;; p=x",
		"v=DKIM1; p",
		"v=DKIM1; =x; p=x",
		"v=DKIM1; a-b=x; p=x",
		"v=DKIM1; 1=x; p=x",
		"a=;b=;c=;d=;e=;f=;g=;i=;j=;l=;m=;n=;o=;q=;r=;u=;w=;x=;y=;z=;A=;B=;C=;D=;E=;F=;G=;H=;I=;J=;K=;L=;p=x",
	};
	struct dkim_record r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (dkim_record_parse(rows[i], strlen(rows[i]), &r))
			fail_msg("'%s' is taken for a key record", rows[i]);
}

static EVP_PKEY *key_of(const char *type, const char *p)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	struct dkim_record r;

	text_addf(&record, "k=%s; p=%s", type, p);
	assert_true(dkim_record_parse(text_str(&record), record.len, &r));
	return dkim_record_key(&r);
}

static void finds_the_key_in_either_form(void **state)
{
	EVP_PKEY *a = key_of("rsa", spki), *b = key_of("rsa", pkcs1), *c = key_of("ed25519", ED25519);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_int_equal(EVP_PKEY_eq(a, b), 1);
	assert_int_equal(EVP_PKEY_get_bits(a), 1024);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(c);
}

static void what_is_no_key_is_none(void **state)
{
	static const struct {
		const char *type, *p;
	} rows[] = {
		{ "rsa", "" },
		{ "rsa", "=" },
		{ "rsa", "====" },
		{ "rsa", "AAAA" },
		{ "rsa", "not base64" },
		{ "rsa", ED25519 },
		{ "ed25519", "AAAA" },
		{ "ed25519", spki },
		{ "ecdsa", ED25519 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (key_of(rows[i].type, rows[i].p))
			fail_msg("row %zu is a key", i);
}

static void writes_the_record_of_a_key(void **state)
{
	static const struct {
		const char *type, *p, *want;
	} rows[] = {
		{ "rsa", spki, spki },
		{ "rsa", pkcs1, spki },
		{ "ed25519", ED25519, ED25519 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(DKIM_RECORD_MAX_BYTES), want = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
		EVP_PKEY *key = key_of(rows[i].type, rows[i].p);

		text_addf(&want, "v=DKIM1; k=%s; p=%s", rows[i].type, rows[i].want);
		assert_true(dkim_record_write(&out, key));
		assert_string_equal(text_str(&out), text_str(&want));
		EVP_PKEY_free(key);
	}
}

static void names_are_safe(void **state)
{
	static const struct {
		const char *name;
		bool domain, selector;
	} rows[] = {
		{ "example.org", true, true },
		{ "a.b.example.org", true, true },
		{ "example", false, true },
		{ "2026-11", false, true },
		{ "example.org.", false, false },
		{ "", false, false },
		{ ".", false, false },
		{ "..", false, false },
		{ "../example.org", false, false },
		{ "a/b.example", false, false },
		{ "a b.example", false, false },
		{ "a;b.example", false, false },
		{ "b\xc3\xbc"
		  "cher.example",
			false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = strlen(rows[i].name);

		if (dkim_domain_valid(rows[i].name, len) != rows[i].domain || dkim_selector_valid(rows[i].name, len) != rows[i].selector)
			fail_msg("'%s'", rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_key_records),
		cmocka_unit_test(tells_other_records_apart),
		cmocka_unit_test(finds_the_key_in_either_form),
		cmocka_unit_test(what_is_no_key_is_none),
		cmocka_unit_test(writes_the_record_of_a_key),
		cmocka_unit_test(names_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
