/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/sign/sign_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/dkim_record.h"
#include "filter/mail/domain.h"

#define KEY_LINE     "a line is NAME DOMAIN:SELECTOR:PATH, such as k1 example.org:s1:/etc/dkimkeys/s1.pem"
#define SIGNING_LINE "a line is PATTERN NAME, such as *@example.org k1"

struct parser {
	const char *file;
	char *at, *end; /* a NUL at end */
	unsigned line;
	struct err *err;
};

static int wrong(const struct parser *p, const char *format, ...) SLUICE_PRINTF(2, 3);
static int wrong(const struct parser *p, const char *format, ...)
{
	char what[sizeof p->err->text];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return err_set(p->err, -EINVAL, "%s:%u: %s", p->file, p->line, what);
}

/* Cut the comment and the white space around off; what is left. NULL: it cannot be a line. */
static char *clean(char *line, char *end)
{
	char *comment = memchr(line, '#', (size_t)(end - line));

	end = comment ? comment : end;
	while (line < end && ascii_is_space(*line))
		line++;
	while (line < end && ascii_is_space(end[-1]))
		end--;
	*end = '\0';
	for (const char *s = line; s < end; s++)
		if ((unsigned char)*s < 0x20 && *s != '\t')
			return NULL;
	return end - line > SIGN_LINE_MAX_BYTES ? NULL : line;
}

/* The next line that says something: its first word, and what stands behind it. 1; 0 at the end. */
static int next_line(struct parser *p, char **ret_word, char **ret_rest)
{
	while (p->at < p->end) {
		char *eol = memchr(p->at, '\n', (size_t)(p->end - p->at)), *line = clean(p->at, eol ? eol : p->end);

		p->line++;
		p->at = eol ? eol + 1 : p->end;
		if (!line)
			return wrong(p, "a line has at most %d octets, and no control characters", SIGN_LINE_MAX_BYTES);
		if (!*line)
			continue;
		*ret_word = line;
		line += strcspn(line, " \t");
		*ret_rest = line + strspn(line, " \t");
		*line = '\0';
		return 1;
	}
	return 0;
}

static int begin(struct parser *p, const char *file, const char *bytes, size_t len, char **ret_copy, struct err *reterr)
{
	char *copy;

	if (len > SIGN_TABLE_MAX_BYTES)
		return err_set(reterr, -EINVAL, "%s: a table has at most %u MB", file, SIGN_TABLE_MAX_BYTES >> 20);
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	*ret_copy = copy;
	*p = (struct parser){ .file = file, .at = copy, .end = copy + len, .err = reterr };
	return 0;
}

/* ---- the KeyTable ---- */

