/* SPDX-License-Identifier: BSD-2-Clause */
/* files - what is in the attachments, whatever they are called, and in the archives and documents among them? */
#include <stdio.h>
#include <string.h>

#include "plugins/plugin.h"

#define FILES_MAX 100 /* of one message that are asked about */
#define KEY_MAX   300 /* octets */

/* A fact for each kind of finding, in the order of enum sluice_scan_kind; then the others. */
enum { TYPES = SLUICE_SCAN_KINDS, NAMES, DEPTH, EVIDENCE };

static const struct sluice_fact facts[] = {
	[SLUICE_SCAN_MISMATCH] = { "files.mismatch", SLUICE_BOOL, NULL, "the content of a file is not what its name or its declared type says" },
	[SLUICE_SCAN_EXECUTABLE] = { "files.executable", SLUICE_BOOL, NULL, "a program, or a script that a click runs, by its content or by its name" },
	[SLUICE_SCAN_SCRIPT] = { "files.script", SLUICE_BOOL, NULL, "a script of Unix: no click runs it" },
	[SLUICE_SCAN_DOUBLE_EXTENSION] = { "files.double_extension", SLUICE_BOOL, NULL, "a program whose name hides that: invoice.pdf.exe" },
	[SLUICE_SCAN_ARCHIVE] = { "files.archive", SLUICE_BOOL, NULL, "an archive or a compressed file" },
	[SLUICE_SCAN_ENCRYPTED] = { "files.encrypted", SLUICE_BOOL, NULL, "an archive or document that cannot be read without a password, or an entry of one" },
	[SLUICE_SCAN_BOMB] = { "files.bomb", SLUICE_BOOL, NULL, "a limit was reached, and the rest not looked at: too large when unpacked, too many, too deep" },
	[SLUICE_SCAN_SLIP] = { "files.slip", SLUICE_BOOL, NULL, "an archive with a name or link that leaves the folder where it is unpacked" },
	[SLUICE_SCAN_MACRO] = { "files.macro", SLUICE_BOOL, NULL, "a document with macros" },
	[SLUICE_SCAN_PDF_ACTIVE] = { "files.pdf_active", SLUICE_BOOL, NULL, "a PDF that runs a script or starts a program" },
	[SLUICE_SCAN_EMBEDDED] = { "files.embedded", SLUICE_BOOL, NULL, "a document with a file or an object in it" },
	[SLUICE_SCAN_EXTERNAL] = { "files.external", SLUICE_BOOL, NULL, "a document that fetches something, or starts a program, when it is opened" },
	[SLUICE_SCAN_UNREAD] = { "files.unread", SLUICE_BOOL, NULL, "not all could be looked at: broken, too large, or packed in a way that is not read" },
	[TYPES] = { "files.types", SLUICE_TEXTS, NULL, "media types of the files, by their content, those in archives among them" },
	[NAMES] = { "files.names", SLUICE_TEXTS, NULL, "names of the files, those in archives among them; 200 at most of one part" },
	[DEPTH] = { "files.depth", SLUICE_INT, NULL, "how many archives or documents the deepest file is in" },
	[EVIDENCE] = { "files.evidence", SLUICE_TEXTS, NULL, "the part, as IMAP numbers it, and what is in it: 2 macro: a.doc: VBA macros" },
	{ .name = NULL },
};

/* In the order of enum sluice_scan_kind, as policy has them. */
static const char *word(enum sluice_scan_kind kind)
{
	return strchr(facts[kind].name, '.') + 1;
}

struct part {
	const struct sluice_mime_part *mime;
	const char *content;
	size_t len;
};

struct found {
	bool kinds[SLUICE_SCAN_KINDS];
	unsigned depth;
	bool pending, failed;
};

static void add(struct sluice_result *res, unsigned fact, const char *text)
{
	if (*text)
		sluice_add_text(res, fact, text, strlen(text));
}

static void note(struct sluice_result *res, struct found *f, const char *section, enum sluice_scan_kind kind, const char *name, const char *text)
{
	char evidence[600];

	f->kinds[kind] = true;
	(void)snprintf(evidence, sizeof evidence, "%s %s: %s%s%s", section, word(kind), name, *name ? ": " : "", text);
	add(res, EVIDENCE, evidence);
}

