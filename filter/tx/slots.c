/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/tx/slots.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/base/vec.h"
#include "filter/services/clock.h"

const char *const slot_source_words[] = { "open", "local", "cache", "dns", "timeout", "limit", NULL };

struct slot {
	uint64_t id; /* never used twice in one connection: a late answer cannot meet the wrong slot */
	enum slot_scope scope;
	enum slot_source source;
	struct dns_question question;
	char *shown;
	uint64_t waiters;
	uint32_t age_s;
	int64_t asked_ns, waited_ns;
	struct dns_answer *answer;
};

struct slots {
	struct resolver *resolver;
	unsigned max_questions;
	unsigned asked[2]; /* by scope */
	bool hurry;

	pthread_mutex_t lock; /* guards all below, and the slots themselves: the reactor fills them */
	pthread_cond_t filled;
	unsigned references; /* the session, and each question on its way */
	VEC(struct slot *) list;
	uint64_t next_id;
	uint64_t ready; /* waiters with a new answer */
};

struct errand { /* what a question on its way carries */
	struct slots *slots;
	uint64_t id;
};

struct slots *slots_new(struct resolver *resolver, unsigned max_questions)
{
	struct slots *s = calloc(1, sizeof *s);
	pthread_condattr_t monotonic;

	if (!s)
		return NULL;
	s->resolver = resolver;
	s->max_questions = max_questions;
	s->references = 1;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->filled, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return s;
}

static void slot_free(struct slot *slot)
{
	dns_answer_unref(slot->answer);
	free(slot->shown);
	free(slot);
}

/* Called with the lock held, which it gives back. */
static void unref_locked(struct slots *s)
{
	bool last = --s->references == 0;

	(void)pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	vec_done(&s->list);
	(void)pthread_cond_destroy(&s->filled);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static void drop_from(struct slots *s, enum slot_scope scope)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->scope >= scope)
			slot_free(slot);
		else
			s->list.items[kept++] = slot;
	}
	s->list.len = kept;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	(void)pthread_mutex_lock(&s->lock);
	drop_from(s, SLOT_CONNECTION);
	unref_locked(s);
}

void slots_end_message(struct slots *s)
{
	(void)pthread_mutex_lock(&s->lock);
	drop_from(s, SLOT_MESSAGE);
	s->asked[SLOT_MESSAGE] = 0;
	(void)pthread_mutex_unlock(&s->lock);
}

/* On the reactor's thread. */
static void on_answer(void *arg, struct dns_answer *answer)
{
	struct errand *errand = arg;
	struct slots *s = errand->slots;

	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->id != errand->id || slot->source != SLOT_OPEN)
			continue;
		slot->answer = dns_answer_ref(answer);
		slot->source = SLOT_DNS;
		slot->waited_ns = clock_mono_ns() - slot->asked_ns;
		s->ready |= slot->waiters;
		(void)pthread_cond_signal(&s->filled);
	}
	unref_locked(s);
	free(errand);
}

static void on_drop(void *arg)
{
	struct errand *errand = arg;
	struct slots *s = errand->slots;

	(void)pthread_mutex_lock(&s->lock);
	unref_locked(s);
	free(errand);
}

static struct slot *find(const struct slots *s, const struct dns_question *q)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->question.type == q->type && !strcmp(slot->question.name, q->name))
			return slot;
	}
	return NULL;
}

/* The slot is open, and in the list: fill it now, or send the question out. */
static void start(struct slots *s, struct slot *slot)
{
	enum resolver_source source;
	struct dns_answer *answer;
	struct errand *errand;
	bool silent = false;

	if (s->asked[slot->scope]++ >= s->max_questions) {
		slot->answer = dns_answer_empty(SLUICE_DNS_FAILED, 0);
		slot->source = SLOT_LIMIT;
		return;
	}
	answer = resolver_look(s->resolver, &slot->question, &source, &slot->age_s, &silent);
	if (answer) {
		slot->answer = answer;
		slot->source = source == RESOLVER_LOCAL ? SLOT_LOCAL : SLOT_CACHE;
		return;
	}
	if (s->hurry) {
		slot->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0);
		slot->source = SLOT_TIMEOUT;
		return;
	}
	if (silent)
		return; /* open until the stage's time is up */
	errand = malloc(sizeof *errand);
	if (errand) {
		*errand = (struct errand){ s, slot->id };
		(void)pthread_mutex_lock(&s->lock);
		s->references++;
		(void)pthread_mutex_unlock(&s->lock);
		if (resolver_ask(s->resolver, &slot->question, on_answer, on_drop, errand) == 0)
			return;
		on_drop(errand);
	}
	(void)pthread_mutex_lock(&s->lock);
	slot->answer = dns_answer_empty(SLUICE_DNS_FAILED, 0);
	slot->source = SLOT_DNS;
	(void)pthread_mutex_unlock(&s->lock);
}

