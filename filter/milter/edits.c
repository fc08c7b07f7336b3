/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/conn.h"
#include "filter/milter/protocol.h"

#define PACKET_TAKEN 65535 /* octets of data that an MTA takes in one packet */

/* With SMFIP_HDR_LEADSPC the blank after the colon is ours to give. value NULL: the field goes. False: it is longer than an MTA takes it. */
static bool field(struct text *out, const struct conn *c, char command, uint32_t index, const char *name, const char *value)
{
	size_t begun = packet_begin(out, command);

	packet_add_u32(out, index);
	packet_add_string(out, name);
	if (value && c->lead_space)
		text_addc(out, ' ');
	packet_add_string(out, value ? value : "");
	packet_end(out, begun);
	if (out->len - begun <= PACKET_TAKEN)
		return true;
	out->len = begun;
	return false;
}

static bool insert(struct text *out, const struct conn *c, const char *name, const char *value)
{
	return field(out, c, SMFIR_INSHEADER, 0, name, value);
}

static bool set_subject(struct text *out, const struct conn *c, const struct edits *edits)
{
	if (edits->has_subject)
		return field(out, c, SMFIR_CHGHEADER, 1, "Subject", edits->subject);
	return (c->actions & SMFIF_ADDHDRS) && insert(out, c, "Subject", edits->subject);
}

bool edits_apply(struct text *out, const struct conn *c, const struct edits *edits)
{
	bool done = true;

	if ((edits->remove.len || edits->subject) && !(c->actions & SMFIF_CHGHDRS))
		return false;
	for (size_t i = 0; done && i < edits->remove.len; i++)
		done = field(out, c, SMFIR_CHGHEADER, edits->remove.items[i].number, edits->remove.items[i].name, NULL);
	if (done && edits->subject)
		done = set_subject(out, c, edits);
	if ((edits->content.len || edits->tags.len || edits->insert.len || edits->authres) && !(c->actions & SMFIF_ADDHDRS))
		return false;
	for (size_t i = 0; done && i < edits->content.len; i++)
		done = insert(out, c, edits->content.items[i].name, edits->content.items[i].value);
	for (size_t i = 0; done && i < edits->tags.len; i++)
		done = insert(out, c, edits->tags.items[i].name, edits->tags.items[i].value);
	for (size_t i = 0; done && i < edits->insert.len; i++)
		done = insert(out, c, edits->insert.items[i].name, edits->insert.items[i].value);
	if (done && edits->authres) /* last, so that it stands above all */
		done = insert(out, c, "Authentication-Results", edits->authres);
	return done;
}

bool edits_body(struct text *out, const struct conn *c, const struct edits *edits)
{
	uint32_t needed = SMFIF_CHGBODY | (edits->content.len ? SMFIF_ADDHDRS | SMFIF_CHGHDRS : 0);
	size_t begun = 0, room = 0;

	if (!edits->body.body.len)
		return true;
	if ((c->actions & needed) != needed)
		return false;
	for (size_t i = 0; i < edits->body.body.len; i++) {
		const struct sluice_text *piece = &edits->body.body.items[i];

		for (size_t at = 0, n; at < piece->len; at += n) { /* pieces that are short go into one packet */
			if (!room) {
				begun = packet_begin(out, SMFIR_REPLBODY);
				room = PACKET_TAKEN;
			}
			n = piece->len - at < room ? piece->len - at : room;
			text_add(out, piece->bytes + at, n);
			room -= n;
			if (!room)
				packet_end(out, begun);
		}
	}
	if (room)
		packet_end(out, begun);
	return true;
}

static void recipients(struct text *out, char command, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t begun = packet_begin(out, command);

		text_addf(out, "<%s>", items[i]);
		text_addc(out, '\0');
		packet_end(out, begun);
	}
}

/* First who gets it, then who does not: should the MTA go away in between, somebody gets it. */
bool edits_recipients(struct text *out, const struct conn *c, const struct edits *edits)
{
	if ((edits->add_recipients.len && !(c->actions & SMFIF_ADDRCPT)) || (edits->remove_recipients.len && !(c->actions & SMFIF_DELRCPT)))
		return false;
	recipients(out, SMFIR_ADDRCPT, edits->add_recipients.items, edits->add_recipients.len);
	recipients(out, SMFIR_DELRCPT, edits->remove_recipients.items, edits->remove_recipients.len);
	return true;
}

bool edits_hold(struct text *out, const struct conn *c, const struct edits *edits)
{
	size_t begun;

	if (!(c->actions & SMFIF_QUARANTINE))
		return false;
	begun = packet_begin(out, SMFIR_QUARANTINE);
	packet_add_string(out, edits->hold);
	packet_end(out, begun);
	return true;
}
