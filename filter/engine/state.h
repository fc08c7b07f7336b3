/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - the body of a dialogue, for the files of engine/ alone. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "filter/engine/dialogue.h"
#include "filter/engine/replay.h"
#include "filter/mail/authres.h"

#define DIALOGUE_ID_LEN 13
#define FACT_TEXTS_MAX  4096 /* items of one list; more are dropped */

struct match { /* a rule that matched */
	const struct rule *rule;
	enum scope scope;      /* of the stage: how long it counts */
	const char *recipient; /* at RCPT, and of rules for each recipient */
	bool redirects;        /* it says where its recipient goes, or all of them */
	const char *text;      /* of TAG and HOLD: it, expanded */
	struct case_fact *facts; /* values as they were then; text and facts are in the arena of the scope */
};

#define MISS_FACTS 4
struct miss { /* a rule that was looked at and did not match */
	const struct rule *rule;
	enum scope scope; /* of the stage: how long it counts */
	enum case_miss why;
	const char *recipient; /* at RCPT, and of rules for each recipient */
	unsigned facts[MISS_FACTS]; /* those that it failed on, the first of them */
	struct value values[MISS_FACTS]; /* as they were then */
	size_t count;
};

struct looked { /* a limit that was looked at */
	const struct rule *rule;
	enum scope scope; /* of the stage: how long it counts */
	const char *recipient; /* at RCPT */
	bool over;
	int64_t wait_s;
};

struct taken { /* units taken from a limit, to be given back when a refusal makes them unused */
	const struct limit *limit;
	const char *key; /* in the arena of the message */
	size_t key_len;
	int64_t cost;
	size_t recipient; /* for which, by its number from 1; 0: for the message */
};

struct check_state {
	int64_t ns;
	void *memory;
	unsigned rounds; /* runs that asked for something new, and ended PENDING */
	enum sluice_outcome outcome;
	enum case_error error;
	bool failed; /* something that it asked gave no answer: error */
};

struct dialogue {
	struct engine *engine;
	struct snapshot *snapshot;
	struct session *session;
	const struct plan *plan;

	uint64_t pending; /* checks that wait for an answer, or for other checks */
	uint64_t held;    /* of them those that wait for other checks */
	enum sluice_stage judged; /* stages below this one have been judged, of this message */
	bool connect_judged, helo_judged;
	struct verdict refused; /* of CONNECT or HELO: holds for the whole connection; CONTINUE: none */
	bool blank;             /* nothing is known of a message */
	bool fault;             /* no memory: every verdict of this message is a fault */
	unsigned shortage;      /* shortage_count() when this event came */
	bool lost;              /* no memory for what is known of the connection: every verdict from now on is one */
	bool too_large;         /* the header is beyond a limit */
	bool data_begun;
	bool content_begun; /* fed is set */
	bool header_over;   /* those who are fed know that the header has ended */
	uint64_t fed;       /* checks that see this message as it comes */
	const struct rule *greylist_null; /* a rule that greylists this message at DATA */
	bool hold_cases;
	unsigned tracer; /* this message is one, and asks for this answer; 0: it is none */
	struct value *given;   /* by index of the catalog: what checks find, in the place of what they would; NULL: nothing */
	uint64_t given_checks; /* these do not run */
	const struct replay *replay; /* the recording that is played; NULL: this is no replay */
	uint64_t unrecorded;   /* of a replay: checks that would need the message */
	bool undecided;
	uint64_t stored;       /* checks that have asked the store, a program or a helper */

	VEC(struct match) matches;
	VEC(struct miss) misses;
	size_t misses_before; /* the recipient that is judged */
	VEC(struct looked) looked;
	VEC(struct taken) taken; /* for the message under way */
	VEC(struct authres_entry) authres[3]; /* by scope of the check; RCPT has none */
	struct case_stage stages[SLUICE_STAGES];
	struct edits edits;
	char id[DIALOGUE_ID_LEN + 1]; /* of the case under way */
	char connection[DIALOGUE_ID_LEN + 1], message[DIALOGUE_ID_LEN + 1]; /* of the first case of each: what was sampled stays so */
	int64_t now_ms;
	struct check_state checks[]; /* of the registry */
};

struct sluice_check_ctx {
	struct dialogue *d;
	const struct registry_check *check;
	unsigned index;
};
struct sluice_result {
	struct sluice_check_ctx *c;
	bool broken; /* the check has done what plugin.h forbids */
};

