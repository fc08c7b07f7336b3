/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/html.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/html_reference.h"

#define NAME_MAX_LEN 15 /* of a tag or attribute that means something here */

/* What a tag does to the text; all others do nothing. */
enum effect {
	NOTHING,
	BLOCK, /* what is before and after it stands on lines of its own */
	CELL,  /* ... is not one word */
	ASIDE, /* all up to its end tag is no markup, and not shown */
	SHOWN, /* ... is no markup, but shown */
	REST,  /* nothing is markup after it */
};
static const struct element {
	const char *name;
	enum effect effect;
} elements[] = { /* in the order of their names */
	{ "address", BLOCK }, { "article", BLOCK }, { "aside", BLOCK }, { "blockquote", BLOCK }, { "body", BLOCK }, { "br", BLOCK },
	{ "button", CELL }, { "caption", BLOCK }, { "center", BLOCK }, { "dd", BLOCK }, { "details", BLOCK }, { "dialog", BLOCK },
	{ "dir", BLOCK }, { "div", BLOCK }, { "dl", BLOCK }, { "dt", BLOCK }, { "fieldset", BLOCK }, { "figcaption", BLOCK },
	{ "figure", BLOCK }, { "footer", BLOCK }, { "form", BLOCK }, { "h1", BLOCK }, { "h2", BLOCK }, { "h3", BLOCK }, { "h4", BLOCK },
	{ "h5", BLOCK }, { "h6", BLOCK }, { "header", BLOCK }, { "hr", BLOCK }, { "iframe", ASIDE }, { "img", CELL }, { "input", CELL },
	{ "legend", BLOCK }, { "li", BLOCK }, { "listing", BLOCK }, { "main", BLOCK }, { "menu", BLOCK }, { "nav", BLOCK },
	{ "noembed", ASIDE }, { "noframes", ASIDE }, { "ol", BLOCK }, { "option", BLOCK }, { "p", BLOCK }, { "plaintext", REST },
	{ "pre", BLOCK }, { "script", ASIDE }, { "section", BLOCK }, { "style", ASIDE }, { "summary", BLOCK }, { "table", BLOCK },
	{ "td", CELL }, { "textarea", SHOWN }, { "th", CELL }, { "title", ASIDE }, { "tr", BLOCK }, { "ul", BLOCK }, { "xmp", SHOWN },
};

/* What the value of an attribute is. */
enum meaning { HREF, URL_LOAD, URL_SUBMIT, URL_SET, STYLE, HTTP_EQUIV, CONTENT };
static const struct attribute {
	const char *name;
	enum meaning meaning;
} attributes[] = { /* in the order of their names */
	{ "action", URL_SUBMIT }, { "background", URL_LOAD }, { "content", CONTENT }, { "data", URL_LOAD }, { "dynsrc", URL_LOAD },
	{ "formaction", URL_SUBMIT }, { "href", HREF }, { "http-equiv", HTTP_EQUIV }, { "lowsrc", URL_LOAD }, { "poster", URL_LOAD },
	{ "src", URL_LOAD }, { "srcset", URL_SET }, { "style", STYLE }, { "xlink:href", HREF },
};

enum gap { NO_GAP, BLANK, LINE };
struct reader {
	struct html *h;
	const char *at, *end;
	enum gap gap;         /* what is to stand before the next word */
	size_t open;          /* the link whose text is being shown, from 1 on; 0: none */
	char name[NAME_MAX_LEN + 1]; /* of the tag, in small letters; "": longer than any that is known */
	size_t content_at, content_len; /* within urls: its attribute */
	bool refreshes;
	unsigned seen; /* its attributes so far: of two the first counts */
	bool no_memory;
};

static bool is_space(char c)
{
	return ascii_is_space(c) || c == '\f';
}

static int by_name(const void *name, const void *row) /* a row begins with its name */
{
	return strcmp(name, *(const char *const *)row);
}

static const struct element *element_of(const struct reader *r)
{
	return bsearch(r->name, elements, ARRAY_LEN(elements), sizeof elements[0], by_name);
}

static void copy_name(char ret[NAME_MAX_LEN + 1], const char *name, size_t len)
{
	len = len <= NAME_MAX_LEN ? len : 0;
	for (size_t i = 0; i < len; i++)
		ret[i] = ascii_lower(name[i]);
	ret[len] = '\0';
}

/* ---- text ---- */

static void want_gap(struct reader *r, enum gap gap)
{
	if (gap > r->gap)
		r->gap = gap;
}

