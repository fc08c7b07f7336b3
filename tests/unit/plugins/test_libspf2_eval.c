/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole checks over a zone, where each answer comes one round after it was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter/base/ip.h"
#include "filter/services/zone.h"
#include "plugins/libspf2/libspf2_eval.h"

static const char zone_text[] =
	"local.example A 127.0.0.1\n"
	"ip.example TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\n"
	"zero.example TXT v=spf1 ip4:198.51.100.1/0 -all\n"
	"side.example TXT v=spf1 a:a.example a:b.example mx exists:%{i}.c.example include:ip.example -all\n"
	"a.example A 198.51.100.1\n"
	"b.example A 198.51.100.2\n"
	"side.example MX 10 m1.example\n"
	"side.example MX 20 m2.example\n"
	"m1.example A 198.51.100.3\n"
	"m2.example A 198.51.100.4\n"
	"early.example TXT v=spf1 ip4:192.0.2.1 a:never.example -all\n"
	"lazy.example TXT v=spf1 mx -all\n"
	"lazy.example MX 10 m1.example\n"
	"lazy.example MX 20 never.example\n"
	"v6.example TXT v=spf1 mx a -all\n"
	"v6.example MX 10 m1.example\n"
	"v6.example AAAA 2001:db8::9\n"
	"slow.example TXT v=spf1 a:silent.example -all\n"
	"silent.example A SERVFAIL\n"
	"loop.example TXT v=spf1 include:loop.example -all\n"
	"to.example TXT v=spf1 redirect=%{d1r}.ip.example\n"
	"exp.example TXT v=spf1 -all exp=why.example\n"
	"why.example TXT %{s} may not, %{d}\n"
	"bad-exp.example TXT v=spf1 -all exp=two.example\n"
	"two.example TXT one\n"
	"two.example TXT two\n"
	"odd.example TXT v=spf1 -exists:%{l}.x.example +all\n"
	"a\\032\\092b%{d}.x.example A 127.0.0.2\n"
	"huge-exp.example TXT v=spf1 -all "
	"exp=%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}%{d}.x.example\n";

struct slot {
	char name[DNS_NAME_TEXT_MAX];
	struct dns_question question;
	struct dns_answer *answer;
	bool here;
};

struct world {
	struct zone *zone;
	struct slot slots[200];
	size_t count, rounds;
};

static const struct sluice_dns_answer *ask(void *arg, const char *name, enum sluice_dns_type type)
{
	struct world *w = arg;
	struct slot *s;
	char buf[DNS_NAME_TEXT_MAX];
	struct dns_question q;

	assert_true(dns_question_set(&q, buf, name, type));
	for (size_t i = 0; i < w->count; i++) {
		s = &w->slots[i];
		if (s->question.type == type && strcmp(s->question.name, q.name) == 0)
			return s->here ? dns_answer_view(s->answer) : NULL;
	}
	assert_true(w->count < ARRAY_LEN(w->slots));
	s = &w->slots[w->count++];
	s->question = (struct dns_question){ strcpy(s->name, q.name), type };
	if (zone_find(w->zone, &q, &s->answer) != ZONE_ANSWER)
		s->answer = dns_answer_empty(SLUICE_DNS_NXDOMAIN, 0);
	return NULL;
}

static void begin(struct world *w)
{
	struct err err;

	*w = (struct world){ 0 };
	if (zone_parse("zone", zone_text, sizeof zone_text - 1, &w->zone, &err) < 0)
		fail_msg("%s", err.text);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		dns_answer_unref(w->slots[i].answer);
	zone_free(w->zone);
}

static struct guard_verdict check(struct world *w, const char *client, const char *local, const char *domain)
{
	struct spf_library *lib = spf_library_new();
	struct guard_asker asker = { ask, w };
	struct guard_identity id = {
		.local = { local, strlen(local) },
		.domain = { domain, strlen(domain) },
		.helo = { "mx.example", 10 },
		.receiver = { "here.example", 12 },
	};
	struct guard_verdict v;

	assert_true(ip_parse(client, strlen(client), &id.client));
	for (w->rounds = 1; !guard_check(lib, &asker, &id, &v); w->rounds++) {
		assert_true(w->rounds < 30);
		for (size_t i = 0; i < w->count; i++)
			w->slots[i].here = strcmp(w->slots[i].question.name, "never.example") != 0;
	}
	spf_library_free(lib);
	return v;
}

