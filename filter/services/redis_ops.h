/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_ops.h - an operation of the store in Redis' words: one command or one script on one key, and what its reply says. Pure.
 */
#ifndef SERVICES_REDIS_OPS_H
#define SERVICES_REDIS_OPS_H

#include "filter/base/text.h"
#include "filter/services/redis_servers.h"
#include "filter/services/store.h"

struct redis_op {
	struct redis_request request; /* first */
	enum sluice_store_verb verb;
	size_t items; /* of TALLY */
	char numbers[4][24], token[17];
};

/* The scripts, by verb. */
void redis_op_scripts(struct redis_script ret[STORE_VERBS]);
/* How the keys of a verb begin. */
void redis_op_head(struct text *out, const char *prefix, enum sluice_store_verb verb);
/* Octets that a command needs beside its struct. */
size_t redis_op_size(const char *prefix, const struct sluice_store_op *op);
/* Make it; token: as store_run_once(); all: as redis_op_scripts(). bytes: redis_op_size() of them, which are the command's as long as it lives. */
void redis_op_make(struct redis_op *ret, const char *prefix, const struct sluice_store_op *op, uint64_t token, struct redis_script all[STORE_VERBS],
	char *bytes);
/* What a reply that is no error says; a->value points into it, or to tallies. False: not what this command answers. */
bool redis_op_read(const struct redis_op *op, const redisReply *reply, struct sluice_store_tally tallies[SLUICE_STORE_TALLY_MAX],
	struct sluice_store_answer *a);

#endif
