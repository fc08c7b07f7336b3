/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/tx/slots.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/base/hash.h"
#include "filter/base/vec.h"
#include "filter/services/clock.h"

const char *const slot_source_words[] = { "open", "local", "cache", "dns", "timeout", "limit", "store", "program", "scan", "clamd", "server", NULL };

struct slot {
	uint64_t id; /* never used twice in one connection: a late answer cannot meet the wrong slot */
	bool unrecorded;
	uint8_t asker; /* the waiter that it counts for */
	enum slot_scope scope;
	enum slot_kind kind;
	enum slot_source source;
	uint64_t waiters;
	uint32_t age_s;
	int64_t asked_ns, waited_ns;
	/* of DNS */
	struct dns_question question;
	char *shown;
	struct dns_answer *answer;
	/* of the store */
	enum sluice_store_verb verb;
	int64_t amount;
	struct program *peer;
	union { /* of others than DNS, by their kind */
		struct sluice_store_answer store;
		struct sluice_program_answer program;
		struct sluice_scan_answer scan;
		struct sluice_virus_answer virus;
		struct sluice_exchange_answer exchange;
	};
	struct sluice_scan_answer *scan_block; /* what `scan` points into */
	/* of others than DNS: the key or the question, and the value or the answer */
	char *key;
	size_t key_len;
	char *value;
	char name[]; /* of the question to the DNS */
};

struct slots {
	struct resolver *resolver;
	struct store *store;
	unsigned max_questions;
	struct slots_record record; /* of a replay */
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

struct slots *slots_new(struct resolver *resolver, struct store *store, unsigned max_questions)
{
	struct slots *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->resolver = resolver;
	s->store = store;
	s->max_questions = max_questions;
	s->references = 1;
	(void)pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->filled);
	return s;
}

static void slot_free(struct slot *slot)
{
	dns_answer_unref(slot->answer);
	free(slot->shown);
	free(slot->key);
	free(slot->value);
	free(slot->scan_block);
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

void slots_end(struct slots *s, enum slot_scope scope)
{
	(void)pthread_mutex_lock(&s->lock);
	drop_from(s, scope);
	(void)pthread_mutex_unlock(&s->lock);
}

/* With the lock held. The open slot of an errand, or NULL: it is gone, or its time was up. */
static struct slot *open_slot(struct slots *s, uint64_t id)
{
	for (size_t i = 0; i < s->list.len; i++)
		if (s->list.items[i]->id == id)
			return s->list.items[i]->source == SLOT_OPEN ? s->list.items[i] : NULL;
	return NULL;
}

/* With the lock held: a slot has its answer. */
static void fill(struct slots *s, struct slot *slot, enum slot_source source)
{
	slot->source = source;
	slot->waited_ns = clock_mono_ns() - slot->asked_ns;
	s->ready |= slot->waiters;
	(void)pthread_cond_signal(&s->filled);
}

/* On the reactor's thread. */
static void on_answer(void *arg, struct dns_answer *answer)
{
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		slot->answer = dns_answer_ref(answer);
		fill(s, slot, SLOT_DNS);
	}
	unref_locked(s);
	free(errand);
}

/* On a thread of the store's, or at once. */
static void on_store(void *arg, const struct sluice_store_answer *answer)
{
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		slot->store = *answer;
		if (answer->value) {
			slot->value = malloc(answer->value_len + 1);
			if (slot->value)
				memcpy(slot->value, answer->value, answer->value_len);
			else
				slot->store = (struct sluice_store_answer){ .status = SLUICE_STORE_FAILED, .why = "out of memory" };
			slot->store.value = slot->value;
		}
		fill(s, slot, SLOT_STORE);
	}
	unref_locked(s);
	free(errand);
}

/* A copy that lives as long as the slot, a NUL after it. NULL: no memory. */
static const char *keep(struct slot *slot, const char *bytes, size_t len)
{
	slot->value = malloc(len + 1);
	if (!slot->value)
		return NULL;
	memcpy(slot->value, bytes, len);
	slot->value[len] = '\0';
	return slot->value;
}

