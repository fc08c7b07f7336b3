/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/chart.h"

#include <stdio.h>

#define WIDTH  600
#define HEIGHT 120

/* The next of 1, 2, 5, 10, 20, ... that is no less. */
static double round_up(double most)
{
	static const double steps[] = { 1, 2, 5 };

	/* NOLINTNEXTLINE(clang-analyzer-security.FloatLoopCounter,cert-flp30-c): a power, which need not be exact */
	for (double ten = 0.1; ten < 1e12; ten *= 10)
		for (size_t i = 0; i < ARRAY_LEN(steps); i++)
			if (steps[i] * ten >= most)
				return steps[i] * ten;
	return most;
}

static double highest(const struct rates *r, const struct chart_line *lines, size_t count)
{
	double most = 0;

	for (size_t i = 0; i < r->count; i++)
		for (size_t k = 0; k < count; k++)
			if (lines[k].value(rates_step(r, i)) > most)
				most = lines[k].value(rates_step(r, i));
	return round_up(most);
}

/* The newest step is at the right edge, whatever there is before it. */
static void draw(struct text *out, const struct rates *r, const struct chart_line *line, double top)
{
	if (!r->count)
		return;
	text_addf(out, "<path class=\"%s\" d=\"", line->name);
	for (size_t i = 0; i < r->count; i++) {
		double x = WIDTH - (double)(r->count - 1 - i) * WIDTH / (RATES_STEPS - 1), y = HEIGHT - 2 - line->value(rates_step(r, i)) / top * (HEIGHT - 4);

		text_addf(out, "%c%.1f %.1f", i ? 'L' : 'M', x, y);
	}
	if (r->count == 1)
		text_adds(out, "h0.5");
	text_adds(out, "\"/>");
}

void chart(struct text *out, const struct rates *r, const char *title, const char *unit, const struct chart_line *lines, size_t count)
{
	double top = highest(r, lines, count);

	text_addf(out, "<figure><figcaption><b>%s</b>", title);
	for (size_t k = 0; k < count; k++) {
		double now = r->count ? lines[k].value(rates_step(r, r->count - 1)) : 0;

		text_addf(out, "<span class=\"key %s\">%s ", lines[k].name, lines[k].label);
		text_addf(out, now < 9.95 ? "%.2g</span>" : "%.0f</span>", now);
	}
	text_addf(out, "</figcaption><div class=\"axis\"><span>%.4g %s</span></div>", top, unit);
	text_addf(out, "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s in the last hour, up to %.4g %s\">", WIDTH, HEIGHT, title,
		top, unit);
	text_addf(out, "<line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"2\" y2=\"2\"/><line class=\"grid\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", WIDTH, WIDTH, HEIGHT / 2,
		HEIGHT / 2);
	for (size_t k = 0; k < count; k++)
		draw(out, r, &lines[k], top);
	text_adds(out, "</svg><div class=\"axis\"><span>an hour ago</span><span>now</span></div></figure>");
}
