/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/hash.h"
#include "filter/base/shortage.h"
#include "filter/base/text.h"
#include "filter/base/utf8.h"
#include "filter/mail/encoded_word.h"
#include "filter/mail/header_field.h"
#include "filter/mail/html.h"
#include "filter/mail/mailbox.h"
#include "filter/mail/mime.h"
#include "filter/mail/token_char.h"
#include "filter/mail/url.h"

#define HEADER_MAX      256  /* tokens of the header and of what the parts say of themselves */
#define LINKS_MAX       256  /* tokens of links */
#define SLOTS           4096 /* of the table; a power of two, and more than twice what can be in it */
#define SLOT_BITS       12
#define BUCKET_BITS     10
#define FIELDS_MAX      50   /* header fields that are looked at */
#define FIELD_MAX_BYTES 4096 /* of one */
#define PARTS_MAX       100
#define URLS_MAX        200
#define PATH_WORDS_MAX  4 /* of one URL */
#define PREFIX_MAX      20
#define WORD_MAX_CHARS  24
#define WORD_MAX_BYTES  (4 * WORD_MAX_CHARS)
#define DIGITS_MAX      4 /* a number of more is but a shape: nobody gets the same one twice */
#define SHOWN_MAX_BYTES 300
#define NONE            SIZE_MAX

enum place { HEADER, LINK, TEXT, PLACES };

struct token {
	uint64_t id;
	uint32_t at; /* within shown */
	uint16_t len;
	uint16_t place;
};

struct tokens {
	const psl_ctx_t *psl;
	uint64_t spread; /* odd; which slot an id has is not for others to know */
	uint16_t slots[SLOTS]; /* an index from 1 on; 0: free */
	struct token items[HEADER_MAX + LINKS_MAX + TOKENS_MAX];
	size_t count, of[PLACES], room[PLACES], urls;
	size_t text_left; /* octets that may still be read, carriage returns apart */
	struct token sorted[TOKENS_MAX]; /* those that are left, by id */
	uint64_t ids[TOKENS_MAX];
	struct text shown;
	bool no_memory;
};

/* ---- a set of them ---- */

static uint64_t id_of(const char *bytes, size_t len)
{
	static const struct hash_key fixed = { UINT64_C(0x736c756963652d74), UINT64_C(0x6f6b656e732d3031) };
	uint64_t id = hash_bytes(&fixed, bytes, len);

	return id ? id : 1;
}

/* Of two words in this order. */
static uint64_t id_of_pair(uint64_t a, uint64_t b)
{
	uint64_t x = a * UINT64_C(0x9e3779b97f4a7c15) ^ (b << 32 | b >> 32) * UINT64_C(0xc2b2ae3d27d4eb4f);

	x ^= x >> 29;
	x *= UINT64_C(0x165667b19e3779f9);
	x ^= x >> 32;
	return x ? x : 1;
}

static uint16_t *slot_of(struct tokens *t, uint64_t id)
{
	size_t i = (size_t)(id * t->spread >> (64 - SLOT_BITS));

	while (t->slots[i] && t->items[t->slots[i] - 1].id != id)
		i = (i + 1) % SLOTS;
	return &t->slots[i];
}

static bool is_full(const struct tokens *t, enum place place)
{
	return t->of[place] == t->room[place];
}

/* Where it is, or NONE: there is no room. */
static size_t add(struct tokens *t, enum place place, uint64_t id, const char *shown, size_t len)
{
	uint16_t *slot = slot_of(t, id);
	struct token *token = &t->items[t->count];

	if (*slot)
		return *slot - 1u;
	if (is_full(t, place))
		return NONE;
	*token = (struct token){ id, (uint32_t)t->shown.len, (uint16_t)len, (uint16_t)place };
	text_add(&t->shown, shown, len);
	t->of[place]++;
	*slot = (uint16_t)++t->count;
	return t->count - 1;
}

/*
 * Of the header and links: a prefix and what is behind it, in small letters. What is too long is left out, and what has blanks or ends of lines in it, as a quoted
 * local part may.
 */
