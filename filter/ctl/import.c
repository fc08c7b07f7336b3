/* SPDX-License-Identifier: BSD-2-Clause */
/* import.c - sluicectl import: the configuration of another program, as one of Sluice's, and what could not be carried over. */
#include "filter/ctl/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/suggest.h"
#include "filter/ctl/ctl.h"
#include "filter/mail/domain.h"

#define PART_BYTES  (4u << 20) /* of each part of what is made */
#define VALUE_SHOWN 80

static const struct kind {
	const char *name;
	void (*run)(struct import *i); /* for each file */
	void (*end)(struct import *i); /* when all are read: who the rules are for */
	const char *files;
} kinds[] = {
	{ "opendkim", import_opendkim, import_opendkim_end, "/etc/opendkim.conf" },
	{ "opendmarc", import_opendmarc, import_opendmarc_end, "/etc/opendmarc.conf" },
	{ "policyd-spf", import_policyd_spf, import_policyd_spf_end, "/etc/postfix-policyd-spf-python/policyd-spf.conf" },
	{ "postgrey", import_postgrey, import_postgrey_end, "/etc/default/postgrey /etc/postgrey/whitelist_clients /etc/postgrey/whitelist_recipients" },
	{ "milter-greylist", import_milter_greylist, import_milter_greylist_end, "/etc/milter-greylist/greylist.conf" },
	{ "rspamd", import_rspamd, import_rspamd_end, "/etc/rspamd/local.d/*.conf" },
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl import PROGRAM FILE...\n", out);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		fprintf(out, "  %-16s %s\n", kinds[i].name, kinds[i].files);
	fputs("What is printed goes into a file that sluice.conf includes, with comments that say what is to be done by hand and what was not carried over.\n"
	      "exit status: 0 all was carried over, 1 some was not, 66 a file cannot be read, or there is nothing in any\n", out);
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
	struct stat st;
	size_t size = 0;

	if (!f || fstat(fileno(f), &st) < 0 || S_ISDIR(st.st_mode)) {
		fprintf(stderr, "sluicectl: %s%s%s\n", i->path, f ? " is a folder: name the files in it" : ": ", f ? "" : strerror(errno));
		i->failed = true;
		if (f)
			(void)fclose(f);
		return;
	}
	for (i->line = 1; getline(&bytes, &size, f) >= 0; i->line++) {
		char *comment = strchr(bytes, '#'), *text;

		if (comment && (comment == bytes || ascii_is_space(comment[-1])))
			*comment = '\0';
		text = trim(bytes);
		if (!*text || *text == ';')
			continue;
		i->found_any = true;
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
		import_step(i, "listen \"unix:%s\": in the place of that line of sluice.conf, if the mail server is to go on as it is", path);
		return;
	}
	len = !strncmp(value, "inet:", 5) ? strcspn(value + 5, "@") : 0;
	if (len && ascii_to_u64(value + 5, len, UINT16_MAX, &port) && port) {
		import_step(i, "listen inet:%u@127.0.0.1: in the place of that line of sluice.conf, if the mail server is to go on as it is", (unsigned)port);
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

void import_authserv_id(struct import *i, const char *key, const char *value)
{
	if (!strcmp(value, "HOSTNAME"))
		return; /* as it is without a setting */
	if (domain_valid(value, strlen(value), 1))
		import_setting(i, key, "authserv_id ", "authserv_id \"%s\"\n", value);
	else
		import_left(i, key, "this is no name");
}

void import_setting(struct import *i, const char *what, const char *head, const char *format, ...)
{
	va_list args;

	if (strstr(text_str(&i->settings), head)) {
		import_left(i, what, "it has been written above: put both into one");
		return;
	}
	va_start(args, format);
	text_addv(&i->settings, format, args);
	va_end(args);
}

bool import_greylist_time(struct text *settings, const char *setting, const char *number, size_t len, char unit)
{
	static const struct { const char *setting; uint64_t min_s, max_s; } ranges[] = {
		{ "delay", 0, 86400 }, { "window", 60, 30 * 86400 }, { "lifetime", 60, 400 * 86400 },
	};
	uint64_t n, factor = unit == 'd' ? 86400 : unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;

	if (!ascii_to_u64(number, len, 1000000000, &n) || strstr(text_str(settings), setting))
		return false;
	for (size_t k = 0; k < ARRAY_LEN(ranges); k++)
		if (!strcmp(ranges[k].setting, setting) && (n * factor < ranges[k].min_s || n * factor > ranges[k].max_s))
			return false;
	text_addf(settings, "  %s %" PRIu64 "%c", setting, n, unit);
	return true;
}

void import_rule(struct import *i, const char *where, const char *from, const char *head, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(1000);
	va_list args;

	text_addf(&name, "%s ", strstr(head, "rule "));
	if (strstr(text_str(&i->rules), text_str(&name))) {
		import_left(i, from, "its rule has been written above: put both into one");
		return;
	}
	text_addf(&i->rules, "at %s {\n    # ", where);
	add_clean(&i->rules, from, SIZE_MAX);
	text_addf(&i->rules, "\n    %s ", head);
	va_start(args, format);
	text_addv(&i->rules, format, args);
	va_end(args);
	text_adds(&i->rules, "\n}\n");
}

void import_role(struct import *i, const char *name, const char *condition, const char *or_not, const char *list)
{
	SLUICE_CLEANUP(text_done) struct text user = TEXT_INIT(1000);

	text_addf(&user, " in %s {", name);
	if (!strstr(text_str(&i->rules), text_str(&user)))
		return;
	text_addf(&i->lists, "role %s { when %s", name, condition);
	if (list && import_has_list(i, list))
		text_addf(&i->lists, " %s client.ip in %s", or_not, list);
	text_adds(&i->lists, " }\n");
}

bool import_is_network(const char *value)
{
	struct net net;

	return net_parse(value, strlen(value), &net);
}

bool import_is_address(const char *value)
{
	size_t local = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=");

	return local && value[local] == '@' && domain_valid(value + local + 1, strlen(value + local + 1), 1);
}

bool import_has_list(const struct import *i, const char *name)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(1000);

	text_addf(&head, "list %s ", name);
	return strstr(text_str(&i->lists), text_str(&head)) != NULL;
}

bool import_list(struct import *i, const char *name, const char *type, const char *items)
{
	if (import_has_list(i, name)) {
		import_left(i, items, "the list has been written above: put it in there");
		return false;
	}
	text_addf(&i->lists, "list %s %s %s\n", name, type, items);
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
	puts("\n# To be named in sluice.conf, behind its other 'include' lines; sluicectl config check looks at both.");
	print_part("", &i->settings);
	print_part("", &i->lists);
	print_part("", &i->rules);
	print_part("# To be done by hand:\n", &i->steps);
	print_part("# Not carried over:\n", &i->left);
	if (!i->failed && !i->found_any)
		fprintf(stderr, "sluicectl: there is no line but comments in %s%s: is it the configuration of %s?\n", files[0], count > 1 ? ", nor in the others" : "", program);
	return i->failed || !i->found_any ? EX_NOINPUT : i->left_any ? CTL_DIFFERS : EX_OK;
}

/* NULL, which is said: there is none of this name. */
static const struct kind *find_kind(const char *name)
{
	struct suggest near = suggest_for(name, strlen(name));

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		if (!strcmp(kinds[k].name, name))
			return &kinds[k];
		suggest_try(&near, kinds[k].name);
	}
	fprintf(stderr, "sluicectl: the configuration of '%s' is none that can be read", name);
	fprintf(stderr, near.best ? ": did you mean '%s'?\n" : "%s\n", near.best ? near.best : "");
	return NULL;
}

int ctl_import(int argc, char **argv)
{
	struct import i = { .settings = TEXT_INIT(PART_BYTES), .lists = TEXT_INIT(PART_BYTES), .rules = TEXT_INIT(PART_BYTES), .steps = TEXT_INIT(PART_BYTES),
		.left = TEXT_INIT(PART_BYTES) };
	const struct kind *kind;
	int status;

	if (argc >= 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")))
		return usage(stdout, EX_OK);
	kind = argc >= 2 ? find_kind(argv[1]) : NULL;
	if (!kind || argc < 3)
		return usage(stderr, EX_USAGE);
	for (int n = 2; n < argc; n++) {
		i.path = argv[n];
		kind->run(&i);
	}
	kind->end(&i);
	status = finish(&i, kind->name, argv + 2, argc - 2);
	text_done(&i.settings);
	text_done(&i.lists);
	text_done(&i.rules);
	text_done(&i.steps);
	text_done(&i.left);
	return status;
}
