/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/case_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

enum place { PLACE_NOWHERE, PLACE_FILE, PLACE_SYSLOG };

struct case_log {
	int place; /* atomic: enum place */
	int fd;    /* the same for life: another file takes its number by dup2(), so that writers need no lock */
};

struct case_log *case_log_new(void)
{
	struct case_log *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (l->fd < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void case_log_free(struct case_log *l)
{
	if (!l)
		return;
	(void)close(l->fd);
	free(l);
}

int case_log_open(struct case_log *l, const char *where, struct err *reterr)
{
	enum place place = !*where ? PLACE_NOWHERE : !strcmp(where, "syslog") ? PLACE_SYSLOG : PLACE_FILE;
	int fd;

	if (place == PLACE_FILE) {
		if (*where != '/' && strcmp(where, "stderr") != 0)
			return err_set(reterr, -EINVAL, "cases: '%s' is no place for cases: write an absolute path, stderr or syslog", where);
		fd = *where == '/' ? open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return err_set(reterr, -errno, "cases: %s cannot be opened: %s", where, strerror(errno));
		(void)dup3(fd, l->fd, O_CLOEXEC);
		(void)close(fd);
	}
	__atomic_store_n(&l->place, (int)place, __ATOMIC_RELEASE);
	return 0;
}

void case_log_add(struct case_log *l, const char *json, size_t len)
{
	struct iovec line[] = { { .iov_base = (char *)(uintptr_t)json, .iov_len = len }, { .iov_base = (char[]){ '\n' }, .iov_len = 1 } };

	switch ((enum place)__atomic_load_n(&l->place, __ATOMIC_ACQUIRE)) {
	case PLACE_NOWHERE:
		break;
	case PLACE_FILE:
		(void)!writev(l->fd, line, 2); /* O_APPEND: one call, one line */
		break;
	case PLACE_SYSLOG:
		syslog(LOG_INFO, "%.*s", (int)len, json);
		break;
	}
}
