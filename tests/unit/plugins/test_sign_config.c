/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/sign/sign_config.h"

/* In the order of sign_options. */
enum { KEYS, KEY_TABLE, SIGNING_TABLE, HEADER, EXPIRE, SUBDOMAINS };

static char top[] = "/tmp/sluice-sign-XXXXXX"; /* where the test runs */

static void put(const char *name, const char *content, mode_t mode)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, mode), 0);
}

static void put_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_non_null(key);
	assert_int_equal(PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_256_cbc() : NULL, (const unsigned char *)passphrase,
				 passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
		1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, 0600), 0);
	EVP_PKEY_free(key);
}

static int set_up(void **state)
{
	static const char *const folders[] = { "keys", "keys/example.org", "keys/a.example.org", "keys/old", "bad", "bad/no_domain" };

	(void)state;
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		assert_int_equal(mkdir(folders[i], 0700), 0);
	put_key("keys/example.org/rsa.pem", EVP_RSA_gen(1024), NULL);
	put_key("keys/example.org/ed.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	put_key("keys/a.example.org/s1.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	put("keys/example.org/rsa.txt", "what is not called .pem is no key", 0644);
	put("keys/README", "nor is a file here", 0644);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -r %s", top);
	return system(command);
}

static struct sign_config *configure(const struct sluice_setting *settings, size_t count)
{
	const struct sluice_block block = { .settings = settings, .count = count, .line = 1, .user = "" };
	struct sluice_config_error err = { "", 0 };
	void *made = NULL;

	if (sign_configure(&block, 1, &made, &err) != 0)
		fail_msg("line %u: %s", err.line, err.text);
	return made;
}

static void refused(const struct sluice_setting *settings, size_t count, unsigned line, const char *text)
{
	const struct sluice_block block = { .settings = settings, .count = count, .line = 1, .user = "" };
	struct sluice_config_error err = { "", 0 };
	void *made = NULL;

	if (sign_configure(&block, 1, &made, &err) != -EINVAL || made)
		fail_msg("taken, though %s", text);
	if (err.line != line || !strstr(err.text, text))
		fail_msg("line %u: %s (and not: %s)", err.line, err.text, text);
}

/* The selectors, with blanks between. */
static void signs(const struct sign_config *c, const char *sender, const char *want)
{
	SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(256);
	const struct sign_key *keys[SIGN_MAX_KEYS];
	const char *at = strrchr(sender, '@');
	size_t count = sign_config_find(c, sender, (size_t)(at - sender), at + 1, strlen(at + 1), keys);

	for (size_t i = 0; i < count; i++)
		text_addf(&got, "%s%s", i ? " " : "", keys[i]->selector);
	if (strcmp(text_str(&got), want) != 0)
		fail_msg("%s: '%s', not '%s'", sender, text_str(&got), want);
}

static void all_keys_of_a_folder_sign_for_their_domain(void **state)
{
	const struct sluice_setting settings[] = { { .option = KEYS, .text = "keys" }, { .option = SUBDOMAINS, .number = 1 } };
	struct sign_config *c = configure(settings, ARRAY_LEN(settings));

	(void)state;
	assert_int_equal(c->keys.len, 3);
	signs(c, "u@example.org", "ed rsa");
	signs(c, "u@EXAMPLE.org", "ed rsa");
	signs(c, "u@a.example.org", "s1");
	signs(c, "u@b.a.example.org", "s1");
	signs(c, "u@b.example.org", "ed rsa");
	signs(c, "u@badexample.org", "");
	signs(c, "u@org", "");
	signs(c, "u@", "");
	c->subdomains = false;
	signs(c, "u@example.org", "ed rsa");
	signs(c, "u@b.example.org", "");
	sign_release(c);
	sign_release(NULL);
}

static void a_key_is_kept_with_its_record(void **state)
{
	struct sign_key key;
	struct err err;

	(void)state;
	assert_int_equal(sign_key_load("keys/example.org/ed.pem", NULL, "s", "", &key, &err), 0);
	assert_null(key.domain);
	assert_int_equal(key.type, DKIM_KEY_ED25519);
	assert_int_equal(strncmp(key.record, "v=DKIM1; k=ed25519; p=", 22), 0);
	assert_int_equal(EVP_PKEY_get_base_id(key.key), EVP_PKEY_ED25519);
	sign_key_done(&key);
	assert_null(key.key);
	sign_key_done(&key);
}

static void the_tables_say_who_signs(void **state)
{
	const struct sluice_setting settings[] = {
		{ .option = KEY_TABLE, .text = "KeyTable" },
		{ .option = SIGNING_TABLE, .text = "SigningTable" },
		{ .option = KEYS, .text = "keys" },
		{ .option = SUBDOMAINS, .number = 0 },
	};
	struct sign_config *c;

	(void)state;
	put("KeyTable",
		"k1 example.org:t1:./keys/%/rsa.pem\n"
		"k2 %:t2:keys/../keys/example.org/ed.pem\n",
		0644);
	put("SigningTable", "*@example.org k1,k2\n*@example.net k2\n*@named.example %\n", 0644);
	refused(settings, ARRAY_LEN(settings), 0, "KeyTable:2: behind the selector stands no path");
	put("KeyTable",
		"k1 example.org:t1:./keys/%/rsa.pem\n"
		"named.example %:t2:./keys/example.org/ed.pem\n",
		0644);
	refused(settings, ARRAY_LEN(settings), 0, "SigningTable:1: KeyTable has no key k2");
	put("SigningTable", "*@example.org k1,named.example\n*@example.net named.example\n*@named.example %\n*@other.example %\n", 0644);
	c = configure(settings, ARRAY_LEN(settings));
	signs(c, "u@example.org", "t1 t2");
	signs(c, "u@example.net", "t2");
	signs(c, "u@Named.example", "t2");
	signs(c, "u@other.example", "");
	signs(c, "u@a.example.org", "s1"); /* not in the tables: the folder */
	sign_release(c);
}

static void a_fault_names_file_and_remedy(void **state)
{
	static const struct {
		const char *name, *content;
		mode_t mode;
		const char *text;
	} rows[] = {
		{ "keys/example.org/x.pem", "", 0600, "x.pem is empty: remove it" },
		{ "keys/example.org/x.pem", "x", 0640, "x.pem is open to others (mode 640): chmod 600 " },
		{ "keys/example.org/x.pem", "x", 0604, "x.pem is open to others (mode 604): chmod 600 " },
		{ "keys/example.org/x.pem", "x", 0600, "x.pem has no private key in it (PEM)" },
		{ "keys/example.org/x_y.pem", "x", 0600, "'x_y' is no selector" },
		{ "bad/no_domain/x.pem", "x", 0600, "'no_domain' is no domain" },
	};
	const struct sluice_setting keys = { .option = KEYS, .text = "keys", .line = 7 };
	const struct sluice_setting bad = { .option = KEYS, .text = "bad", .line = 7 };

	(void)state;
	refused(&bad, 1, 7, "bad has no key in it: make one with sluicectl dkim keygen DOMAIN --out ");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(rows[i].name, rows[i].content, rows[i].mode);
		refused(*rows[i].name == 'b' ? &bad : &keys, 1, 7, rows[i].text);
		assert_int_equal(unlink(rows[i].name), 0);
	}
	put_key("keys/example.org/x.pem", EVP_RSA_gen(512), NULL);
	refused(&keys, 1, 7, "x.pem has an RSA key of 512 bits: it has 1024 to 4096");
	put_key("keys/example.org/x.pem", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), NULL);
	refused(&keys, 1, 7, "x.pem has a key of the wrong type: DKIM signs with rsa and ed25519");
	put_key("keys/example.org/x.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "secret");
	refused(&keys, 1, 7, "x.pem is encrypted");
	assert_int_equal(unlink("keys/example.org/x.pem"), 0);
	assert_int_equal(mkdir("keys/example.org/x.pem", 0700), 0);
	refused(&keys, 1, 7, "x.pem is no file");
	assert_int_equal(rmdir("keys/example.org/x.pem"), 0);
	for (int i = 0; i < SIGN_MAX_KEYS - 1; i++) {
		char name[64];

		(void)snprintf(name, sizeof name, "keys/example.org/x%d.pem", i);
		put_key(name, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	}
	refused(&keys, 1, 7, "keys/example.org has more than 8 keys");
	for (int i = 0; i < SIGN_MAX_KEYS - 1; i++) {
		char name[64];

		(void)snprintf(name, sizeof name, "keys/example.org/x%d.pem", i);
		assert_int_equal(unlink(name), 0);
	}
}

static void a_key_belongs_to_root_or_to_the_daemon(void **state)
{
	const char *path = "keys/example.org/x.pem";
	struct sign_key key;
	struct err err;

	(void)state;
	if (geteuid() != 0)
		skip();
	put_key("keys/example.org/x.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	assert_int_equal(chown(path, 1, 1), 0); /* daemon */
	assert_int_equal(sign_key_load(path, NULL, "s", "", &key, &err), -EINVAL);
	assert_non_null(strstr(err.text, "x.pem belongs to daemon: chown root "));
	assert_int_equal(sign_key_load(path, NULL, "s", "nobody", &key, &err), -EINVAL);
	assert_non_null(strstr(err.text, "x.pem belongs to daemon: chown nobody "));
	assert_int_equal(sign_key_load(path, NULL, "s", "daemon", &key, &err), 0);
	sign_key_done(&key);
	assert_int_equal(unlink(path), 0);
}

static void settings_are_checked(void **state)
{
	static const struct sluice_setting rows[][2] = {
		{ { .option = KEY_TABLE, .text = "/a", .line = 3 }, { .option = SUBDOMAINS, .line = 4 } },
		{ { .option = SUBDOMAINS, .line = 4 }, { .option = SIGNING_TABLE, .text = "/a", .line = 3 } },
		{ { .option = HEADER, .text = "X-Mine", .line = 2 }, { .option = HEADER, .text = "x-mine", .line = 3 } },
		{ { .option = HEADER, .text = "X-Mine", .line = 2 }, { .option = HEADER, .text = "subject", .line = 3 } },
		{ { .option = HEADER, .text = "X-Mine", .line = 2 }, { .option = HEADER, .text = "received", .line = 3 } },
		{ { .option = HEADER, .text = "X-Mine", .line = 2 }, { .option = HEADER, .text = "a.*", .line = 3 } },
		{ { .option = HEADER, .text = "X-Mine", .line = 2 }, { .option = HEADER, .text = "", .line = 3 } },
		{ { .option = SUBDOMAINS, .line = 4 }, { .option = KEYS, .text = "/nonexistent", .line = 3 } },
	};
	static const char *const texts[] = { "set both", "set both", "x-mine is signed already", "subject is signed already",
		"Received is never signed", "'a.*' is no name", "'' is no name", "/nonexistent cannot be read" };
	struct sign_config *c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i], 2, 3, texts[i]);
	c = configure((const struct sluice_setting[]){ { .option = HEADER, .text = "X-Mine" }, { .option = EXPIRE, .number = 86400000 } }, 2);
	assert_true(sign_config_signs(c, "FROM", 4));
	assert_true(sign_config_signs(c, "x-MINE ", 7));
	assert_false(sign_config_signs(c, "X-Other", 7));
	assert_false(sign_config_signs(c, "DKIM-Signature", 14));
	signs(c, "u@example.org", "");
	sign_release(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_keys_of_a_folder_sign_for_their_domain),
		cmocka_unit_test(a_key_is_kept_with_its_record),
		cmocka_unit_test(the_tables_say_who_signs),
		cmocka_unit_test(a_fault_names_file_and_remedy),
		cmocka_unit_test(a_key_belongs_to_root_or_to_the_daemon),
		cmocka_unit_test(settings_are_checked),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
