/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_dkim [--report] [--rounds=N] - what DKIM costs beyond its arithmetic.
 *
 * A message of 10 KB with one rsa-sha256 signature (RSA-2048, relaxed/relaxed) is signed as plugins/sign does it and verified as
 * plugins/dkim does it, with a key that was seen before; against the raw work: SHA-256 of the same octets, header and body, and one
 * RSA operation with a key that OpenSSL has already. Both in one run, by turns, CPU time of the thread, medians: a ratio of them says the
 * same on a busy machine as on an idle one. Exit status 1 when a ratio is above its goal, but for --report; 77 in a build with sanitizers.
 */
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "filter/mail/dkim_verify.h"
#include "plugins/sign/sign_message.h"

#define VERIFY_GOAL   1.6
#define SIGN_GOAL     1.3
#define ROUNDS        201
#define MAX_ROUNDS    10000
#define VERIFY_TIMES  40 /* in a round */
#define SIGN_TIMES    8
#define MESSAGE_BYTES 10240
#define SIGNED_S      1700000000
#define MAX_BYTES     65536

static const struct field {
	const char *name, *value;
} fields[] = {
	/* as plugins/sign chooses them, all but Received and Return-Path are signed */
	{ "Return-Path", " <ann@example.org>" },
	{ "Received", " from client.example.org (client.example.org [192.0.2.1])\r\n"
		      "\tby mx.example.org (Postfix) with ESMTPSA id 4XyZ1234567\r\n"
		      "\tfor <bob@example.net>; Wed, 25 Nov 2026 10:00:01 +0000 (UTC)" },
	{ "Date", " Wed, 25 Nov 2026 10:00:00 +0000" },
	{ "From", " Ann Example <ann@example.org>" },
	{ "To", " Bob Example <bob@example.net>,\r\n\tCarol Example <carol@example.net>" },
	{ "Subject", " Minutes of the meeting on Tuesday, and what is left to be\r\n done until the next one" },
	{ "Message-ID", " <20261125100000.12345.ann@example.org>" },
	{ "MIME-Version", " 1.0" },
	{ "Content-Type", " text/plain; charset=utf-8" },
	{ "Content-Transfer-Encoding", " 8bit" },
	{ "In-Reply-To", " <20261124180000.54321.bob@example.net>" },
	{ "References", " <20261123120000.11111.carol@example.net>\r\n <20261124180000.54321.bob@example.net>" },
};

struct bench {
	struct text body;
	struct text canonical_header, canonical_body; /* what is hashed of them, one octet after the other */
	struct sign_config *config;                   /* with one key */
	struct text signature;                        /* the value of the field, folded by CRLF */
	struct dkim_keys *kept;
	EVP_PKEY *key;
	unsigned char raw[DKIM_RAW_MAX]; /* the raw work's own signature */
	size_t raw_len;
};

static void need(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "bench_dkim: %s\n", what);
	exit(2);
}

/* ---- the two that are measured, and their raw work ---- */

static void sign_message(struct bench *b)
{
	struct sign_message *m = sign_message_new(b->config);

	need(m, "out of memory");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		sign_message_header(
			m, fields[i].name, strlen(fields[i].name), fields[i].value, strlen(fields[i].value));
	sign_message_end_of_header(m);
	sign_message_body(m, b->body.bytes, b->body.len);
	need(sign_message_end(m, SIGNED_S) == SIGN_SIGNED && sign_message_count(m) == 1, sign_message_reason(m));
	if (!b->signature.len)
		for (const char *c = sign_message_signature(m, 0); *c; c++)
			text_adds(&b->signature, *c == '\n' ? "\r\n" : (char[]){ *c, '\0' });
	sign_message_free(m);
}

static void verify_message(struct bench *b)
{
	const struct sluice_dns_record record = { b->config->keys.items[0].record,
		strlen(b->config->keys.items[0].record), 0 };
	const struct sluice_dns_answer answer = { .status = SLUICE_DNS_OK, .count = 1, .records = &record };
	struct dkim_message *m = dkim_message_new(DKIM_SIGNATURE, 10);
	struct dkim_verified *v;
	struct dkim_key key;
	size_t count;

	need(m, "out of memory");
	dkim_message_header(m, SIGN_FIELD_NAME, strlen(SIGN_FIELD_NAME), b->signature.bytes, b->signature.len);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		dkim_message_header(
			m, fields[i].name, strlen(fields[i].name), fields[i].value, strlen(fields[i].value));
	dkim_message_header_end(m, SIGNED_S + 1);
	dkim_message_body(m, b->body.bytes, b->body.len);
	v = dkim_message_signatures(m, &count);
	need(count == 1, "the signature is not there");
	dkim_key_choose(&answer, &v->sig, DKIM_RSA_MIN_BITS, b->kept, &key);
	need(dkim_message_finish(m, &key) && v->result.result == DKIM_PASS,
		v->result.why ? v->result.why : "out of memory");
	dkim_keys_release(b->kept, key.key);
	dkim_message_free(m);
}

