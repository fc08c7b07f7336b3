/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/attach_files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define BEFORE          ".sluice-before"
#define STATE           ".sluice-state"
#define DIGEST_TEXT     65 /* hexadecimal digits of SHA-256, and the NUL */
#define RECORD_BYTES    (ATTACH_FILES_MAX * (PATH_MAX + 2 * DIGEST_TEXT + 2))
#define DIFF_TIMEOUT_MS 60000
#define AGE_S           3600

/* ---- files ---- */

void attach_files_done(struct attach_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		text_done(&f->items[i].old);
		text_done(&f->items[i].new);
	}
	if (f->lock >= 0)
		(void)close(f->lock);
	f->lock = -1;
	f->count = 0;
}

static int cannot(struct err *reterr, int r, const char *path)
{
	return err_set(reterr, r, "%s: %s", path, strerror(-r));
}

static int read_into(struct text *t, const char *path, struct err *reterr)
{
	int r = text_read_file(t, path);

	return r < 0 ? cannot(reterr, r, path) : 0;
}

int attach_files_add(struct attach_files *f, const char *name, const char *path, struct err *reterr)
{
	struct attach_file *file = &f->items[f->count];

	*file = (struct attach_file){ .name = name, .old = TEXT_INIT(ATTACH_FILE_BYTES), .new = TEXT_INIT(ATTACH_FILE_BYTES) };
	if (!realpath(path, file->path) || stat(file->path, &file->st) < 0)
		return cannot(reterr, -errno, path);
	f->count++;
	return read_into(&file->old, file->path, reterr);
}

