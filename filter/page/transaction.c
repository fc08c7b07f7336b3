/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include "filter/api_read.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

static void put_facts(struct text *out, json_t *facts)
{
	static const struct page_column columns[] = { { "Fact" }, { "Value" }, { NULL } };
	const char *name;
	json_t *value;

	if (!json_object_size(facts)) {
		page_nothing(out, "None.");
		return;
	}
	page_table(out, "What the checks have found, as far as rules or the log wanted to know", columns);
	json_object_foreach(facts, name, value) {
		text_adds(out, "<tr><th scope=\"row\"><code>");
		escape_str(out, name);
		text_adds(out, "</code></th>");
		page_cell(out, &columns[1]);
		page_value(out, value);
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

/* The facts that a rule read, in a line. */
static void put_read(struct text *out, json_t *facts)
{
	const char *name;
	json_t *value;

	json_object_foreach(facts, name, value) {
		text_adds(out, "<div class=\"note\"><code>");
		escape_str(out, name);
		text_adds(out, "</code> ");
		page_value(out, value);
		text_adds(out, "</div>");
	}
}

static void put_matched(struct text *out, const json_t *rules)
{
	static const struct page_column columns[] = { { "Rule" }, { "What it does" }, { "What it read" }, { NULL } };
	size_t i;
	json_t *r;

	if (!json_array_size(rules)) {
		page_nothing(out, "No rule matched.");
		return;
	}
	page_table(out, "In the order in which they were looked at", columns);
	json_array_foreach(rules, i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		page_rule_link(out, page_str(r, "name"));
		text_adds(out, json_is_true(json_object_get(r, "shadow")) ? " <span class=\"hold\">only watched</span>" : "");
		page_place(out, r);
		text_adds(out, "</th>");
		page_cell(out, &columns[1]);
		text_adds(out, "at ");
		escape_str(out, page_str(r, "stage"));
		text_adds(out, ": <b>");
		escape_str(out, page_str(r, "action"));
		text_adds(out, "</b>");
		if (json_object_get(r, "score"))
			text_addf(out, " %.4g", page_decimal(r, "score"));
		text_adds(out, "<pre>");
		escape_str(out, page_str(r, "text"));
		text_adds(out, "</pre>");
		page_cell_end(out);
		page_cell(out, &columns[2]);
		put_read(out, json_object_get(r, "facts"));
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_missed(struct text *out, const json_t *missed)
{
	static const struct page_column columns[] = { { "Rule" }, { "Stage" }, { "Why not" }, { NULL } };
	size_t i;
	json_t *r;

	if (!json_array_size(missed)) {
		page_nothing(out, "None.");
		return;
	}
	page_table(out, "And the facts that they failed on", columns);
	json_array_foreach(missed, i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, page_str(r, "name"));
		page_place(out, r);
		text_adds(out, "</th>");
		page_cell_str(out, &columns[1], page_str(r, "stage"));
		page_cell(out, &columns[2]);
		escape_str(out, page_str(r, "why"));
		put_read(out, json_object_get(r, "facts"));
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_case_checks(struct text *out, json_t *checks)
{
	static const struct page_column columns[] = { { "Check" }, { "Outcome" }, { "ms", true }, { NULL } };
	const char *name;
	json_t *c;

	page_table(out, "Time in the check itself, waiting not among it", columns);
	json_object_foreach(checks, name, c) {
		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, name);
		text_adds(out, "</th>");
		page_cell_str(out, &columns[1], page_str(c, "outcome"));
		page_cell_ms(out, &columns[2], page_decimal(c, "ms"));
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_answers(struct text *out, const json_t *answers)
{
	static const struct page_column columns[] = { { "Question" }, { "Answer" }, { "From" }, { "ms", true }, { NULL } };
	size_t i;
	json_t *a;

	if (!json_array_size(answers)) {
		page_nothing(out, "None.");
		return;
	}
	page_table(out, "What was looked up", columns);
	json_array_foreach(answers, i, a) {
		text_adds(out, "<tr><th scope=\"row\"><code>");
		escape_str(out, page_str(a, "name"));
		text_adds(out, "</code> ");
		escape_str(out, page_str(a, "type"));
		text_adds(out, "</th>");
		page_cell(out, &columns[1]);
		escape_str(out, page_str(a, "status"));
		text_adds(out, "<div class=\"note\">");
		page_value(out, json_object_get(a, "records"));
		text_adds(out, "</div>");
		page_cell_end(out);
		page_cell_str(out, &columns[2], page_str(a, "source"));
		page_cell_ms(out, &columns[3], page_decimal(a, "ms"));
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

static void put_row(struct text *out, const char *name, const char *value)
{
	if (!*value)
		return;
	text_addf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	page_bdi(out, value);
	page_cell_end(out);
	text_adds(out, "</tr>");
}

static void put_who(struct text *out, const json_t *c)
{
	const json_t *client = json_object_get(c, "client");
	size_t i;
	json_t *r;

	text_adds(out, "<div class=\"table\"><table><caption>The transaction</caption><tbody>");
	put_row(out, "Time", page_str(c, "time"));
	put_row(out, "Client", page_str(client, "ip"));
	put_row(out, "Its name", page_str(client, "name"));
	put_row(out, "HELO", page_str(client, "helo"));
	put_row(out, "User", page_str(client, "user"));
	if (json_object_get(c, "from"))
		put_row(out, "From", *page_str(c, "from") ? page_str(c, "from") : "<>");
	json_array_foreach(json_object_get(c, "recipients"), i, r) {
		bool refused_one = json_is_true(json_object_get(r, "refused"));

		put_row(out, refused_one ? "To (refused)" : json_is_true(json_object_get(r, "removed")) ? "To (removed)" : "To", page_str(r, "address"));
	}
	put_row(out, "Queue id", page_str(c, "queue_id"));
	put_row(out, "Message id", page_str(c, "message_id"));
	put_row(out, "Authentication-Results", page_str(c, "authentication_results"));
	text_adds(out, "</tbody></table></div>");
}

void page_case(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	json_t *c, *v;

	page_begin(q, "One transaction");
	c = page_ask(q, api_explain);
	v = json_object_get(c, "verdict");
	if (c) {
		text_adds(out, "<p>");
		page_verdict(out, page_str(v, "action"));
		text_adds(out, " at ");
		escape_str(out, page_str(v, "stage"));
		if (*page_str(v, "rule")) {
			text_adds(out, ", by rule ");
			page_rule_link(out, page_str(v, "rule"));
		}
		if (page_whole(v, "code"))
			text_addf(out, ": %lld ", page_whole(v, "code"));
		escape_str(out, page_str(v, "dsn"));
		text_adds(out, " <bdi>");
		escape_str(out, page_str(v, "text"));
		text_addf(out, "</bdi> <span class=\"dim\">score %.4g, %lld octets</span></p>", page_decimal(c, "score"), page_whole(c, "size"));
		put_who(out, c);
		text_adds(out, "<h2>Rules that matched</h2>");
		put_matched(out, json_object_get(c, "rules"));
		text_adds(out, "<h2>Facts</h2>");
		put_facts(out, json_object_get(c, "facts"));
		text_adds(out, "<h2>Rules that did not match</h2>");
		put_missed(out, json_object_get(c, "missed"));
		text_adds(out, "<h2>Checks</h2>");
		put_case_checks(out, json_object_get(c, "checks"));
		text_adds(out, "<h2>Look-ups</h2>");
		put_answers(out, json_object_get(c, "answers"));
	}
	page_end(q);
	json_decref(c);
}