static void raw_hashes(const struct bench *b, unsigned char ret[DKIM_HASH_BYTES])
{
	need(EVP_Digest(b->canonical_body.bytes, b->canonical_body.len, ret, NULL, EVP_sha256(), NULL) == 1 &&
			EVP_Digest(b->canonical_header.bytes, b->canonical_header.len, ret, NULL, EVP_sha256(), NULL) ==
				1,
		"OpenSSL does not hash");
}

static EVP_PKEY_CTX *raw_context(const struct bench *b, int (*init)(EVP_PKEY_CTX *))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(b->key, NULL);

	need(ctx && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
			EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1,
		"OpenSSL does not begin");
	return ctx;
}

static void sign_raw(struct bench *b)
{
	unsigned char hash[DKIM_HASH_BYTES];
	EVP_PKEY_CTX *ctx = raw_context(b, EVP_PKEY_sign_init);

	raw_hashes(b, hash);
	b->raw_len = sizeof b->raw;
	need(EVP_PKEY_sign(ctx, b->raw, &b->raw_len, hash, sizeof hash) == 1, "OpenSSL does not sign");
	EVP_PKEY_CTX_free(ctx);
}

static void verify_raw(struct bench *b)
{
	unsigned char hash[DKIM_HASH_BYTES];
	EVP_PKEY_CTX *ctx = raw_context(b, EVP_PKEY_verify_init);

	raw_hashes(b, hash);
	need(EVP_PKEY_verify(ctx, b->raw, b->raw_len, hash, sizeof hash) == 1, "OpenSSL does not verify");
	EVP_PKEY_CTX_free(ctx);
}

/* ---- what they work on ---- */

/* Prose: words, lines of some 70 octets, and an empty line now and then. */
static void make_body(struct text *out, size_t bytes)
{
	static const char *const words[] = { "the", "message", "that", "was", "sent", "by", "a", "customer", "on",
		"Tuesday", "has", "arrived", "and", "somebody", "should", "look", "at", "it", "before", "Friday" };
	size_t column = 0;
	uint32_t seed = 1;

	while (out->len < bytes - 2) {
		const char *word;

		seed = seed * 1664525 + 1013904223;
		word = words[(seed >> 16) % ARRAY_LEN(words)];
		text_addf(out, "%s%s", column ? " " : "", word);
		column += strlen(word) + 1;
		if (column > 64) {
			text_adds(out, seed % 8 ? "\r\n" : "\r\n\r\n");
			column = 0;
		}
	}
	text_adds(out, "\r\n");
}

static void on_canonical(void *arg, const char *bytes, size_t len)
{
	text_add(arg, bytes, len);
}

/* As much of it as signer and verifier hash: the fields that are signed, and the signature with an empty b=. */
static void make_canonical(struct bench *b)
{
	const char *end = strstr(text_str(&b->signature), "\tb=");
	struct dkim_canon_body body;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!sign_config_signs(b->config, fields[i].name, strlen(fields[i].name)))
			continue;
		dkim_canon_header(&b->canonical_header, DKIM_RELAXED, fields[i].name, strlen(fields[i].name),
			fields[i].value, strlen(fields[i].value));
		text_adds(&b->canonical_header, "\r\n");
	}
	need(end, "the signature has no b=");
	dkim_canon_header(&b->canonical_header, DKIM_RELAXED, SIGN_FIELD_NAME, strlen(SIGN_FIELD_NAME),
		b->signature.bytes, (size_t)(end - b->signature.bytes) + strlen("\tb="));
	dkim_canon_body(&body, DKIM_RELAXED, on_canonical, &b->canonical_body);
	dkim_canon_body_add(&body, b->body.bytes, b->body.len);
	dkim_canon_body_end(&body);
}

