/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/scan/scan_rtf.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

static const struct {
	const char *word, *embedded, *external;
} words[] = { /* of two that are there the later counts */
	{ "objdata", .embedded = "an embedded object" },
	{ "objlink", .external = "a linked object" },
	{ "objautlink", .external = "a linked object" },
	{ "objupdate", .embedded = "an object that is updated when the document is opened" },
	{ "template", .external = "a template from elsewhere" },
	{ "ddeauto", .external = "a field that starts a program (DDE)" },
};

/* A control word: what stands behind the backslash at b, up to what is no letter. */
static size_t word_len(const char *b, size_t len)
{
	size_t n = 1;

	while (n < len && ascii_is_alpha(b[n]))
		n++;
	return n - 1;
}

/* A template that is on the machine is what Word writes itself. */
static bool is_address(const char *b, size_t len)
{
	size_t n = len < 300 ? len : 300;
	const char *end = memchr(b, '}', n);

	n = end ? (size_t)(end - b) : n;
	return memmem(b, n, "//", 2) || memmem(b, n, "\\\\\\\\", 4);
}

bool scan_rtf_read(const char *b, size_t len, struct scan_rtf *ret)
{
	unsigned best = 0;

	*ret = (struct scan_rtf){ 0 };
	if (len < 4 || memcmp(b, "{\\rt", 4) != 0)
		return false;
	for (const char *at = memchr(b, '\\', len); at; at = memchr(at + 1, '\\', len - (size_t)(at + 1 - b))) {
		size_t left = len - (size_t)(at - b), n = word_len(at, left);

		for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
			if (!ascii_equals(at + 1, n, words[i].word) || (!strcmp(words[i].word, "template") && !is_address(at, left)))
				continue;
			if (words[i].external)
				ret->external = words[i].external;
			else if (!ret->embedded || i >= best)
				ret->embedded = words[best = i].embedded;
		}
	}
	if (memmem(b, len, "DDEAUTO", 7))
		ret->external = words[ARRAY_LEN(words) - 1].external;
	return true;
}