/* On the reactor's thread, or at once. */
static void on_program(void *arg, const struct sluice_program_answer *answer)
{
	static const struct sluice_program_answer no_memory = { .status = SLUICE_PROGRAM_FAILED, .why = "out of memory" };
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		bool ok = answer->status == SLUICE_PROGRAM_OK;
		const char *text = keep(slot, ok ? answer->line : answer->why, ok ? answer->len : strlen(answer->why));

		slot->program = text ? *answer : no_memory;
		if (text)
			*(ok ? &slot->program.line : &slot->program.why) = text;
		fill(s, slot, answer->status == SLUICE_PROGRAM_TIMEOUT ? SLOT_TIMEOUT : SLOT_PROGRAM);
	}
	unref_locked(s);
	free(errand);
}

/* On the reactor's thread, or at once. */
static void on_scan(void *arg, struct sluice_scan_answer *answer)
{
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct sluice_scan_answer *block = answer->status == SLUICE_SCAN_OK ? answer : NULL;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		slot->scan = *answer;
		slot->scan_block = block;
		block = NULL;
		if (answer->why) {
			slot->value = strdup(answer->why);
			slot->scan.why = slot->value ? slot->value : "out of memory";
		}
		fill(s, slot, answer->status == SLUICE_SCAN_TIMEOUT ? SLOT_TIMEOUT : SLOT_SCAN);
	}
	unref_locked(s);
	free(block);
	free(errand);
}

/* On the reactor's thread, or at once. */
static void on_virus(void *arg, const struct sluice_virus_answer *answer)
{
	static const struct sluice_virus_answer no_memory = { .status = SLUICE_VIRUS_FAILED, .why = "out of memory", .found = "", .engine = "" };
	const char *const texts[] = { answer->why ? answer->why : "", answer->found, answer->engine };
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		char *end = slot->value = malloc(strlen(texts[0]) + strlen(texts[1]) + strlen(texts[2]) + 3);

		slot->virus = no_memory;
		if (end) {
			slot->virus = *answer;
			slot->virus.why = answer->why ? end : NULL;
			slot->virus.found = end = stpcpy(end, texts[0]) + 1;
			slot->virus.engine = end = stpcpy(end, texts[1]) + 1;
			/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.strcpy): measured above */
			(void)strcpy(end, texts[2]);
		}
		fill(s, slot, answer->status == SLUICE_VIRUS_TIMEOUT ? SLOT_TIMEOUT : SLOT_CLAMD);
	}
	unref_locked(s);
	free(errand);
}

/* On the reactor's thread, or at once. */
static void on_exchange(void *arg, const struct sluice_exchange_answer *answer)
{
	static const struct sluice_exchange_answer no_memory = { .status = SLUICE_EXCHANGE_FAILED, .why = "out of memory" };
	struct errand *errand = arg;
	struct slots *s = errand->slots;
	struct slot *slot;

	(void)pthread_mutex_lock(&s->lock);
	slot = open_slot(s, errand->id);
	if (slot) {
		bool ok = answer->status == SLUICE_EXCHANGE_OK;
		const char *bytes = keep(slot, ok ? answer->bytes : answer->why, ok ? answer->len : strlen(answer->why));

		slot->exchange = bytes ? *answer : no_memory;
		if (bytes)
			*(ok ? &slot->exchange.bytes : &slot->exchange.why) = bytes;
		fill(s, slot, answer->status == SLUICE_EXCHANGE_TIMEOUT ? SLOT_TIMEOUT : SLOT_SERVER);
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

/* With the lock held. What failed as another had asked too much is asked anew: SPF can be led to ask for the author's policy. */
static struct slot *find(const struct slots *s, const struct dns_question *q, unsigned waiter)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->kind == SLOT_OF_DNS && slot->question.type == q->type && !strcmp(slot->question.name, q->name) &&
			(slot->source != SLOT_LIMIT || slot->waiters >> waiter & 1))
			return slot;
	}
	return NULL;
}

