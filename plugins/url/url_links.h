/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url_links.h - the links of one message, gathered from its texts: where they lead, and by what tricks. Pure, but for the random key of
 * its sets.
 */
#ifndef URL_LINKS_H
#define URL_LINKS_H

#include "filter/base/text_set.h"
#include "filter/mail/html.h"
#include "filter/mail/url.h"

#define URL_MAX_LINKS    2048 /* of one message that are looked at: a hostile host takes 40 us */
#define URL_MAX_NAMES    256  /* different hosts, addresses, ... that are kept: as many as a fact has */
#define URL_MAX_REDIRECT 4    /* URLs within URLs within URLs */

struct url_links {
	const psl_ctx_t *psl;
	/* Does a host lead on to the URLs within its URLs? NULL: none does. */
	bool (*redirects)(const void *arg, const char *host, size_t len);
	const void *arg;

	size_t count, mailto;      /* links; those of mailto: among them */
	struct text_set hosts;     /* names and IP addresses */
	struct text_set domains;   /* registrable */
	struct text_set schemes;   /* those that mail seldom has */
	struct text_set addresses; /* that a reader may write to: of mailto:, in plain text, of Reply-To */
	struct text_set shown;     /* "www.bank.example -> evil.example": links that show another URL than they have */
	unsigned tricks;           /* bits of enum url_trick, of all links */
	bool ip;                   /* a host is an address */
	bool form;                 /* a form is sent somewhere */
	bool too_many;             /* a limit: there is more than what is here */
	bool no_memory;
};

/* psl and arg are borrowed. */
void url_links_init(struct url_links *l, const psl_ctx_t *psl, bool (*redirects)(const void *arg, const char *host, size_t len), const void *arg);
void url_links_done(struct url_links *l);
/* Plain text in UTF-8: what mail programs make links of. */
void url_links_see_text(struct url_links *l, const char *text, size_t len);
/* The value of a field Reply-To. */
void url_links_see_reply_to(struct url_links *l, const char *value, size_t len);
/* HTML in UTF-8: its links, and the text that is not that of one. */
void url_links_see_html(struct url_links *l, const char *bytes, size_t len);

#endif
