/* SPDX-License-Identifier: BSD-2-Clause */
/* message.h - a message out of a fuzzer's input, as an MTA hands it on: "NAME:VALUE" with folds, an empty line, the body; LF or CRLF. */
#ifndef FUZZ_MESSAGE_H
#define FUZZ_MESSAGE_H

#include <string.h>

#include "filter/base/text.h"

static inline size_t message_field_len(const char *s, size_t len)
{
	size_t at = 0;

	do {
		const char *eol = memchr(s + at, '\n', len - at);

		at = eol ? (size_t)(eol - s) + 1 : len;
	} while (at < len && (s[at] == ' ' || s[at] == '\t'));
	return at;
}

static inline void message_give_field(const char *s, size_t len,
	void (*field)(void *arg, const char *name, size_t name_len, const char *value, size_t len), void *arg)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(1 << 20);
	const char *colon = memchr(s, ':', len);

	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	if (!colon || colon >= s + len)
		return;
	for (const char *p = colon + 1; p < s + len; p++) {
		if (*p == '\n' && p[-1] != '\r')
			text_addc(&value, '\r');
		text_addc(&value, *p ? *p : ' '); /* those of a milter are C strings */
	}
	field(arg, s, (size_t)(colon - s), text_str(&value), value.len);
}

/* field() is called with each field of the header; *ret is where the body begins, NULL: there is none. */
static inline void message_read(const char *s, size_t size,
	void (*field)(void *arg, const char *name, size_t name_len, const char *value, size_t len), void *arg, const char **ret, size_t *ret_len)
{
	while (size && *s != '\n' && *s != '\r') {
		size_t n = message_field_len(s, size);

		message_give_field(s, n, field, arg);
		s += n;
		size -= n;
	}
	*ret = size ? s + 1 : NULL;
	*ret_len = size ? size - 1 : 0;
}

#endif
