/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list_postfix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/text.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define ANSWER_MAX   (1u << 20) /* octets that postconf prints */
#define NESTED_MAX   8          /* files in files */
#define MAP_NAME_MAX 4096
#define WORD_SHOWN   100

struct reading {
	const struct list_postfix *what;
	list_line_fn fn;
	void *arg;
	struct list_files *files;
	int64_t deadline_ms;
	bool parents;  /* a domain stands for its subdomains, too */
	unsigned depth; /* of files in files */
};

/* Where Postfix looks for the whole name only, never for `.example.org`: of string_list_match(), not of domain_list_match(). */
static bool whole_names(const struct reading *rd)
{
	static const char *const parameters[] = { "mydestination", "virtual_alias_domains", "virtual_mailbox_domains" };

	for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
		if (!strcmp(rd->what->parameter, parameters[i]))
			return true;
	return false;
}

bool list_postfix_parameter(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(name[i]) && name[i] != '_')
			return false;
	return len > 0;
}

static int tell(const struct reading *rd, const char *item, size_t len, struct place at, struct err *reterr)
{
	const struct list_line line = { .item = item, .len = len, .place = at };

	return rd->fn(rd->arg, &line, reterr);
}

static int tell_domain(const struct reading *rd, const char *item, size_t len, struct place at, struct err *reterr)
{
	char below[LIST_LINE_MAX + 1];
	int r;

	if (*item == '.' && (rd->parents || whole_names(rd)))
		return 0; /* which Postfix finds for nothing */
	r = tell(rd, item, len, at, reterr);
	if (r < 0 || !rd->parents || len >= LIST_LINE_MAX)
		return r;
	below[0] = '.';
	memcpy(below + 1, item, len);
	return tell(rd, below, len + 1, at, reterr);
}

/* "[2001:db8::]/32" without the brackets. */
static int tell_network(const struct reading *rd, const char *item, size_t len, struct place at, struct err *reterr)
{
	char bare[LIST_LINE_MAX];
	const char *end = memchr(item, ']', len);
	size_t inner, rest;

	if (*item != '[' || !end || len > sizeof bare)
		return tell(rd, item, len, at, reterr);
	inner = (size_t)(end - item) - 1;
	rest = len - inner - 2;
	memcpy(bare, item + 1, inner);
	memcpy(bare + inner, end + 1, rest);
	return tell(rd, bare, inner + rest, at, reterr);
}

static int tell_item(const struct reading *rd, const char *item, size_t len, struct place at, struct err *reterr)
{
	switch (rd->what->type) {
	case SLUICE_LIST_DOMAIN:
		return tell_domain(rd, item, len, at, reterr);
	case SLUICE_LIST_NETWORK:
		return tell_network(rd, item, len, at, reterr);
	case SLUICE_LIST_ADDRESS:
	case SLUICE_LIST_PATTERN:
		break;
	}
	return tell(rd, item, len, at, reterr);
}

/* ---- programs ---- */

/* arguments: NULL behind the last. */
static int ask(const struct reading *rd, const char *program, const char *const *arguments, struct text *out, struct err *reterr)
{
	const char *argv[COMMAND_MAX_ARGS + 1] = { program };
	size_t n = 1;

	if (rd->what->folder) {
		argv[n++] = "-c";
		argv[n++] = rd->what->folder;
	}
	while (*arguments && n < COMMAND_MAX_ARGS)
		argv[n++] = *arguments++;
	return command_read(argv, rd->deadline_ms, out, reterr);
}

/* ---- maps ---- */

/* Those whose keys postmap can list, and the file that changes when they do. */
static const struct map_type {
	const char *name, *suffix; /* NULL: there is no file */
} map_types[] = {
	{ "btree", ".db" }, { "cdb", ".cdb" }, { "dbm", ".pag" }, { "hash", ".db" }, { "inline", NULL }, { "lmdb", ".lmdb" }, { "sdbm", ".pag" },
	{ "texthash", "" },
};

static const struct map_type *map_type(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(map_types); i++)
		if (strlen(map_types[i].name) == len && !memcmp(map_types[i].name, name, len))
			return &map_types[i];
	return NULL;
}

/* A key that is not of the kind is found for nothing: in virtual_alias_maps there are addresses among the domains. */
static bool is_found(const struct reading *rd, const char *key, size_t len)
{
	if (rd->what->type == SLUICE_LIST_NETWORK && memchr(key, '/', len))
		return false; /* a map is asked for whole addresses */
	return list_item_valid(rd->what->type, key, len);
}

