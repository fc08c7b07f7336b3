/* SPDX-License-Identifier: BSD-2-Clause */
/* sign_config.h - the block `sign { }`, read once for each configuration: the keys, and whose mail each of them signs. */
#ifndef SIGN_SIGN_CONFIG_H
#define SIGN_SIGN_CONFIG_H

#include "filter/mail/sign_key.h"
#include "plugins/plugin.h"
#include "plugins/sign/sign_table.h"

#define SIGN_MAX_HEADERS 32 /* lines `header` */

struct sign_config {
	struct key_table key_table; /* both empty where there are none */
	struct signing_table signing_table;
	VEC(struct sign_key) keys; /* those of key_table, in its order, then those of the folder */
	VEC(char *) headers;       /* names of the fields that are signed */
	bool subdomains;
	int64_t expire_s; /* 0: never */
};

/* A field that is signed once more than it is there, so that nobody can add another one (RFC 6376 8.15). */
struct sign_oversigned {
	const char *name; /* as dkim_canon_header() writes it, with the colon; NULL ends the table */
	bool only_present; /* not where there is none: an MTA may add one after its milters */
};
extern const struct sign_oversigned sign_oversigned[];
extern const struct sluice_option sign_options[];

/* As struct sluice_plugin has them; the state is a struct sign_config. */
int sign_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr);
void sign_release(void *state);

/*
 * The keys that sign a sender's mail: those that the tables name; where they name none, those of the folder for their
 * domain, or, with subdomains, for the nearest one above it. Fills ret and returns how many.
 */
size_t sign_config_find(const struct sign_config *config, const char *local, size_t local_len, const char *domain, size_t domain_len,
	const struct sign_key *ret[SIGN_MAX_KEYS]);
/* Is a header field of this name signed? */
bool sign_config_signs(const struct sign_config *config, const char *name, size_t len);

#endif