static void add_named(struct tokens *t, enum place place, const char *prefix, const char *bytes, size_t len)
{
	char name[SHOWN_MAX_BYTES];
	size_t prefix_len = strlen(prefix);

	if (!len || prefix_len + len > sizeof name)
		return;
	memcpy(name, prefix, prefix_len);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)bytes[i] <= ' ' || bytes[i] == 0x7f)
			return;
		name[prefix_len + i] = ascii_lower(bytes[i]);
	}
	(void)add(t, place, id_of(name, prefix_len + len), name, prefix_len + len);
}

static void add_word(struct tokens *t, enum place place, const char *prefix, const char *word)
{
	add_named(t, place, prefix, word, strlen(word));
}

/* ---- links ---- */

static void add_domain(struct tokens *t, enum place place, const char *prefix, const struct url *u)
{
	const char *domain = url_domain(t->psl, u);

	if (domain && strcmp(domain, u->host) != 0)
		add_word(t, place, prefix, domain);
	add_word(t, place, prefix, u->host);
}

/* Its first words that are words: what counts clicks is full of others. */
static void add_path(struct tokens *t, const struct url *u)
{
	size_t words = 0;

	for (size_t at = 0, from = 0; at < u->rest_len && words < PATH_WORDS_MAX && u->rest[at] != '?'; from = ++at) {
		while (at < u->rest_len && ascii_is_alpha(u->rest[at]))
			at++;
		if (at - from < 3 || at - from > WORD_MAX_CHARS)
			continue;
		add_named(t, LINK, "path:", u->rest + from, at - from);
		words++;
	}
}

static void see_url(struct tokens *t, const struct url *u)
{
	if (t->urls++ >= URLS_MAX)
		return;
	if (u->host[0]) {
		add_domain(t, LINK, "url:", u);
		add_path(t, u);
	} else if (strcmp(u->scheme, "mailto") != 0 && strcmp(u->scheme, "cid") != 0) {
		add_word(t, LINK, "scheme:", u->scheme);
	}
}

/* One begins at `at` in plain text. Returns where it ends. */
static const char *see_link(struct tokens *t, enum url_span_type type, const char *at, const char *end)
{
	struct url_span span = { type, at, 0 };
	struct url u;

	while (at < end && (unsigned char)*at > ' ' && *at != '<' && *at != '>' && *at != '"')
		at++;
	for (span.len = (size_t)(at - span.bytes); span.len && strchr(".,;:!?)]}'*_", span.bytes[span.len - 1]);)
		span.len--;
	if (t->urls < URLS_MAX && url_read_span(&span, &u) && u.host[0])
		see_url(t, &u);
	return at;
}

static bool is_web_scheme(const char *word, size_t len)
{
	return ascii_equals(word, len, "http") || ascii_equals(word, len, "https") || ascii_equals(word, len, "ftp");
}

/* Of a text whose words are no longer looked at. */
static void see_links(struct tokens *t, const char *at, const char *end)
{
	const char *begin = at;

	while (t->urls < URLS_MAX && (at = memmem(at, (size_t)(end - at), "://", 3))) {
		const char *scheme = at;

		while (scheme > begin && ascii_is_alpha(scheme[-1]))
			scheme--;
		begin = at += 3;
		if (is_web_scheme(scheme, (size_t)(at - 3 - scheme)))
			begin = at = see_link(t, URL_SPAN_URL, scheme, end);
	}
}

/* ---- words ---- */

struct reader {
	struct tokens *t;
	enum place place;
	size_t prefix_len;
	char word[PREFIX_MAX + WORD_MAX_BYTES + 8]; /* the prefix, and the word that is being read */
	size_t len, chars, digits, first_len;       /* of the word without its prefix; chars may be more than there are */
	const char *began;                          /* where the word stands */
	char run[4];                                /* the last character of a script without blanks */
	size_t run_len, run_chars;
	size_t before; /* the word before this one; NONE: it has no neighbour */
};

