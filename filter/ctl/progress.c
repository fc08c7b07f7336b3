/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/services/clock.h"

#define REDRAW_MS 100
#define BAR_CELLS 30

void progress_begin(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total, .began_ms = clock_mono_ms(), .shown = isatty(STDERR_FILENO) == 1 };
}

static void draw(const struct progress *p, int64_t now_ms)
{
	static const char full[BAR_CELLS + 1] = "##############################", empty[BAR_CELLS + 1] = "..............................";
	uint64_t done = p->done < p->total ? p->done : p->total;
	int64_t elapsed_ms = now_ms - p->began_ms;
	int cells;

	if (!p->total) {
		fprintf(stderr, "\r%zu %s\033[K", p->count, p->what);
		return;
	}
	cells = (int)((double)done / (double)p->total * BAR_CELLS);
	fprintf(stderr, "\r[%.*s%.*s] %3.0f %%  %zu %s", cells, full, BAR_CELLS - cells, empty, (double)done / (double)p->total * 100, p->count, p->what);
	if (done && elapsed_ms > 2000) /* before, it would be a guess */
		fprintf(stderr, ", %.0f s left", (double)elapsed_ms / 1000 * (double)(p->total - done) / (double)done);
	fputs("\033[K", stderr);
}

void progress_step(struct progress *p, uint64_t work)
{
	int64_t now_ms;

	p->count++;
	p->done += work;
	if (!p->shown)
		return;
	now_ms = clock_mono_ms();
	if (p->drawn_ms && now_ms - p->drawn_ms < REDRAW_MS)
		return;
	p->drawn_ms = now_ms;
	draw(p, now_ms);
	(void)fflush(stderr);
}

void progress_clear(struct progress *p)
{
	if (p->drawn_ms)
		fputs("\r\033[K", stderr);
	p->drawn_ms = 0;
}
