/* SPDX-License-Identifier: BSD-2-Clause */
/* import.c - sluicectl import: the configuration of another program, as one of Sluice's, and what could not be carried over. */
#include "filter/ctl/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/ctl/ctl.h"

#define PART_BYTES  (4u << 20) /* of each part of what is made */
#define VALUE_SHOWN 80

static const struct {
	const char *name;
	void (*run)(struct import *i);
	const char *files;
} kinds[] = {
	{ "opendkim", import_opendkim, "/etc/opendkim.conf" },
	{ "opendmarc", import_opendmarc, "/etc/opendmarc.conf" },
	{ "policyd-spf", import_policyd_spf, "/etc/postfix-policyd-spf-python/policyd-spf.conf" },
	{ "postgrey", import_postgrey, "/etc/default/postgrey /etc/postgrey/whitelist_clients /etc/postgrey/whitelist_recipients" },
	{ "milter-greylist", import_milter_greylist, "/etc/milter-greylist/greylist.conf" },
	{ "rspamd", import_rspamd, "/etc/rspamd/local.d/*.conf" },
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl import PROGRAM FILE...\n", out);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		fprintf(out, "  %-16s %s\n", kinds[i].name, kinds[i].files);
	fputs("What is printed is a configuration of Sluice, with comments that say what is to be done by hand and what was not carried over.\n"
	      "exit status: 0 all was carried over, 1 some was not, 66 a file cannot be read\n", out);
	return status;
}

/* ---- reading ---- */

static char *trim(char *s)
{
	size_t len;

	while (ascii_is_space(*s))
		s++;
	len = strlen(s);
	while (len && ascii_is_space(s[len - 1]))
		s[--len] = '\0';
	return s;
}

void import_lines(struct import *i, void (*line)(struct import *i, const void *arg, char *line), const void *arg)
{
	FILE *f = fopen(i->path, "re");
	char *bytes = NULL;
	size_t size = 0;

	if (!f) {
		fprintf(stderr, "sluicectl: %s: %s\n", i->path, strerror(errno));
		i->failed = true;
		return;
	}
	for (i->line = 1; getline(&bytes, &size, f) >= 0; i->line++) {
		char *comment = strchr(bytes, '#'), *text;

		if (comment && (comment == bytes || ascii_is_space(comment[-1])))
			*comment = '\0';
		text = trim(bytes);
		if (*text && *text != ';')
			line(i, arg, text);
	}
	free(bytes);
	(void)fclose(f);
}

static void take_key(struct import *i, const struct import_key *keys, const char *name, const char *value)
{
	for (; keys->name; keys++)
		if (!strcasecmp(keys->name, name)) {
			if (keys->take)
				keys->take(i, keys->name, value);
			return;
		}
	import_left(i, name, "Sluice has nothing of this kind");
}

struct form {
	enum import_form form;
	const struct import_key *keys;
};

static void split(struct import *i, const void *arg, char *line)
{
	const struct form *form = arg;
	char *end = line + strcspn(line, form->form == IMPORT_EQUALS ? "=" : " \t"), *value = *end ? end + 1 : end;
	size_t len;

	*end = '\0';
	value = trim(value);
	len = strlen(value);
	if (len > 1 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value[len - 1] = '\0';
		value++;
	}
	take_key(i, form->keys, trim(line), value);
}

void import_keys(struct import *i, enum import_form form, const struct import_key *keys)
{
	const struct form f = { form, keys };

	import_lines(i, split, &f);
}

/* ---- what is made ---- */

