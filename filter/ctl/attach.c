/* SPDX-License-Identifier: BSD-2-Clause */
/* attach.c - sluicectl attach: let a mail server ask Sluice, see that it does, and take that back. */
#include "filter/ctl/attach.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/control.h"
#include "filter/ctl/paint.h"
#include "filter/ctl/program.h"
#include "filter/ctl/shown.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define IN_THE_WAY  2 /* exit status: it cannot be done as things are */
#define TELL_BYTES  4096
#define CONFIGS_MAX 64 /* instances of one mail server */

enum verb { CHECK, APPLY, PROVE, UNDO };

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl attach postfix | sendmail [--check | --apply | --prove | --undo] [OPTION...]\n"
	      "  --check        say what would be changed, and what is in the way; the default\n"
	      "  --apply        change it, keep what was there before, and let the mail server read it\n"
	      "  --prove        send tracers through each listener, which nobody gets, and see what comes of them; --apply does so, too\n"
	      "  --undo         put back what was there before, to the octet\n"
	      "  --config PATH  the folder of main.cf (all instances of postmulti, or /etc/postfix); may be said several times\n"
	      "                 or sendmail.cf (/etc/mail/sendmail.cf)\n"
	      "  --mc FILE      sendmail.mc: our line goes there, and m4 makes sendmail.cf of it\n"
	      "  --cf-dir DIR   where the m4/cf.m4 is that m4 needs (/usr/share/sendmail/cf)\n"
	      "  --reload COMMAND  how Sendmail is told to read it, by a shell; without it only says so\n"
	      "  -c FILE, -s SOCKET  the daemon that is to be asked\n"
	      "exit status: 0 it is attached, or as it was before; 1 there is something to change; 2 something is in the way\n", out);
	return status;
}

/* ---- telling ---- */

void attach_tell(struct attach *a, enum attach_level level, const char *what, ...)
{
	static const char *const words[] = { "", "LOOK", "BAD" };
	static const enum paint colours[] = { PAINT_NONE, PAINT_LOOK, PAINT_BAD };
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(TELL_BYTES);
	va_list args;

	va_start(args, what);
	text_addv(&text, what, args);
	va_end(args);
	a->bads += level == ATTACH_BAD;
	paint_word(stdout, colours[level], words[level], 4);
	fputs("  ", stdout);
	shown_put(stdout, text_str(&text));
	putchar('\n');
}

static int failed(const struct err *err)
{
	(void)fflush(stdout); /* what was found before it comes before it */
	fprintf(stderr, "sluicectl: %s\n", err->text);
	return IN_THE_WAY;
}

static bool show_diff(const char *name, const char *before, const char *after)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2 * (size_t)ATTACH_FILE_BYTES);
	struct err err;

	if (attach_files_diff(name, before, after, &out, &err) < 0)
		return failed(&err) == EX_OK;
	for (const char *line = text_str(&out), *end = line + out.len; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));

		paint_text(stdout, *line == '-' ? PAINT_BAD : *line == '+' ? PAINT_GOOD : PAINT_NONE, line, (size_t)((eol ? eol : end) - line), 0);
		fputs(eol ? "\n" : "", stdout);
		line = eol ? eol + 1 : end;
	}
	return true;
}

static bool show_changes(const struct attach *a)
{
	for (size_t i = 0; i < a->files.count; i++)
		if (!show_diff(a->files.items[i].path, a->files.items[i].path, a->files.items[i].fresh))
			return false;
	return true;
}

/* ---- the daemon ---- */

static void take_line(struct attach *a, const char *line)
{
	const char *blank = strchr(line, ' ');
	size_t len = blank ? (size_t)(blank - line) : 0;
	uint64_t n;

	if (ascii_equals(line, len, "listen"))
		(void)snprintf(a->listen, sizeof a->listen, "%s", blank + 1);
	else if (ascii_equals(line, len, "authserv_id"))
		(void)snprintf(a->authserv_id, sizeof a->authserv_id, "%s", blank + 1);
	else if (ascii_equals(line, len, "stage_deadline_ms") && ascii_to_u64(blank + 1, strlen(blank + 1), INT32_MAX, &n))
		a->stage_deadline_ms = (int64_t)n;
}

