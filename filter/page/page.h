/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page.h - what the API shows, as pages for people. They are whole without a script, and load nothing but the files of assets.h from where
 * they came. Everything in them goes through escape.h.
 */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include "filter/api.h"

void page_overview(const struct api_request *q);
void page_history(const struct api_request *q);
void page_case(const struct api_request *q);
void page_rules(const struct api_request *q);
void page_checks(const struct api_request *q);
void page_state(const struct api_request *q); /* greylist and limits */
void page_lists(const struct api_request *q);
void page_held(const struct api_request *q);
void page_accounts(const struct api_request *q);
void page_keys(const struct api_request *q);
void page_dmarc(const struct api_request *q);
void page_css_file(const struct api_request *q);
void page_js_file(const struct api_request *q);
void page_icon_file(const struct api_request *q);
/* An error as a page; the status is set. */
void page_error(const struct api_request *q, const char *error, const char *remedy);

#endif