/* A line of a comment, whatever was in the file. */
static void add_clean(struct text *out, const char *s, size_t max)
{
	for (size_t n = 0; *s && n < max; s++, n++)
		text_addc(out, (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
	if (*s)
		text_adds(out, "...");
}

void import_left(struct import *i, const char *what, const char *why)
{
	text_adds(&i->left, "#   ");
	add_clean(&i->left, i->path, SIZE_MAX);
	text_addf(&i->left, ":%u: ", i->line);
	add_clean(&i->left, what, VALUE_SHOWN);
	text_addf(&i->left, ": %s\n", why);
	i->left_any = true;
}

void import_step(struct import *i, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text step = TEXT_INIT(PART_BYTES);
	va_list args;

	va_start(args, format);
	text_addv(&step, format, args);
	va_end(args);
	text_adds(&i->steps, "#   ");
	add_clean(&i->steps, text_str(&step), SIZE_MAX);
	text_addc(&i->steps, '\n');
}

bool import_is_yes(const char *value)
{
	return !strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcasecmp(value, "on") || !strcmp(value, "1");
}

bool import_is_plain(const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '"' || *p == '\\' || *p == '{' || *p == '}')
			return false;
	return *value != '\0';
}

void import_socket(struct import *i, const char *key, const char *value)
{
	const char *path = !strncmp(value, "local:", 6) ? value + 6 : !strncmp(value, "unix:", 5) ? value + 5 : value;
	uint64_t port;
	size_t len;

	if (*path == '/' && import_is_plain(path)) {
		text_addf(&i->settings, "listen \"unix:%s\"\n", path);
		return;
	}
	len = !strncmp(value, "inet:", 5) ? strcspn(value + 5, "@") : 0;
	if (len && ascii_to_u64(value + 5, len, UINT16_MAX, &port) && port) {
		text_addf(&i->settings, "listen inet:%u@127.0.0.1\n", (unsigned)port);
		if (value[5 + len] && strcmp(value + 5 + len, "@localhost") != 0 && strcmp(value + 5 + len, "@127.0.0.1") != 0)
			import_left(i, value, "it listens on 127.0.0.1 alone now: write another address if the mail server is elsewhere");
		return;
	}
	import_left(i, key, "this is no socket that Sluice can listen on");
}

void import_user(struct import *i, const char *key, const char *value)
{
	(void)key;
	import_step(i, "'user %.*s': let it stay 'sluice', and give that user what %.*s could read", (int)strcspn(value, ":"), value, (int)strcspn(value, ":"), value);
}

bool import_is_network(const char *value)
{
	struct net net;

	return net_parse(value, strlen(value), &net);
}

bool import_list(struct import *i, const char *name, const char *type, const char *items)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(PART_BYTES);

	text_addf(&head, "list %s ", name);
	if (strstr(text_str(&i->lists), text_str(&head))) {
		import_left(i, items, "the list has been written above: put it in there");
		return false;
	}
	text_addf(&i->lists, "%s%s %s\n", text_str(&head), type, items);
	return true;
}

void import_list_file(struct import *i, const char *name, const char *type, const char *path)
{
	SLUICE_CLEANUP(text_done) struct text items = TEXT_INIT(PART_BYTES);

	text_addf(&items, "file \"%s\"", path);
	(void)import_list(i, name, type, text_str(&items));
}

void import_networks(struct import *i, const char *name, const char *value)
{
	SLUICE_CLEANUP(text_done) struct text items = TEXT_INIT(PART_BYTES);
	char *copy = strdup(value), *rest = copy;

	for (char *word; (word = strsep(&rest, ", \t"));) {
		if (!*word)
			continue;
		if (!strcasecmp(word, "localhost"))
			text_addf(&items, "%s 127.0.0.0/8 ::1", items.len ? "" : "[");
		else if (import_is_network(word))
			text_addf(&items, "%s %s", items.len ? "" : "[", word);
		else
			import_left(i, word, "no address or network: names of hosts are not in such a list");
	}
	free(copy);
	if (items.len) {
		text_adds(&items, " ]");
		(void)import_list(i, name, "network", text_str(&items));
	}
}

/* ---- the command ---- */

static void print_part(const char *head, const struct text *part)
{
	if (part->len)
		printf("\n%s%s", head, text_str(part));
}

static int finish(struct import *i, const char *program, char **files, int count)
{
	bool full = i->settings.failed || i->lists.failed || i->rules.failed || i->steps.failed || i->left.failed;

	if (full) {
		fputs("sluicectl: the files are larger than can be taken over\n", stderr);
		return EX_DATAERR;
	}
	printf("# By sluicectl import %s, from", program);
	for (int n = 0; n < count; n++)
		printf(" %s", files[n]);
	puts("\n# Put it where sluice.conf includes it, and let sluicectl config check look at it.");
	print_part("", &i->settings);
	print_part("", &i->lists);
	print_part("", &i->rules);
	print_part("# To be done by hand:\n", &i->steps);
	print_part("# Not carried over:\n", &i->left);
	return i->failed ? EX_NOINPUT : i->left_any ? CTL_DIFFERS : EX_OK;
}

int ctl_import(int argc, char **argv)
{
	struct import i = { .settings = TEXT_INIT(PART_BYTES), .lists = TEXT_INIT(PART_BYTES), .rules = TEXT_INIT(PART_BYTES), .steps = TEXT_INIT(PART_BYTES),
		.left = TEXT_INIT(PART_BYTES) };
	int status = EX_USAGE;

	if (argc >= 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		return usage(stdout, EX_OK);
	for (size_t k = 0; argc > 2 && k < ARRAY_LEN(kinds); k++) {
		if (strcmp(kinds[k].name, argv[1]) != 0)
			continue;
		for (int n = 2; n < argc; n++) {
			i.path = argv[n];
			kinds[k].run(&i);
		}
		status = finish(&i, argv[1], argv + 2, argc - 2);
	}
	text_done(&i.settings);
	text_done(&i.lists);
	text_done(&i.rules);
	text_done(&i.steps);
	text_done(&i.left);
	return status == EX_USAGE ? usage(stderr, status) : status;
}
