/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/server_list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/base/socket_address.h"

SLUICE_PRINTF(3, 4) static int wrong(struct sluice_config_error *e, unsigned line, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	(void)vsnprintf(e->text, sizeof e->text, why, args);
	va_end(args);
	e->line = line;
	return -EINVAL;
}

int server_list_add(struct server_list *l, const struct sluice_setting *s, const char *example, struct sluice_config_error *reterr)
{
	struct socket_address address;
	char *copy;

	if (!socket_address_read(s->text, &address))
		return wrong(reterr, s->line, "'%.90s' is no server: write %s", s->text, example);
	for (size_t i = 0; i < l->addresses.len; i++)
		if (!strcmp(l->addresses.items[i], s->text))
			return wrong(reterr, s->line, "server %.90s is there twice: leave one out", s->text);
	if (l->addresses.len == SERVER_LIST_MAX)
		return wrong(reterr, s->line, "server %.90s is one too many: there can be %d", s->text, SERVER_LIST_MAX);
	copy = strdup(s->text);
	if (copy && vec_push(&l->addresses, copy))
		return 0;
	free(copy);
	return -ENOMEM;
}

const char *const *server_list_end(struct server_list *l)
{
	return vec_push(&l->addresses, NULL) ? l->addresses.items : NULL;
}

void server_list_done(struct server_list *l)
{
	for (size_t i = 0; i < l->addresses.len; i++)
		free((char *)(uintptr_t)l->addresses.items[i]);
	vec_done(&l->addresses);
}