static const struct sluice_dns_answer *static_view(enum sluice_dns_status status)
{
	static const struct sluice_dns_answer nxdomain = { .status = SLUICE_DNS_NXDOMAIN };
	static const struct sluice_dns_answer failed = { .status = SLUICE_DNS_FAILED };

	return status == SLUICE_DNS_NXDOMAIN ? &nxdomain : &failed;
}

const struct sluice_dns_answer *slots_ask_dns(struct slots *s, enum slot_scope scope, const char *name,
	enum sluice_dns_type type, const char *shown, unsigned waiter)
{
	const struct sluice_dns_answer *view = NULL;
	struct dns_question q;
	struct slot *slot;
	bool added = true;

	if (!dns_question_set(&q, name, type))
		return static_view(SLUICE_DNS_NXDOMAIN);

	(void)pthread_mutex_lock(&s->lock);
	slot = find(s, &q);
	if (slot) {
		slot->waiters |= UINT64_C(1) << waiter;
		if (slot->source != SLOT_OPEN)
			view = dns_answer_view(slot->answer);
		(void)pthread_mutex_unlock(&s->lock);
		return view;
	}
	slot = calloc(1, sizeof *slot);
	if (slot) {
		slot->id = s->next_id++;
		slot->scope = scope;
		slot->question = q;
		slot->shown = shown ? strdup(shown) : NULL;
		slot->waiters = UINT64_C(1) << waiter;
		slot->asked_ns = clock_mono_ns();
		added = (!shown || slot->shown) && vec_push(&s->list, slot);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (!slot || !added) {
		if (slot)
			slot_free(slot);
		return static_view(SLUICE_DNS_FAILED);
	}

	start(s, slot);
	(void)pthread_mutex_lock(&s->lock);
	if (slot->source != SLOT_OPEN)
		view = dns_answer_view(slot->answer);
	(void)pthread_mutex_unlock(&s->lock);
	return view;
}

uint64_t slots_wait(struct slots *s, int64_t deadline_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};
	uint64_t ready;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->ready) {
		if (pthread_cond_timedwait(&s->filled, &s->lock, &until))
			break;
	}
	ready = s->ready;
	s->ready = 0;
	(void)pthread_mutex_unlock(&s->lock);
	return ready;
}

void slots_expire(struct slots *s, uint64_t waiters)
{
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->source != SLOT_OPEN || !(slot->waiters & waiters))
			continue;
		slot->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0);
		slot->source = SLOT_TIMEOUT;
		slot->waited_ns = clock_mono_ns() - slot->asked_ns;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void slots_hurry(struct slots *s, bool hurry)
{
	s->hurry = hurry;
}

void slots_each(struct slots *s, void (*row)(void *arg, const struct slot_row *row), void *arg)
{
	for (size_t i = 0; i < s->list.len; i++) { /* the reactor fills slots, but never adds or removes any */
		const struct slot *slot = s->list.items[i];
		struct slot_row r = { .name = slot->shown ? slot->shown : slot->question.name, .type = slot->question.type };

		(void)pthread_mutex_lock(&s->lock);
		r.source = slot->source;
		r.age_s = slot->age_s;
		r.waited_ns = slot->waited_ns;
		r.waiters = slot->waiters;
		r.answer = slot->answer ? dns_answer_view(slot->answer) : NULL;
		(void)pthread_mutex_unlock(&s->lock);
		row(arg, &r);
	}
}
