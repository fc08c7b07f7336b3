/* SPDX-License-Identifier: BSD-2-Clause */
/* import_policyd_spf.c - policyd-spf.conf(5) of postfix-policyd-spf-python: what is refused for which result. */
#include <string.h>

#include "filter/ctl/import.h"

#define IN "message in policyd-spf"

struct policyd {
	char helo[20], mail[20];
	bool permerror, temperror, tests;
};

static struct policyd *of(const struct import *i)
{
	return i->own;
}

static void copy_word(char to[20], const char *value)
{
	if (strlen(value) < 20)
		memcpy(to, value, strlen(value) + 1);
}

static void take_helo(struct import *i, const char *key, const char *value)
{
	(void)key;
	copy_word(of(i)->helo, value);
}

static void take_mail(struct import *i, const char *key, const char *value)
{
	(void)key;
	copy_word(of(i)->mail, value);
}

static void take_permerror(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->permerror = import_is_yes(value);
}

static void take_temperror(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->temperror = import_is_yes(value);
}

/* Neither may relay for that. */
static const char skipped[] = "policyd-spf-skipped", exempt[] = "policyd-spf-exempt";

/* In their words: what is not real. */
static void take_test_only(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->tests = !strcmp(value, "0") || !strcasecmp(value, "False");
}

static void take_addresses(struct import *i, const char *key, const char *value)
{
	(void)key;
	import_networks(i, !strcasecmp(key, "Whitelist") ? exempt : skipped, value);
}

static void take_names(struct import *i, const char *key, const char *value)
{
	(void)value;
	import_left(i, key, "write a list of these domains, and 'and not mail.domain in THAT' into the rule policyd-spf");
}

static void take_header(struct import *i, const char *key, const char *value)
{
	if (strcasecmp(value, "AR") != 0 && strcasecmp(value, "None") != 0)
		import_left(i, key, "Authentication-Results has the result; received_spf.md says how Received-SPF is added");
}

static const struct import_key keys[] = {
	{ "HELO_reject", take_helo }, { "Mail_From_reject", take_mail }, { "PermError_reject", take_permerror }, { "TempError_Defer", take_temperror },
	{ "defaultSeedOnly", take_test_only }, { "TestOnly", take_test_only }, { "skip_addresses", take_addresses }, { "Whitelist", take_addresses },
	{ "Domain_Whitelist", take_names }, { "Domain_Whitelist_PTR", take_names }, { "HELO_Whitelist", take_names }, { "Header_Type", take_header },
	{ "debugLevel", NULL }, { "Authserv_Id", NULL }, { "Lookup_Time", NULL }, { "Void_Limit", NULL }, { "Whitelist_Lookup_Time", NULL }, { "Hide_Receiver", NULL },
	{ "Reason_Message", NULL }, { "No_Mail", NULL }, { "Mock", NULL }, { "SPF_Enhanced_Status_Codes", NULL },
	{ NULL, NULL },
};

/* The condition for what they call so, on the one fact; NULL: it refuses nothing. */
static const char *condition_of(const char *word)
{
	static const struct { const char *word, *condition; } words[] = {
		{ "Fail", "spf.result == fail" }, { "Softfail", "spf.result in [fail softfail]" }, { "SPF_Not_Pass", "spf.result in [fail softfail neutral]" },
	};

	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (!strcasecmp(words[k].word, word))
			return words[k].condition;
	return NULL;
}

static void add_rule(struct import *i, const struct policyd *found, const char *head, const char *from, const char *condition)
{
	import_rule(i, IN, from, head + (found->tests ? 0 : strlen("shadow ")), "reject \"550 5.7.23 SPF of {spf.domain}: {spf.result}\"\n        when %s%s%s", condition,
		import_has_list(i, exempt) ? " and not client.ip in " : "", import_has_list(i, exempt) ? exempt : "");
}

static void add_rules(struct import *i, const struct policyd *found)
{
	const char *mail = condition_of(found->mail), *helo = condition_of(found->helo);

	if (mail)
		add_rule(i, found, "shadow rule policyd-spf", "Mail_From_reject", mail);
	if (helo && (!mail || strcmp(helo, mail) != 0))
		import_left(i, "HELO_reject", "SPF looks at HELO where the reverse-path is null: write 'and spf.identity == helo' into a rule of its own if it is to differ");
	if (!strcasecmp(found->helo, "Null"))
		import_left(i, "HELO_reject Null", "write 'and spf.identity == helo' into the rule policyd-spf");
	if (found->permerror)
		add_rule(i, found, "shadow rule policyd-spf-permerror", "PermError_reject", "spf.result == permerror");
	if (found->temperror && !strstr(text_str(&i->rules), "on_error spf"))
		text_adds(&i->rules, "at " IN " {\n    # TempError_Defer\n    on_error spf tempfail \"451 4.4.3 the DNS of {mail.domain} does not answer\"\n}\n");
}

void import_policyd_spf(struct import *i)
{
	struct policyd found = { .helo = "Fail", .mail = "Fail" };

	i->own = &found;
	import_keys(i, IMPORT_EQUALS, keys);
	add_rules(i, &found);
}

void import_policyd_spf_end(struct import *i)
{
	import_role(i, "policyd-spf", "not client.trusted and not client.authenticated", "and not", skipped);
}