/* By its asker, in its scope: one cannot use up what others need. Counted anew, as an idle connection has no room for 64 numbers. */
static unsigned count_questions(const struct slots *s, const struct slot *like)
{
	unsigned count = 0;

	for (size_t i = 0; i < s->list.len; i++) {
		const struct slot *slot = s->list.items[i];

		count += slot->kind == SLOT_OF_DNS && slot->asker == like->asker && slot->scope == like->scope;
	}
	return count;
}

static struct errand *errand_new(struct slots *s, const struct slot *slot)
{
	struct errand *errand = malloc(sizeof *errand);

	if (!errand)
		return NULL;
	*errand = (struct errand){ s, slot->id };
	(void)pthread_mutex_lock(&s->lock);
	s->references++;
	(void)pthread_mutex_unlock(&s->lock);
	return errand;
}

/* The slot is open, and in the list: fill it now, or send the question out. */
static void start(struct slots *s, struct slot *slot)
{
	enum resolver_source source;
	struct dns_answer *answer;
	struct errand *errand;
	bool silent = false;

	if (count_questions(s, slot) > s->max_questions) {
		slot->answer = dns_answer_empty(SLUICE_DNS_FAILED, 0);
		slot->source = SLOT_LIMIT;
		return;
	}
	if (s->record.dns) {
		slot->answer = s->record.dns(s->record.arg, slot->shown ? slot->shown : slot->question.name, slot->question.type);
		slot->unrecorded = !slot->answer;
		slot->source = slot->answer ? SLOT_LOCAL : SLOT_TIMEOUT;
		if (!slot->answer)
			slot->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0);
		return;
	}
	answer = s->resolver ? resolver_look(s->resolver, &slot->question, &source, &slot->age_s, &silent) : NULL;
	if (answer) {
		slot->answer = answer;
		slot->source = source == RESOLVER_LOCAL ? SLOT_LOCAL : SLOT_CACHE;
		return;
	}
	if (s->hurry || !s->resolver) {
		slot->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0);
		slot->source = SLOT_TIMEOUT;
		return;
	}
	if (silent)
		return; /* open until the stage's time is up */
	errand = errand_new(s, slot);
	if (errand) {
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
	char asked[DNS_NAME_TEXT_MAX];
	struct dns_question q;
	struct slot *slot;
	bool added = true;
	size_t size;

	if (!dns_question_set(&q, asked, name, type))
		return static_view(SLUICE_DNS_NXDOMAIN);

	(void)pthread_mutex_lock(&s->lock);
	slot = find(s, &q, waiter);
	if (slot) {
		slot->waiters |= UINT64_C(1) << waiter;
		if (scope < slot->scope) { /* it has to outlive what the first asker is about, and counts for him no more */
			slot->scope = scope;
			slot->asker = (uint8_t)waiter;
		}
		if (slot->source != SLOT_OPEN)
			view = dns_answer_view(slot->answer);
		(void)pthread_mutex_unlock(&s->lock);
		return view;
	}
	size = strlen(asked) + 1;
	slot = calloc(1, sizeof *slot + size);
	if (slot) {
		slot->id = s->next_id++;
		slot->asker = (uint8_t)waiter;
		slot->scope = scope;
		slot->question = (struct dns_question){ memcpy(slot->name, asked, size), type };
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

/* Of a TALLY, in which what was asked is one of many sets of items. */
static int64_t digest(const struct sluice_store_op *op)
{
	static const struct hash_key key = { 0, 0 }; /* only what one check asks of one message is told apart */
	size_t len;
	const void *items = store_op_extra(op, &len);

	return (int64_t)(hash_bytes(&key, items, len) + (uint64_t)(op->tally.add[0] + 3 * (int64_t)op->tally.add[1]));
}

/* Taking, giving back and looking are three operations on one key. */
static int64_t amount(const struct sluice_store_op *op)
{
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		return op->greylist.look;
	case SLUICE_STORE_RATE:
		return op->rate.cost;
	case SLUICE_STORE_COUNT:
		return op->count.add;
	case SLUICE_STORE_TALLY:
		return digest(op);
	case SLUICE_STORE_SET:
	case SLUICE_STORE_GET:
	case SLUICE_STORE_PUT:
	case SLUICE_STORE_DELETE:
		break;
	}
	return 0;
}

static struct slot *find_store(const struct slots *s, const struct sluice_store_op *op)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->kind == SLOT_OF_STORE && slot->verb == op->verb && slot->amount == amount(op) && slot->key_len == op->key_len &&
			!memcmp(slot->key, op->key, op->key_len))
			return slot;
	}
	return NULL;
}

