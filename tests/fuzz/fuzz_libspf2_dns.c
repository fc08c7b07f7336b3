/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/libspf2/libspf2_eval.h"
#include "tests/fuzz/fuzz.h"

/*
 * A whole check through libspf2. The input is lines; the answer to each look-up is made of the line that the hash of
 * its name chooses: for TXT the line, for names its text, for addresses its first octets; an empty line is no such
 * name, "!" a failure.
 */
struct world {
	struct guard_span lines[32];
	size_t count;
	struct sluice_dns_record records[32];
	struct sluice_dns_answer answers[32];
	char names[32][64];
};

static void split(struct world *w, const char *data, size_t size)
{
	while (size && w->count < ARRAY_LEN(w->lines)) {
		const char *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		w->lines[w->count++] = (struct guard_span){ data, len };
		len += end != NULL;
		data += len;
		size -= len;
	}
}

static const struct sluice_dns_answer *ask(void *arg, const char *name, enum sluice_dns_type type)
{
	static const struct sluice_dns_answer failed = { .status = SLUICE_DNS_FAILED },
					      none = { .status = SLUICE_DNS_NXDOMAIN };
	struct world *w = arg;
	size_t at = (size_t)type;
	struct guard_span line;

	for (const char *c = name; *c; c++)
		at = at * 31 + (unsigned char)*c;
	if (w->count == 0)
		return &none;
	at %= w->count;
	line = type == SLUICE_DNS_TXT && strcmp(name, "example.org") == 0 ? w->lines[0] : w->lines[at];
	if (line.len == 0)
		return &none;
	if (line.at[0] == '!')
		return &failed;
	w->answers[at] = (struct sluice_dns_answer){ .status = SLUICE_DNS_OK, .count = 1, .records = &w->records[at] };
	w->records[at] = (struct sluice_dns_record){ line.at, line.len, 0 };
	if (type == SLUICE_DNS_A || type == SLUICE_DNS_AAAA) {
		w->records[at].len = line.len < 16 ? (line.len < 4 ? line.len : 4) : 16;
	} else if (type != SLUICE_DNS_TXT) {
		size_t len = line.len < sizeof w->names[at] ? line.len : sizeof w->names[at] - 1;

		memcpy(w->names[at], line.at, len);
		w->names[at][len] = '\0';
		w->records[at] = (struct sluice_dns_record){ w->names[at], strlen(w->names[at]), 0 };
	}
	return &w->answers[at];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct spf_library *lib;
	struct world w = { 0 };
	struct guard_asker asker = { ask, &w };
	struct guard_identity id = {
		.client = { 4, { 192, 0, 2, 1 } },
		.local = { "a.b", 3 },
		.domain = { "example.org", 11 },
		.helo = { "mx.example.org", 14 },
		.receiver = { "here.example", 12 },
	};
	struct guard_verdict v;

	if (!lib)
		lib = spf_library_new();
	MUST(lib);
	split(&w, (const char *)data, size);
	MUST(guard_check(lib, &asker, &id, &v));
	MUST(v.explanation[0] == '\0' || v.result == GUARD_FAIL);
	id.client = (struct sluice_ip){ 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	MUST(guard_check(lib, &asker, &id, &v));
	return 0;
}
