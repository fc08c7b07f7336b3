/* SPDX-License-Identifier: BSD-2-Clause */
/* seal_config.h - the block `seal { }`, read once for each configuration: the key, and which fields are signed with it. */
#ifndef SEAL_SEAL_CONFIG_H
#define SEAL_SEAL_CONFIG_H

#include "filter/base/vec.h"
#include "filter/mail/sign_key.h"
#include "plugins/plugin.h"

#define SEAL_MAX_HEADERS 64 /* lines `header` */

struct seal_config {
	bool has_key;
	struct sign_key key;
	VEC(char *) headers; /* names of the fields that are signed, in lower case, in the order of h= */
};

extern const struct sluice_option seal_options[];

/* As struct sluice_plugin has them; the state is a struct seal_config. */
int seal_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr);
void seal_release(void *state);

#endif
