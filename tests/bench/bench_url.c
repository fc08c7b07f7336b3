/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_url [--report] - what the links of a message cost, from its decoded texts on: plain text of 20 KB with a link in each tenth line, and
 * HTML newsletters of 20 and 200 KB with one link and its tables in each 390 octets. CPU time of the thread, the best of some rounds. Exit status 1 when one is
 * above its goal, but for --report; 77 in a build with sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "filter/base/cleanup.h"
#include "plugins/url/url_links.h"

#define ROUNDS 20

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void add_line(struct text *out, unsigned i)
{
	text_addf(out, "> Some words of a letter, such as people write them to each other (and more).\r\n");
	if (i % 10 == 0)
		text_addf(out, "See https://www%u.example.com/page/%u?a=b&c=d, or write to user%u@example.net.\r\n", i % 7, i, i);
}

static void add_row(struct text *out, unsigned i)
{
	text_addf(out,
		"<table width=\"600\" cellpadding=\"0\" cellspacing=\"0\" style=\"border:0;margin:0 auto\"><tr><td align=\"center\" "
		"style=\"font-family:Arial,sans-serif;font-size:14px;color:#333333;padding:10px 20px\">Some text of a newsletter that goes on for a while "
		"&amp; more. <a href=\"https://click%u.example.com/track/%u?utm_source=x&amp;utm_medium=mail\" style=\"color:#1155cc\">Read more</a></td></tr></table>\r\n",
		i % 7, i);
}

static bool measure(const psl_ctx_t *psl, const char *what, size_t bytes, void (*add)(struct text *out, unsigned i),
	void (*see)(struct url_links *l, const char *bytes, size_t len), double goal_us)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(bytes + 1024);
	double best_us = 1e9;
	size_t links = 0;

	for (unsigned i = 0; text.len < bytes; i++)
		add(&text, i);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct url_links l;
		double us = now_us();

		url_links_init(&l, psl, NULL, NULL);
		see(&l, text.bytes, text.len);
		links = l.count;
		url_links_done(&l);
		us = now_us() - us;
		best_us = us < best_us ? us : best_us;
	}
	printf("%-4s %6zu octets, %3zu links: %7.1f us, %.1f ns an octet (goal: %.0f us)\n", what, text.len, links, best_us, best_us * 1e3 / (double)text.len, goal_us);
	return best_us < goal_us;
}

int main(int argc, char **argv)
{
	bool report = argc > 1 && !strcmp(argv[1], "--report"), good = true;
	psl_ctx_t *psl = psl_latest(NULL);

#ifdef SANITIZED
	if (!report)
		return 77;
#endif
	if (!psl)
		return EXIT_FAILURE;
	good &= measure(psl, "text", 20 << 10, add_line, url_links_see_text, 200);
	good &= measure(psl, "html", 20 << 10, add_row, url_links_see_html, 300);
	good &= measure(psl, "html", 200 << 10, add_row, url_links_see_html, 3000);
	psl_free(psl);
	return good || report ? EXIT_SUCCESS : EXIT_FAILURE;
}
