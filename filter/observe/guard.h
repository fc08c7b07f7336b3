/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guard.h - is a new policy as hard on mail as the one before it was? Counts of cases are looked at minute by minute; after a
 * change the share that is refused has to stay in the band that was seen. Pure: time and counts are arguments.
 */
#ifndef OBSERVE_GUARD_H
#define OBSERVE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_MINUTES   60  /* of the past that make the band */
#define GUARD_MIN_CASES 20  /* fewer show nothing */
#define GUARD_MARGIN    100 /* thousandths by which the band is widened: chance needs room */

struct guard_counts { /* since the start of the daemon */
	int64_t cases, refused, faults;
};

enum guard_state { GUARD_IDLE, GUARD_WATCHING, GUARD_KEPT, GUARD_ROLLED_BACK };
extern const char *const guard_words[]; /* in the order of enum guard_state */

struct guard {
	struct guard_counts minutes[GUARD_MINUTES]; /* what came in each */
	size_t count, next;
	struct guard_counts minute_began;
	int64_t minute_began_ms;
	/* of the change that is watched */
	enum guard_state state;
	struct guard_counts began;
	int64_t until_ms;
	int64_t low, high; /* the band, in thousandths of all cases */
	bool faults;       /* there were some before: they show nothing then */
};

/* What has come so far; to be called at least once a minute. now_ms: monotonic. */
void guard_note(struct guard *g, const struct guard_counts *now, int64_t now_ms);
/* Watch from now on for so long. False: too little has come to compare with. */
bool guard_begin(struct guard *g, const struct guard_counts *now, int64_t now_ms, int64_t for_ms);
/* How it stands. ROLLED_BACK: the band was left, once; why says how. */
enum guard_state guard_look(struct guard *g, const struct guard_counts *now, int64_t now_ms, char why[static 200]);
/* Nothing is watched any more. */
void guard_end(struct guard *g);

#endif