static void show(struct reader *r, const char *bytes, size_t len)
{
	struct text *text = &r->h->text;

	if (len && r->gap != NO_GAP && text->len)
		text_addc(text, r->gap == LINE ? '\n' : ' ');
	if (len)
		r->gap = NO_GAP;
	text_add(text, bytes, len);
}

static void show_text(struct reader *r, const char *bytes, const char *end)
{
	while (bytes < end) {
		char reference[HTML_REFERENCE_SIZE];
		const char *word = bytes;
		size_t len;

		while (bytes < end && !is_space(*bytes) && *bytes != '&' && *bytes != '\0' && *bytes != '\xc2')
			bytes++;
		show(r, word, (size_t)(bytes - word));
		if (bytes == end)
			break;
		len = *bytes == '&' ? html_reference_read(bytes, (size_t)(end - bytes), false, reference) : 0;
		if (len && strcmp(reference, "\xc2\xa0") != 0 && !is_space(reference[0])) {
			show(r, reference, strlen(reference));
		} else if (len || is_space(*bytes)) {
			want_gap(r, BLANK);
		} else if (*bytes == '\xc2' && end - bytes > 1 && bytes[1] == '\xa0') {
			want_gap(r, BLANK);
			len = 2;
		} else if (*bytes != '\0') {
			show(r, bytes, 1);
		}
		bytes += len ? len : 1;
	}
}

static void put_aside(struct reader *r, const char *bytes, const char *end)
{
	if (end > bytes) {
		text_add(&r->h->aside, bytes, (size_t)(end - bytes));
		text_addc(&r->h->aside, '\n');
	}
}

/* ---- links ---- */

static void decode(struct text *out, const char *bytes, size_t len)
{
	for (const char *end = bytes + len; bytes < end;) {
		const char *amp = memchr(bytes, '&', (size_t)(end - bytes));
		char reference[HTML_REFERENCE_SIZE];
		size_t n;

		text_add(out, bytes, (size_t)((amp ? amp : end) - bytes));
		if (!amp)
			return;
		n = html_reference_read(amp, (size_t)(end - amp), true, reference);
		text_adds(out, n ? reference : "&");
		bytes = amp + (n ? n : 1);
	}
}

/* The octets of urls from `at` on are one. */
static void add_link(struct reader *r, enum html_link_type type, size_t at, size_t len)
{
	struct html *h = r->h;
	struct html_link link = { .type = type };

	while (len && is_space(text_str(&h->urls)[at])) {
		at++;
		len--;
	}
	while (len && is_space(h->urls.bytes[at + len - 1]))
		len--;
	link.url_at = at;
	link.url_len = len;
	if (h->links.len == HTML_MAX_LINKS)
		h->cut = true;
	else if (len && !vec_push(&h->links, link))
		r->no_memory = true;
}

/* "a.png 1x, b.png 2x" */
static void add_set(struct reader *r, size_t at, size_t len)
{
	size_t end = at + len;

	while (at < end) {
		const char *bytes = r->h->urls.bytes;
		size_t from;

		while (at < end && (is_space(bytes[at]) || bytes[at] == ','))
			at++;
		for (from = at; at < end && !is_space(bytes[at]);)
			at++;
		add_link(r, HTML_LOAD, from, at - from - (at > from && bytes[at - 1] == ','));
		if (at > from && bytes[at - 1] == ',')
			continue;
		while (at < end && bytes[at] != ',')
			at++;
	}
}

static void add_href(struct reader *r, size_t at, size_t len)
{
	bool anchor = !strcmp(r->name, "a");
	size_t before = r->h->links.len;

	if (!strcmp(r->name, "base"))
		add_link(r, HTML_BASE, at, len);
	else if (!strcmp(r->name, "link") || !strcmp(r->name, "image") || !strcmp(r->name, "use"))
		add_link(r, HTML_LOAD, at, len);
	else
		add_link(r, HTML_CLICK, at, len);
	if (anchor && r->h->links.len > before) {
		r->open = r->h->links.len;
		r->h->links.items[before].shown_at = r->h->text.len;
	}
}

