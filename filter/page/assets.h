/* SPDX-License-Identifier: BSD-2-Clause */
/* assets.h - the files beside the page, as the build puts them into the daemon. */
#ifndef PAGE_ASSETS_H
#define PAGE_ASSETS_H

extern const unsigned char page_css[], page_js[], page_icon[];
extern const unsigned page_css_len, page_js_len, page_icon_len;

#endif
