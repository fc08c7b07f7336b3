/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "filter/base/ascii.h"

struct reader {
	int (*message)(void *arg, const char *where, const struct text *bytes);
	void *arg;
	const char *path; /* of the file that is read now */
	size_t count;     /* of its messages */
	bool is_mbox, unread;
	struct text bytes; /* of the message so far */
};

static void complain(struct reader *r, const char *path, const char *why)
{
	fprintf(stderr, "sluicectl: %s: %s\n", path, why);
	r->unread = true;
}

/* ---- one file ---- */

static bool is_blank(const char *line, size_t len)
{
	return len == 0 || !strcmp(line, "\n") || !strcmp(line, "\r\n");
}

/* "From user@example.org Thu Nov 26 10:00:00 2026": text that begins with the word has no time in it. */
static bool is_from_line(const char *line)
{
	const char *colon = !strncmp(line, "From ", 5) ? strchr(line, ':') : NULL;

	return colon && ascii_is_digit(colon[-1]) && ascii_is_digit(colon[1]);
}

/* One '>' was put before it because it would else have begun a message. */
static size_t quoted(const char *line)
{
	return line[0] == '>' && !strncmp(line + strspn(line, ">"), "From ", 5) ? 1 : 0;
}

static int give(struct reader *r)
{
	char where[PATH_MAX + 40];
	int status = EX_OK;

	if (r->bytes.len) {
		r->count++;
		(void)snprintf(where, sizeof where, r->is_mbox ? "%s: message %zu" : "%s", r->path, r->count);
		status = r->message(r->arg, where, &r->bytes);
	}
	text_clear(&r->bytes);
	return status;
}

static void keep(struct reader *r, const char *line, size_t len)
{
	if (r->bytes.len + len <= MAILBOX_MESSAGE_MAX)
		text_add(&r->bytes, line, len);
}

static int read_lines(struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	bool after_blank = true;
	int status = EX_OK;
	ssize_t len;

	r->is_mbox = false;
	r->count = 0;
	text_clear(&r->bytes);
	for (bool first = true; status == EX_OK && (len = getline(&line, &size, f)) >= 0; first = false) {
		size_t skip = r->is_mbox ? quoted(line) : 0;

		if (first)
			r->is_mbox = is_from_line(line);
		if (r->is_mbox && after_blank && is_from_line(line))
			status = give(r);
		else
			keep(r, line + skip, (size_t)len - skip);
		after_blank = is_blank(line, (size_t)len);
	}
	free(line);
	return status == EX_OK ? give(r) : status;
}

static int read_file(struct reader *r, const char *path)
{
	FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "re");
	int status;

	if (!f) {
		complain(r, path, strerror(errno));
		return EX_OK;
	}
	r->path = f == stdin ? "standard input" : path;
	status = read_lines(r, f);
	if (ferror(f) || r->bytes.failed)
		complain(r, path, ferror(f) ? strerror(errno) : "out of memory");
	if (f != stdin)
		(void)fclose(f);
	return status;
}

/* ---- folders ---- */

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
	return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Of each file in it, sorted by name; not of folders within. */
static int each_file(const char *folder, int (*file)(void *arg, const char *path, const struct stat *st), void *arg)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_shown, alphasort), status = EX_OK;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		struct stat st;

		if (status == EX_OK && join(path, folder, entries[i]->d_name) && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			status = file(arg, path, &st);
		free(entries[i]);
	}
	free(entries);
	return status;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of a Maildir the files in new and cur: in tmp nothing is whole. -errno, or what file() has returned. */
static int each_file_of(const char *path, int (*file)(void *arg, const char *path, const struct stat *st), void *arg)
{
	static const char *const names[] = { "new", "cur" };
	char folder[PATH_MAX];
	bool maildir = join(folder, path, "cur") && is_folder(folder);
	int status = maildir ? EX_OK : each_file(path, file, arg);

	for (size_t i = 0; maildir && status == EX_OK && i < ARRAY_LEN(names); i++)
		if (join(folder, path, names[i]))
			status = each_file(folder, file, arg);
	return status;
}

static int add_size(void *arg, const char *path, const struct stat *st)
{
	uint64_t *sum = arg;

	(void)path;
	*sum += (uint64_t)st->st_size;
	return EX_OK;
}

static int give_file(void *arg, const char *path, const struct stat *st)
{
	(void)st;
	return read_file(arg, path);
}

uint64_t mailbox_size(const char *path)
{
	uint64_t sum = 0;
	struct stat st;

	if (is_folder(path))
		(void)each_file_of(path, add_size, &sum);
	else if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		sum = (uint64_t)st.st_size;
	return sum;
}

int mailbox_each(const char *path, int (*message)(void *arg, const char *where, const struct text *bytes), void *arg)
{
	struct reader r = { .message = message, .arg = arg, .bytes = TEXT_INIT(MAILBOX_MESSAGE_MAX) };
	int status = is_folder(path) ? each_file_of(path, give_file, &r) : read_file(&r, path);

	if (status < 0) {
		complain(&r, path, strerror(-status));
		status = EX_OK;
	}
	text_done(&r.bytes);
	return status == EX_OK && r.unread ? EX_NOINPUT : status;
}
