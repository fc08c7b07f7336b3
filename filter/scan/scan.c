/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/scan/scan_cfb.h"
#include "filter/scan/scan_name.h"
#include "filter/scan/scan_onenote.h"
#include "filter/scan/scan_pdf.h"
#include "filter/scan/scan_rtf.h"
#include "filter/scan/scan_type.h"
#include "filter/scan/scan_walk.h"
#include "filter/services/clock.h"

#define KIND_MAX      7 /* findings of one kind: none crowds out the others */
#define MAGIC_BYTES   (1u << 20) /* octets that libmagic looks at */
#define NOTEBOOK_MAX  100 /* files in a notebook */

_Static_assert(KIND_MAX * SLUICE_SCAN_KINDS <= SLUICE_SCAN_MAX_FINDINGS, "all findings fit into an answer");

/* ---- what is found ---- */

/* "a.zip/b.exe": what it is in, and itself. */
static void add_path(struct text *path, const struct scan_node *n)
{
	if (n->parent) {
		add_path(path, n->parent);
		text_addc(path, '/');
	}
	text_add_safe(path, n->name, n->name_len, SCAN_NAME_MAX);
}

void scan_walk_found(struct scan_walk *w, const struct scan_node *n, enum sluice_scan_kind kind, const char *text)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(8u << 10);

	if (w->findings[kind]++ >= KIND_MAX)
		return;
	add_path(&path, n);
	if (path.len > SCAN_NAME_MAX) /* which would be cut before it comes to the file itself */
		scan_answer_found(w->out, kind, text, n->name, n->name_len);
	else
		scan_answer_found(w->out, kind, text, text_str(&path), path.len);
}

void scan_walk_bomb(struct scan_walk *w, const struct scan_node *n, const char *text)
{
	if (!w->full)
		scan_walk_found(w, n, SLUICE_SCAN_BOMB, text);
	w->full = true;
}

bool scan_walk_is_late(struct scan_walk *w, const struct scan_node *n)
{
	if (!w->full && clock_mono_ms() > w->deadline_ms)
		scan_walk_bomb(w, n, "it takes too long to read");
	return w->full;
}

/* ---- one file ---- */

/* In lower case, without what libmagic may say beside it. */
static void find_type(struct scan_walk *w, const struct scan_node *n, char type[SCAN_TYPE_MAX + 1])
{
	const char *said = n->len ? magic_buffer(w->magic, n->bytes, n->len < MAGIC_BYTES ? n->len : MAGIC_BYTES) : n->bytes ? "inode/x-empty" : NULL;
	size_t len = said ? strcspn(said, "; \t\n") : 0;

	if (!said || !memchr(said, '/', len) || len > SCAN_TYPE_MAX) {
		said = "application/octet-stream";
		len = strlen(said);
	}
	for (size_t i = 0; i < len; i++)
		type[i] = ascii_lower(said[i]);
	type[len] = '\0';
}

static void look_at_name(struct scan_walk *w, const struct scan_node *n, const char *type)
{
	char extension[SCAN_EXTENSION_MAX + 1], text[SCAN_TEXT_MAX + 1];

	scan_name_extension(n->name, n->name_len, extension);
	if (!scan_type_fits_extension(type, extension)) {
		(void)snprintf(text, sizeof text, "its content is %s", type);
		scan_walk_found(w, n, SLUICE_SCAN_MISMATCH, text);
	} else if (!scan_type_fits_declared(type, n->declared)) {
		(void)snprintf(text, sizeof text, "its content is %.80s, not %.80s", type, n->declared);
		scan_walk_found(w, n, SLUICE_SCAN_MISMATCH, text);
	}
	if (scan_name_disguised(n->name, n->name_len))
		scan_walk_found(w, n, SLUICE_SCAN_DOUBLE_EXTENSION, "its name hides what it is");
	if (n->parent && scan_name_slips(n->name, n->name_len))
		scan_walk_found(w, n, SLUICE_SCAN_SLIP, "its name leaves the folder where it is unpacked");
}

static void look_for_programs(struct scan_walk *w, const struct scan_node *n, const char *type)
{
	const char *what = scan_type_program(n->bytes, n->len, type);

	if (!what)
		what = scan_name_program(n->name, n->name_len);
	if (what)
		scan_walk_found(w, n, SLUICE_SCAN_EXECUTABLE, what);
	else if (scan_type_script(n->bytes, n->len, type))
		scan_walk_found(w, n, SLUICE_SCAN_SCRIPT, "a script of Unix");
}

