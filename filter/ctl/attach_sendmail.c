/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach_sendmail.c - Sendmail: with its sendmail.mc this gets the line of contrib/sendmail, and m4(1) makes sendmail.cf; without it sendmail.cf gets the two lines that m4 would
 * have made ("Sendmail Installation and Operation Guide", 5.11 and 5.6: X and InputMailFilters).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/fd.h"
#include "filter/ctl/attach.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define NAME       "sluice"
#define FILTERS    "O InputMailFilters="
#define NO_FILTERS "#O InputMailFilters"
#define PORT       "O DaemonPortOptions="
#define DEFAULT_CF_DIR "/usr/share/sendmail/cf"
#define USUAL_S    60 /* seconds that Sendmail waits for an answer, unless Sluice may take longer */

struct sendmail {
	struct attach *a;
	const struct attach_file *cf, *mc; /* mc: NULL where it was not named */
};

/* ---- sendmail.cf ---- */

/* The line after this one; NULL: there is none. */
static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end && end[1] ? end + 1 : NULL;
}

static size_t line_len(const char *line)
{
	return strcspn(line, "\n");
}

/* The first line that begins so, from this one on. */
static const char *find_line(const char *line, const char *begin)
{
	while (line && strncmp(line, begin, strlen(begin)) != 0)
		line = next_line(line);
	return line;
}

/* The value of KEY= among items with commas between, blanks around them left out; in out, which is empty without it. Letters count as they do for Sendmail: the first one. */
static void option_of(const char *line, size_t len, char key, char *out, size_t size)
{
	const char *end = line + len;

	*out = '\0';
	while (line < end) {
		const char *comma = memchr(line, ',', (size_t)(end - line)), *item_end = comma ? comma : end, *equals;

		while (line < item_end && ascii_is_space(*line))
			line++;
		equals = memchr(line, '=', (size_t)(item_end - line));
		if (equals && ascii_equal(line, 1, &key, 1))
			(void)snprintf(out, size, "%.*s", (int)(item_end - equals - 1), equals + 1);
		line = item_end + 1;
	}
}

/* Is this name in InputMailFilters? */
static bool is_used(const char *cf, const char *name, size_t len)
{
	const char *line = find_line(cf, FILTERS), *item, *at;
	SLUICE_CLEANUP(text_done) struct text list = TEXT_INIT(ATTACH_VALUE_MAX);
	size_t item_len;

	if (!line)
		return false;
	text_add(&list, line + strlen(FILTERS), line_len(line) - strlen(FILTERS));
	for (at = text_str(&list); (item = attach_next_item(&at, &item_len));)
		if (item_len == len && !memcmp(item, name, len))
			return true;
	return false;
}

static bool is_our_socket(const struct attach *a, const char *socket)
{
	const char *ours = strchr(a->listen, ':'), *theirs = strchr(socket, ':');
	bool local = !strncmp(socket, "local:", 6) && !strncmp(a->listen, "unix:", 5);

	return !strcmp(socket, a->listen) || (local && ours && theirs && !strcmp(ours, theirs));
}

/* The filter that is ours and is asked. */
static bool has_ours(const struct attach *a, const char *cf)
{
	for (const char *line = find_line(cf, "X"); line; line = find_line(next_line(line), "X")) {
		char socket[PATH_MAX];

		option_of(line, line_len(line), 'S', socket, sizeof socket);
		if (is_our_socket(a, socket) && is_used(cf, line + 1, strcspn(line + 1, ", \t\n")))
			return true;
	}
	return false;
}

/* ---- what there is ---- */

