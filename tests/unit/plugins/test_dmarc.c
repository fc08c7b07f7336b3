/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/fake_host.h"

extern const struct sluice_plugin sluice_plugin_dmarc;

/* The fake DNS has records without blanks. */
static const struct fake_record dns[] = {
	{ "_dmarc.example.net", SLUICE_DNS_TXT, "v=DMARC1;p=reject;sp=quarantine" },
	{ "_dmarc.strict.example", SLUICE_DNS_TXT, "v=DMARC1;p=reject;aspf=s;adkim=s;t=y" },
	{ "_dmarc.part.example.net", SLUICE_DNS_TXT, "v=DMARC1;p=none;psd=n" },
	{ "sub.example.net", SLUICE_DNS_TXT, "NODATA" },
	{ "_dmarc.sick.example", SLUICE_DNS_TXT, "SERVFAIL" },
	{ .name = NULL },
};

#define SPF(result, domain)                                                                                            \
	{ "spf.result", result }, { "spf.domain", domain },                                                            \
	{                                                                                                              \
		"spf.outcome", "done"                                                                                  \
	}
#define NO_DKIM                                                                                                        \
	{ "dkim.result", "none" },                                                                                     \
	{                                                                                                              \
		"dkim.outcome", "done"                                                                                 \
	}
#define NOBODY "reason=\"neither SPF nor DKIM vouches for the domain\""
/* Nobody vouches as far as is known; this is known not to be aligned. */
#define OPEN(aligned)                                                                                                  \
	"temperror dmarc.result=temperror dmarc.policy=reject dmarc.policy_domain=example.net "                        \
	"dmarc.org_domain=example.net " aligned "=no dmarc.record=v=DMARC1;p=reject;sp=quarantine "                    \
	"dmarc.walk=_dmarc.example.net, _dmarc.net dmarc.testing=no\n"                                                 \
	"mx.ours.example;\n\tdmarc=temperror reason=\"it cannot be found out who vouches for the domain\" "            \
	"header.from=example.net policy.dmarc=reject\n"
#define REFUSED                                                                                                        \
	"done dmarc.result=fail dmarc.disposition=reject dmarc.policy=reject dmarc.policy_domain=example.net "         \
	"dmarc.org_domain=example.net dmarc.spf_aligned=no dmarc.dkim_aligned=no "                                     \
	"dmarc.record=v=DMARC1;p=reject;sp=quarantine dmarc.walk=_dmarc.example.net, _dmarc.net dmarc.testing=no\n"    \
	"mx.ours.example;\n\tdmarc=fail " NOBODY " header.from=example.net policy.dmarc=reject\n"

