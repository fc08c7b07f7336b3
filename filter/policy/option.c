/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/suggest.h"
#include "filter/policy/source.h"

#define SECRET_MAX 4096

static const struct { const char *unit; int64_t factor; } durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
}, sizes[] = {
	{ "", 1 }, { "K", INT64_C(1) << 10 }, { "M", INT64_C(1) << 20 }, { "G", INT64_C(1) << 30 },
};

const char *option_type_help(enum sluice_option_type type)
{
	switch (type) {
	case SLUICE_OPT_BOOL:
		return "yes or no";
	case SLUICE_OPT_COUNT:
		return "a whole number";
	case SLUICE_OPT_DECIMAL:
		return "a number such as 8, 0.5 or -2";
	case SLUICE_OPT_DURATION:
		return "a duration such as 500ms, 5s, 10m, 1h or 7d";
	case SLUICE_OPT_SIZE:
		return "a size such as 500, 64K, 10M or 1G";
	case SLUICE_OPT_TEXT:
		return "a word or a \"string\"";
	case SLUICE_OPT_PATH:
		return "a path; one that does not begin with / is relative to the folder of the file it stands in";
	case SLUICE_OPT_WORDS:
		return "a word, or [several]";
	case SLUICE_OPT_WEIGHTED_NETWORK:
		return "NETWORK weight NUMBER, such as 127.0.0.2/31 weight 8";
	case SLUICE_OPT_SECRET:
		return "\"text\", file PATH or env NAME";
	}
	return "";
}

static int wrong(const struct token *t, const struct sluice_option *o, struct err *reterr)
{
	char shown[80];
	const char *what = o->type == SLUICE_OPT_SECRET ? "something else" : token_show(t, shown, sizeof shown); /* it may be one */

	return place_error(t->place, reterr, "%s here, where %s needs %s", what, o->key, option_type_help(o->type));
}

int option_unquoted(const struct lexer *l, const struct sluice_option *o, struct err *reterr)
{
	size_t len, max = l->source->len - l->token_at;
	const char *s = l->source->bytes + l->token_at, *end = l->token.type == TOKEN_LIST ? memchr(s, ']', max) : NULL;
	struct sluice_ip ip;

	if (!end || !ip_parse(s + 1, (size_t)(end - s) - 1, &ip))
		return 0;
	len = (size_t)(end - s) + 1;
	if (len == max || s[len] != ':')
		return 0;
	do
		len++;
	while (len < max && ascii_is_digit(s[len]));
	return place_error(l->token.place, reterr, "%s: brackets make a list, and those of an IPv6 address go into quotes: \"%.*s\"", o->key, (int)len, s);
}

static int out_of_range(const struct token *t, const struct sluice_option *o, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text low = TEXT_INIT(64), high = TEXT_INIT(64);
	struct sluice_setting s = { .number = o->min };

	option_print(&low, o, &s);
	s.number = o->max;
	option_print(&high, o, &s);
	return place_error(t->place, reterr, "%s is from %s to %s", o->key, text_str(&low), text_str(&high));
}

static bool with_unit(const char *s, size_t len, int64_t *ret, bool duration)
{
	size_t digits = 0, rows = duration ? ARRAY_LEN(durations) : ARRAY_LEN(sizes);
	uint64_t n;

	while (digits < len && ascii_is_digit(s[digits]))
		digits++;
	for (size_t i = 0; i < rows; i++) {
		const char *unit = duration ? durations[i].unit : sizes[i].unit;
		int64_t factor = duration ? durations[i].factor : sizes[i].factor;

		if (strlen(unit) != len - digits || memcmp(s + digits, unit, len - digits) != 0)
			continue;
		if (!ascii_to_u64(s, digits, (uint64_t)(INT64_MAX / factor), &n))
			return false;
		*ret = (int64_t)n * factor;
		return true;
	}
	return false;
}

bool option_duration(const char *s, size_t len, int64_t *ret_ms)
{
	return with_unit(s, len, ret_ms, true);
}

bool option_size(const char *s, size_t len, int64_t *ret)
{
	return with_unit(s, len, ret, false);
}

bool option_decimal(const char *s, size_t len, int64_t *ret)
{
	const char *dot = memchr(s, '.', len);
	bool minus = len && *s == '-';
	size_t whole_len = (dot ? (size_t)(dot - s) : len) - minus;
	uint64_t whole, part = 0;

	if (!ascii_to_u64(s + minus, whole_len, INT64_MAX / 1000 - 1, &whole))
		return false;
	if (dot) {
		size_t digits = len - (size_t)(dot + 1 - s);

		if (digits > 3 || !ascii_to_u64(dot + 1, digits, 999, &part))
			return false;
		for (; digits < 3; digits++)
			part *= 10;
	}
	*ret = (int64_t)(whole * 1000 + part) * (minus ? -1 : 1);
	return true;
}