/* A mail server is not told to ask a daemon that is not there. */
static int ask_daemon(struct attach *a)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	int status = ctl_ask(&a->target, "status\n", &out);

	if (status != EX_OK)
		fputs(text_str(&out), stderr);
	if (status == EX_UNAVAILABLE)
		fputs("sluicectl: start Sluice first: a mail server that asks in vain puts all mail off\n", stderr);
	if (status != EX_OK)
		return status;
	for (char *line = out.len ? strtok(out.bytes, "\n") : NULL; line; line = strtok(NULL, "\n"))
		take_line(a, line);
	if (*a->listen && *a->authserv_id && a->stage_deadline_ms)
		return EX_OK;
	fputs("sluicectl: the daemon does not say where it listens: is it of another version?\n", stderr);
	return EX_UNAVAILABLE;
}

/* ---- one mail server ---- */

static int begin(struct attach *a, struct err *reterr)
{
	const char *where = getenv("TMPDIR");
	int r = a->mta->add_files(a, reterr);

	(void)snprintf(a->folder, sizeof a->folder, "%s/sluice-attach.XXXXXX", where && *where == '/' ? where : "/tmp");
	if (r == 0 && !mkdtemp(a->folder)) {
		r = err_set(reterr, -errno, "%s: %s", a->folder, strerror(errno));
		*a->folder = '\0';
	}
	return r;
}

static void remove_copies(const struct attach *a)
{
	for (size_t i = 0; i < a->files.count; i++)
		if (*a->files.items[i].fresh)
			(void)unlink(a->files.items[i].fresh);
}

static void end(struct attach *a)
{
	remove_copies(a);
	if (*a->folder)
		(void)rmdir(a->folder);
	attach_files_done(&a->files);
	vec_done(&a->listeners);
}

static int check(struct attach *a)
{
	char edited[PATH_MAX] = "";
	enum attach_state state;
	struct err err;

	if (attach_files_state(&a->files, &state, edited, &err) < 0 || a->mta->plan(a, &err) < 0)
		return failed(&err);
	if (state == ATTACH_HALF)
		attach_tell(a, ATTACH_BAD, "an earlier change was interrupted half-way: --apply does it anew, --undo takes it back");
	if (!show_changes(a))
		return IN_THE_WAY;
	if (a->bads)
		return IN_THE_WAY;
	if (attach_files_differ(&a->files))
		return CTL_DIFFERS;
	attach_tell(a, ATTACH_GOOD, "it is attached: nothing would be changed");
	return EX_OK;
}

/* What was put there does not work: as before, and say so. */
static int take_back(struct attach *a, const struct err *why)
{
	struct err err;

	(void)failed(why);
	if (attach_files_undo(&a->files, &err) < 0) {
		(void)failed(&err);
		fputs("sluicectl: the files could not be put back: --undo does it once that is mended\n", stderr);
		return IN_THE_WAY;
	}
	if (a->mta->reload(a, &err) < 0)
		(void)failed(&err);
	fputs("sluicectl: so all is as it was before\n", stderr);
	return IN_THE_WAY;
}

static int change(struct attach *a)
{
	struct err err;
	int r;

	if (a->mta->check(a, &err) < 0) {
		(void)failed(&err);
		fputs("sluicectl: the mail server finds fault with its settings as they are: nothing was changed\n", stderr);
		return IN_THE_WAY;
	}
	if (attach_files_put(&a->files, &err) < 0) {
		(void)failed(&err);
		fputs("sluicectl: nothing was changed\n", stderr);
		return IN_THE_WAY;
	}
	r = a->mta->check(a, &err);
	if (r == 0)
		r = a->mta->reload(a, &err);
	if (r < 0)
		return take_back(a, &err);
	if (r > 0 && attach_prove(a) < 0) {
		(void)err_set(&err, -EPROTO, "%s: mail comes in that Sluice is not asked about as it should be", a->config);
		return take_back(a, &err);
	}
	a->changed = true;
	attach_tell(a, ATTACH_GOOD, "attached%s; --undo takes it back", r ? ", and the mail server has read it" : "");
	if (r == 0)
		attach_tell(a, ATTACH_LOOK, "%s", a->mta->restart);
	return EX_OK;
}

