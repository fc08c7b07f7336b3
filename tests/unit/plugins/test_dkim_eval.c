/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/dkim/dkim_eval.h"

#define BH   "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define GOOD "v=1; a=rsa-sha256; d=example.net; s=sel; h=from; b=AAAA; " BH
#define SPKI_512                                                                                                       \
	"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAM1oGvc769LZwCjCle8q8VJsZtrd5UBBuyvrdZwmyA9qf/"                               \
	"aZdga6AhNVd3jwb0GvVR56GUWMBEY+XBcqcktoll0CAwEAAQ=="
#define PKCS1_512 "MEgCQQDNaBr3O+vS2cAowpXvKvFSbGba3eVAQbsr63WcJsgPan/2mXYGugITVXd48G9Br1UeehlFjARGPlwXKnJLaJZdAgMBAAE="
#define SPKI_1024                                                                                                      \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5DIDZqCMA1pEtB4V5xR+Ud8gAY8NuW70w7dEuz9cCDZKK3a4iqK+SWX++"             \
	"nfz19AaQUYjOvAgkRIaCTBcs7p6owaKHYkkgdi"                                                                       \
	"oT1oY+vpIwLFWzhhtH2O9+4ysGR/Ua/OxJZ6RIVOQByCzw7oVrDrVC84hpRH7QjK7suE211x5EUwIDAQAB"
#define PKCS1_1024                                                                                                     \
	"MIGJAoGBALkMgNmoIwDWkS0HhXnFH5R3yABjw25bvTDt0S7P1wINkordriKor5JZf76d/"                                        \
	"PX0BpBRiM68CCREhoJMFyzunqjBoodiSSB2KhPWhj6+kjAsVbOGG0fY737jKwZH9Rr8"                                          \
	"7ElnpEhU5AHILPDuhWsOtULziGlEftCMruy4TbXXHkRTAgMBAAE="
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

/* ---- signatures ---- */

