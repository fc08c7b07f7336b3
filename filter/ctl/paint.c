/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/paint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const codes[] = { "", "\033[32m", "\033[33m", "\033[31m" }; /* in the order of enum paint */

static bool has_colours(FILE *out)
{
	const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return !(none && *none) && terminal && *terminal && strcmp(terminal, "dumb") != 0 && isatty(fileno(out)) == 1;
}

void paint_text(FILE *out, enum paint how, const char *s, size_t len, size_t width)
{
	bool painted = how != PAINT_NONE && has_colours(out);

	fprintf(out, "%s%.*s%s%*s", painted ? codes[how] : "", (int)len, s, painted ? "\033[0m" : "", len < width ? (int)(width - len) : 0, "");
}

void paint_word(FILE *out, enum paint how, const char *word, size_t width)
{
	paint_text(out, how, word, strlen(word), width);
}
