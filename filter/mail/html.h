/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * html.h - what a reader of HTML is shown, and where it leads: the tokens of HTML, without a tree (WHATWG HTML, 13.2.5). One pass over
 * the octets; nothing is nested, so that no depth can harm. Pure.
 */
#ifndef MAIL_HTML_H
#define MAIL_HTML_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/text.h"
#include "filter/base/vec.h"

#define HTML_MAX_BYTES (2u << 20) /* that are read */
#define HTML_MAX_LINKS 4096       /* of one text; more are passed over */

enum html_link_type {
	HTML_CLICK,   /* a, area: where a click leads */
	HTML_LOAD,    /* images, frames, style sheets: fetched so that the message can be shown */
	HTML_SUBMIT,  /* where a form is sent */
	HTML_REFRESH, /* where a reader is led without a click */
	HTML_BASE,    /* what links that are relative begin with */
};

struct html_link {
	enum html_link_type type;
	size_t url_at, url_len;   /* within urls: as it stands there, references decoded, without white space at its ends */
	size_t shown_at, shown_len; /* of an `a`: within text */
};

struct html {
	/*
	 * What is shown: references decoded, white space joined to one blank (a no-break space, too), a line feed between blocks.
	 * What style sheets hide is in it.
	 */
	struct text text;
	/* Scripts, styles, comments, titles, as they stand there: nobody is shown these, but some programs see links in them. */
	struct text aside;
	struct text urls;
	VEC(struct html_link) links; /* in their order */
	bool cut;                    /* a limit: there is more than what is here */
};

/* Read UTF-8; octets that are none are as any other. False: no memory. What was found till then is there; html_done() in any case. */
bool html_read(struct html *ret, const char *bytes, size_t len) SLUICE_MUST_USE;
void html_done(struct html *h);
/* Borrowed; a NUL does not follow. */
const char *html_url(const struct html *h, const struct html_link *link);
const char *html_shown(const struct html *h, const struct html_link *link);

#endif
