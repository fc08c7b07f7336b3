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
#include "plugins/spf/spf_eval.h"

static const char zone_text[] =
	"exact.example TXT v=spf1 a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example "
	"a:a.example a:a.example include:ten.example -all\n"
	"ten.example TXT v=spf1 ip4:203.0.113.1\n"
	"eleven.example TXT v=spf1 a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example a:a.example "
	"a:a.example a:a.example include:one.example -all\n"
	"one.example TXT v=spf1 a:a.example ip4:203.0.113.1\n"
	"voids.example TXT v=spf1 a:x1.example a:x2.example ip4:192.0.2.1 a:x3.example -all\n"
	"voids2.example TXT v=spf1 include:v1.example a:x2.example mx:x3.example -all\n"
	"v1.example TXT v=spf1 exists:x1.example\n"
	"round.example TXT v=spf1 redirect=round.example\n"
	"ring.example TXT v=spf1 include:ring2.example -all\n"
	"ring2.example TXT v=spf1 include:ring.example -all\n"
	"late.example TXT v=spf1 ip4:192.0.2.1 -all a:\n"
	"octet.example TXT v=spf1 ip4:192.0.2.1 \\195\\164 -all\n"
	"nul.example TXT v=spf1 ip4:192.0.2.1 \\000 -all\n"
	"half.example TXT v=spf1 mx -all\n"
	"half.example MX 10 silent.example\n"
	"half.example MX 20 m1.example\n"
	"p.example TXT v=spf1 exists:%{p}.ok.example a:b.example -all\n"
	"7.113.0.203.in-addr.arpa PTR other.example\n"
	"7.113.0.203.in-addr.arpa PTR host.p.example\n"
	"7.113.0.203.in-addr.arpa PTR forged.p.example\n"
	"other.example A 203.0.113.7\n"
	"host.p.example A 203.0.113.7\n"
	"forged.p.example A 203.0.113.8\n"
	"host.p.example.ok.example A 127.0.0.2\n"
	"ptr.example TXT v=spf1 ptr:p.example -all\n"
	"early-exp.example TXT v=spf1 a:b.example -all exp=why.example\n"
	"eai.example TXT v=spf1 exists:%{l}.eai.example include:%{l}.org ~all\n"
	"local.example A 127.0.0.1\n"
	"xn--bcher-kva.example TXT v=spf1 exists:%{o}.ok.example -all\n"
	"xn--bcher-kva.example.ok.example A 127.0.0.2\n"
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

static struct spf_verdict check(struct world *w, const char *client, const char *local, const char *domain)
{
	struct spf_asker asker = { ask, w };
	struct spf_identity id = {
		.local = { local, strlen(local) },
		.domain = { domain, strlen(domain) },
		.helo = { "mx.example", 10 },
		.receiver = { "here.example", 12 },
	};
	struct spf_verdict v;

	assert_true(ip_parse(client, strlen(client), &id.client));
	for (w->rounds = 1; !spf_check(&asker, &id, &v); w->rounds++) {
		assert_true(w->rounds < 30);
		for (size_t i = 0; i < w->count; i++)
			w->slots[i].here = strcmp(w->slots[i].question.name, "never.example") != 0;
	}
	return v;
}

