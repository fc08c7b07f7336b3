/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include <string.h>

#include "filter/api_read.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

void page_dmarc(const struct api_request *q)
{
	static const struct page_column columns[] = { { "Author's domain" }, { "Pass", true }, { "Fail", true }, { "Other", true }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *d;
	size_t i;

	page_begin(q, "DMARC");
	found = page_ask(q, api_dmarc);
	if (!json_array_size(json_object_get(found, "domains"))) {
		page_nothing(out, "Of no transaction in memory is anything known of DMARC: a rule has to read <code>dmarc.result</code> and <code>from.domain</code>.");
	} else {
		page_table(out, "Transactions in memory, those domains first of which most fail", columns);
		json_array_foreach(json_object_get(found, "domains"), i, d) {
			text_adds(out, "<tr><th scope=\"row\"><a href=\"/history?domain=");
			escape_url(out, page_str(d, "domain"));
			text_adds(out, "\">");
			page_bdi(out, page_str(d, "domain"));
			text_adds(out, "</a></th>");
			page_cell_number(out, &columns[1], page_whole(d, "pass"));
			page_cell(out, &columns[2]);
			text_addf(out, "<span%s>%lld</span>", page_whole(d, "fail") ? " class=\"bad\"" : "", page_whole(d, "fail"));
			page_cell_end(out);
			page_cell_number(out, &columns[3], page_whole(d, "other"));
			text_adds(out, "</tr>");
		}
		page_table_end(out);
	}
	page_end(q);
	json_decref(found);
}

void page_keys(const struct api_request *q)
{
	static const struct page_column columns[] = { { "Record" }, { "State" }, { "Since (UTC)" }, { "Asked (UTC)" }, { NULL } };
	struct text *out = &q->answer->body;
	json_t *found, *k;
	size_t i;

	page_begin(q, "DKIM keys");
	found = page_ask(q, api_keys);
	if (!json_array_size(json_object_get(found, "keys"))) {
		page_nothing(out, "Nothing is signed by a key of a domain that the configuration names: <code>sluicectl dkim keygen DOMAIN</code> makes one.");
	} else {
		page_table(out, "The keys that sign, and what the DNS has of them: asked at start, after a reload, and each hour", columns);
		json_array_foreach(json_object_get(found, "keys"), i, k) {
			bool bad = json_is_true(json_object_get(k, "bad"));

			text_adds(out, "<tr><th scope=\"row\"><code>");
			escape_str(out, page_str(k, "name"));
			text_adds(out, "</code></th>");
			page_cell(out, &columns[1]);
			text_adds(out, bad ? "<span class=\"bad\">" : !strcmp(page_str(k, "state"), "good") ? "<span class=\"good\">" : "<span class=\"hold\">");
			escape_str(out, page_str(k, "text"));
			text_adds(out, "</span>");
			page_cell_end(out);
			page_cell(out, &columns[2]);
			page_time(out, page_whole(k, "since"));
			page_cell_end(out);
			page_cell(out, &columns[3]);
			page_time(out, page_whole(k, "asked"));
			page_cell_end(out);
			text_adds(out, "</tr>");
		}
		page_table_end(out);
	}
	page_end(q);
	json_decref(found);
}