/* A part of text that has no name is shown as text, whatever it is; unless it is no text at all. */
static bool is_plain(const struct part *part)
{
	if (part->mime->name_count || strncmp(part->mime->type, "text/", 5) != 0)
		return false;
	for (size_t i = 0; i < part->len; i++)
		if ((unsigned char)part->content[i] < ' ' && !memchr("\t\r\n\f\x1b", part->content[i], 5))
			return false;
	return true;
}

/* By name number i of those that it has. */
static void ask(struct sluice_check_ctx *c, const struct part *part, size_t i, struct sluice_result *res, struct found *f)
{
	const struct sluice_mime_part *p = part->mime;
	const struct sluice_text none = { "", 0 }, *name = p->name_count ? &p->names[i] : &none;
	char key[KEY_MAX];
	const struct sluice_scan_request rq = { .key = key, .bytes = part->content, .len = part->len, .type = p->type, .name = name->bytes,
		.name_len = name->len };
	const struct sluice_scan_answer *a;

	if (i)
		(void)snprintf(key, sizeof key, "%s by name %zu", p->section, i + 1);
	else
		(void)snprintf(key, sizeof key, "%s", p->section);
	a = sluice_ask_scan(c, &rq);
	f->pending |= !a;
	if (!a)
		return;
	switch (a->status) {
	case SLUICE_SCAN_OK:
		break;
	case SLUICE_SCAN_TOO_LARGE:
		note(res, f, p->section, SLUICE_SCAN_UNREAD, "", a->why);
		return;
	case SLUICE_SCAN_FAILED:
	case SLUICE_SCAN_TIMEOUT:
		f->failed = true;
		return;
	}
	for (size_t k = 0; k < a->file_count; k++) {
		add(res, TYPES, a->files[k].type);
		add(res, NAMES, a->files[k].name);
		f->depth = a->files[k].depth > f->depth ? a->files[k].depth : f->depth;
	}
	for (size_t k = 0; k < a->finding_count; k++)
		note(res, f, p->section, a->findings[k].kind, a->findings[k].name, a->findings[k].text);
}

/* What of the message is no part that can be asked about. */
static void note_rest(struct sluice_check_ctx *c, const struct sluice_mime *m, struct sluice_result *res, struct found *f)
{
	size_t len, size;
	const char *why;

	if (m->too_many || m->too_deep)
		note(res, f, "0", SLUICE_SCAN_UNREAD, "", "there are more parts than are looked at");
	if (sluice_body(c, &len, &size, &why) && size > len)
		note(res, f, "0", SLUICE_SCAN_UNREAD, "", "the message is larger than is looked at");
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const char *why;
	const struct sluice_mime *m = sluice_mime(c, &why);
	struct found f = { 0 };
	unsigned asked = 0;

	if (!m)
		return SLUICE_TEMPERROR;
	for (size_t i = 0; i < m->count; i++) {
		struct part part = { .mime = &m->parts[i] };
		size_t names = part.mime->odd & SLUICE_MIME_NAMES_DIFFER ? part.mime->name_count : 1; /* who knows which one a reader shows */

		if (part.mime->container)
			continue;
		part.content = sluice_mime_content(c, i, &part.len);
		f.failed |= !part.content;
		if (!part.content || part.len == 0 || is_plain(&part))
			continue;
		for (size_t k = 0; k < names; k++)
			if (asked++ < FILES_MAX)
				ask(c, &part, k, res, &f);
	}
	if (f.pending)
		return SLUICE_PENDING;
	if (asked > FILES_MAX)
		note(res, &f, "0", SLUICE_SCAN_BOMB, "", "there are more files than are looked at");
	note_rest(c, m, res, &f);
	for (unsigned i = 0; i < SLUICE_SCAN_KINDS; i++)
		if (f.kinds[i] || !f.failed) /* what one file has is true whatever becomes of the others; that none has it is not */
			sluice_set_bool(res, i, f.kinds[i]);
	sluice_set_int(res, DEPTH, f.depth);
	return f.failed ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "files", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = 0, .last_fact = EVIDENCE, .body = true, .scan = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(files) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "files",
	.help = "what is in the attachments, whatever they are called, and in the archives and documents among them?",
	.facts = facts,
	.checks = checks,
};
