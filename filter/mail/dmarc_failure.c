/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dmarc_failure.h"

#include <string.h>
#include <time.h>

#include "filter/mail/dmarc_redact.h"

#define VALUE_MAX   400  /* octets of one text that are shown */
#define FOLD_AT     60   /* octets of a line, after which a blank begins another */
#define LINE_OCTETS 900  /* octets of a line */
#define SPF_MAX     4096 /* octets of a record that are shown */

bool dmarc_failure_wanted(const char *fo, size_t len, const struct dmarc_failed *f)
{
	bool known = false, wanted = false;

	for (size_t i = 0; fo && i < len; i++) {
		if ((i > 0 && fo[i - 1] != ':') || (i + 1 < len && fo[i + 1] != ':'))
			continue; /* a word of several letters is none of ours */
		switch (fo[i]) {
		case '0':
			wanted |= !f->spf_aligned && !f->dkim_aligned;
			break;
		case '1':
			wanted |= !f->spf_aligned || !f->dkim_aligned;
			break;
		case 'd':
			wanted |= f->dkim;
			break;
		case 's':
			wanted |= f->spf;
			break;
		default:
			continue;
		}
		known = true;
	}
	return known ? wanted : !f->spf_aligned && !f->dkim_aligned;
}

/* ---- lines ---- */

static char shown(char c)
{
	return c >= ' ' && c < 0x7f ? c : '?';
}

static void add_value(struct text *out, const char *s)
{
	for (size_t i = 0; s[i] && i < VALUE_MAX; i++)
		text_addc(out, shown(s[i]));
}

static void field(struct text *out, const char *name, const char *value)
{
	if (!value)
		return;
	text_addf(out, "%s: ", name);
	add_value(out, value);
	text_adds(out, "\r\n");
}

/* "name=value" in a line of Authentication-Results; what is no token is quoted (RFC 8601 2.2). */
static void property(struct text *out, const char *name, const char *value)
{
	static const char quoted[] = "()<>@,;:\\\"/[]?= ";
	bool plain = *value != '\0';

	for (const char *p = value; *p; p++)
		plain &= shown(*p) == *p && !strchr(quoted, *p);
	text_addf(out, "\r\n  %s=%s", name, plain ? "" : "\"");
	for (size_t i = 0; value[i] && i < VALUE_MAX; i++)
		text_addf(out, "%s%c", strchr("\"\\", value[i]) ? "\\" : "", shown(value[i]));
	if (!plain)
		text_addc(out, '"');
}