/* Up to the next colon, which becomes a NUL. NULL: there is none. */
static char *field(char **rest)
{
	char *s = *rest, *colon = strchr(s, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	*rest = colon + 1;
	return s;
}

static int read_key(struct parser *p, struct key_table *t, char *name, char *rest)
{
	const char *domain = field(&rest), *selector = domain ? field(&rest) : NULL;
	struct key_row row = { name, domain, selector, rest, p->line };
	const struct key_row *same = key_table_find(t, name, strlen(name));

	if (!selector)
		return wrong(p, "%s", KEY_LINE);
	if (!strcmp(domain, "%"))
		row.domain = NULL;
	else if (!dkim_domain_valid(domain, strlen(domain)))
		return wrong(p, "'%s' is no domain: write one such as example.org, or %% for that of the sender", domain);
	if (!dkim_selector_valid(selector, strlen(selector)))
		return wrong(p, "'%s' is no selector: it has letters, digits and hyphens", selector);
	if (*rest != '/' && strncmp(rest, "./", 2) != 0 && strncmp(rest, "../", 3) != 0)
		return wrong(p, "behind the selector stands no path: put the key into a file of its own, and its whole path here");
	if (!row.domain && strchr(rest, '%'))
		return wrong(p, "domain and path both depend on the sender: write a line for each domain");
	if (same)
		return wrong(p, "key %s stands in line %u too: give one of them another name", name, same->line);
	if (t->rows.len == SIGN_TABLE_MAX_ROWS)
		return wrong(p, "a table has at most %d lines", SIGN_TABLE_MAX_ROWS);
	return vec_push(&t->rows, row) ? 0 : -ENOMEM;
}

int key_table_parse(const char *file, const char *bytes, size_t len, struct key_table *ret, struct err *reterr)
{
	struct key_table t = { .bytes = NULL };
	struct parser p;
	char *name, *rest;
	int r = begin(&p, file, bytes, len, &t.bytes, reterr);

	while (r == 0 && (r = next_line(&p, &name, &rest)) > 0)
		r = read_key(&p, &t, name, rest);
	if (r < 0) {
		key_table_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void key_table_done(struct key_table *t)
{
	vec_done(&t->rows);
	free(t->bytes);
	t->bytes = NULL;
}

const struct key_row *key_table_find(const struct key_table *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->rows.len; i++)
		if (ascii_equals(name, len, t->rows.items[i].name))
			return &t->rows.items[i];
	return NULL;
}

/* ---- the SigningTable ---- */

/* What a pattern is in a table without wildcards. */
enum form { FORM_ADDRESS, FORM_DOMAIN, FORM_USER_BELOW, FORM_BELOW, FORM_USER, FORM_ANY, FORM_WILDCARD };

static enum form form_of(const char *pattern, const char **ret_host)
{
	const char *at = strrchr(pattern, '@'), *host = at ? at + 1 : pattern, *star = strchr(pattern, '*');
	bool any = !strcmp(host, "*");

	*ret_host = host;
	if (star && (!any || star != host))
		return FORM_WILDCARD;
	if (any)
		return at ? FORM_USER : FORM_ANY;
	if (*host == '.') {
		*ret_host = host + 1;
		return at ? FORM_USER_BELOW : FORM_BELOW;
	}
	return at ? FORM_ADDRESS : FORM_DOMAIN;
}

/* The names of one line, each a row. */
static int read_signing(struct parser *p, struct signing_table *t, const char *pattern, char *rest)
{
	struct signing_row row = { pattern, NULL, p->line };
	const char *host;
	enum form form = form_of(pattern, &host);
	size_t count = 0;

	for (size_t i = 0; i < t->rows.len; i++)
		count += ascii_equals(pattern, strlen(pattern), t->rows.items[i].pattern);
	if (!*rest || strpbrk(rest, " \t"))
		return wrong(p, "%s", SIGNING_LINE);
	if (form < FORM_USER && !domain_valid(host, strlen(host), 1))
		return wrong(p, "'%s' is no pattern: write *@example.org, user@example.org, example.org or .example.org", pattern);
	t->wildcards |= form == FORM_WILDCARD;
	rest[strcspn(rest, ":")] = '\0';
	for (char *name = rest, *comma; name; name = comma) {
		comma = strchr(name, ',');
		if (comma)
			*comma++ = '\0';
		if (!*name)
			return wrong(p, "a key without a name: write k1 or k1,k2");
		if (++count > SIGN_MAX_KEYS)
			return wrong(p, "one pattern has at most %d keys", SIGN_MAX_KEYS);
		if (t->rows.len == SIGN_TABLE_MAX_ROWS)
			return wrong(p, "a table has at most %d keys", SIGN_TABLE_MAX_ROWS);
		row.key = name;
		if (!vec_push(&t->rows, row))
			return -ENOMEM;
	}
	return 0;
}

int signing_table_parse(const char *file, const char *bytes, size_t len, struct signing_table *ret, struct err *reterr)
{
	struct signing_table t = { .bytes = NULL };
	struct parser p;
	char *pattern, *rest;
	int r = begin(&p, file, bytes, len, &t.bytes, reterr);

	while (r == 0 && (r = next_line(&p, &pattern, &rest)) > 0)
		r = read_signing(&p, &t, pattern, rest);
	if (r < 0) {
		signing_table_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void signing_table_done(struct signing_table *t)
{
	vec_done(&t->rows);
	free(t->bytes);
	t->bytes = NULL;
}

struct sender {
	const char *local, *domain;
	size_t local_len, domain_len;
};

static char octet(const struct sender *s, size_t i)
{
	if (i < s->local_len)
		return ascii_lower(s->local[i]);
	return i == s->local_len ? '@' : ascii_lower(s->domain[i - s->local_len - 1]);
}

/* * stands for any octets, none among them; to go back to the last one is enough. */
static bool wildcard_matches(const char *pattern, const struct sender *s)
{
	size_t len = s->local_len + 1 + s->domain_len, at = 0, resume_at = 0;
	const char *resume = NULL;

	while (at < len) {
		if (*pattern == '*') {
			resume = ++pattern;
			resume_at = at;
		} else if (*pattern && ascii_lower(*pattern) == octet(s, at)) {
			pattern++;
			at++;
		} else if (resume) {
			pattern = resume;
			at = ++resume_at;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

#define NO_MATCH UINT32_MAX

/* How far a pattern is from the sender: 0 is the address itself. */
static unsigned distance(const char *pattern, const struct sender *s)
{
	const char *host, *at;
	enum form form = form_of(pattern, &host);
	size_t host_len = strlen(host);
	bool user, equal = domain_equal(s->domain, s->domain_len, host, host_len);

	if (form == FORM_WILDCARD)
		return wildcard_matches(pattern, s) ? 0 : NO_MATCH;
	at = strrchr(pattern, '@');
	user = !at || ascii_equal(s->local, s->local_len, pattern, (size_t)(at - pattern));
	switch (form) {
	case FORM_ADDRESS:
		return user && equal ? 0 : NO_MATCH;
	case FORM_DOMAIN:
		return equal ? 1 : NO_MATCH;
	case FORM_USER_BELOW:
	case FORM_BELOW:
		if (!user || equal || !domain_within(s->domain, s->domain_len, host, host_len))
			return NO_MATCH;
		return 2 * (domain_labels(s->domain, s->domain_len) - domain_labels(host, host_len)) + (form == FORM_BELOW);
	case FORM_USER:
		return user ? NO_MATCH - 2 : NO_MATCH;
	case FORM_ANY:
	case FORM_WILDCARD:
		break;
	}
	return NO_MATCH - 1;
}

size_t signing_table_match(const struct signing_table *t, const char *local, size_t local_len, const char *domain, size_t domain_len,
	const struct signing_row *ret[SIGN_MAX_KEYS])
{
	const struct sender s = { local, domain, local_len, domain_len };
	const char *best = NULL;
	unsigned best_distance = NO_MATCH;
	size_t count = 0;

	for (size_t i = 0; i < t->rows.len && best_distance > 0; i++) {
		unsigned d = distance(t->rows.items[i].pattern, &s);

		if (d >= best_distance)
			continue;
		best = t->rows.items[i].pattern;
		best_distance = t->wildcards ? 0 : d;
	}
	for (size_t i = 0; best && i < t->rows.len && count < SIGN_MAX_KEYS; i++) {
		const struct signing_row *row = &t->rows.items[i];

		if (ascii_equals(best, strlen(best), row->pattern))
			ret[count++] = row;
	}
	return count;
}