static bool add_listener(struct attach *a, const char *options, size_t len)
{
	struct attach_listener l = { .tls = false };
	char flags[32], family[16], filters[256];

	option_of(options, len, 'N', l.name, sizeof l.name);
	option_of(options, len, 'P', l.port, sizeof l.port);
	option_of(options, len, 'A', l.host, sizeof l.host);
	option_of(options, len, 'F', family, sizeof family);
	option_of(options, len, 'M', flags, sizeof flags);
	option_of(options, len, 'I', filters, sizeof filters);
	l.tls = strchr(flags, 's');
	if (!*l.port)
		(void)snprintf(l.port, sizeof l.port, "25");
	if (!*l.host || !strcmp(l.host, "0.0.0.0") || !strcmp(l.host, "::"))
		(void)snprintf(l.host, sizeof l.host, "%s", !strcmp(family, "inet6") ? "::1" : "127.0.0.1");
	l.spared = *filters && !strstr(filters, NAME);
	attach_tell(a, ATTACH_GOOD, "listener %s: port %s%s", l.name, l.port, l.tls ? ", by TLS" : "");
	if (l.spared)
		attach_tell(a, ATTACH_LOOK, "listener %s has filters of its own (%s), and stays so", l.name, filters);
	return vec_push(&a->listeners, l);
}

static int find_listeners(struct attach *a, const char *cf, struct err *reterr)
{
	for (const char *line = find_line(cf, PORT); line; line = find_line(next_line(line), PORT))
		if (!add_listener(a, line + strlen(PORT), line_len(line) - strlen(PORT)))
			return err_set(reterr, -ENOMEM, "out of memory");
	if (!a->listeners.len && !add_listener(a, "Name=MTA", strlen("Name=MTA")))
		return err_set(reterr, -ENOMEM, "out of memory");
	return 0;
}

/* A filter that is asked. Of ours: does it wait long enough, and is mail put off without it? */
static void tell_filter(struct attach *a, const char *line)
{
	char name[128], socket[PATH_MAX], flags[16], times[256], wait[32] = "";
	const char *work, *reply;
	size_t len = line_len(line);

	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 1, ", \t\n"), line + 1);
	option_of(line, len, 'S', socket, sizeof socket);
	option_of(line, len, 'F', flags, sizeof flags);
	option_of(line, len, 'T', times, sizeof times);
	if (is_our_socket(a, socket)) {
		reply = strstr(times, "R:");
		if (reply)
			(void)snprintf(wait, sizeof wait, "%.*s", (int)strcspn(reply + 2, ";"), reply + 2);
		if (*wait && attach_time_ms(wait) >= 0 && attach_time_ms(wait) <= a->stage_deadline_ms)
			attach_tell(a, ATTACH_LOOK, "filter %s waits R:%s, shorter than Sluice may take (stage_deadline, %lld s): make it longer by hand", name, wait,
				(long long)(a->stage_deadline_ms / 1000));
		if (*flags != 'T')
			attach_tell(a, ATTACH_LOOK, "filter %s has %s: while Sluice does not answer, mail %s; F=T puts it off", name, *flags ? "F=R" : "no F=",
				*flags ? "is refused for good" : "passes unchecked");
		return;
	}
	work = attach_same_work(socket);
	work = work ? work : attach_same_work(name);
	if (!strcmp(name, NAME))
		attach_tell(a, ATTACH_BAD, "a filter is called " NAME " and has another socket, %s: take it out, or let Sluice listen there", socket);
	else if (work)
		attach_tell(a, ATTACH_LOOK, "another filter, %s at %s: %s is done twice while it stays", name, socket, work);
	else
		attach_tell(a, ATTACH_LOOK, "another filter, %s at %s: it stays, behind Sluice; a header field that it puts first stands above ours", name, socket);
}

