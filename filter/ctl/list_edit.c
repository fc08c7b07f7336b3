/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/list_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/base/text.h"
#include "filter/policy/list_file.h"

static int cannot(const char *path, int error)
{
	fprintf(stderr, "sluicectl: %s cannot be changed: %s\n", path, strerror(error));
	return EX_CANTCREAT;
}

/* Open for us alone. What others put in its place while we waited is another file: that one then. */
static int open_alone(const char *path, struct stat *ret)
{
	for (;;) { /* ends when the others have */
		struct stat named;
		int fd = open(path, O_RDONLY | O_CLOEXEC), error;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, ret) == 0 && stat(path, &named) == 0) {
			if (named.st_ino == ret->st_ino && named.st_dev == ret->st_dev)
				return fd;
			(void)close(fd);
			continue;
		}
		error = errno;
		(void)close(fd);
		return -error;
	}
}

static void apply(struct text *out, const struct text *in, const struct list_edit *edit)
{
	const char *p = text_str(in), *end = p + in->len;
	size_t next = 0;

	for (unsigned line = 1; p < end; line++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *after = eol ? eol + 1 : end;

		if (next < edit->remove_count && edit->remove[next] == line)
			next++;
		else
			text_add(out, p, (size_t)(after - p));
		p = after;
	}
	if (!edit->add)
		return;
	if (out->len && out->bytes[out->len - 1] != '\n')
		text_addc(out, '\n');
	text_addf(out, "%s\n", edit->add);
}

static int edit_alone(const char *path, const struct list_edit *edit, const struct stat *old)
{
	SLUICE_CLEANUP(text_done) struct text in = TEXT_INIT(LIST_FILE_MAX_BYTES), out = TEXT_INIT(LIST_FILE_MAX_BYTES);
	int r = text_read_file(&in, path);

	if (r < 0)
		return cannot(path, -r);
	if (in.len != edit->len) {
		fprintf(stderr, "sluicectl: %s was changed by somebody else at the same time: try again\n", path);
		return EX_TEMPFAIL;
	}
	apply(&out, &in, edit);
	if (out.failed)
		return cannot(path, EFBIG);
	r = fd_replace(path, text_str(&out), out.len, old, false);
	return r < 0 ? cannot(path, -r) : EX_OK;
}

int list_edit(const char *path, const struct list_edit *edit)
{
	char *real = realpath(path, NULL);
	struct stat old;
	int fd, status;

	if (!real)
		return cannot(path, errno);
	fd = open_alone(real, &old);
	status = fd < 0 ? cannot(path, -fd) : edit_alone(real, edit, &old);
	if (fd >= 0)
		(void)close(fd);
	free(real);
	return status;
}
