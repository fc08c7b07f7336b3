/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/piece.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filter/page/escape.h"

static const struct { const char *path, *title; } pages[] = {
	{ "/", "Overview" }, { "/history", "History" }, { "/held", "Held" }, { "/rules", "Rules" }, { "/checks", "Checks" }, { "/state", "Greylist and limits" }, { "/accounts", "Accounts" },
	{ "/lists", "Lists" }, { "/keys", "DKIM keys" }, { "/dmarc", "DMARC" },
};

/* ---- what the API says ---- */

json_t *page_ask(const struct api_request *q, void (*reader)(const struct api_request *q))
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

const char *page_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

long long page_whole(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

double page_decimal(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* ---- the frame ---- */

void page_begin(const struct api_request *q, const char *title)
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

void page_end(const struct api_request *q)
{
	text_adds(&q->answer->body, "</main></body></html>\n");
}

/* ---- tables ---- */

void page_table(struct text *out, const char *caption, const struct page_column *columns)
{
	text_addf(out, "<div class=\"table\"><table><caption>%s</caption><thead><tr>", caption);
	for (; columns->label; columns++)
		text_addf(out, "<th scope=\"col\"%s>%s</th>", columns->number ? " class=\"n\"" : "", columns->label);
	text_adds(out, "</tr></thead><tbody>");
}

void page_table_end(struct text *out)
{
	text_adds(out, "</tbody></table></div>");
}

void page_cell(struct text *out, const struct page_column *c)
{
	text_addf(out, "<td data-label=\"%s\"%s><div>", c->label, c->number ? " class=\"n\"" : "");
}

void page_cell_end(struct text *out)
{
	text_adds(out, "</div></td>");
}

void page_cell_number(struct text *out, const struct page_column *c, long long n)
{
	page_cell(out, c);
	text_addf(out, "%lld", n);
	page_cell_end(out);
}

void page_cell_ms(struct text *out, const struct page_column *c, double ms)
{
	page_cell(out, c);
	page_ms(out, ms);
	page_cell_end(out);
}

void page_cell_str(struct text *out, const struct page_column *c, const char *s)
{
	page_cell(out, c);
	if (*s)
		page_bdi(out, s);
	page_cell_end(out);
}

void page_row(struct text *out, const char *actions, const json_t *e, const char *const *names)
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

/* ---- values ---- */

void page_time(struct text *out, long long s)
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

void page_span(struct text *out, long long s)
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

void page_ms(struct text *out, double ms)
{
	text_addf(out, ms < 0.0005 ? "%.0f" : ms < 1 ? "%.3f" : ms < 100 ? "%.1f" : "%.0f", ms);
}

void page_bdi(struct text *out, const char *s)
{
	text_adds(out, "<bdi>");
	escape_str(out, s);
	text_adds(out, "</bdi>");
}

void page_value(struct text *out, const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_string(value)) {
		page_bdi(out, json_string_value(value));
	} else if (json_is_boolean(value)) {
		text_adds(out, json_is_true(value) ? "yes" : "no");
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) {
			text_adds(out, i ? "<br>" : "");
			page_value(out, item);
		}
	} else if (json_is_null(value) || !value) {
		text_adds(out, "<span class=\"dim\">unknown</span>");
	} else {
		text_addf(out, "%.10g", json_number_value(value));
	}
}

void page_nothing(struct text *out, const char *why)
{
	text_addf(out, "<p class=\"dim\">%s</p>", why);
}

void page_verdict(struct text *out, const char *verdict)
{
	text_adds(out, "<span class=\"verdict ");
	escape_str(out, verdict);
	text_adds(out, "\">");
	escape_str(out, verdict);
	text_adds(out, "</span>");
}

void page_rule_link(struct text *out, const char *rule)
{
	text_adds(out, "<a href=\"/history?rule=");
	escape_url(out, rule);
	text_adds(out, "\">");
	escape_str(out, rule);
	text_adds(out, "</a>");
}

void page_place(struct text *out, const json_t *o)
{
	text_adds(out, "<span class=\"dim\">");
	escape_str(out, page_str(o, "file"));
	text_addf(out, ":%lld</span>", page_whole(o, "line"));
}
