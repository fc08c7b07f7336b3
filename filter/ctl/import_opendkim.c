/* SPDX-License-Identifier: BSD-2-Clause */
/* import_opendkim.c - opendkim.conf(5): keys and tables, who is ours, and what becomes of mail whose signatures are bad. */
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/ctl/import.h"
#include "filter/services/resolver.h"

#define IN "message in opendkim-in"

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

static const char hosts[] = "opendkim-hosts"; /* whose mail is signed, and not verified; they may not relay for that */

static void take_hosts(struct import *i, const char *key, const char *value)
{
	const char *path = !strncmp(value, "refile:", 7) ? value + 7 : !strncmp(value, "file:", 5) ? value + 5 : value;

	(void)key;
	if (*path == '/' && import_is_plain(path))
		import_list_file(i, hosts, "network", path);
	else
		import_networks(i, hosts, value);
}

static void take_nameservers(struct import *i, const char *key, const char *value)
{
	char *copy = strdup(value), *rest = copy;
	struct sluice_ip ip;
	unsigned count = 0;

	(void)key;
	for (char *word; (word = strsep(&rest, ", \t"));) {
		if (*word && count < RESOLVER_MAX_FORWARDERS && ip_parse(word, strlen(word), &ip))
			text_addf(&i->settings, "%s%s", count++ ? " " : "dns { forward [", word);
		else if (*word)
			import_left(i, word, "no address of a resolver, or one too many");
	}
	if (count)
		text_adds(&i->settings, "] }\n");
	free(copy);
}

/* What becomes of mail: "reject", "tempfail", "quarantine", "discard", "accept". */
static void add_action(struct import *i, const char *key, const char *value, const char *head, const char *condition)
{
	SLUICE_CLEANUP(text_done) struct text from = TEXT_INIT(200);

	text_addf(&from, "%s %s", key, value);
	if (!strcasecmp(value, "reject") || !strcasecmp(value, "r"))
		import_rule(i, IN, text_str(&from), head, "reject \"550 5.7.20 the DKIM signature of this message: {dkim.result}\" when %s", condition);
	else if (!strcasecmp(value, "tempfail") || !strcasecmp(value, "t"))
		import_rule(i, IN, text_str(&from), head, "tempfail \"451 4.7.20 the DKIM signature of this message: {dkim.result}\" when %s", condition);
	else if (!strcasecmp(value, "quarantine") || !strcasecmp(value, "q"))
		import_rule(i, IN, text_str(&from), head, "hold \"DKIM: {dkim.result}\" when %s", condition);
	else
		import_rule(i, IN, text_str(&from), head, "discard when %s", condition);
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
	static const struct { const char *key, *head, *condition; } actions[] = {
		{ "On-BadSignature", "rule opendkim-bad", "dkim.result == fail" }, { "On-NoSignature", "rule opendkim-none", "dkim.result == none" },
		{ "On-DNSError", "rule opendkim-dns", "dkim.result == temperror" }, { "On-Default", "rule opendkim-not-good", "dkim.result != pass" },
		{ "On-KeyNotFound", "rule opendkim-no-key", "dkim.result == permerror" },
	};

	if (!strcasecmp(value, "accept") || !strcasecmp(value, "a"))
		return; /* as it is without a rule */
	for (size_t k = 0; is_action(value) && k < ARRAY_LEN(actions); k++)
		if (!strcmp(actions[k].key, key)) {
			add_action(i, key, value, actions[k].head, actions[k].condition);
			return;
		}
	import_left(i, key, "write a rule with the fact that you mean: dkim.md has them");
}

static const struct import_key keys[] = {
	{ "Domain", take_domain }, { "Selector", take_selector }, { "KeyFile", take_key_file }, { "KeyTable", take_key_table },
	{ "SigningTable", take_signing_table }, { "SignatureTTL", take_ttl }, { "Mode", take_mode }, { "SubDomains", take_subdomains },
	{ "Canonicalization", take_canonicalization }, { "SignatureAlgorithm", take_algorithm }, { "OversignHeaders", take_oversign },
	{ "AuthservID", import_authserv_id }, { "InternalHosts", take_hosts }, { "Nameservers", take_nameservers }, { "Socket", import_socket },
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
static bool add_keys(struct import *i, const struct opendkim *found, struct text *out)
{
	if (found->key_table && found->signing_table) {
		text_addf(out, "key_table \"%s\"  signing_table \"%s\"", found->key_table, found->signing_table);
		return true;
	}
	if (!found->key_file || !found->domain || !found->selector)
		return false;
	if (strchr(found->domain, ',') || strchr(found->domain, '/')) {
		import_left(i, "Domain", "of several domains each has to have its key: sluicectl dkim keygen DOMAIN");
		return false;
	}
	text_adds(out, "keys /etc/sluice/keys");
	import_step(i, "install -D -m 600 -o sluice %s /etc/sluice/keys/%s/%s.pem", found->key_file, found->domain, found->selector);
	return true;
}

static void add_signing(struct import *i, const struct opendkim *found)
{
	SLUICE_CLEANUP(text_done) struct text keys_are = TEXT_INIT(10000);

	if (!add_keys(i, found, &keys_are))
		return;
	import_setting(i, "Mode", "sign {", "sign { %s%s%s%s%s }\n", text_str(&keys_are), found->expire ? "  expire " : "", found->expire ? found->expire : "",
		found->expire ? "s" : "", found->no_subdomains ? "  subdomains no" : "");
	import_rule(i, "message in opendkim-out", "Mode s", "rule opendkim-sign", "sign");
}

void import_opendkim(struct import *i)
{
	struct opendkim found = { .domain = NULL };

	i->own = &found;
	import_keys(i, IMPORT_BLANK, keys);
	if (!found.no_signing)
		add_signing(i, &found);
	free(found.domain);
	free(found.selector);
	free(found.key_file);
	free(found.key_table);
	free(found.signing_table);
	free(found.expire);
}

void import_opendkim_end(struct import *i)
{
	import_role(i, "opendkim-in", "not client.trusted", "and not", hosts);
	import_role(i, "opendkim-out", "client.authenticated or client.trusted", "or", hosts);
}