static int read_keys(const struct reading *rd, const struct source *output, struct err *reterr)
{
	unsigned line = 0;
	int r = 0;

	for (const char *p = output->bytes, *end = p + output->len; r == 0 && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *tab;

		if (!eol)
			eol = end;
		line++;
		tab = memchr(p, '\t', (size_t)(eol - p));
		if (tab && is_found(rd, p, (size_t)(tab - p)))
			r = tell_item(rd, p, (size_t)(tab - p), (struct place){ output, line, 1 }, reterr);
		p = eol + 1;
	}
	return r;
}

static int list_map(const struct reading *rd, const char *map, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LIST_FILE_MAX_BYTES), name = TEXT_INIT(MAP_NAME_MAX);
	const char *const arguments[] = { "-s", map, NULL };
	struct source output = { 0 };
	int r = ask(rd, "postmap", arguments, &out, reterr);

	if (r < 0 || !out.len)
		return r;
	text_addf(&name, "postmap -s %s", map);
	if (name.failed)
		return err_set(reterr, -ENOMEM, "out of memory");
	output.path = name.bytes;
	output.bytes = out.bytes;
	output.len = out.len;
	return read_keys(rd, &output, reterr);
}

static int read_map(const struct reading *rd, const char *word, size_t len, struct place at, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text map = TEXT_INIT(MAP_NAME_MAX), file = TEXT_INIT(MAP_NAME_MAX);
	const struct map_type *type;
	const char *colon = memchr(word, ':', len);
	int r;

	type = map_type(word, (size_t)(colon - word));
	if (!type)
		return place_error(at, reterr, "the keys of a map of type %.*s cannot be listed: keep them in a file, and name it with 'file PATH' in "
			"place of 'postfix %s'", (int)(colon - word), word, rd->what->parameter);
	text_add(&map, word, len);
	if (type->suffix)
		text_addf(&file, "%.*s%s", (int)(len - (size_t)(colon + 1 - word)), colon + 1, type->suffix);
	if (map.failed || file.failed)
		return place_error(at, reterr, "a name of more than %d octets", MAP_NAME_MAX);
	r = type->suffix ? list_files_add(rd->files, text_str(&file), reterr) : 0;
	return r < 0 ? r : list_map(rd, text_str(&map), reterr);
}

/* A line of a cidr table: what it finds for the network does not matter. */
static int cidr_line(void *arg, const struct list_line *line, struct err *reterr)
{
	const struct reading *rd = arg;
	size_t len = 0;

	if (line->place.column > 1)
		return 0; /* the line above goes on */
	while (len < line->len && !ascii_is_space(line->item[len]))
		len++;
	if (*line->item == '!' || ascii_equal(line->item, len, "if", 2) || ascii_equal(line->item, len, "endif", 5))
		return place_error(line->place, reterr, "'%.*s': a list cannot have exceptions: write the networks without them", (int)len, line->item);
	return tell_item(rd, line->item, len, line->place, reterr);
}

static int read_cidr(struct reading *rd, const char *path, struct err *reterr)
{
	int r = list_files_add(rd->files, path, reterr);

	return r < 0 ? r : list_file_each(path, cidr_line, rd, reterr);
}

/* ---- what stands in main.cf, or in a file that it names ---- */

static int read_words(struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr);

static int file_line(void *arg, const struct list_line *line, struct err *reterr)
{
	return read_words(arg, line->item, line->len, line->place, reterr);
}

static int read_file(struct reading *rd, const char *path, struct place at, struct err *reterr)
{
	int r;

	if (rd->depth == NESTED_MAX)
		return place_error(at, reterr, "more than %d files that name one another", NESTED_MAX);
	r = list_files_add(rd->files, path, reterr);
	if (r < 0)
		return r;
	rd->depth++;
	r = list_file_each(path, file_line, rd, reterr);
	rd->depth--;
	return r;
}

static bool begins(const char *word, size_t len, const char *with)
{
	return len > strlen(with) && !memcmp(word, with, strlen(with));
}