/* host.c: run one check, once. */
void host_run(struct dialogue *d, unsigned check);
/* Say how a check has ended. */
void host_ended(struct dialogue *d, unsigned check, enum sluice_outcome outcome);
/* Show a part of the message to the checks that the plan feeds. */
void host_feed(struct dialogue *d, const struct sluice_part *part);
/* The value of our Authentication-Results, of the checks that have ended; in the arena of the message. NULL: no memory. */
const char *host_authres(struct dialogue *d);
/* The same for one of them, and what it kept of the message so far taken from it. */
void host_feed_one(struct dialogue *d, unsigned check, const struct sluice_part *part);
void host_drop_one(struct dialogue *d, unsigned check);
/* The parts of the message, whose body is kept. NULL: no memory. */
const struct mime *host_mime(struct dialogue *d);
/* What becomes of the message is settled: tell the checks that want to hear of it. */
void host_conclude(struct dialogue *d, const struct sluice_conclusion *v);
/* What checks of this scope were about is over: take their memory from them. */
void host_drop(struct dialogue *d, enum scope scope);
/* A check does not do what plugin.h says: told to the operator, once. */
void host_complain(struct dialogue *d, unsigned check, const char *why);
/*
 * Between messages a connection that is silent keeps of its facts only those that are known. The message is over, and all that it left has been
 * forgotten. False: no memory, and all is as it was.
 */
bool host_rest(struct dialogue *d);
/* The facts are there, as they were or, at first, all unknown. False: no memory. */
bool host_wake(struct dialogue *d);
/* Forget what checks of this scope found, and what rules made of it. */
void host_reset(struct dialogue *d, enum scope scope);

/* edit.c: what is to be done to the message, into d->edits; a rule that holds it makes *v a HOLD. False: no memory. */
bool edit_message(struct dialogue *d, struct verdict *v);
void edit_reset(struct dialogue *d);
void edit_done(struct dialogue *d);

/* stage.c: */
/* Run these checks once, and those that waited for them to end. */
void stage_run(struct dialogue *d, uint64_t checks);
/* Run the checks that begin at this stage; waits for nothing. */
void stage_start(struct dialogue *d, enum sluice_stage stage);
/*
 * Judge the stages from the first that has not been judged through this one: wait for the checks that their rules read,
 * at most until the deadline; then each open slot becomes a TIMEOUT answer and those checks run one last time.
 */
struct verdict stage_judge(struct dialogue *d, enum sluice_stage through);
/* Was there no memory for something since this event came? Then nothing that was found holds. */
bool dialogue_starved(const struct dialogue *d);
/*
 * Which of the plan's checks this message is shown to: one that only an action runs is spared where no rule can want it any more,
 * as what is known already shows.
 */
uint64_t stage_fed(struct dialogue *d);
/* Wait for these checks, as above. */
void stage_wait(struct dialogue *d, uint64_t checks);
/* Run an operation for a rule, and wait for its answer, as above; a store that gives none has FAILED. */
const struct sluice_store_answer *stage_ask_store(struct dialogue *d, enum slot_scope scope, const struct sluice_store_op *op);

/* How long what a rule of this stage finds counts. */
enum scope stage_scope(enum sluice_stage stage);
/* Whom a rule is about, in the arena of the message. NULL: the message or its connection, though it may be judged with a recipient. */
const char *stage_recipient(const struct dialogue *d, const struct rule *rule);
/* The rules of one stage: those about the message, or, each, those about the recipient that the session has. */
struct verdict stage_rules(struct dialogue *d, enum sluice_stage stage, bool each);

/* miss.c: */
/* This rule was looked at, and did not match. */
void miss_note(struct dialogue *d, const struct rule *rule, enum case_miss why);
/* A recipient is judged; when its verdict has been told, what is too much goes. */
void miss_recipient_begins(struct dialogue *d);
void miss_recipient_over(struct dialogue *d);

/* recipients.c: */
/* Keep what is known of a recipient until the end of the message. False: no memory. */
bool recipients_keep_facts(struct dialogue *d, struct recipient *r);
/* Judge the message for each recipient who was taken. Those who are not to get it, while others do, are `removed`. */
struct verdict recipients_judge(struct dialogue *d);

/* replay.c: */
/* What the recording has in the place of what the MTA and the message said at this stage. */
void replay_core_facts(struct dialogue *d, enum sluice_stage stage);
/* Is the recording played without this rule? */
bool replay_leaves_out(const struct dialogue *d, const struct rule *rule);
/* How was it with this limit? What was not looked at then leaves the case undecided. */
enum replay_looked { REPLAY_UNDER, REPLAY_OVER, REPLAY_FAILED };
enum replay_looked replay_limit(struct dialogue *d, const struct rule *rule, int64_t *ret_wait_s);
/* Facts of these checks are judged: if they stand on what was not recorded, the case is undecided. */
void replay_awaited(struct dialogue *d, uint64_t checks);

/* limit.c: */
/* Take what this event costs. True: it is over the limit, and the rule matches. A store that does not answer is never over. */
bool limit_exceeded(struct dialogue *d, const struct rule *rule);
/* Give back what was taken for this recipient (its number from 1), or, with 0, for the whole message. Waits for nothing. */
void limit_refund(struct dialogue *d, size_t recipient);

/* record.c: */
void record_new_id(struct dialogue *d);
void record_tell(struct dialogue *d, const struct verdict *v);

#endif
