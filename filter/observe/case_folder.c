/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/base/json.h"
#include "filter/observe/case_person.h"

#define PARTS          20 /* files that the time and the size are divided into */
#define FILE_MIN_BYTES (64 << 10)
#define FILE_MAX_BYTES (64 << 20)
#define FILE_MIN_MS    1000
#define FILE_MAX_MS    (INT64_C(24) * 3600 * 1000)
#define NAME_TRIES     1000

static const char plain_end[] = ".jsonl", hidden_end[] = ".hidden.jsonl"; /* people are hidden in it, so it need not be read again */

static int64_t within(int64_t n, int64_t min, int64_t max)
{
	return n < min ? min : n > max ? max : n;
}

int64_t case_folder_file_bytes(const struct case_keeping *k)
{
	return within(k->max_bytes / PARTS, FILE_MIN_BYTES, FILE_MAX_BYTES);
}

int64_t case_folder_file_ms(const struct case_keeping *k)
{
	int64_t shortest = k->addresses_ms > 0 && k->addresses_ms < k->keep_ms ? k->addresses_ms : k->keep_ms;

	return within(shortest / PARTS, FILE_MIN_MS, FILE_MAX_MS);
}

static int failed(const char *path, const char *what, int error, struct err *reterr)
{
	return err_set(reterr, -error, "cases: %s cannot be %s: %s", path, what, strerror(error));
}

