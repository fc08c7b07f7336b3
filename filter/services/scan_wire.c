/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/scan_wire.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

#define DEPTH_MAX 100

const char *const scan_kind_words[] = { "mismatch", "executable", "script", "double-extension", "archive", "encrypted", "bomb", "slip", "macro",
	"pdf-active", "embedded", "external", "unread", NULL };
_Static_assert(ARRAY_LEN(scan_kind_words) == SLUICE_SCAN_KINDS + 1, "a word for each kind");

/* ---- writing ---- */

void scan_request_write(struct text *out, size_t len, const char *type, const char *name, size_t name_len)
{
	text_addf(out, "%zu\t", len);
	text_add_safe(out, type, strlen(type), SCAN_TYPE_MAX);
	text_addc(out, '\t');
	text_add_safe(out, name, name_len, SCAN_NAME_MAX);
}

void scan_answer_file(struct text *out, unsigned depth, const char *type, const char *name, size_t name_len)
{
	text_addf(out, "file\t%u\t", depth);
	text_add_safe(out, type, strlen(type), SCAN_TYPE_MAX);
	text_addc(out, '\t');
	text_add_safe(out, name, name_len, SCAN_NAME_MAX);
	text_addc(out, '\n');
}

void scan_answer_found(struct text *out, enum sluice_scan_kind kind, const char *text, const char *name, size_t name_len)
{
	text_addf(out, "found\t%s\t", scan_kind_words[kind]);
	text_add_safe(out, text, strlen(text), SCAN_TEXT_MAX);
	text_addc(out, '\t');
	text_add_safe(out, name, name_len, SCAN_NAME_MAX);
	text_addc(out, '\n');
}

void scan_answer_end(struct text *out, uint64_t unpacked_bytes)
{
	text_addf(out, "end\t%llu\n", (unsigned long long)unpacked_bytes);
}

/* ---- reading ---- */

/* The field up to the octet `end`, which becomes its NUL; *at goes behind it. NULL: there is none, or it is too long. */
static char *field(char **at, const char *limit, char end, size_t max)
{
	char *start = *at, *found = memchr(start, end, (size_t)(limit - start));

	if (!found || (size_t)(found - start) > max)
		return NULL;
	*found = '\0';
	*at = found + 1;
	return start;
}

/* As text_add_safe() writes it. */
static bool is_text(const char *s)
{
	size_t left = strlen(s), n;

	for (; left; s += n, left -= n) {
		n = utf8_char_len(s, left);
		if (!n || utf8_is_control(s, n))
			return false;
	}
	return true;
}

/* A media type (RFC 6838 4.2) in lower case. */
static bool is_type(const char *s)
{
	size_t len = strlen(s), slashes = 0;

	for (size_t i = 0; i < len; i++) {
		slashes += s[i] == '/';
		if (s[i] != '/' && !(ascii_is_alnum(s[i]) && s[i] == ascii_lower(s[i])) && !strchr("!#$&-^_.+", s[i]))
			return false;
	}
	return slashes == 1 && s[0] != '/' && s[len - 1] != '/';
}

static bool number(const char *s, uint64_t max, uint64_t *ret)
{
	return s && ascii_to_u64(s, strlen(s), max, ret);
}

bool scan_request_read(const char *packet, size_t len, struct scan_request *ret)
{
	char copy[SCAN_REQUEST_MAX + 1], *at = copy, *size, *type;
	uint64_t n;

	if (len > SCAN_REQUEST_MAX || memchr(packet, '\0', len))
		return false;
	memcpy(copy, packet, len);
	copy[len] = '\0';
	size = field(&at, copy + len, '\t', 20);
	type = size ? field(&at, copy + len, '\t', SCAN_TYPE_MAX) : NULL;
	if (!type || !number(size, SIZE_MAX / 2, &n) || strlen(at) > SCAN_NAME_MAX)
		return false;
	ret->len = (size_t)n;
	(void)memcpy(ret->type, type, strlen(type) + 1);
	(void)memcpy(ret->name, at, strlen(at) + 1);
	return is_text(ret->type) && is_text(ret->name);
}

struct reading {
	struct sluice_scan_answer answer; /* first: what free() gets */
	struct sluice_scan_file files[SLUICE_SCAN_MAX_FILES];
	struct sluice_scan_finding findings[SLUICE_SCAN_MAX_FINDINGS];
	char bytes[]; /* a copy of the packet, cut into texts */
};

static bool read_file(struct reading *r, char **at, const char *limit)
{
	struct sluice_scan_file *f = &r->files[r->answer.file_count];
	uint64_t depth;

	if (r->answer.file_count == SLUICE_SCAN_MAX_FILES || !number(field(at, limit, '\t', 10), DEPTH_MAX, &depth))
		return false;
	f->depth = (unsigned)depth;
	f->type = field(at, limit, '\t', SCAN_TYPE_MAX);
	f->name = f->type ? field(at, limit, '\n', SCAN_NAME_MAX) : NULL;
	r->answer.file_count++;
	return f->name && is_type(f->type) && is_text(f->name);
}

static bool read_found(struct reading *r, char **at, const char *limit)
{
	struct sluice_scan_finding *f = &r->findings[r->answer.finding_count];
	const char *kind = field(at, limit, '\t', 20);
	unsigned k = 0;

	if (r->answer.finding_count == SLUICE_SCAN_MAX_FINDINGS || !kind)
		return false;
	while (scan_kind_words[k] && strcmp(scan_kind_words[k], kind) != 0)
		k++;
	f->kind = (enum sluice_scan_kind)k;
	f->text = field(at, limit, '\t', SCAN_TEXT_MAX);
	f->name = f->text ? field(at, limit, '\n', SCAN_NAME_MAX) : NULL;
	r->answer.finding_count++;
	return scan_kind_words[k] && f->name && is_text(f->text) && is_text(f->name);
}

static bool read_all(struct reading *r, char *at, const char *limit)
{
	for (;;) {
		const char *word = field(&at, limit, '\t', 10);

		if (!word)
			return false;
		if (!strcmp(word, "end"))
			return number(field(&at, limit, '\n', 20), UINT64_MAX, &r->answer.unpacked_bytes) && at == limit && r->answer.file_count > 0;
		if (!strcmp(word, "file") ? !read_file(r, &at, limit) : strcmp(word, "found") != 0 || !read_found(r, &at, limit))
			return false;
	}
}

struct sluice_scan_answer *scan_answer_read(const char *packet, size_t len)
{
	struct reading *r = len <= SCAN_ANSWER_MAX && !memchr(packet, '\0', len) ? calloc(1, sizeof *r + len) : NULL;

	if (!r)
		return NULL;
	memcpy(r->bytes, packet, len);
	r->answer.files = r->files;
	r->answer.findings = r->findings;
	if (!read_all(r, r->bytes, r->bytes + len)) {
		free(r);
		return NULL;
	}
	return &r->answer;
}
