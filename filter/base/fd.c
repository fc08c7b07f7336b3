/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool fd_write_durably(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

/* A name that is not on the disk is another after a power cut. */
static void sync_folder(const char *path, size_t len)
{
	char *folder = strndup(path, len ? len : 1);
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
	free(folder);
}

int fd_replace(const char *path, const void *bytes, size_t len, const struct stat *old, bool keep_time)
{
	const struct timespec times[] = { old->st_atim, old->st_mtim };
	const char *slash = strrchr(path, '/');
	char *fresh; /* its name begins with a dot: of a folder of files it is none */
	int fd, r = 0;

	if (asprintf(&fresh, "%.*s.%s.XXXXXX", (int)(slash + 1 - path), path, slash + 1) < 0)
		return -ENOMEM;
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		free(fresh);
		return r;
	}
	if ((geteuid() == 0 && fchown(fd, old->st_uid, old->st_gid) < 0) || fchmod(fd, old->st_mode & 07777) < 0 || !fd_write_durably(fd, bytes, len) ||
		(keep_time && futimens(fd, times) < 0) || rename(fresh, path) < 0) {
		r = -errno;
		(void)unlink(fresh);
	}
	(void)close(fd);
	if (r == 0)
		sync_folder(path, (size_t)(slash - path));
	free(fresh);
	return r;
}

static bool write_all(int fd, const struct sluice_text *piece)
{
	for (size_t at = 0; at < piece->len;) {
		ssize_t n = write(fd, piece->bytes + at, piece->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

int fd_sealed(const char *name, const struct sluice_text *pieces, size_t count)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	bool good = fd >= 0;

	for (size_t i = 0; good && i < count; i++)
		good = write_all(fd, &pieces[i]);
	if (good && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}
