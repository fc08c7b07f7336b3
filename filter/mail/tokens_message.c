/* SPDX-License-Identifier: BSD-2-Clause */
/* tokens_message.c - the tokens of a message in a file, read as the daemon would read it. */
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/vec.h"
#include "filter/mail/mime.h"
#include "filter/mail/tokens.h"

#define FIELDS_MAX 10000 /* more of a header are passed over */

/* As the defaults of `body { }` have them; of the text no more than TOKENS_MAX_TEXT_BYTES are read in any case. */
static const struct mime_limits limits = { 500, 20, 64u << 10, 40u << 20, 1u << 20 };

struct message {
	VEC(struct sluice_part) fields;
	struct mime *mime;
};

static bool give_field(void *arg, size_t i, struct sluice_part *ret)
{
	const struct message *m = arg;

	if (i >= m->fields.len)
		return false;
	*ret = m->fields.items[i];
	return true;
}

static const char *give_text(void *arg, size_t part, size_t *ret_len)
{
	const struct message *m = arg;

	return mime_text(m->mime, part, ret_len);
}

/* One field at the start of s, folded lines among it: its octets with the end of the last line. */
static size_t field_len(const char *s, size_t len)
{
	size_t at = 0;

	do {
		const char *eol = memchr(s + at, '\n', len - at);

		at = eol ? (size_t)(eol - s) + 1 : len;
	} while (at < len && (s[at] == ' ' || s[at] == '\t'));
	return at;
}

static bool add_field(struct message *m, const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	struct sluice_part part = { .type = SLUICE_PART_HEADER, .name = s };

	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	if (!colon || colon >= s + len || m->fields.len == FIELDS_MAX)
		return true;
	part.name_len = (size_t)(colon - s);
	part.bytes = colon + 1;
	part.len = (size_t)(s + len - part.bytes);
	mime_field(m->mime, part.name, part.name_len, part.bytes, part.len);
	return vec_push(&m->fields, part);
}

static bool begins_body(const char *s, size_t len)
{
	return *s == '\n' || (len > 1 && s[0] == '\r' && s[1] == '\n');
}

static bool read_message(struct message *m, const char *s, size_t len)
{
	bool good = true;

	if (len > 5 && !memcmp(s, "From ", 5)) {
		const char *eol = memchr(s, '\n', len);
		size_t n = eol ? (size_t)(eol - s) + 1 : len;

		s += n;
		len -= n;
	}
	while (good && len && !begins_body(s, len)) {
		size_t n = field_len(s, len);

		good = add_field(m, s, n);
		s += n;
		len -= n;
	}
	if (len) {
		size_t n = *s == '\r' ? 2 : 1;

		s += n;
		len -= n;
	}
	return good && mime_parse(m->mime, s, len, false);
}

bool tokens_of_message(struct tokens *t, const char *bytes, size_t len)
{
	struct message m = { .mime = mime_new(&limits) };
	struct tokens_message seen = { .field = give_field, .text = give_text, .arg = &m };
	bool good = m.mime && read_message(&m, bytes, len);

	if (good) {
		seen.mime = mime_view(m.mime);
		good = tokens_take(t, &seen);
	}
	vec_done(&m.fields);
	mime_free(m.mime);
	return good;
}
