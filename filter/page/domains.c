/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

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
