/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/shortage.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static _Thread_local unsigned count; /* compared within one call only: nothing is kept in a thread */

unsigned shortage_count(void)
{
	return count;
}

void shortage_note(void)
{
	count++;
}

void *shortage_zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		shortage_note();
	return p;
}

static void *get(size_t size, const char *file, int line)
{
	void *p = size ? malloc(size) : NULL;

	(void)file;
	(void)line;
	if (!p && size)
		shortage_note();
	return p;
}

static void *get_again(void *old, size_t size, const char *file, int line)
{
	void *p;

	(void)file;
	(void)line;
	if (!size) {
		free(old);
		return NULL;
	}
	p = realloc(old, size);
	if (!p)
		shortage_note();
	return p;
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

void shortage_watch_openssl(void)
{
	(void)CRYPTO_set_mem_functions(get, get_again, give_back);
}