void dmarc_failure_date(struct text *out, int64_t s)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&at, &tm))
		return;
	text_addf(out, "%.3s, %d %.3s %d %02d:%02d:%02d +0000", days + (size_t)3 * (size_t)tm.tm_wday, tm.tm_mday,
		months + (size_t)3 * (size_t)tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- the parts ---- */

static void note(struct text *out, const struct dmarc_failure *f)
{
	text_adds(out, "This is a DMARC failure report (RFC 9991) by ");
	add_value(out, f->reporter);
	text_adds(out, ".\r\n\r\nA message that says that it is from ");
	add_value(out, f->header_from);
	text_adds(out, "\r\ncame in from ");
	add_value(out, f->source_ip);
	text_adds(out, "\r\non ");
	dmarc_failure_date(out, f->arrived_s);
	text_adds(out, ".\r\nDMARC fails: what was found is in the next part. The last one has some\r\nof the header "
		       "of the message, "
		       "without who it is from and to.\r\n");
}

static void results(struct text *out, const struct dmarc_failure *f)
{
	text_adds(out, "Authentication-Results: ");
	add_value(out, f->authserv_id);
	text_adds(out, ";\r\n dmarc=fail");
	property(out, "header.from", f->header_from);
	if (f->spf_result) {
		text_adds(out, ";\r\n spf=");
		add_value(out, f->spf_result);
		if (f->spf_domain)
			property(out, f->envelope_from && !*f->envelope_from ? "smtp.helo" : "smtp.mailfrom",
				f->spf_domain);
	}
	if (f->dkim_domain && f->dkim_selector && f->dkim_result) {
		text_adds(out, ";\r\n dkim=");
		add_value(out, f->dkim_result);
		property(out, "header.d", f->dkim_domain);
		property(out, "header.s", f->dkim_selector);
	}
	text_adds(out, "\r\n");
}

/* A quoted-string with folds where there are blanks. */
static void spf_dns(struct text *out, const struct dmarc_failure *f)
{
	size_t line = 0;

	text_adds(out, "SPF-DNS: txt : ");
	add_value(out, f->spf_domain);
	text_adds(out, " :\r\n \"");
	for (size_t i = 0; f->spf_record[i] && i < SPF_MAX && line < LINE_OCTETS; i++) {
		char c = shown(f->spf_record[i]);

		if (c == ' ' && line > FOLD_AT) {
			text_adds(out, "\r\n");
			line = 0;
		}
		text_addf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
		line++;
	}
	text_adds(out, "\"\r\n");
}

/* The domain alone of an address; the null reverse-path is one. */
static void redacted(struct text *out, const char *name, const char *domain)
{
	if (!domain)
		return;
	text_addf(out, "%s: <%s", name, *domain ? DMARC_REDACTED "@" : "");
	add_value(out, domain);
	text_adds(out, ">\r\n");
}

static void feedback(struct text *out, const struct dmarc_failure *f)
{
	field(out, "Feedback-Type", "auth-failure");
	field(out, "User-Agent", f->generator);
	field(out, "Version", "1");
	field(out, "Auth-Failure", "dmarc");
	results(out, f);
	field(out, "Identity-Alignment",
		f->dkim_aligned ? (f->spf_aligned ? "none" : "spf") : (f->spf_aligned ? "dkim" : "dkim, spf"));
	field(out, "Delivery-Result", f->delivery);
	text_adds(out, "Arrival-Date: ");
	dmarc_failure_date(out, f->arrived_s);
	text_adds(out, "\r\n");
	field(out, "Source-IP", f->source_ip);
	field(out, "Reported-Domain", f->header_from);
	redacted(out, "Original-Mail-From", f->envelope_from);
	redacted(out, "Original-Rcpt-To", f->envelope_to);
	if (f->dkim_domain && f->dkim_selector) {
		field(out, "DKIM-Domain", f->dkim_domain);
		text_adds(out, "DKIM-Identity: ");
		if (!f->dkim_identity)
			text_addc(out, '@'); /* of the domain itself (RFC 6376 3.5) */
		add_value(out, f->dkim_identity ? f->dkim_identity : f->dkim_domain);
		text_adds(out, "\r\n");
		field(out, "DKIM-Selector", f->dkim_selector);
	}
	if (!f->spf_aligned && f->spf_domain && f->spf_record)
		spf_dns(out, f);
}

/* Lines as dmarc_redact() makes them: nothing that ends the header, or the part. */
static bool is_header(const char *s)
{
	for (const char *p = s, *end; *p; p = end + 2) {
		end = strstr(p, "\r\n");
		if (!end || end == p || *p == '-' || end - p > LINE_OCTETS + 50)
			return false;
		for (; p < end; p++)
			if (shown(*p) != *p)
				return false;
	}
	return true;
}

static void begin(struct text *out, const char *boundary, const char *type)
{
	text_addf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 7bit\r\n\r\n", boundary, type);
}

void dmarc_failure_write(struct text *out, const struct dmarc_failure *f, const char *boundary)
{
	begin(out, boundary, "text/plain; charset=us-ascii");
	note(out, f);
	text_adds(out, "\r\n");
	begin(out, boundary, "message/feedback-report");
	feedback(out, f);
	text_adds(out, "\r\n");
	begin(out, boundary, "text/rfc822-headers");
	if (f->header && is_header(f->header))
		text_adds(out, f->header);
	text_addf(out, "\r\n--%s--\r\n", boundary);
}