/* A slot of the store, of a program, of a file or of a server, in the list and open. NULL: no memory. */
static struct slot *new_slot(struct slots *s, const struct slot *like, const char *key, size_t key_len)
{
	struct slot *slot = malloc(sizeof *slot);

	if (!slot)
		return NULL;
	*slot = *like;
	slot->key = malloc(key_len + 1);
	slot->key_len = key_len;
	slot->unrecorded = s->record.dns != NULL;
	slot->asked_ns = clock_mono_ns();
	if (slot->key) {
		memcpy(slot->key, key, key_len);
		slot->key[key_len] = '\0';
	}
	(void)pthread_mutex_lock(&s->lock);
	slot->id = s->next_id++;
	if (!slot->key || !vec_push(&s->list, slot)) {
		slot_free(slot);
		slot = NULL;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return slot;
}

/* The waiter waits for it. Has it its answer? */
static bool is_filled(struct slots *s, struct slot *slot, unsigned waiter)
{
	bool filled;

	(void)pthread_mutex_lock(&s->lock);
	slot->waiters |= UINT64_C(1) << waiter;
	filled = slot->source != SLOT_OPEN;
	(void)pthread_mutex_unlock(&s->lock);
	return filled;
}

const struct sluice_store_answer *slots_ask_store(struct slots *s, enum slot_scope scope, const struct sluice_store_op *op, unsigned waiter)
{
	static const struct sluice_store_answer no_store = { .status = SLUICE_STORE_FAILED, .why = "no store is configured" };
	static const struct sluice_store_answer no_memory = { .status = SLUICE_STORE_FAILED, .why = "out of memory" };
	struct slot like = { .kind = SLOT_OF_STORE, .scope = scope, .verb = op->verb, .amount = amount(op) };
	struct slot *slot = find_store(s, op);
	struct errand *errand;

	if (!slot) {
		slot = new_slot(s, &like, op->key, op->key_len);
		errand = slot ? errand_new(s, slot) : NULL;
		if (!errand)
			return &no_memory;
		if (s->store)
			store_run(s->store, op, on_store, errand);
		else
			on_store(errand, &no_store);
	}
	return is_filled(s, slot, waiter) ? &slot->store : NULL;
}

static struct slot *find_program(const struct slots *s, const struct program *p, const char *request, size_t len)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->kind == SLOT_OF_PROGRAM && slot->peer == p && slot->key_len == len && !memcmp(slot->key, request, len))
			return slot;
	}
	return NULL;
}

const struct sluice_program_answer *slots_ask_program(struct slots *s, enum slot_scope scope, struct program *p, const char *request,
	size_t len, unsigned waiter)
{
	static const struct sluice_program_answer no_program = { .status = SLUICE_PROGRAM_FAILED,
		.why = "no program is asked here: only sluiced asks any" };
	static const struct sluice_program_answer no_memory = { .status = SLUICE_PROGRAM_FAILED, .why = "out of memory" };
	struct slot like = { .kind = SLOT_OF_PROGRAM, .scope = scope, .peer = p };
	struct slot *slot = find_program(s, p, request, len);
	struct errand *errand;

	if (!slot) {
		slot = new_slot(s, &like, request, len);
		errand = slot ? errand_new(s, slot) : NULL;
		if (!errand)
			return &no_memory;
		if (p && !s->hurry)
			program_ask(p, request, len, on_program, errand);
		else
			on_program(errand, &no_program);
	}
	return is_filled(s, slot, waiter) ? &slot->program : NULL;
}

/* Of a kind that each check asks for itself. */
static struct slot *find_own(const struct slots *s, enum slot_kind kind, const char *key, unsigned waiter)
{
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->kind == kind && slot->waiters >> waiter & 1 && !strcmp(slot->key, key))
			return slot;
	}
	return NULL;
}

