/* SPDX-License-Identifier: BSD-2-Clause */
/* What is signed here libopendkim has to find good; python3-dkim is asked in tests/dialogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <opendkim/dkim.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/sign/sign_message.h"

/* In the order of sign_options. */
enum { KEYS, KEY_TABLE, SIGNING_TABLE, HEADER, EXPIRE, SUBDOMAINS };

static char top[] = "/tmp/sluice-sign-XXXXXX"; /* where the test runs */
static struct sign_config *config;
static int64_t now_s; /* the real time: libopendkim compares x= with it */

struct field {
	const char *name, *value;
};
static const struct field plain[] = {
	{ "From", " U <u@example.org>" },
	{ "To", " a@example.net,\n\tb@example.net" },
	{ "Received", " from nowhere" },
	{ "Subject", "no blank  but two  " },
	{ "MIME-Version", " 1.0" },
	{ "X-Mailer", " none" },
	{ NULL, NULL },
};

static int set_up(void **state)
{
	static const struct sluice_setting settings[] = {
		{ .option = KEYS, .text = "keys" },
		{ .option = EXPIRE, .number = 7 * 86400000 },
		{ .option = SUBDOMAINS, .number = 1 },
		{ .option = HEADER, .text = "X-Mailer" },
	};
	const struct sluice_block block = { .settings = settings, .count = ARRAY_LEN(settings), .user = "" };
	EVP_PKEY *keys[] = { EVP_RSA_gen(1024), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
	static const char *const files[] = { "keys/example.org/rsa.pem", "keys/example.org/ed.pem" };
	struct sluice_config_error err;
	void *made = NULL;

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir("keys", 0700), 0);
	assert_int_equal(mkdir("keys/example.org", 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		FILE *f = fopen(files[i], "w");

		assert_non_null(f);
		assert_int_equal(PEM_write_PrivateKey(f, keys[i], NULL, NULL, 0, NULL, NULL), 1);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(chmod(files[i], 0600), 0);
		EVP_PKEY_free(keys[i]);
	}
	assert_int_equal(sign_configure(&block, 1, &made, &err), 0);
	config = made;
	now_s = time(NULL);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	sign_release(config);
	(void)snprintf(command, sizeof command, "rm -r %s", top);
	return system(command);
}

static struct sign_message *sign(const struct field *fields, const char *body, size_t len, size_t chunk)
{
	struct sign_message *m = sign_message_new(config);

	assert_non_null(m);
	for (; fields->name; fields++)
		sign_message_header(m, fields->name, strlen(fields->name), fields->value, strlen(fields->value));
	sign_message_end_of_header(m);
	for (size_t at = 0; at < len; at += chunk)
		sign_message_body(m, body + at, len - at < chunk ? len - at : chunk);
	(void)sign_message_end(m, now_s);
	return m;
}

/* ---- the other side ---- */

static DKIM_CBSTAT look_up(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *buf, size_t len)
{
	(void)dkim;
	for (size_t i = 0; i < config->keys.len; i++)
		if (!strcmp((const char *)dkim_sig_getselector(sig), config->keys.items[i].selector))
			(void)snprintf((char *)buf, len, "%s", config->keys.items[i].record);
	return DKIM_CBSTAT_CONTINUE;
}

static void give_header(DKIM *dkim, const char *name, const char *value)
{
	SLUICE_CLEANUP(text_done) struct text field = TEXT_INIT(1 << 20);

	text_addf(&field, "%s:", name);
	for (; *value; value++)
		text_adds(&field, *value == '\n' ? "\r\n" : (char[]){ *value, '\0' });
	assert_int_equal(dkim_header(dkim, (unsigned char *)field.bytes, field.len), DKIM_STAT_OK);
}

static void verify(const struct field *fields, const char *body, size_t len, const char *signature)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM_STAT status;
	DKIM *dkim;

	assert_non_null(lib);
	assert_int_equal(dkim_set_key_lookup(lib, look_up), DKIM_STAT_OK);
	dkim = dkim_verify(lib, (const unsigned char *)"test", NULL, &status);
	assert_non_null(dkim);
	give_header(dkim, "DKIM-Signature", signature);
	for (; fields->name; fields++)
		give_header(dkim, fields->name, fields->value);
	assert_int_equal(dkim_eoh(dkim), DKIM_STAT_OK);
	if (len)
		assert_int_equal(dkim_body(dkim, (unsigned char *)body, len), DKIM_STAT_OK);
	if (len && body[len - 1] != '\n')
		assert_int_equal(dkim_body(dkim, (unsigned char *)"\r\n", 2), DKIM_STAT_OK);
	status = dkim_eom(dkim, NULL);
	if (status != DKIM_STAT_OK)
		fail_msg("%s: %s for a body of %zu: %s", signature, dkim_getresultstr(status), len, body);
	(void)dkim_free(dkim);
	dkim_close(lib);
}