static const struct {
	const char *header, *mail_from;
	struct fake_fact facts[10];
	const char *want;
	unsigned runs;
	const char *asked; /* each name once, without _dmarc. */
} rows[] = {
	{ "From: a@example.net\n", "a@example.net", { SPF("pass", "example.net"), NO_DKIM },
		"done dmarc.result=pass dmarc.disposition=none dmarc.policy=reject dmarc.policy_domain=example.net "
		"dmarc.org_domain=example.net dmarc.spf_aligned=yes dmarc.dkim_aligned=no "
		"dmarc.record=v=DMARC1;p=reject;sp=quarantine dmarc.walk=_dmarc.example.net, _dmarc.net "
	        "dmarc.testing=no\n"
		"mx.ours.example;\n\tdmarc=pass header.from=example.net policy.dmarc=reject\n",
		1, "_dmarc.example.net TXT\n_dmarc.net TXT\nexample.net TXT\n" },
	{ "From: a@sub.example.net\n", "a@other.example", { SPF("pass", "other.example"), NO_DKIM },
		"done dmarc.result=fail dmarc.disposition=quarantine dmarc.policy=quarantine "
	        "dmarc.policy_domain=example.net "
		"dmarc.org_domain=example.net dmarc.spf_aligned=no dmarc.dkim_aligned=no "
		"dmarc.record=v=DMARC1;p=reject;sp=quarantine "
		"dmarc.walk=_dmarc.sub.example.net, _dmarc.example.net, _dmarc.net dmarc.testing=no\n"
		"mx.ours.example;\n\tdmarc=fail " NOBODY " header.from=sub.example.net policy.dmarc=quarantine\n",
		1, "_dmarc.sub.example.net TXT\n_dmarc.example.net TXT\n_dmarc.net TXT\nsub.example.net TXT\n" },
	/* the walks of who may vouch are asked for with the author's */
	{ "From: a@example.net\nDKIM-Signature: v=1; d=mail.example.net; s=x\nDKIM-Signature: nonsense\n",
		"a@part.example.net",
		{ SPF("pass", "part.example.net"), { "dkim.result", "pass" }, { "dkim.domains", "mail.example.net" },
			{ "dkim.outcome", "done" } },
		"done dmarc.result=pass dmarc.disposition=none dmarc.policy=reject dmarc.policy_domain=example.net "
		"dmarc.org_domain=example.net dmarc.spf_aligned=no dmarc.dkim_aligned=yes "
		"dmarc.record=v=DMARC1;p=reject;sp=quarantine dmarc.walk=_dmarc.example.net, _dmarc.net "
	        "dmarc.testing=no\n"
		"mx.ours.example;\n\tdmarc=pass header.from=example.net policy.dmarc=reject\n",
		1,
		"_dmarc.example.net TXT\n_dmarc.net TXT\nexample.net TXT\n_dmarc.part.example.net TXT\n"
		"_dmarc.mail.example.net TXT\n" },
	/* one who was not foreseen is asked for later */
	{ "From: a@example.net\n", "",
		{ { "spf.result", "none" }, { "dkim.result", "pass" }, { "dkim.domains", "other.example" },
			{ "dkim.domains", "x.example.net" }, { "dkim.outcome", "done" } },
		"done dmarc.result=pass dmarc.disposition=none dmarc.policy=reject dmarc.policy_domain=example.net "
		"dmarc.org_domain=example.net dmarc.spf_aligned=no dmarc.dkim_aligned=yes "
		"dmarc.record=v=DMARC1;p=reject;sp=quarantine dmarc.walk=_dmarc.example.net, _dmarc.net "
	        "dmarc.testing=no\n"
		"mx.ours.example;\n\tdmarc=pass header.from=example.net policy.dmarc=reject\n",
		2, "_dmarc.example.net TXT\n_dmarc.net TXT\nexample.net TXT\n_dmarc.x.example.net TXT\n" },
	{ "From: a@strict.example\n", "a@x.strict.example", { SPF("pass", "x.strict.example"), NO_DKIM },
		"done dmarc.result=fail dmarc.disposition=quarantine dmarc.policy=reject "
	        "dmarc.policy_domain=strict.example "
		"dmarc.org_domain=strict.example dmarc.spf_aligned=no dmarc.dkim_aligned=no "
		"dmarc.record=v=DMARC1;p=reject;aspf=s;adkim=s;t=y dmarc.walk=_dmarc.strict.example, _dmarc.example "
		"dmarc.testing=yes\n"
		"mx.ours.example;\n\tdmarc=fail " NOBODY " header.from=strict.example policy.dmarc=reject\n",
		1, NULL },
	{ "From: a@none.example\n", "a@none.example", { SPF("pass", "none.example"), NO_DKIM },
		"done dmarc.result=none dmarc.disposition=none dmarc.org_domain=none.example "
		"dmarc.walk=_dmarc.none.example, _dmarc.example\n"
		"mx.ours.example;\n\tdmarc=none header.from=none.example\n",
		1, NULL },
	{ "From: a@sick.example\n", "a@sick.example", { SPF("pass", "sick.example"), NO_DKIM },
		"temperror dmarc.result=temperror dmarc.walk=_dmarc.sick.example, _dmarc.example\n"
		"mx.ours.example;\n\tdmarc=temperror reason=\"the policy cannot be looked up\" "
	        "header.from=sick.example\n",
		1, NULL },
	/* nothing passes, but something may have */
	{ "From: a@example.net\n", "a@example.net", { SPF("temperror", "example.net"), NO_DKIM },
		OPEN("dmarc.dkim_aligned"),
		1, NULL },
	{ "From: a@example.net\n", "a@example.net",
		{ SPF("fail", "example.net"), { "dkim.result", "temperror" }, { "dkim.unverified", "mail.example.net" },
			{ "dkim.outcome", "temperror" } },
		OPEN("dmarc.spf_aligned"),
		2, NULL },
	/* a check that has found nothing out may have found a pass, if it was about somebody who may vouch */
	{ "From: a@example.net\nDKIM-Signature: v=1; d=mail.example.net; s=x\n", "a@example.net",
		{ SPF("fail", "example.net"), { "dkim.outcome", "temperror" } },
		OPEN("dmarc.spf_aligned"),
		1, NULL },
	{ "From: a@example.net\n", "a@example.net", { { "spf.outcome", "temperror" }, NO_DKIM },
		OPEN("dmarc.dkim_aligned"),
		1, NULL },
	{ "From: a@example.net\nDKIM-Signature: v=1; d=other.example; s=x\n", "a@example.net",
		{ SPF("fail", "example.net"), { "dkim.outcome", "temperror" } }, REFUSED, 1, NULL },
	{ "From: a@example.net\n", "a@example.net", { SPF("fail", "example.net"), { "dkim.outcome", "temperror" } },
		REFUSED, 1, NULL },
	{ "From: a@example.net\n", "a@other.example", { { "spf.outcome", "temperror" }, NO_DKIM }, REFUSED, 1, NULL },
	{ "From: a@example.net\n", "", { { "spf.outcome", "temperror" }, NO_DKIM }, REFUSED, 1, NULL }, /* of HELO */
	/* no author */
	{ "Subject: x\n", "a@example.net", { SPF("pass", "example.net"), NO_DKIM },
		"done dmarc.result=permerror dmarc.disposition=none\n"
		"mx.ours.example;\n\tdmarc=permerror reason=\"From has no address\"\n",
		1, "" },
	{ "From: a@example.net\nfrom : b@other.example\n", "a@example.net", { SPF("pass", "example.net"), NO_DKIM },
		"done dmarc.result=permerror dmarc.disposition=none\n"
		"mx.ours.example;\n\tdmarc=permerror reason=\"From has addresses of several domains\"\n",
		1, "" },
	{ "From: a@[192.0.2.1]\n", "a@example.net", { SPF("pass", "example.net"), NO_DKIM },
		"done dmarc.result=permerror dmarc.disposition=none\n"
		"mx.ours.example;\n\tdmarc=permerror reason=\"an address in From is of no domain\"\n",
		1, "" },
	/* the feed had no memory */
	{ NULL, "a@example.net", { SPF("pass", "example.net"), NO_DKIM }, "temperror\n", 1, "" },
};

