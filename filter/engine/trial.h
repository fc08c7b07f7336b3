/* SPDX-License-Identifier: BSD-2-Clause */
/* trial.h - a whole transaction through the engine, with no MTA: for `sluicectl check` and for assertions. */
#ifndef ENGINE_TRIAL_H
#define ENGINE_TRIAL_H

#include "filter/engine/dialogue.h"

struct trial {
	struct dialogue_client client;
	const char *helo;
	struct dialogue_mail mail;
	const char *const *rcpts; /* arguments of RCPT */
	size_t rcpt_count;
	void (*content)(void *arg, struct dialogue *d); /* gives header and body */
	void *arg;
	bool all; /* a refusal does not end it */
};

/* The first refusal, or what becomes of the message. No case is told. */
struct verdict trial_run(struct dialogue *d, const struct trial *t);

#endif
