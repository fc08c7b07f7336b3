/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/milter/edge.h"

#define VALUE_MAX 32768

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

bool edits_apply(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	bool done = true;

	if (edits->remove.len && !(conn->actions & SMFIF_CHGHDRS))
		done = false;
	for (size_t i = 0; done && i < edits->remove.len; i++)
		done = smfi_chgheader(ctx, writable("Authentication-Results"), (int)edits->remove.items[i], NULL) == MI_SUCCESS;
	if ((edits->tags.len || edits->insert.len || edits->authres) && !(conn->actions & SMFIF_ADDHDRS))
		return false;
	for (size_t i = 0; done && i < edits->tags.len; i++)
		done = insert(ctx, conn, "X-Sluice-Tag", edits->tags.items[i]);
	for (size_t i = 0; done && i < edits->insert.len; i++)
		done = insert(ctx, conn, edits->insert.items[i].name, edits->insert.items[i].value);
	if (done && edits->authres) /* last, so that it stands above all */
		done = insert(ctx, conn, "Authentication-Results", edits->authres);
	return done;
}

bool edits_hold(SMFICTX *ctx, const struct conn *conn, const struct edits *edits)
{
	return (conn->actions & SMFIF_QUARANTINE) && smfi_quarantine(ctx, writable(edits->hold)) == MI_SUCCESS;
}