static bool number(const struct token *t, const struct sluice_option *o, int64_t *ret)
{
	uint64_t n;

	switch (o->type) {
	case SLUICE_OPT_BOOL:
		*ret = token_is(t, "yes");
		return token_is(t, "yes") || token_is(t, "no");
	case SLUICE_OPT_COUNT:
		if (!ascii_to_u64(t->text, t->len, INT64_MAX, &n))
			return false;
		*ret = (int64_t)n;
		return true;
	case SLUICE_OPT_DECIMAL:
	case SLUICE_OPT_WEIGHTED_NETWORK:
		return option_decimal(t->text, t->len, ret);
	case SLUICE_OPT_DURATION:
		return option_duration(t->text, t->len, ret);
	case SLUICE_OPT_SIZE:
		return option_size(t->text, t->len, ret);
	case SLUICE_OPT_TEXT:
	case SLUICE_OPT_PATH:
	case SLUICE_OPT_WORDS:
	case SLUICE_OPT_SECRET:
		break;
	}
	return false;
}

static int read_number(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	if (l->token.type != TOKEN_WORD || !number(&l->token, o, &ret->number))
		return wrong(&l->token, o, reterr);
	if ((o->min || o->max) && (ret->number < o->min || ret->number > o->max))
		return out_of_range(&l->token, o, reterr);
	return lexer_next(l, reterr);
}

static int read_word(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	struct suggest s = suggest_for(l->token.text, l->token.len);
	struct text all = TEXT_INIT(400);
	int r;

	if (l->token.type != TOKEN_WORD)
		return wrong(&l->token, o, reterr);
	for (unsigned i = 0; o->words[i]; i++) {
		if (token_is(&l->token, o->words[i])) {
			text_done(&all);
			ret->number |= INT64_C(1) << i;
			return lexer_next(l, reterr);
		}
		suggest_try(&s, o->words[i]);
		text_addf(&all, "%s%s", i ? ", " : "", o->words[i]);
	}
	if (s.best)
		r = place_error(l->token.place, reterr, "%s is never '%s': did you mean '%s'?", o->key, l->token.text, s.best);
	else
		r = place_error(l->token.place, reterr, "%s is never '%s': it is one of %s", o->key, l->token.text, text_str(&all));
	text_done(&all);
	return r;
}

static int read_words(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	int r;

	if (l->token.type != TOKEN_LIST)
		return read_word(l, o, ret, reterr);
	r = lexer_next(l, reterr);
	while (r == 0 && l->token.type != TOKEN_LIST_END)
		r = l->token.type == TOKEN_NEWLINE ? lexer_next(l, reterr) : read_word(l, o, ret, reterr);
	return r < 0 ? r : lexer_next(l, reterr);
}

static int read_secret(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text content = TEXT_INIT(SECRET_MAX);
	bool file = token_is(&l->token, "file"), env = token_is(&l->token, "env");
	const char *value, *path;
	size_t len;
	int r;

	if (l->token.type == TOKEN_STRING) {
		ret->text = l->token.text;
		return lexer_next(l, reterr);
	}
	if (!file && !env)
		return wrong(&l->token, o, reterr);
	r = lexer_next(l, reterr);
	if (r < 0)
		return r;
	if (l->token.type != TOKEN_WORD && l->token.type != TOKEN_STRING)
		return wrong(&l->token, o, reterr);
	if (file) {
		path = source_path(l->source, l->token.text, l->arena);
		if (!path)
			return err_set(reterr, -ENOMEM, "out of memory");
		r = text_read_file(&content, path);
		if (r < 0)
			return place_error(l->token.place, reterr, "the secret's file %s cannot be read: %s", path, text_file_error(r));
	} else {
		value = getenv(l->token.text);
		if (!value)
			return place_error(l->token.place, reterr, "there is no environment variable of this name");
		text_adds(&content, value);
	}
	len = strcspn(text_str(&content), "\r\n"); /* the end of the file's line is not part of the secret */
	ret->text = arena_copy(l->arena, text_str(&content), len);
	return ret->text ? lexer_next(l, reterr) : err_set(reterr, -ENOMEM, "out of memory");
}

static int read_weighted(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	struct net net;
	int r;

	if (l->token.type != TOKEN_WORD || !net_parse(l->token.text, l->token.len, &net))
		return wrong(&l->token, o, reterr);
	ret->ip = net.ip;
	ret->prefix_len = net.prefix_len;
	r = lexer_next(l, reterr);
	if (r < 0)
		return r;
	if (!token_is(&l->token, "weight"))
		return wrong(&l->token, o, reterr);
	r = lexer_next(l, reterr);
	return r < 0 ? r : read_number(l, o, ret, reterr);
}

