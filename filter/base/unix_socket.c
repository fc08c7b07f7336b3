/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is somebody there? One whose queue is full is, too, and one who listens for datagrams. */
static bool in_use(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers = fd >= 0 && (connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0 || errno == EAGAIN || errno == EPROTOTYPE);

	if (fd >= 0)
		(void)close(fd);
	return answers;
}

int unix_socket_clear(const char *setting, const struct sockaddr_un *sa, struct err *reterr)
{
	const char *path = sa->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(reterr, -EEXIST, "%s: %s exists and is no socket", setting, path);
	if (in_use(sa))
		return err_set(reterr, -EADDRINUSE, "%s: somebody listens on %s already: is sluiced running?", setting, path);
	return unlink(path) < 0 ? err_set(reterr, -errno, "%s: the old %s cannot be removed: %s", setting, path, strerror(errno)) : 0;
}
