/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dmarc_report.h"

#include <inttypes.h>
#include <string.h>

#include "filter/base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* ---- octets ---- */

/* A well-formed character that XML 1.0 has no place for (2.2 Char). */
static bool is_no_char(const char *s, size_t len)
{
	if (len == 1)
		return (unsigned char)*s < ' ' && *s != '\t' && *s != '\n' && *s != '\r';
	return len == 3 && (!memcmp(s, "\xef\xbf\xbe", 3) || !memcmp(s, "\xef\xbf\xbf", 3));
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;"; /* as it stands, a reader makes a LF of it */
	default:
		return NULL;
	}
}

static void add_content(struct text *out, const char *s)
{
	for (size_t len = strlen(s); len > 0;) {
		size_t n = utf8_char_len(s, len);
		const char *other = n == 1 ? entity(*s) : NULL;

		if (n == 0 || is_no_char(s, n))
			other = REPLACEMENT;
		n = n ? n : 1;
		if (other)
			text_adds(out, other);
		else
			text_add(out, s, n);
		s += n;
		len -= n;
	}
}

/* ---- elements ---- */

static void indent(struct text *out, unsigned depth)
{
	text_addf(out, "%*s", (int)(2 * depth), "");
}

static void open_element(struct text *out, unsigned depth, const char *name)
{
	indent(out, depth);
	text_addf(out, "<%s>\n", name);
}

static void close_element(struct text *out, unsigned depth, const char *name)
{
	indent(out, depth);
	text_addf(out, "</%s>\n", name);
}

/* NULL: it is left out. */
static void element(struct text *out, unsigned depth, const char *name, const char *content)
{
	if (!content)
		return;
	indent(out, depth);
	text_addf(out, "<%s>", name);
	add_content(out, content);
	text_addf(out, "</%s>\n", name);
}

static void number(struct text *out, unsigned depth, const char *name, int64_t n)
{
	indent(out, depth);
	text_addf(out, "<%s>%" PRId64 "</%s>\n", name, n, name);
}

static void metadata(struct text *out, const struct dmarc_report *r)
{
	open_element(out, 1, "report_metadata");
	element(out, 2, "org_name", r->org);
	element(out, 2, "email", r->email);
	element(out, 2, "extra_contact_info", r->contact);
	element(out, 2, "report_id", r->id);
	open_element(out, 2, "date_range");
	number(out, 3, "begin", r->begin_s);
	number(out, 3, "end", r->end_s);
	close_element(out, 2, "date_range");
	element(out, 2, "generator", r->generator);
	close_element(out, 1, "report_metadata");
}

static void policy(struct text *out, const struct dmarc_report *r)
{
	open_element(out, 1, "policy_published");
	element(out, 2, "domain", r->domain);
	element(out, 2, "discovery_method", r->discovery);
	element(out, 2, "p", r->p);
	element(out, 2, "sp", r->sp);
	element(out, 2, "np", r->np);
	element(out, 2, "fo", r->fo);
	element(out, 2, "adkim", r->adkim);
	element(out, 2, "aspf", r->aspf);
	element(out, 2, "testing", r->testing);
	close_element(out, 1, "policy_published");
}

static void row_element(struct text *out, const struct dmarc_report_row *row)
{
	open_element(out, 2, "row");
	element(out, 3, "source_ip", row->source_ip);
	number(out, 3, "count", row->count);
	open_element(out, 3, "policy_evaluated");
	element(out, 4, "disposition", row->disposition);
	element(out, 4, "dkim", row->dkim);
	element(out, 4, "spf", row->spf);
	for (size_t i = 0; i < row->reason_count; i++) {
		open_element(out, 4, "reason");
		element(out, 5, "type", row->reasons[i].type);
		element(out, 5, "comment", row->reasons[i].comment);
		close_element(out, 4, "reason");
	}
	close_element(out, 3, "policy_evaluated");
	close_element(out, 2, "row");
}

static void auth_results(struct text *out, const struct dmarc_report_row *row)
{
	open_element(out, 2, "auth_results");
	for (size_t i = 0; i < row->signature_count; i++) {
		open_element(out, 3, "dkim");
		element(out, 4, "domain", row->signatures[i].domain);
		element(out, 4, "selector", row->signatures[i].selector);
		element(out, 4, "result", row->signatures[i].result);
		element(out, 4, "human_result", row->signatures[i].why);
		close_element(out, 3, "dkim");
	}
	if (row->spf_domain && row->spf_result) {
		open_element(out, 3, "spf");
		element(out, 4, "domain", row->spf_domain);
		element(out, 4, "scope",
			"mfrom"); /* the only one: HELO stands for a null reverse-path (RFC 7208 2.4) */
		element(out, 4, "result", row->spf_result);
		close_element(out, 3, "spf");
	}
	close_element(out, 2, "auth_results");
}

static void record(struct text *out, const struct dmarc_report_row *row)
{
	open_element(out, 1, "record");
	row_element(out, row);
	open_element(out, 2, "identifiers");
	element(out, 3, "header_from", row->header_from);
	element(out, 3, "envelope_from", row->envelope_from);
	element(out, 3, "envelope_to", row->envelope_to);
	close_element(out, 2, "identifiers");
	auth_results(out, row);
	close_element(out, 1, "record");
}

void dmarc_report_write(struct text *out, const struct dmarc_report *r)
{
	text_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback xmlns=\"" DMARC_REPORT_NAMESPACE "\">\n");
	element(out, 1, "version", "1.0");
	metadata(out, r);
	policy(out, r);
	for (size_t i = 0; i < r->row_count && !out->failed; i++)
		record(out, &r->rows[i]);
	text_adds(out, "</feedback>\n");
}

void dmarc_report_filename(struct text *out, const struct dmarc_report *r, const char *receiver, const char *unique)
{
	text_addf(out, "%s!%s!%" PRId64 "!%" PRId64 "!%s.xml.gz", receiver, r->domain, r->begin_s, r->end_s, unique);
}
