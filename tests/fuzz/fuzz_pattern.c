/* SPDX-License-Identifier: BSD-2-Clause */
/* A pattern a line, as in a file of them; after an empty line a text to look in, which is made UTF-8 first. */
#include <string.h>

#include "filter/base/utf8.h"
#include "filter/mail/charset.h"
#include "filter/policy/pattern_db.h"
#include "tests/fuzz/fuzz.h"

#define PATTERNS    4
#define PATTERN_MAX 40 /* octets: longer ones, such as many repeats in each other, take long to compile, and are the site's own */

struct seen {
	size_t count;
	unsigned times[PATTERNS];
};

static void hear(void *arg, size_t regex)
{
	struct seen *seen = arg;

	MUST(regex < seen->count && ++seen->times[regex] == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size;
	char lines[PATTERNS][PATTERN_MAX + 1];
	const char *regexes[PATTERNS];
	struct seen seen = { 0 };
	struct text text = TEXT_INIT(4 * size);
	struct pattern_db *db;
	struct err err;
	size_t bad;

	for (; p < end && *p != '\n' && seen.count < PATTERNS; p++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol ? eol : end) - p);

		if (len > PATTERN_MAX || !utf8_valid(p, len) || memchr(p, '\0', len) || memchr(p, '{', len))
			return 0;
		memcpy(lines[seen.count], p, len);
		lines[seen.count][len] = '\0';
		regexes[seen.count] = lines[seen.count];
		seen.count++;
		p += len;
		if (p == end)
			break;
	}
	if (seen.count == 0)
		return 0;
	charset_to_utf8(&text, "utf-8", 5, p, (size_t)(end - p));
	if (pattern_db_new(regexes, seen.count, true, &db, &bad, &err) < 0) {
		MUST(bad <= seen.count && *err.text);
	} else {
		(void)pattern_db_scan(db, text_str(&text), text.len, hear, &seen);
		pattern_db_free(db);
	}
	text_done(&text);
	return 0;
}