static void tell_fights(struct attach *a, const char *cf)
{
	const char *path = !strncmp(a->listen, "unix:", 5) ? a->listen + 5 : NULL, *slash;
	struct stat st;
	char folder[PATH_MAX];

	for (const char *line = find_line(cf, "X"); line; line = find_line(next_line(line), "X"))
		if (is_used(cf, line + 1, strcspn(line + 1, ", \t\n")))
			tell_filter(a, line);
	slash = path ? strrchr(path, '/') : NULL;
	if (!slash)
		return;
	(void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
	if (stat(folder, &st) == 0 && (st.st_mode & 022))
		attach_tell(a, ATTACH_LOOK, "others may write to %s: Sendmail calls the socket unsafe there, and does not use it", folder);
}

/* ---- changes ---- */

static int write_copy(const struct attach_file *file, const struct text *t, struct err *reterr)
{
	struct stat st;
	int r = stat(file->fresh, &st) < 0 || t->failed ? -EIO : fd_replace(file->fresh, text_str(t), t->len, &st, false);

	return r < 0 ? err_set(reterr, r, "%s: %s", file->fresh, strerror(-r)) : 0;
}

static void add_equate(const struct attach *a, struct text *out)
{
	long long wait_s = (2 * a->stage_deadline_ms + 999) / 1000;

	wait_s = wait_s > USUAL_S ? wait_s : USUAL_S;
	text_addf(out, "S=%s, F=T, T=C:20s;S:%llds;R:%llds;E:%llds", a->listen, wait_s, wait_s, 2 * wait_s);
}

/* A text with something before the line at `at`, and from the line `rest` on. */
static void splice(struct text *out, const struct text *old, const char *at, const char *between, const char *rest)
{
	const char *start = text_str(old);

	text_add(out, start, (size_t)(at - start));
	text_adds(out, between);
	text_adds(out, rest);
}

static int change_cf(const struct sendmail *s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_FILE_BYTES), filters = TEXT_INIT(ATTACH_VALUE_MAX);
	const char *cf = text_str(&s->cf->old), *line = find_line(cf, FILTERS), *end = cf + s->cf->old.len;
	bool listed = line;

	if (!line)
		line = find_line(cf, NO_FILTERS);
	text_addf(&filters, FILTERS NAME "%s%.*s\n", listed && line_len(line) > strlen(FILTERS) ? "," : "", listed ? (int)(line_len(line) - strlen(FILTERS)) : 0,
		listed ? line + strlen(FILTERS) : "");
	if (line) {
		const char *after = next_line(line);

		splice(&out, &s->cf->old, line, text_str(&filters), after ? after : "");
	} else {
		splice(&out, &s->cf->old, end, end > cf && end[-1] != '\n' ? "\n" : "", text_str(&filters));
	}
	text_adds(&out, out.len && out.bytes[out.len - 1] != '\n' ? "\nX" NAME ", " : "X" NAME ", ");
	add_equate(s->a, &out);
	text_addc(&out, '\n');
	return write_copy(s->cf, &out, reterr);
}

/* Before the first filter, or else before the mailers. */
static int change_mc(const struct sendmail *s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_FILE_BYTES), line = TEXT_INIT(ATTACH_VALUE_MAX);
	const char *mc = text_str(&s->mc->old), *at = find_line(mc, "INPUT_MAIL_FILTER(");

	if (!at)
		at = find_line(mc, "MAILER(");
	if (!at)
		return err_set(reterr, -EINVAL, "%s has no MAILER(...): is it a sendmail.mc?", s->mc->path);
	text_adds(&line, "INPUT_MAIL_FILTER(`" NAME "', `");
	add_equate(s->a, &line);
	text_adds(&line, "')dnl\n");
	splice(&out, &s->mc->old, at, text_str(&line), at);
	return write_copy(s->mc, &out, reterr);
}

/* One that includes cf.m4 itself, as Debian's does, is all that m4 needs. */
static int make_cf(const struct sendmail *s, struct text *out, struct err *reterr)
{
	const char *dir = s->a->cf_dir ? s->a->cf_dir : DEFAULT_CF_DIR;
	char define[PATH_MAX + 16], cf_m4[PATH_MAX];
	const char *const whole[] = { "m4", s->mc->fresh, NULL }, *const with[] = { "m4", define, cf_m4, s->mc->fresh, NULL };

	(void)snprintf(define, sizeof define, "-D_CF_DIR_=%s/", dir);
	(void)snprintf(cf_m4, sizeof cf_m4, "%s/m4/cf.m4", dir);
	return command_read(strstr(text_str(&s->mc->old), "m4/cf.m4") ? whole : with, clock_mono_ms() + ATTACH_TIMEOUT_MS, out, reterr);
}

