/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkim_voices NOW - what three verifiers say of messages: plugins/dkim, plugins/opendkim, and libopendkim by itself, which is the latter
 * without its guards.
 *
 * Standard input is a row of strings, each as its length in four octets, the highest first, and its octets. First the DNS: a name,
 * its TXT records, an empty string; and so on up to an empty name. A name with the one record "SERVFAIL" cannot be looked up. Then
 * messages: how many octets of the body are given at once, in digits, and the message with CRLF. For each a line: the three voices with
 * TABs between, each with "RESULT[: why]" for each signature and "|" between; "-" where there is none.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/text.h"
#include "filter/base/vec.h"
#include "filter/mail/dkim_verify.h"
#include "plugins/opendkim/opendkim_verify.h"

#define MAX_STRING   (16u << 20)
#define MAX_RECORDS  8
#define MIN_KEY_BITS 1024

struct name {
	char *name;
	struct sluice_dns_record records[MAX_RECORDS];
	struct sluice_dns_answer answer;
};

struct world {
	int64_t now_s;
	VEC(struct name) names;
	struct dkim_keys *kept;
	struct opendkim_library *guarded, *bare;
};

static void need(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "dkim_voices: %s\n", what);
	exit(2);
}

/* NULL: there is no more. A NUL follows. */
static char *read_string(size_t *ret_len)
{
	uint32_t size;
	char *s;

	if (fread(&size, sizeof size, 1, stdin) != 1)
		return NULL;
	*ret_len = ntohl(size);
	need(*ret_len <= MAX_STRING, "a string is too long");
	s = calloc(1, *ret_len + 1);
	need(s && fread(s, 1, *ret_len, stdin) == *ret_len, "a string is cut off");
	return s;
}

static void read_names(struct world *w)
{
	size_t len;
	char *s;

	while ((s = read_string(&len)) && len > 0) {
		struct name n = { .name = s };

		while ((s = read_string(&len)) && len > 0) {
			need(n.answer.count < MAX_RECORDS, "a name has too many records");
			n.records[n.answer.count++] = (struct sluice_dns_record){ s, len, 0 };
		}
		free(s);
		n.answer.status = n.answer.count == 1 && !strcmp(n.records[0].data, "SERVFAIL") ? SLUICE_DNS_FAILED
		                                                                                : SLUICE_DNS_OK;
		if (n.answer.status == SLUICE_DNS_FAILED) {
			n.answer.count = 0;
			free((char *)(uintptr_t)n.records[0].data);
		}
		need(vec_push(&w->names, n), "out of memory");
	}
	free(s);
}

static struct sluice_dns_answer find_answer(const struct world *w, const struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1024);

	dkim_record_name(&name, sig->selector, sig->domain);
	for (size_t i = 0; i < w->names.len; i++) {
		struct sluice_dns_answer answer = w->names.items[i].answer;

		answer.records = w->names.items[i].records;
		if (ascii_equals(text_str(&name), name.len, w->names.items[i].name))
			return answer;
	}
	return (struct sluice_dns_answer){ .status = SLUICE_DNS_NXDOMAIN };
}

/* ---- a message, in its parts as plugin.h has them ---- */

struct parts {
	const char *at, *end, *body;
	size_t chunk;
};
struct field {
	const char *name, *value;
	size_t name_len, value_len;
};

static struct parts split(const char *message, size_t len, size_t chunk)
{
	const char *blank = memmem(message, len, "\r\n\r\n", 4);
	struct parts p = { message, message + len, message + len, chunk };

	if (blank) {
		p.body = blank + 4;
		p.end = blank + 2;
	}
	return p;
}

static bool next_field(struct parts *p, struct field *ret)
{
	const char *end = p->at, *colon;

	if (p->at >= p->end)
		return false;
	do {
		end = memmem(end, (size_t)(p->end - end), "\r\n", 2);
		need(end, "a field has no end");
		end += 2;
	} while (end < p->end && (*end == ' ' || *end == '\t'));
	colon = memchr(p->at, ':', (size_t)(end - p->at));
	need(colon, "a field has no colon");
	*ret = (struct field){ p->at, colon + 1, (size_t)(colon - p->at), (size_t)(end - 2 - colon - 1) };
	p->at = end;
	return true;
}