/* The same, and if it is not there yet a new one, which is open and has an errand to send out. NULL: no memory. */
static struct slot *own_slot(struct slots *s, enum slot_kind kind, enum slot_scope scope, const char *key, unsigned waiter, struct errand **ret_errand)
{
	struct slot like = { .kind = kind, .scope = scope, .waiters = UINT64_C(1) << waiter };
	struct slot *slot = find_own(s, kind, key, waiter);

	*ret_errand = NULL;
	if (slot)
		return slot;
	slot = new_slot(s, &like, key, strlen(key));
	*ret_errand = slot ? errand_new(s, slot) : NULL;
	return *ret_errand ? slot : NULL;
}

const struct sluice_scan_answer *slots_ask_scan(struct slots *s, enum slot_scope scope, struct scanner *scanner, const struct sluice_scan_request *rq,
	unsigned waiter)
{
	static const struct sluice_scan_answer no_memory = { .status = SLUICE_SCAN_FAILED, .why = "out of memory" };
	struct sluice_scan_answer no_scanner = { .status = SLUICE_SCAN_FAILED, .why = "no file is read here: only sluiced has helpers for it" };
	struct errand *errand;
	struct slot *slot = own_slot(s, SLOT_OF_SCAN, scope, rq->key, waiter, &errand);

	if (!slot)
		return &no_memory;
	if (errand && scanner && !s->hurry)
		scanner_ask(scanner, rq, on_scan, errand);
	else if (errand)
		on_scan(errand, &no_scanner);
	return is_filled(s, slot, waiter) ? &slot->scan : NULL;
}

const struct sluice_virus_answer *slots_ask_virus(struct slots *s, enum slot_scope scope, struct servers *clamd, const struct sluice_virus_request *rq,
	unsigned waiter)
{
	static const struct sluice_virus_answer no_memory = { .status = SLUICE_VIRUS_FAILED, .why = "out of memory", .found = "", .engine = "" };
	static const struct sluice_virus_answer no_clamd = { .status = SLUICE_VIRUS_FAILED, .why = "clamd is not asked here: only sluiced does", .found = "",
		.engine = "" };
	struct errand *errand;
	struct slot *slot = own_slot(s, SLOT_OF_VIRUS, scope, rq->key, waiter, &errand);

	if (!slot)
		return &no_memory;
	if (errand && clamd && !s->hurry)
		clamd_ask(clamd, rq, on_virus, errand);
	else if (errand)
		on_virus(errand, &no_clamd);
	return is_filled(s, slot, waiter) ? &slot->virus : NULL;
}

const struct sluice_exchange_answer *slots_ask_exchange(struct slots *s, enum slot_scope scope, struct servers *servers,
	const struct sluice_exchange_request *rq, unsigned waiter)
{
	static const struct sluice_exchange_answer no_memory = { .status = SLUICE_EXCHANGE_FAILED, .why = "out of memory" };
	static const struct sluice_exchange_answer no_servers = { .status = SLUICE_EXCHANGE_FAILED, .why = "no server is asked here: only sluiced does" };
	struct errand *errand;
	struct slot *slot = own_slot(s, SLOT_OF_EXCHANGE, scope, rq->key, waiter, &errand);

	if (!slot)
		return &no_memory;
	if (errand && servers && !s->hurry)
		exchange_ask(servers, rq, on_exchange, errand);
	else if (errand)
		on_exchange(errand, &no_servers);
	return is_filled(s, slot, waiter) ? &slot->exchange : NULL;
}

void slots_replay(struct slots *s, const struct slots_record *record)
{
	s->record = *record;
}

uint64_t slots_unrecorded(const struct slots *s)
{
	uint64_t waiters = 0;

	for (size_t i = 0; i < s->list.len; i++)
		waiters |= s->list.items[i]->unrecorded ? s->list.items[i]->waiters : 0;
	return waiters;
}

uint64_t slots_wait(struct slots *s, int64_t deadline_ms)
{
	struct timespec until = clock_timespec(deadline_ms);
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

bool slots_is_waiting(struct slots *s, unsigned waiter)
{
	bool waiting = false;

	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->list.len; i++)
		waiting |= s->list.items[i]->source == SLOT_OPEN && s->list.items[i]->waiters >> waiter & 1;
	(void)pthread_mutex_unlock(&s->lock);
	return waiting;
}

