/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "plugins/opendkim/opendkim_verify.h"

#define NOW_S 1528638000

/* RFC 8463 A.2, A.3 */
#define ED25519_SIGNATURE                                                                                              \
	" v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"                                                               \
	" d=football.example.com; i=@football.example.com;\r\n"                                                        \
	" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"                                                      \
	" subject : date : message-id : from : subject : date;\r\n"                                                    \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                                                        \
	" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"                                              \
	" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
#define RSA_SIGNATURE                                                                                                  \
	" v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"                                                                   \
	" d=football.example.com; i=@football.example.com;\r\n"                                                        \
	" q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"                                                \
	" date : message-id : from : subject : date;\r\n"                                                              \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"                                                        \
	" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"                                              \
	" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"                                              \
	" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="
#define ED25519_KEY "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_KEY                                                                                                        \
	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk"                         \
	"08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHv"                         \
	"qMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define BODY "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"

static const struct field {
	const char *name, *value;
} fields[] = {
	{ "From", " Joe SixPack <joe@football.example.com>" },
	{ "To", " Suzie Q <suzie@shopping.example.net>" },
	{ "Subject", " Is dinner ready?" },
	{ "Date", " Fri, 11 Jul 2003 21:00:37 -0700 (PDT)" },
	{ "Message-ID", " <20030712040037.46341.5F8J@football.example.com>" },
};

struct fixture {
	struct opendkim_library *lib;
	struct dkim_keys *kept;
	struct opendkim_message *m;
	struct text results; /* "pass 1024;" for each signature */
};

static struct fixture begin(void)
{
	struct fixture f = {
		.lib = opendkim_library_new(OPENDKIM_GUARDS), .kept = dkim_keys_new(), .results = TEXT_INIT(10000)
	};

	assert_non_null(f.lib);
	assert_non_null(f.kept);
	f.m = opendkim_message_new(f.lib, 10);
	assert_non_null(f.m);
	return f;
}

static void give(struct fixture *f, const char *name, const char *value)
{
	opendkim_message_header(f->m, name, strlen(name), value, strlen(value));
}

static void give_fields(struct fixture *f)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		give(f, fields[i].name, fields[i].value);
}

/* What came of each signature. */
static const char *finish(struct fixture *f)
{
	static struct opendkim_key keys[DKIM_MAX_SIGNATURES];
	struct dkim_verified *v;
	size_t count;

	v = opendkim_message_signatures(f->m, &count);
	for (size_t i = 0; i < count; i++) {
		const char *record = v[i].sig.algorithm == DKIM_ED25519_SHA256 ? ED25519_KEY : RSA_KEY;
		const struct sluice_dns_record r = { record, strlen(record), 0 };
		const struct sluice_dns_answer a = { .status = SLUICE_DNS_OK, .count = 1, .records = &r };

		opendkim_key_choose(f->lib, &a, &v[i].sig, 1024, f->kept, &keys[i]);
	}
	assert_true(opendkim_message_finish(f->m, keys));
	for (size_t i = 0; i < count; i++)
		text_addf(&f->results, "%s %u;", dkim_result_words[v[i].result.result], v[i].bits);
	return text_str(&f->results);
}

static const char *end(struct fixture *f, const char *body)
{
	opendkim_message_header_end(f->m, NOW_S);
	if (body)
		opendkim_message_body(f->m, body, strlen(body));
	return finish(f);
}

static void done(struct fixture *f)
{
	opendkim_message_free(f->m);
	opendkim_library_free(f->lib);
	dkim_keys_free(f->kept);
	text_done(&f->results);
}

static void verifies_the_example_of_rfc_8463(void **state)
{
	struct fixture f = begin();

	(void)state;
	give(&f, "DKIM-Signature", ED25519_SIGNATURE);
	give(&f, "dkim-signature", RSA_SIGNATURE);
	give_fields(&f);
	assert_string_equal(end(&f, BODY), "pass 256;pass 1024;");
	done(&f);
}

static void a_body_without_its_last_line_break_is_the_same(void **state)
{
	struct fixture f = begin();

	(void)state;
	give(&f, "DKIM-Signature", RSA_SIGNATURE);
	give_fields(&f);
	assert_string_equal(end(&f, "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe."), "pass 1024;");
	done(&f);
}

static void another_body_fails(void **state)
{
	static const char *const bodies[] = { "", NULL, "\r", "\n", "Hi.\r\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct fixture f = begin();

		give(&f, "DKIM-Signature", ED25519_SIGNATURE);
		give_fields(&f);
		assert_string_equal(end(&f, bodies[i]), "fail 256;");
		done(&f);
	}
}

/* More than there are count as nothing (RFC 6376 5.4.2). */
static void all_fields_may_be_signed_and_more(void **state)
{
	static const char *const lists[] = { "from:dkim-signature", "from:dkim-signature:x",
		"from:dkim-signature:x:y:z", "from:from:from:dkim-signature:dkim-signature:sluice" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1000);
		struct fixture f = begin();

		text_addf(&value,
			" v=1; a=rsa-sha256; d=football.example.com; s=test; h=%s; "
			"bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA",
			lists[i]);
		give(&f, "From", " joe@football.example.com");
		give(&f, "DKIM-Signature", text_str(&value));
		assert_string_equal(end(&f, BODY), "fail 1024;");
		done(&f);
	}
}