static void look_at_cfb(struct scan_walk *w, const struct scan_node *n)
{
	struct scan_cfb cfb;

	if (!scan_cfb_read(n->bytes, n->len, &cfb))
		return;
	if (cfb.macro)
		scan_walk_found(w, n, SLUICE_SCAN_MACRO, cfb.macro);
	if (cfb.encrypted)
		scan_walk_found(w, n, SLUICE_SCAN_ENCRYPTED, cfb.encrypted);
	if (cfb.embedded)
		scan_walk_found(w, n, SLUICE_SCAN_EMBEDDED, cfb.embedded);
	if (cfb.installer)
		scan_walk_found(w, n, SLUICE_SCAN_EXECUTABLE, "an installer");
	if (cfb.broken)
		scan_walk_found(w, n, SLUICE_SCAN_UNREAD, "its directory is broken");
}

static void look_at_pdf(struct scan_walk *w, const struct scan_node *n)
{
	struct scan_pdf pdf;

	if (!scan_pdf_read(n->bytes, n->len, &pdf))
		return;
	w->unpacked_bytes += pdf.inflated_bytes;
	if (pdf.script)
		scan_walk_found(w, n, SLUICE_SCAN_PDF_ACTIVE, pdf.opens ? "JavaScript, and something happens when it is opened" : "JavaScript");
	if (pdf.launch)
		scan_walk_found(w, n, SLUICE_SCAN_PDF_ACTIVE, "it starts a program");
	if (pdf.embedded)
		scan_walk_found(w, n, SLUICE_SCAN_EMBEDDED, "a file is embedded");
	if (pdf.encrypted)
		scan_walk_found(w, n, SLUICE_SCAN_ENCRYPTED, "it is encrypted");
	if (pdf.unread)
		scan_walk_found(w, n, SLUICE_SCAN_UNREAD, "objects in it cannot be unpacked");
}

static void look_at_rtf(struct scan_walk *w, const struct scan_node *n)
{
	struct scan_rtf rtf;

	if (!scan_rtf_read(n->bytes, n->len, &rtf))
		return;
	if (rtf.embedded)
		scan_walk_found(w, n, SLUICE_SCAN_EMBEDDED, rtf.embedded);
	if (rtf.external)
		scan_walk_found(w, n, SLUICE_SCAN_EXTERNAL, rtf.external);
}

static void look_at_notebook(struct scan_walk *w, const struct scan_node *n)
{
	struct scan_node inner = { .parent = n, .depth = n->depth + 1, .name = "embedded", .name_len = 8 };
	unsigned count = 0;

	if (!scan_onenote_is(n->bytes, n->len))
		return;
	for (size_t at = 0; count < NOTEBOOK_MAX && scan_onenote_next(n->bytes, n->len, &at, &inner.bytes, &inner.len); count++)
		scan_walk_file(w, &inner);
	if (count)
		scan_walk_found(w, n, SLUICE_SCAN_EMBEDDED, "files in a notebook");
}

static void look_at_archive(struct scan_walk *w, const struct scan_node *n, const char *type)
{
	struct scan_office office = { 0 };

	scan_archive(w, n, scan_office_type(type), &office);
	if (!office.is_document)
		return;
	if (office.macro)
		scan_walk_found(w, n, SLUICE_SCAN_MACRO, office.macro);
	if (office.embedded)
		scan_walk_found(w, n, SLUICE_SCAN_EMBEDDED, office.embedded);
	if (office.external)
		scan_walk_found(w, n, SLUICE_SCAN_EXTERNAL, office.external);
}

static void look_at_head(struct scan_walk *w, const struct scan_node *n, char type[SCAN_TYPE_MAX + 1])
{
	find_type(w, n, type);
	if (w->files++ < SLUICE_SCAN_MAX_FILES)
		scan_answer_file(w->out, n->depth, type, n->name, n->name_len);
	look_at_name(w, n, type);
	look_for_programs(w, n, type);
}

void scan_walk_head(struct scan_walk *w, const struct scan_node *n)
{
	char type[SCAN_TYPE_MAX + 1];

	look_at_head(w, n, type);
}

void scan_walk_file(struct scan_walk *w, const struct scan_node *n)
{
	char type[SCAN_TYPE_MAX + 1];

	if (scan_walk_is_late(w, n))
		return;
	look_at_head(w, n, type);
	look_at_cfb(w, n);
	look_at_pdf(w, n);
	look_at_rtf(w, n);
	look_at_notebook(w, n);
	look_at_archive(w, n, type);
}

void scan_file(magic_t magic, const struct scan_limits *limits, const struct scan_request *rq, const char *bytes, struct text *out)
{
	struct scan_walk w = { .magic = magic, .limits = limits, .out = out, .deadline_ms = clock_mono_ms() + (int64_t)limits->time_ms };
	struct scan_node n = { .bytes = bytes, .len = rq->len, .name = rq->name, .name_len = strlen(rq->name),
		.declared = *rq->type ? rq->type : NULL };

	scan_walk_file(&w, &n);
	scan_answer_end(out, w.unpacked_bytes);
}
