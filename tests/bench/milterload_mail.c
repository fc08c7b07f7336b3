/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/milterload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES (50 << 20)

static char *read_file(const char *path, size_t *ret_len)
{
	char *bytes = need(malloc(MAX_FILE_BYTES + 1));
	FILE *f = fopen(path, "rb");

	if (!f)
		die("%s: %s", path, strerror(errno));
	*ret_len = fread(bytes, 1, MAX_FILE_BYTES + 1, f);
	(void)fclose(f);
	if (*ret_len > MAX_FILE_BYTES)
		die("%s is too long", path);
	bytes = need(realloc(bytes, *ret_len + 1));
	bytes[*ret_len] = '\0';
	return bytes;
}

/* The field that begins here, cut out of the text, and where the next one does; NULL at the end of the header. */
static char *next_field(char *p, struct field *ret)
{
	char *colon = strchr(p, ':'), *end = p, *to = p;

	if (!*p || p[0] == '\n' || (p[0] == '\r' && p[1] == '\n') || !colon)
		return NULL;
	do {
		end = strchr(end, '\n');
		end = end ? end + 1 : p + strlen(p);
	} while (*end == ' ' || *end == '\t');
	*colon = '\0';
	ret->name = p;
	ret->value = to = colon + 1;
	for (const char *from = to; from < end; from++) /* in place: without CR, and without the last LF */
		if (*from != '\r' && !(*from == '\n' && from + 1 == end))
			*to++ = *from;
	if (to < end)
		*to = '\0';
	return end;
}

void mail_read(char *argument, struct message *ret)
{
	char *equals = strchr(argument, '='), *at, *p, *next;
	size_t len;

	if (!equals)
		die("%s: not SENDER=FILE", argument);
	*equals = '\0';
	ret->sender = argument;
	at = strrchr(argument, '@');
	ret->domain = at ? at + 1 : "localhost";
	p = ret->body = read_file(equals + 1, &len);
	ret->body_len = len;
	while (ret->count < MAX_HEADERS && (next = next_field(p, &ret->fields[ret->count])) != NULL) {
		p = next;
		ret->count++;
	}
	p += *p == '\r';
	p += *p == '\n';
	ret->body_len = len - (size_t)(p - ret->body);
	ret->body = p;
}
