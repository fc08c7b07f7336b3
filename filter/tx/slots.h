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
#include "filter/services/clamd.h"
#include "filter/services/dns.h"
#include "filter/services/exchange.h"
#include "filter/services/programs.h"
#include "filter/services/resolver.h"
#include "filter/services/scanner.h"
#include "filter/services/store.h"

#define SLOTS_MAX_WAITERS 64

enum slot_scope { SLOT_CONNECTION, SLOT_MESSAGE, SLOT_RECIPIENT };
enum slot_kind { SLOT_OF_DNS, SLOT_OF_STORE, SLOT_OF_PROGRAM, SLOT_OF_SCAN, SLOT_OF_VIRUS, SLOT_OF_EXCHANGE };
enum slot_source { SLOT_OPEN, SLOT_LOCAL, SLOT_CACHE, SLOT_DNS, SLOT_TIMEOUT, SLOT_LIMIT, SLOT_STORE, SLOT_PROGRAM, SLOT_SCAN, SLOT_CLAMD, SLOT_SERVER };
extern const char *const slot_source_words[]; /* in the order of enum slot_source */

struct slots;

/* max_questions: of one waiter in one scope; more are answered FAILED, to him alone. store NULL: all that is asked of it is. NULL: no memory. */
struct slots *slots_new(struct resolver *resolver, struct store *store, unsigned max_questions);
/* The session has ended. Takes NULL. */
void slots_free(struct slots *s);
/* Forget the slots of this scope, and of those within it. */
void slots_end(struct slots *s, enum slot_scope scope);

/*
 * The answer, or NULL: the waiter is told of by slots_wait() when it has come. shown: what people see in the place of
 * the name, or NULL. Borrowed; lives as long as the slot, which has the longest scope of those who asked. A name that cannot be in the DNS is
 * NXDOMAIN.
 */
const struct sluice_dns_answer *slots_ask_dns(struct slots *s, enum slot_scope scope, const char *name,
	enum sluice_dns_type type, const char *shown, unsigned waiter);

/*
 * Run an operation on the store, once for its verb, key and amount (cost, add) within the scope. As slots_ask_dns(). An operation that has no
 * answer when time is up is FAILED here, and may have been done all the same.
 */
const struct sluice_store_answer *slots_ask_store(struct slots *s, enum slot_scope scope, const struct sluice_store_op *op, unsigned waiter);

/*
 * Ask a program, once for each question within the scope. As slots_ask_dns(). p NULL: there is none here to be asked, as in a trial,
 * and the answer is FAILED.
 */
const struct sluice_program_answer *slots_ask_program(struct slots *s, enum slot_scope scope, struct program *p, const char *request,
	size_t len, unsigned waiter);

/* Have a file looked at, once for each key of this waiter within the scope. As slots_ask_program(). */
const struct sluice_scan_answer *slots_ask_scan(struct slots *s, enum slot_scope scope, struct scanner *scanner, const struct sluice_scan_request *rq,
	unsigned waiter);

/* Have clamd asked, once for each key of this waiter within the scope. As slots_ask_program(). */
const struct sluice_virus_answer *slots_ask_virus(struct slots *s, enum slot_scope scope, struct servers *clamd, const struct sluice_virus_request *rq,
	unsigned waiter);

/* Have servers asked, once for each key of this waiter within the scope. As slots_ask_program(). */
const struct sluice_exchange_answer *slots_ask_exchange(struct slots *s, enum slot_scope scope, struct servers *servers,
	const struct sluice_exchange_request *rq, unsigned waiter);

/* The waiters for whom an answer has come since the last call; waits for one until deadline_ms (monotonic). 0: none. */
uint64_t slots_wait(struct slots *s, int64_t deadline_ms);
/* Is there an open slot that it waits for? */
bool slots_is_waiting(struct slots *s, unsigned waiter);
/* Time is up: every open slot of these waiters becomes a TIMEOUT answer. Others who wait for one are told of it by slots_wait(). */
void slots_expire(struct slots *s, uint64_t waiters);
/* Questions so far, of all waiters and kinds: those that were found again are one. Session's thread. */
uint64_t slots_asked(const struct slots *s);
/* From now on (true) a question that has no answer at once is answered TIMEOUT. */
void slots_hurry(struct slots *s, bool hurry);

/* Recorded answers of DNS, in the place of resolver, store, programs, helpers and servers; name: as it may be shown. NULL: it was not asked then. */
struct slots_record {
	struct dns_answer *(*dns)(void *arg, const char *name, enum sluice_dns_type type);
	void *arg;
};
/* Before all else. What was not recorded is TIMEOUT, and all that is asked of the store, a program, a helper or a server FAILED. record is copied. */
void slots_replay(struct slots *s, const struct slots_record *record);
/* The waiters that have asked for what was not recorded. */
uint64_t slots_unrecorded(const struct slots *s);

/* One slot, as the case shows it. */
struct slot_row {
	enum slot_kind kind;
	const char *name; /* as it may be shown; of the store, a file and a server: its key; of a program: the program */
	size_t name_len;
	enum sluice_dns_type type;
	enum sluice_store_verb verb;
	enum slot_source source;
	uint32_t age_s;                         /* how long the cache had it */
	int64_t waited_ns;                      /* from the ask to the answer */
	uint64_t waiters;
	const struct sluice_dns_answer *answer;      /* of DNS; NULL while open */
	const struct sluice_store_answer *store;     /* of the store; NULL while open */
	const struct sluice_program_answer *program; /* of a program; NULL while open */
	const struct sluice_scan_answer *scan;       /* of a file; NULL while open */
	const struct sluice_virus_answer *virus;     /* of clamd; NULL while open */
	const struct sluice_exchange_answer *exchange; /* of another server; NULL while open */
};
/* Each slot in the order of asking, of both scopes. Borrowed for the call; session's thread. */
void slots_each(struct slots *s, void (*row)(void *arg, const struct slot_row *row), void *arg);

#endif