/* Who made it, when and where stands in lines with five #. */
static bool same_settings(const char *a, const char *b)
{
	while (a && b) {
		bool noise = !strncmp(a, "#####", 5) && !strncmp(b, "#####", 5);

		if (!noise && (line_len(a) != line_len(b) || memcmp(a, b, line_len(a)) != 0))
			return false;
		a = next_line(a);
		b = next_line(b);
	}
	return !a && !b;
}

static int change_by_mc(const struct sendmail *s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text before = TEXT_INIT(ATTACH_FILE_BYTES), after = TEXT_INIT(ATTACH_FILE_BYTES);
	int r = make_cf(s, &before, reterr);

	if (r == 0 && !same_settings(text_str(&before), text_str(&s->cf->old)))
		attach_tell(s->a, ATTACH_LOOK, "%s is not what m4 makes of %s: it was edited, or not made anew; the diff shows what else would be changed", s->cf->path, s->mc->path);
	if (r == 0)
		r = change_mc(s, reterr);
	if (r == 0)
		r = make_cf(s, &after, reterr);
	if (r == 0 && !has_ours(s->a, text_str(&after)))
		r = err_set(reterr, -EINVAL, "%s: with our line in it m4 makes no sendmail.cf that asks Sluice: is confINPUT_MAIL_FILTERS defined below it?", s->mc->path);
	return r == 0 ? write_copy(s->cf, &after, reterr) : r;
}

/* ---- what attach.c calls ---- */

static int add_files(struct attach *a, struct err *reterr)
{
	int r = attach_files_add(&a->files, "sendmail.cf", a->config, reterr);

	return r == 0 && a->mc ? attach_files_add(&a->files, "sendmail.mc", a->mc, reterr) : r;
}

static int plan(struct attach *a, struct err *reterr)
{
	struct sendmail s = { .a = a, .cf = &a->files.items[0], .mc = a->mc ? &a->files.items[1] : NULL };
	const char *cf = text_str(&s.cf->old);
	int r = 0;

	if (!find_line(cf, "V") || !find_line(cf, "M"))
		return err_set(reterr, -EINVAL, "%s is no sendmail.cf: it has no version, or no mailer", s.cf->path);
	for (size_t i = 0; r == 0 && i < a->files.count; i++)
		r = attach_files_copy(&a->files.items[i], a->folder, reterr);
	if (r == 0)
		r = find_listeners(a, cf, reterr);
	if (r < 0)
		return r;
	tell_fights(a, cf);
	if (!has_ours(a, cf)) {
		if (!s.mc)
			attach_tell(a, ATTACH_LOOK, "only sendmail.cf is changed: whoever makes it anew takes Sluice out; --mc FILE changes sendmail.mc, too");
		r = s.mc ? change_by_mc(&s, reterr) : change_cf(&s, reterr);
	}
	return r == 0 ? attach_files_read_copies(&a->files, reterr) : r;
}

/* Sendmail reads its settings, is asked nothing, and ends. */
static int check(const struct attach *a, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES);
	char cf[PATH_MAX + 4];
	const char *const argv[] = { "sendmail", cf, "-bt", NULL };

	(void)snprintf(cf, sizeof cf, "-C%s", a->config);
	return command_read(argv, clock_mono_ms() + ATTACH_TIMEOUT_MS, &out, reterr);
}

static int reload(const struct attach *a, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(ATTACH_OUT_BYTES);
	const char *const argv[] = { "sh", "-c", a->reload, NULL };
	int r;

	if (!a->reload)
		return 0;
	r = command_read(argv, clock_mono_ms() + ATTACH_TIMEOUT_MS, &out, reterr);
	return r < 0 ? r : 1;
}

const struct attach_mta attach_sendmail = { "sendmail", "/etc/mail/sendmail.cf", plan, add_files, check, reload,
	"Sendmail reads it when it is restarted: 'systemctl restart sendmail', or what starts it here, and then sluicectl attach sendmail --prove", &hold_sendmail };