static void short_lines(const char *value)
{
	for (; *value; value += strcspn(value, "\n"), value += *value == '\n')
		if (strcspn(value, "\n") > 78 || strcspn(value, "\r") < strcspn(value, "\n"))
			fail_msg("a line of %zu octets: %s", strcspn(value, "\n"), value);
}

static void good(const struct field *fields, const char *body, size_t len, size_t chunk)
{
	struct sign_message *m = sign(fields, body, len, chunk);

	assert_string_equal(sign_message_reason(m), "");
	assert_int_equal(sign_message_end(m, now_s), SIGN_SIGNED);
	assert_int_equal(sign_message_count(m), 2);
	for (size_t i = 0; i < 2; i++) {
		short_lines(sign_message_signature(m, i));
		verify(fields, body, len, sign_message_signature(m, i));
	}
	sign_message_free(m);
}

/* ---- the tests ---- */

/* But for CR alone, which is an octet as any other and which libopendkim takes for more: see test_dkim_canon.c. */
static void every_kind_of_body_is_signed(void **state)
{
	static const char *const bodies[] = {
		"",
		"\r\n",
		"\r\n\r\n",
		"hello\r\n",
		"hello",
		"hello\r\n\r\n\r\n",
		" a  b\t \r\nc \r\n\r\nd",
		"\xe4\xff\x01\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		for (size_t chunk = 1; chunk < 8; chunk += 3)
			good(plain, bodies[i], strlen(bodies[i]), chunk);
}

static void a_large_body_comes_in_chunks(void **state)
{
	static char body[3 << 20];

	(void)state;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : (char)('a' + i % 26);
	good(plain, body, sizeof body, 65535);
}

static void says_who_signed_and_what(void **state)
{
	struct sign_message *m = sign(plain, "x\r\n", 3, 3);
	const char *rsa = sign_message_signature(m, 1);
	char times[80];

	(void)state;
	(void)snprintf(times, sizeof times, "\n\tt=%lld; x=%lld;", (long long)now_s, (long long)now_s + 7 * 86400);
	assert_non_null(strstr(rsa, times));
	assert_string_equal(sign_message_signer(m, 0), "example.org/ed");
	assert_string_equal(sign_message_signer(m, 1), "example.org/rsa");
	assert_non_null(strstr(sign_message_signature(m, 0), "a=ed25519-sha256"));
	assert_non_null(strstr(rsa, "a=rsa-sha256; c=relaxed/relaxed"));
	assert_non_null(strstr(rsa, "d=example.org; s=rsa"));
	assert_null(strstr(rsa, " i="));
	assert_null(strstr(rsa, "received"));
	assert_non_null(strstr(rsa, "x-mailer"));
	sign_message_free(m);
}

/* How often h= has a name. */
static void names(const struct field *fields, const char *name, size_t want)
{
	struct sign_message *m = sign(fields, "x\r\n", 3, 3);
	const char *h = strstr(sign_message_signature(m, 1), "\th=");
	size_t count = 0, len = strlen(name);

	assert_non_null(h);
	for (const char *s = h; *s != ';'; s++)
		count += !strncmp(s, name, len) && strchr("=: ", s[-1]) && strchr(":;", s[len]);
	if (count != want)
		fail_msg("%s %zu times in %s", name, count, h);
	sign_message_free(m);
}

/* From, Subject and To once more than they are there; Date, which Sendmail adds, only where there is one. */
static void nobody_can_add_another_from(void **state)
{
	static const struct field dated[] = { { "From", " u@example.org" }, { "Date", " today" }, { NULL, NULL } };

	(void)state;
	names(plain, "from", 2);
	names(plain, "subject", 2);
	names(plain, "to", 2);
	names(plain, "date", 0);
	names(plain, "mime-version", 1);
	names(dated, "from", 2);
	names(dated, "subject", 1);
	names(dated, "to", 1);
	names(dated, "date", 2);
}

static void what_is_not_ours_is_not_signed(void **state)
{
	static const struct {
		const char *from, *second, *why;
	} rows[] = {
		{ " u@elsewhere.example", NULL, "no key signs for elsewhere.example" },
		{ " u@example.org, v@example.org", NULL, "there is more than one address in From" },
		{ " u@example.org", " v@example.org", "there is more than one address in From" },
		{ " u@example.org <", NULL, "From has something in it that is no address" },
		{ "", NULL, "there is no address in From" },
		{ NULL, NULL, "there is no address in From" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct field fields[] = { { rows[i].from ? "From" : "Subject", rows[i].from ? rows[i].from : " t" },
			{ rows[i].second ? "from" : NULL, rows[i].second }, { NULL, NULL } };
		struct sign_message *m = sign(fields, "x\r\n", 3, 3);

		assert_int_equal(sign_message_end(m, now_s), SIGN_NOT_OURS);
		assert_string_equal(sign_message_reason(m), rows[i].why);
		assert_int_equal(sign_message_count(m), 0);
		sign_message_free(m);
	}
}

static void a_subdomain_is_signed_by_the_domain(void **state)
{
	static const struct field fields[] = { { "From", " root@host.Example.ORG" }, { NULL, NULL } };

	(void)state;
	good(fields, "x\r\n", 3, 3);
}

static void signatures_of_others_do_not_disturb(void **state)
{
	static const struct field fields[] = { { "DKIM-Signature", " v=1; nonsense" }, { "From", " u@example.org" }, { NULL, NULL } };
	struct sign_message *m = sign(fields, "x\r\n", 3, 3);

	(void)state;
	assert_int_equal(sign_message_end(m, now_s), SIGN_SIGNED);
	verify(fields + 1, "x\r\n", 3, sign_message_signature(m, 0));
	sign_message_free(m);
}

static void long_fields(void **state)
{
	SLUICE_CLEANUP(text_done) struct text to = TEXT_INIT(1 << 20);
	struct field fields[] = { { "From", " u@example.org" }, { "To", NULL }, { NULL, NULL } };

	(void)state;
	for (int i = 0; i < 6000; i++)
		text_addf(&to, "%s user%d@example.net", i ? ",\n\t" : "", i);
	fields[1].value = text_str(&to);
	good(fields, "x\r\n", 3, 3);
}

static void a_header_that_is_too_large_is_a_failure(void **state)
{
	static char value[SIGN_HEADER_MAX_BYTES + 1];
	struct field fields[] = { { "From", " u@example.org" }, { "To", value }, { NULL, NULL } };
	struct sign_message *m;

	(void)state;
	memset(value, 'a', sizeof value - 1);
	m = sign(fields, "x\r\n", 3, 3);
	assert_int_equal(sign_message_end(m, now_s), SIGN_FAILED);
	assert_string_equal(sign_message_reason(m), "the header has more than 4 MB");
	sign_message_free(m);
	fields[0].value = " u@elsewhere.example";
	m = sign(fields, "x\r\n", 3, 3);
	assert_int_equal(sign_message_end(m, now_s), SIGN_NOT_OURS);
	sign_message_free(m);
	sign_message_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_body_is_signed),
		cmocka_unit_test(a_large_body_comes_in_chunks),
		cmocka_unit_test(says_who_signed_and_what),
		cmocka_unit_test(nobody_can_add_another_from),
		cmocka_unit_test(what_is_not_ours_is_not_signed),
		cmocka_unit_test(a_subdomain_is_signed_by_the_domain),
		cmocka_unit_test(signatures_of_others_do_not_disturb),
		cmocka_unit_test(long_fields),
		cmocka_unit_test(a_header_that_is_too_large_is_a_failure),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
