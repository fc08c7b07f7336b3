/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_reports.h - messages are counted for the reports that domains ask for (RFC 9990). sluicectl dmarc report makes them.
 *
 * In the store is for each row of a day, until the fifth day after it:
 *	value  dmarc|row|DAY|HASH   {"seen":S,"row":ROW}: when it was last seen; ROW as dmarc_row.h has it
 *	count  dmarc|row|DAY|HASH   messages, in windows of five days: of a day that is over, this one's and the one's before it
 * DAY is the number of a UTC day since 1970, HASH the first half of the SHA-256 of ROW in hexadecimal digits.
 * Messages that fail may be told of one by one as well: dmarc_failures.h.
 */
#ifndef PLUGINS_DMARC_REPORTS_H
#define PLUGINS_DMARC_REPORTS_H

#include "plugins/dmarc/dmarc_quota.h"
#include "plugins/dmarc/dmarc_seen.h"
#include "plugins/plugin.h"

#define DMARC_REPORT_ROWS_MAX 1000000
#define DMARC_REPORTS_OPT_OUT "dmarc-no-reports" /* the list of domains that get none */

/* The settings of reports stand in this order, side by side, in the table of the plugin's options. */
enum dmarc_report_option {
	DMARC_REPORTS,
	DMARC_REPORT_FROM,
	DMARC_REPORT_ORG,
	DMARC_REPORT_CONTACT,
	DMARC_REPORT_ROWS,
	DMARC_FAILURE_REPORTS,
	DMARC_FAILURE_RATE,
	DMARC_REPORT_OPTIONS
};

struct dmarc_reports {
	struct dmarc_seen *seen;      /* NULL: no aggregate reports are wanted */
	struct dmarc_quota *failures; /* NULL: no failure reports are wanted */
};
/* first: the index of DMARC_REPORTS in the plugin's table. As configure() of plugin.h; dmarc_reports_done() takes any *ret. */
int dmarc_reports_configure(const struct sluice_block *blocks, unsigned first, struct dmarc_reports *ret,
	struct sluice_config_error *reterr);
void dmarc_reports_done(struct dmarc_reports *r);

/*
 * What concluded() does, if the message has one author, of the domain header_from. psl: how its policy was found. header: what a
 * failure report may show of it (dmarc_redact.h); NULL: there is to be none.
 */
void dmarc_reports_note(struct sluice_check_ctx *c, const struct dmarc_reports *reports, const char *header_from,
	bool psl, const char *header, const struct sluice_conclusion *v);

#endif
