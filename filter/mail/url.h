/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * url.h - URLs as a browser reads them (WHATWG URL 4.4; RFC 3986), so that no trick in their spelling hides where they lead; and the URLs
 * and addresses in plain text. Pure.
 */
#ifndef MAIL_URL_H
#define MAIL_URL_H

#include <libpsl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "filter/mail/domain.h"
#include "plugins/plugin.h"

#define URL_SCHEME_SIZE 32 /* with the NUL; one that is longer is none */

/* What honest URLs seldom have. */
enum url_trick {
	URL_USERINFO = 1 << 0,     /* something before an @: http://bank.example@evil.example/ */
	URL_PERCENT_HOST = 1 << 1, /* %HH in the host */
	URL_CONTROL = 1 << 2,      /* tabs or ends of line in scheme or host, which browsers leave out */
	URL_BACKSLASH = 1 << 3,    /* \ for / */
	URL_ODD_DOT = 1 << 4,      /* U+3002 and the like for a dot in the host */
	URL_IDN = 1 << 5,          /* the host is not ASCII, or has an A-label */
	URL_MIXED_SCRIPT = 1 << 6, /* Latin, Greek, Cyrillic, Armenian, Cherokee: two of them within one label */
	URL_ODD_IP = 1 << 7,       /* an address not as all write it: 0x7f.1, 2130706433, [::ffff:127.0.0.1] */
	URL_BAD_HOST = 1 << 8,     /* no browser takes the host */
};

struct url {
	char scheme[URL_SCHEME_SIZE]; /* in small letters, without the colon */
	char host[DOMAIN_ASCII_SIZE]; /* in A-labels and small letters, without a dot at its end, or an address in its usual form; "": none */
	struct sluice_ip ip;          /* of a host that is an address; else family 0 */
	const char *rest;             /* within what was read: all behind the authority, or behind the colon */
	size_t rest_len;
	unsigned tricks; /* bits of enum url_trick */
};

/*
 * Read what a link leads to, or the text of a span. White space at its ends is passed over; one that begins with "//" is of http.
 * False: it is none, or one that is relative.
 */
bool url_read(const char *bytes, size_t len, struct url *ret);

/* Does a browser fetch it: http, https, ftp, and what leads to one of them. */
bool url_is_web(const struct url *u);

/*
 * The registrable domain within host, or the host itself where it is a public suffix; NULL: it has none, as an address, or a name of one
 * label.
 */
const char *url_domain(const psl_ctx_t *psl, const struct url *u);

/*
 * The next URL within path, query and fragment, with its escapes decoded, in the place of what ret held; at begins with 0. False: no more.
 * ret has to have room for rest_len octets.
 */
bool url_next_inner(const struct url *u, size_t *at, struct text *ret);

/* The next address of a mailto: URL (RFC 6068), the same way. */
bool url_next_address(const struct url *u, size_t *at, struct text *ret);

enum url_span_type {
	URL_SPAN_URL,    /* with its scheme */
	URL_SPAN_DOMAIN, /* www.example.net/x, or example.net/x with a suffix that is public; for url_read_span() */
	URL_SPAN_ADDRESS, /* user@example.net */
};
struct url_span {
	enum url_span_type type;
	const char *bytes;
	size_t len;
};

/*
 * The next URL, domain or address that a mail program would make a link of in plain UTF-8; at begins with 0. Punctuation and
 * brackets at its end are not of it. False: no more.
 */
bool url_find(const psl_ctx_t *psl, const char *text, size_t len, size_t *at, struct url_span *ret);
/* Read what was found; a domain is of http. False: it is none, or an address. */
bool url_read_span(const struct url_span *span, struct url *ret);

#endif
