/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake_host.h - the other side of plugin.h for tests of checks: a transaction made of plain values, a DNS made of rows.
 * Every question is open at first and answered in the next run, as if it had been asked over the network.
 */
#ifndef SUPPORT_FAKE_HOST_H
#define SUPPORT_FAKE_HOST_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define FAKE_MAX_ASKS 64

struct fake_record {
	const char *name;
	enum sluice_dns_type type;
	const char *answer; /* records with a blank between: addresses, names; one TXT; or NODATA, SERVFAIL, TIMEOUT */
};
struct fake_item {
	const char *list, *item; /* a domain, a network, or an address */
};

struct fake_fact {
	const char *name, *value; /* several rows of one name are the items of a TEXTS */
};

struct sluice_check_ctx {
	/* what a test sets; the arrays end with a row of NULL */
	const char *client, *helo, *mail_from, *rcpt; /* NULL: not given */
	bool authenticated;
	const void *state;
	const struct fake_record *dns; /* what is not in it is NXDOMAIN */
	const struct fake_item *lists;
	const char *sick; /* a subject that is not healthy */
	const struct fake_fact *facts; /* of other checks */
	const struct sluice_conclusion *conclusion; /* told in the end; NULL: not */
	const char *header; /* shown to a check that is fed: fields with LF behind each, no folds; NULL: none is fed */

	/* what fake_run() leaves */
	struct text log; /* OUTCOME fact=value ...; then a line for each report of health and Authentication-Results */
	struct text asked; /* each question once, as it may be shown, with its type: "2.0.0.127.zen.example A\n"; what is asked of the store */
	unsigned runs;

	struct fake_session *session;
};

/* Run one check of a plugin until it is not PENDING, and return c->log. Fails the test when it waits for nothing. */
const char *fake_run(struct sluice_check_ctx *c, const struct sluice_plugin *plugin, const char *check);
void fake_done(struct sluice_check_ctx *c);

#endif
