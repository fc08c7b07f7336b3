/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/tx/session.h"

#include <stdlib.h>
#include <string.h>

static const size_t arena_bytes[] = { SESSION_CONNECTION_BYTES, SESSION_HELO_BYTES, SESSION_MESSAGE_BYTES };

static const struct macros_tls no_tls = { "", "", "", "", "" };
static const struct macros_auth no_auth = { "", "", "" };

static void message_clear(struct message *m)
{
	vec_done(&m->recipients);
	vec_done(&m->headers);
	mime_free(m->mime);
	body_free(m->body);
	*m = (struct message){ .queue_id = "", .mail_addr = "", .ret = "", .envid = "", .tls = no_tls, .auth = no_auth };
}

struct session *session_new(struct resolver *resolver, struct store *store, unsigned max_questions, size_t fact_count)
{
	struct session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->connection = (struct macros_connection){ "", "", "", "", "", "", 0, 0 };
	message_clear(&s->message);
	s->fact_count = fact_count;
	s->slots = slots_new(resolver, store, max_questions);
	for (size_t i = 0; i < ARRAY_LEN(s->arenas); i++)
		s->arenas[i] = arena_new(arena_bytes[i]);
	if (!s->slots || !s->arenas[0] || !s->arenas[1] || !s->arenas[2]) {
		session_free(s);
		return NULL;
	}
	return s;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	message_clear(&s->message);
	slots_free(s->slots);
	for (size_t i = 0; i < ARRAY_LEN(s->arenas); i++)
		arena_free(s->arenas[i]);
	free(s->facts);
	free(s->kept);
	free(s);
}

struct arena *session_arena(struct session *s, enum scope scope)
{
	return s->arenas[scope == SCOPE_RCPT ? SCOPE_MESSAGE : scope];
}

void session_end_message(struct session *s)
{
	message_clear(&s->message);
	s->recipient = NULL;
	slots_end(s->slots, SLOT_MESSAGE);
	arena_reset(s->arenas[SCOPE_MESSAGE]);
}