/* A folder of keys as plugins/sign wants it, for as long as it is read. */
static struct sign_config *configure(EVP_PKEY *key)
{
	char top[] = "/tmp/sluice-bench-XXXXXX", domain[64], file[80];
	const struct sluice_setting settings[] = { { .option = 0, .text = top } };
	const struct sluice_block block = { .settings = settings, .count = 1, .user = "" };
	struct sluice_config_error err = { .text = "" };
	void *config = NULL;
	FILE *f;
	int r;

	need(mkdtemp(top), "no folder in /tmp");
	(void)snprintf(domain, sizeof domain, "%s/example.org", top);
	(void)snprintf(file, sizeof file, "%s/sel.pem", domain);
	f = mkdir(domain, 0700) == 0 ? fopen(file, "w") : NULL;
	need(f, "no file in /tmp");
	need(fchmod(fileno(f), 0600) == 0 && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
			fclose(f) == 0,
		"the key cannot be written");
	r = sign_configure(&block, 1, &config, &err);
	(void)unlink(file);
	(void)rmdir(domain);
	(void)rmdir(top);
	need(r == 0, err.text);
	return config;
}

static void set_up(struct bench *b)
{
	struct text *texts[] = { &b->body, &b->canonical_header, &b->canonical_body, &b->signature };
	size_t header = 0;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = TEXT_INIT(MAX_BYTES);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		header += strlen(fields[i].name) + strlen(":\r\n") + strlen(fields[i].value);
	make_body(&b->body, MESSAGE_BYTES - header);
	b->key = EVP_RSA_gen(2048);
	need(b->key, "no key");
	b->config = configure(b->key);
	b->kept = dkim_keys_new();
	need(b->kept, "out of memory");
	sign_message(b);
	make_canonical(b);
	sign_raw(b);
	verify_message(b); /* from here on its key is known */
}

static void tear_down(struct bench *b)
{
	sign_release(b->config);
	dkim_keys_free(b->kept);
	EVP_PKEY_free(b->key);
	text_done(&b->body);
	text_done(&b->canonical_header);
	text_done(&b->canonical_body);
	text_done(&b->signature);
}

/* ---- measuring ---- */

/* Microseconds of one call. */
static double measure(struct bench *b, void (*work)(struct bench *b), int times)
{
	struct timespec from, to;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int i = 0; i < times; i++)
		work(b);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) / times;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

static bool ratio(struct bench *b, const char *name, void (*ours)(struct bench *b), void (*raw)(struct bench *b),
	int times, size_t rounds, double goal)
{
	double *of_ours = calloc(rounds, sizeof *of_ours), *of_raw = calloc(rounds, sizeof *of_raw), a, z;

	need(of_ours && of_raw, "out of memory");
	for (size_t i = 0; i < rounds; i++) { /* who is first changes */
		if (i % 2)
			of_raw[i] = measure(b, raw, times);
		of_ours[i] = measure(b, ours, times);
		if (i % 2 == 0)
			of_raw[i] = measure(b, raw, times);
	}
	a = median(of_ours, rounds);
	z = median(of_raw, rounds);
	(void)printf("%-6s  %7.1f us, raw %7.1f us: %.2f times as much, %s the goal of %.1f\n", name, a, z, a / z,
		a / z <= goal ? "within" : "ABOVE", goal);
	free(of_ours);
	free(of_raw);
	return a / z <= goal;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	bool report = false, good;
	long rounds = ROUNDS;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--report"))
			report = true;
		else if (!strncmp(argv[i], "--rounds=", strlen("--rounds=")))
			rounds = strtol(argv[i] + strlen("--rounds="), NULL, 10);
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > MAX_ROUNDS) {
		(void)fprintf(stderr, "usage: bench_dkim [--report] [--rounds=N]\n");
		return 64;
	}
#ifdef SANITIZED
	(void)printf("skipped: this build has sanitizers in it, which cost more than what is measured\n");
	(void)report;
	return 77;
#endif
	set_up(&b);
	(void)printf("a message of 10 KB: %zu octets of the header and %zu of the body are hashed; RSA-2048, "
		     "rsa-sha256, relaxed/relaxed\n",
		b.canonical_header.len, b.canonical_body.len);
	good = ratio(&b, "verify", verify_message, verify_raw, VERIFY_TIMES, (size_t)rounds, VERIFY_GOAL);
	good &= ratio(&b, "sign", sign_message, sign_raw, SIGN_TIMES, (size_t)rounds, SIGN_GOAL);
	tear_down(&b);
	return good || report ? 0 : 1;
}