static void add_pair(struct reader *r, size_t i)
{
	const struct token *a = &r->t->items[r->before], *b = &r->t->items[i];
	char shown[SHOWN_MAX_BYTES];
	size_t b_len = b->len - r->prefix_len;

	if (r->t->shown.failed)
		return;
	memcpy(shown, r->t->shown.bytes + a->at, a->len);
	shown[a->len] = ' ';
	memcpy(shown + a->len + 1, r->t->shown.bytes + b->at + r->prefix_len, b_len);
	(void)add(r->t, r->place, id_of_pair(a->id, b->id), shown, a->len + 1u + b_len);
}

/* What is in word. */
static size_t add_read(struct reader *r)
{
	return add(r->t, r->place, id_of(r->word, r->prefix_len + r->len), r->word, r->prefix_len + r->len);
}

static void add_with_pair(struct reader *r)
{
	size_t i = add_read(r);

	if (i != NONE && r->before != NONE)
		add_pair(r, i);
	r->before = i;
}

static void end_run(struct reader *r)
{
	if (r->run_chars == 1) {
		memcpy(r->word + r->prefix_len, r->run, r->run_len);
		r->len = r->run_len;
		(void)add_read(r);
		r->len = 0;
	}
	r->run_chars = 0;
}

/* The shape of what is too long, or a number, as the next one like it will have it. */
static void make_shape(struct reader *r)
{
	char *word = r->word + r->prefix_len;

	if (r->chars > WORD_MAX_CHARS)
		r->len = r->first_len + (size_t)sprintf(word + r->first_len, "..%zu", r->chars > 100 ? 100 : r->chars / 10 * 10);
	else if (r->digits > DIGITS_MAX)
		for (size_t i = 0; i < r->len; i++)
			word[i] = ascii_is_digit(word[i]) ? '#' : word[i];
}

/* One of a single letter is none, and the words around it are neighbours. */
static void end_word(struct reader *r)
{
	if (r->run_chars)
		end_run(r);
	if (r->chars > 1) {
		make_shape(r);
		add_with_pair(r);
	}
	r->len = r->chars = r->digits = 0;
}

/* The first character of a word has n octets, and stands at `at`. */
static void begin_word(struct reader *r, size_t n, const char *at)
{
	if (r->run_chars)
		end_run(r);
	r->began = at;
	r->first_len = n;
}

static void put(struct reader *r, const char *bytes, size_t n, const char *at)
{
	if (!r->chars)
		begin_word(r, n, at);
	if (r->chars++ >= WORD_MAX_CHARS)
		return;
	memcpy(r->word + r->prefix_len + r->len, bytes, n);
	r->len += n;
}

/* Each two neighbours are a word. */
static void put_run(struct reader *r, const char *bytes, size_t n)
{
	if (r->chars)
		end_word(r);
	r->before = NONE;
	if (r->run_chars++) {
		memcpy(r->word + r->prefix_len, r->run, r->run_len);
		memcpy(r->word + r->prefix_len + r->run_len, bytes, n);
		r->len = r->run_len + n;
		(void)add_read(r);
		r->len = 0;
	}
	memcpy(r->run, bytes, n);
	r->run_len = n;
}

static void put_alone(struct reader *r, const char *bytes, size_t n)
{
	end_word(r);
	memcpy(r->word + r->prefix_len, bytes, n);
	r->len = n;
	(void)add_read(r);
	r->len = 0;
}

/* The character of n octets at `at`. */
static void see_char(struct reader *r, const char *at, size_t n)
{
	uint32_t code = utf8_decode(at, n);
	enum token_char type = token_char_fold(&code);
	char bytes[4];

	n = utf8_encode(code, bytes);
	switch (type) {
	case TOKEN_CHAR_GAP:
		end_word(r);
		break;
	case TOKEN_CHAR_NOTHING:
		break;
	case TOKEN_CHAR_WORD:
		r->digits += n == 1 && ascii_is_digit(bytes[0]);
		put(r, bytes, n, at);
		break;
	case TOKEN_CHAR_RUN:
		put_run(r, bytes, n);
		break;
	case TOKEN_CHAR_ALONE:
		put_alone(r, bytes, n);
		break;
	}
}

