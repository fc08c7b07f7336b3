/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern_vectorscan.c - pattern_db.h over vectorscan. */
#include <errno.h>
#include <hs/hs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/vec.h"
#include "filter/policy/pattern_db.h"

struct pattern_db {
	hs_database_t *database;
	pthread_mutex_t lock;
	VEC(hs_scratch_t *) scratches; /* that nobody works with: one for each scan there ever was at once */
	hs_scratch_t *first;           /* of which the others are copies */
};

/* Vectorscan says so in the words of its own interface. */
static bool matches_nothing(const char *regex)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	bool nothing = hs_expression_info(regex, HS_FLAG_ALLOWEMPTY, &info, &error) == HS_SUCCESS && info->min_width == 0;

	free(info);
	(void)hs_free_compile_error(error);
	return nothing;
}

static int compile_error(hs_compile_error_t *error, const char *const *regexes, size_t count, size_t *ret_bad, struct err *reterr)
{
	int r;

	*ret_bad = error->expression < 0 ? count : (size_t)error->expression;
	if (*ret_bad < count && matches_nothing(regexes[*ret_bad]))
		r = err_set(reterr, -EINVAL, "it is found in whatever there is, as it is also found in nothing");
	else
		r = err_set(reterr, -EINVAL, "%s", error->message);
	(void)hs_free_compile_error(error);
	return r;
}

int pattern_db_new(const char *const *regexes, size_t count, bool utf8, struct pattern_db **ret, size_t *ret_bad, struct err *reterr)
{
	struct pattern_db *db = calloc(1, sizeof *db);
	unsigned *flags = calloc(count, sizeof *flags), *ids = calloc(count, sizeof *ids);
	hs_compile_error_t *error = NULL;
	int r = 0;

	*ret_bad = count;
	if (hs_valid_platform() != HS_SUCCESS)
		r = err_set(reterr, -EINVAL, "vectorscan does not run on this processor: a build with -Dvectorscan=disabled does");
	else if (!db || !flags || !ids)
		r = err_set(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < count; i++) {
		flags[i] = HS_FLAG_SINGLEMATCH | (utf8 ? HS_FLAG_UTF8 : 0);
		ids[i] = (unsigned)i;
	}
	if (r == 0 && hs_compile_multi(regexes, flags, ids, (unsigned)count, HS_MODE_BLOCK, NULL, &db->database, &error) != HS_SUCCESS)
		r = compile_error(error, regexes, count, ret_bad, reterr);
	if (r == 0 && hs_alloc_scratch(db->database, &db->first) != HS_SUCCESS)
		r = err_set(reterr, -ENOMEM, "out of memory");
	free(flags);
	free(ids);
	if (r == 0) {
		(void)pthread_mutex_init(&db->lock, NULL);
		*ret = db;
		return 0;
	}
	if (db)
		(void)hs_free_database(db->database);
	free(db);
	return r;
}

void pattern_db_free(struct pattern_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->scratches.len; i++)
		(void)hs_free_scratch(db->scratches.items[i]);
	vec_done(&db->scratches);
	(void)hs_free_scratch(db->first);
	(void)hs_free_database(db->database);
	(void)pthread_mutex_destroy(&db->lock);
	free(db);
}

/* NULL: no memory. */
static hs_scratch_t *take_scratch(struct pattern_db *db)
{
	hs_scratch_t *scratch = NULL;

	(void)pthread_mutex_lock(&db->lock);
	if (db->scratches.len)
		scratch = db->scratches.items[--db->scratches.len];
	(void)pthread_mutex_unlock(&db->lock);
	if (!scratch && hs_clone_scratch(db->first, &scratch) != HS_SUCCESS)
		return NULL;
	return scratch;
}

static void give_scratch(struct pattern_db *db, hs_scratch_t *scratch)
{
	bool kept;

	(void)pthread_mutex_lock(&db->lock);
	kept = vec_push(&db->scratches, scratch);
	(void)pthread_mutex_unlock(&db->lock);
	if (!kept)
		(void)hs_free_scratch(scratch);
}

struct listener {
	void (*found)(void *arg, size_t regex);
	void *arg;
};

static int hear(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	const struct listener *l = context;

	(void)from;
	(void)to;
	(void)flags;
	l->found(l->arg, id);
	return 0;
}

bool pattern_db_scan(struct pattern_db *db, const char *bytes, size_t len, void (*found)(void *arg, size_t regex), void *arg)
{
	struct listener l = { found, arg };
	hs_scratch_t *scratch = take_scratch(db);
	bool done;

	if (!scratch)
		return false;
	done = hs_scan(db->database, bytes, (unsigned)len, 0, scratch, hear, &l) == HS_SUCCESS;
	give_scratch(db, scratch);
	return done;
}

const char *pattern_db_name(void)
{
	return "vectorscan";
}
