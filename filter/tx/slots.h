/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.h - the questions of one session and their answers: one slot per kind and key.
 *
 * The session's thread asks and reads; the reactor fills, under the lock of the slots. Slots live as long as the
 * connection or the message, and are counted, so that an answer that comes after the session has ended finds nothing
 * to harm. Whoever asks is a waiter: a bit of a mask, one for each check.
 */
#ifndef TX_SLOTS_H
#define TX_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/services/dns.h"
#include "filter/services/resolver.h"

#define SLOTS_MAX_WAITERS 64

enum slot_scope { SLOT_CONNECTION, SLOT_MESSAGE };
enum slot_source { SLOT_OPEN, SLOT_LOCAL, SLOT_CACHE, SLOT_DNS, SLOT_TIMEOUT, SLOT_LIMIT };
extern const char *const slot_source_words[]; /* in the order of enum slot_source */

struct slots;

/* max_questions: of one scope; more are answered FAILED. NULL: no memory. */
struct slots *slots_new(struct resolver *resolver, unsigned max_questions);
/* The session has ended. Takes NULL. */
void slots_free(struct slots *s);
/* Forget the slots of the message. */
void slots_end_message(struct slots *s);

/*
 * The answer, or NULL: the waiter is told of by slots_wait() when it has come. shown: what people see in the place of
 * the name, or NULL. Borrowed; lives as long as the slot. A name that cannot be in the DNS is NXDOMAIN.
 */
const struct sluice_dns_answer *slots_ask_dns(struct slots *s, enum slot_scope scope, const char *name,
	enum sluice_dns_type type, const char *shown, unsigned waiter);

/* The waiters for whom an answer has come since the last call; waits for one until deadline_ms (monotonic). 0: none. */
uint64_t slots_wait(struct slots *s, int64_t deadline_ms);
/* Time is up: every open slot of these waiters becomes a TIMEOUT answer. */
void slots_expire(struct slots *s, uint64_t waiters);
/* From now on (true) a question that has no answer at once is answered TIMEOUT. */
void slots_hurry(struct slots *s, bool hurry);

/* One slot, as the case shows it. */
struct slot_row {
	const char *name; /* as it may be shown */
	enum sluice_dns_type type;
	enum slot_source source;
	uint32_t age_s;                         /* how long the cache had it */
	int64_t waited_ns;                      /* from the ask to the answer */
	uint64_t waiters;
	const struct sluice_dns_answer *answer; /* NULL while open */
};
/* Each slot in the order of asking, of both scopes. Borrowed for the call; session's thread. */
void slots_each(struct slots *s, void (*row)(void *arg, const struct slot_row *row), void *arg);

#endif
