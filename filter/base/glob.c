/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/glob.h"

#include <stdint.h>

#include "filter/base/ascii.h"

/* Linear but for the last *, so a pattern cannot be made slow. */
bool glob_matches(const char *text, size_t len, const char *pattern, size_t pattern_len)
{
	size_t i = 0, j = 0, star = SIZE_MAX, mark = 0;

	while (i < len) {
		if (j < pattern_len && pattern[j] == '*') {
			star = j++;
			mark = i;
		} else if (j < pattern_len && (pattern[j] == '?' || ascii_lower(pattern[j]) == ascii_lower(text[i]))) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			j = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (j < pattern_len && pattern[j] == '*')
		j++;
	return j == pattern_len;
}
