/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scanner.h - the helpers that read hostile files: processes of sluice-scan, each for one file, so that none can lie about another. Some
 * are ready in advance; one that has been used is replaced. One that ends without an answer, or has none in its time, makes its file
 * FAILED or TIMEOUT. All of it is done on the reactor's thread.
 *
 * Whether they work is told to the health of "scan": not, when none can be started, or when some in a row have ended over a file.
 */
#ifndef SERVICES_SCANNER_H
#define SERVICES_SCANNER_H

#include "filter/services/health.h"
#include "filter/services/reactor.h"
#include "plugins/plugin.h"

struct scanner;

struct scanner_settings {
	const char *helper; /* path of sluice-scan; copied */
	int64_t workers, timeout_ms, max_bytes, depth, entries, unpacked_bytes, ratio, memory_bytes;
};
bool scanner_settings_equal(const struct scanner_settings *a, const struct scanner_settings *b);

/* Of the daemon. said(arg, name, line) gets a line that a helper wrote to its standard error; on the reactor's thread. */
struct scanner_host {
	struct reactor *reactor;
	struct health *health;
	void (*said)(void *arg, const char *name, const char *line);
	void *arg;
};

/* Nothing is started yet: the daemon has first to become who it runs as. host is copied. NULL: no memory. */
struct scanner *scanner_new(const struct scanner_host *host, const struct scanner_settings *settings);
const struct scanner_settings *scanner_settings(const struct scanner *s);
struct scanner *scanner_ref(struct scanner *s);
void scanner_start(struct scanner *s); /* takes NULL */
/* All that is asked fails from now on, and the helpers are ended. Waits for them. Not on the reactor's thread. Takes NULL. */
void scanner_stop(struct scanner *s);
/* The last one stops it. Not on the reactor's thread. Takes NULL. */
void scanner_unref(struct scanner *s);

/*
 * Have a file looked at. done(arg, answer) is called once, on the reactor's thread or before this returns; the answer is borrowed for
 * the call, but if it is OK it is one block for free() that done() owns. Any thread.
 */
void scanner_ask(struct scanner *s, const struct sluice_scan_request *rq, void (*done)(void *arg, struct sluice_scan_answer *answer), void *arg);

#endif
