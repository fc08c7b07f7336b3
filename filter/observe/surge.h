/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * surge.h - which rules match unusually often: in ten minutes ten times as often as they did on average in those before, and fifty times at least. The
 * average forgets: half of it is of the last two hours. A rule is not judged in its first hour. Any threads.
 */
#ifndef OBSERVE_SURGE_H
#define OBSERVE_SURGE_H

#include <stdbool.h>
#include <stdint.h>

#define SURGE_WINDOW_MS 600000
#define SURGE_TIMES     10
#define SURGE_LEAST     50
#define SURGE_WINDOWS   6   /* that are needed before a rule is judged */
#define SURGE_RULES_MAX 1000 /* more are not counted */

struct surge;

struct surge *surge_new(void);      /* NULL: no memory */
void surge_free(struct surge *s); /* takes NULL */
/*
 * The rule has matched. True, once in a window: it is unusually often, with how often in this one, and on average before. now_ms: monotonic, and never less
 * than before.
 */
bool surge_count(struct surge *s, const char *rule, int64_t now_ms, uint64_t *ret_count, double *ret_average);

#endif
