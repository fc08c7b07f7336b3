/* SPDX-License-Identifier: BSD-2-Clause */
/* import_opendkim.c - opendkim.conf(5): keys and tables, who is ours, and what becomes of mail whose signatures are bad. */
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/import.h"

/* What is said in several lines is put together at the end. */
struct opendkim {
	char *domain, *selector, *key_file, *key_table, *signing_table, *expire;
	bool no_signing, no_subdomains;
};

static struct opendkim *of(const struct import *i)
{
	return i->own;
}

static void keep(char **to, const char *value)
{
	free(*to);
	*to = strdup(value);
}

/* "refile:/etc/x", "file:/etc/x": the kind of a data set goes, what is no file is not carried over. */
static void keep_table(struct import *i, char **to, const char *key, const char *value)
{
	const char *path = !strncmp(value, "refile:", 7) ? value + 7 : !strncmp(value, "file:", 5) ? value + 5 : value;

	if (*path == '/' && import_is_plain(path))
		keep(to, path);
	else
		import_left(i, key, "only tables in files are read");
}

static void take_domain(struct import *i, const char *key, const char *value)
{
	(void)key;
	keep(&of(i)->domain, value);
}

static void take_selector(struct import *i, const char *key, const char *value)
{
	(void)key;
	keep(&of(i)->selector, value);
}

static void take_key_file(struct import *i, const char *key, const char *value)
{
	(void)key;
	keep(&of(i)->key_file, value);
}

static void take_key_table(struct import *i, const char *key, const char *value)
{
	keep_table(i, &of(i)->key_table, key, value);
}

static void take_signing_table(struct import *i, const char *key, const char *value)
{
	keep_table(i, &of(i)->signing_table, key, value);
}

static void take_ttl(struct import *i, const char *key, const char *value)
{
	uint64_t seconds;

	if (ascii_to_u64(value, strlen(value), UINT32_MAX, &seconds) && seconds >= 3600 && seconds <= 400 * 86400)
		keep(&of(i)->expire, value);
	else if (seconds)
		import_left(i, key, "signatures may end after an hour to 400 days");
}

static void take_mode(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->no_signing = !strchr(value, 's'); /* verified is what a rule, or Authentication-Results, wants to know */
}

static void take_subdomains(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->no_subdomains = !import_is_yes(value);
}

static void take_canonicalization(struct import *i, const char *key, const char *value)
{
	if (strcasecmp(value, "relaxed/relaxed") != 0)
		import_left(i, key, "signatures are relaxed/relaxed; those of others are verified whatever they are");
}

static void take_algorithm(struct import *i, const char *key, const char *value)
{
	if (strcasecmp(value, "rsa-sha256") != 0 && strcasecmp(value, "ed25519-sha256") != 0)
		import_left(i, key, "the kind of the key says which algorithm signs, with SHA-256");
}

static void take_oversign(struct import *i, const char *key, const char *value)
{
	if (strcasecmp(value, "From") != 0)
		import_left(i, key, "From, Subject, To and Date are signed once more than they are there, and no others");
}

static void take_authserv_id(struct import *i, const char *key, const char *value)
{
	if (!strcmp(value, "HOSTNAME"))
		return; /* as it is without a setting */
	if (import_is_plain(value))
		text_addf(&i->settings, "authserv_id \"%s\"\n", value);
	else
		import_left(i, key, "this is no name");
}

static void take_hosts(struct import *i, const char *key, const char *value)
{
	const char *path = !strncmp(value, "refile:", 7) ? value + 7 : !strncmp(value, "file:", 5) ? value + 5 : value;

	(void)key;
	if (*path == '/' && import_is_plain(path))
		import_list_file(i, "trusted", "network", path);
	else
		import_networks(i, "trusted", value);
}

static void take_nameservers(struct import *i, const char *key, const char *value)
{
	char *copy = strdup(value), *rest = copy;

	(void)key;
	text_adds(&i->settings, "dns { forward [");
	for (char *word; (word = strsep(&rest, ", \t"));) {
		if (*word && import_is_network(word))
			text_addf(&i->settings, " %s", word);
		else if (*word)
			import_left(i, word, "no address of a resolver");
	}
	text_adds(&i->settings, " ] }\n");
	free(copy);
}

/* What becomes of mail: "reject", "tempfail", "quarantine", "discard", "accept". */
static void add_action(struct import *i, const char *key, const char *value, const char *name, const char *condition)
{
	text_addf(&i->rules, "at message in mx {\n    # %s %s\n    rule %s ", key, ascii_equals(value, strlen(value), "quarantine") ? "quarantine" : value, name);
	if (!strcasecmp(value, "reject") || !strcasecmp(value, "r"))
		text_addf(&i->rules, "reject \"550 5.7.20 the DKIM signature of this message: {dkim.result}\" when %s\n}\n", condition);
	else if (!strcasecmp(value, "tempfail") || !strcasecmp(value, "t"))
		text_addf(&i->rules, "tempfail \"451 4.7.20 the DKIM signature of this message: {dkim.result}\" when %s\n}\n", condition);
	else if (!strcasecmp(value, "quarantine") || !strcasecmp(value, "q"))
		text_addf(&i->rules, "hold \"DKIM: {dkim.result}\" when %s\n}\n", condition);
	else
		text_addf(&i->rules, "discard when %s\n}\n", condition);
}