static void judges_signatures(void **state)
{
	static const struct {
		const char *value;
		enum dkim_result result; /* NONE: no flaw */
		const char *why;
	} rows[] = {
		{ GOOD, DKIM_NONE, NULL },
		{ GOOD ";", DKIM_NONE, NULL },
		{ " " GOOD "; t=1700000000; x=1700000001; l=0; q=dns/txt; c=relaxed; i=@example.net; z=any", DKIM_NONE,
			NULL },
		{ GOOD "; l=9223372036854775807", DKIM_NONE, NULL },
		{ GOOD "; l=9223372036854775808", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=00000000000000000000000000000000000001", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; l=1 0", DKIM_NEUTRAL, "l= is no length" },
		{ GOOD "; x=1", DKIM_NONE, NULL }, /* that it is over is for the time to say */
		{ GOOD "; x=99999999999999999999999", DKIM_NONE, NULL },
		{ GOOD "; x=-1", DKIM_NEUTRAL, "x= is no time" },
		{ GOOD "; t=1700000000; x=1700000000", DKIM_NEUTRAL, "x= is not after t=" },
		{ GOOD "; t=0", DKIM_NONE, NULL },
		{ GOOD "; t=9999999999999", DKIM_NONE, NULL }, /* for ever in the future: that is for the time to say */
		{ GOOD "; t=", DKIM_NEUTRAL, "t= is no time" },
		{ GOOD "; t=-1", DKIM_NEUTRAL, "t= is no time" },
		{ GOOD "; i=example.net", DKIM_NEUTRAL, "i= is no identity" },
		{ GOOD "; i=@badexample.net", DKIM_PERMERROR, "i= is not within d=" },
		{ GOOD "; i=a@b@sub.example.net", DKIM_NONE, NULL },
		{ GOOD "; c=", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; c=relaxed/", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; c=Relaxed", DKIM_NEUTRAL, "c= is unknown" },
		{ GOOD "; q=", DKIM_NEUTRAL, "q= is not dns/txt" },
		{ GOOD "; v=1", DKIM_NEUTRAL, "the field breaks the grammar" },
		{ GOOD " junk", DKIM_NEUTRAL, "bh= is no hash" },
		{ "", DKIM_NEUTRAL, "the field breaks the grammar" },
		{ "v=1; a=rsa-sha1; d=example.net; s=sel; h=from; b=AAAA; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", DKIM_POLICY,
			"rsa-sha1 proves nothing any more (RFC 8301)" },
		{ "v=1; a=RSA-SHA256; d=example.net; s=sel; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "a= is unknown" },
		{ "v=1; d=example.net; s=sel; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "no a= tag" },
		{ "v=1; a=rsa-sha256; d=exa mple.net; s=s_l.a-1; h=from:; b=AAAA; " BH, DKIM_NEUTRAL,
			"h= has an empty name" },
		{ "v=1; a=rsa-sha256; d=example.net; s=sel; h=; b=AAAA; " BH, DKIM_NEUTRAL, "h= has an empty name" },
		{ "v=1; a=rsa-sha256; d=example.net; s=sel; h=to : fro m; b=AAAA; " BH, DKIM_PERMERROR,
			"From is not signed" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s\\046; h=from; b=AAAA; " BH, DKIM_NEUTRAL,
			"s= is no selector" },
		{ "v=1; a=rsa-sha256; d=.example.net; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "d= is no domain" },
		{ "v=1; a=rsa-sha256; d=example.net.; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL, "d= is no domain" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=A; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1; a=rsa-sha256; d=example.net; s=s; h=from; b=AA%A; " BH, DKIM_NEUTRAL, "b= is no signature" },
		{ "v=1.0; a=rsa-sha256; d=example.net; s=s; h=from; b=AAAA; " BH, DKIM_NEUTRAL,
			"another version than v=1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dkim_signature sig;

		dkim_signature_parse(rows[i].value, strlen(rows[i].value), &sig);
		if (sig.flaw.result != rows[i].result || !sig.flaw.why != !rows[i].why ||
			(rows[i].why && strcmp(sig.flaw.why, rows[i].why) != 0))
			fail_msg("'%s': got %s '%s'", rows[i].value, dkim_result_words[sig.flaw.result],
				sig.flaw.why ? sig.flaw.why : "");
	}
}

static void reads_what_is_in_it(void **state)
{
	static const char value[] =
		" v=1; a=ed25519-sha256; c=simple/relaxed; d=Example.\r\n NET; s=Sel; i=ann@Sub.example.net; h=From;"
		" t=1700000000; x=1800000000; l=77; b=/abc def\r\n\tghi==; " BH;
	struct dkim_signature sig;

	(void)state;
	dkim_signature_parse(value, strlen(value), &sig);
	assert_null(sig.flaw.why);
	assert_string_equal(sig.domain, "example.net");
	assert_string_equal(sig.selector, "Sel");
	assert_string_equal(sig.algorithm_text, "ed25519-sha256");
	assert_int_equal(sig.algorithm, DKIM_ED25519_SHA256);
	assert_string_equal(sig.b, "/abcdefghi==");
	assert_true(sig.subdomain && sig.has_length);
	assert_int_equal(sig.header_canon, DKIM_SIMPLE);
	assert_int_equal(sig.body_canon, DKIM_RELAXED);
	assert_int_equal(sig.length, 77);
	assert_int_equal(sig.signed_s, 1700000000);
	assert_int_equal(sig.expires_s, 1800000000);
}

static void a_broken_one_still_says_whose_it_is(void **state)
{
	static const char value[] = "d=example.net; s=sel; a=rsa-sha256; v=1; v=1; h=from";
	struct dkim_signature sig;

	(void)state;
	dkim_signature_parse(value, strlen(value), &sig);
	assert_string_equal(sig.flaw.why, "the field breaks the grammar");
	assert_string_equal(sig.domain, "example.net");
	assert_string_equal(sig.selector, "sel");
}

static void time_is_an_argument(void **state)
{
	static const struct {
		const char *tags;
		int64_t now_s;
		const char *why;
	} rows[] = {
		{ "", 1, NULL },
		{ "; t=1700000000", 1700000000 - DKIM_CLOCK_DRIFT_S, NULL },
		{ "; t=1700000000", 1700000000 - DKIM_CLOCK_DRIFT_S - 1, "signed in the future" },
		{ "; x=1700000000", 1699999999, NULL },
		{ "; x=1700000000", 1700000000, "expired" },
		{ "; x=0", 1700000000, "expired" },
		{ "; x=9999999999999999999999999", INT64_MAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1000);
		struct dkim_signature sig;

		text_addf(&value, "%s%s", GOOD, rows[i].tags);
		dkim_signature_parse(value.bytes, value.len, &sig);
		dkim_signature_check_time(&sig, rows[i].now_s);
		assert_int_equal(sig.flaw.why != NULL, rows[i].why != NULL);
		if (rows[i].why)
			assert_string_equal(sig.flaw.why, rows[i].why);
	}
}

static void too_much_is_said_to_be_so(void **state)
{
	SLUICE_CLEANUP(text_done) struct text names = TEXT_INIT(10000);
	struct dkim_signature sig;

	(void)state;
	text_adds(&names, "v=1; a=rsa-sha256; d=example.net; s=s; b=AAAA; " BH "; h=from");
	for (int i = 1; i < DKIM_FIELDS_MAX; i++)
		text_adds(&names, ":a");
	dkim_signature_parse(names.bytes, names.len, &sig);
	assert_null(sig.flaw.why);
	text_adds(&names, ":a");
	dkim_signature_parse(names.bytes, names.len, &sig);
	assert_string_equal(sig.flaw.why, "h= names too many fields");
}

/* ---- keys ---- */

static struct dkim_keys *kept;

static void judges_keys(void **state)
{
	static const struct {
		const char *record;
		bool ed25519;
		unsigned bits;
		enum dkim_result result;
		const char *why;
	} rows[] = {
		{ "v=DKIM1; k=rsa; p=" SPKI_1024, false, 1024, DKIM_NONE, NULL },
		{ "p=" PKCS1_1024, false, 1024, DKIM_NONE, NULL },
		{ "v=DKIM1; p=" SPKI_512, false, 512, DKIM_POLICY, "the key is too short" },
		{ "v=DKIM1; p=" PKCS1_512, false, 512, DKIM_POLICY, "the key is too short" },
		{ "v=DKIM1; k=ed25519; p=" ED25519, true, 256, DKIM_NONE, NULL },
		{ "v=DKIM1; k=ed25519; p=AAAA", true, 0, DKIM_PERMERROR, "p= of the key is no Ed25519 key" },
		{ "v=DKIM1; p=" ED25519, true, 0, DKIM_PERMERROR, "the key is of another type than a=" },
		{ "v=DKIM1; k=ed25519; p=" ED25519, false, 0, DKIM_PERMERROR, "the key is of another type than a=" },
		{ "v=dkim1; p=" SPKI_1024, false, 0, DKIM_PERMERROR, "the record is no DKIM key" },
		{ "v=DKIM1; p=" SPKI_1024 "AAAA", false, 0, DKIM_PERMERROR, "p= of the key is no RSA key" },
		{ "v=DKIM1; p=" SPKI_1024 "!", false, 0, DKIM_PERMERROR, "p= of the key is no RSA key" },
		{ "v=DKIM1; p=MIGfAAAA", false, 0, DKIM_PERMERROR, "p= of the key is no RSA key" },
		{ "v=DKIM1; p=MAA=", false, 0, DKIM_PERMERROR, "p= of the key is no RSA key" },
		{ "v=DKIM1; p=MAYCAQACAQA=", false, 0, DKIM_PERMERROR,
			"p= of the key is no RSA key" }, /* a modulus of 0 */
		{ "v=DKIM1; p= ", false, 0, DKIM_PERMERROR, "the key is revoked" },
		{ "v=DKIM1; n=p", false, 0, DKIM_PERMERROR, "the record is no DKIM key" },
		{ "", false, 0, DKIM_PERMERROR, "the record is no DKIM key" },
		{ "v=DKIM1; h=sha1; p=" SPKI_1024, false, 0, DKIM_PERMERROR, "the key is not for mail and sha256" },
		{ "v=DKIM1; s=tlsrpt; p=" SPKI_1024, false, 0, DKIM_PERMERROR, "the key is not for mail and sha256" },
		{ "v=DKIM1; s=tlsrpt : *; h=sha1:sha256; t=y:s; p=" SPKI_1024, false, 1024, DKIM_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dkim_signature sig = { .algorithm = rows[i].ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256 };
		struct sluice_dns_record record = { rows[i].record, strlen(rows[i].record), 0 };
		struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 1, .records = &record };
		struct dkim_key key;

		dkim_key_choose(&answer, &sig, 1024, kept, &key);
		if (key.bits != rows[i].bits || key.flaw.result != rows[i].result || !key.flaw.why != !rows[i].why ||
			(rows[i].why && strcmp(key.flaw.why, rows[i].why) != 0) || !key.key != !!key.flaw.why)
			fail_msg("'%s': got %u %s '%s'", rows[i].record, key.bits, dkim_result_words[key.flaw.result],
				key.flaw.why ? key.flaw.why : "");
		dkim_keys_release(kept, key.key);
	}
}

static void chooses_one_of_several_records(void **state)
{
#define RECORD(s)                                                                                                      \
	{                                                                                                              \
		(s), sizeof(s) - 1, 0                                                                                  \
	}
	static const struct {
		struct sluice_dns_record records[3];
		const char *why;
		unsigned bits;
	} rows[] = {
		{ { RECORD("v=spf1 -all"), RECORD("\xff"), RECORD("v=DKIM1; p=" SPKI_1024) }, NULL, 1024 },
		{ { RECORD("v=DKIM1; k=ed25519; p=" ED25519), RECORD("v=DKIM1; p="), RECORD("p=" PKCS1_1024) }, NULL,
			1024 },
		{ { RECORD("hello"), RECORD("v=DKIM1; p="), RECORD("v=DKIM1; h=sha1; p=" SPKI_1024) },
			"the key is revoked", 0 },
		{ { RECORD("v=spf1 -all"), RECORD("hello"), RECORD("v=DMARC1; p=none") }, "the record is no DKIM key",
			0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dkim_signature sig = { .algorithm = DKIM_RSA_SHA256 };
		struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 3, .records = rows[i].records };
		struct dkim_key key;

		dkim_key_choose(&answer, &sig, 1024, kept, &key);
		dkim_keys_release(kept, key.key);
		assert_int_equal(key.bits, rows[i].bits);
		assert_int_equal(key.flaw.why != NULL, rows[i].why != NULL);
		if (rows[i].why)
			assert_string_equal(key.flaw.why, rows[i].why);
	}
}

static void a_key_that_does_not_come_is_no_key_that_is_not_there(void **state)
{
	static const struct {
		enum sluice_dns_status status;
		enum dkim_result result;
	} rows[] = {
		{ SLUICE_DNS_OK, DKIM_PERMERROR },
		{ SLUICE_DNS_NODATA, DKIM_PERMERROR },
		{ SLUICE_DNS_NXDOMAIN, DKIM_PERMERROR },
		{ SLUICE_DNS_FAILED, DKIM_TEMPERROR },
		{ SLUICE_DNS_TIMEOUT, DKIM_TEMPERROR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sluice_dns_answer answer = { .status = rows[i].status };
		struct dkim_signature sig = { .algorithm = DKIM_RSA_SHA256 };
		struct dkim_key key;

		dkim_key_choose(&answer, &sig, 1024, kept, &key);
		assert_int_equal(key.flaw.result, rows[i].result);
		assert_non_null(key.flaw.why);
	}
}

/* ---- results ---- */

static void a_pass_counts_and_else_what_says_most(void **state)
{
	static const enum dkim_result order[] = { DKIM_NONE, DKIM_NEUTRAL, DKIM_PERMERROR, DKIM_POLICY, DKIM_FAIL,
		DKIM_TEMPERROR, DKIM_PASS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		for (size_t k = 0; k <= i; k++) {
			assert_int_equal(dkim_result_join(order[i], order[k]), order[i]);
			assert_int_equal(dkim_result_join(order[k], order[i]), order[i]);
		}
}

static void tells_signatures_apart_by_their_beginning(void **state)
{
	static const char *const apart[] = { "AAAAAAAAB", "BAAAAAAAA", "" }, *const alike[] = { "AAAAAAAAAAB",
		"AAAAAAAAAAC", "AAAAAAAAAAB" };

	(void)state;
	assert_int_equal(dkim_b_length(apart, 3), 8);
	assert_int_equal(dkim_b_length(alike, 3), 11);
	assert_int_equal(dkim_b_length(NULL, 0), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_signatures),
		cmocka_unit_test(reads_what_is_in_it),
		cmocka_unit_test(a_broken_one_still_says_whose_it_is),
		cmocka_unit_test(time_is_an_argument),
		cmocka_unit_test(too_much_is_said_to_be_so),
		cmocka_unit_test(judges_keys),
		cmocka_unit_test(chooses_one_of_several_records),
		cmocka_unit_test(a_key_that_does_not_come_is_no_key_that_is_not_there),
		cmocka_unit_test(a_pass_counts_and_else_what_says_most),
		cmocka_unit_test(tells_signatures_apart_by_their_beginning),
	};
	int failures;

	kept = dkim_keys_new();
	failures = cmocka_run_group_tests_name("dkim_eval", tests, NULL, NULL);
	dkim_keys_free(kept);
	return failures;
}