/* Each octet of a good signature changed, taken out, doubled; and cut there: the good one beside it passes. */
static void a_broken_signature_hides_no_good_one(void **state)
{
	static const char good[] = RSA_SIGNATURE, octets[] = ";=: \t\"\\%a0\x7f\xff/";

	(void)state;
	for (size_t at = 0; at < sizeof good - 1; at++) {
		for (size_t k = 0; k < ARRAY_LEN(octets) + 2; k++) {
			SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1000);
			struct fixture f = begin();
			const char *results;

			text_add(&value, good, at);
			if (k < ARRAY_LEN(octets) - 1)
				text_addc(&value, octets[k]);
			if (k == ARRAY_LEN(octets))
				text_add(&value, good + at, sizeof good - 1 - at);
			else if (k != ARRAY_LEN(octets) + 1)
				text_add(&value, good + at + 1, sizeof good - 2 - at);
			give(&f, "DKIM-Signature", text_str(&value));
			give(&f, "DKIM-Signature", ED25519_SIGNATURE);
			give_fields(&f);
			results = end(&f, BODY);
			if (!strstr(results, ";pass 256;"))
				fail_msg("%s: %s", text_str(&value), results);
			done(&f);
		}
	}
}

static void there_are_bounds(void **state)
{
	SLUICE_CLEANUP(text_done) struct text large = TEXT_INIT(1 << 20);
	struct fixture f = begin();
	size_t count;

	(void)state;
	text_adds(&large, " v=1; z=");
	while (large.len <= DKIM_SIGNATURE_MAX)
		text_addc(&large, 'x');
	give(&f, "DKIM-Signature", text_str(&large));
	give(&f, "DKIM-Signature", ED25519_SIGNATURE);
	for (int i = 0; i < 20; i++)
		give(&f, "DKIM-Signature", RSA_SIGNATURE);
	give_fields(&f);
	(void)opendkim_message_signatures(f.m, &count);
	assert_int_equal(count, 10);
	assert_int_equal(opendkim_message_skipped(f.m), 12);
	assert_string_equal(end(&f, BODY),
		"neutral 0;pass 256;pass 1024;pass 1024;pass 1024;pass 1024;pass 1024;pass 1024;pass 1024;pass 1024;");
	done(&f);
}

static void no_line_fills_the_memory(void **state)
{
	SLUICE_CLEANUP(text_done) struct text chunk = TEXT_INIT(1 << 20);
	struct fixture f = begin();

	(void)state;
	while (chunk.len < 65535)
		text_addc(&chunk, 'x');
	give(&f, "DKIM-Signature", RSA_SIGNATURE);
	give_fields(&f);
	opendkim_message_header_end(f.m, NOW_S);
	for (int i = 0; i < 100; i++)
		opendkim_message_body(f.m, chunk.bytes, chunk.len);
	assert_string_equal(finish(&f), "permerror 1024;");
	done(&f);
}

/* libopendkim reads 4095 octets of h=, and says nothing of the rest. */
static void a_long_h_is_not_shown(void **state)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(10000);
	struct fixture f = begin();

	(void)state;
	text_adds(&value, " v=1; a=rsa-sha256; d=football.example.com; s=test; "
	                  "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=AAAA; h=from");
	while (value.len < 4300)
		text_adds(&value, ":a-name-that-nobody-has");
	give(&f, "DKIM-Signature", text_str(&value));
	give(&f, "DKIM-Signature", ED25519_SIGNATURE);
	give_fields(&f);
	assert_string_equal(end(&f, BODY), "permerror 0;pass 256;");
	done(&f);
}

static void messages_may_end_anywhere(void **state)
{
	struct fixture f = begin();

	(void)state;
	done(&f);
	f = begin();
	give(&f, "DKIM-Signature", RSA_SIGNATURE);
	done(&f);
	f = begin();
	give(&f, "DKIM-Signature", RSA_SIGNATURE);
	opendkim_message_header_end(f.m, NOW_S);
	opendkim_message_body(f.m, "Hi", 2);
	done(&f);
	f = begin();
	assert_string_equal(end(&f, NULL), "");
	done(&f);
	f = begin();
	give(&f, "DKIM-Signature", " nonsense");
	give(&f, "", "");
	give(&f, "X\tY;", "");
	assert_string_equal(end(&f, "a"), "neutral 0;");
	done(&f);
	opendkim_message_free(NULL);
	opendkim_library_free(NULL);
	dkim_keys_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_the_example_of_rfc_8463),
		cmocka_unit_test(a_body_without_its_last_line_break_is_the_same),
		cmocka_unit_test(another_body_fails),
		cmocka_unit_test(all_fields_may_be_signed_and_more),
		cmocka_unit_test(a_broken_signature_hides_no_good_one),
		cmocka_unit_test(there_are_bounds),
		cmocka_unit_test(no_line_fills_the_memory),
		cmocka_unit_test(a_long_h_is_not_shown),
		cmocka_unit_test(messages_may_end_anywhere),
	};

	return cmocka_run_group_tests_name("opendkim_verify", tests, NULL, NULL);
}
