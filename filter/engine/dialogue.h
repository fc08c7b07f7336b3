/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dialogue.h - the events of one SMTP connection in their order, and what Sluice answers to each. It does not know where
 * they come from: a milter, or `sluicectl check`.
 *
 * Strings are copied. One call at a time for one dialogue; any number of dialogues side by side. A call may wait for
 * answers, never longer than the stage's deadline.
 */
#ifndef ENGINE_DIALOGUE_H
#define ENGINE_DIALOGUE_H

#include "filter/engine/snapshot.h"
#include "filter/engine/tracer.h"
#include "filter/engine/verdict.h"
#include "filter/observe/case.h"
#include "filter/services/health.h"
#include "filter/tx/session.h"

/* What all dialogues share. Outlives them. */
struct engine {
	struct health *health;
	void (*on_case)(void *arg, const struct case_ *c); /* any thread; the case is borrowed for the call */
	void *arg;
	void (*pause)(void *arg, bool begins); /* the calling thread begins to wait for answers, or has waited; NULL: nobody wants to know */
	void *pause_arg;
	struct tracer *tracer; /* NULL: there are none */
	int64_t now_ms; /* wall clock for everything, for tests; 0: the real one */
	bool no_store;  /* a trial, which must leave no trace: all that is asked of the store fails */
	bool offline;   /* nothing is asked: what DNS and store would say has no answer */
};

struct dialogue;

/* Takes its own reference of the snapshot. NULL: no memory. */
struct dialogue *dialogue_new(struct engine *engine, struct snapshot *snapshot);
void dialogue_free(struct dialogue *d); /* takes NULL */
const struct snapshot *dialogue_snapshot(const struct dialogue *d);

/*
 * Before all else: what a check finds, in the place of what it would find. It does not run then, and its other facts are unknown.
 * fact: by index of the catalog. False: no memory.
 */
bool dialogue_give(struct dialogue *d, unsigned fact, const struct value *value);

/* What the MTA says of the connection; NULL strings count as "". */
struct dialogue_client {
	struct sluice_ip ip;
	struct macros_connection macros;
};
/* Starts the checks of CONNECT; they are judged at HELO, or at MAIL: contrib/design/0002. */
struct verdict dialogue_connect(struct dialogue *d, const struct dialogue_client *client);
struct verdict dialogue_helo(struct dialogue *d, const char *name);

struct dialogue_mail {
	const char *argument; /* of MAIL FROM: "<a@example.org>" */
	char *const *parameters; /* NULL-terminated; NULL: none */
	const char *queue_id, *mail_addr;
	struct macros_auth auth;
	struct macros_tls tls;
};
struct verdict dialogue_mail(struct dialogue *d, const struct dialogue_mail *mail);

struct dialogue_rcpt {
	const char *argument;
	char *const *parameters;
	const char *queue_id, *rcpt_addr, *mailer;
	bool rejected; /* the MTA has refused it already: nothing that is said here matters */
};
struct verdict dialogue_rcpt(struct dialogue *d, const struct dialogue_rcpt *rcpt);
struct verdict dialogue_data(struct dialogue *d, const char *queue_id);
void dialogue_unknown(struct dialogue *d);
/* value: lines in it end with LF or CRLF. whole: it begins right after the colon; else a blank has been taken off there. */
void dialogue_header(struct dialogue *d, const char *name, const char *value, bool whole);
void dialogue_body(struct dialogue *d, const char *bytes, size_t len);
/* The end of the message: *ret is filled when the verdict is CONTINUE or HOLD, and is borrowed. The message is over. */
struct verdict dialogue_message(struct dialogue *d, const char *queue_id, const struct edits **ret);
/* The message ends here without a verdict: RSET, a new MAIL, or the end of the connection. */
void dialogue_abort(struct dialogue *d);
/* No message is under way, and for now nothing more has come: memory that can be done without is given back. */
void dialogue_rest(struct dialogue *d);

/*
 * What became of the verdict is told with a case: at each refusal, and at the end of each message.
 * `sluicectl check --all` hears all stages and then wants one case of the whole: between these calls no case is told.
 */
void dialogue_hold_cases(struct dialogue *d);
void dialogue_tell_case(struct dialogue *d, const struct verdict *v);

/* Run the checks of PROBE to their ends, each wait bounded as that of a stage. */
void dialogue_probe(struct engine *engine, struct snapshot *snapshot);

#endif