/* Of ASCII, and neither letter nor digit: it ends the word, unless it belongs into one: don't, $100, 1,000.50, 50%. Returns what comes after it. */
static const char *see_mark(struct reader *r, const char *at, const char *end)
{
	bool word_next = at + 1 < end && ascii_is_alnum(at[1]), digit_next = word_next && ascii_is_digit(at[1]);
	bool digit_before = r->chars && r->digits && ascii_is_digit(at[-1]);

	if (*at == '\'' && r->chars && word_next)
		return at + 1;
	if ((*at == ',' || *at == '.') && digit_before && digit_next)
		return at + 1;
	if ((*at == '$' && !r->chars && digit_next) || (*at == '%' && digit_before)) {
		put(r, at, 1, at);
		return at + 1;
	}
	if (r->place == TEXT && *at == ':' && r->chars && end - at > 2 && at[1] == '/' && at[2] == '/' && is_web_scheme(r->began, (size_t)(at - r->began))) {
		r->len = r->chars = r->digits = 0;
		return see_link(r->t, URL_SPAN_URL, r->began, end);
	}
	if (r->place == TEXT && *at == '.' && word_next && r->chars == 3 && ascii_equals(r->began, (size_t)(at - r->began), "www")) {
		r->len = r->chars = r->digits = 0;
		return see_link(r->t, URL_SPAN_DOMAIN, r->began, end);
	}
	end_word(r);
	return at + 1;
}

/* A letter, as a small one, or a digit; else NUL. Here, and not of ascii.h: it is done for each octet. */
static inline char fold_ascii(char c)
{
	unsigned char lower = (unsigned char)c | 0x20;

	if (lower >= 'a' && lower <= 'z')
		return (char)lower;
	return c >= '0' && c <= '9' ? c : '\0';
}

/* All letters and digits of ASCII from here on, at least one. Returns what comes after them. */
static const char *see_ascii(struct reader *r, const char *at, const char *end)
{
	char *word = r->word + r->prefix_len, c;

	if (!r->chars)
		begin_word(r, 1, at);
	for (; at < end && (c = fold_ascii(*at)); at++) {
		if (r->chars++ < WORD_MAX_CHARS)
			word[r->len++] = c;
		r->digits += c <= '9';
	}
	return at;
}

/* Returns where it has come to: there may be no more room. */
static const char *see_words(struct tokens *t, enum place place, const char *prefix, const char *bytes, size_t len)
{
	struct reader r = { .t = t, .place = place, .prefix_len = strlen(prefix), .before = NONE };
	const char *at = bytes, *end = bytes + len;

	memcpy(r.word, prefix, r.prefix_len);
	while (at < end && !is_full(t, place)) {
		size_t n;

		if (fold_ascii(*at)) {
			at = see_ascii(&r, at, end);
		} else if (*at == ' ') {
			end_word(&r);
			at++;
		} else if ((unsigned char)*at < 0x80) {
			at = see_mark(&r, at, end);
		} else if ((n = utf8_char_len(at, (size_t)(end - at)))) {
			see_char(&r, at, n);
			at += n;
		} else {
			end_word(&r);
			at++;
		}
	}
	end_word(&r);
	return at;
}

/* ---- the header ---- */

/* How many of these octets may be read, so that the end is the same however lines end. */
static size_t take_bytes(size_t *left, const char *bytes, size_t len)
{
	const char *at = bytes, *end = bytes + len;

	while (at < end && *left) {
		size_t n = (size_t)(end - at) < *left ? (size_t)(end - at) : *left;
		const char *cr = memchr(at, '\r', n);

		n = cr ? (size_t)(cr - at) : n;
		*left -= n;
		at += n + (cr != NULL);
	}
	return (size_t)(at - bytes);
}

struct header_seen {
	size_t recipients;
	struct url from, message_id; /* hosts alone */
};

