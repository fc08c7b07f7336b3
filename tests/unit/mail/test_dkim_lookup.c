/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/vec.h"
#include "filter/mail/dkim_lookup.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_keys),
		cmocka_unit_test(chooses_one_of_several_records),
		cmocka_unit_test(a_key_that_does_not_come_is_no_key_that_is_not_there),
	};
	int failures;

	kept = dkim_keys_new();
	failures = cmocka_run_group_tests_name("dkim_lookup", tests, NULL, NULL);
	dkim_keys_free(kept);
	return failures;
}
