/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/external/external_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "filter/base/json.h"

#define VERSION        1 /* of what is said over the socket */
#define WORDS_MAX      64
#define GREETING_BYTES 16384

static const char *const stages[] = { "connect", "helo", "mail", "rcpt", "data", "message", NULL }; /* in the order of enum sluice_stage */

const struct sluice_option external_options[] = {
	[EXTERNAL_PROGRAM] = { "program", SLUICE_OPT_TEXT, .repeated = true,
		.help = "the program that is started, by its absolute path; in [ ] with arguments" },
	[EXTERNAL_SOCKET] = { "socket", SLUICE_OPT_PATH,
		.help = "in its place, the unix socket at which a program listens that somebody else has started" },
	[EXTERNAL_AT] = { "at", SLUICE_OPT_WORDS, .words = stages, .help = "the stage at which it is asked" },
	[EXTERNAL_TIMEOUT] = { "timeout", SLUICE_OPT_DURATION, .min = 10, .max = 60000, .deflt = "2s",
		.help = "how long it may take for one answer" },
	[EXTERNAL_HEADERS] = { "headers", SLUICE_OPT_BOOL, .deflt = "no", .help = "at message: send the header fields" },
	[EXTERNAL_BODY] = { "body", SLUICE_OPT_SIZE, .max = 2 << 20, .deflt = "0",
		.help = "at message: send so much of the body, from its beginning" },
	[EXTERNAL_BOOL] = { "bool", SLUICE_OPT_TEXT, .repeated = true,
		.help = "facts that are yes or no, by their names; so are those that follow" },
	{ "number", SLUICE_OPT_TEXT, .repeated = true, .help = "whole numbers" },
	{ "decimal", SLUICE_OPT_TEXT, .repeated = true, .help = "numbers with up to three places" },
	{ "word", SLUICE_OPT_TEXT, .repeated = true,
		.help = "one of some words: each a string of the name and the words, such as \"kind new old\"" },
	{ "text", SLUICE_OPT_TEXT, .repeated = true, .help = "octets" },
	{ "domain", SLUICE_OPT_TEXT, .repeated = true, .help = "names of domains" },
	{ "address", SLUICE_OPT_TEXT, .repeated = true, .help = "mail addresses" },
	{ "ip", SLUICE_OPT_TEXT, .repeated = true, .help = "addresses of hosts" },
	{ "list", SLUICE_OPT_TEXT, .repeated = true, .help = "several texts" },
	{ .key = NULL },
};

/* ---- what can be wrong ---- */

