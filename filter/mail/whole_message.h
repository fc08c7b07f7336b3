/* SPDX-License-Identifier: BSD-2-Clause */
/* whole_message.h - the message as it came, for a check that sends it on: the pieces that it is made of. */
#ifndef MAIL_WHOLE_MESSAGE_H
#define MAIL_WHOLE_MESSAGE_H

#include "filter/base/vec.h"
#include "plugins/plugin.h"

struct whole_message {
	VEC(struct sluice_text) pieces; /* borrowed octets */
};

static inline bool whole_message_add(struct whole_message *w, const char *bytes, size_t len)
{
	return vec_push(&w->pieces, ((struct sluice_text){ bytes, len }));
}

/* Add the header, each field of which is four pieces, and the body. In run() at MESSAGE. False: no memory. */
static inline bool whole_message_add_all(struct whole_message *w, const struct sluice_check_ctx *c, const char *body, size_t len)
{
	struct sluice_part field;
	bool good = true;

	for (size_t i = 0; good && sluice_header_field(c, i, &field); i++)
		good = whole_message_add(w, field.name, field.name_len) && whole_message_add(w, ":", 1) && whole_message_add(w, field.bytes, field.len) &&
		       whole_message_add(w, "\r\n", 2);
	return good && whole_message_add(w, "\r\n", 2) && whole_message_add(w, body, len);
}

static inline void whole_message_done(struct whole_message *w)
{
	vec_done(&w->pieces);
}

#endif
