/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_failures.h - messages that fail are kept for the reports that domains ask for (ruf; RFC 9991). sluicectl dmarc failures makes
 * them.
 *
 * In the store is for each, for two days:
 *	value  dmarc|failure|DAY|HASH   {"seen":S,"row":ROW,"failure":FAILURE}: when it came; ROW as dmarc_row.h has it, but for "rua",
 *		which has ruf
 *	FAILURE is {"delivery","spf_record","dkim":{"domain","selector","identity","result"},"header"}, less what is not known
 * DAY is the number of a UTC day since 1970, HASH the first half of the SHA-256 of the policy domain and of how many it had that
 * day. So a domain has failure_rate at most of each day, in however many gateways that share the store, and after however many
 * reloads: those who count the same write in the same place, and what was sent of it is not sent again.
 */
#ifndef PLUGINS_DMARC_FAILURES_H
#define PLUGINS_DMARC_FAILURES_H

#include "plugins/dmarc/dmarc_quota.h"
#include "plugins/dmarc/dmarc_row.h"

#define DMARC_FAILURE_RATE_MAX   1000
#define DMARC_FAILURES_MAX       5000  /* of one day, in all: some 3 KB each, and 40 KB at the most */
#define DMARC_FAILURE_HEADER_MAX 16384 /* octets of a header */

/* What concluded() does with a message that fails. f: as for its row; header: as dmarc_redact() has made it. */
void dmarc_failures_note(
	struct sluice_check_ctx *c, struct dmarc_quota *quota, const struct dmarc_row_facts *f, const char *header);

#endif