/* The domain of an address, as a host. */
static void read_host(const char *bytes, size_t len, struct url *ret)
{
	*ret = (struct url){ .rest = "" };
	if (len >= sizeof ret->host)
		return;
	for (size_t i = 0; i < len; i++)
		ret->host[i] = ascii_lower(bytes[i]);
}

static void see_address(struct tokens *t, const char *prefix, const char *prefix_domain, const struct text *address, struct url *ret_host)
{
	const char *at = memrchr(text_str(address), '@', address->len);

	if (!at)
		return;
	read_host(at + 1, (size_t)(address->bytes + address->len - at - 1), ret_host);
	add_named(t, HEADER, prefix, address->bytes, address->len);
	add_domain(t, HEADER, prefix_domain, ret_host);
}

static void see_addresses(struct tokens *t, const char *prefix, const char *prefix_domain, const struct sluice_part *field, struct url *ret_host)
{
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	struct header_lexer lexer = { field->bytes, field->bytes + field->len };
	enum mailbox_step step;

	while ((step = mailbox_next(&lexer, &address)) != MAILBOX_END)
		if (step == MAILBOX_ADDRESS)
			see_address(t, prefix, prefix_domain, &address, ret_host);
}

static size_t count_addresses(const struct sluice_part *field)
{
	SLUICE_CLEANUP(text_done) struct text address = TEXT_INIT(MAILBOX_MAX_BYTES);
	struct header_lexer lexer = { field->bytes, field->bytes + field->len };
	size_t count = 0;

	while (mailbox_next(&lexer, &address) != MAILBOX_END)
		count++;
	return count;
}

static void see_unstructured(struct tokens *t, const char *prefix, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(4 * FIELD_MAX_BYTES);

	encoded_word_decode(&text, bytes, len);
	(void)see_words(t, HEADER, prefix, text_str(&text), text.len);
}

static void see_from(struct tokens *t, const struct sluice_part *field, struct header_seen *seen)
{
	const char *angle = memrchr(field->bytes, '<', field->len);

	if (angle)
		see_unstructured(t, "from-name:", field->bytes, (size_t)(angle - field->bytes));
	see_addresses(t, "from:", "from-domain:", field, &seen->from);
}

static void see_message_id(const struct sluice_part *field, struct header_seen *seen)
{
	const char *at = memrchr(field->bytes, '@', field->len), *end = at ? memchr(at, '>', (size_t)(field->bytes + field->len - at)) : NULL;

	if (end)
		read_host(at + 1, (size_t)(end - at) - 1, &seen->message_id);
}

enum field { SUBJECT, FROM, REPLY_TO, TO, MESSAGE_ID, MAILER, FIELDS };
static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{ "Subject", SUBJECT }, { "From", FROM }, { "Reply-To", REPLY_TO }, { "To", TO }, { "Cc", TO }, { "Message-ID", MESSAGE_ID },
	{ "X-Mailer", MAILER }, { "User-Agent", MAILER },
};

static enum field field_of(const struct sluice_part *part)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (header_field_is(part->name, part->name_len, fields[i].name))
			return fields[i].field;
	return FIELDS;
}

static void see_field(struct tokens *t, enum field field, const struct sluice_part *part, struct header_seen *seen)
{
	struct url ignored;

	switch (field) {
	case SUBJECT:
		see_unstructured(t, "subject:", part->bytes, part->len);
		break;
	case FROM:
		see_from(t, part, seen);
		break;
	case REPLY_TO:
		see_addresses(t, "reply-to:", "reply-to-domain:", part, &ignored);
		break;
	case TO:
		seen->recipients += count_addresses(part);
		break;
	case MESSAGE_ID:
		see_message_id(part, seen);
		break;
	case MAILER:
		see_unstructured(t, "mailer:", part->bytes, part->len);
		break;
	case FIELDS:
		break;
	}
}

/* Of one registrable domain. */
static bool are_related(const struct tokens *t, const struct url *a, const struct url *b)
{
	const char *one = url_domain(t->psl, a), *other = url_domain(t->psl, b);

	return !strcmp(one ? one : a->host, other ? other : b->host);
}