static const struct {
	const char *client, *local, *domain;
	enum spf_result want;
	const char *mechanism, *explanation;
	size_t most_rounds;
} cases[] = {
	{ "192.0.2.1", "x", "ip.example", SPF_PASS, "ip4:192.0.2.0/24", "", 2 },
	{ "2001:db8::1", "x", "ip.example", SPF_PASS, "ip6:2001:db8::/32", "", 2 },
	{ "203.0.113.1", "x", "ip.example", SPF_FAIL, "-all", "", 2 },
	{ "127.0.0.1", "x", "ip.example", SPF_FAIL, "-all", "", 2 },
	{ "::1", "x", "ip.example", SPF_FAIL, "-all", "", 2 },
	{ "203.0.113.1", "x", "zero.example", SPF_PASS, "ip4:198.51.100.1/0", "", 2 },
	{ "2001:db8::1", "x", "zero.example", SPF_FAIL, "-all", "", 2 },
	{ "198.51.100.4", "x", "side.example", SPF_PASS, "mx", "", 4 },
	{ "192.0.2.1", "x", "side.example", SPF_PASS, "include:ip.example", "", 4 },
	{ "192.0.2.1", "x", "early.example", SPF_PASS, "ip4:192.0.2.1", "", 2 },
	{ "198.51.100.3", "x", "lazy.example", SPF_PASS, "mx", "", 4 }, /* the second host need not answer */
	{ "2001:db8::9", "x", "v6.example", SPF_PASS, "a", "", 4 },
	{ "192.0.2.1", "x", "slow.example", SPF_TEMPERROR, "a:silent.example", "", 3 },
	{ "192.0.2.1", "x", "loop.example", SPF_PERMERROR, "include:loop.example", "", 2 },
	{ "192.0.2.1", "x", "to.example", SPF_PERMERROR, "", "", 3 },
	{ "192.0.2.1", "x", "none.example", SPF_NONE, "", "", 2 },
	{ "192.0.2.1", "x", "example", SPF_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "[192.0.2.1]", SPF_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "a..example", SPF_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "", SPF_NONE, "", "", 1 },
	{ "192.0.2.1", "x", "exp.example", SPF_FAIL, "-all", "x@exp.example may not, exp.example", 3 },
	{ "192.0.2.1", "", "exp.example", SPF_FAIL, "-all", "postmaster@exp.example may not, exp.example", 3 },
	{ "192.0.2.1", "\xc3\xa4", "exp.example", SPF_FAIL, "-all", "", 3 },
	{ "192.0.2.1", "x", "bad-exp.example", SPF_FAIL, "-all", "", 3 },
	{ "192.0.2.1", "a \\b%{d}", "odd.example", SPF_FAIL, "-exists:%{l}.x.example", "", 3 },
	{ "192.0.2.1", "x", "huge-exp.example", SPF_FAIL, "-all", "", 3 },
	{ "203.0.113.1", "x", "exact.example", SPF_PASS, "include:ten.example", "", 3 },
	{ "203.0.113.1", "x", "eleven.example", SPF_PERMERROR, "include:one.example", "", 3 },
	{ "192.0.2.1", "x", "voids.example", SPF_PASS, "ip4:192.0.2.1", "", 3 },
	{ "192.0.2.2", "x", "voids.example", SPF_PERMERROR, "a:x3.example", "", 3 },
	{ "192.0.2.2", "x", "voids2.example", SPF_PERMERROR, "mx:x3.example", "", 4 },
	{ "192.0.2.1", "x", "round.example", SPF_PERMERROR, "", "", 2 },
	{ "192.0.2.1", "x", "ring.example", SPF_PERMERROR, "include:ring2.example", "", 3 },
	{ "192.0.2.1", "x", "late.example", SPF_PERMERROR, "", "", 2 },
	{ "192.0.2.1", "x", "octet.example", SPF_PERMERROR, "", "", 2 },
	{ "192.0.2.1", "x", "nul.example", SPF_PERMERROR, "", "", 2 },
	{ "198.51.100.3", "x", "half.example", SPF_PASS, "mx", "", 4 },
	{ "198.51.100.4", "x", "half.example", SPF_TEMPERROR, "mx", "", 4 },
	{ "203.0.113.7", "x", "p.example", SPF_PASS, "exists:%{p}.ok.example", "", 5 },
	{ "203.0.113.7", "x", "ptr.example", SPF_PASS, "ptr:p.example", "", 4 },
	{ "203.0.113.8", "x", "ptr.example", SPF_FAIL, "-all", "", 3 },
	{ "192.0.2.1", "x", "early-exp.example", SPF_FAIL, "-all", "x@early-exp.example may not, early-exp.example",
		3 },
	{ "192.0.2.1", "\xc3\xa4", "eai.example", SPF_PERMERROR, "include:%{l}.org", "", 3 },
	{ "192.0.2.1", "x", "b\xc3\xbc"
			    "cher.example",
		SPF_PASS, "exists:%{o}.ok.example", "", 3 },
	{ "192.0.2.1", "x", "\xc3.ip.example", SPF_NONE, "", "", 1 },
};

