/* SPDX-License-Identifier: BSD-2-Clause */
/* progress.h - how far long work is, in one line of a terminal. Where stderr is none, nothing is written. */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *what;     /* is counted: "messages" */
	uint64_t total, done; /* of work, in any unit */
	size_t count;
	int64_t began_ms, drawn_ms;
	bool shown;
};

/* total: 0: nobody knows. what is borrowed. */
void progress_begin(struct progress *p, const char *what, uint64_t total);
/* One more, which was so much of the work. */
void progress_step(struct progress *p, uint64_t work);
/* Take the line away: before anything else is written, too; the next step draws it anew. */
void progress_clear(struct progress *p);

#endif
