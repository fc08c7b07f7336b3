/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/surge.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"

#define HALF_LIFE_WINDOWS 12 /* two hours */

struct row {
	char *rule;
	int64_t window; /* the present one: time by SURGE_WINDOW_MS */
	int64_t first;  /* the one that it was seen in first */
	uint64_t count; /* in the present one */
	double average; /* of those before */
	bool told;      /* in the present one */
};

struct surge {
	pthread_mutex_t lock;
	VEC(struct row) rows;
};

struct surge *surge_new(void)
{
	struct surge *s = calloc(1, sizeof *s);

	if (s)
		(void)pthread_mutex_init(&s->lock, NULL);
	return s;
}

void surge_free(struct surge *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->rows.len; i++)
		free(s->rows.items[i].rule);
	vec_done(&s->rows);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

static struct row *find(struct surge *s, const char *rule, int64_t window)
{
	struct row row = { .window = window, .first = window };

	for (size_t i = 0; i < s->rows.len; i++)
		if (!strcmp(s->rows.items[i].rule, rule))
			return &s->rows.items[i];
	row.rule = s->rows.len < SURGE_RULES_MAX ? strdup(rule) : NULL;
	if (row.rule && vec_push(&s->rows, row))
		return &s->rows.items[s->rows.len - 1];
	free(row.rule);
	return NULL;
}

/* The windows that have ended since go into the average: the first of them with what was counted, the others with nothing. */
static void advance(struct row *row, int64_t window)
{
	const double keeps = exp2(-1.0 / HALF_LIFE_WINDOWS);

	if (window <= row->window)
		return;
	if (row->window == row->first)
		row->average = (double)row->count;
	else
		row->average = row->average * keeps + (double)row->count * (1 - keeps);
	row->average *= pow(keeps, (double)(window - row->window - 1));
	row->window = window;
	row->count = 0;
	row->told = false;
}

bool surge_count(struct surge *s, const char *rule, int64_t now_ms, uint64_t *ret_count, double *ret_average)
{
	int64_t window = now_ms / SURGE_WINDOW_MS;
	bool unusual = false;
	struct row *row;

	(void)pthread_mutex_lock(&s->lock);
	row = find(s, rule, window);
	if (row) {
		advance(row, window);
		row->count++;
		unusual = !row->told && window - row->first >= SURGE_WINDOWS && row->count >= SURGE_LEAST && (double)row->count >= SURGE_TIMES * row->average;
		row->told |= unusual;
		*ret_count = row->count;
		*ret_average = row->average;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return unusual;
}
