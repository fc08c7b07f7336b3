/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/lookup.h"

#include <pthread.h>
#include <stdlib.h>

#include "filter/services/clock.h"

#define AT_ONCE 64

/* Answers come on the reactor's thread. */
struct asking {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	int64_t began_ms;
	size_t open; /* guarded by lock, as the answers of those that are open */
};
struct question {
	struct asking *asking;
	struct lookup *lookup;
};

static void on_answer(void *arg, struct dns_answer *answer)
{
	struct question *q = arg;

	(void)pthread_mutex_lock(&q->asking->lock);
	q->lookup->answer = dns_answer_ref(answer);
	q->lookup->took_ms = clock_mono_ms() - q->asking->began_ms;
	q->asking->open--;
	(void)pthread_cond_signal(&q->asking->answered);
	(void)pthread_mutex_unlock(&q->asking->lock);
	free(q);
}

static void ask(struct resolver *r, struct asking *asking, struct lookup *l)
{
	struct question *q;
	struct dns_question question;
	char name[DNS_NAME_TEXT_MAX];
	enum resolver_source source;
	uint32_t age_s;
	bool silent = false;

	l->answer = NULL;
	l->took_ms = 0;
	if (!dns_question_set(&question, name, l->name, l->type))
		return;
	l->answer = resolver_look(r, &question, &source, &age_s, &silent);
	if (silent)
		l->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0); /* a zone file says so */
	if (l->answer)
		return;
	q = malloc(sizeof *q);
	if (q) {
		*q = (struct question){ asking, l };
		(void)pthread_mutex_lock(&asking->lock);
		asking->open++;
		(void)pthread_mutex_unlock(&asking->lock);
		if (resolver_ask(r, &question, on_answer, free, q) == 0)
			return;
		(void)pthread_mutex_lock(&asking->lock);
		asking->open--;
		(void)pthread_mutex_unlock(&asking->lock);
		free(q);
	}
	l->answer = dns_answer_empty(SLUICE_DNS_FAILED, 0);
}

/* Until so many, at most, have no answer. */
static void wait_until_open(struct asking *asking, size_t open)
{
	(void)pthread_mutex_lock(&asking->lock);
	while (asking->open > open)
		(void)pthread_cond_wait(&asking->answered, &asking->lock);
	(void)pthread_mutex_unlock(&asking->lock);
}

void lookup_all(struct resolver *r, struct lookup *lookups, size_t count)
{
	struct asking asking = { .began_ms = clock_mono_ms() };

	(void)pthread_mutex_init(&asking.lock, NULL);
	(void)pthread_cond_init(&asking.answered, NULL);
	for (size_t i = 0; i < count; i++) {
		wait_until_open(&asking, AT_ONCE - 1);
		ask(r, &asking, &lookups[i]);
	}
	wait_until_open(&asking, 0);
	(void)pthread_cond_destroy(&asking.answered);
	(void)pthread_mutex_destroy(&asking.lock);
}
