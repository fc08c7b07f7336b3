/* SPDX-License-Identifier: BSD-2-Clause */
/* list.c - sluicectl list show | test | add | remove: what is in a list of the configuration, and its file. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/base/suggest.h"
#include "filter/base/vec.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/list_edit.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/shown.h"
#include "filter/engine/snapshot.h"

#define LINE_MAX_BYTES LIST_LINE_MAX

struct words {
	char **args; /* behind the name of the list */
	int count;
	bool json; /* of show */
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl list show [-c FILE] [--json] NAME               each item, and where it stands\n"
	      "       sluicectl list test [-c FILE] NAME VALUE                  is it in the list, and by which item?\n"
	      "       sluicectl list add [-c FILE] NAME ITEM [COMMENT...]       put it into the list's file\n"
	      "       sluicectl list remove [-c FILE] NAME ITEM                 take it out\n"
	      "exit status of test: 0 it is in the list, 1 it is not, 69 it may be in a set of Redis\n", out);
	return status;
}

/* ---- show, test ---- */

static void print_line(const struct list_line *line)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(16 * LINE_MAX_BYTES);

	shown_add(&out, line->item, line->len);
	text_addf(&out, "   # %s:%u%s", line->place.source->path, line->place.line, line->comment_len ? " " : "");
	shown_add(&out, line->comment, line->comment_len);
	puts(text_str(&out));
}

static void put_line(struct text *out, const struct list_line *line)
{
	json_open(out, NULL, '{');
	json_text(out, "item", line->item, line->len);
	json_str(out, "file", line->place.source->path);
	json_int(out, "line", line->place.line);
	json_text(out, "comment", line->comment_len ? line->comment : "", line->comment_len);
	json_close(out, '}');
}

static int show_line(void *arg, const struct list_line *line, struct err *reterr)
{
	struct listing *listing = arg;

	(void)reterr;
	if (listing)
		put_line(listing_next(listing), line);
	else
		print_line(line);
	return 0;
}

static int failed(const struct err *err)
{
	fprintf(stderr, "sluicectl: %s\n", err->text);
	return EX_CONFIG;
}

/* Only the daemon speaks with Redis. */
static void tell_of_sets(const struct list *l)
{
	const char *key = list_first(l, LIST_REDIS);

	if (key)
		fprintf(stderr, "sluicectl: what is in the set %s of Redis is not looked at: redis-cli SMEMBERS %s\n", key, key);
}

static int show(const struct list *l, const struct words *w)
{
	struct listing listing;
	struct err err;
	int r;

	tell_of_sets(l);
	if (w->json)
		listing_begin(&listing);
	r = list_each(l, show_line, w->json ? &listing : NULL, &err);
	if (w->json)
		listing_end(&listing);
	return r < 0 ? failed(&err) : EX_OK;
}

struct search {
	enum sluice_list_type type;
	const char *value;
	bool found;
};

static int test_line(void *arg, const struct list_line *line, struct err *reterr)
{
	struct search *s = arg;

	(void)reterr;
	if (!list_item_matches(s->type, line->item, line->len, s->value, strlen(s->value)))
		return 0;
	s->found = true;
	print_line(line);
	return -ECANCELED;
}

static int test(const struct list *l, const struct words *w)
{
	struct search s = { list_type(l), w->args[0], false };
	const char *set = list_first(l, LIST_REDIS); /* only the daemon speaks with Redis */
	struct sluice_ip ip;
	struct err err;

	if (s.type == SLUICE_LIST_NETWORK && !ip_parse(s.value, strlen(s.value), &ip)) {
		fprintf(stderr, "sluicectl: '%s' is no IP address, as is looked for in a list of networks\n", s.value);
		return EX_USAGE;
	}
	if (list_each(l, test_line, &s, &err) < 0 && !s.found)
		return failed(&err);
	if (s.found)
		return EX_OK;
	if (set) {
		fprintf(stderr, "sluicectl: %s is none of the items of list %s that stand in files; whether it is in the set %s of Redis is not known here: "
			"redis-cli SISMEMBER %s ITEM\n", s.value, list_name(l), set, set);
		return EX_UNAVAILABLE;
	}
	fprintf(stderr, "%s is not in list %s\n", s.value, list_name(l));
	return CTL_DIFFERS;
}