/* "5; url=https://..." (WHATWG HTML, 4.2.5.3): what is behind the number. */
static void add_refresh(struct reader *r)
{
	const char *at = text_str(&r->h->urls) + r->content_at, *end = at + r->content_len, *quote;

	while (at < end && (is_space(*at) || ascii_is_digit(*at) || *at == '.'))
		at++;
	while (at < end && (is_space(*at) || *at == ';' || *at == ','))
		at++;
	if (end - at > 3 && ascii_equal(at, 3, "url", 3)) {
		const char *after = at + 3;

		while (after < end && is_space(*after))
			after++;
		if (after < end && *after == '=')
			at = after + 1;
		while (at < end && is_space(*at))
			at++;
	}
	if (at < end && (*at == '"' || *at == '\'')) {
		quote = memchr(at + 1, *at, (size_t)(end - at - 1));
		end = quote ? quote : end;
		at++;
	}
	add_link(r, HTML_REFRESH, (size_t)(at - text_str(&r->h->urls)), (size_t)(end - at));
}

static void see_attribute(struct reader *r, const char *name, size_t name_len, const char *value, size_t len)
{
	const struct attribute *a;
	char known[NAME_MAX_LEN + 1];
	size_t at = r->h->urls.len;
	unsigned bit;

	copy_name(known, name, name_len);
	a = bsearch(known, attributes, ARRAY_LEN(attributes), sizeof attributes[0], by_name);
	bit = a ? 1u << (a - attributes) : 0;
	if (!a || r->seen & bit)
		return;
	r->seen |= bit;
	decode(&r->h->urls, value, len);
	len = r->h->urls.len - at;
	switch (a->meaning) {
	case HREF:
		add_href(r, at, len);
		break;
	case URL_LOAD:
		add_link(r, HTML_LOAD, at, len);
		break;
	case URL_SUBMIT:
		add_link(r, HTML_SUBMIT, at, len);
		break;
	case URL_SET:
		add_set(r, at, len);
		break;
	case STYLE:
		put_aside(r, text_str(&r->h->urls) + at, text_str(&r->h->urls) + at + len);
		break;
	case HTTP_EQUIV:
		r->refreshes = ascii_equals(text_str(&r->h->urls) + at, len, "refresh");
		break;
	case CONTENT:
		r->content_at = at;
		r->content_len = len;
		break;
	}
}

/* ---- markup ---- */

/* The value behind a '=' and white space; at is moved behind it. */
static const char *read_value(struct reader *r, size_t *ret_len)
{
	const char *value = r->at;

	if (r->at < r->end && (*r->at == '"' || *r->at == '\'')) {
		value = r->at + 1;
		r->at = memchr(value, *r->at, (size_t)(r->end - value));
		r->at = r->at ? r->at : r->end;
		*ret_len = (size_t)(r->at - value);
		r->at += r->at < r->end;
		return value;
	}
	while (r->at < r->end && !is_space(*r->at) && *r->at != '>')
		r->at++;
	*ret_len = (size_t)(r->at - value);
	return value;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && is_space(*r->at))
		r->at++;
}

/* The attributes of a tag, up to and with its '>'; false: it has no end. */
static bool read_attributes(struct reader *r, bool matter)
{
	r->seen = 0;
	r->refreshes = false;
	r->content_len = 0;
	for (;;) {
		const char *name, *value = NULL;
		size_t name_len, len = 0;

		while (r->at < r->end && (is_space(*r->at) || *r->at == '/'))
			r->at++;
		if (r->at == r->end)
			return false;
		if (*r->at == '>') {
			r->at++;
			return true;
		}
		for (name = r->at++; r->at < r->end && !is_space(*r->at) && *r->at != '/' && *r->at != '>' && *r->at != '=';)
			r->at++;
		name_len = (size_t)(r->at - name);
		skip_space(r);
		if (r->at < r->end && *r->at == '=') {
			r->at++;
			skip_space(r);
			value = read_value(r, &len);
		}
		if (matter && value)
			see_attribute(r, name, name_len, value, len);
	}
}

static void end_shown(struct reader *r)
{
	struct html_link *link;

	if (!r->open)
		return;
	link = &r->h->links.items[r->open - 1];
	link->shown_len = r->h->text.len - link->shown_at;
	if (link->shown_len && is_space(r->h->text.bytes[link->shown_at])) { /* the gap before its first word */
		link->shown_at++;
		link->shown_len--;
	}
	r->open = 0;
}

/* Where the end tag of the element is, whose content is no markup; the end of all, if it has none. */
static const char *find_end_tag(const struct reader *r)
{
	size_t len = strlen(r->name);

	for (const char *at = r->at; at < r->end; at++) {
		at = memchr(at, '<', (size_t)(r->end - at));
		if (!at)
			return r->end;
		if ((size_t)(r->end - at) > len + 2 && at[1] == '/' && ascii_equal(at + 2, len, r->name, len) &&
			(is_space(at[2 + len]) || at[2 + len] == '/' || at[2 + len] == '>'))
			return at;
	}
	return r->end;
}

