/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_guard.h"

#include <stdbool.h>

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/* A part of a reply begins; with false, for which the caller returns NULL, hiredis gives the connection up. */
static bool due(const redisReadTask *task)
{
	struct redis_guard *g = task->privdata;

	if (task->parent)
		return true;
	return g->expected > 0 && g->expected--;
}

static const redisReplyObjectFunctions *usual(const redisReadTask *task)
{
	const struct redis_guard *g = task->privdata;

	return g->usual;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t len)
{
	return due(task) ? usual(task)->createString(task, bytes, len) : NULL;
}

static void *create_array(const redisReadTask *task, element_count elements)
{
	return due(task) && elements <= REDIS_GUARD_MAX_ELEMENTS ? usual(task)->createArray(task, elements) : NULL;
}

static void *create_integer(const redisReadTask *task, long long n)
{
	return due(task) ? usual(task)->createInteger(task, n) : NULL;
}

static void *create_nil(const redisReadTask *task)
{
	return due(task) ? usual(task)->createNil(task) : NULL;
}

void redis_guard_install(struct redis_guard *g, redisAsyncContext *context)
{
	redisReader *reader = context->c.reader;

	g->usual = reader->fn;
	g->functions = *reader->fn;
	g->functions.createString = create_string;
	g->functions.createArray = create_array;
	g->functions.createInteger = create_integer;
	g->functions.createNil = create_nil;
	g->expected = 0;
	reader->fn = &g->functions;
	reader->privdata = g;
}