static void show(const struct dkim_verified *v, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)printf("%s%s%s%s", i ? "|" : "", dkim_result_words[v[i].result.result],
			v[i].result.why ? ": " : "", v[i].result.why ? v[i].result.why : "");
	if (count == 0)
		(void)printf("-");
}

static void ask_ours(struct world *w, struct parts p, const char *end)
{
	struct dkim_message *m = dkim_message_new(DKIM_SIGNATURE, DKIM_MAX_SIGNATURES);
	struct dkim_key keys[DKIM_MAX_SIGNATURES] = { 0 };
	struct dkim_verified *v;
	struct field f;
	size_t count;

	need(m, "out of memory");
	while (next_field(&p, &f))
		dkim_message_header(m, f.name, f.name_len, f.value, f.value_len);
	dkim_message_header_end(m, w->now_s);
	for (size_t n; p.body < end; p.body += n) {
		n = (size_t)(end - p.body) < p.chunk ? (size_t)(end - p.body) : p.chunk;
		dkim_message_body(m, p.body, n);
	}
	v = dkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++) {
		struct sluice_dns_answer answer = find_answer(w, &v[i].sig);

		dkim_key_choose(&answer, &v[i].sig, MIN_KEY_BITS, w->kept, &keys[i]);
	}
	need(dkim_message_finish(m, keys), "out of memory");
	for (size_t i = 0; i < count; i++)
		dkim_keys_release(w->kept, keys[i].key);
	show(v, count);
	dkim_message_free(m);
}

static void ask_opendkim(struct world *w, const struct opendkim_library *lib, struct parts p, const char *end)
{
	struct opendkim_message *m = opendkim_message_new(lib, DKIM_MAX_SIGNATURES);
	static struct opendkim_key keys[DKIM_MAX_SIGNATURES];
	struct dkim_verified *v;
	struct field f;
	size_t count;

	need(m, "out of memory");
	while (next_field(&p, &f))
		opendkim_message_header(m, f.name, f.name_len, f.value, f.value_len);
	opendkim_message_header_end(m, w->now_s);
	for (size_t n; p.body < end; p.body += n) {
		n = (size_t)(end - p.body) < p.chunk ? (size_t)(end - p.body) : p.chunk;
		opendkim_message_body(m, p.body, n);
	}
	v = opendkim_message_signatures(m, &count);
	for (size_t i = 0; i < count; i++) {
		struct sluice_dns_answer answer = find_answer(w, &v[i].sig);

		opendkim_key_choose(lib, &answer, &v[i].sig, MIN_KEY_BITS, w->kept, &keys[i]);
	}
	if (opendkim_message_finish(m, keys))
		show(v, count);
	else
		(void)printf("none: libopendkim refuses the message");
	opendkim_message_free(m);
}

int main(int argc, char **argv)
{
	struct world w = { .kept = dkim_keys_new(),
		.guarded = opendkim_library_new(OPENDKIM_GUARDS),
		.bare = opendkim_library_new(0) };
	size_t len;
	char *chunk, *message;

	need(argc == 2 && sscanf(argv[1], "%" SCNd64, &w.now_s) == 1, "usage: dkim_voices NOW");
	need(w.kept && w.guarded && w.bare, "out of memory");
	read_names(&w);
	while ((chunk = read_string(&len)) && (message = read_string(&len))) {
		size_t size = strtoul(chunk, NULL, 10);
		struct parts p = split(message, len, size ? size : 65535);

		ask_ours(&w, p, message + len);
		(void)printf("\t");
		ask_opendkim(&w, w.guarded, p, message + len);
		(void)printf("\t");
		ask_opendkim(&w, w.bare, p, message + len);
		(void)printf("\n");
		free(chunk);
		free(message);
	}
	opendkim_library_free(w.guarded);
	opendkim_library_free(w.bare);
	dkim_keys_free(w.kept);
	for (size_t i = 0; i < w.names.len; i++) {
		free(w.names.items[i].name);
		for (size_t k = 0; k < w.names.items[i].answer.count; k++)
			free((char *)(uintptr_t)w.names.items[i].records[k].data);
	}
	vec_done(&w.names);
	return 0;
}
