/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_sendmail.c - what is quarantined in Sendmail's queue: files hfID with the envelope and the header, dfID with the body ("Sendmail Installation and
 * Operation Guide", B.2). Sendmail has a command that releases, and none that shows or takes away.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/vec.h"
#include "filter/ctl/hold_queue.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define USUAL_CF        "/etc/mail/sendmail.cf"
#define USUAL_QUEUE     "/var/spool/mqueue"
#define OPTION          "O QueueDirectory="
#define TIMEOUT_MS      60000
#define OUT_MAX_BYTES   (1u << 20)
#define CF_MAX_BYTES    (16u << 20)
#define ENVELOPE_MAX    (16u << 20)
#define RECIPIENTS_MAX  10000 /* of one message that are told of */

/* ---- files ---- */

static int read_file(const char *path, struct text *out, struct err *reterr)
{
	FILE *f = fopen(path, "re");
	char buf[65536];
	bool failed;
	size_t n;

	if (!f)
		return err_set(reterr, -errno, "%s: %s", path, strerror(errno));
	while ((n = fread(buf, 1, sizeof buf, f)) > 0)
		text_add(out, buf, n);
	failed = ferror(f);
	(void)fclose(f);
	if (failed || out->failed)
		return err_set(reterr, -EIO, "%s: %s", path, failed ? "it cannot be read" : "it is larger than is read");
	return 0;
}

/* Where the queue is: a folder, or with * at its end several. */
static int queue_of(const char *config, char queue[PATH_MAX], struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text cf = TEXT_INIT(CF_MAX_BYTES);
	int r = read_file(config ? config : USUAL_CF, &cf, reterr);

	(void)snprintf(queue, PATH_MAX, "%s", USUAL_QUEUE);
	for (const char *line = text_str(&cf); r == 0 && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, OPTION, strlen(OPTION)))
			(void)snprintf(queue, PATH_MAX, "%.*s", (int)strcspn(line + strlen(OPTION), "\n"), line + strlen(OPTION));
	return r;
}

/* Each folder of the queue. Less than 0 ends it. */
static int each_folder(const char *config, int (*folder)(void *arg, const char *path, struct err *reterr), void *arg, struct err *reterr)
{
	char queue[PATH_MAX];
	glob_t found;
	int r = queue_of(config, queue, reterr);

	if (r < 0)
		return r;
	if (glob(queue, GLOB_ONLYDIR, NULL, &found) != 0)
		return err_set(reterr, -ENOENT, "%s: there is no queue", queue);
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		r = folder(arg, found.gl_pathv[i], reterr);
	globfree(&found);
	return r;
}

/* ---- an envelope ---- */

struct envelope {
	struct hold_message m;
	VEC(const char *) recipients;
	struct text *header; /* NULL: it is not wanted */
	bool failed;
};

/* "H?flags?Name: value": the flags say for which mailers the field is. */
static void take_header(struct envelope *e, const char *line)
{
	const char *end = *line == '?' ? strchr(line + 1, '?') : NULL;

	if (e->header)
		text_addf(e->header, "%s\n", end ? end + 1 : line);
}

static void take_line(struct envelope *e, const char *line, char *before)
{
	uint64_t n;
	const char *colon;

	if (*line == '\t' || *line == ' ') { /* it belongs to the line before */
		if (*before == 'H' && e->header)
			text_addf(e->header, "%s\n", line);
		return;
	}
	*before = *line;
	switch (*line) {
	case 'T':
		if (ascii_to_u64(line + 1, strlen(line + 1), INT64_MAX, &n))
			e->m.arrived_s = (int64_t)n;
		break;
	case 'q':
		e->m.reason = line + 1;
		break;
	case 'S':
		e->m.sender = line + 1 + (line[1] == '<');
		break;
	case 'R':
		colon = strchr(line, ':');
		if (e->recipients.len < RECIPIENTS_MAX)
			e->failed |= !vec_push(&e->recipients, colon ? colon + 1 + (colon[1] == '<') : line + 1);
		break;
	case 'H':
		take_header(e, line + 1);
		break;
	default: /* of no interest */
		break;
	}
}

/* text is taken apart in place. */
static void read_envelope(struct envelope *e, char *text)
{
	char before = '\0';

	for (char *line = strtok(text, "\n"); line && strcmp(line, ".") != 0; line = strtok(NULL, "\n")) {
		size_t len = strlen(line);

		if (len > 1 && (*line == 'S' || *line == 'R') && line[len - 1] == '>')
			line[len - 1] = '\0';
		take_line(e, line, &before);
	}
}