/* ---- add, remove ---- */

struct places {
	const char *item;
	const char *file; /* lines of this one are counted */
	VEC(unsigned) lines;
	char elsewhere[512]; /* the first place that is not in it */
};

static int place_line(void *arg, const struct list_line *line, struct err *reterr)
{
	struct places *p = arg;

	if (!ascii_equal(line->item, line->len, p->item, strlen(p->item)))
		return 0;
	if (p->file && !strcmp(line->place.source->path, p->file))
		return vec_push(&p->lines, line->place.line) ? 0 : err_set(reterr, -ENOMEM, "out of memory");
	if (!*p->elsewhere)
		(void)snprintf(p->elsewhere, sizeof p->elsewhere, "%s:%u", line->place.source->path, line->place.line);
	return 0;
}

static int no_file(const struct list *l)
{
	const char *parameter = list_first(l, LIST_POSTFIX), *class = list_first(l, LIST_SENDMAIL), *database = list_first(l, LIST_CDB),
		   *set = list_first(l, LIST_REDIS);

	if (database)
		fprintf(stderr, "sluicectl: list %s is in the database %s, which is made anew to change it: 'postmap cdb:FILE', 'cdb -c FILE'\n", list_name(l),
			database);
	if (set)
		fprintf(stderr, "sluicectl: list %s is a set in Redis, and changed there: SADD %s ITEM, SREM %s ITEM\n", list_name(l), set, set);
	if (parameter)
		fprintf(stderr, "sluicectl: list %s is read from Postfix, and changed there: %s, and the files that it names\n", list_name(l), parameter);
	if (class)
		fprintf(stderr, "sluicectl: list %s is read from Sendmail, and changed there: %s%s, and the files of it\n", list_name(l),
			strcmp(class, "access") ? "class " : "", class);
	fprintf(stderr, "sluicectl: list %s has no file that could be changed: give it one with 'file PATH', in %s line %u\n", list_name(l),
		list_place(l).source->path, list_place(l).line);
	return EX_CONFIG;
}

static int check_item(const struct list *l, const char *item)
{
	struct list_items *items = list_items_new(list_type(l));
	size_t len = strlen(item);
	struct err err;
	int r;

	if (!items)
		return EX_OSERR;
	r = list_items_add(items, item, len, (struct place){ 0 }, &err);
	list_items_free(items);
	if (r < 0) {
		fprintf(stderr, "sluicectl: %s\n", err.text);
		return EX_DATAERR;
	}
	for (size_t i = 0; i < len; i++)
		if (item[i] == '#' || (unsigned char)item[i] < 0x20 || item[i] == 0x7f || (item[i] == ' ' && (i == 0 || i + 1 == len))) {
			fputs("sluicectl: an item in a file has no '#', no control character, and no blank at its ends\n", stderr);
			return EX_DATAERR;
		}
	return EX_OK;
}

/* "ITEM  # COMMENT", the words of the comment joined. */
static bool make_line(struct text *out, char **args, int count)
{
	text_adds(out, args[0]);
	for (int i = 1; i < count; i++)
		text_addf(out, "%s%s", i == 1 ? "  # " : " ", args[i]);
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->bytes[i] < 0x20 || out->bytes[i] == 0x7f)
			out->failed = true;
	if (out->failed)
		fprintf(stderr, "sluicectl: a comment has no control character and no end of line, and with its item at most %d octets\n", LINE_MAX_BYTES);
	return !out->failed;
}