static int read_word(struct reading *rd, const char *word, size_t len, struct place at, struct err *reterr)
{
	static const char cidr[] = "cidr:", proxy[] = "proxy:";
	char path[MAP_NAME_MAX];
	bool is_cidr;
	size_t skip;

	if (begins(word, len, proxy) && memchr(word + strlen(proxy), ':', len - strlen(proxy))) { /* another way to the same map */
		word += strlen(proxy);
		len -= strlen(proxy);
	}
	is_cidr = rd->what->type == SLUICE_LIST_NETWORK && begins(word, len, cidr);
	skip = is_cidr ? strlen(cidr) : 0;
	if (*word == '!')
		return place_error(at, reterr, "'%.*s': a list cannot have exceptions: write what is left without them into a file, and name it with "
			"'file PATH' in place of 'postfix %s'", (int)(len < WORD_SHOWN ? len : WORD_SHOWN), word, rd->what->parameter);
	if (*word == '/' || is_cidr) {
		if (len - skip >= sizeof path)
			return place_error(at, reterr, "a name of more than %d octets", MAP_NAME_MAX);
		memcpy(path, word + skip, len - skip);
		path[len - skip] = '\0';
		return is_cidr ? read_cidr(rd, path, reterr) : read_file(rd, path, at, reterr);
	}
	if (*word != '[' && memchr(word, ':', len))
		return read_map(rd, word, len, at, reterr);
	return tell_item(rd, word, len, at, reterr);
}

static bool separates(char c)
{
	return c == ',' || ascii_is_space(c);
}

/* Words between blanks and commas; what is in braces is in one. */
static int read_words(struct reading *rd, const char *p, size_t len, struct place at, struct err *reterr)
{
	const char *begin = p, *end = p + len;
	int r = 0;

	while (r == 0) {
		struct place here = at;
		const char *word;
		int braces = 0;

		while (p < end && separates(*p))
			p++;
		if (p == end)
			break;
		for (word = p; p < end && (braces > 0 || !separates(*p)); p++)
			braces += (*p == '{') - (*p == '}');
		here.column += (unsigned)(word - begin);
		r = read_word(rd, word, (size_t)(p - word), here, reterr);
	}
	return r;
}

static bool names_us(const char *line, const char *end, const char *parameter)
{
	size_t len = strlen(parameter);

	while (line < end) {
		const char *word;

		while (line < end && separates(*line))
			line++;
		for (word = line; line < end && !separates(*line); line++)
			;
		if ((size_t)(line - word) == len && !memcmp(word, parameter, len))
			return true;
	}
	return false;
}

/* The folder of main.cf, which parameters match parents, and the value, a line each: no line, no such parameter. */
static int read_answer(struct reading *rd, const struct text *answer, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text main_cf = TEXT_INIT(MAP_NAME_MAX), name = TEXT_INIT(MAP_NAME_MAX);
	const char *folder = text_str(answer), *end = folder + answer->len;
	const char *parents = strchr(folder, '\n'), *value = parents ? strchr(parents + 1, '\n') : NULL;
	struct source output = { 0 };
	int r;

	if (!parents || !value)
		return err_set(reterr, -ENODEV, "postconf has not said what it was asked for");
	text_addf(&main_cf, "%.*s/main.cf", (int)(parents - folder), folder);
	text_addf(&name, "postconf -xh %s", rd->what->parameter);
	if (main_cf.failed || name.failed)
		return err_set(reterr, -ENODEV, "postconf has not said what it was asked for");
	r = list_files_add(rd->files, text_str(&main_cf), reterr);
	if (r < 0)
		return r;
	if (++value == end)
		return err_set(reterr, -ENODEV, "Postfix has no parameter %s", rd->what->parameter);
	rd->parents = names_us(parents + 1, value, rd->what->parameter);
	output.path = name.bytes;
	output.bytes = (char *)(uintptr_t)value; /* for messages, which only read it */
	output.len = (size_t)(end - value);
	return read_words(rd, output.bytes, output.len, (struct place){ &output, 1, 1 }, reterr);
}

int list_postfix_each(const struct list_postfix *what, list_line_fn fn, void *arg, struct list_files *files, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text answer = TEXT_INIT(ANSWER_MAX);
	struct reading rd = { .what = what, .fn = fn, .arg = arg, .files = files, .deadline_ms = clock_mono_ms() + LIST_POSTFIX_TIME_MS };
	const char *const arguments[] = { "-xh", "config_directory", "parent_domain_matches_subdomains", what->parameter, NULL };
	int r = ask(&rd, "postconf", arguments, &answer, reterr);

	return r < 0 ? r : read_answer(&rd, &answer, reterr);
}