/* ---- all of them ---- */

struct listing {
	void (*message)(void *arg, const struct hold_message *m);
	void *arg;
};

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int tell(const struct listing *l, const char *folder, const char *id, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(ENVELOPE_MAX);
	struct envelope e = { .m = { .id = id, .sender = "", .reason = "" } };
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof path, "%s/hf%s", folder, id) >= PATH_MAX)
		return 0;
	r = read_file(path, &text, reterr);
	if (r == -ENOENT) /* somebody has released it */
		return 0;
	if (r < 0 || !text.len)
		return r;
	read_envelope(&e, text.bytes);
	(void)snprintf(path, sizeof path, "%s/df%s", folder, id);
	e.m.size = size_of(path);
	e.m.recipients = e.recipients.items;
	e.m.recipient_count = e.recipients.len;
	if (!e.failed)
		l->message(l->arg, &e.m);
	vec_done(&e.recipients);
	return e.failed ? -ENOMEM : 0;
}

static int list_folder(void *arg, const char *folder, struct err *reterr)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_set(reterr, -errno, "%s: %s", folder, strerror(errno));
	while (r == 0 && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "hf", 2))
			r = tell(arg, folder, entry->d_name + 2, reterr);
	(void)closedir(dir);
	return r;
}

static int sendmail_each(const char *config, void (*message)(void *arg, const struct hold_message *m), void *arg, struct err *reterr)
{
	struct listing l = { message, arg };

	return each_folder(config, list_folder, &l, reterr);
}

/* ---- one of them ---- */

struct one {
	const char *id;
	char folder[PATH_MAX]; /* "": it was not found */
};

static int find_folder(void *arg, const char *folder, struct err *reterr)
{
	struct one *one = arg;
	char path[PATH_MAX];

	(void)reterr;
	if (snprintf(path, sizeof path, "%s/hf%s", folder, one->id) < PATH_MAX && access(path, F_OK) == 0)
		(void)snprintf(one->folder, sizeof one->folder, "%s", folder);
	return 0;
}

static int find(const char *config, const char *id, struct one *ret, struct err *reterr)
{
	int r;

	*ret = (struct one){ .id = id };
	r = each_folder(config, find_folder, ret, reterr);
	return r == 0 && !*ret->folder ? err_set(reterr, -ENOENT, "%s is not held any more", id) : r;
}

static int sendmail_print(const char *config, const char *id, struct text *out, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(ENVELOPE_MAX);
	struct envelope e = { .m = { .sender = "" }, .header = out };
	char path[PATH_MAX + 300];
	struct one one;
	int r = find(config, id, &one, reterr);

	if (r < 0)
		return r;
	(void)snprintf(path, sizeof path, "%s/hf%s", one.folder, id);
	r = read_file(path, &text, reterr);
	if (r < 0)
		return r;
	if (text.len)
		read_envelope(&e, text.bytes);
	vec_done(&e.recipients);
	text_addc(out, '\n');
	(void)snprintf(path, sizeof path, "%s/df%s", one.folder, id);
	return read_file(path, out, reterr);
}

static int sendmail_release(const char *config, const char *id, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(OUT_MAX_BYTES);
	char cf[PATH_MAX + 4], run[300];
	const char *const argv[] = { "sendmail", cf, "-Q", "-qQ", run, NULL };

	(void)snprintf(cf, sizeof cf, "-C%s", config ? config : USUAL_CF);
	(void)snprintf(run, sizeof run, "-qI%s", id);
	return command_read(argv, clock_mono_ms() + TIMEOUT_MS, &out, reterr);
}

/* As long as the lock is ours no queue run of Sendmail's takes it. */
static int sendmail_drop(const char *config, const char *id, struct err *reterr)
{
	char envelope[PATH_MAX + 300], body[PATH_MAX + 300];
	struct one one;
	int r = find(config, id, &one, reterr), fd;

	if (r < 0)
		return r;
	(void)snprintf(envelope, sizeof envelope, "%s/hf%s", one.folder, id);
	(void)snprintf(body, sizeof body, "%s/df%s", one.folder, id);
	fd = open(envelope, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_set(reterr, -errno, "%s: %s", envelope, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = err_set(reterr, -EBUSY, "%s: Sendmail is at it just now", envelope);
	else if (unlink(envelope) < 0 || (unlink(body) < 0 && errno != ENOENT))
		r = err_set(reterr, -errno, "%s: %s", envelope, strerror(errno));
	(void)close(fd);
	return r;
}

const struct hold_queue hold_sendmail = { sendmail_each, sendmail_print, sendmail_release, sendmail_drop };
