/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/program_line.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 40 /* octets of a line that is shown */

/* The log and the status are text: what is not, is not shown. */
static void only_text(char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~')
			s[i] = '?';
}

static void show(const char *line, size_t len, char *out)
{
	size_t n = len > SHOWN_MAX ? SHOWN_MAX : len;

	memcpy(out, line, n);
	only_text(out, n);
	(void)snprintf(out + n, 4, "%s", len > SHOWN_MAX ? "..." : "");
}

bool program_line_id(const char *line, size_t len, uint64_t *ret_id, char *reterr_why)
{
	char shown[SHOWN_MAX + 4];
	json_error_t error = { .text = "" };
	json_t *root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	const json_t *id = json_object_get(root, "id");
	bool good = json_is_integer(id) && json_integer_value(id) > 0;

	show(line, len, shown);
	only_text(error.text, strlen(error.text)); /* it quotes the line */
	if (good)
		*ret_id = (uint64_t)json_integer_value(id);
	else if (!root)
		(void)snprintf(reterr_why, PROGRAM_LINE_WHY_MAX, "no JSON at column %d, %.80s: %s", error.column, error.text, shown);
	else if (!json_is_object(root))
		(void)snprintf(reterr_why, PROGRAM_LINE_WHY_MAX, "no JSON object: %s", shown);
	else
		(void)snprintf(reterr_why, PROGRAM_LINE_WHY_MAX, "\"id\", the number of a question, is not in it: %s", shown);
	json_decref(root);
	return good;
}
