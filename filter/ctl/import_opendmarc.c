/* SPDX-License-Identifier: BSD-2-Clause */
/* import_opendmarc.c - opendmarc.conf(5): what is refused or held, who is not looked at, and reports. */
#include <string.h>

#include "filter/ctl/import.h"

#define IN "message in opendmarc"

struct opendmarc {
	bool rejects, holds, required, reports, failure_reports, ignores_users;
	char from[300]; /* FailureReportsSentBy; "": it is not said */
};

static struct opendmarc *of(const struct import *i)
{
	return i->own;
}

static void take_rejects(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->rejects = import_is_yes(value);
}

static void take_holds(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->holds = import_is_yes(value);
}

static void take_users(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->ignores_users = import_is_yes(value);
}

static void take_history(struct import *i, const char *key, const char *value)
{
	(void)key;
	(void)value;
	of(i)->reports = true;
}

static void take_failure_reports(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->failure_reports = import_is_yes(value);
}

static void take_from(struct import *i, const char *key, const char *value)
{
	if (import_is_address(value) && strlen(value) < sizeof of(i)->from)
		memcpy(of(i)->from, value, strlen(value) + 1);
	else
		import_left(i, key, "this is no address");
}

static const char hosts[] = "opendmarc-ignored"; /* whose mail is not looked at; they may not relay for that */

static void take_hosts(struct import *i, const char *key, const char *value)
{
	(void)key;
	if (*value == '/' && import_is_plain(value))
		import_list_file(i, hosts, "network", value);
	else
		import_networks(i, hosts, value);
}

static void take_required(struct import *i, const char *key, const char *value)
{
	(void)key;
	of(i)->required = import_is_yes(value);
}

static void take_domains(struct import *i, const char *key, const char *value)
{
	(void)value;
	import_left(i, key, "write a list of these domains, and 'and not mail.domain in THAT' into the rules");
}

static const struct import_key keys[] = {
	{ "RejectFailures", take_rejects }, { "HoldQuarantinedMessages", take_holds }, { "IgnoreAuthenticatedClients", take_users }, { "IgnoreHosts", take_hosts },
	{ "IgnoreMailFrom", take_domains }, { "HistoryFile", take_history }, { "FailureReports", take_failure_reports }, { "FailureReportsSentBy", take_from },
	{ "AuthservID", import_authserv_id }, { "RequiredHeaders", take_required }, { "Socket", import_socket }, { "UserID", import_user },
	{ "Syslog", NULL }, { "SyslogFacility", NULL }, { "SyslogName", NULL }, { "PidFile", NULL }, { "UMask", NULL }, { "Background", NULL }, { "AutoRestart", NULL },
	{ "AutoRestartRate", NULL }, { "AutoRestartCount", NULL }, { "BaseDirectory", NULL }, { "TemporaryDirectory", NULL }, { "ChangeRootDirectory", NULL },
	{ "MilterDebug", NULL }, { "DNSTimeout", NULL }, { "PublicSuffixList", NULL }, { "SoftwareHeader", NULL }, { "SPFIgnoreResults", NULL }, { "SPFSelfValidate", NULL },
	{ "CopyFailuresTo", NULL }, { "ReportCommand", NULL }, { "RecordAllMessages", NULL }, { "AuthservIDWithJobID", NULL },
	{ NULL, NULL },
};

static void add_reports(struct import *i, const struct opendmarc *found)
{
	if (!found->reports && !found->failure_reports)
		return;
	if (!*found->from) {
		import_left(i, found->reports ? "HistoryFile" : "FailureReports", "reports need a sender: dmarc { reports yes  report_from ADDRESS  report_org NAME }");
		return;
	}
	import_setting(i, "FailureReportsSentBy", "dmarc {", "dmarc {%s%s  report_from \"%s\"  report_org \"%s\" }\n",
		found->reports ? " reports yes" : "", found->failure_reports ? " failure_reports yes" : "", found->from, strchr(found->from, '@') + 1);
	import_step(i, "report_org: write your name, and have 'sluicectl dmarc report' run each day (contrib/systemd has a timer)");
}

void import_opendmarc(struct import *i)
{
	struct opendmarc found = { .rejects = false };
	const char *not_users;

	i->own = &found;
	import_keys(i, IMPORT_BLANK, keys);
	not_users = found.ignores_users ? " and not client.authenticated" : "";
	if (found.required)
		import_rule(i, IN, "RequiredHeaders", "rule opendmarc-headers", "reject \"550 5.6.0 a message has one author and one date (RFC 5322 3.6)\"\n"
			"        when (headers.missing contains From or headers.missing contains Date or headers.repeated contains From or headers.malformed contains From)%s",
			not_users);
	if (found.rejects)
		import_rule(i, IN, "RejectFailures", "rule opendmarc-reject", "reject \"550 5.7.1 {from.domain} asks to refuse this: neither SPF nor DKIM vouches for it\"\n"
			"        when dmarc.disposition == reject%s", not_users);
	if (found.holds)
		import_rule(i, IN, "HoldQuarantinedMessages", "rule opendmarc-hold", "hold \"DMARC of {from.domain}\" when dmarc.disposition == quarantine%s", not_users);
	if (!found.rejects && !found.holds)
		import_step(i, "nothing was refused, and nothing is: Authentication-Results has the result; the shipped mx.conf has rules for it");
	add_reports(i, &found);
}

void import_opendmarc_end(struct import *i)
{
	import_role(i, "opendmarc", "not client.trusted", "and not", hosts);
}
