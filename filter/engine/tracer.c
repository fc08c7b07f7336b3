/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/tracer.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/engine/state.h"
#include "filter/services/clock.h"

#define REASON_BYTES 1000

struct tracer {
	pthread_mutex_t lock; /* guards: */
	char token[TRACER_TOKEN_LEN];
	int64_t until_ms; /* 0: there is none */
};

struct tracer *tracer_new(void)
{
	struct tracer *t = calloc(1, sizeof *t);

	if (t)
		(void)pthread_mutex_init(&t->lock, NULL);
	return t;
}

void tracer_free(struct tracer *t)
{
	if (t)
		(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

bool tracer_arm(struct tracer *t, const char *token, int64_t now_ms)
{
	bool armed;

	if (strlen(token) != TRACER_TOKEN_LEN || strspn(token, "0123456789abcdef") != TRACER_TOKEN_LEN)
		return false;
	(void)pthread_mutex_lock(&t->lock);
	armed = now_ms >= t->until_ms;
	if (armed) {
		memcpy(t->token, token, TRACER_TOKEN_LEN);
		t->until_ms = now_ms + TRACER_LIFE_MS;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return armed;
}

static bool is_token(const struct tracer *t, const char *token)
{
	return CRYPTO_memcmp(t->token, token, TRACER_TOKEN_LEN) == 0;
}

void tracer_disarm(struct tracer *t, const char *token)
{
	(void)pthread_mutex_lock(&t->lock);
	if (strlen(token) == TRACER_TOKEN_LEN && is_token(t, token))
		t->until_ms = 0;
	(void)pthread_mutex_unlock(&t->lock);
}

bool tracer_armed(struct tracer *t, int64_t now_ms)
{
	bool armed;

	if (!t)
		return false;
	(void)pthread_mutex_lock(&t->lock);
	armed = now_ms < t->until_ms;
	(void)pthread_mutex_unlock(&t->lock);
	return armed;
}

unsigned tracer_code(struct tracer *t, const char *local, size_t local_len, int64_t now_ms)
{
	static const struct { const char *text; unsigned code; } codes[] = { { "-250", 250 }, { "-451", 451 }, { "-550", 550 } };
	const size_t before = strlen(TRACER_BEFORE), code_len = strlen(codes[0].text);
	unsigned code = 0;

	if (!t || local_len != before + TRACER_TOKEN_LEN + code_len || memcmp(local, TRACER_BEFORE, before) != 0)
		return 0;
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < ARRAY_LEN(codes) && now_ms < t->until_ms && is_token(t, local + before); i++)
		if (!memcmp(local + before + TRACER_TOKEN_LEN, codes[i].text, code_len))
			code = codes[i].code;
	(void)pthread_mutex_unlock(&t->lock);
	return code;
}

/* ---- in a dialogue ---- */

/* From a loopback address, or from the address that it has come to: nobody but this machine has that. */
static bool from_here(const struct session *s)
{
	static const struct net loopback[] = { { { 4, { 127 } }, 8 }, { { 6, { [15] = 1 } }, 128 } };
	struct sluice_ip own;

	return net_contains(&loopback[0], &s->client) || net_contains(&loopback[1], &s->client) ||
	       (ip_parse(s->connection.daemon_addr, strlen(s->connection.daemon_addr), &own) && ip_equal(&own, &s->client));
}

unsigned tracer_of(const struct dialogue *d)
{
	const struct sluice_address *from = &d->session->message.from;
	const char *name = d->snapshot->authserv_id;

	if (!d->engine->tracer || !ascii_equals(from->domain, from->domain_len, name) || !from_here(d->session))
		return 0;
	return tracer_code(d->engine->tracer, from->local, from->local_len, clock_mono_ms());
}

struct verdict tracer_judge(struct dialogue *d, enum sluice_stage stage)
{
	struct verdict v = { .action = VERDICT_CONTINUE, .stage = stage };

	d->stages[stage].judged = true;
	if (stage != SLUICE_STAGE_RCPT || d->tracer == 250)
		return v;
	v.action = d->tracer == 550 ? VERDICT_REJECT : VERDICT_TEMPFAIL;
	v.code = d->tracer;
	v.dsn = d->tracer == 550 ? "5.7.1" : "4.7.1";
	v.text = TRACER_TEXT;
	return v;
}

const char *tracer_reason(struct dialogue *d)
{
	SLUICE_CLEANUP(text_done) struct text has = TEXT_INIT(REASON_BYTES), lacks = TEXT_INIT(REASON_BYTES);
	const struct macros_connection *c = &d->session->connection;
	const struct message *m = &d->session->message;
	const struct recipient *r = m->recipients.len ? &m->recipients.items[0] : NULL;
	const struct { const char *name; bool given; } macros[] = { /* those that any mail server has for any mail: no login, no TLS */
		{ "j", *c->hostname }, { "v", *c->version }, { "{client_port}", c->client_port }, { "{daemon_name}", *c->daemon_name },
		{ "{daemon_addr}", *c->daemon_addr }, { "{daemon_port}", c->daemon_port }, { "i", *m->queue_id }, { "{mail_addr}", *m->mail_addr },
		{ "{rcpt_addr}", r && *r->addr }, { "{rcpt_mailer}", r && *r->mailer },
	};

	for (size_t i = 0; i < ARRAY_LEN(macros); i++)
		text_addf(macros[i].given ? &has : &lacks, " %s", macros[i].name);
	return arena_printf(session_arena(d->session, SCOPE_MESSAGE), "%s: port %u, macros%s%s%s", TRACER_TEXT, c->daemon_port, text_str(&has), lacks.len ? ", without" : "", text_str(&lacks));
}
