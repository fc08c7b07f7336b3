/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "plugins/spf/spf_eval.h"
#include "tests/fuzz/fuzz.h"

#define MAX_LINES   64
#define MAX_SLOTS   2048
#define MAX_RECORDS 12
#define MAX_ROUNDS  400

/*
 * A whole check. The input is lines; the answer to each question is made of the line that the hash of its name chooses:
 * for TXT the line, for names its words, for addresses its first octets; an empty line is no such name, "!" a failure.
 * The first line is the record of the domain. Answers come at once, or some rounds later: the verdict is the same.
 */
struct slot {
	char name[4 * SPF_NAME_MAX + 1];
	enum sluice_dns_type type;
	unsigned here; /* from which round on */
	char text[256];
	struct sluice_dns_record records[MAX_RECORDS];
	struct sluice_dns_answer answer;
};

struct world {
	struct spf_span lines[MAX_LINES];
	size_t line_count;
	struct slot slots[MAX_SLOTS];
	size_t slot_count, asked;
	unsigned round, slowness;
};

static void split(struct world *w, const char *data, size_t size)
{
	w->line_count = 0;
	while (size && w->line_count < MAX_LINES) {
		const char *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		w->lines[w->line_count++] = (struct spf_span){ data, len };
		len += end != NULL;
		data += len;
		size -= len;
	}
}

static void set_names(struct slot *s, struct spf_span line)
{
	size_t len = line.len < sizeof s->text ? line.len : sizeof s->text - 1, start = 0;

	memcpy(s->text, line.at, len);
	s->text[len] = '\0';
	for (size_t i = 0; i <= len && s->answer.count < MAX_RECORDS; i++) {
		if (i < len && s->text[i] != ' ' && s->text[i] != '\0')
			continue;
		s->text[i] = '\0';
		s->records[s->answer.count++] = (struct sluice_dns_record){ s->text + start, i - start, 0 };
		start = i + 1;
	}
}

static void set_answer(struct slot *s, struct spf_span line)
{
	s->answer = (struct sluice_dns_answer){ .status = SLUICE_DNS_OK, .records = s->records };
	if (line.len == 0 || line.at[0] == '!') {
		s->answer.status = line.len ? SLUICE_DNS_FAILED : SLUICE_DNS_NXDOMAIN;
	} else if (s->type == SLUICE_DNS_MX || s->type == SLUICE_DNS_PTR) {
		set_names(s, line);
	} else {
		s->answer.count = 1;
		s->records[0] = (struct sluice_dns_record){ line.at, line.len, 0 };
		if (s->type != SLUICE_DNS_TXT)
			s->records[0].len = line.len < 16 ? (line.len < 4 ? line.len : 4) : 16;
	}
}

static const struct sluice_dns_answer *ask(void *arg, const char *name, enum sluice_dns_type type)
{
	struct world *w = arg;
	struct slot *s = w->slots;
	size_t hash = (size_t)type;
	bool first = type == SLUICE_DNS_TXT && strcmp(name, "example.org") == 0;

	w->asked++;
	while (s < w->slots + w->slot_count && (s->type != type || strcmp(s->name, name) != 0))
		s++;
	if (s == w->slots + w->slot_count) {
		MUST(w->slot_count < MAX_SLOTS && strlen(name) < sizeof s->name);
		w->slot_count++;
		for (const char *c = name; *c; c++)
			hash = hash * 31 + (unsigned char)*c;
		memcpy(s->name, name, strlen(name) + 1);
		s->type = type;
		s->here = w->slowness ? w->round + 1 + (unsigned)(hash / 7 % w->slowness) : w->round;
		set_answer(s, w->line_count ? w->lines[first ? 0 : hash % w->line_count] : (struct spf_span){ 0 });
	}
	return s->here <= w->round ? &s->answer : NULL;
}

/* What one run may ask: each term a name of its own, ten hosts, and the client's names for %{p} and ptr. */
static void check(struct world *w, const struct spf_identity *id, unsigned slowness, struct spf_verdict *ret)
{
	const struct spf_asker asker = { ask, w };
	bool done = false;

	w->slot_count = 0;
	w->slowness = slowness;
	for (w->round = 0; !done; w->round++) {
		MUST(w->round < MAX_ROUNDS);
		w->asked = 0;
		done = spf_check(&asker, id, ret);
		MUST(w->asked <= 2 + (SPF_MAX_LOOKUPS + 2) * (2 + 2 * SPF_MAX_MX));
	}
}

static void compare(struct world *w, const struct spf_identity *id)
{
	struct spf_verdict at_once, later;

	check(w, id, 0, &at_once);
	MUST(w->round == 1);
	MUST(at_once.explanation[0] == '\0' || at_once.result == SPF_FAIL);
	MUST(at_once.lookups <= SPF_MAX_LOOKUPS + 1 && at_once.voids <= SPF_MAX_VOIDS + 1);
	for (unsigned slowness = 1; slowness <= 3; slowness++) {
		check(w, id, slowness, &later);
		MUST(later.result == at_once.result && later.mechanism.at == at_once.mechanism.at);
		MUST(later.lookups <= SPF_MAX_LOOKUPS + 1);
		MUST(strcmp(later.explanation, at_once.explanation) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct spf_identity id = {
		.client = { 4, { 192, 0, 2, 1 } },
		.local = SPF_SPAN("a.b"),
		.domain = SPF_SPAN("example.org"),
		.helo = SPF_SPAN("mx.example.org"),
		.receiver = SPF_SPAN("here.example"),
	};

	split(&w, (const char *)data, size);
	compare(&w, &id);
	id.client = (struct sluice_ip){ 6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	compare(&w, &id);
	return 0;
}