int option_parse(struct lexer *l, const struct sluice_option *o, struct sluice_setting *ret, struct err *reterr)
{
	int r;

	*ret = (struct sluice_setting){ 0 };
	switch (o->type) {
	case SLUICE_OPT_BOOL:
	case SLUICE_OPT_COUNT:
	case SLUICE_OPT_DECIMAL:
	case SLUICE_OPT_DURATION:
	case SLUICE_OPT_SIZE:
		return read_number(l, o, ret, reterr);
	case SLUICE_OPT_TEXT:
		r = option_unquoted(l, o, reterr);
		if (r < 0)
			return r;
		if (l->token.type != TOKEN_WORD && l->token.type != TOKEN_STRING)
			return wrong(&l->token, o, reterr);
		ret->text = l->token.text;
		return lexer_next(l, reterr);
	case SLUICE_OPT_PATH:
		if ((l->token.type != TOKEN_WORD && l->token.type != TOKEN_STRING) || !l->token.len)
			return wrong(&l->token, o, reterr);
		ret->text = source_path(l->source, l->token.text, l->arena);
		return ret->text ? lexer_next(l, reterr) : err_set(reterr, -ENOMEM, "out of memory");
	case SLUICE_OPT_WORDS:
		return read_words(l, o, ret, reterr);
	case SLUICE_OPT_WEIGHTED_NETWORK:
		return read_weighted(l, o, ret, reterr);
	case SLUICE_OPT_SECRET:
		return read_secret(l, o, ret, reterr);
	}
	return -EINVAL;
}

int option_default(const struct sluice_option *o, struct arena *arena, struct sluice_setting *ret, struct err *reterr)
{
	struct source source = { .path = (char *)(uintptr_t)"default", .bytes = (char *)(uintptr_t)o->deflt, .len = strlen(o->deflt) };
	struct lexer l;
	int r;

	if (o->type == SLUICE_OPT_TEXT || o->type == SLUICE_OPT_PATH) { /* taken as it is, so that a default may be empty */
		*ret = (struct sluice_setting){ .text = o->deflt };
		return 0;
	}
	r = lexer_init(&l, &source, arena, reterr);
	return r < 0 ? r : option_parse(&l, o, ret, reterr);
}

static void print_with_unit(struct text *out, int64_t n, bool duration)
{
	size_t rows = duration ? ARRAY_LEN(durations) : ARRAY_LEN(sizes);

	for (size_t i = rows; i-- > 0;) {
		int64_t factor = duration ? durations[i].factor : sizes[i].factor;

		if ((n && n % factor == 0) || i == 0) {
			text_addf(out, "%lld%s", (long long)(n / factor), duration ? durations[i].unit : sizes[i].unit);
			return;
		}
	}
}

static void print_decimal(struct text *out, int64_t milli)
{
	text_addf(out, "%s%lld", milli < 0 ? "-" : "", (long long)(llabs(milli) / 1000));
	if (milli % 1000) {
		text_addf(out, ".%03lld", (long long)(llabs(milli) % 1000));
		while (out->len && out->bytes[out->len - 1] == '0')
			out->bytes[--out->len] = '\0';
	}
}

static void print_words(struct text *out, const struct sluice_option *o, int64_t bits)
{
	bool several = (bits & (bits - 1)) != 0;
	const char *gap = "";

	text_adds(out, several ? "[" : "");
	for (unsigned i = 0; o->words[i]; i++) {
		if (!(bits & INT64_C(1) << i))
			continue;
		text_addf(out, "%s%s", gap, o->words[i]);
		gap = " ";
	}
	text_adds(out, several ? "]" : "");
}

void option_print(struct text *out, const struct sluice_option *o, const struct sluice_setting *s)
{
	char ip[IP_TEXT_MAX];

	switch (o->type) {
	case SLUICE_OPT_BOOL:
		text_adds(out, s->number ? "yes" : "no");
		break;
	case SLUICE_OPT_COUNT:
		text_addf(out, "%lld", (long long)s->number);
		break;
	case SLUICE_OPT_DECIMAL:
		print_decimal(out, s->number);
		break;
	case SLUICE_OPT_DURATION:
	case SLUICE_OPT_SIZE:
		print_with_unit(out, s->number, o->type == SLUICE_OPT_DURATION);
		break;
	case SLUICE_OPT_TEXT:
	case SLUICE_OPT_PATH:
		text_adds(out, *s->text ? s->text : "\"\"");
		break;
	case SLUICE_OPT_WORDS:
		print_words(out, o, s->number);
		break;
	case SLUICE_OPT_WEIGHTED_NETWORK:
		text_addf(out, "%s/%u weight ", ip_format(&s->ip, ip), s->prefix_len);
		print_decimal(out, s->number);
		break;
	case SLUICE_OPT_SECRET:
		text_adds(out, "(secret)");
		break;
	}
}
