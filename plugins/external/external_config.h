/* SPDX-License-Identifier: BSD-2-Clause */
/* external_config.h - a block of the configuration: the program, the facts that it finds, and what it is told. */
#ifndef EXTERNAL_CONFIG_H
#define EXTERNAL_CONFIG_H

#include "filter/base/vec.h"
#include "plugins/external/external_answer.h"

/* The keys from BOOL on are the types of facts, in the order of enum sluice_type. */
enum external_option { EXTERNAL_PROGRAM, EXTERNAL_SOCKET, EXTERNAL_AT, EXTERNAL_TIMEOUT, EXTERNAL_HEADERS, EXTERNAL_BODY, EXTERNAL_BOOL };
extern const struct sluice_option external_options[];

/* Immutable once it is made, but for bad_s. */
struct external {
	struct sluice_plugin plugin;
	struct sluice_program program;
	struct sluice_check checks[2];
	struct sluice_fact facts[EXTERNAL_MAX_FACTS + 2]; /* those of the block, and NAME.why */
	unsigned fact_count;                              /* of the block */
	VEC(const char *) argv;
	VEC(char *) texts; /* that all of it points to */
	VEC(const char **) words;
	const char *name, *subject; /* of the block; of the program's health */
	bool headers;
	size_t body_bytes; /* of the body that are sent; 0: none */
	int64_t *bad_s;    /* when its answer was last no good, wall clock; shared by all sessions, so atomic */
};

/* The descriptors' functions are the caller's. 0, -EINVAL with *reterr, -ENOMEM; *ret is set only on success. */
int external_config_read(const struct sluice_block *block, struct external **ret, struct sluice_config_error *reterr);
void external_free(struct external *e); /* takes NULL */

#endif