static int add(const struct list *l, const struct words *w)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(LINE_MAX_BYTES);
	struct places p = { .item = w->args[0], .file = list_first(l, LIST_FILE) };
	struct list_edit edit = { 0 };
	struct stat st;
	struct err err;
	int status = check_item(l, w->args[0]), r;

	if (status != EX_OK)
		return status;
	if (!p.file)
		return no_file(l);
	if (!make_line(&line, w->args, w->count))
		return EX_DATAERR;
	if (stat(p.file, &st) == 0)
		edit.len = (size_t)st.st_size;
	r = list_each(l, place_line, &p, &err);
	if (r < 0)
		status = failed(&err);
	else if (p.lines.len)
		printf("%s is there already: %s:%u\n", w->args[0], p.file, p.lines.items[0]);
	else if (*p.elsewhere)
		printf("%s is there already: %s\n", w->args[0], p.elsewhere);
	else {
		edit.add = text_str(&line);
		status = list_edit(p.file, &edit);
		if (status == EX_OK)
			printf("%s was added to %s\n", w->args[0], p.file);
	}
	vec_done(&p.lines);
	return status;
}

static int remove_item(const struct list *l, const struct words *w)
{
	struct places p = { .item = w->args[0], .file = list_first(l, LIST_FILE) };
	struct list_edit edit = { 0 };
	struct stat st;
	struct err err;
	int status = EX_OK;

	if (p.file && stat(p.file, &st) == 0)
		edit.len = (size_t)st.st_size;
	if (list_each(l, place_line, &p, &err) < 0) {
		status = failed(&err);
	} else if (p.lines.len) {
		edit.remove = p.lines.items;
		edit.remove_count = p.lines.len;
		status = list_edit(p.file, &edit);
		if (status == EX_OK)
			printf("%s was removed from %s\n", w->args[0], p.file);
	}
	if (status == EX_OK && *p.elsewhere) {
		fprintf(stderr, "sluicectl: %s stands in %s: take it out there\n", w->args[0], p.elsewhere);
		status = EX_CANTCREAT;
	} else if (status == EX_OK && !p.lines.len) {
		fprintf(stderr, "sluicectl: %s is not in list %s as an item: list test NAME VALUE says which item a value is in by\n", w->args[0], list_name(l));
		status = EX_NOINPUT;
	}
	vec_done(&p.lines);
	return status;
}

/* ---- which ---- */

static const struct verb {
	const char *name;
	int (*run)(const struct list *l, const struct words *w);
	int least, most; /* arguments behind the name of the list */
} verbs[] = { { "show", show, 0, 0 }, { "test", test, 1, 1 }, { "add", add, 1, 1000 }, { "remove", remove_item, 1, 1 } };

static int run(const struct verb *verb, const char *config, const char *name, const struct words *w)
{
	struct snapshot_options options = { .no_services = true };
	struct snapshot *s;
	struct suggest near = suggest_for(name, strlen(name));
	const struct list *l;
	struct err err;
	int status;

	if (snapshot_load(config, &options, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	l = policy_list(s->policy, name);
	for (size_t i = 0; !l && i < s->policy->lists.len; i++)
		suggest_try(&near, list_name(s->policy->lists.items[i]));
	if (!l) {
		fprintf(stderr, "sluicectl: there is no list '%s' in %s", name, config);
		fprintf(stderr, near.best ? ": did you mean '%s'?\n" : "%s\n", near.best ? near.best : "");
		status = EX_NOINPUT;
	} else {
		status = verb->run(l, w);
	}
	snapshot_unref(s);
	return status;
}

int ctl_list(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *config = CTL_DEFAULT_CONFIG;
	const struct verb *verb = NULL;
	struct words w = { .json = false };
	int option;

	for (size_t i = 0; argc >= 2 && i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			verb = &verbs[i];
	if (!verb)
		return argc >= 2 && !strcmp(argv[1], "-h") ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	argc--;
	argv++;
	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'j' && verb->run == show)
			w.json = true;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? EX_OK : EX_USAGE);
	}
	w.args = argv + optind + 1;
	w.count = argc - optind - 1;
	if (w.count < verb->least || w.count > verb->most)
		return usage(stderr, EX_USAGE);
	return run(verb, config, argv[optind], &w);
}
