/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/dmarc_feedback.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/text.h"

#define ARENA_BYTES (1u << 30)
#define PATH_BYTES  128
#define SEPARATOR   '|' /* between namespace and name */
#define CHUNK_BYTES (1u << 20)

/* ---- what is looked for ---- */

enum kind { OF_REPORT, OF_ROW };
enum form { TEXT, SECONDS, COUNT };
static const struct field {
	const char *path; /* below feedback */
	enum kind kind;
	enum form form;
	size_t at;
} fields[] = {
	{ "report_metadata/org_name", OF_REPORT, TEXT, offsetof(struct feedback, org) },
	{ "report_metadata/email", OF_REPORT, TEXT, offsetof(struct feedback, email) },
	{ "report_metadata/report_id", OF_REPORT, TEXT, offsetof(struct feedback, id) },
	{ "report_metadata/date_range/begin", OF_REPORT, SECONDS, offsetof(struct feedback, begin_s) },
	{ "report_metadata/date_range/end", OF_REPORT, SECONDS, offsetof(struct feedback, end_s) },
	{ "policy_published/domain", OF_REPORT, TEXT, offsetof(struct feedback, domain) },
	{ "policy_published/p", OF_REPORT, TEXT, offsetof(struct feedback, p) },
	{ "policy_published/sp", OF_REPORT, TEXT, offsetof(struct feedback, sp) },
	{ "policy_published/np", OF_REPORT, TEXT, offsetof(struct feedback, np) },
	{ "policy_published/adkim", OF_REPORT, TEXT, offsetof(struct feedback, adkim) },
	{ "policy_published/aspf", OF_REPORT, TEXT, offsetof(struct feedback, aspf) },
	{ "policy_published/testing", OF_REPORT, TEXT, offsetof(struct feedback, testing) },
	{ "record/row/source_ip", OF_ROW, TEXT, offsetof(struct feedback_row, source_ip) },
	{ "record/row/count", OF_ROW, COUNT, offsetof(struct feedback_row, count) },
	{ "record/row/policy_evaluated/disposition", OF_ROW, TEXT, offsetof(struct feedback_row, disposition) },
	{ "record/row/policy_evaluated/dkim", OF_ROW, TEXT, offsetof(struct feedback_row, dkim) },
	{ "record/row/policy_evaluated/spf", OF_ROW, TEXT, offsetof(struct feedback_row, spf) },
	{ "record/row/policy_evaluated/reason/type", OF_ROW, TEXT, offsetof(struct feedback_row, reason) },
	{ "record/identifiers/header_from", OF_ROW, TEXT, offsetof(struct feedback_row, header_from) },
	{ "record/identifiers/envelope_from", OF_ROW, TEXT, offsetof(struct feedback_row, envelope_from) },
	{ "record/auth_results/dkim/domain", OF_ROW, TEXT, offsetof(struct feedback_row, dkim_domain) },
	{ "record/auth_results/dkim/selector", OF_ROW, TEXT, offsetof(struct feedback_row, dkim_selector) },
	{ "record/auth_results/dkim/result", OF_ROW, TEXT, offsetof(struct feedback_row, dkim_result) },
	{ "record/auth_results/spf/domain", OF_ROW, TEXT, offsetof(struct feedback_row, spf_domain) },
	{ "record/auth_results/spf/result", OF_ROW, TEXT, offsetof(struct feedback_row, spf_result) },
};

/* "" is that of RFC 7489, and the third that of its drafts. */
static const char *const namespaces[] = { "", "urn:ietf:params:xml:ns:dmarc-2.0", "http://dmarc.org/dmarc-xml/0.1",
	NULL };

/* ---- reading ---- */

struct reader {
	XML_Parser parser;
	struct feedback *f;
	struct err *err;
	int result;
	unsigned depth;
	unsigned foreign;      /* the depth at which something began that is not ours; 0: nothing has */
	char path[PATH_BYTES]; /* below feedback, of what is open and ours */
	struct text content;   /* of the element that is open */
	struct feedback_row row;
	bool counted; /* the row has its count */
};

static void stop(struct reader *r, int code, const char *what)
{
	if (r->result == 0)
		r->result =
			err_set(r->err, code, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser), what);
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static const struct feedback_row empty_row = { "", 0, "", "", "", "", "", "", "", "", "", "", "" };

/* The name without a namespace of ours. NULL: it is of another. */
static const char *local_name(const char *name)
{
	const char *mark = strrchr(name, SEPARATOR);
	size_t len = mark ? (size_t)(mark - name) : 0;

	for (size_t i = 0; namespaces[i]; i++)
		if (strlen(namespaces[i]) == len && !memcmp(namespaces[i], name, len))
			return mark ? mark + 1 : name;
	return NULL;
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;
	const char *local = local_name(name);
	size_t len = strlen(r->path);

	(void)attributes;
	text_clear(&r->content);
	if (++r->depth > FEEDBACK_DEPTH_MAX)
		stop(r, -EINVAL, "elements are nested too deep");
	if (r->foreign || r->result)
		return;
	if (r->depth == 1 && (!local || strcmp(local, "feedback") != 0)) {
		stop(r, -EINVAL, "the document is no DMARC report: those begin with <feedback>");
		return;
	}
	if (!local || len + strlen(local) + 2 > PATH_BYTES) {
		r->foreign = r->depth;
		return;
	}
	if (r->depth > 1)
		(void)snprintf(r->path + len, PATH_BYTES - len, "%s%s", len ? "/" : "", local);
	if (!strcmp(r->path, "record")) {
		r->row = empty_row;
		r->counted = false;
	}
}

