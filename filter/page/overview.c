/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include "filter/api_read.h"
#include "filter/page/chart.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

#define LATEST 15 /* cases of the overview */

static double a_minute(uint64_t n, const struct rates_step *step)
{
	return step->took_ms > 0 ? (double)n * 60000 / (double)step->took_ms : 0;
}

static double accepted(const struct rates_step *step)
{
	return a_minute(step->verdicts[CASE_ACCEPT], step);
}

static double held(const struct rates_step *step)
{
	return a_minute(step->verdicts[CASE_HOLD] + step->verdicts[CASE_DISCARD], step);
}

static double deferred(const struct rates_step *step)
{
	return a_minute(step->verdicts[CASE_TEMPFAIL], step);
}

static double refused(const struct rates_step *step)
{
	return a_minute(step->verdicts[CASE_REJECT] + step->verdicts[CASE_FAULT], step);
}

static double median(const struct rates_step *step)
{
	return (double)step->p50_us / 1000;
}

static double late(const struct rates_step *step)
{
	return (double)step->p95_us / 1000;
}

static void put_charts(const struct api_request *q)
{
	static const struct chart_line rates[] = {
		{ "accept", "accept", accepted }, { "reject", "reject, fault", refused }, { "tempfail", "tempfail", deferred }, { "hold", "hold, discard", held },
	};
	static const struct chart_line times[] = { { "p50", "half of them within", median }, { "p95", "95 of 100 within", late } };

	text_adds(&q->answer->body, "<div class=\"charts\">");
	chart(&q->answer->body, q->rates, "Transactions", "a minute", rates, ARRAY_LEN(rates));
	chart(&q->answer->body, q->rates, "Time they took", "ms", times, ARRAY_LEN(times));
	text_adds(&q->answer->body, "</div>");
}

static void put_tile(struct text *out, const char *name, const char *class, long long n)
{
	text_addf(out, "<div><dt>%s</dt><dd class=\"%s\">%lld</dd></div>", name, class, n);
}

static void put_tiles(struct text *out, const json_t *status)
{
	const json_t *verdicts = json_object_get(status, "verdicts");
	const char *key;
	json_t *n;

	text_adds(out, "<dl class=\"tiles\">");
	json_object_foreach((json_t *)(uintptr_t)verdicts, key, n)
		put_tile(out, key, key, (long long)json_integer_value(n));
	put_tile(out, "connections", "", page_whole(status, "connections"));
	put_tile(out, "messages now", "", page_whole(status, "in_progress"));
	text_adds(out, "<div><dt>ms, 95 of 100</dt><dd>");
	page_ms(out, page_decimal(status, "p95_ms"));
	text_adds(out, "</dd></div></dl>");
}

static void put_health(struct text *out, const json_t *health)
{
	static const struct page_column columns[] = { { "What" }, { "State" }, { "Since (UTC)" }, { NULL } };
	const json_t *subjects = json_object_get(health, "subjects"), *store = json_object_get(health, "store");
	size_t i;
	json_t *s;

	if (json_is_object(store))
		text_addf(out, "<p>The store %s.</p>", json_is_true(json_object_get(store, "working")) ? "<span class=\"good\">works</span>" :
			"<span class=\"bad\">is out of order</span>");
	if (!json_array_size(subjects)) {
		page_nothing(out, "Nothing else outside was asked whether it works.");
		return;
	}
	page_table(out, "DNS lists, programs and servers that checks ask", columns);
	json_array_foreach(subjects, i, s) {
		bool good = json_is_true(json_object_get(s, "healthy"));

		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, page_str(s, "subject"));
		text_adds(out, "</th>");
		page_cell(out, &columns[1]);
		text_adds(out, good ? "<span class=\"good\">works</span>" : "<span class=\"bad\">switched off</span> ");
		escape_str(out, page_str(s, "why"));
		page_cell_end(out);
		page_cell(out, &columns[2]);
		page_time(out, page_whole(s, "since"));
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

void page_overview(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	const struct history_filter latest = { .limit = LATEST };
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(HTTP_ANSWER_MAX);
	json_t *status, *health, *cases;

	page_begin(q, "Overview");
	status = page_ask(q, api_status);
	text_adds(out, "<div class=\"actions\"><p class=\"note\">sluiced ");
	escape_str(out, page_str(status, "version"));
	text_addf(out, ", configuration %lld with %lld rules, up for ", page_whole(status, "generation"), page_whole(status, "rules"));
	page_span(out, page_whole(status, "uptime_s"));
	text_adds(out, "</p></div><section id=\"live-now\" data-live aria-label=\"Now\">");
	put_tiles(out, status);
	put_charts(q);
	text_adds(out, "</section><section id=\"live-latest\" data-live><h2>Latest transactions</h2>");
	text_addc(&text, '[');
	(void)history_list(q->of->history, &latest, &text);
	text_addc(&text, ']');
	cases = json_loadb(text_str(&text), text.len, 0, NULL);
	page_cases(out, cases, "The newest first; <a href=\"/history\">all, with filters</a>");
	text_adds(out, "</section><section id=\"live-health\" data-live><h2>What is outside</h2>");
	health = page_ask(q, api_health);
	put_health(out, health);
	text_adds(out, "</section>");
	page_end(q);
	json_decref(status);
	json_decref(health);
	json_decref(cases);
}