static int prove(struct attach *a)
{
	struct err err;
	int proven;

	if (a->mta->plan(a, &err) < 0)
		return failed(&err);
	proven = attach_prove(a);
	return proven < 0 ? IN_THE_WAY : proven ? EX_OK : CTL_DIFFERS;
}

/* An earlier change that was interrupted is taken back first. */
static int resume(struct attach *a, struct err *reterr)
{
	int r = attach_files_undo(&a->files, reterr);

	if (r < 0)
		return r;
	attach_tell(a, ATTACH_LOOK, "an earlier change was interrupted half-way: it was taken back");
	end(a);
	a->listeners.len = 0;
	r = begin(a, reterr);
	return r == 0 ? attach_files_lock(&a->files, reterr) : r;
}

static int apply(struct attach *a)
{
	char edited[PATH_MAX] = "";
	enum attach_state state;
	struct err err;

	if (attach_files_lock(&a->files, &err) < 0 || attach_files_state(&a->files, &state, edited, &err) < 0 ||
		(state == ATTACH_HALF && resume(a, &err) < 0) || a->mta->plan(a, &err) < 0)
		return failed(&err);
	if (a->bads) {
		(void)show_changes(a);
		fputs("sluicectl: nothing was changed\n", stderr);
		return IN_THE_WAY;
	}
	if (!attach_files_differ(&a->files)) {
		attach_tell(a, ATTACH_GOOD, "it is attached: nothing was changed");
		return EX_OK;
	}
	if (state == ATTACH_WHOLE || state == ATTACH_EDITED) {
		(void)show_changes(a);
		fprintf(stderr, "sluicectl: Sluice was attached before, and now something else would have to be changed: %s; nothing was changed\n",
			state == ATTACH_WHOLE ? "--undo first, then --apply" : "--undo says what was edited since");
		return IN_THE_WAY;
	}
	return show_changes(a) ? change(a) : IN_THE_WAY;
}

static int undo(struct attach *a)
{
	char edited[PATH_MAX] = "", before[ATTACH_PATH_MAX];
	enum attach_state state;
	struct err err;
	int r;

	if (attach_files_lock(&a->files, &err) < 0 || attach_files_state(&a->files, &state, edited, &err) < 0)
		return failed(&err);
	if (state == ATTACH_NONE) {
		attach_tell(a, ATTACH_GOOD, "there is nothing to undo");
		return EX_OK;
	}
	if (state == ATTACH_EDITED) {
		(void)snprintf(before, sizeof before, "%s.sluice-before", edited);
		(void)show_diff(edited, edited, before);
		(void)fflush(stdout);
		fprintf(stderr, "sluicectl: %s was edited since, and --undo would take that back, too: nothing was changed.\n"
				"Take out by hand what is Sluice's (the lines with - above, as far as they are not yours), or put %s in its place,\n"
				"let the mail server read it, and delete the files *.sluice-before and *.sluice-state beside it.\n", edited, before);
		return IN_THE_WAY;
	}
	if (attach_files_undo(&a->files, &err) < 0)
		return failed(&err);
	r = a->mta->check(a, &err);
	if (r == 0)
		r = a->mta->reload(a, &err);
	if (r < 0) {
		(void)failed(&err);
		fputs("sluicectl: the files are as they were before, and the mail server finds fault with them\n", stderr);
		return IN_THE_WAY;
	}
	attach_tell(a, ATTACH_GOOD, "all is as it was before%s", r ? ", and the mail server has read it" : "");
	return EX_OK;
}

/* On a copy: each mail server has files and listeners of its own. */
static int serve(struct attach a, const char *config, enum verb verb, bool *ret_changed)
{
	static int (*const acts[])(struct attach *a) = { check, apply, prove, undo };
	char path[PATH_MAX];
	struct err err;
	int status;

	a.config = program_path(config, path);
	printf("%s\n", a.config);
	status = begin(&a, &err) < 0 ? failed(&err) : acts[verb](&a);
	*ret_changed = a.changed;
	end(&a);
	return status;
}

