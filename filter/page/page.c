/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/api_read.h"
#include "filter/page/assets.h"
#include "filter/page/chart.h"
#include "filter/page/escape.h"

#define LATEST 15 /* cases of the overview */

static const struct { const char *path, *title; } pages[] = {
	{ "/", "Overview" }, { "/history", "History" }, { "/rules", "Rules" }, { "/checks", "Checks" }, { "/state", "Greylist and limits" }, { "/lists", "Lists" },
	{ "/dmarc", "DMARC" },
};

/* ---- what the API says ---- */

/* The JSON of a path; NULL: it said why not, and that stands in the page. */
static json_t *ask(const struct api_request *q, void (*reader)(const struct api_request *q))
{
	struct http_answer a = { .status = 200, .body = TEXT_INIT(HTTP_ANSWER_MAX) };
	struct api_request sub = *q;
	json_t *json = NULL;

	sub.answer = &a;
	sub.quiet = true;
	reader(&sub);
	if (a.status == 200)
		json = json_loadb(text_str(&a.body), a.body.len, 0, NULL);
	if (!json) {
		text_adds(&q->answer->body, "<p class=\"error\">");
		escape_str(&q->answer->body, a.status == 200 ? "the answer cannot be read" : text_str(&a.body));
		text_adds(&q->answer->body, "</p>");
		q->answer->status = a.status == 200 ? 500 : a.status;
	}
	text_done(&a.body);
	return json;
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long whole(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static double decimal(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* ---- pieces ---- */

/* title is ours. */
static void begin(const struct api_request *q, const char *title)
{
	struct text *out = &q->answer->body;

	q->answer->type = "text/html; charset=utf-8";
	text_addf(out,
		"<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		"<meta name=\"color-scheme\" content=\"light dark\"><title>%s - Sluice</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" href=\"/page.css\">"
		"<script src=\"/page.js\" defer></script></head><body><a class=\"skip\" href=\"#main\">Skip to the content</a><header><p class=\"brand\">Sluice<span>",
		title);
	escape_str(out, q->s->authserv_id);
	text_adds(out, "</span></p><nav aria-label=\"Pages\"><ul>");
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		text_addf(out, "<li><a href=\"%s\"%s>%s</a></li>", pages[i].path, strcmp(pages[i].path, q->http->path) ? "" : " aria-current=\"page\"", pages[i].title);
	text_addf(out, "</ul></nav></header><main id=\"main\" tabindex=\"-1\"><h1>%s</h1>", title);
}

static void end(const struct api_request *q)
{
	text_adds(&q->answer->body, "</main></body></html>\n");
}

static void put_time(struct text *out, long long s)
{
	time_t t = (time_t)s, now = time(NULL);
	char machine[40], people[40];
	struct tm tm, today;

	(void)gmtime_r(&t, &tm);
	(void)gmtime_r(&now, &today);
	(void)strftime(machine, sizeof machine, "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)strftime(people, sizeof people, tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
	text_addf(out, "<time datetime=\"%s\">%s</time>", machine, people);
}

static void put_span(struct text *out, long long s)
{
	if (s < 120)
		text_addf(out, "%lld s", s);
	else if (s < 7200)
		text_addf(out, "%lld min", s / 60);
	else if (s < 172800)
		text_addf(out, "%lld h", s / 3600);
	else
		text_addf(out, "%lld d", s / 86400);
}

/* What came from mail stands apart from what is around it, whichever way it is written. */
static void put_bdi(struct text *out, const char *s)
{
	text_adds(out, "<bdi>");
	escape_str(out, s);
	text_adds(out, "</bdi>");
}

struct column {
	const char *label;
	bool number;
};

/* columns end with a label NULL. */
static void table_begin(struct text *out, const char *caption, const struct column *columns)
{
	text_addf(out, "<div class=\"table\"><table><caption>%s</caption><thead><tr>", caption);
	for (; columns->label; columns++)
		text_addf(out, "<th scope=\"col\"%s>%s</th>", columns->number ? " class=\"n\"" : "", columns->label);
	text_adds(out, "</tr></thead><tbody>");
}

static void table_end(struct text *out)
{
	text_adds(out, "</tbody></table></div>");
}

static void cell(struct text *out, const struct column *c)
{
	text_addf(out, "<td data-label=\"%s\"%s><div>", c->label, c->number ? " class=\"n\"" : "");
}

static void cell_end(struct text *out)
{
	text_adds(out, "</div></td>");
}

/* Milliseconds with as many digits as say something. */
static void put_ms(struct text *out, double ms)
{
	text_addf(out, ms < 0.0005 ? "%.0f" : ms < 1 ? "%.3f" : ms < 100 ? "%.1f" : "%.0f", ms);
}

static void cell_number(struct text *out, const struct column *c, long long n)
{
	cell(out, c);
	text_addf(out, "%lld", n);
	cell_end(out);
}

static void cell_ms(struct text *out, const struct column *c, double ms)
{
	cell(out, c);
	put_ms(out, ms);
	cell_end(out);
}

static void cell_str(struct text *out, const struct column *c, const char *s)
{
	cell(out, c);
	if (*s)
		put_bdi(out, s);
	cell_end(out);
}

static void nothing(struct text *out, const char *why)
{
	text_addf(out, "<p class=\"dim\">%s</p>", why);
}

static void put_verdict(struct text *out, const char *verdict)
{
	text_adds(out, "<span class=\"verdict ");
	escape_str(out, verdict);
	text_adds(out, "\">");
	escape_str(out, verdict);
	text_adds(out, "</span>");
}

/* ---- cases ---- */

static void put_rule_link(struct text *out, const char *rule)
{
	text_adds(out, "<a href=\"/history?rule=");
	escape_url(out, rule);
	text_adds(out, "\">");
	escape_str(out, rule);
	text_adds(out, "</a>");
}

static void put_recipients(struct text *out, const json_t *c)
{
	const json_t *recipients = json_object_get(c, "recipients");
	long long more = whole(c, "recipient_count") - (long long)json_array_size(recipients);
	size_t i;
	json_t *r;

	json_array_foreach(recipients, i, r) {
		text_adds(out, i ? "<br>" : "");
		put_bdi(out, json_string_value(r));
	}
	if (more > 0)
		text_addf(out, "<span class=\"dim\">and %lld more</span>", more);
}

static void put_cases(struct text *out, const json_t *cases, const char *caption)
{
	static const struct column columns[] = { { "Time (UTC)" }, { "Verdict" }, { "From" }, { "To" }, { "Client" }, { "Rule" }, { "ms", true }, { NULL } };
	size_t i;
	json_t *c;

	if (!json_array_size(cases)) {
		nothing(out, "No transaction in memory is of this kind.");
		return;
	}
	table_begin(out, caption, columns);
	json_array_foreach(cases, i, c) {
		text_adds(out, "<tr><th scope=\"row\"><a href=\"/case/");
		escape_url(out, str(c, "case"));
		text_adds(out, "\">");
		put_time(out, whole(c, "time"));
		text_adds(out, "</a></th>");
		cell(out, &columns[1]);
		put_verdict(out, str(c, "verdict"));
		text_adds(out, " <span class=\"dim\">at ");
		escape_str(out, str(c, "stage"));
		text_adds(out, "</span>");
		cell_end(out);
		cell(out, &columns[2]);
		if (json_object_get(c, "from"))
			put_bdi(out, *str(c, "from") ? str(c, "from") : "<>");
		cell_end(out);
		cell(out, &columns[3]);
		put_recipients(out, c);
		cell_end(out);
		cell(out, &columns[4]);
		escape_str(out, str(c, "client"));
		text_adds(out, "<span class=\"dim\">");
		put_bdi(out, str(c, "client_name"));
		text_adds(out, "</span>");
		cell_end(out);
		cell(out, &columns[5]);
		if (*str(c, "rule"))
			put_rule_link(out, str(c, "rule"));
		cell_end(out);
		cell_ms(out, &columns[6], decimal(c, "ms"));
		text_adds(out, "</tr>");
	}
	table_end(out);
}

/* ---- overview ---- */

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
	put_tile(out, "connections", "", whole(status, "connections"));
	put_tile(out, "messages now", "", whole(status, "in_progress"));
	text_adds(out, "<div><dt>ms, 95 of 100</dt><dd>");
	put_ms(out, decimal(status, "p95_ms"));
	text_adds(out, "</dd></div></dl>");
}

static void put_health(struct text *out, const json_t *health)
{
	static const struct column columns[] = { { "What" }, { "State" }, { "Since (UTC)" }, { NULL } };
	const json_t *subjects = json_object_get(health, "subjects"), *store = json_object_get(health, "store");
	size_t i;
	json_t *s;

	if (json_is_object(store))
		text_addf(out, "<p>The store %s.</p>", json_is_true(json_object_get(store, "working")) ? "<span class=\"good\">works</span>" :
			"<span class=\"bad\">is out of order</span>");
	if (!json_array_size(subjects)) {
		nothing(out, "Nothing else outside was asked whether it works.");
		return;
	}
	table_begin(out, "DNS lists, programs and servers that checks ask", columns);
	json_array_foreach(subjects, i, s) {
		bool good = json_is_true(json_object_get(s, "healthy"));

		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, str(s, "subject"));
		text_adds(out, "</th>");
		cell(out, &columns[1]);
		text_adds(out, good ? "<span class=\"good\">works</span>" : "<span class=\"bad\">switched off</span> ");
		escape_str(out, str(s, "why"));
		cell_end(out);
		cell(out, &columns[2]);
		put_time(out, whole(s, "since"));
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
}

void page_overview(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	const struct history_filter latest = { .limit = LATEST };
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(HTTP_ANSWER_MAX);
	json_t *status, *health, *cases;

	begin(q, "Overview");
	status = ask(q, api_status);
	text_adds(out, "<div class=\"actions\"><p class=\"note\">sluiced ");
	escape_str(out, str(status, "version"));
	text_addf(out, ", configuration %lld with %lld rules, up for ", whole(status, "generation"), whole(status, "rules"));
	put_span(out, whole(status, "uptime_s"));
	text_adds(out, "</p></div><section id=\"live-now\" data-live aria-label=\"Now\">");
	put_tiles(out, status);
	put_charts(q);
	text_adds(out, "</section><section id=\"live-latest\" data-live><h2>Latest transactions</h2>");
	text_addc(&text, '[');
	(void)history_list(q->of->history, &latest, &text);
	text_addc(&text, ']');
	cases = json_loadb(text_str(&text), text.len, 0, NULL);
	put_cases(out, cases, "The newest first; <a href=\"/history\">all, with filters</a>");
	text_adds(out, "</section><section id=\"live-health\" data-live><h2>What is outside</h2>");
	health = ask(q, api_health);
	put_health(out, health);
	text_adds(out, "</section>");
	end(q);
	json_decref(status);
	json_decref(health);
	json_decref(cases);
}

/* ---- history ---- */

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

	begin(q, "History");
	text_adds(out, "<form class=\"filter\" method=\"get\" action=\"/history\" role=\"search\" aria-label=\"Filter\">");
	put_field(q, "address", "Address of sender, recipient or author", "text");
	put_field(q, "domain", "Domain of one of them", "text");
	put_choice(q, "verdict", "Verdict", case_action_words, case_action_words);
	put_field(q, "rule", "Rule that matched", "text");
	put_choice(q, "since", "Time", since, since_shown);
	text_adds(out, "<div><button type=\"submit\">Show</button></div></form><div class=\"actions\"></div><section id=\"live-history\" data-live aria-label=\"Transactions\">");
	found = ask(q, api_history);
	if (found)
		put_cases(out, json_object_get(found, "cases"), "The newest first, 100 at most");
	text_adds(out, "</section>");
	end(q);
	json_decref(found);
}

/* ---- one case ---- */

static void put_value(struct text *out, const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_string(value)) {
		put_bdi(out, json_string_value(value));
	} else if (json_is_boolean(value)) {
		text_adds(out, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) {
			text_adds(out, i ? "<br>" : "");
			put_value(out, item);
		}
	} else if (json_is_null(value) || !value) {
		text_adds(out, "<span class=\"dim\">unknown</span>");
	} else {
		text_addf(out, "%.10g", json_number_value(value));
	}
}

static void put_facts(struct text *out, json_t *facts)
{
	static const struct column columns[] = { { "Fact" }, { "Value" }, { NULL } };
	const char *name;
	json_t *value;

	if (!json_object_size(facts)) {
		nothing(out, "None.");
		return;
	}
	table_begin(out, "What the checks have found, as far as rules or the log wanted to know", columns);
	json_object_foreach(facts, name, value) {
		text_adds(out, "<tr><th scope=\"row\"><code>");
		escape_str(out, name);
		text_adds(out, "</code></th>");
		cell(out, &columns[1]);
		put_value(out, value);
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
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
		put_value(out, value);
		text_adds(out, "</div>");
	}
}

static void put_place(struct text *out, const json_t *o)
{
	text_adds(out, "<span class=\"dim\">");
	escape_str(out, str(o, "file"));
	text_addf(out, ":%lld</span>", whole(o, "line"));
}

static void put_matched(struct text *out, const json_t *rules)
{
	static const struct column columns[] = { { "Rule" }, { "What it does" }, { "What it read" }, { NULL } };
	size_t i;
	json_t *r;

	if (!json_array_size(rules)) {
		nothing(out, "No rule matched.");
		return;
	}
	table_begin(out, "In the order in which they were looked at", columns);
	json_array_foreach(rules, i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		put_rule_link(out, str(r, "name"));
		text_adds(out, json_is_true(json_object_get(r, "shadow")) ? " <span class=\"hold\">only watched</span>" : "");
		put_place(out, r);
		text_adds(out, "</th>");
		cell(out, &columns[1]);
		text_adds(out, "at ");
		escape_str(out, str(r, "stage"));
		text_adds(out, ": <b>");
		escape_str(out, str(r, "action"));
		text_adds(out, "</b>");
		if (json_object_get(r, "score"))
			text_addf(out, " %.4g", decimal(r, "score"));
		text_adds(out, "<pre>");
		escape_str(out, str(r, "text"));
		text_adds(out, "</pre>");
		cell_end(out);
		cell(out, &columns[2]);
		put_read(out, json_object_get(r, "facts"));
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
}

static void put_missed(struct text *out, const json_t *missed)
{
	static const struct column columns[] = { { "Rule" }, { "Stage" }, { "Why not" }, { NULL } };
	size_t i;
	json_t *r;

	if (!json_array_size(missed)) {
		nothing(out, "None.");
		return;
	}
	table_begin(out, "And the facts that they failed on", columns);
	json_array_foreach(missed, i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, str(r, "name"));
		put_place(out, r);
		text_adds(out, "</th>");
		cell_str(out, &columns[1], str(r, "stage"));
		cell(out, &columns[2]);
		escape_str(out, str(r, "why"));
		put_read(out, json_object_get(r, "facts"));
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
}

static void put_case_checks(struct text *out, json_t *checks)
{
	static const struct column columns[] = { { "Check" }, { "Outcome" }, { "ms", true }, { NULL } };
	const char *name;
	json_t *c;

	table_begin(out, "Time in the check itself, waiting not among it", columns);
	json_object_foreach(checks, name, c) {
		text_adds(out, "<tr><th scope=\"row\">");
		escape_str(out, name);
		text_adds(out, "</th>");
		cell_str(out, &columns[1], str(c, "outcome"));
		cell_ms(out, &columns[2], decimal(c, "ms"));
		text_adds(out, "</tr>");
	}
	table_end(out);
}

static void put_answers(struct text *out, const json_t *answers)
{
	static const struct column columns[] = { { "Question" }, { "Answer" }, { "From" }, { "ms", true }, { NULL } };
	size_t i;
	json_t *a;

	if (!json_array_size(answers)) {
		nothing(out, "None.");
		return;
	}
	table_begin(out, "What was looked up", columns);
	json_array_foreach(answers, i, a) {
		text_adds(out, "<tr><th scope=\"row\"><code>");
		escape_str(out, str(a, "name"));
		text_adds(out, "</code> ");
		escape_str(out, str(a, "type"));
		text_adds(out, "</th>");
		cell(out, &columns[1]);
		escape_str(out, str(a, "status"));
		text_adds(out, "<div class=\"note\">");
		put_value(out, json_object_get(a, "records"));
		text_adds(out, "</div>");
		cell_end(out);
		cell_str(out, &columns[2], str(a, "source"));
		cell_ms(out, &columns[3], decimal(a, "ms"));
		text_adds(out, "</tr>");
	}
	table_end(out);
}

static void put_row(struct text *out, const char *name, const char *value)
{
	if (!*value)
		return;
	text_addf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	put_bdi(out, value);
	cell_end(out);
		text_adds(out, "</tr>");
}

static void put_who(struct text *out, const json_t *c)
{
	const json_t *client = json_object_get(c, "client");
	size_t i;
	json_t *r;

	text_adds(out, "<div class=\"table\"><table><caption>The transaction</caption><tbody>");
	put_row(out, "Time", str(c, "time"));
	put_row(out, "Client", str(client, "ip"));
	put_row(out, "Its name", str(client, "name"));
	put_row(out, "HELO", str(client, "helo"));
	put_row(out, "User", str(client, "user"));
	if (json_object_get(c, "from"))
		put_row(out, "From", *str(c, "from") ? str(c, "from") : "<>");
	json_array_foreach(json_object_get(c, "recipients"), i, r) {
		bool refused_one = json_is_true(json_object_get(r, "refused"));

		put_row(out, refused_one ? "To (refused)" : json_is_true(json_object_get(r, "removed")) ? "To (removed)" : "To", str(r, "address"));
	}
	put_row(out, "Queue id", str(c, "queue_id"));
	put_row(out, "Message id", str(c, "message_id"));
	put_row(out, "Authentication-Results", str(c, "authentication_results"));
	text_adds(out, "</tbody></table></div>");
}

void page_case(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	json_t *c, *v;

	begin(q, "One transaction");
	c = ask(q, api_explain);
	v = json_object_get(c, "verdict");
	if (c) {
		text_adds(out, "<p>");
		put_verdict(out, str(v, "action"));
		text_adds(out, " at ");
		escape_str(out, str(v, "stage"));
		if (*str(v, "rule")) {
			text_adds(out, ", by rule ");
			put_rule_link(out, str(v, "rule"));
		}
		if (whole(v, "code"))
			text_addf(out, ": %lld ", whole(v, "code"));
		escape_str(out, str(v, "dsn"));
		text_adds(out, " <bdi>");
		escape_str(out, str(v, "text"));
		text_addf(out, "</bdi> <span class=\"dim\">score %.4g, %lld octets</span></p>", decimal(c, "score"), whole(c, "size"));
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
	end(q);
	json_decref(c);
}

/* ---- the others ---- */

void page_rules(const struct api_request *q)
{
	static const struct column columns[] = { { "Rule" }, { "What it does" }, { "Hits", true }, { "Only watched", true }, { "Last hit (UTC)" }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *r;
	size_t i;

	begin(q, "Rules");
	found = ask(q, api_rules);
	table_begin(out, "In the order in which they are looked at; hits since the start", columns);
	json_array_foreach(json_object_get(found, "rules"), i, r) {
		text_adds(out, "<tr><th scope=\"row\">");
		put_rule_link(out, str(r, "name"));
		text_adds(out, json_is_true(json_object_get(r, "shadow")) ? " <span class=\"hold\">shadow</span>" : "");
		put_place(out, r);
		text_adds(out, "</th>");
		cell(out, &columns[1]);
		text_adds(out, "at ");
		escape_str(out, str(r, "stage"));
		text_adds(out, ": ");
		escape_str(out, str(r, "action"));
		text_adds(out, "<pre>");
		escape_str(out, str(r, "text"));
		text_adds(out, "</pre>");
		cell_end(out);
		cell_number(out, &columns[2], whole(r, "hits"));
		cell_number(out, &columns[3], whole(r, "shadow_hits"));
		cell(out, &columns[4]);
		if (json_is_integer(json_object_get(r, "last_hit")))
			put_time(out, whole(r, "last_hit"));
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
	end(q);
	json_decref(found);
}

void page_checks(const struct api_request *q)
{
	static const struct column columns[] = { { "Check" }, { "Runs", true }, { "Failed", true }, { "Not awaited", true }, { "Skipped", true }, { "Half within ms", true },
		{ "95 of 100", true }, { "99 of 100", true }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *c;
	size_t i;

	begin(q, "Checks");
	found = ask(q, api_checks);
	if (!json_array_size(json_object_get(found, "checks"))) {
		nothing(out, "No check has run yet.");
	} else {
		table_begin(out, "Since the start; time spent in the check itself, waiting not among it", columns);
		json_array_foreach(json_object_get(found, "checks"), i, c) {
			const json_t *outcomes = json_object_get(c, "outcomes");
			long long failed = whole(outcomes, "temperror");

			text_adds(out, "<tr><th scope=\"row\">");
			escape_str(out, str(c, "name"));
			text_adds(out, "</th>");
			cell_number(out, &columns[1], whole(c, "runs"));
			cell(out, &columns[2]);
			text_addf(out, "<span%s>%lld</span>", failed ? " class=\"bad\"" : "", failed);
			cell_end(out);
			cell_number(out, &columns[3], whole(outcomes, "pending"));
			cell_number(out, &columns[4], whole(outcomes, "skipped"));
			cell_ms(out, &columns[5], decimal(c, "p50_ms"));
			cell_ms(out, &columns[6], decimal(c, "p95_ms"));
			cell_ms(out, &columns[7], decimal(c, "p99_ms"));
			text_adds(out, "</tr>");
		}
		table_end(out);
	}
	end(q);
	json_decref(found);
}

/* A row that the script gives buttons: actions are those of page.js, the members of e by these names are what is sent. */
static void row_begin(struct text *out, const char *actions, const json_t *e, const char *const *names)
{
	json_t *body = json_object();
	char *text;

	for (; body && *names; names++)
		(void)json_object_set(body, *names, json_object_get(e, *names));
	text = json_dumps(body, JSON_COMPACT);
	text_addf(out, "<tr data-actions=\"%s\" data-body=\"", actions);
	escape_str(out, text);
	text_adds(out, "\"><th scope=\"row\">");
	free(text);
	json_decref(body);
}

static void put_greylist(struct text *out, const json_t *entries)
{
	static const struct column columns[] = { { "Client" }, { "Sender" }, { "Recipient" }, { "State" }, { NULL } };
	size_t i;
	json_t *e;

	if (!json_array_size(entries)) {
		nothing(out, "Nobody waits, and nobody has passed.");
		return;
	}
	table_begin(out, "Who waits, and who has passed", columns);
	json_array_foreach(entries, i, e) {
		static const char *const sent[] = { "key", NULL };
		const json_t *key = json_object_get(e, "key");

		row_begin(out, "pass forget", e, sent);
		escape_str(out, json_string_value(json_array_get(key, 0)));
		text_adds(out, "</th>");
		for (size_t k = 1; k < 3; k++) {
			const char *part = json_string_value(json_array_get(key, k));

			cell_str(out, &columns[k], part ? part : "");
		}
		cell_str(out, &columns[3], str(e, "state"));
		text_adds(out, "</tr>");
	}
	table_end(out);
}

static void put_limits(struct text *out, const json_t *entries)
{
	static const struct column columns[] = { { "Rule" }, { "Of" }, { "Unused again in" }, { NULL } };
	size_t i;
	json_t *e;

	if (!json_array_size(entries)) {
		nothing(out, "Nothing is counted.");
		return;
	}
	table_begin(out, "What rules with a limit have counted: clients, accounts, whatever the limit is by", columns);
	json_array_foreach(entries, i, e) {
		static const char *const sent[] = { "rule", "values", NULL };

		row_begin(out, "reset", e, sent);
		put_rule_link(out, str(e, "rule"));
		text_adds(out, "</th>");
		cell(out, &columns[1]);
		put_value(out, json_object_get(e, "values"));
		cell_end(out);
		cell(out, &columns[2]);
		put_span(out, whole(e, "free_in_s"));
		cell_end(out);
		text_adds(out, "</tr>");
	}
	table_end(out);
}

void page_state(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	json_t *greylist, *limits;

	begin(q, "Greylist and limits");
	text_adds(out, "<div id=\"release\"></div>");
	if (!q->s->store)
		nothing(out, "There is no store: <code>state { }</code> in the configuration says where one is.");
	text_adds(out, "<h2>Greylist</h2>");
	greylist = ask(q, api_greylist);
	if (greylist)
		put_greylist(out, json_object_get(greylist, "entries"));
	text_adds(out, "<h2>Limits</h2>");
	limits = ask(q, api_limits);
	if (limits)
		put_limits(out, json_object_get(limits, "entries"));
	end(q);
	json_decref(greylist);
	json_decref(limits);
}

void page_lists(const struct api_request *q)
{
	static const struct column columns[] = { { "List" }, { "Of" }, { "Entries", true }, { "State" }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *l;
	size_t i;

	begin(q, "Lists");
	found = ask(q, api_lists);
	if (!json_array_size(json_object_get(found, "lists"))) {
		nothing(out, "The configuration has no lists.");
	} else {
		table_begin(out, "The lists of the configuration", columns);
		json_array_foreach(json_object_get(found, "lists"), i, l) {
			text_adds(out, "<tr><th scope=\"row\">");
			escape_str(out, str(l, "name"));
			put_place(out, l);
			text_adds(out, "</th>");
			cell_str(out, &columns[1], str(l, "type"));
			cell_number(out, &columns[2], whole(l, "entries"));
			cell(out, &columns[3]);
			if (*str(l, "stale")) {
				text_adds(out, "<span class=\"bad\">older than its files</span> ");
				escape_str(out, str(l, "stale"));
			} else {
				text_adds(out, "<span class=\"good\">as its files</span>");
			}
			cell_end(out);
		text_adds(out, "</tr>");
		}
		table_end(out);
	}
	end(q);
	json_decref(found);
}

void page_dmarc(const struct api_request *q)
{
	static const struct column columns[] = { { "Author's domain" }, { "Pass", true }, { "Fail", true }, { "Other", true }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *d;
	size_t i;

	begin(q, "DMARC");
	found = ask(q, api_dmarc);
	if (!json_array_size(json_object_get(found, "domains"))) {
		nothing(out, "Of no transaction in memory is anything known of DMARC: a rule has to read <code>dmarc.result</code> and <code>from.domain</code>.");
	} else {
		table_begin(out, "Transactions in memory, those domains first of which most fail", columns);
		json_array_foreach(json_object_get(found, "domains"), i, d) {
			text_adds(out, "<tr><th scope=\"row\"><a href=\"/history?domain=");
			escape_url(out, str(d, "domain"));
			text_adds(out, "\">");
			put_bdi(out, str(d, "domain"));
			text_adds(out, "</a></th>");
			cell_number(out, &columns[1], whole(d, "pass"));
			cell(out, &columns[2]);
			text_addf(out, "<span%s>%lld</span>", whole(d, "fail") ? " class=\"bad\"" : "", whole(d, "fail"));
			cell_end(out);
			cell_number(out, &columns[3], whole(d, "other"));
			text_adds(out, "</tr>");
		}
		table_end(out);
	}
	end(q);
	json_decref(found);
}

void page_error(const struct api_request *q, const char *error, const char *remedy)
{
	begin(q, "This cannot be shown");
	text_adds(&q->answer->body, "<p class=\"error\">");
	escape_str(&q->answer->body, error);
	text_adds(&q->answer->body, "</p><p>");
	escape_str(&q->answer->body, remedy);
	text_adds(&q->answer->body, "</p>");
	end(q);
}

void page_css_file(const struct api_request *q)
{
	q->answer->type = "text/css; charset=utf-8";
	text_add(&q->answer->body, page_css, page_css_len);
}

void page_js_file(const struct api_request *q)
{
	q->answer->type = "text/javascript; charset=utf-8";
	text_add(&q->answer->body, page_js, page_js_len);
}

void page_icon_file(const struct api_request *q)
{
	q->answer->type = "image/svg+xml";
	text_add(&q->answer->body, page_icon, page_icon_len);
}
