/* SPDX-License-Identifier: BSD-2-Clause */
/* token.c - sluicectl token: who may ask the daemon over HTTP. */
#include "filter/observe/token.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/list_edit.h"
#include "filter/ctl/listing.h"
#include "filter/engine/snapshot.h"

struct job {
	const struct settings *settings;
	const char *path;
	char **words; /* behind the verb */
	struct text file;
	bool json; /* of list */
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl token [-c FILE] add NAME read | operate | admin\n"
	      "       sluicectl token [-c FILE] list [--json]\n"
	      "       sluicectl token [-c FILE] remove NAME\n", out);
	return status;
}

/* ---- the file ---- */

/* A new one belongs to the user that the daemon becomes. */
static int make_file(const struct job *j)
{
	int fd = open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r = 0;
	const struct passwd *pw = geteuid() == 0 && *j->settings->user ? getpwnam(j->settings->user) : NULL;

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0 || (pw && fchown(fd, pw->pw_uid, pw->pw_gid) < 0))
		r = -errno;
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int read_file(struct job *j)
{
	int r = text_read_file(&j->file, j->path);

	if (r == 0 || r == -ENOENT)
		return EX_OK;
	fprintf(stderr, "sluicectl: %s: %s\n", j->path, strerror(-r));
	return EX_NOINPUT;
}

struct search {
	const char *name; /* NULL: all are shown */
	struct listing *listing; /* of --json */
	unsigned line;    /* 0: it is not there */
};

static void put(struct text *out, const struct http_token *t)
{
	json_open(out, NULL, '{');
	json_str(out, "name", t->name);
	json_str(out, "scope", token_scope_words[t->scope]);
	json_close(out, '}');
}

static void look(void *arg, const struct http_token *t, unsigned line)
{
	struct search *s = arg;

	if (s->listing)
		put(listing_next(s->listing), t);
	else if (!s->name)
		printf("%-20s %s\n", t->name, token_scope_words[t->scope]);
	else if (!strcmp(t->name, s->name))
		s->line = line;
}

static int search(const struct job *j, struct search *s)
{
	struct err err;

	if (token_each(&j->file, look, s, &err) == 0)
		return EX_OK;
	fprintf(stderr, "sluicectl: %s: %s\n", j->path, err.text);
	return EX_DATAERR;
}

/* ---- verbs ---- */

static bool make_token(char ret[TOKEN_LEN + 1])
{
	unsigned char octets[TOKEN_LEN / 2];

	if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
		return false;
	for (size_t i = 0; i < sizeof octets; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", octets[i]);
	return true;
}

static int add(struct job *j)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(256);
	struct search s = { .name = j->words[0] };
	struct http_token t = { .name = "" };
	struct list_edit edit = { .add = NULL };
	char token[TOKEN_LEN + 1];
	int status, r;

	if (!token_name_valid(j->words[0]) || !token_scope_read(j->words[1], strlen(j->words[1]), &t.scope)) {
		fputs("sluicectl: a name has letters, digits, '-', '_' and '.', 63 at most; a scope is read, operate or admin\n", stderr);
		return EX_USAGE;
	}
	status = search(j, &s);
	if (status == EX_OK && s.line) {
		fprintf(stderr, "sluicectl: there is a token %s: take another name, or remove it first\n", s.name);
		return EX_USAGE;
	}
	if (status != EX_OK)
		return status;
	r = make_file(j);
	if (r < 0 || !make_token(token)) {
		fprintf(stderr, "sluicectl: %s cannot be made: %s\n", j->path, strerror(r < 0 ? -r : errno));
		return EX_CANTCREAT;
	}
	(void)snprintf(t.name, sizeof t.name, "%s", j->words[0]);
	token_hash(token, t.hash);
	token_line_write(&line, &t);
	line.bytes[line.len - 1] = '\0';
	edit = (struct list_edit){ .add = text_str(&line), .len = j->file.len };
	status = list_edit(j->path, &edit);
	if (status != EX_OK)
		return status;
	puts(token);
	fprintf(stderr, "sluicectl: this is the token of %s: it is shown this once, and is good from now on\n", t.name);
	return EX_OK;
}

static int list(struct job *j)
{
	struct search s = { .name = NULL };
	struct listing listing;
	int status;

	if (!j->json)
		return search(j, &s);
	listing_begin(s.listing = &listing);
	status = search(j, &s);
	listing_end(&listing);
	return status;
}

static int remove_token(struct job *j)
{
	struct search s = { .name = j->words[0] };
	int status = search(j, &s);
	struct list_edit edit = { .remove = &s.line, .remove_count = 1, .len = j->file.len };

	if (status != EX_OK)
		return status;
	if (s.line)
		return list_edit(j->path, &edit);
	fprintf(stderr, "sluicectl: there is no token %s: 'sluicectl token list' shows which there are\n", s.name);
	return EX_NOINPUT;
}

static const struct { const char *verb; int words; int (*run)(struct job *j); } verbs[] = {
	{ "add", 2, add }, { "list", 0, list }, { "remove", 1, remove_token },
};

static int run(struct job *j, int (*verb)(struct job *j))
{
	int status;

	j->path = j->settings->api.tokens;
	if (!*j->path) {
		fputs("sluicectl: the configuration does not say where tokens are: write 'api { tokens /etc/sluice/tokens }'\n", stderr);
		return EX_CONFIG;
	}
	status = read_file(j);
	return status == EX_OK ? verb(j) : status;
}

int ctl_token(int argc, char **argv)
{
	const char *config = CTL_DEFAULT_CONFIG;
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct snapshot_options load = { .no_services = true };
	struct job j = { .file = TEXT_INIT(TOKEN_FILE_MAX_BYTES) };
	int (*verb)(struct job *j) = NULL;
	struct snapshot *s;
	struct err err;
	int option, status;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c')
			config = optarg;
		else if (option == 'j')
			j.json = true;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? EX_OK : EX_USAGE);
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs) && optind < argc; i++)
		if (!strcmp(verbs[i].verb, argv[optind]) && verbs[i].words == argc - optind - 1)
			verb = verbs[i].run;
	if (!verb || (j.json && verb != list))
		return usage(stderr, EX_USAGE);
	if (snapshot_load(config, &load, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	j.settings = &s->policy->settings;
	j.words = argv + optind + 1;
	status = run(&j, verb);
	text_done(&j.file);
	snapshot_unref(s);
	return status;
}
