/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case_log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "filter/observe/case_person.h"
#include "filter/services/clock.h"

enum place { PLACE_NOWHERE, PLACE_STDERR, PLACE_SYSLOG, PLACE_FOLDER };

struct case_log {
	struct health *health;
	pthread_mutex_t lock; /* guards all below */
	enum place place;
	struct case_keeping keeping; /* its folder is our own copy */
	struct hash_key key; /* of what is hidden from the start */
	int fd; /* of PLACE_FOLDER: the newest file */
	int64_t bytes, begun_ms; /* what is in it, and since when */
};

struct case_log *case_log_new(struct health *health)
{
	struct case_log *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->fd = -1;
	l->health = health;
	(void)pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void close_folder(struct case_log *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	free((char *)(uintptr_t)l->keeping.folder);
	l->keeping.folder = NULL;
}

void case_log_free(struct case_log *l)
{
	if (!l)
		return;
	close_folder(l);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static void set_file(struct case_log *l, int fd)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = fd;
	l->bytes = 0;
	l->begun_ms = clock_mono_ms();
}

static bool hides_at_once(const struct case_keeping *k)
{
	return k->addresses_ms == 0;
}

static int open_folder(struct case_log *l, const struct case_keeping *k, struct err *reterr)
{
	bool same = l->keeping.folder && !strcmp(l->keeping.folder, k->folder);
	char *folder = strdup(k->folder);
	int fd = -1, r;

	if (!folder)
		return err_set(reterr, -ENOMEM, "out of memory");
	r = fd = same ? 0 : case_folder_begin(folder, reterr);
	if (r >= 0 && hides_at_once(k))
		r = case_folder_key(folder, &l->key, reterr);
	if (r < 0) {
		if (!same && fd >= 0)
			(void)close(fd);
		free(folder);
		return r;
	}
	if (!same)
		set_file(l, fd);
	free((char *)(uintptr_t)l->keeping.folder);
	l->keeping = *k;
	l->keeping.folder = folder;
	return 0;
}

int case_log_open(struct case_log *l, const struct case_keeping *k, struct err *reterr)
{
	enum place place = !*k->folder		       ? PLACE_NOWHERE
			   : !strcmp(k->folder, "stderr") ? PLACE_STDERR
			   : !strcmp(k->folder, "syslog") ? PLACE_SYSLOG
							  : PLACE_FOLDER;
	int r = 0;

	(void)pthread_mutex_lock(&l->lock);
	if (place == PLACE_FOLDER)
		r = open_folder(l, k, reterr);
	else
		close_folder(l);
	if (r == 0)
		l->place = place;
	(void)pthread_mutex_unlock(&l->lock);
	return r;
}

static int next_file(struct case_log *l, struct err *reterr)
{
	int fd = case_folder_begin(l->keeping.folder, reterr);

	if (fd < 0)
		return fd;
	set_file(l, fd);
	return 0;
}

static bool is_full(const struct case_log *l, size_t len)
{
	return l->bytes && (l->bytes + (int64_t)len > case_folder_file_bytes(&l->keeping) || clock_mono_ms() - l->begun_ms > case_folder_file_ms(&l->keeping));
}

static void write_line(int fd, const char *json, size_t len)
{
	struct iovec line[] = { { .iov_base = (char *)(uintptr_t)json, .iov_len = len }, { .iov_base = (char[]){ '\n' }, .iov_len = 1 } };

	(void)!writev(fd, line, 2);
}

/* Whole, or not at all: 0 or -errno. */
static int write_case(struct case_log *l, const char *json, size_t len)
{
	struct iovec line[] = { { .iov_base = (char *)(uintptr_t)json, .iov_len = len }, { .iov_base = (char[]){ '\n' }, .iov_len = 1 } };
	ssize_t n = writev(l->fd, line, 2);
	int r = n < 0 ? -errno : -ENOSPC;

	if (n == (ssize_t)len + 1) {
		l->bytes += n;
		return 0;
	}
	if (n > 0)
		(void)!ftruncate(l->fd, l->bytes);
	return r;
}

static int add_to_folder(struct case_log *l, const char *json, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text hidden = TEXT_INIT(2 * len + 4096);
	struct err ignored; /* the old file goes on; tidying says what is wrong with the folder */

	if (hides_at_once(&l->keeping)) {
		case_hide(&hidden, json, len, &l->key);
		if (hidden.failed)
			return -ENOMEM;
		json = text_str(&hidden);
		len = hidden.len;
	}
	if (is_full(l, len))
		(void)next_file(l, &ignored);
	return write_case(l, json, len);
}

/* Without the lock. */
static void tell(struct case_log *l, const char *folder, int r)
{
	SLUICE_CLEANUP(text_done) struct text why = TEXT_INIT(4096);

	if (r < 0)
		text_addf(&why, "%s cannot be written to: %s; the cases that come meanwhile are lost", folder, strerror(-r));
	health_report(l->health, "the folder of cases", r == 0, r < 0 ? text_str(&why) : "it can be written to");
}

void case_log_add(struct case_log *l, const char *json, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text folder = TEXT_INIT(4096);
	int r = 0;

	(void)pthread_mutex_lock(&l->lock);
	switch (l->place) {
	case PLACE_NOWHERE:
		break;
	case PLACE_STDERR:
		write_line(STDERR_FILENO, json, len);
		break;
	case PLACE_SYSLOG:
		syslog(LOG_INFO, "%.*s", (int)len, json);
		break;
	case PLACE_FOLDER:
		r = add_to_folder(l, json, len);
		text_adds(&folder, l->keeping.folder);
		break;
	}
	(void)pthread_mutex_unlock(&l->lock);
	if (folder.len)
		tell(l, text_str(&folder), r);
}

int case_log_next(struct case_log *l, struct err *reterr)
{
	int r = 1;

	(void)pthread_mutex_lock(&l->lock);
	if (l->place == PLACE_FOLDER)
		r = next_file(l, reterr);
	(void)pthread_mutex_unlock(&l->lock);
	return r;
}

int case_log_tidy(struct case_log *l, int64_t now_ms, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text folder = TEXT_INIT(4096);
	struct case_keeping k;
	int r = 0;

	(void)pthread_mutex_lock(&l->lock);
	k = l->keeping;
	if (l->place == PLACE_FOLDER) {
		text_adds(&folder, k.folder);
		r = is_full(l, 0) ? next_file(l, reterr) : 0;
	}
	(void)pthread_mutex_unlock(&l->lock);
	k.folder = text_str(&folder);
	return r < 0 || !folder.len ? r : case_folder_tidy(&k, now_ms, reterr);
}
