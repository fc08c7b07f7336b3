/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/upkeep.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/engine/dialogue.h"
#include "filter/services/clock.h"

#define PROBE_INTERVAL_MS (INT64_C(3600) * 1000)
#define TIDY_INTERVAL_S   60

struct upkeep {
	struct upkeep_of of;
	pthread_t thread;
	char trouble[sizeof((struct err *)0)->text]; /* what is wrong with the cases, told once; of the thread alone */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	bool probe_now, stop, busy;
};

static void probe(struct upkeep *u)
{
	struct snapshot *s = u->of.current(u->of.arg);

	if (s->plan.start[SLUICE_STAGE_PROBE])
		dialogue_probe(u->of.engine, s);
	key_watch_look(u->of.keys, s);
	snapshot_unref(s);
}

static void tidy(struct upkeep *u)
{
	struct err err = { .text = "" };
	int r = case_log_tidy(u->of.cases, clock_wall_ms(), &err);

	if (r < 0 && strcmp(u->trouble, err.text) != 0)
		log_write(u->of.log, LOG_LEVEL_WARNING, "%s", err.text);
	memcpy(u->trouble, r < 0 ? err.text : "", r < 0 ? sizeof u->trouble : 1);
}

static void *upkeep_main(void *arg)
{
	struct upkeep *u = arg;
	int64_t probed_ms = 0;

	(void)pthread_mutex_lock(&u->lock);
	u->probe_now = true;
	while (!u->stop) {
		bool probe_now = u->probe_now || clock_mono_ms() - probed_ms >= PROBE_INTERVAL_MS;
		struct timespec until;

		u->probe_now = false;
		u->busy = true;
		(void)pthread_mutex_unlock(&u->lock);
		if (probe_now) {
			probe(u);
			probed_ms = clock_mono_ms();
		}
		tidy(u);
		(void)malloc_trim(0); /* what many messages at once have taken, of which malloc keeps holes that it has no use for */
		(void)pthread_mutex_lock(&u->lock);
		u->busy = false;
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += TIDY_INTERVAL_S;
		while (!u->stop && !u->probe_now)
			if (pthread_cond_timedwait(&u->wake, &u->lock, &until))
				break;
	}
	(void)pthread_mutex_unlock(&u->lock);
	return NULL;
}

struct upkeep *upkeep_new(const struct upkeep_of *of)
{
	struct upkeep *u = calloc(1, sizeof *u);

	if (!u)
		return NULL;
	u->of = *of;
	(void)pthread_mutex_init(&u->lock, NULL);
	clock_cond_init(&u->wake);
	if (pthread_create(&u->thread, NULL, upkeep_main, u) == 0)
		return u;
	(void)pthread_mutex_destroy(&u->lock);
	(void)pthread_cond_destroy(&u->wake);
	free(u);
	return NULL;
}

void upkeep_wake(struct upkeep *u)
{
	(void)pthread_mutex_lock(&u->lock);
	u->probe_now = true;
	(void)pthread_cond_signal(&u->wake);
	(void)pthread_mutex_unlock(&u->lock);
}

bool upkeep_free(struct upkeep *u)
{
	bool busy;

	if (!u)
		return true;
	(void)pthread_mutex_lock(&u->lock);
	u->stop = true;
	busy = u->busy;
	(void)pthread_cond_signal(&u->wake);
	(void)pthread_mutex_unlock(&u->lock);
	if (busy)
		return false; /* it waits for an answer that may take its whole deadline, or for the disk */
	(void)pthread_join(u->thread, NULL);
	(void)pthread_mutex_destroy(&u->lock);
	(void)pthread_cond_destroy(&u->wake);
	free(u);
	return true;
}