__attribute__((format(printf, 2, 3)))
static int wrong(struct sluice_config_error *reterr, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reterr->text, sizeof reterr->text, format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_word(const char *s)
{
	return *s >= 'a' && *s <= 'z' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

/* What we start must be as safe from others as we are. */
static int check_file(const char *path, struct sluice_config_error *reterr)
{
	struct stat st;

	if (*path != '/')
		return wrong(reterr, "a program is named by its absolute path, and not '%.100s'", path);
	if (stat(path, &st) < 0)
		return wrong(reterr, "%.150s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return wrong(reterr, "%.150s is no program: chmod +x", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return wrong(reterr, "%.150s belongs to neither root nor us: chown root", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return wrong(reterr, "%.150s may be written by others: chmod go-w", path);
	return 0;
}

/* ---- reading ---- */

/* Takes the text, which is NULL when there was no memory. */
static const char *keep(struct external *e, char *text)
{
	if (text && vec_push(&e->texts, text))
		return text;
	free(text);
	return NULL;
}

/* "kind new old": the words are cut out of a copy. */
static int read_words(struct external *e, char *text, struct sluice_fact *fact, struct sluice_config_error *reterr)
{
	const char **words = calloc(WORDS_MAX + 1, sizeof *words);
	char *save = NULL;
	size_t count = 0;

	if (!words || !vec_push(&e->words, words)) {
		free(words);
		return -ENOMEM;
	}
	fact->words = words;
	for (char *word = strtok_r(text, " \t", &save); word; word = strtok_r(NULL, " \t", &save)) {
		if (strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(word))
			return wrong(reterr, "'%.60s' is no word of small letters, digits, - and _", word);
		if (count == WORDS_MAX)
			return wrong(reterr, "a fact has at most %d words", WORDS_MAX);
		words[count++] = word;
	}
	return count ? 0 : wrong(reterr, "a fact of words names them: \"NAME WORD WORD\"");
}

static int read_fact(struct external *e, enum sluice_type type, const char *text, struct sluice_config_error *reterr)
{
	struct sluice_fact *fact = &e->facts[e->fact_count];
	size_t len = type == SLUICE_ENUM ? strcspn(text, " \t") : strlen(text);
	const char *copy = keep(e, strdup(text));
	char *name = NULL;
	int r = copy ? 0 : -ENOMEM;

	if (e->fact_count == EXTERNAL_MAX_FACTS)
		return wrong(reterr, "more than %d facts", EXTERNAL_MAX_FACTS);
	*fact = (struct sluice_fact){ .type = type, .help = "found by the program" };
	if (r == 0 && type == SLUICE_ENUM)
		r = read_words(e, (char *)(uintptr_t)copy + len, fact, reterr);
	if (r < 0)
		return r;
	if (asprintf(&name, "%s.%.*s", e->name, (int)len, text) < 0)
		name = NULL;
	fact->name = keep(e, name);
	if (!fact->name)
		return -ENOMEM;
	name += strlen(e->name) + 1;
	if (!is_word(name) || !strcmp(name, "why") || !strcmp(name, "outcome") || !strcmp(name, "error"))
		return wrong(reterr, "'%.60s' is no name of a fact: a word of small letters, and not why, outcome or error", name);
	e->fact_count++;
	return 0;
}

static int read_setting(struct external *e, const struct sluice_setting *s, struct sluice_config_error *reterr)
{
	const char *copy;

	if (s->line)
		reterr->line = s->line;
	if (s->option >= EXTERNAL_BOOL)
		return read_fact(e, (enum sluice_type)(s->option - EXTERNAL_BOOL), s->text, reterr);
	switch ((enum external_option)s->option) {
	case EXTERNAL_PROGRAM:
		copy = keep(e, strdup(s->text));
		return !copy || !vec_push(&e->argv, copy) ? -ENOMEM : e->argv.len == 1 ? check_file(copy, reterr) : 0;
	case EXTERNAL_SOCKET:
		e->program.socket = keep(e, strdup(s->text));
		if (*s->text != '/')
			return wrong(reterr, "a socket is named by its absolute path, and not '%.100s'", s->text);
		if (strlen(s->text) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
			return wrong(reterr, "the path of a socket has at most %zu octets", sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
		return e->program.socket ? 0 : -ENOMEM;
	case EXTERNAL_AT:
		for (unsigned i = 0; stages[i]; i++) {
			if (s->number == INT64_C(1) << i) {
				e->checks[0].stage = (enum sluice_stage)i;
				e->checks[0].name = e->name;
			}
		}
		return e->checks[0].name ? 0 : wrong(reterr, "it is asked at one stage: make a block of another name for another stage");
	case EXTERNAL_TIMEOUT:
		e->program.timeout_ms = s->number;
		break;
	case EXTERNAL_HEADERS:
		e->headers = s->number;
		break;
	case EXTERNAL_BODY:
		e->body_bytes = (size_t)s->number;
		break;
	case EXTERNAL_BOOL:
		break;
	}
	return 0;
}

/* Each setting may be right, and all of them make no sense. */
static int check_whole(const struct external *e, struct sluice_config_error *reterr)
{
	if (!e->argv.len == !e->program.socket)
		return wrong(reterr, "it names no program, or two: add either 'program /PATH' or 'socket /PATH'");
	if (!e->checks[0].name)
		return wrong(reterr, "it says no stage: add 'at connect', helo, mail, rcpt, data or message");
	if (!e->fact_count)
		return wrong(reterr, "it has no facts: add their names by type, such as 'bool listed' or 'text reason'");
	if ((e->headers || e->body_bytes) && e->checks[0].stage != SLUICE_STAGE_MESSAGE)
		return wrong(reterr, "there are headers and a body only 'at message'");
	return 0;
}

static void write_greeting(const struct external *e, struct text *out)
{
	json_open(out, NULL, '{');
	json_int(out, "sluice", VERSION);
	json_str(out, "name", e->name);
	json_str(out, "at", stages[e->checks[0].stage]);
	json_open(out, "facts", '{');
	for (unsigned i = 0; i < e->fact_count; i++) {
		const char *name = strchr(e->facts[i].name, '.') + 1;

		if (e->facts[i].type == SLUICE_ENUM)
			json_open(out, name, '[');
		else
			json_str(out, name, value_type_name(e->facts[i].type));
		for (size_t k = 0; e->facts[i].words && e->facts[i].words[k]; k++)
			json_str(out, NULL, e->facts[i].words[k]);
		if (e->facts[i].type == SLUICE_ENUM)
			json_close(out, ']');
	}
	json_close(out, '}');
	json_close(out, '}');
}

/* What follows from the settings. */
static int finish(struct external *e, struct sluice_config_error *reterr)
{
	SLUICE_CLEANUP(text_done) struct text greeting = TEXT_INIT(GREETING_BYTES);
	char *why = NULL, *subject = NULL;

	write_greeting(e, &greeting);
	if (greeting.failed)
		return wrong(reterr, "the names of its facts are too long");
	if (asprintf(&why, "%s.why", e->name) < 0)
		why = NULL;
	if (asprintf(&subject, "program %s", e->name) < 0)
		subject = NULL;
	e->facts[e->fact_count] = (struct sluice_fact){ keep(e, why), SLUICE_TEXT, NULL, "why the program has given no answer" };
	e->subject = keep(e, subject);
	e->program.name = e->name;
	e->program.greeting = keep(e, strdup(text_str(&greeting)));
	e->bad_s = calloc(1, sizeof *e->bad_s);
	if (!e->facts[e->fact_count].name || !e->subject || !e->program.greeting || !e->bad_s || (e->argv.len && !vec_push(&e->argv, NULL)))
		return -ENOMEM;
	e->program.argv = e->argv.len ? e->argv.items : NULL;
	return 0;
}

int external_config_read(const struct sluice_block *block, struct external **ret, struct sluice_config_error *reterr)
{
	struct external *e;
	int r = 0;

	if (!is_word(block->label) || strlen(block->label) > 40)
		return wrong(reterr, "its name is no word of small letters, digits and _, of at most 40: its facts begin with it");
	e = calloc(1, sizeof *e);
	if (!e)
		return -ENOMEM;
	e->name = keep(e, strdup(block->label));
	r = e->name ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < block->count; i++)
		r = read_setting(e, &block->settings[i], reterr);
	if (r == 0) {
		reterr->line = 0;
		r = check_whole(e, reterr);
	}
	if (r == 0)
		r = finish(e, reterr);
	if (r < 0) {
		external_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void external_free(struct external *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->words.len; i++)
		free(e->words.items[i]);
	for (size_t i = 0; i < e->texts.len; i++)
		free(e->texts.items[i]);
	vec_done(&e->words);
	vec_done(&e->texts);
	vec_done(&e->argv);
	free(e->bad_s);
	free(e);
}