static bool is_action(const char *value)
{
	static const char *const words[] = { "reject", "r", "tempfail", "t", "quarantine", "q", "discard", "d" };

	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (!strcasecmp(value, words[k]))
			return true;
	return false;
}

static void take_action(struct import *i, const char *key, const char *value)
{
	static const struct { const char *key, *name, *condition; } actions[] = {
		{ "On-BadSignature", "dkim-bad", "dkim.result == fail" }, { "On-NoSignature", "dkim-none", "dkim.result == none" },
		{ "On-DNSError", "dkim-dns", "dkim.result == temperror" }, { "On-Default", "dkim-not-good", "dkim.result != pass" },
		{ "On-KeyNotFound", "dkim-no-key", "dkim.result == permerror" },
	};

	if (!strcasecmp(value, "accept") || !strcasecmp(value, "a"))
		return; /* as it is without a rule */
	for (size_t k = 0; is_action(value) && k < ARRAY_LEN(actions); k++)
		if (!strcmp(actions[k].key, key)) {
			add_action(i, key, value, actions[k].name, actions[k].condition);
			return;
		}
	import_left(i, key, "write a rule with the fact that you mean: dkim.md has them");
}

static const struct import_key keys[] = {
	{ "Domain", take_domain }, { "Selector", take_selector }, { "KeyFile", take_key_file }, { "KeyTable", take_key_table },
	{ "SigningTable", take_signing_table }, { "SignatureTTL", take_ttl }, { "Mode", take_mode }, { "SubDomains", take_subdomains },
	{ "Canonicalization", take_canonicalization }, { "SignatureAlgorithm", take_algorithm }, { "OversignHeaders", take_oversign },
	{ "AuthservID", take_authserv_id }, { "InternalHosts", take_hosts }, { "Nameservers", take_nameservers }, { "Socket", import_socket },
	{ "UserID", import_user }, { "On-BadSignature", take_action }, { "On-NoSignature", take_action }, { "On-DNSError", take_action },
	{ "On-Default", take_action }, { "On-KeyNotFound", take_action }, { "On-InternalError", take_action }, { "On-Security", take_action },
	{ "On-SignatureError", take_action },
	/* of how it runs, or as Sluice has it without a setting */
	{ "Syslog", NULL }, { "SyslogSuccess", NULL }, { "SyslogFacility", NULL }, { "SyslogName", NULL }, { "LogWhy", NULL }, { "LogResults", NULL },
	{ "PidFile", NULL }, { "UMask", NULL }, { "Background", NULL }, { "AutoRestart", NULL }, { "AutoRestartRate", NULL }, { "AutoRestartCount", NULL },
	{ "BaseDirectory", NULL }, { "TemporaryDirectory", NULL }, { "ChangeRootDirectory", NULL }, { "MilterDebug", NULL }, { "DNSTimeout", NULL },
	{ "TrustAnchorFile", NULL }, { "ResolverConfiguration", NULL }, { "ExternalIgnoreList", NULL }, { "AlwaysAddARHeader", NULL }, { "SoftwareHeader", NULL },
	{ "RemoveOldSignatures", NULL }, { "MaximumHeaders", NULL }, { "RequireSafeKeys", NULL }, { "MultipleSignatures", NULL }, { "StrictHeaders", NULL },
	{ NULL, NULL },
};

/* Where the keys are; false: it says of none. */
static bool add_keys(struct import *i, const struct opendkim *found)
{
	if (found->key_table && found->signing_table) {
		text_addf(&i->settings, "sign { key_table \"%s\"  signing_table \"%s\"", found->key_table, found->signing_table);
		return true;
	}
	if (!found->key_file || !found->domain || !found->selector)
		return false;
	if (strchr(found->domain, ',') || strchr(found->domain, '/')) {
		import_left(i, "Domain", "of several domains each has to have its key: sluicectl dkim keygen DOMAIN");
		return false;
	}
	text_adds(&i->settings, "sign { keys /etc/sluice/keys");
	import_step(i, "install -D -m 600 -o sluice %s /etc/sluice/keys/%s/%s.pem", found->key_file, found->domain, found->selector);
	return true;
}

static void add_signing(struct import *i, const struct opendkim *found)
{
	if (!add_keys(i, found))
		return;
	if (found->expire)
		text_addf(&i->settings, "  expire %ss", found->expire);
	text_addf(&i->settings, "%s }\n", found->no_subdomains ? "  subdomains no" : "");
	text_adds(&i->lists, "role submission { when client.authenticated or client.trusted }\n");
	text_adds(&i->rules, "at message in submission {\n    # Mode s\n    rule sign sign\n}\n");
}

void import_opendkim(struct import *i)
{
	struct opendkim found = { .domain = NULL };

	i->own = &found;
	import_keys(i, IMPORT_BLANK, keys);
	if (strstr(text_str(&i->rules), "in mx"))
		text_adds(&i->lists, "role mx { when not client.trusted }\n");
	if (!found.no_signing)
		add_signing(i, &found);
	free(found.domain);
	free(found.selector);
	free(found.key_file);
	free(found.key_table);
	free(found.signing_table);
	free(found.expire);
}
