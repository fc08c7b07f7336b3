/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include "filter/api_read.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

static void put_greylist(struct text *out, const json_t *entries)
{
	static const struct page_column columns[] = { { "Client" }, { "Sender" }, { "Recipient" }, { "State" }, { NULL } };
	size_t i;
	json_t *e;

	if (!json_array_size(entries)) {
		page_nothing(out, "Nobody waits, and nobody has passed.");
		return;
	}
	page_table(out, "Who waits, and who has passed", columns);
	json_array_foreach(entries, i, e) {
		static const char *const sent[] = { "key", NULL };
		const json_t *key = json_object_get(e, "key");

		page_row(out, "pass forget", e, sent);
		escape_str(out, json_string_value(json_array_get(key, 0)));
		text_adds(out, "</th>");
		for (size_t k = 1; k < 3; k++) {
			const char *part = json_string_value(json_array_get(key, k));

			page_cell_str(out, &columns[k], part ? part : "");
		}
		page_cell_str(out, &columns[3], page_str(e, "state"));
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_limits(struct text *out, const json_t *entries)
{
	static const struct page_column columns[] = { { "Rule" }, { "Of" }, { "Unused again in" }, { NULL } };
	size_t i;
	json_t *e;

	if (!json_array_size(entries)) {
		page_nothing(out, "Nothing is counted.");
		return;
	}
	page_table(out, "What rules with a limit have counted: clients, accounts, whatever the limit is by", columns);
	json_array_foreach(entries, i, e) {
		static const char *const sent[] = { "rule", "values", NULL };

		page_row(out, "reset", e, sent);
		page_rule_link(out, page_str(e, "rule"));
		text_adds(out, "</th>");
		page_cell(out, &columns[1]);
		page_value(out, json_object_get(e, "values"));
		page_cell_end(out);
		page_cell(out, &columns[2]);
		page_span(out, page_whole(e, "free_in_s"));
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

void page_state(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	json_t *greylist, *limits;

	page_begin(q, "Greylist and limits");
	text_adds(out, "<div id=\"release\"></div>");
	if (!q->s->store)
		page_nothing(out, "There is no store: <code>state { }</code> in the configuration says where one is.");
	text_adds(out, "<h2>Greylist</h2>");
	greylist = page_ask(q, api_greylist);
	if (greylist)
		put_greylist(out, json_object_get(greylist, "entries"));
	text_adds(out, "<h2>Limits</h2>");
	limits = page_ask(q, api_limits);
	if (limits)
		put_limits(out, json_object_get(limits, "entries"));
	page_end(q);
	json_decref(greylist);
	json_decref(limits);
}
