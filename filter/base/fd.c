/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/fd.h"

#include <errno.h>
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
