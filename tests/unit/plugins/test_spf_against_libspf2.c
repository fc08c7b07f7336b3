/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plugins spf and libspf2 over the same records and answers, made up of a few words. Where they may differ is in
 * contrib/design/0007-spf-of-our-own.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/libspf2/libspf2_eval.h"
#include "plugins/spf/spf_eval.h"

#define ROUNDS      20000
#define MAX_SLOTS   400
#define MAX_RECORDS 4

static const char *const names[] = { "a.example", "b.example", "c.a.example", "d.b.example" };
static const char *const addresses[] = { "\xc0\0\2\1", "\xc0\0\2\2", "\xc6\x33\x64\1", "\xcb\0\x71\1" };
static const char *const mechanisms[] = { "all", "a", "a/24", "a:b.example", "a:%{d2}/16", "mx", "mx:a.example/25",
	"mx//64", "ptr", "ptr:a.example", "ip4:192.0.2.0/31", "ip4:198.51.100.1", "ip4:0.0.0.0/0", "ip6:2001:db8::/32",
	"exists:%{ir}.%{v}.a.example", "exists:%{l1r-}.b.example", "exists:%{p}.a.example", "include:b.example",
	"include:c.a.example", "include:%{o}", "a:%{h}", "a..b", "ip4:192.0.2.1/33", "exists:%{c}.example", "all:x" };
static const char *const modifiers[] = { "redirect=b.example", "redirect=%{d1r}.example", "exp=d.b.example", "exp=%{d}",
	"x=%{t}", "y=%{z}" };
static const char *const explanations[] = { "no", "%{c} is not %{D}%_%{R} at %{t}", "%{x}", "v=spf1 -all", "%{p}" };

struct slot {
	char name[300];
	enum sluice_dns_type type;
	char text[400];
	struct sluice_dns_record records[MAX_RECORDS];
	struct sluice_dns_answer answer;
};

struct world {
	uint64_t seed;
	bool failing; /* addresses may be SERVFAIL */
	struct slot slots[MAX_SLOTS];
	size_t count;
};

static unsigned pick(struct world *w, unsigned below)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->seed >> 33) % below;
}

#define PICK(w, words) ((words)[pick((w), (unsigned)ARRAY_LEN(words))])

static void make_record(struct world *w, struct slot *s)
{
	int at = snprintf(s->text, sizeof s->text, "v=spf1");

	for (unsigned n = 1 + pick(w, 6); n > 0; n--) {
		static const char *const qualifiers[] = { "", "", "+", "-", "~", "?" };
		const char *q = PICK(w, qualifiers);
		bool modifier = pick(w, 5) == 0;

		/* the words at the end of the table are errors: seldom, or nothing else would be seen */
		const char *word = modifier ? modifiers[pick(w, pick(w, 10) ? 5 : 6)]
		                            : mechanisms[1 + pick(w, pick(w, 15) ? 20 : 24)];

		at += snprintf(s->text + at, sizeof s->text - (size_t)at, " %s%s", modifier ? "" : q, word);
	}
	if (pick(w, 2))
		(void)snprintf(s->text + at, sizeof s->text - (size_t)at, " -all");
}

static void make_answer(struct world *w, struct slot *s)
{
	size_t count = 1 + pick(w, MAX_RECORDS);

	s->answer.records = s->records;
	if (pick(w, 4) == 0 || (pick(w, 12) == 0 && (w->failing || s->type == SLUICE_DNS_TXT))) {
		static const enum sluice_dns_status statuses[] = { SLUICE_DNS_NODATA, SLUICE_DNS_NXDOMAIN };

		s->answer.status = pick(w, 8) || !w->failing ? PICK(w, statuses) : SLUICE_DNS_FAILED;
		return;
	}
	s->answer.status = SLUICE_DNS_OK;
	if (s->type == SLUICE_DNS_TXT) {
		count = 1;
		if (pick(w, 6) == 0)
			(void)snprintf(s->text, sizeof s->text, "%s", PICK(w, explanations));
		else
			make_record(w, s);
		s->records[0] = (struct sluice_dns_record){ s->text, strlen(s->text), 0 };
	}
	for (size_t i = 0; i < count && s->type != SLUICE_DNS_TXT; i++) {
		const char *name = PICK(w, names);

		if (s->type == SLUICE_DNS_A)
			s->records[i] = (struct sluice_dns_record){ PICK(w, addresses), 4, 0 };
		else
			s->records[i] = (struct sluice_dns_record){ name, strlen(name), 0 };
	}
	s->answer.count = count;
}