void slots_expire(struct slots *s, uint64_t waiters)
{
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->list.len; i++) {
		struct slot *slot = s->list.items[i];

		if (slot->source != SLOT_OPEN || !(slot->waiters & waiters))
			continue;
		switch (slot->kind) {
		case SLOT_OF_DNS:
			slot->answer = dns_answer_empty(SLUICE_DNS_TIMEOUT, 0);
			break;
		case SLOT_OF_STORE:
			slot->store = (struct sluice_store_answer){ .status = SLUICE_STORE_FAILED, .why = "no answer in time" };
			break;
		case SLOT_OF_PROGRAM:
			slot->program = (struct sluice_program_answer){ .status = SLUICE_PROGRAM_TIMEOUT, .why = "no answer in the time of the stage" };
			break;
		case SLOT_OF_SCAN:
			slot->scan = (struct sluice_scan_answer){ .status = SLUICE_SCAN_TIMEOUT, .why = "no answer in the time of the stage" };
			break;
		case SLOT_OF_VIRUS:
			slot->virus = (struct sluice_virus_answer){ .status = SLUICE_VIRUS_TIMEOUT, .why = "no answer in the time of the stage", .found = "",
				.engine = "" };
			break;
		case SLOT_OF_EXCHANGE:
			slot->exchange = (struct sluice_exchange_answer){ .status = SLUICE_EXCHANGE_TIMEOUT, .why = "no answer in the time of the stage" };
			break;
		}
		slot->source = SLOT_TIMEOUT;
		slot->waited_ns = clock_mono_ns() - slot->asked_ns;
		s->ready |= slot->waiters & ~waiters; /* the late answer will find no open slot */
	}
	(void)pthread_mutex_unlock(&s->lock);
}

uint64_t slots_asked(const struct slots *s)
{
	return s->next_id; /* only this thread makes slots */
}

void slots_hurry(struct slots *s, bool hurry)
{
	s->hurry = hurry;
}

static const char *shown_name(const struct slot *slot)
{
	switch (slot->kind) {
	case SLOT_OF_DNS:
		break;
	case SLOT_OF_STORE:
	case SLOT_OF_SCAN:
	case SLOT_OF_VIRUS:
	case SLOT_OF_EXCHANGE:
		return slot->key;
	case SLOT_OF_PROGRAM:
		return program_name(slot->peer);
	}
	return slot->shown ? slot->shown : slot->question.name;
}

void slots_each(struct slots *s, void (*row)(void *arg, const struct slot_row *row), void *arg)
{
	for (size_t i = 0; i < s->list.len; i++) { /* the reactor fills slots, but never adds or removes any */
		const struct slot *slot = s->list.items[i];
		struct slot_row r = { .kind = slot->kind, .type = slot->question.type, .verb = slot->verb };

		r.name = shown_name(slot);
		r.name_len = slot->kind == SLOT_OF_STORE ? slot->key_len : strlen(r.name);

		(void)pthread_mutex_lock(&s->lock);
		r.source = slot->source;
		r.age_s = slot->age_s;
		r.waited_ns = slot->waited_ns;
		r.waiters = slot->waiters;
		r.answer = slot->answer ? dns_answer_view(slot->answer) : NULL;
		r.store = slot->kind == SLOT_OF_STORE && slot->source != SLOT_OPEN ? &slot->store : NULL;
		r.program = slot->kind == SLOT_OF_PROGRAM && slot->source != SLOT_OPEN ? &slot->program : NULL;
		r.scan = slot->kind == SLOT_OF_SCAN && slot->source != SLOT_OPEN ? &slot->scan : NULL;
		r.virus = slot->kind == SLOT_OF_VIRUS && slot->source != SLOT_OPEN ? &slot->virus : NULL;
		r.exchange = slot->kind == SLOT_OF_EXCHANGE && slot->source != SLOT_OPEN ? &slot->exchange : NULL;
		(void)pthread_mutex_unlock(&s->lock);
		row(arg, &r);
	}
}