static void see_header(struct tokens *t, const struct tokens_message *m)
{
	struct header_seen seen = { .recipients = 0 };
	struct sluice_part part;
	size_t looked_at = 0;

	for (size_t i = 0; looked_at < FIELDS_MAX && m->field(m->arg, i, &part); i++) {
		enum field field = field_of(&part);
		size_t left = FIELD_MAX_BYTES;

		if (field == FIELDS)
			continue;
		looked_at++;
		part.len = take_bytes(&left, part.bytes, part.len);
		see_field(t, field, &part, &seen);
	}
	add_word(t, HEADER, "to:", seen.recipients == 0 ? "none" : seen.recipients == 1 ? "one" : seen.recipients <= 5 ? "few" : "many");
	if (seen.from.host[0] && seen.message_id.host[0])
		add_word(t, HEADER, "message-id:", are_related(t, &seen.from, &seen.message_id) ? "same" : "other");
}

/* ---- the parts ---- */

static void see_name(struct tokens *t, const struct sluice_text *name)
{
	const char *dot = memrchr(name->bytes, '.', name->len);
	size_t len = dot ? (size_t)(name->bytes + name->len - dot) - 1 : 0;

	if (len <= 10)
		add_named(t, HEADER, "ext:", dot ? dot + 1 : "", len);
}

static void see_part(struct tokens *t, const struct sluice_mime_part *p)
{
	add_word(t, HEADER, "type:", p->type);
	add_word(t, HEADER, "charset:", p->charset);
	for (size_t i = 0; i < p->name_count; i++)
		see_name(t, &p->names[i]);
}

static size_t count_octets(const char *at, const char *end)
{
	size_t count = 0;

	for (; at < end; at++)
		count += *at != '\r';
	return count;
}

/* Where the last octets of a text begin, so many without carriage returns, at a word; not before `at`. */
static const char *find_last(const char *at, const char *end, size_t count)
{
	const char *last = end;

	while (last > at && count)
		count -= *--last != '\r';
	for (size_t n = 0; last > at && last < end && n < WORD_MAX_BYTES && !ascii_is_space(*last); n++)
		last++;
	while (last < end && ((unsigned char)*last & 0xc0) == 0x80)
		last++;
	return last;
}

/*
 * Half of the room is for its beginning. If that is full, the rest is for as much of its end, lest words that are put before a message
 * hide it.
 */
static void see_plain(struct tokens *t, const char *bytes, size_t len)
{
	const char *end = bytes + len, *at, *last;
	size_t room = t->room[TEXT], count;

	t->room[TEXT] = room - (room - t->of[TEXT]) / 2;
	at = see_words(t, TEXT, "", bytes, len);
	t->room[TEXT] = room;
	while (at < end && (*at == '\r' || *at == '\n')) /* else it is between the two or behind the one */
		at++;
	if (at == end)
		return;
	count = count_octets(bytes, at);
	last = find_last(at, end, count - count / 4); /* its words may be shorter, and the last are to be among them */
	see_links(t, at, last);
	at = see_words(t, TEXT, "", last, (size_t)(end - last));
	see_links(t, at, end);
}

static void see_html(struct tokens *t, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(html_done) struct html h;
	struct url u;

	t->no_memory |= !html_read(&h, bytes, len);
	for (size_t i = 0; i < h.links.len && t->urls < URLS_MAX; i++)
		if (url_read(html_url(&h, &h.links.items[i]), h.links.items[i].url_len, &u))
			see_url(t, &u);
	see_plain(t, text_str(&h.text), h.text.len);
}

static bool is_text(const struct sluice_mime_part *p)
{
	return !p->container && (!strcmp(p->type, "text/plain") || !strcmp(p->type, "text/html"));
}

