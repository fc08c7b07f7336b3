/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/exchange.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/text.h"

struct asked {
	struct question q;
	char *bytes;
	void (*done)(void *arg, const struct sluice_exchange_answer *answer);
	void *arg;
};

struct exchange {
	char *name;
	int64_t max_bytes;
	enum sluice_exchange_reply (*judge)(const char *bytes, size_t len, char why[SLUICE_EXCHANGE_WHY_MAX]);
};

static struct asked *asked_of(struct question *q)
{
	return (struct asked *)q; /* its first member */
}

static void asked_free(struct asked *a)
{
	free(a->bytes);
	free(a);
}

static void on_failed(struct question *q, enum servers_failure failure, const char *why)
{
	struct sluice_exchange_answer answer = { .why = why };
	struct asked *a = asked_of(q);

	answer.status = failure == SERVERS_TIMEOUT ? SLUICE_EXCHANGE_TIMEOUT : SLUICE_EXCHANGE_FAILED;
	a->done(a->arg, &answer);
	asked_free(a);
}

static bool on_tell(struct question *q)
{
	/* the octets live longer than the link */
	return evbuffer_add_reference(bufferevent_get_output(q->link), q->bytes, q->len, NULL, NULL) == 0;
}

static void on_answer(struct asked *a, const char *bytes, size_t len)
{
	const struct sluice_exchange_answer answer = { .status = SLUICE_EXCHANGE_OK, .bytes = bytes, .len = len };

	servers_well(&a->q);
	a->done(a->arg, &answer);
	servers_end(&a->q);
	asked_free(a);
}

static bool on_heard(struct question *q, const char *bytes, size_t len, bool last)
{
	SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(SLUICE_EXCHANGE_WHY_MAX);
	const struct exchange *e = servers_owner(q->servers);
	char why[SLUICE_EXCHANGE_WHY_MAX] = "";
	enum sluice_exchange_reply reply;

	(void)last; /* it is: a reply ends with the connection */
	if (!len)
		return false;
	reply = e->judge(bytes, len, why);
	text_add_safe(&shown, why, strnlen(why, sizeof why), sizeof why);
	switch (reply) {
	case SLUICE_EXCHANGE_ANSWER:
		on_answer(asked_of(q), bytes, len);
		break;
	case SLUICE_EXCHANGE_REFUSED:
		servers_well(q);
		servers_next(q, text_str(&shown));
		break;
	case SLUICE_EXCHANGE_NONSENSE:
		servers_lose(q, text_str(&shown));
		break;
	}
	return true;
}

static void exchange_free(void *owner)
{
	struct exchange *e = owner;

	free(e->name);
	free(e);
}

static const struct servers_protocol protocol = {
	.reply_max = SLUICE_EXCHANGE_ANSWER_MAX,
	.to_the_end = true,
	.tell = on_tell,
	.heard = on_heard,
	.failed = on_failed,
	.free = exchange_free,
};

void exchange_ask(struct servers *s, const struct sluice_exchange_request *rq,
	void (*done)(void *arg, const struct sluice_exchange_answer *answer), void *arg)
{
	struct sluice_exchange_answer failed = { .status = SLUICE_EXCHANGE_FAILED, .why = "out of memory" };
	size_t len = servers_length(rq->pieces, rq->count);
	const struct exchange *e = servers_owner(s);
	struct asked *a = NULL;

	if ((int64_t)len > e->max_bytes) {
		failed.status = SLUICE_EXCHANGE_TOO_LARGE;
		failed.why = "it is larger than is sent";
	} else {
		a = calloc(1, sizeof *a);
	}
	if (a) {
		*a = (struct asked){ .q = { .servers = s, .len = len }, .done = done, .arg = arg };
		a->q.bytes = a->bytes = servers_copy(rq->pieces, rq->count);
		if (a->bytes && servers_ask(&a->q))
			return;
		asked_free(a);
	}
	done(arg, &failed);
}

struct servers *exchange_new(const struct servers_host *host, const struct sluice_exchange_servers *settings)
{
	struct exchange *e = malloc(sizeof *e);
	struct servers *s = NULL;

	if (!e)
		return NULL;
	*e = (struct exchange){ .name = strdup(settings->name), .max_bytes = settings->max_bytes, .judge = settings->judge };
	if (e->name)
		s = servers_new(host, &protocol, e, e->name, settings->servers, settings->timeout_ms);
	if (!s)
		exchange_free(e);
	return s;
}

bool exchange_has(const struct servers *s, const struct sluice_exchange_servers *settings)
{
	const struct exchange *e = servers_owner(s);

	return servers_are(s, &protocol, settings->servers, settings->timeout_ms) && !strcmp(e->name, settings->name) &&
	       e->max_bytes == settings->max_bytes && e->judge == settings->judge;
}
