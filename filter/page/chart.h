/* SPDX-License-Identifier: BSD-2-Clause */
/* chart.h - the last hour as lines in SVG. Pure. */
#ifndef PAGE_CHART_H
#define PAGE_CHART_H

#include "filter/base/text.h"
#include "filter/observe/rates.h"

/* A line: its value in one step; its name is the class that gives it its colour. */
struct chart_line {
	const char *name, *label;
	double (*value)(const struct rates_step *step);
};

/* A figure with its lines, the scale and a legend, which has the latest value of each. */
void chart(struct text *out, const struct rates *r, const char *title, const char *unit, const struct chart_line *lines, size_t count);

#endif
