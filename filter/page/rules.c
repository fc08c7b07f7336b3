/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include "filter/api_read.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

void page_rules(const struct api_request *q)
{
	static const struct page_column columns[] = { { "Rule" }, { "What it does" }, { "Hits", true }, { "Only watched", true }, { "Last hit (UTC)" }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *r;
	size_t i;

	page_begin(q, "Rules");
	found = page_ask(q, api_rules);
	page_table(out, "In the order in which they are looked at; hits since the start", columns);
	json_array_foreach(json_object_get(found, "rules"), i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		page_rule_link(out, page_str(r, "name"));
		text_adds(out, json_is_true(json_object_get(r, "shadow")) ? " <span class=\"hold\">shadow</span>" : "");
		page_place(out, r);
		text_adds(out, "</th>");
		page_cell(out, &columns[1]);
		text_adds(out, "at ");
		escape_str(out, page_str(r, "stage"));
		text_adds(out, ": ");
		escape_str(out, page_str(r, "action"));
		text_adds(out, "<pre>");
		escape_str(out, page_str(r, "text"));
		text_adds(out, "</pre>");
		page_cell_end(out);
		page_cell_number(out, &columns[2], page_whole(r, "hits"));
		page_cell_number(out, &columns[3], page_whole(r, "shadow_hits"));
		page_cell(out, &columns[4]);
		if (json_is_integer(json_object_get(r, "last_hit")))
			page_time(out, page_whole(r, "last_hit"));
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
	page_end(q);
	json_decref(found);
}

void page_checks(const struct api_request *q)
{
	static const struct page_column columns[] = { { "Check" }, { "Runs", true }, { "Failed", true }, { "Not awaited", true }, { "Skipped", true }, { "Half within ms", true },
		{ "95 of 100", true }, { "99 of 100", true }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *c;
	size_t i;

	page_begin(q, "Checks");
	found = page_ask(q, api_checks);
	if (!json_array_size(json_object_get(found, "checks"))) {
		page_nothing(out, "No check has run yet.");
	} else {
		page_table(out, "Since the start; time spent in the check itself, waiting not among it", columns);
		json_array_foreach(json_object_get(found, "checks"), i, c) {
			const json_t *outcomes = json_object_get(c, "outcomes");
			long long failed = page_whole(outcomes, "temperror");

			text_adds(out, "<tr><th scope=\"row\">");
			escape_str(out, page_str(c, "name"));
			text_adds(out, "</th>");
			page_cell_number(out, &columns[1], page_whole(c, "runs"));
			page_cell(out, &columns[2]);
			text_addf(out, "<span%s>%lld</span>", failed ? " class=\"bad\"" : "", failed);
			page_cell_end(out);
			page_cell_number(out, &columns[3], page_whole(outcomes, "pending"));
			page_cell_number(out, &columns[4], page_whole(outcomes, "skipped"));
			page_cell_ms(out, &columns[5], page_decimal(c, "p50_ms"));
			page_cell_ms(out, &columns[6], page_decimal(c, "p95_ms"));
			page_cell_ms(out, &columns[7], page_decimal(c, "p99_ms"));
			text_adds(out, "</tr>");
		}
		page_table_end(out);
	}
	page_end(q);
	json_decref(found);
}

void page_lists(const struct api_request *q)
{
	static const struct page_column columns[] = { { "List" }, { "Of" }, { "Entries", true }, { "State" }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *l;
	size_t i;

	page_begin(q, "Lists");
	found = page_ask(q, api_lists);
	if (!json_array_size(json_object_get(found, "lists"))) {
		page_nothing(out, "The configuration has no lists.");
	} else {
		page_table(out, "The lists of the configuration", columns);
		json_array_foreach(json_object_get(found, "lists"), i, l) {
			text_adds(out, "<tr><th scope=\"row\">");
			escape_str(out, page_str(l, "name"));
			page_place(out, l);
			text_adds(out, "</th>");
			page_cell_str(out, &columns[1], page_str(l, "type"));
			page_cell_number(out, &columns[2], page_whole(l, "entries"));
			page_cell(out, &columns[3]);
			if (*page_str(l, "stale")) {
				text_adds(out, "<span class=\"bad\">older than its files</span> ");
				escape_str(out, page_str(l, "stale"));
			} else {
				text_adds(out, "<span class=\"good\">as its files</span>");
			}
			page_cell_end(out);
			text_adds(out, "</tr>");
		}
		page_table_end(out);
	}
	page_end(q);
	json_decref(found);
}