/* What a name has depends on the seed, and not on when it is asked for. */
static const struct sluice_dns_answer *ask(void *arg, const char *name, enum sluice_dns_type type)
{
	struct world *w = arg;
	uint64_t seed = w->seed;
	struct slot *s = w->slots;

	while (s < w->slots + w->count && (s->type != type || strcmp(s->name, name) != 0))
		s++;
	if (s < w->slots + w->count)
		return &s->answer;
	assert_true(w->count < MAX_SLOTS);
	w->count++;
	*s = (struct slot){ .type = type };
	(void)snprintf(s->name, sizeof s->name, "%s", name);
	w->seed += (uint64_t)type;
	for (const char *c = name; *c; c++)
		w->seed = w->seed * 31 + (unsigned char)*c;
	(void)pick(w, 2);
	make_answer(w, s);
	w->seed = seed;
	return &s->answer;
}

static struct spf_verdict check_ours(struct world *w)
{
	const struct spf_asker asker = { ask, w };
	const struct spf_identity id = {
		.client = { 4, { 192, 0, 2, 1 } },
		.local = { "a-b.c", 5 },
		.domain = { "a.example", 9 },
		.helo = { "d.b.example", 11 },
		.receiver = { "here.example", 12 },
		.now_s = 1700000000,
	};
	struct spf_verdict v;

	assert_true(spf_check(&asker, &id, &v));
	return v;
}

static struct guard_verdict check_theirs(const struct spf_library *lib, struct world *w)
{
	const struct guard_asker asker = { ask, w };
	const struct guard_identity id = {
		.client = { 4, { 192, 0, 2, 1 } },
		.local = { "a-b.c", 5 },
		.domain = { "a.example", 9 },
		.helo = { "d.b.example", 11 },
		.receiver = { "here.example", 12 },
		.now_s = 1700000000,
	};
	struct guard_verdict v;

	assert_true(guard_check(lib, &asker, &id, &v));
	return v;
}

static bool spans_equal(struct spf_span a, struct guard_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void compare(const struct spf_library *lib, struct world *w, unsigned seen[SPF_PERMERROR + 1])
{
	struct spf_verdict ours = check_ours(w);
	struct guard_verdict theirs = check_theirs(lib, w);

	seen[ours.result]++;
	if (w->failing && theirs.result == GUARD_TEMPERROR) /* one host of an mx matches, another failed */
		return;
	if (strcmp(spf_result_words[ours.result], guard_result_words[theirs.result]) != 0 ||
		!spans_equal(ours.mechanism, theirs.mechanism) || !spans_equal(ours.record, theirs.record) ||
		strcmp(ours.explanation, theirs.explanation) != 0 || ours.lookups != theirs.lookups ||
		ours.voids != theirs.voids)
		fail_msg("seed %llu: '%.*s' is %s by '%.*s' (%u, %u, '%s'), with libspf2 %s by '%.*s' (%u, %u, '%s')",
			(unsigned long long)w->seed, (int)ours.record.len, ours.record.at,
			spf_result_words[ours.result], (int)ours.mechanism.len, ours.mechanism.at, ours.lookups,
			ours.voids, ours.explanation, guard_result_words[theirs.result], (int)theirs.mechanism.len,
			theirs.mechanism.at, theirs.lookups, theirs.voids, theirs.explanation);
}

static void agrees_with_libspf2(void **state)
{
	static struct world w;
	struct spf_library *lib = spf_library_new();
	unsigned seen[SPF_PERMERROR + 1] = { 0 };

	(void)state;
	assert_non_null(lib);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		w.seed = i;
		w.failing = i % 2;
		w.count = 0;
		compare(lib, &w, seen);
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		if (seen[i] < ROUNDS / 1000)
			fail_msg("%s was seen %u times: the rows are no good test", spf_result_words[i], seen[i]);
	}
	spf_library_free(lib);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_libspf2) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
