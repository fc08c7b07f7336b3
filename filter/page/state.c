/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include <string.h>
#include <strings.h>

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

/* One of its values is the name of an account. */
static bool is_of_account(const json_t *entry, const json_t *accounts)
{
	const json_t *values = json_object_get(entry, "values"), *v, *a;
	size_t i, k;

	json_array_foreach(values, i, v)
		json_array_foreach(accounts, k, a)
			if (!strcasecmp(json_string_value(v), page_str(a, "account")))
				return true;
	return false;
}

/* accounts: only what was counted of one of them; NULL: all. */
static void put_limits(struct text *out, const json_t *entries, const json_t *accounts)
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

		if (accounts && !is_of_account(e, accounts))
			continue;
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

static void put_held(struct text *out, const json_t *m, const struct page_column *columns)
{
	static const char *const sent[] = { "id", NULL };
	const json_t *recipients = json_object_get(m, "recipients");
	const char *state = page_str(m, "state");

	page_row(out, strcmp(state, "held") != 0 && strcmp(state, "failed") != 0 ? "" : "let drop", m, sent);
	text_adds(out, "<a href=\"/case/");
	escape_url(out, page_str(m, "id"));
	text_adds(out, "\">");
	page_bdi(out, page_str(m, "id"));
	text_adds(out, "</a><br>");
	page_time(out, page_whole(m, "arrived"));
	text_adds(out, "</th>");
	page_cell_str(out, &columns[1], *page_str(m, "sender") ? page_str(m, "sender") : "<>");
	page_cell(out, &columns[2]);
	page_value(out, recipients);
	if (page_whole(m, "recipient_count") > (long long)json_array_size(recipients))
		text_addf(out, "<span class=\"dim\">and %lld more</span>", page_whole(m, "recipient_count") - (long long)json_array_size(recipients));
	page_cell_end(out);
	page_cell(out, &columns[3]);
	if (*page_str(m, "rule"))
		page_rule_link(out, page_str(m, "rule"));
	text_adds(out, " ");
	page_bdi(out, page_str(m, "reason"));
	page_cell_end(out);
	page_cell(out, &columns[4]);
	if (!strcmp(state, "failed"))
		text_adds(out, "<span class=\"bad\">not done</span> ");
	escape_str(out, !strcmp(state, "failed") ? page_str(m, "error") : !strcmp(state, "held") ? "waits" : !strcmp(state, "drop") ? "is being dropped" : "is being released");
	page_cell_end(out);
	text_adds(out, "</tr>");
}

void page_held(const struct api_request *q)
{
	static const struct page_column columns[] = { { "Message" }, { "From" }, { "To" }, { "Why" }, { "State" }, { NULL } };
	struct text *out = &q->answer->body;
	const json_t *messages;
	json_t *found, *m;
	size_t i;

	page_begin(q, "Held mail");
	found = page_ask(q, api_held);
	messages = json_object_get(found, "messages");
	if (!json_is_true(json_object_get(found, "watched")))
		page_nothing(out, "Nobody tells what the queue of the mail server holds: <code>systemctl enable --now sluice-hold</code>, or run <code>sluicectl hold watch</code> as "
			"root. <code>sluicectl hold list</code> shows it at any time.");
	text_adds(out, "<div id=\"release\"></div>");
	if (json_array_size(messages)) {
		page_table(out, "What waits in the queue of the mail server for a person to look at; dropping needs a token of scope admin", columns);
		json_array_foreach(messages, i, m)
			put_held(out, m, columns);
		page_table_end(out);
	} else if (json_is_integer(json_object_get(found, "listed"))) {
		page_nothing(out, "Nothing is held.");
	}
	page_end(q);
	json_decref(found);
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
		put_limits(out, json_object_get(limits, "entries"), NULL);
	page_end(q);
	json_decref(greylist);
	json_decref(limits);
}

static void put_accounts(struct text *out, const json_t *accounts)
{
	static const struct page_column columns[] = { { "Account" }, { "Messages", true }, { "Recipients", true }, { "Held", true }, { "Put off", true }, { "Refused", true },
		{ "Clients", true }, { "Last seen (UTC)" }, { NULL } };
	static const char *const counted[] = { "cases", "recipients", "held", "tempfail", "reject", "clients" };
	size_t i;
	json_t *a;

	page_table(out, "Of the transactions in memory, those first of which most was held, put off or refused", columns);
	json_array_foreach(accounts, i, a) {
		text_adds(out, "<tr><th scope=\"row\"><a href=\"/history?user=");
		escape_url(out, page_str(a, "account"));
		text_adds(out, "\">");
		page_bdi(out, page_str(a, "account"));
		text_adds(out, "</a></th>");
		for (size_t k = 0; k < ARRAY_LEN(counted); k++)
			page_cell_number(out, &columns[k + 1], page_whole(a, counted[k]));
		page_cell(out, &columns[7]);
		page_time(out, page_whole(a, "last"));
		text_adds(out, " <span class=\"dim\">");
		escape_str(out, page_str(a, "last_client"));
		text_adds(out, "</span>");
		page_cell_end(out);
		text_adds(out, "</tr>");
	}
	page_table_end(out);
}

void page_accounts(const struct api_request *q)
{
	struct text *out = &q->answer->body;
	json_t *found, *accounts, *limits = NULL;

	page_begin(q, "Accounts");
	found = page_ask(q, api_accounts);
	accounts = json_object_get(found, "accounts");
	if (!json_array_size(accounts)) {
		page_nothing(out, "Nobody has logged in to send, of the transactions in memory.");
	} else {
		put_accounts(out, accounts);
		text_adds(out, "<h2>What rules have counted of them</h2><div id=\"release\"></div>");
		limits = page_ask(q, api_limits);
		if (limits)
			put_limits(out, json_object_get(limits, "entries"), accounts);
	}
	page_end(q);
	json_decref(found);
	json_decref(limits);
}