static void apply(struct reader *r, bool start)
{
	const struct element *e = element_of(r);
	const char *content = r->at;

	switch (e ? e->effect : NOTHING) {
	case NOTHING:
		break;
	case BLOCK:
		want_gap(r, LINE);
		break;
	case CELL:
		want_gap(r, BLANK);
		break;
	case ASIDE:
		if (start) {
			r->at = find_end_tag(r);
			put_aside(r, content, r->at);
		}
		break;
	case SHOWN:
		want_gap(r, LINE);
		if (start) {
			r->at = find_end_tag(r);
			show_text(r, content, r->at);
		}
		break;
	case REST:
		want_gap(r, LINE);
		if (start) {
			r->at = r->end;
			show_text(r, content, r->at);
		}
		break;
	}
}

static void read_tag(struct reader *r)
{
	const char *tag = r->at, *name;
	size_t links = r->h->links.len;
	bool start = r->at[1] != '/';

	for (name = r->at += start ? 1 : 2; r->at < r->end && !is_space(*r->at) && *r->at != '/' && *r->at != '>';)
		r->at++;
	copy_name(r->name, name, (size_t)(r->at - name));
	if (!strcmp(r->name, "a"))
		end_shown(r);
	if (!read_attributes(r, start)) { /* no browser shows it, but what is in it may be a link all the same */
		r->h->links.len = links;
		r->open = r->open > links ? 0 : r->open;
		put_aside(r, tag, r->end);
		return;
	}
	if (r->refreshes && r->content_len)
		add_refresh(r);
	apply(r, start);
}

/* "<!-->" and "<!--->" are whole; else "-->" or "--!>" ends it. */
static void read_comment(struct reader *r)
{
	const char *content = r->at + 4;

	for (const char *at = content - 2; (at = memchr(at, '>', (size_t)(r->end - at))); at++) {
		ptrdiff_t mark = !memcmp(at - 2, "--", 2) ? 2 : at - content >= 3 && !memcmp(at - 3, "--!", 3) ? 3 : 0;

		if (mark) {
			put_aside(r, content, at - mark);
			r->at = at + 1;
			return;
		}
	}
	put_aside(r, content, r->end);
	r->at = r->end;
}

/* "<!DOCTYPE ...>", "<![if !mso]>", "<?xml ...>", "</ >" */
static void skip_bogus(struct reader *r)
{
	const char *end = memchr(r->at, '>', (size_t)(r->end - r->at));

	r->at = end ? end + 1 : r->end;
}

static void read_markup(struct reader *r)
{
	size_t left = (size_t)(r->end - r->at);
	char next = left > 1 ? r->at[1] : '\0';

	if (ascii_is_alpha(next) || (next == '/' && left > 2 && ascii_is_alpha(r->at[2])))
		read_tag(r);
	else if (next == '!' && left >= 4 && !memcmp(r->at, "<!--", 4))
		read_comment(r);
	else if (next == '!' || next == '?' || (next == '/' && left > 2))
		skip_bogus(r);
	else
		show(r, r->at++, 1);
}

bool html_read(struct html *ret, const char *bytes, size_t len)
{
	struct reader r = { .h = ret };

	*ret = (struct html){ .cut = len > HTML_MAX_BYTES };
	len = ret->cut ? HTML_MAX_BYTES : len;
	/* No reference stands for more octets than it has itself by half, and each gap is made of what was left out. */
	ret->text = ret->aside = ret->urls = TEXT_INIT(2 * len + 1);
	r.at = bytes;
	r.end = bytes + len;
	while (r.at < r.end) {
		const char *markup = memchr(r.at, '<', (size_t)(r.end - r.at));

		markup = markup ? markup : r.end;
		show_text(&r, r.at, markup);
		r.at = markup;
		if (markup < r.end)
			read_markup(&r);
	}
	end_shown(&r);
	return !r.no_memory && !ret->text.failed && !ret->aside.failed && !ret->urls.failed;
}

void html_done(struct html *h)
{
	text_done(&h->text);
	text_done(&h->aside);
	text_done(&h->urls);
	vec_done(&h->links);
}

const char *html_url(const struct html *h, const struct html_link *link)
{
	return text_str(&h->urls) + link->url_at;
}

const char *html_shown(const struct html *h, const struct html_link *link)
{
	return text_str(&h->text) + link->shown_at;
}
