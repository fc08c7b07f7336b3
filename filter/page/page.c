/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/page/page.h"

#include "filter/page/assets.h"
#include "filter/page/escape.h"
#include "filter/page/piece.h"

void page_error(const struct api_request *q, const char *error, const char *remedy)
{
	page_begin(q, "This cannot be shown");
	text_adds(&q->answer->body, "<p class=\"error\">");
	escape_str(&q->answer->body, error);
	text_adds(&q->answer->body, "</p><p>");
	escape_str(&q->answer->body, remedy);
	text_adds(&q->answer->body, "</p>");
	page_end(q);
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
