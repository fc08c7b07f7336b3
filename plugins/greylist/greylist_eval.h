/* SPDX-License-Identifier: BSD-2-Clause */
/* greylist_eval.h - what makes two tries the same try. Pure. */
#ifndef GREYLIST_EVAL_H
#define GREYLIST_EVAL_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

/*
 * A sender as it will be at the next try: BATV (draft-levine-smtp-batv: prvs=TAG=user) loses its tag; what a list puts into
 * its bounce address (user+anything, or digits and the recipient in VERP) becomes '#'. Lower case. Added to out.
 */
void greylist_fold_sender(struct text *out, const struct sluice_address *sender);

struct greylist_client {
	const struct sluice_ip *ip;
	uint8_t prefix_v4, prefix_v6;
	const char *spf_domain; /* that authorised the client: counts in the place of its network; NULL: none did */
	size_t spf_domain_len;
};
/* "greylist|CLIENT": a network, or "@domain". */
void greylist_client_key(struct text *out, const struct greylist_client *client);

#endif