static void *state_of(int64_t discovery)
{
	const struct sluice_setting setting = { .option = 0, .number = 1 << discovery };
	const struct sluice_block block = { .settings = &setting, .count = 1 };
	struct sluice_config_error err;
	void *state;

	assert_int_equal(sluice_plugin_dmarc.configure(&block, 1, &state, &err), 0);
	return state;
}

static void says_who_vouches_for_the_author(void **state)
{
	void *treewalk = state_of(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sluice_check_ctx c = { .client = "192.0.2.1",
			.helo = "x.example",
			.mail_from = rows[i].mail_from,
			.dns = dns,
			.facts = rows[i].facts,
			.header = rows[i].header,
			.state = treewalk };

		if (strcmp(fake_run(&c, &sluice_plugin_dmarc, "dmarc"), rows[i].want) != 0 || c.runs != rows[i].runs)
			fail_msg("row %zu: %u runs: %s", i, c.runs, text_str(&c.log));
		if (rows[i].asked && strcmp(text_str(&c.asked), rows[i].asked) != 0)
			fail_msg("row %zu asks: %s", i, text_str(&c.asked));
		fake_done(&c);
	}
	sluice_plugin_dmarc.release(treewalk);
}

static void asks_of_a_list_what_it_does_not_ask_of_the_dns(void **state)
{
	void *psl = state_of(1);
	struct sluice_check_ctx c = { .client = "192.0.2.1",
		.mail_from = "",
		.dns = dns,
		.facts = rows[0].facts,
		.header = "From: a@x.sub.example.net\n",
		.state = psl };

	(void)state;
	(void)fake_run(&c, &sluice_plugin_dmarc, "dmarc");
	assert_string_equal(
		text_str(&c.asked), "_dmarc.x.sub.example.net TXT\n_dmarc.example.net TXT\nx.sub.example.net TXT\n");
	assert_non_null(strstr(text_str(&c.log), "dmarc.result=pass"));
	fake_done(&c);
	sluice_plugin_dmarc.release(psl);
}

static void asks_nothing_of_ours(void **state)
{
	void *treewalk = state_of(0);

	(void)state;
	for (int authenticated = 0; authenticated < 2; authenticated++) {
		struct sluice_check_ctx c = { .client = authenticated ? "192.0.2.1" : NULL,
			.authenticated = authenticated,
			.mail_from = "a@example.net",
			.header = "From: a@example.net\n",
			.state = treewalk };

		assert_string_equal(fake_run(&c, &sluice_plugin_dmarc, "dmarc"), "skipped\n");
		assert_string_equal(text_str(&c.asked), "");
		fake_done(&c);
	}
	sluice_plugin_dmarc.release(treewalk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_who_vouches_for_the_author),
		cmocka_unit_test(asks_of_a_list_what_it_does_not_ask_of_the_dns),
		cmocka_unit_test(asks_nothing_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
