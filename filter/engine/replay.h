/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h - a recorded transaction through another policy: the same engine, with what the case recorded in the place of DNS, store and
 * message. What the policy asks for and the case does not have leaves it undecided; nothing is guessed.
 */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "filter/engine/dialogue.h"
#include "filter/services/dns.h"

struct replay_answer {
	const char *name; /* as the case shows it */
	enum sluice_dns_type type;
	struct dns_answer *answer; /* borrowed */
};

struct replay_limit { /* that was looked at */
	const char *rule, *limit, *recipient; /* limit: as limit_describe() has it; recipient: NULL at other stages than RCPT */
	bool over;
	int64_t wait_s;
};

struct replay_recipient {
	const char *argument; /* of RCPT */
	VEC(struct kept_fact) facts; /* those about it */
};

struct replay {
	const char *connection, *message; /* ids: what was sampled stays so */
	int64_t time_ms;
	struct dialogue_client client;
	const char *helo; /* NULL: none was given */
	bool has_mail, has_data, has_message; /* MAIL was given; DATA; it came to its end */
	struct dialogue_mail mail;
	VEC(struct kept_fact) facts;   /* of the message and its connection: those of the core and of the given checks */
	VEC(struct replay_recipient) recipients;
	VEC(struct replay_answer) answers;
	VEC(struct replay_limit) limits;
	const char *without; /* the name of a rule that is left out; NULL: none */
	uint64_t given; /* checks whose facts are taken as they are */
};

struct replay_result {
	bool undecided;       /* the policy asks for what was not recorded */
	struct verdict verdict; /* CONTINUE: accepted, or, where the case has no message, that it would have gone on */
	int64_t score_milli;
	const char **rules; /* that matched, by name, in their order; borrowed until dialogue_free() */
	size_t rule_count;
};

/* d: new, of an engine that is offline; it is used up. False: no memory. */
bool replay_run(struct dialogue *d, const struct replay *r, struct replay_result *ret);

#endif