static void see_text(struct tokens *t, const struct tokens_message *m, size_t part)
{
	size_t len;
	const char *text = m->text(m->arg, part, &len);

	if (!text) {
		t->no_memory = true;
		return;
	}
	len = take_bytes(&t->text_left, text, len);
	if (!strcmp(m->mime->parts[part].type, "text/html"))
		see_html(t, text, len);
	else
		see_plain(t, text, len);
}

/* What one leaves of its share is for those behind it. */
static void see_texts(struct tokens *t, const struct tokens_message *m, size_t parts)
{
	size_t room = TOKENS_MAX - t->of[HEADER], texts = 0;

	for (size_t i = 0; i < parts; i++)
		texts += is_text(&m->mime->parts[i]);
	for (size_t i = 0; i < parts && t->text_left; i++) {
		if (!is_text(&m->mime->parts[i]))
			continue;
		t->room[TEXT] = t->of[TEXT] + (room - t->of[TEXT]) / texts--;
		see_text(t, m, i);
	}
}

/* ---- all of it ---- */

static void clear(struct tokens *t)
{
	memset(t->slots, 0, sizeof t->slots);
	memset(t->of, 0, sizeof t->of);
	t->count = t->urls = 0;
	t->room[HEADER] = HEADER_MAX;
	t->room[LINK] = LINKS_MAX;
	t->text_left = TOKENS_MAX_TEXT_BYTES;
	t->no_memory = false;
	text_clear(&t->shown);
}

/* Take the last of the text off. */
static void trim(struct tokens *t)
{
	size_t kept = t->count, to = 0;

	for (size_t i = t->count; i-- > 0 && kept > TOKENS_MAX;)
		if (t->items[i].place == TEXT) {
			t->items[i].id = 0;
			kept--;
		}
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].id)
			t->items[to++] = t->items[i];
	t->count = to;
}

static size_t bucket_of(const struct token *token)
{
	return (size_t)(token->id >> (64 - BUCKET_BITS));
}

/* By id. They are hashes, so each bucket has about one; that somebody makes ids for it costs little, as there are few of them. */
static void sort(struct tokens *t)
{
	size_t ends[1 << BUCKET_BITS] = { 0 };
	struct token *sorted = t->sorted;

	for (size_t i = 0; i < t->count; i++)
		ends[bucket_of(&t->items[i])]++;
	for (size_t k = 1; k < ARRAY_LEN(ends); k++)
		ends[k] += ends[k - 1];
	for (size_t i = 0; i < t->count; i++)
		sorted[--ends[bucket_of(&t->items[i])]] = t->items[i];
	for (size_t i = 1; i < t->count; i++) {
		struct token token = sorted[i];
		size_t k = i;

		for (; k && sorted[k - 1].id > token.id; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = token;
	}
	for (size_t i = 0; i < t->count; i++)
		t->ids[i] = sorted[i].id;
}

bool tokens_take(struct tokens *t, const struct tokens_message *m)
{
	size_t parts = m->mime->count < PARTS_MAX ? m->mime->count : PARTS_MAX;

	clear(t);
	see_header(t, m);
	for (size_t i = 0; i < parts; i++)
		see_part(t, &m->mime->parts[i]);
	see_texts(t, m, parts);
	trim(t);
	sort(t);
	return !t->no_memory && !t->shown.failed;
}

struct tokens *tokens_new(const psl_ctx_t *psl)
{
	struct tokens *t = shortage_zalloc(sizeof *t);

	if (!t)
		return NULL;
	t->psl = psl;
	t->spread = hash_key_shared()->k0 | 1;
	t->shown = (struct text)TEXT_INIT(ARRAY_LEN(t->items) * SHOWN_MAX_BYTES);
	return t;
}

void tokens_free(struct tokens *t)
{
	if (!t)
		return;
	text_done(&t->shown);
	free(t);
}

const uint64_t *tokens_ids(const struct tokens *t, size_t *ret_count)
{
	*ret_count = t->count;
	return t->ids;
}

const char *tokens_shown(const struct tokens *t, size_t i, size_t *ret_len)
{
	*ret_len = t->sorted[i].len;
	return text_str(&t->shown) + t->sorted[i].at;
}
