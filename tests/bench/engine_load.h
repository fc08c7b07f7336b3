/* SPDX-License-Identifier: BSD-2-Clause */
/* engine_load.h - whole messages through the engine of this process, and the CPU time that they take, for benchmarks of what a check costs. */
#ifndef BENCH_ENGINE_LOAD_H
#define BENCH_ENGINE_LOAD_H

#include "filter/engine/dialogue.h"

/* A configuration from its text. NULL: stderr says why. */
struct snapshot *engine_load_policy(const char *conf, const struct snapshot_options *options);
/* What is kept in a store of this folder, and the folder. */
void engine_load_forget(const char *folder);

/* Messages of example.net for a user of example.org, each with the usual header and this body. */
struct engine_load {
	struct engine *engine;
	struct snapshot *snapshot;
	const struct text *body;
	unsigned connections, messages, rounds; /* connections of a round, messages of each */
};
/* Send a round. False: one was not taken. */
bool engine_load_send(const struct engine_load *l);
/* CPU time of all threads of this process, so far. */
double engine_load_cpu_s(void);
/* Microseconds of CPU that a message takes, of all threads (the store has one of its own): the least of the rounds. Negative: one was not taken. */
double engine_load_us(const struct engine_load *l);

#endif
