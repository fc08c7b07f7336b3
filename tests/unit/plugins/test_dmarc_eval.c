/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "filter/base/cleanup.h"
#include "plugins/dmarc/dmarc_eval.h"

/* ---- names ---- */

static void a_domain_of_mail_becomes_a_name(void **state)
{
	static const struct {
		const char *domain, *want; /* "": it can be none */
	} rows[] = {
		{ "example.com", "example.com" },
		{ "EXAMPLE.Com.", "example.com" },
		{ "localhost", "localhost" },
		{ "_a.b_c.example", "_a.b_c.example" },
		{ "-a.example", "-a.example" },
		{ "b\xc3\xbc"
		  "cher.example",
			"xn--bcher-kva.example" },
		{ "B\xc3\x9c"
		  "CHER.example",
			"xn--bcher-kva.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "\xe9\xa3\x9f\xe7\x8b\xae.\xe4\xb8\xad\xe5\x9b\xbd", "xn--85x722f.xn--fiqs8s" },
		{ "stra\xc3\x9f"
		  "e.example",
			"xn--strae-oqa.example" },
		{ "\xc3\xbc\xe3\x80\x82"
		  "example",
			"xn--tda.example" }, /* an ideographic full stop */
		{ "\xff.example", "" },
		{ "", "" },
		{ ".", "" },
		{ ".example", "" },
		{ "a..example", "" },
		{ "example..", "" },
		{ "[192.0.2.1]", "" },
		{ "[IPv6:2001:db8::1]", "" },
		{ "a b.example", "" },
		{ "a\\.example", "" },
		{ "a,b.example", "" },
		{ "x123456789012345678901234567890123456789012345678901234567890123.example", "" }, /* 64 octets */
		{ "123456789012345678901234567890123456789012345678901234567890123.example",
			"123456789012345678901234567890123456789012345678901234567890123.example" },
	};
	char name[DMARC_NAME_SIZE], huge[1000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool good = dmarc_domain(rows[i].domain, strlen(rows[i].domain), name);

		if (good != (*rows[i].want != '\0') || strcmp(name, rows[i].want) != 0)
			fail_msg("'%s': '%s'", rows[i].domain, name);
	}
	memset(huge, 'a', sizeof huge);
	for (size_t i = 50; i < sizeof huge; i += 50)
		huge[i] = '.';
	assert_true(dmarc_domain(huge, 253, name));
	assert_false(dmarc_domain(huge, 254, name));
	assert_false(dmarc_domain(huge, sizeof huge, name));
	memcpy(huge + 10, "\xc3\xbc", 2);
	assert_false(dmarc_domain(huge, sizeof huge, name));
	assert_false(dmarc_domain("a\0b.example", 11, name));
	assert_false(dmarc_domain("\xc3\xbc\0.example", 11, name));
}

/* ---- records ---- */

static void every_tag_may_be_wrong(void **state)
{
	/* want: p/sp/np psd adkim aspf t, "-" when it does not apply, "" when it is no record */
	static const struct {
		const char *record, *want;
	} rows[] = {
		{ "v=DMARC1; p=none", "none/none/none u r r n" },
		{ "v=DMARC1;p=reject", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject;", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; ; ;", "reject/reject/reject u r r n" },
		{ "v = DMARC1 ; p = quarantine ; ", "quarantine/quarantine/quarantine u r r n" },
		{ "V=DMARC1; P=Reject", "reject/reject/reject u r r n" },
		{ "v=DMARC1;\tp=none", "none/none/none u r r n" },
		{ "v=DMARC1; sp=none; p=reject", "reject/none/none u r r n" },
		{ "v=DMARC1; p=none; sp=reject", "none/reject/reject u r r n" },
		{ "v=DMARC1; p=none; np=reject", "none/none/reject u r r n" },
		{ "v=DMARC1; p=none; sp=quarantine; np=reject", "none/quarantine/reject u r r n" },
		{ "v=DMARC1; p=none; adkim=s; aspf=s; psd=y; t=y", "none/none/none y s s y" },
		{ "v=DMARC1; p=none; adkim=r; aspf=r; psd=n; t=n", "none/none/none n r r n" },
		{ "v=DMARC1; p=none; psd=u", "none/none/none u r r n" },
		/* v */
		{ "", "" },
		{ "v=DMARC1", "-" },
		{ "v=DMARC1; ", "-" },
		{ "p=reject", "" },
		{ "p=reject; v=DMARC1", "" },
		{ " v=DMARC1; p=reject", "" },
		{ "v=dmarc1; p=reject", "" },
		{ "v=DMARC2; p=reject", "" },
		{ "v=DMARC10; p=reject", "" },
		{ "v=DMARC1 p=reject", "" },
		{ "v=DMARC1, p=reject", "" },
		{ "v=spf1 -all", "" },
		{ "v", "" },
		{ "v=", "" },
		{ ";v=DMARC1; p=reject", "" },
		/* p */
		{ "v=DMARC1; p=", "-" },
		{ "v=DMARC1; p=rej", "-" },
		{ "v=DMARC1; p=reject reject", "-" },
		{ "v=DMARC1; p=\"reject\"", "-" },
		{ "v=DMARC1; rua=mailto:a@example.net", "none/none/none u r r n" },
		{ "v=DMARC1; p=rej; sp=reject; rua=mailto:a@example.net", "none/none/none u r r n" },
		{ "v=DMARC1; p; rua=mailto:a@example.net", "none/none/none u r r n" },
		{ "v=DMARC1; p=reject; p=none", "reject/reject/reject u r r n" },
		/* sp, np */
		{ "v=DMARC1; p=reject; sp=rej", "-" },
		{ "v=DMARC1; p=reject; np=rej", "-" },
		{ "v=DMARC1; p=reject; sp=rej; rua=mailto:a@example.net", "none/none/none u r r n" },
		{ "v=DMARC1; p=reject; np=rej; rua=mailto:a@example.net", "none/none/none u r r n" },
		/* rua */
		{ "v=DMARC1; rua=", "-" },
		{ "v=DMARC1; rua=a@example.net", "-" },
		{ "v=DMARC1; rua=mailto:", "-" },
		{ "v=DMARC1; rua=mailto:a", "-" },
		{ "v=DMARC1; rua=mailto:@example.net", "-" },
		{ "v=DMARC1; rua=mailto:a@", "-" },
		{ "v=DMARC1; rua=mail to:a@example.net", "-" },
		{ "v=DMARC1; rua=1:a@example.net", "-" },
		{ "v=DMARC1; rua=mailto:a b@example.net", "-" },
		{ "v=DMARC1; rua=,,", "-" },
		{ "v=DMARC1; rua=a, mailto:a@example.net", "none/none/none u r r n" },
		{ "v=DMARC1; rua=mailto:a@example.net!10m", "none/none/none u r r n" },
		{ "v=DMARC1; rua=https://example.net/r", "none/none/none u r r n" },
		/* the others */
		{ "v=DMARC1; p=reject; adkim=strict; aspf=x; psd=yes; t=1; fo=z; ruf=nowhere",
			"reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; adkim=; aspf=; psd=; t=", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; pct=foo; rf=afrf; ri=-1", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; pct=0", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; unknown=1; =; =x; a b c; \x01=\x02", "reject/reject/reject u r r n" },
		{ "v=DMARC1; p=reject; t=\xff; t=y", "reject/reject/reject u r r y" },
	};
	static const char psd[] = "uny";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dmarc_record r;
		char got[100] = "";

		if (dmarc_record_parse(rows[i].record, strlen(rows[i].record), &r))
			(void)snprintf(got, sizeof got, "%s/%s/%s %c %c %c %c", dmarc_policy_words[r.p],
				dmarc_policy_words[r.sp], dmarc_policy_words[r.np], psd[r.psd],
				r.strict_dkim ? 's' : 'r', r.strict_spf ? 's' : 'r', r.testing ? 'y' : 'n');
		if (*got && !r.applies)
			strcpy(got, "-");
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("'%s': '%s'", rows[i].record, got);
	}
}

static void addresses_for_reports_are_as_they_stand_there(void **state)
{
	static const char record[] =
		"v=DMARC1; p=none; rua= mailto:a@example.net , mailto:b@example.net ; ruf=mailto:c@example.net; fo=1:d";
	struct dmarc_record r;

	(void)state;
	assert_true(dmarc_record_parse(record, sizeof record - 1, &r));
	assert_memory_equal(r.rua.at, "mailto:a@example.net , mailto:b@example.net", r.rua.len);
	assert_int_equal(r.rua.len, 43);
	assert_memory_equal(r.ruf.at, "mailto:c@example.net", r.ruf.len);
	assert_memory_equal(r.fo.at, "1:d", r.fo.len);
}

/* ---- a DNS of rows ---- */

#define MAX_ROWS 6

struct row {
	const char *name;
	const char *records[3]; /* or "FAILED", "TIMEOUT" */
};

struct answers {
	struct sluice_dns_answer answers[DMARC_WALK_MAX];
	struct sluice_dns_record records[DMARC_WALK_MAX][3];
};

static void answer(
	const struct row *rows, const char *name, struct sluice_dns_answer *a, struct sluice_dns_record records[3])
{
	*a = (struct sluice_dns_answer){ .status = SLUICE_DNS_NXDOMAIN, .records = records };
	for (size_t i = 0; i < MAX_ROWS && rows[i].name; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		a->status = !strcmp(rows[i].records[0], "FAILED")    ? SLUICE_DNS_FAILED
		            : !strcmp(rows[i].records[0], "TIMEOUT") ? SLUICE_DNS_TIMEOUT
		                                                     : SLUICE_DNS_OK;
		for (; a->status == SLUICE_DNS_OK && a->count < 3 && rows[i].records[a->count]; a->count++)
			records[a->count] = (struct sluice_dns_record){ rows[i].records[a->count],
				strlen(rows[i].records[a->count]), 0 };
	}
}

static void walk_names(
	const struct row *rows, const struct dmarc_names *names, struct answers *store, struct dmarc_walk *ret)
{
	const struct sluice_dns_answer *answers[DMARC_WALK_MAX];

	for (size_t i = 0; i < names->count; i++) {
		answer(rows, names->at[i], &store->answers[i], store->records[i]);
		answers[i] = &store->answers[i];
	}
	dmarc_walk_read(names, answers, ret);
}

static void walk(const struct row *rows, const char *domain, struct answers *store, struct dmarc_walk *ret)
{
	struct dmarc_names names;

	dmarc_names_walk(domain, &names);
	walk_names(rows, &names, store, ret);
}

/* ---- the walk ---- */

static void a_walk_asks_at_most_eight_names(void **state)
{
	static const struct {
		const char *domain, *want;
	} rows[] = {
		{ "com", "com" },
		{ "example.com", "example.com com" },
		{ "a.mail.example.com", "a.mail.example.com mail.example.com example.com com" },
		{ "a.b.c.d.e.f.g.h", "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h" },
		{ "a.b.c.d.e.f.g.h.i", "a.b.c.d.e.f.g.h.i c.d.e.f.g.h.i d.e.f.g.h.i e.f.g.h.i f.g.h.i g.h.i h.i i" },
		{ "a.b.c.d.e.f.g.h.i.j.mail.example.com",
			"a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com "
			"i.j.mail.example.com j.mail.example.com mail.example.com example.com com" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dmarc_names names;
		char got[1000] = "";

		dmarc_names_walk(rows[i].domain, &names);
		for (size_t k = 0; k < names.count; k++)
			(void)snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", k ? " " : "", names.at[k]);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].domain, got);
	}
}

#define NONE   "v=DMARC1; p=none"
#define REJECT "v=DMARC1; p=reject"

static void a_walk_finds_domain_and_policy(void **state)
{
	static const struct {
		const char *domain;
		struct row dns[MAX_ROWS];
		size_t steps;
		const char *org, *policy; /* NULL: not known; policy "": none */
	} rows[] = {
		{ "a.example.com", { { .name = NULL } }, 3, "a.example.com", "" },
		{ "example.com", { { "example.com", { NONE } } }, 2, "example.com", "example.com" },
		{ "a.example.com", { { "example.com", { NONE } } }, 3, "example.com", "example.com" },
		/* the fewest labels */
		{ "a.mail.example.com", { { "mail.example.com", { NONE } }, { "example.com", { NONE } } }, 4,
			"example.com", "example.com" },
		{ "mail.example.com", { { "mail.example.com", { NONE } }, { "example.com", { NONE } } }, 3,
			"example.com", "mail.example.com" },
		{ "example.com", { { "com", { NONE } } }, 2, "com", "com" },
		/* psd=n ends it */
		{ "a.mail.example.com", { { "mail.example.com", { NONE "; psd=n" } }, { "example.com", { NONE } } }, 2,
			"mail.example.com", "mail.example.com" },
		{ "mail.example.com", { { "mail.example.com", { NONE "; psd=n" } }, { "example.com", { NONE } } }, 1,
			"mail.example.com", "mail.example.com" },
		{ "a.mail.example.com",
			{ { "a.mail.example.com", { REJECT } }, { "mail.example.com", { NONE "; psd=n" } } }, 2,
			"mail.example.com", "a.mail.example.com" },
		/* psd=y: one label below */
		{ "a.mail.example.com", { { "com", { NONE "; psd=y" } } }, 4, "example.com", "com" },
		{ "a.mail.example.com", { { "com", { NONE "; psd=y" } }, { "example.com", { REJECT } } }, 4,
			"example.com", "example.com" },
		{ "a.mail.example.com", { { "com", { NONE "; psd=y" } }, { "mail.example.com", { REJECT } } }, 4,
			"example.com", "com" },
		{ "a.b.uk.com", { { "uk.com", { NONE "; psd=y" } }, { "com", { NONE } } }, 3, "b.uk.com", "uk.com" },
		{ "uk.com", { { "uk.com", { REJECT "; psd=y" } }, { "com", { NONE } } }, 1, "uk.com", "uk.com" },
		{ "b.uk.com", { { "b.uk.com", { REJECT } }, { "uk.com", { NONE "; psd=y" } } }, 2, "b.uk.com",
			"b.uk.com" },
		/* one label below, where the walk has left labels out */
		{ "a.b.c.d.e.f.g.h.i.j", { { "d.e.f.g.h.i.j", { NONE "; psd=y" } } }, 2, "c.d.e.f.g.h.i.j",
			"d.e.f.g.h.i.j" },
		{ "a.b.c.d.e.f.g.h.i.j", { { "c.d.e.f.g.h.i.j", { NONE } } }, 8, "a.b.c.d.e.f.g.h.i.j", "" },
		/* several records are none; others do not count */
		{ "example.com", { { "example.com", { NONE, REJECT } } }, 2, "example.com", "" },
		{ "a.example.com", { { "a.example.com", { NONE, REJECT } }, { "example.com", { REJECT } } }, 3,
			"example.com", "example.com" },
		{ "example.com", { { "example.com", { "v=spf1 -all", REJECT, "DMARC" } } }, 2, "example.com",
			"example.com" },
		{ "a.example.com", { { "a.example.com", { "v=spf1 -all" } } }, 3, "a.example.com", "" },
		/* the wildcard of a domain answers at all its names with what is no record, or with one */
		{ "a.b.example.com",
			{ { "a.b.example.com", { "*" } }, { "b.example.com", { "*" } }, { "example.com", { REJECT } } },
			4, "example.com", "example.com" },
		{ "a.b.example.com",
			{ { "a.b.example.com", { NONE } }, { "b.example.com", { NONE } },
				{ "example.com", { REJECT } } },
			4, "example.com", "a.b.example.com" },
		/* what the DNS does not say */
		{ "example.com", { { "example.com", { "FAILED" } } }, 2, NULL, NULL },
		{ "example.com", { { "example.com", { "TIMEOUT" } }, { "com", { NONE } } }, 2, NULL, NULL },
		{ "example.com", { { "example.com", { REJECT } }, { "com", { "FAILED" } } }, 2, NULL, "example.com" },
		{ "a.example.com", { { "example.com", { REJECT } }, { "com", { "FAILED" } } }, 3, NULL, NULL },
		{ "a.example.com", { { "example.com", { REJECT "; psd=n" } }, { "com", { "FAILED" } } }, 2,
			"example.com", "example.com" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answers store;
		struct dmarc_walk w;
		const char *policy;

		walk(rows[i].dns, rows[i].domain, &store, &w);
		policy = w.policy >= 0 ? w.names.at[w.policy] : w.policy == DMARC_NO_POLICY ? "" : NULL;
		if (w.steps != rows[i].steps || !w.org != !rows[i].org || (w.org && strcmp(w.org, rows[i].org) != 0) ||
			!policy != !rows[i].policy || (policy && strcmp(policy, rows[i].policy) != 0))
			fail_msg("row %zu, %s: %zu steps, org %s, policy %s", i, rows[i].domain, w.steps,
				w.org ? w.org : "?", policy ? policy : "?");
	}
}

static void an_organizational_domain_that_is_known_before_stays(void **state)
{
	static const struct row dns[MAX_ROWS] = { { "example.com", { REJECT } },
		{ "mail.example.com", { NONE "; psd=n" } } };
	static const char domain[] = "mail.example.com";
	struct answers store;
	struct dmarc_names names;
	struct dmarc_walk w;

	(void)state;
	dmarc_names_fixed(domain, domain + 5, &names);
	assert_int_equal(names.count, 2);
	walk_names(dns, &names, &store, &w);
	assert_ptr_equal(w.org, domain + 5);
	assert_int_equal(w.policy, 0);
	walk_names(dns + 2, &names, &store, &w);
	assert_int_equal(w.policy, DMARC_NO_POLICY);
	walk_names((const struct row[MAX_ROWS]){ { "example.com", { REJECT } } }, &names, &store, &w);
	assert_int_equal(w.policy, 1);
	walk_names((const struct row[MAX_ROWS]){ { "example.com", { "FAILED" } } }, &names, &store, &w);
	assert_int_equal(w.policy, DMARC_UNKNOWN_POLICY);
	assert_ptr_equal(w.org, domain + 5);
	dmarc_names_fixed(domain, domain, &names);
	assert_int_equal(names.count, 1);
}

/* ---- alignment ---- */

static const char *const alignments[] = { "apart", "open", "aligned" };

static void relaxed_compares_organizational_domains_strict_compares_names(void **state)
{
	static const struct {
		const char *author, *domain;
		struct row dns[MAX_ROWS];
		const char *relaxed, *strict;
	} rows[] = {
		{ "example.com", "example.com", { { "example.com", { NONE } } }, "aligned", "aligned" },
		{ "example.com", "mail.example.com", { { "example.com", { NONE } } }, "aligned", "apart" },
		{ "mail.example.com", "example.com", { { "example.com", { NONE } } }, "aligned", "apart" },
		{ "a.example.com", "b.example.com", { { "example.com", { NONE } } }, "aligned", "apart" },
		{ "a.example.com", "c.b.example.com", { { "a.example.com", { NONE } }, { "example.com", { NONE } } },
			"aligned", "apart" },
		{ "example.com", "example.net", { { "example.com", { NONE } } }, "apart", "apart" },
		{ "example.com", "badexample.com", { { "example.com", { NONE } } }, "apart", "apart" },
		{ "example.com", "com", { { "example.com", { NONE } } }, "apart", "apart" },
		{ "example.com", "example.com.evil.net", { { "example.com", { NONE } } }, "apart", "apart" },
		/* a part of the domain that stands by itself */
		{ "example.com", "mail.example.com",
			{ { "example.com", { NONE } }, { "mail.example.com", { NONE "; psd=n" } } }, "apart", "apart" },
		{ "mail.example.com", "a.mail.example.com",
			{ { "example.com", { NONE } }, { "mail.example.com", { NONE "; psd=n" } } }, "aligned",
			"apart" },
		{ "mail.example.com", "example.com",
			{ { "example.com", { NONE } }, { "mail.example.com", { NONE "; psd=n" } } }, "apart", "apart" },
		{ "example.com", "a.giant.example.com",
			{ { "example.com", { NONE } }, { "giant.example.com", { NONE "; psd=y" } } }, "apart",
			"apart" },
		/* names below a public suffix */
		{ "uk.com", "evil.uk.com", { { "uk.com", { REJECT "; psd=y" } } }, "apart", "apart" },
		{ "bank.uk.com", "uk.com", { { "uk.com", { NONE "; psd=y" } }, { "bank.uk.com", { REJECT } } }, "apart",
			"apart" },
		{ "bank.uk.com", "evil.uk.com", { { "uk.com", { NONE "; psd=y" } }, { "bank.uk.com", { REJECT } } },
			"apart", "apart" },
		{ "bank.uk.com", "a.bank.uk.com", { { "uk.com", { NONE "; psd=y" } } }, "aligned", "apart" },
		{ "bank.uk.com", "evil.uk.com", { { "bank.uk.com", { REJECT } } }, "apart", "apart" },
		/* what the DNS does not say */
		{ "example.com", "mail.example.com", { { "example.com", { NONE } }, { "com", { "FAILED" } } }, "open",
			"apart" },
		{ "example.com", "example.com", { { "example.com", { NONE } }, { "com", { "FAILED" } } }, "aligned",
			"aligned" },
		{ "example.com", "a.b.example.com", { { "example.com", { NONE } }, { "b.example.com", { "FAILED" } } },
			"open", "apart" },
		{ "example.com", "example.net", { { "example.com", { NONE } }, { "net", { "FAILED" } } }, "apart",
			"apart" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answers stores[2];
		struct dmarc_walk author, other;
		enum dmarc_alignment relaxed, strict;

		walk(rows[i].dns, rows[i].author, &stores[0], &author);
		walk(rows[i].dns, rows[i].domain, &stores[1], &other);
		relaxed = dmarc_align(&author, rows[i].domain, other.org, false);
		strict = dmarc_align(&author, rows[i].domain, NULL, true);
		if (strcmp(alignments[relaxed], rows[i].relaxed) != 0 ||
			strcmp(alignments[strict], rows[i].strict) != 0)
			fail_msg("row %zu: %s, %s: %s, %s", i, rows[i].author, rows[i].domain, alignments[relaxed],
				alignments[strict]);
	}
}

static void a_public_suffix_list_says_the_same_without_records(void **state)
{
	static const struct row dns[MAX_ROWS] = { { "bank.uk.com", { REJECT } }, { "uk.com", { REJECT } } };
	static const char author[] = "bank.uk.com", suffix[] = "uk.com";
	struct answers store;
	struct dmarc_names names;
	struct dmarc_walk w;

	(void)state;
	dmarc_names_fixed(author, author, &names);
	walk_names(dns, &names, &store, &w);
	assert_int_equal(dmarc_align(&w, "uk.com", "uk.com", false), DMARC_APART);
	assert_int_equal(dmarc_align(&w, "evil.uk.com", "evil.uk.com", false), DMARC_APART);
	assert_int_equal(dmarc_align(&w, "a.bank.uk.com", "bank.uk.com", false), DMARC_ALIGNED);
	dmarc_names_fixed(suffix, suffix, &names);
	walk_names(dns, &names, &store, &w);
	assert_int_equal(dmarc_align(&w, "evil.uk.com", "evil.uk.com", false), DMARC_APART);
}

static void what_is_near_is_asked_about_early(void **state)
{
	(void)state;
	assert_true(dmarc_is_near("a.example.com", "b.example.com"));
	assert_true(dmarc_is_near("example.com", "b.c.example.com"));
	assert_true(dmarc_is_near("a.example.com", "example.com"));
	assert_false(dmarc_is_near("example.com", "example.net"));
	assert_false(dmarc_is_near("example.com", "other.com"));
	assert_false(dmarc_is_near("example.com", "badexample.com"));
	assert_false(dmarc_is_near("localhost", "example.com"));
}

/* ---- the end ---- */

static void a_policy_is_chosen_and_applied(void **state)
{
	static const struct {
		const char *domain;
		struct row dns[MAX_ROWS];
		enum dmarc_existence existence;
		enum dmarc_alignment spf, dkim;
		const char *want; /* result policy disposition */
	} rows[] = {
		{ "example.com", { { .name = NULL } }, DMARC_EXISTS, DMARC_ALIGNED, DMARC_APART, "none - none" },
		{ "example.com", { { "example.com", { "v=DMARC1" } } }, DMARC_EXISTS, 0, 0, "none - none" },
		{ "example.com", { { "example.com", { "v=DMARC1; p=bad" } }, { "com", { REJECT } } }, DMARC_EXISTS, 0,
			0, "none - none" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_ALIGNED, DMARC_APART,
			"pass reject none" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_APART, DMARC_ALIGNED,
			"pass reject none" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_OPEN, DMARC_ALIGNED,
			"pass reject none" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_APART, DMARC_APART,
			"fail reject reject" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_OPEN, DMARC_APART,
			"temperror reject none" },
		{ "example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, DMARC_APART, DMARC_OPEN,
			"temperror reject none" },
		{ "example.com", { { "example.com", { "v=DMARC1; p=quarantine" } } }, DMARC_EXISTS, 0, 0,
			"fail quarantine quarantine" },
		{ "example.com", { { "example.com", { NONE } } }, DMARC_EXISTS, 0, 0, "fail none none" },
		{ "example.com", { { "example.com", { REJECT "; pct=0" } } }, DMARC_EXISTS, 0, 0,
			"fail reject reject" },
		/* t=y: one step less */
		{ "example.com", { { "example.com", { REJECT "; t=y" } } }, DMARC_EXISTS, 0, 0,
			"fail reject quarantine" },
		{ "example.com", { { "example.com", { "v=DMARC1; p=quarantine; t=y" } } }, DMARC_EXISTS, 0, 0,
			"fail quarantine none" },
		{ "example.com", { { "example.com", { NONE "; t=y" } } }, DMARC_EXISTS, 0, 0, "fail none none" },
		/* p, sp, np */
		{ "example.com", { { "example.com", { REJECT "; sp=none; np=none" } } }, DMARC_EXISTS_NOT, 0, 0,
			"fail reject reject" },
		{ "a.example.com", { { "example.com", { REJECT } } }, DMARC_EXISTS, 0, 0, "fail reject reject" },
		{ "a.example.com", { { "example.com", { REJECT "; sp=none" } } }, DMARC_EXISTS, 0, 0,
			"fail none none" },
		{ "a.example.com", { { "example.com", { REJECT "; sp=none" } } }, DMARC_EXISTS_NOT, 0, 0,
			"fail none none" },
		{ "a.example.com", { { "example.com", { NONE "; np=reject" } } }, DMARC_EXISTS, 0, 0,
			"fail none none" },
		{ "a.example.com", { { "example.com", { NONE "; np=reject" } } }, DMARC_EXISTS_NOT, 0, 0,
			"fail reject reject" },
		{ "a.example.com", { { "example.com", { NONE "; sp=quarantine; np=reject" } } }, DMARC_EXISTS, 0, 0,
			"fail quarantine quarantine" },
		{ "a.example.com", { { "example.com", { NONE "; sp=quarantine; np=reject; t=y" } } }, DMARC_EXISTS_NOT,
			0, 0, "fail reject quarantine" },
		{ "a.example.com", { { "example.com", { NONE "; np=reject" } } }, DMARC_EXISTENCE_UNKNOWN, 0, 0,
			"temperror - none" },
		{ "a.example.com", { { "example.com", { REJECT } } }, DMARC_EXISTENCE_UNKNOWN, 0, 0,
			"fail reject reject" },
		{ "a.example.com", { { "example.com", { NONE "; np=reject" } } }, DMARC_EXISTENCE_UNKNOWN,
			DMARC_ALIGNED, 0, "pass - none" },
		{ "a.example.com", { { "a.example.com", { NONE } }, { "example.com", { REJECT } } }, DMARC_EXISTS, 0, 0,
			"fail none none" },
		/* of a public suffix */
		{ "example.com", { { "com", { NONE "; psd=y; sp=quarantine; np=reject" } } }, DMARC_EXISTS, 0, 0,
			"fail quarantine quarantine" },
		{ "example.com", { { "com", { NONE "; psd=y; sp=quarantine; np=reject" } } }, DMARC_EXISTS_NOT, 0, 0,
			"fail reject reject" },
		/* what the DNS does not say */
		{ "example.com", { { "example.com", { "FAILED" } } }, DMARC_EXISTS, DMARC_ALIGNED, DMARC_ALIGNED,
			"temperror - none" },
		{ "a.example.com", { { "a.example.com", { "TIMEOUT" } }, { "example.com", { REJECT } } }, DMARC_EXISTS,
			0, 0, "temperror - none" },
		{ "example.com", { { "example.com", { REJECT } }, { "com", { "TIMEOUT" } } }, DMARC_EXISTS, 0, 0,
			"fail reject reject" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answers store;
		struct dmarc_walk w;
		struct dmarc_verdict v;
		char got[100];

		walk(rows[i].dns, rows[i].domain, &store, &w);
		v = dmarc_judge(&w, rows[i].existence, rows[i].spf, rows[i].dkim);
		(void)snprintf(got, sizeof got, "%s %s %s", dmarc_result_words[v.result],
			v.has_policy ? dmarc_policy_words[v.policy] : "-", dmarc_policy_words[v.disposition]);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu, %s: %s", i, rows[i].domain, got);
		assert_true((v.why != NULL) == (v.result == DMARC_FAIL || v.result == DMARC_TEMPERROR));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_of_mail_becomes_a_name),
		cmocka_unit_test(every_tag_may_be_wrong),
		cmocka_unit_test(addresses_for_reports_are_as_they_stand_there),
		cmocka_unit_test(a_walk_asks_at_most_eight_names),
		cmocka_unit_test(a_walk_finds_domain_and_policy),
		cmocka_unit_test(an_organizational_domain_that_is_known_before_stays),
		cmocka_unit_test(relaxed_compares_organizational_domains_strict_compares_names),
		cmocka_unit_test(a_public_suffix_list_says_the_same_without_records),
		cmocka_unit_test(what_is_near_is_asked_about_early),
		cmocka_unit_test(a_policy_is_chosen_and_applied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
