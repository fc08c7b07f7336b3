/* SPDX-License-Identifier: BSD-2-Clause */
/* pattern_pcre2.c - pattern_db.h over PCRE2, for builds without vectorscan. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

#include "filter/policy/pattern_db.h"

#define MATCH_LIMIT 100000 /* steps within one; more is what a hostile text makes of a careless pattern */

struct pattern_db {
	size_t count;
	pcre2_match_context *limits;
	pcre2_code *codes[];
};

int pattern_db_new(const char *const *regexes, size_t count, bool utf8, struct pattern_db **ret, size_t *ret_bad, struct err *reterr)
{
	struct pattern_db *db = calloc(1, sizeof *db + count * sizeof *db->codes);

	*ret_bad = count;
	if (db)
		db->limits = pcre2_match_context_create(NULL);
	if (!db || !db->limits) {
		pattern_db_free(db);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	(void)pcre2_set_match_limit(db->limits, MATCH_LIMIT);
	for (; db->count < count; db->count++) {
		PCRE2_SIZE at;
		uint32_t empty = 0;
		int error;
		pcre2_code *code = pcre2_compile((PCRE2_SPTR)regexes[db->count], PCRE2_ZERO_TERMINATED, utf8 ? PCRE2_UTF : 0, &error, &at, NULL);

		if (code) {
			db->codes[db->count] = code;
			(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it they are slower, no more */
			(void)pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
		}
		if (!code || empty) {
			PCRE2_UCHAR why[256] = "it is found in whatever there is, as it is also found in nothing";
			int r;

			if (!code)
				(void)pcre2_get_error_message(error, why, sizeof why);
			*ret_bad = db->count;
			db->count += code != NULL;
			r = err_set(reterr, error == PCRE2_ERROR_NOMEMORY ? -ENOMEM : -EINVAL, "%s", (const char *)why);
			pattern_db_free(db);
			return r;
		}
	}
	*ret = db;
	return 0;
}

void pattern_db_free(struct pattern_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->count; i++)
		pcre2_code_free(db->codes[i]);
	pcre2_match_context_free(db->limits);
	free(db);
}

bool pattern_db_scan(struct pattern_db *db, const char *bytes, size_t len, void (*found)(void *arg, size_t regex), void *arg)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	bool done = data != NULL;

	for (size_t i = 0; data && i < db->count; i++) {
		int r = pcre2_match(db->codes[i], (PCRE2_SPTR)bytes, len, 0, PCRE2_NO_UTF_CHECK, data, db->limits);

		if (r >= 0)
			found(arg, i);
		done &= r >= 0 || r == PCRE2_ERROR_NOMATCH;
	}
	pcre2_match_data_free(data);
	return done;
}

const char *pattern_db_name(void)
{
	return "PCRE2";
}
