/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_dmarc.h - what sluicectl dmarc asks of the store: the rows that a day's reports are made of (plugins/dmarc/dmarc_reports.h),
 * the messages of which failure reports tell (plugins/dmarc/dmarc_failures.h), and who has got one. For programs: what is added to out has one line for each thing. A request
 * asks for little, so that the main thread, whose it is, is soon free again; it waits no longer than CONTROL_TIMEOUT_MS for one
 * operation.
 */
#ifndef FILTER_CONTROL_DMARC_H
#define FILTER_CONTROL_DMARC_H

#include "filter/base/text.h"
#include "filter/engine/snapshot.h"

#define CONTROL_DMARC_KEYS_MAX 400000 /* of one day that are listed */
#define CONTROL_DMARC_HASH_LEN 32     /* hexadecimal digits */

/*
 * keys DAY             each row's hash
 * rows DAY HASH...     of each that is there: its hash, its count, its value
 * forget DAY HASH...   of rows
 * failure-keys DAY, failure-rows DAY HASH..., failure-forget DAY HASH...   the same of failures, each counted once
 * claim DAY HASH       of a destination: "new", and whoever asked may send to it; "busy", somebody else does; "done"
 * release DAY HASH     it could not be sent: let others try
 * done DAY HASH        nothing more is to be sent there of that day
 * Exit statuses of sysexits(3). A claim that nobody releases ends by itself in the second hour after it was made.
 */
int control_dmarc(const struct snapshot *s, const char *request, struct text *out);

#endif