static void checks_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spf_verdict v;
		struct world w;

		begin(&w);
		v = check(&w, cases[i].client, cases[i].local, cases[i].domain);
		if (v.result != cases[i].want || v.mechanism.len != strlen(cases[i].mechanism) ||
			memcmp(v.mechanism.at ? v.mechanism.at : "", cases[i].mechanism, v.mechanism.len) != 0 ||
			strcmp(v.explanation, cases[i].explanation) != 0)
			fail_msg("row %zu, %s for %s: got %s by '%.*s' because '%s'", i, cases[i].client,
				cases[i].domain, spf_result_words[v.result], (int)v.mechanism.len, v.mechanism.at,
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

/* The verdict is the same in whatever order the answers come, one of them in each round. */
static void does_not_depend_on_the_order_of_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t step = 0; step < 8; step++) {
			struct spf_asker asker;
			struct spf_identity id = {
				.local = { cases[i].local, strlen(cases[i].local) },
				.domain = { cases[i].domain, strlen(cases[i].domain) },
				.helo = { "mx.example", 10 },
				.receiver = { "here.example", 12 },
			};
			struct spf_verdict v;
			struct world w;

			begin(&w);
			asker = (struct spf_asker){ ask, &w };
			assert_true(ip_parse(cases[i].client, strlen(cases[i].client), &id.client));
			while (!spf_check(&asker, &id, &v)) {
				size_t open = 0, at;

				for (size_t s = 0; s < w.count; s++)
					open += !w.slots[s].here;
				assert_true(open > 0);
				at = step * 7 % open;
				for (size_t s = 0; s < w.count; s++) {
					if (!w.slots[s].here && at-- == 0)
						w.slots[s].here = true;
				}
			}
			if (v.result != cases[i].want || strcmp(v.explanation, cases[i].explanation) != 0)
				fail_msg("row %zu, %s, step %zu: %s", i, cases[i].domain, step,
					spf_result_words[v.result]);
			end(&w);
		}
	}
}

static void counts_what_it_looks_up(void **state)
{
	struct spf_verdict v;
	struct world w;

	(void)state;
	begin(&w);
	v = check(&w, "192.0.2.2", "x", "voids.example");
	assert_int_equal(v.lookups, 3);
	assert_int_equal(v.voids, 3);
	end(&w);
	begin(&w);
	v = check(&w, "203.0.113.1", "x", "eleven.example");
	assert_int_equal(v.lookups, SPF_MAX_LOOKUPS + 1);
	assert_int_equal(v.voids, 0);
	end(&w);
}

struct big {
	char text[2][SPF_RECORD_MAX_BYTES + 1];
	struct sluice_dns_record records[2];
	struct sluice_dns_answer answers[2];
};

static const struct sluice_dns_answer *ask_big(void *arg, const char *name, enum sluice_dns_type type)
{
	struct big *b = arg;

	(void)type;
	return &b->answers[strcmp(name, "inner.example") == 0];
}

static void set_big(struct big *b, size_t at, const char *head, size_t octets)
{
	size_t len = strlen(head);

	memcpy(b->text[at], head, len);
	for (; len + 16 <= octets; len += 16)
		memcpy(b->text[at] + len, "ip4:203.0.113.1 ", 16);
	memset(b->text[at] + len, ' ', octets - len);
	b->records[at] = (struct sluice_dns_record){ b->text[at], octets, 0 };
	b->answers[at] = (struct sluice_dns_answer){ SLUICE_DNS_OK, false, 0, 1, &b->records[at] };
}

static void reads_64_kb_of_records_and_no_more(void **state)
{
	static const struct {
		size_t outer, inner;
		enum spf_result want;
	} rows[] = {
		{ SPF_RECORD_MAX_BYTES - 100, 100, SPF_PASS },
		{ 100, SPF_RECORD_MAX_BYTES - 100, SPF_PASS },
		{ SPF_RECORD_MAX_BYTES - 100, 101, SPF_PERMERROR },
		{ 40000, 40000, SPF_PERMERROR },
	};
	static struct big b;
	const struct spf_asker asker = { ask_big, &b };
	struct spf_identity id = {
		.local = SPF_SPAN("x"), .domain = SPF_SPAN("outer.example"), .client = { 4, { 192, 0, 2, 1 } }
	};
	struct spf_verdict v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set_big(&b, 0, "v=spf1 include:inner.example ", rows[i].outer);
		set_big(&b, 1, "v=spf1 ip4:192.0.2.1 ", rows[i].inner);
		assert_true(spf_check(&asker, &id, &v));
		assert_int_equal(v.result, rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_hosts),
		cmocka_unit_test(asks_side_by_side_and_no_more_than_it_needs),
		cmocka_unit_test(does_not_depend_on_the_order_of_answers),
		cmocka_unit_test(reads_64_kb_of_records_and_no_more),
		cmocka_unit_test(counts_what_it_looks_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