/* What root makes here belongs to whom the folder belongs: the daemon is perhaps not root. */
static void own(int fd, const char *folder)
{
	struct stat st;

	if (geteuid() == 0 && stat(folder, &st) == 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

/* ---- the key ---- */

static int read_key(const char *path, struct hash_key *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = read(fd, ret, sizeof *ret) == (ssize_t)sizeof *ret ? 0 : -EIO;
	(void)close(fd);
	return r;
}

/* Written beside its place and linked to it: nobody reads half a key, and of two that make one, one wins. */
static int make_key(const char *folder, const char *path)
{
	SLUICE_CLEANUP(text_done) struct text fresh = TEXT_INIT(4096);
	struct hash_key key = hash_key_random();
	int fd, r = 0;

	text_addf(&fresh, "%s/.key.XXXXXX", folder);
	fd = fresh.failed ? -1 : mkostemp(fresh.bytes, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	own(fd, folder);
	if (!fd_write_durably(fd, &key, sizeof key) || (link(fresh.bytes, path) < 0 && errno != EEXIST))
		r = -errno;
	(void)close(fd);
	(void)unlink(fresh.bytes);
	return r;
}

int case_folder_key(const char *folder, struct hash_key *ret, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096);
	int r;

	text_addf(&path, "%s/.key", folder);
	r = read_key(text_str(&path), ret);
	if (r == -ENOENT) {
		r = make_key(folder, text_str(&path));
		if (r == 0)
			r = read_key(text_str(&path), ret);
	}
	return r < 0 ? failed(text_str(&path), "read", -r, reterr) : 0;
}

/* ---- files ---- */

int case_folder_begin(const char *folder, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096);
	time_t now = time(NULL);
	char when[32];
	struct tm tm;
	int fd = -1;

	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		return failed(folder, "made", errno, reterr);
	(void)gmtime_r(&now, &tm);
	(void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
	for (unsigned i = 0; i < NAME_TRIES && fd < 0; i++) {
		text_clear(&path);
		text_addf(&path, "%s/%s-%03u%s", folder, when, i, plain_end);
		fd = open(text_str(&path), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? failed(text_str(&path), "begun", errno, reterr) : fd;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && !strcmp(name + len - end_len, end);
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && ends_with(e->d_name, plain_end);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void case_files_done(struct case_files *f)
{
	for (size_t i = 0; i < f->len; i++)
		free(f->items[i]);
	vec_done(f);
}

int case_folder_list(const char *folder, struct case_files *ret, struct err *reterr)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_file, by_name), r = 0;

	*ret = (struct case_files){ 0 };
	if (count < 0)
		return failed(folder, "read", errno, reterr);
	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0 || !vec_push(ret, path)) {
			free(path);
			r = err_set(reterr, -ENOMEM, "out of memory");
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- finding ---- */

/* The last of these members in the file: where its line begins. A line without an end is half a case: the process ended while it wrote. */
static const char *find_last(const struct text *file, const struct text *member, const char *best)
{
	const char *p = text_str(file), *end = p + file->len;

	while ((p = memmem(p, (size_t)(end - p), member->bytes, member->len)) != NULL) {
		const char *line = memrchr(file->bytes, '\n', (size_t)(p - file->bytes));

		line = line ? line + 1 : file->bytes;
		if ((!best || line > best) && memchr(p, '\n', (size_t)(end - p)))
			best = line;
		p += member->len;
	}
	return best;
}

static const char *find_in(const struct text *file, const char *id)
{
	static const char *const members[] = { "case", "queue_id", "message_id" };
	SLUICE_CLEANUP(text_done) struct text member = TEXT_INIT(8192), bracketed = TEXT_INIT(4096);
	const char *best = NULL;

	text_addf(&bracketed, "<%s>", id);
	for (size_t i = 0; i <= ARRAY_LEN(members); i++) {
		text_clear(&member);
		if (i < ARRAY_LEN(members))
			json_str(&member, members[i], id);
		else
			json_str(&member, "message_id", text_str(&bracketed));
		best = find_last(file, &member, best);
	}
	return best;
}

int case_folder_find(const char *folder, const char *id, struct text *out, struct err *reterr)
{
	SLUICE_CLEANUP(case_files_done) struct case_files files;
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(CASE_FILE_MAX_BYTES);
	int r = case_folder_list(folder, &files, reterr);

	for (size_t i = files.len; r == 0 && i-- > 0;) {
		const char *line;

		text_clear(&file);
		r = text_read_file(&file, files.items[i]);
		if (r == -ENOENT) { /* it has gone just now */
			r = 0;
			continue;
		}
		if (r < 0)
			return failed(files.items[i], "read", -r, reterr);
		line = find_in(&file, id);
		if (!line)
			continue;
		text_add(out, line, (size_t)((const char *)memchr(line, '\n', (size_t)(file.bytes + file.len - line)) - line));
		return 1;
	}
	return r;
}

/* ---- changing ---- */

static int lock(const char *folder, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096);
	int fd;

	text_addf(&path, "%s/.lock", folder);
	fd = open(text_str(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return failed(text_str(&path), "opened", errno, reterr);
	own(fd, folder);
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	(void)close(fd);
	return failed(text_str(&path), "locked", errno, reterr);
}

/* What becomes of one line: added to out, changed or not, or left out. True: it was changed, or left out. */
typedef bool (*change_fn)(const void *arg, const char *json, size_t len, struct text *out);

/* How many lines were changed, or -errno with *reterr. */
static int64_t change_file(const char *path, change_fn change, const void *arg, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text in = TEXT_INIT(CASE_FILE_MAX_BYTES), out = TEXT_INIT(2 * (size_t)CASE_FILE_MAX_BYTES);
	int64_t changed = 0;
	struct stat old;
	int r = stat(path, &old) < 0 ? -errno : text_read_file(&in, path);

	if (r < 0)
		return failed(path, "read", -r, reterr);
	for (const char *p = text_str(&in), *end = p + in.len, *eol; (eol = memchr(p, '\n', (size_t)(end - p))) != NULL; p = eol + 1) {
		size_t before = out.len;

		changed += change(arg, p, (size_t)(eol - p), &out);
		if (out.len > before)
			text_addc(&out, '\n');
	}
	if (out.failed)
		return failed(path, "written", ENOMEM, reterr);
	r = changed ? fd_replace(path, text_str(&out), out.len, &old, true) : 0; /* its time says how old its last case is */
	return r < 0 ? failed(path, "written", -r, reterr) : changed;
}

static bool hide(const void *arg, const char *json, size_t len, struct text *out)
{
	case_hide(out, json, len, arg);
	return true;
}

static int hide_file(const char *folder, const char *path, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(4096);
	struct hash_key key;
	int r = case_folder_key(folder, &key, reterr);
	int64_t changed = r < 0 ? r : change_file(path, hide, &key, reterr);

	if (changed < 0)
		return (int)changed;
	text_addf(&name, "%.*s%s", (int)(strlen(path) - strlen(plain_end)), path, hidden_end);
	return rename(path, text_str(&name)) < 0 ? failed(path, "renamed", errno, reterr) : 0;
}

static int tidy_file(const struct case_keeping *k, const char *path, int64_t now_ms, int64_t *total, struct err *reterr)
{
	struct stat st;
	int64_t age_ms;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : failed(path, "read", errno, reterr);
	age_ms = now_ms - ((int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
	if (age_ms > k->keep_ms || *total > k->max_bytes) {
		*total -= st.st_size;
		return unlink(path) < 0 ? failed(path, "removed", errno, reterr) : 0;
	}
	if (k->addresses_ms < k->keep_ms && age_ms > k->addresses_ms && !ends_with(path, hidden_end))
		return hide_file(k->folder, path, reterr);
	return 0;
}

int case_folder_tidy(const struct case_keeping *k, int64_t now_ms, struct err *reterr)
{
	SLUICE_CLEANUP(case_files_done) struct case_files files = { 0 };
	int64_t total = 0;
	int locked = lock(k->folder, reterr), r;

	if (locked < 0)
		return locked;
	r = case_folder_list(k->folder, &files, reterr);
	for (size_t i = 0; i < files.len; i++) {
		struct stat st;

		total += stat(files.items[i], &st) == 0 ? st.st_size : 0;
	}
	for (size_t i = 0; r == 0 && i + 1 < files.len; i++)
		r = tidy_file(k, files.items[i], now_ms, &total, reterr);
	(void)close(locked);
	return r;
}

struct person {
	const char *name;
	const struct hash_key *key;
};

static bool forget(const void *arg, const char *json, size_t len, struct text *out)
{
	const struct person *p = arg;

	if (case_names(json, len, p->name, p->key))
		return true;
	text_add(out, json, len);
	return false;
}

int64_t case_folder_forget(const char *folder, const char *person, bool written, struct err *reterr)
{
	SLUICE_CLEANUP(case_files_done) struct case_files files = { 0 };
	struct hash_key key;
	struct person p = { person, &key };
	int64_t forgotten = 0, n = 0;
	int locked = lock(folder, reterr);

	if (locked < 0)
		return locked;
	n = case_folder_key(folder, &key, reterr);
	if (n == 0)
		n = case_folder_list(folder, &files, reterr);
	for (size_t i = 0; n >= 0 && i < files.len - (written && files.len); i++) {
		n = change_file(files.items[i], forget, &p, reterr);
		forgotten += n;
	}
	(void)close(locked);
	return n < 0 ? n : forgotten;
}
