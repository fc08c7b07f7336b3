/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsbl_config.h - the blocks `dnsbl ZONE { }`, read once for each configuration. */
#ifndef DNSBL_CONFIG_H
#define DNSBL_CONFIG_H

#include "filter/base/vec.h"
#include "plugins/dnsbl/dnsbl_eval.h"

#define DNSBL_MAX_ZONES 64

/* What a zone is asked for; the bits are by the order of the words of the option. */
enum dnsbl_lookup { DNSBL_CLIENT, DNSBL_HELO, DNSBL_RDNS, DNSBL_MAIL };

struct dnsbl_zone {
	char *subject;    /* of its health: "dnsbl ZONE" */
	const char *name; /* ZONE, within subject: what people see */
	char *suffix;     /* what is asked for: ZONE, or KEY.ZONE */
	bool secret;      /* there is a KEY */
	uint64_t lookups; /* bits of enum dnsbl_lookup */
	bool test_points;
	VEC(struct dnsbl_row) rows;
};

struct dnsbl_config {
	VEC(struct dnsbl_zone) zones;
};

extern const struct sluice_option dnsbl_options[];

/* As struct sluice_plugin has them; the state is a struct dnsbl_config. */
int dnsbl_configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr);
void dnsbl_release(void *state);

#endif
