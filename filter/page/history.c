/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include <string.h>

#include "filter/api_read.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

static void put_recipients(struct text *out, const json_t *c)
{
	const json_t *recipients = json_object_get(c, "recipients");
	long long more = page_whole(c, "recipient_count") - (long long)json_array_size(recipients);
	size_t i;
	json_t *r;

	json_array_foreach(recipients, i, r) {
		text_adds(out, i ? "<br>" : "");
		page_bdi(out, json_string_value(r));
	}
	if (more > 0)
		text_addf(out, "<span class=\"dim\">and %lld more</span>", more);
}

void page_cases(struct text *out, const json_t *cases, const char *caption)
{
	static const struct page_column columns[] = { { "Time (UTC)" }, { "Verdict" }, { "From" }, { "To" }, { "Client" }, { "Rule" }, { "ms", true }, { NULL } };
	size_t i;
	json_t *c;

	if (!json_array_size(cases)) {
		page_nothing(out, "No transaction in memory is of this kind.");
		return;
	}
	page_table(out, caption, columns);
	json_array_foreach(cases, i, c) {
		text_adds(out, "<tr><th scope=\"row\"><a href=\"/case/");
		escape_url(out, page_str(c, "case"));
		text_adds(out, "\">");
		page_time(out, page_whole(c, "time"));
		text_adds(out, "</a></th>");
		page_cell(out, &columns[1]);
		page_verdict(out, page_str(c, "verdict"));
		text_adds(out, " <span class=\"dim\">at ");
		escape_str(out, page_str(c, "stage"));
		text_adds(out, "</span>");
		page_cell_end(out);
		page_cell(out, &columns[2]);
		if (json_object_get(c, "from"))
			page_bdi(out, *page_str(c, "from") ? page_str(c, "from") : "<>");
		page_cell_end(out);
		page_cell(out, &columns[3]);
		put_recipients(out, c);
		page_cell_end(out);
		page_cell(out, &columns[4]);
		escape_str(out, page_str(c, "client"));
		text_adds(out, "<span class=\"dim\">");
		page_bdi(out, page_str(c, "client_name"));
		text_adds(out, "</span>");
		page_cell_end(out);
		page_cell(out, &columns[5]);
		if (*page_str(c, "rule"))
			page_rule_link(out, page_str(c, "rule"));
		page_cell_end(out);
		page_cell_ms(out, &columns[6], page_decimal(c, "ms"));
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_field(const struct api_request *q, const char *name, const char *label, const char *type)
{
	char value[HTTP_VALUE_MAX];

	text_addf(&q->answer->body, "<div><label for=\"f-%s\">%s</label><input id=\"f-%s\" name=\"%s\" type=\"%s\" autocomplete=\"off\" spellcheck=\"false\" value=\"", name, label,
		name, name, type);
	escape_str(&q->answer->body, api_parameter(q, name, value));
	text_adds(&q->answer->body, "\"></div>");
}

static void put_choice(const struct api_request *q, const char *name, const char *label, const char *const *words, const char *const *shown)
{
	char value[HTTP_VALUE_MAX];

	(void)api_parameter(q, name, value);
	text_addf(&q->answer->body, "<div><label for=\"f-%s\">%s</label><select id=\"f-%s\" name=\"%s\"><option value=\"\">any</option>", name, label, name, name);
	for (size_t i = 0; words[i]; i++)
		text_addf(&q->answer->body, "<option value=\"%s\"%s>%s</option>", words[i], strcmp(value, words[i]) ? "" : " selected", shown[i]);
	text_adds(&q->answer->body, "</select></div>");
}

void page_history(const struct api_request *q)
{
	static const char *const since[] = { "15m", "1h", "6h", "1d", "7d", NULL };
	static const char *const since_shown[] = { "the last 15 minutes", "the last hour", "the last 6 hours", "the last day", "the last week", NULL };
	struct text *out = &q->answer->body;
	json_t *found;

	page_begin(q, "History");
	text_adds(out, "<form class=\"filter\" method=\"get\" action=\"/history\" role=\"search\" aria-label=\"Filter\">");
	put_field(q, "address", "Address of sender, recipient or author", "text");
	put_field(q, "domain", "Domain of one of them", "text");
	put_field(q, "user", "Account", "text");
	put_choice(q, "verdict", "Verdict", case_action_words, case_action_words);
	put_field(q, "rule", "Rule that matched", "text");
	put_choice(q, "since", "Time", since, since_shown);
	text_adds(out, "<div><button type=\"submit\">Show</button></div></form><div class=\"actions\"></div><section id=\"live-history\" data-live aria-label=\"Transactions\">");
	found = page_ask(q, api_history);
	if (found)
		page_cases(out, json_object_get(found, "cases"), "The newest first, 100 at most");
	text_adds(out, "</section>");
	page_end(q);
	json_decref(found);
}
