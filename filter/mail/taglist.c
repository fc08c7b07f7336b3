/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/taglist.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/utf8.h"

static void trim(const char **at, size_t *len)
{
	while (*len > 0 && ascii_is_space(**at)) {
		++*at;
		--*len;
	}
	while (*len > 0 && ascii_is_space((*at)[*len - 1]))
		--*len;
}

static bool good_name(const char *name, size_t len)
{
	if (len == 0 || !ascii_is_alpha(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!ascii_is_alnum(name[i]) && name[i] != '_')
			return false;
	return true;
}

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* Printable, and characters beyond ASCII that are well-formed (RFC 6532 3.2). */
static bool good_value(const char *value, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = is_printable(value[i]) ? 1 : utf8_char_len(value + i, len - i); /* most are: only the others are looked at */
		if (n == 0 || (n == 1 && !is_printable(value[i]) && !ascii_is_space(value[i])))
			return false;
	}
	return true;
}

static const struct tag *find(const struct taglist *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->tags[i].name_len == len && memcmp(l->tags[i].name, name, len) == 0)
			return &l->tags[i];
	return NULL;
}

/* tag-spec */
static bool add(struct taglist *l, const char *spec, size_t len)
{
	const char *equals = memchr(spec, '=', len);
	struct tag tag = { .name = spec };

	if (!equals || l->count == TAGLIST_MAX_TAGS)
		return false;
	tag.name_len = (size_t)(equals - spec);
	tag.value = equals + 1;
	tag.value_len = len - tag.name_len - 1;
	trim(&tag.name, &tag.name_len);
	trim(&tag.value, &tag.value_len);
	if (!good_name(tag.name, tag.name_len) || !good_value(tag.value, tag.value_len) ||
		find(l, tag.name, tag.name_len))
		return false;
	l->tags[l->count++] = tag;
	return true;
}

bool taglist_parse(const char *bytes, size_t len, struct taglist *ret)
{
	ret->count = 0;
	trim(&bytes, &len);
	while (len > 0) {
		const char *end = memchr(bytes, ';', len);
		size_t n = end ? (size_t)(end - bytes) : len;

		if (!add(ret, bytes, n))
			return false;
		n += end != NULL;
		bytes += n;
		len -= n;
		trim(&bytes, &len);
	}
	return ret->count > 0;
}

const struct tag *taglist_find(const struct taglist *l, const char *name)
{
	return find(l, name, strlen(name));
}

bool tag_squeeze(const struct tag *tag, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < tag->value_len; i++) {
		if (ascii_is_space(tag->value[i]))
			continue;
		if (len + 1 >= size) {
			buf[0] = '\0';
			return false;
		}
		buf[len++] = tag->value[i];
	}
	buf[len] = '\0';
	return true;
}

bool tag_next_word(const struct tag *tag, size_t *pos, const char **ret_word, size_t *ret_len)
{
	const char *word = tag->value + *pos, *end;
	size_t len;

	if (*pos > tag->value_len)
		return false;
	end = memchr(word, ':', tag->value_len - *pos);
	len = end ? (size_t)(end - word) : tag->value_len - *pos;
	*pos += len + 1;
	trim(&word, &len);
	*ret_word = word;
	*ret_len = len;
	return true;
}
