/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/tx/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "filter/base/shortage.h"
#include "filter/base/text.h"

struct body {
	struct body_limits limits;
	struct text memory;
	int fd; /* of the file; -1: all is in memory */
	size_t kept, size;
	char *mapped;
	bool large;      /* more than memory_bytes: the spool folder was needed */
	const char *why; /* it cannot be kept; NULL: it can */
};

struct body *body_new(const struct body_limits *limits)
{
	struct body *b = shortage_zalloc(sizeof *b);

	if (!b)
		return NULL;
	b->limits = *limits;
	b->memory = TEXT_INIT(limits->memory_bytes < limits->max_bytes ? limits->memory_bytes : limits->max_bytes);
	b->fd = -1;
	return b;
}

static void drop(struct body *b)
{
	text_done(&b->memory);
	if (b->mapped)
		(void)munmap(b->mapped, b->kept);
	if (b->fd >= 0)
		(void)close(b->fd);
	b->mapped = NULL;
	b->fd = -1;
}

void body_free(struct body *b)
{
	if (!b)
		return;
	drop(b);
	free(b);
}

static void give_up(struct body *b, const char *why)
{
	drop(b);
	b->why = why;
}

/* Not every file system knows files that never had a name. */
static int open_spool(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	text_addf(&path, "%s/sluice-XXXXXX", folder);
	fd = path.failed ? -1 : mkostemp(path.bytes, O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path.bytes);
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* From memory into the file. */
static bool spool(struct body *b)
{
	if (b->fd >= 0)
		return true;
	b->large = true;
	b->fd = open_spool(b->limits.spool);
	if (b->fd < 0 || !write_all(b->fd, text_str(&b->memory), b->memory.len)) {
		give_up(b, b->fd < 0 ? "the spool folder of 'body' cannot be written to" : "the spool folder of 'body' is full");
		return false;
	}
	text_done(&b->memory);
	return true;
}

void body_add(struct body *b, const char *bytes, size_t len)
{
	size_t room = b->limits.max_bytes - b->kept, keep = len < room ? len : room;

	b->size += len;
	if (!keep || b->why)
		return;
	if (b->fd < 0 && b->memory.len + keep <= b->memory.max) {
		text_add(&b->memory, bytes, keep);
		if (b->memory.failed) {
			give_up(b, "out of memory");
			return;
		}
	} else if (!spool(b)) {
		return;
	} else if (!write_all(b->fd, bytes, keep)) {
		give_up(b, "the spool folder of 'body' is full");
		return;
	}
	b->kept += keep;
}

size_t body_size(const struct body *b)
{
	return b->size;
}

bool body_is_cut(const struct body *b)
{
	return b->size > b->limits.max_bytes;
}

bool body_is_large(const struct body *b, bool *ret_kept)
{
	*ret_kept = !b->why;
	return b->large;
}

const char *body_bytes(struct body *b, size_t *ret_len, const char **ret_why)
{
	if (!b->why && b->fd >= 0 && !b->mapped) {
		void *mapped = mmap(NULL, b->kept, PROT_READ, MAP_PRIVATE, b->fd, 0); /* nobody can cut a file without a name */

		if (mapped == MAP_FAILED)
			give_up(b, "out of memory");
		else
			b->mapped = mapped;
	}
	*ret_len = b->why ? 0 : b->kept;
	*ret_why = b->why;
	if (b->why)
		return NULL;
	return b->mapped ? b->mapped : text_str(&b->memory);
}