static void on_text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;
	size_t room = FEEDBACK_TEXT_MAX - r->content.len;

	if (!r->foreign && !r->result)
		text_add(&r->content, s, (size_t)len < room ? (size_t)len : room);
}

static void trim(const struct text *t, const char **ret, size_t *ret_len)
{
	const char *s = text_str(t);
	size_t len = t->len;

	while (len && ascii_is_space(*s)) {
		s++;
		len--;
	}
	while (len && ascii_is_space(s[len - 1]))
		len--;
	*ret = s;
	*ret_len = len;
}

static void set(struct reader *r, const struct field *field)
{
	char *base = field->kind == OF_ROW ? (char *)&r->row : (char *)r->f;
	const char **text = (const char **)(void *)(base + field->at);
	uint64_t number;
	const char *s;
	size_t len;

	trim(&r->content, &s, &len);
	if (field->form == TEXT) {
		if (**text)
			return; /* of several the first counts */
		s = arena_copy(r->f->arena, s, len);
		if (s)
			*text = s;
		else
			stop(r, -ENOMEM, "out of memory");
		return;
	}
	if (!ascii_to_u64(s, len, FEEDBACK_COUNT_MAX, &number)) {
		stop(r, -EINVAL,
			field->form == COUNT ? "a count is no number of messages"
					     : "the date range has no numbers of seconds");
		return;
	}
	*(int64_t *)(void *)(base + field->at) = (int64_t)number;
	r->counted |= field->form == COUNT;
}

static void end_record(struct reader *r)
{
	struct feedback *f = r->f;

	if (!*r->row.source_ip || !r->counted) {
		stop(r, -EINVAL, "a record has no source_ip or no count");
		return;
	}
	if (f->rows.len == FEEDBACK_ROWS_MAX) {
		stop(r, -EINVAL, "there are more records than in any report");
		return;
	}
	f->messages += r->row.count;
	if (!strcmp(r->row.dkim, "pass") || !strcmp(r->row.spf, "pass"))
		f->passed += r->row.count;
	if (!vec_push(&f->rows, r->row))
		stop(r, -ENOMEM, "out of memory");
}

static void on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;
	char *slash;

	(void)name;
	if (!r->foreign && !r->result && r->depth > 1) {
		for (size_t i = 0; i < ARRAY_LEN(fields); i++)
			if (!strcmp(fields[i].path, r->path))
				set(r, &fields[i]);
		if (!strcmp(r->path, "record"))
			end_record(r);
		slash = strrchr(r->path, '/');
		*(slash ? slash : r->path) = '\0';
	}
	if (r->foreign == r->depth)
		r->foreign = 0;
	r->depth--;
	text_clear(&r->content);
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(arg, -EINVAL, "it has a document type (<!DOCTYPE), which no DMARC report needs: it is not read");
}

static void parse(struct reader *r, const char *xml, size_t len)
{
	enum XML_Status status = XML_STATUS_OK;

	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	for (size_t at = 0; status == XML_STATUS_OK && r->result == 0; at += CHUNK_BYTES) {
		bool last = len - at <= CHUNK_BYTES;

		status = XML_Parse(r->parser, xml + at, (int)(last ? len - at : CHUNK_BYTES), last);
		if (last)
			break;
	}
	if (status != XML_STATUS_OK && r->result == 0)
		r->result = err_set(r->err, -EINVAL, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r->parser),
			XML_ErrorString(XML_GetErrorCode(r->parser)));
}

int feedback_parse(const char *xml, size_t len, struct feedback *ret, struct err *reterr)
{
	struct reader r = { .f = ret, .err = reterr, .content = TEXT_INIT(FEEDBACK_TEXT_MAX) };

	*ret = (struct feedback){ .org = "",
		.email = "",
		.id = "",
		.domain = "",
		.p = "",
		.sp = "",
		.np = "",
		.adkim = "",
		.aspf = "",
		.testing = "" };
	ret->arena = arena_new(ARENA_BYTES);
	r.parser = XML_ParserCreateNS(NULL, SEPARATOR);
	while (len && ascii_is_space(*xml)) { /* some begin with an empty line, which XML has no place for */
		xml++;
		len--;
	}
	if (ret->arena && r.parser)
		parse(&r, xml, len);
	else
		r.result = err_set(reterr, -ENOMEM, "out of memory");
	if (r.parser)
		XML_ParserFree(r.parser);
	text_done(&r.content);
	if (r.result == 0 && (!*ret->domain || ret->rows.len == 0))
		r.result = err_set(reterr, -EINVAL, "it is no whole DMARC report: it has no %s",
			*ret->domain ? "record" : "policy_published/domain");
	return r.result;
}

void feedback_done(struct feedback *f)
{
	vec_done(&f->rows);
	arena_free(f->arena);
	f->arena = NULL;
}
