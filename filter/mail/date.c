/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/date.h"

#include <time.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/mail/header_field.h"

struct reader {
	struct header_lexer lexer;
	struct header_token token; /* that is looked at */
};

static void next(struct reader *r)
{
	r->token = header_lexer_next(&r->lexer, ",:");
}

static bool take(struct reader *r, char special)
{
	if (r->token.type != HEADER_TOKEN_SPECIAL || *r->token.bytes != special)
		return false;
	next(r);
	return true;
}

/* A number of min to max digits. */
static bool take_number(struct reader *r, size_t min, size_t max, int *ret)
{
	const struct header_token *t = &r->token;
	uint64_t number;

	if (t->type != HEADER_TOKEN_ATOM || t->len < min || t->len > max || !ascii_to_u64(t->bytes, t->len, 9999, &number))
		return false;
	*ret = (int)number;
	next(r);
	return true;
}

/* One of `count` words of three letters. */
static bool take_word(struct reader *r, const char *words, int count, int *ret)
{
	for (*ret = 0; *ret < count; (*ret)++)
		if (r->token.type == HEADER_TOKEN_ATOM && ascii_equal(r->token.bytes, r->token.len, words + 3 * *ret, 3)) {
			next(r);
			return true;
		}
	return false;
}

/* With four digits, or as of old: 00 to 49 are of this century, what else has two or three of the last. */
static bool take_year(struct reader *r, int *ret)
{
	size_t digits = r->token.len;

	if (!take_number(r, 2, 4, ret))
		return false;
	if (digits == 2 && *ret < 50)
		*ret += 2000;
	else if (digits < 4)
		*ret += 1900;
	return *ret >= 1900;
}

static bool take_zone(struct reader *r, int *ret_minutes)
{
	static const struct { const char *name; int hours; } names[] = { { "UT", 0 }, { "GMT", 0 }, { "UTC", 0 }, { "EST", -5 }, { "EDT", -4 }, { "CST", -6 },
		{ "CDT", -5 }, { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 } };
	const struct header_token *t = &r->token;
	uint64_t number;

	if (t->type != HEADER_TOKEN_ATOM)
		return false;
	if (t->len == 5 && (*t->bytes == '+' || *t->bytes == '-') && ascii_to_u64(t->bytes + 1, 4, 9999, &number)) {
		*ret_minutes = (int)(number / 100 * 60 + number % 100) * (*t->bytes == '-' ? -1 : 1);
		next(r);
		return number % 100 < 60;
	}
	*ret_minutes = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (ascii_equals(t->bytes, t->len, names[i].name)) {
			*ret_minutes = names[i].hours * 60;
			next(r);
			return true;
		}
	if (t->len != 1 || !ascii_is_alpha(*t->bytes) || ascii_lower(*t->bytes) == 'j')
		return false;
	next(r);
	return true;
}

bool date_parse(const char *value, size_t len, int64_t *ret_s)
{
	struct reader r = { .lexer = { value, value + len } };
	struct tm tm = { 0 }, made;
	int weekday = -1, minutes;
	time_t s;

	next(&r);
	if (take_word(&r, "SunMonTueWedThuFriSat", 7, &weekday)) {
		if (!take(&r, ','))
			return false;
	} else {
		weekday = -1;
	}
	if (!take_number(&r, 1, 2, &tm.tm_mday) || !take_word(&r, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, &tm.tm_mon) || !take_year(&r, &tm.tm_year) ||
		!take_number(&r, 1, 2, &tm.tm_hour) || !take(&r, ':') || !take_number(&r, 2, 2, &tm.tm_min))
		return false;
	if (take(&r, ':') && !take_number(&r, 2, 2, &tm.tm_sec))
		return false;
	if (!take_zone(&r, &minutes) || r.token.type != HEADER_TOKEN_END)
		return false;
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	if (tm.tm_sec == 60) /* a leap second: those who count from 1970 have none */
		tm.tm_sec = 59;
	tm.tm_year -= 1900;
	made = tm;
	s = timegm(&made);
	if (made.tm_mday != tm.tm_mday || made.tm_mon != tm.tm_mon || (weekday >= 0 && weekday != made.tm_wday))
		return false;
	*ret_s = (int64_t)s - (int64_t)minutes * 60;
	return true;
}
