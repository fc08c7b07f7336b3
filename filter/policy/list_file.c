/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/list_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "filter/base/ascii.h"
#include "filter/base/hash.h"
#include "filter/base/text.h"
#include "filter/base/utf8.h"

#define PATH_BYTES 4096

/* ---- one file ---- */

/* A line without its comment and the blanks around; what no text file has is an error. */
static int read_line(const struct source *file, unsigned line, const char *p, size_t len, struct list_line *ret, struct err *reterr)
{
	const char *hash = memchr(p, '#', len), *item = p, *stop = hash ? hash : p + len, *end = p + len;

	if (len > LIST_LINE_MAX)
		return place_error((struct place){ file, line, 1 }, reterr, "a line of %zu octets: a list has one item a line, of at most %d with its comment",
			len, LIST_LINE_MAX);
	while (item < stop && ascii_is_space(*item))
		item++;
	while (stop > item && ascii_is_space(stop[-1]))
		stop--;
	for (const char *c = item; c < stop; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return place_error((struct place){ file, line, (unsigned)(c - p) + 1 }, reterr,
				"an octet 0x%02x: a list is a text file with one item a line", (unsigned char)*c);
	*ret = (struct list_line){ item, (size_t)(stop - item), NULL, 0, { file, line, (unsigned)(item - p) + 1 } };
	if (!hash)
		return 0;
	for (hash++; hash < end && ascii_is_space(*hash); hash++)
		;
	while (end > hash && ascii_is_space(end[-1]))
		end--;
	ret->comment = hash;
	ret->comment_len = (size_t)(end - hash);
	return 0;
}

/* -EINVAL is for lines. */
static int unreadable(const char *path, int r, struct err *reterr)
{
	switch (r) {
	case -ENOMEM:
		return err_set(reterr, r, "out of memory");
	case -EFBIG:
		return err_set(reterr, r, "%s: larger than %u MB: make two lists of it", path, LIST_FILE_MAX_BYTES >> 20);
	case -E2BIG:
		return err_set(reterr, r, "%s: more than %d files: put several into one", path, LIST_FOLDER_MAX_FILES);
	case -EACCES:
		return err_set(reterr, r, "%s: cannot be read: %s: the daemon's user needs to be allowed to", path, strerror(-r));
	case -EINVAL:
		return err_set(reterr, -ENODEV, "%s: cannot be read: it is no regular file", path);
	default:
		return err_set(reterr, r, "%s: cannot be read: %s", path, strerror(-r));
	}
}

int list_file_each(const char *path, list_line_fn fn, void *arg, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(LIST_FILE_MAX_BYTES);
	struct source file = { .path = (char *)(uintptr_t)path }; /* for messages, which only read it */
	unsigned line = 0;
	struct stat st;
	size_t mark;
	int r;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return unreadable(path, -EINVAL, reterr); /* a pipe would keep whoever reads it waiting */
	r = text_read_file(&text, path);
	if (r < 0)
		return unreadable(path, r, reterr);
	if (!text.len)
		return 0;
	mark = utf8_mark_len(text.bytes, text.len);
	file.bytes = text.bytes + mark;
	file.len = text.len - mark;
	for (const char *p = file.bytes, *end = file.bytes + file.len; r == 0 && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct list_line found;

		if (!eol)
			eol = end;
		r = read_line(&file, ++line, p, (size_t)(eol - p), &found, reterr);
		if (r == 0 && found.len)
			r = fn(arg, &found, reterr);
		p = eol + 1;
	}
	return r;
}

/* ---- a folder ---- */

static int counts(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return *entry->d_name != '.' && entry->d_name[len - 1] != '~';
}

/* Calls fn for each regular file, by name, until one returns less than 0. -errno when the folder cannot be read. */
static int each_file(const char *folder, int (*fn)(void *arg, const char *path, const struct stat *st), void *arg)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, counts, alphasort), r = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_BYTES);
		struct stat st;

		text_addf(&path, "%s/%s", folder, entries[i]->d_name);
		if (r == 0 && stat(text_str(&path), &st) == 0 && S_ISREG(st.st_mode))
			r = count > LIST_FOLDER_MAX_FILES ? -E2BIG : fn(arg, text_str(&path), &st);
		free(entries[i]);
	}
	free(entries);
	return r;
}

struct reading {
	list_line_fn fn;
	void *arg;
	struct err *err;
	bool failed; /* as err says, or fn wants it */
};

static int read_one(void *arg, const char *path, const struct stat *st)
{
	struct reading *reading = arg;
	int r = list_file_each(path, reading->fn, reading->arg, reading->err);

	(void)st;
	reading->failed = r < 0;
	return r;
}

int list_folder_each(const char *path, list_line_fn fn, void *arg, struct err *reterr)
{
	struct reading reading = { fn, arg, reterr, false };
	int r = each_file(path, read_one, &reading);

	return r == 0 || reading.failed ? r : unreadable(path, r, reterr);
}

/* ---- has it changed? ---- */

static void mix(uint64_t *mark, const void *bytes, size_t len)
{
	static const struct hash_key fixed = { 0, 0 }; /* what is compared comes from the site, not from strangers */
	uint64_t both[2] = { *mark, hash_bytes(&fixed, bytes, len) };

	*mark = hash_bytes(&fixed, both, sizeof both);
}

static int mark_one(void *arg, const char *path, const struct stat *st)
{
	const uint64_t parts[] = { (uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mode, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };

	mix(arg, path, strlen(path));
	mix(arg, parts, sizeof parts);
	return 0;
}

uint64_t list_file_mark(const char *path, bool folder)
{
	uint64_t mark = 1;
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	(void)mark_one(&mark, path, &st);
	if (folder)
		(void)each_file(path, mark_one, &mark);
	return mark;
}

int list_files_add(struct list_files *f, const char *path, struct err *reterr)
{
	char *copy = strdup(path);

	if (!copy || !vec_push(&f->paths, copy)) {
		free(copy);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	f->mark = f->mark * 31 + list_file_mark(path, false);
	return 0;
}

uint64_t list_files_mark(const struct list_files *f)
{
	uint64_t mark = 0;

	for (size_t i = 0; i < f->paths.len; i++)
		mark = mark * 31 + list_file_mark(f->paths.items[i], false);
	return mark;
}

void list_files_done(struct list_files *f)
{
	for (size_t i = 0; i < f->paths.len; i++)
		free(f->paths.items[i]);
	vec_done(&f->paths);
	f->mark = 0;
}
