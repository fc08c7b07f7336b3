/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/milter/edge.h"

#define VALUE_MAX 32768
#define CHUNK_MAX 65535 /* octets of one packet of the protocol */

static char *writable(const char *s) /* libmilter's prototypes lack const; it copies */
{
	return (char *)(uintptr_t)s;
}

/* With SMFIP_HDR_LEADSPC the blank after the colon is ours to give. */
static bool insert(SMFICTX *ctx, const struct conn *conn, const char *name, const char *value)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(VALUE_MAX);

	text_adds(&out, conn->lead_space ? " " : "");
	text_adds(&out, value);
	return !out.failed && smfi_insheader(ctx, 0, writable(name), writable(text_str(&out))) == MI_SUCCESS;
}

static bool set_subject(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(SESSION_MESSAGE_BYTES);

	if (!edits->has_subject)
		return (conn->actions & SMFIF_ADDHDRS) && insert(ctx, conn, "Subject", edits->subject);
	text_adds(&out, conn->lead_space ? " " : "");
	text_adds(&out, edits->subject);
	return !out.failed && smfi_chgheader(ctx, writable("Subject"), 1, writable(text_str(&out))) == MI_SUCCESS;
}

bool edits_apply(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	bool done = true;

	if ((edits->remove.len || edits->subject) && !(conn->actions & SMFIF_CHGHDRS))
		done = false;
	for (size_t i = 0; done && i < edits->remove.len; i++)
		done = smfi_chgheader(ctx, writable(edits->remove.items[i].name), (int)edits->remove.items[i].number, NULL) == MI_SUCCESS;
	if (done && edits->subject)
		done = set_subject(ctx, conn, edits);
	if ((edits->content.len || edits->tags.len || edits->insert.len || edits->authres) && !(conn->actions & SMFIF_ADDHDRS))
		return false;
	for (size_t i = 0; done && i < edits->content.len; i++)
		done = insert(ctx, conn, edits->content.items[i].name, edits->content.items[i].value);
	for (size_t i = 0; done && i < edits->tags.len; i++)
		done = insert(ctx, conn, edits->tags.items[i].name, edits->tags.items[i].value);
	for (size_t i = 0; done && i < edits->insert.len; i++)
		done = insert(ctx, conn, edits->insert.items[i].name, edits->insert.items[i].value);
	if (done && edits->authres) /* last, so that it stands above all */
		done = insert(ctx, conn, "Authentication-Results", edits->authres);
	return done;
}

static bool send_body(SMFICTX *ctx, struct text *chunk)
{
	bool done = chunk->len == 0 || smfi_replacebody(ctx, (unsigned char *)chunk->bytes, (int)chunk->len) == MI_SUCCESS;

	text_clear(chunk);
	return done;
}

/* Each call is a packet; those that are short go together. */
bool edits_body(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	SLUICE_CLEANUP(text_done) struct text chunk = TEXT_INIT(CHUNK_MAX);
	unsigned long needed = SMFIF_CHGBODY | (edits->content.len ? SMFIF_ADDHDRS | SMFIF_CHGHDRS : 0);

	if (!edits->body.body.len)
		return true;
	if ((conn->actions & needed) != needed)
		return false;
	for (size_t i = 0; i < edits->body.body.len; i++) {
		const struct sluice_text *piece = &edits->body.body.items[i];

		for (size_t at = 0; at < piece->len;) {
			size_t room = CHUNK_MAX - chunk.len, n = piece->len - at < room ? piece->len - at : room;

			text_add(&chunk, piece->bytes + at, n);
			if (chunk.failed || (chunk.len == CHUNK_MAX && !send_body(ctx, &chunk)))
				return false;
			at += n;
		}
	}
	return send_body(ctx, &chunk);
}

static bool change_recipients(SMFICTX *ctx, int (*change)(SMFICTX *, char *), const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(VALUE_MAX);

		text_addf(&path, "<%s>", items[i]);
		if (path.failed || change(ctx, writable(text_str(&path))) != MI_SUCCESS)
			return false;
	}
	return true;
}

/* First who gets it, then who does not: should the MTA go away in between, somebody gets it. */
bool edits_recipients(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	if ((edits->add_recipients.len && !(conn->actions & SMFIF_ADDRCPT)) || (edits->remove_recipients.len && !(conn->actions & SMFIF_DELRCPT)))
		return false;
	return change_recipients(ctx, smfi_addrcpt, edits->add_recipients.items, edits->add_recipients.len) &&
	       change_recipients(ctx, smfi_delrcpt, edits->remove_recipients.items, edits->remove_recipients.len);
}

bool edits_hold(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	return (conn->actions & SMFIF_QUARANTINE) && smfi_quarantine(ctx, writable(edits->hold)) == MI_SUCCESS;
}