/* ---- all of them ---- */

struct configs {
	const char *items[CONFIGS_MAX];
	size_t count;
};

/* As postmulti(1) lists them: name, group, whether it is enabled, folder. Where there is none of that program there is one instance. */
static void find_instances(struct text *out, struct configs *ret)
{
	const char *const argv[] = { "postmulti", "-l", NULL };
	struct err err;

	if (command_read(argv, clock_mono_ms() + ATTACH_TIMEOUT_MS, out, &err) < 0)
		return;
	for (char *line = out->len ? strtok(out->bytes, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		const char *folder = strrchr(line, ' ');

		if (folder && folder[1] == '/' && ret->count < CONFIGS_MAX)
			ret->items[ret->count++] = folder + 1;
	}
}

/* When one cannot be changed, those before it are as they were, too. */
static int each(const struct attach *a, const struct configs *configs, enum verb verb)
{
	bool changed[CONFIGS_MAX], ignored;
	int status = EX_OK;

	for (size_t i = 0; i < configs->count; i++) {
		int one = serve(*a, configs->items[i], verb, &changed[i]);

		status = one > status ? one : status;
		if (verb != APPLY || one == EX_OK)
			continue;
		while (i-- > 0)
			if (changed[i])
				(void)serve(*a, configs->items[i], UNDO, &ignored);
		break;
	}
	return status;
}

static int attach(struct attach *a, struct configs *configs, enum verb verb)
{
	SLUICE_CLEANUP(text_done) struct text instances = TEXT_INIT(ATTACH_OUT_BYTES);
	int status = verb == UNDO ? EX_OK : ask_daemon(a);

	if (status != EX_OK)
		return status;
	if (!configs->count && a->mta == &attach_postfix)
		find_instances(&instances, configs);
	if (!configs->count)
		configs->items[configs->count++] = a->mta->usual;
	return each(a, configs, verb);
}

/* ---- arguments ---- */

enum { CONFIG = 256, MC, CF_DIR, RELOAD, VERBS };
static const struct option options[] = {
	{ "config", required_argument, NULL, CONFIG }, { "mc", required_argument, NULL, MC }, { "cf-dir", required_argument, NULL, CF_DIR },
	{ "reload", required_argument, NULL, RELOAD }, { "check", no_argument, NULL, VERBS + CHECK }, { "apply", no_argument, NULL, VERBS + APPLY },
	{ "prove", no_argument, NULL, VERBS + PROVE }, { "undo", no_argument, NULL, VERBS + UNDO }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

static const struct attach_mta *mta_of(const char *word)
{
	static const struct attach_mta *const all[] = { &attach_postfix, &attach_sendmail };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i]->word, word))
			return all[i];
	return NULL;
}

int ctl_attach(int argc, char **argv)
{
	struct attach a = { .files = ATTACH_FILES_INIT };
	struct configs configs = { .count = 0 };
	enum verb verb = CHECK;
	size_t verbs = 0;
	int option;

	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (ctl_target_option(&a.target, option))
			continue;
		if (option == CONFIG && configs.count < CONFIGS_MAX) {
			configs.items[configs.count++] = optarg;
		} else if (option == MC) {
			a.mc = optarg;
		} else if (option == CF_DIR) {
			a.cf_dir = optarg;
		} else if (option == RELOAD) {
			a.reload = optarg;
		} else if (option >= VERBS) {
			verb = (enum verb)(option - VERBS);
			verbs++;
		} else {
			return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
		}
	}
	a.mta = optind + 1 == argc ? mta_of(argv[optind]) : NULL;
	if (a.mta != &attach_sendmail && (a.mc || a.cf_dir || a.reload))
		return usage(stderr, EX_USAGE);
	return a.mta && verbs <= 1 ? attach(&a, &configs, verb) : usage(stderr, EX_USAGE);
}