static const struct {
	const char *client, *local, *domain;
	enum guard_result want;
	const char *mechanism, *explanation;
	size_t most_rounds;
} cases[] = {
	{ "192.0.2.1", "x", "ip.example", GUARD_PASS, "ip4:192.0.2.0/24", "", 2 },
	{ "2001:db8::1", "x", "ip.example", GUARD_PASS, "ip6:2001:db8::/32", "", 2 },
	{ "203.0.113.1", "x", "ip.example", GUARD_FAIL, "-all", "", 2 },
	{ "127.0.0.1", "x", "ip.example", GUARD_FAIL, "-all", "", 2 }, /* libspf2 alone lets these pass */
	{ "::1", "x", "ip.example", GUARD_FAIL, "-all", "", 2 },
	{ "203.0.113.1", "x", "zero.example", GUARD_PASS, "ip4:198.51.100.1/0", "", 2 },
	{ "2001:db8::1", "x", "zero.example", GUARD_FAIL, "-all", "", 2 },
	{ "198.51.100.4", "x", "side.example", GUARD_PASS, "mx", "", 4 },
	{ "192.0.2.1", "x", "side.example", GUARD_PASS, "include:ip.example", "", 4 },
	{ "192.0.2.1", "x", "early.example", GUARD_PASS, "ip4:192.0.2.1", "", 2 },
	{ "198.51.100.3", "x", "lazy.example", GUARD_PASS, "mx", "", 4 }, /* the second host need not answer */
	{ "2001:db8::9", "x", "v6.example", GUARD_PASS, "a", "", 4 },
	{ "192.0.2.1", "x", "slow.example", GUARD_TEMPERROR, "a:silent.example", "", 3 },
	{ "192.0.2.1", "x", "loop.example", GUARD_PERMERROR, "include:loop.example", "", 2 },
	{ "192.0.2.1", "x", "to.example", GUARD_PERMERROR, "", "", 3 },
	{ "192.0.2.1", "x", "none.example", GUARD_NONE, "", "", 2 },
	{ "192.0.2.1", "x", "example", GUARD_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "[192.0.2.1]", GUARD_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "a..example", GUARD_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "", GUARD_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "exp.example", GUARD_FAIL, "-all", "x@exp.example may not, exp.example", 3 },
	{ "192.0.2.1", "", "exp.example", GUARD_FAIL, "-all", "postmaster@exp.example may not, exp.example", 3 },
	{ "192.0.2.1", "\xc3\xa4", "exp.example", GUARD_FAIL, "-all", "", 3 },
	{ "192.0.2.1", "x", "bad-exp.example", GUARD_FAIL, "-all", "", 3 },
	{ "192.0.2.1", "a \\b%{d}", "odd.example", GUARD_FAIL, "-exists:%{l}.x.example", "", 3 },
	{ "192.0.2.1", "x", "huge-exp.example", GUARD_FAIL, "-all", "", 3 },
};

static void checks_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct guard_verdict v;
		struct world w;

		begin(&w);
		v = check(&w, cases[i].client, cases[i].local, cases[i].domain);
		if (v.result != cases[i].want || v.mechanism.len != strlen(cases[i].mechanism) ||
			memcmp(v.mechanism.at ? v.mechanism.at : "", cases[i].mechanism, v.mechanism.len) != 0 ||
			strcmp(v.explanation, cases[i].explanation) != 0)
			fail_msg("row %zu, %s for %s: got %s by '%.*s' because '%s'", i, cases[i].client,
				cases[i].domain, guard_result_words[v.result], (int)v.mechanism.len, v.mechanism.at,
				v.explanation);
		if (w.rounds > cases[i].most_rounds)
			fail_msg("row %zu, %s: %zu rounds", i, cases[i].domain, w.rounds);
		end(&w);
	}
}

static bool was_asked(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->count; i++) {
		if (strcmp(w->slots[i].question.name, name) == 0)
			return true;
	}
	return false;
}

static void asks_side_by_side_and_no_more_than_it_needs(void **state)
{
	static const char *const wanted[] = {
		"a.example",
		"b.example",
		"m1.example",
		"m2.example",
		"203.0.113.1.c.example",
		"ip.example",
	};
	struct world w;

	(void)state;
	begin(&w);
	(void)check(&w, "203.0.113.1", "x", "side.example");
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!was_asked(&w, wanted[i]))
			fail_msg("%s was not asked for", wanted[i]);
	}
	end(&w);
	begin(&w);
	(void)check(&w, "192.0.2.1", "x", "early.example");
	assert_false(was_asked(&w, "never.example"));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_hosts),
		cmocka_unit_test(asks_side_by_side_and_no_more_than_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