/* The folder of the first file is what is locked: the files themselves are replaced. */
int attach_files_lock(struct attach_files *f, struct err *reterr)
{
	char folder[PATH_MAX];

	(void)snprintf(folder, sizeof folder, "%s", f->items[0].path);
	*strrchr(folder, '/') = '\0';
	f->lock = open(*folder ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->lock < 0)
		return cannot(reterr, -errno, folder);
	if (flock(f->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(reterr, -EBUSY, "%s: another sluicectl attach is at work there", folder);
	return 0;
}

int attach_files_copy(struct attach_file *file, const char *folder, struct err *reterr)
{
	int fd, r = 0;

	if (snprintf(file->fresh, sizeof file->fresh, "%s/%s", folder, file->name) >= PATH_MAX)
		return cannot(reterr, -ENAMETOOLONG, file->path);
	fd = open(file->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || !fd_write_durably(fd, text_str(&file->old), file->old.len))
		r = cannot(reterr, -errno, file->fresh);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

void attach_files_age(const struct attach_files *f)
{
	const struct timespec then[2] = { { .tv_sec = time(NULL) - AGE_S }, { .tv_sec = time(NULL) - AGE_S } };

	for (size_t i = 0; i < f->count; i++)
		(void)utimensat(AT_FDCWD, f->items[i].fresh, then, 0); /* where it fails, it only takes longer */
}

int attach_files_read_copies(struct attach_files *f, struct err *reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->count; i++)
		r = read_into(&f->items[i].new, f->items[i].fresh, reterr);
	return r;
}

static bool differs(const struct attach_file *file)
{
	return file->old.len != file->new.len || (file->old.len && memcmp(file->old.bytes, file->new.bytes, file->old.len) != 0);
}

bool attach_files_differ(const struct attach_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (differs(&f->items[i]))
			return true;
	return false;
}

int attach_files_diff(const char *name, const char *before, const char *after, struct text *out, struct err *reterr)
{
	const char *const argv[] = { "diff", "-u", "--label", name, "--label", name, before, after, NULL };
	size_t old_len = out->len;
	int r = command_read(argv, clock_mono_ms() + DIFF_TIMEOUT_MS, out, reterr);

	return r == -EIO && out->len > old_len ? 0 : r; /* its status 1 says that they differ */
}

/* ---- the record ---- */

struct record {
	size_t count;
	struct record_file {
		char path[PATH_MAX];
		char before[DIGEST_TEXT], after[DIGEST_TEXT];
	} files[ATTACH_FILES_MAX];
};

static void state_path(const struct attach_files *f, char path[ATTACH_PATH_MAX])
{
	(void)snprintf(path, ATTACH_PATH_MAX, "%s" STATE, f->items[0].path);
}

static void backup_path(const char *path, char backup[ATTACH_PATH_MAX])
{
	(void)snprintf(backup, ATTACH_PATH_MAX, "%s" BEFORE, path);
}

static void digest(const struct text *t, char hex[DIGEST_TEXT])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	*hex = '\0';
	if (EVP_Digest(text_str(t), t->len, bytes, NULL, EVP_sha256(), NULL) != 1)
		return;
	for (size_t i = 0; i < (DIGEST_TEXT - 1) / 2; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

/* Each line: before, after, path. */
static int read_record(const struct attach_files *f, struct record *ret, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(RECORD_BYTES);
	char path[ATTACH_PATH_MAX];
	int r;

	*ret = (struct record){ 0 };
	state_path(f, path);
	r = text_read_file(&text, path);
	if (r < 0)
		return cannot(reterr, r, path);
	for (char *line = text.len ? strtok(text.bytes, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		struct record_file *file = &ret->files[ret->count];
		size_t at = (size_t)2 * DIGEST_TEXT;

		if (ret->count == ATTACH_FILES_MAX || strlen(line) <= at || line[DIGEST_TEXT - 1] != ' ' || line[at - 1] != ' ' || line[at] != '/' ||
			strlen(line + at) >= PATH_MAX)
			return err_set(reterr, -EBADMSG, "%s: it is not as sluicectl attach has left it", path);
		memcpy(file->before, line, DIGEST_TEXT - 1);
		memcpy(file->after, line + DIGEST_TEXT, DIGEST_TEXT - 1);
		memcpy(file->path, line + at, strlen(line + at));
		ret->count++;
	}
	return ret->count ? 0 : err_set(reterr, -EBADMSG, "%s: it is empty", path);
}

int attach_files_state(const struct attach_files *f, enum attach_state *ret, char edited[PATH_MAX], struct err *reterr)
{
	size_t before = 0, after = 0;
	struct record record;
	int r = read_record(f, &record, reterr);

	*ret = ATTACH_NONE;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < record.count; i++) {
		SLUICE_CLEANUP(text_done) struct text now = TEXT_INIT(ATTACH_FILE_BYTES);
		char hex[DIGEST_TEXT];

		r = read_into(&now, record.files[i].path, reterr);
		if (r < 0)
			return r;
		digest(&now, hex);
		before += !strcmp(hex, record.files[i].before);
		after += !strcmp(hex, record.files[i].after);
		if (strcmp(hex, record.files[i].before) != 0 && strcmp(hex, record.files[i].after) != 0)
			(void)snprintf(edited, PATH_MAX, "%s", record.files[i].path);
	}
	*ret = before + after < record.count ? ATTACH_EDITED : before ? ATTACH_HALF : ATTACH_WHOLE;
	return 0;
}

/* ---- changing ---- */

static int replace(const char *path, const struct text *t, const struct stat *like, bool keep_time, struct err *reterr)
{
	int r = fd_replace(path, text_str(t), t->len, like, keep_time);

	return r < 0 ? cannot(reterr, r, path) : 0;
}

/* Those that are to be changed, and then the record. */
static int keep_old(const struct attach_files *f, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(RECORD_BYTES);
	struct stat like = { .st_mode = 0600, .st_uid = geteuid(), .st_gid = getegid() };
	char path[ATTACH_PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->count; i++) {
		const struct attach_file *file = &f->items[i];
		char before[DIGEST_TEXT], after[DIGEST_TEXT];

		if (!differs(file))
			continue;
		digest(&file->old, before);
		digest(&file->new, after);
		text_addf(&record, "%s %s %s\n", before, after, file->path);
		backup_path(file->path, path);
		r = replace(path, &file->old, &file->st, true, reterr);
	}
	state_path(f, path);
	if (r == 0 && record.failed)
		r = cannot(reterr, -ENOMEM, path);
	return r == 0 ? replace(path, &record, &like, false, reterr) : r;
}

int attach_files_put(struct attach_files *f, struct err *reterr)
{
	struct err ignored;
	int r = keep_old(f, reterr);

	if (r < 0)
		return r;
	for (size_t i = f->count; r == 0 && i-- > 0;) /* the first last: a sendmail.cf that is older than its sendmail.mc is made anew by Debian's Makefile */
		if (differs(&f->items[i]))
			r = replace(f->items[i].path, &f->items[i].new, &f->items[i].st, false, reterr);
	if (r < 0)
		(void)!attach_files_undo(f, &ignored); /* should that fail as well, the record stays, and says what is to be done */
	return r;
}

/* A backup that is not what was kept is not put in the place of anything. */
static int read_backup(const struct record_file *file, struct text *ret, struct stat *ret_st, struct err *reterr)
{
	char hex[DIGEST_TEXT], backup[ATTACH_PATH_MAX];
	int r;

	backup_path(file->path, backup);
	r = read_into(ret, backup, reterr);
	if (r < 0)
		return r;
	if (stat(backup, ret_st) < 0)
		return cannot(reterr, -errno, backup);
	digest(ret, hex);
	return strcmp(hex, file->before) == 0 ? 0 : err_set(reterr, -EBADMSG, "%s is not what was there before: nothing was changed", backup);
}

int attach_files_undo(const struct attach_files *f, struct err *reterr)
{
	struct text old[ATTACH_FILES_MAX] = { TEXT_INIT(ATTACH_FILE_BYTES), TEXT_INIT(ATTACH_FILE_BYTES) };
	struct stat st[ATTACH_FILES_MAX];
	char path[ATTACH_PATH_MAX];
	struct record record;
	int r = read_record(f, &record, reterr);

	for (size_t i = 0; r == 0 && i < record.count; i++) /* all of them are there, before the first is touched */
		r = read_backup(&record.files[i], &old[i], &st[i], reterr);
	for (size_t i = 0; r == 0 && i < record.count; i++)
		r = replace(record.files[i].path, &old[i], &st[i], true, reterr);
	state_path(f, path);
	if (r == 0 && unlink(path) < 0)
		r = cannot(reterr, -errno, path);
	for (size_t i = 0; i < record.count; i++) {
		backup_path(record.files[i].path, path);
		if (r == 0)
			(void)unlink(path);
		text_done(&old[i]);
	}
	return r;
}
