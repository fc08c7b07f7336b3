/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/milter.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "filter/milter/edge.h"

#define BACKLOG         512
#define PACKET_MAX      (16u << 20) /* of the milter protocol: a header of 1 MB comes in one */
#define COMMAND_TIMEOUT 7210        /* seconds, as libmilter has it by default: an SMTP session may be idle */

static int parse_mode(int64_t digits)
{
	int mode = 0;

	for (int shift = 0; digits; digits /= 10, shift += 3)
		mode |= (int)(digits % 10) << shift;
	return mode;
}

static int own_unix_socket(const char *path, const struct settings *s, struct err *reterr)
{
	const struct group *group;

	if (chmod(path, (mode_t)parse_mode(s->socket_mode)) < 0)
		return err_set(reterr, -errno, "%s: its mode cannot be set: %s", path, strerror(errno));
	if (!*s->socket_group)
		return 0;
	group = getgrnam(s->socket_group);
	if (!group)
		return err_set(reterr, -EINVAL, "socket_group: there is no group '%s'", s->socket_group);
	if (chown(path, (uid_t)-1, group->gr_gid) < 0)
		return err_set(reterr, -errno, "%s: cannot be given to group %s: %s", path, s->socket_group, strerror(errno));
	return 0;
}

/*
 * Without TCP_NODELAY each added header waits 40 ms for an acknowledgement. libmilter has no call for it, but Linux lets
 * accepted connections inherit it, and the listening socket is the one of ours that listens on this port.
 */
static void no_delay(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name), listening = 0, domain = 0, yes = 1;
		socklen_t len = sizeof listening;

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 || !listening)
			continue;
		len = sizeof domain;
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && (domain == AF_INET || domain == AF_INET6))
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	}
	(void)closedir(dir);
}

/* Is somebody there? Then the socket is not ours to take. */
static bool in_use(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers;

	(void)strncpy(sa.sun_path, path, sizeof sa.sun_path - 1);
	answers = fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
	if (fd >= 0)
		(void)close(fd);
	return answers;
}

static int check_unix(const char *path, struct err *reterr)
{
	struct stat st;

	if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return err_set(reterr, -ENAMETOOLONG, "listen: the path of a unix socket has at most %zu octets",
			sizeof((struct sockaddr_un *)0)->sun_path - 1);
	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(reterr, -EEXIST, "listen: %s exists and is no socket", path);
	if (in_use(path))
		return err_set(reterr, -EADDRINUSE, "listen: somebody listens on %s already: is sluiced running?", path);
	return unlink(path) < 0 ? err_set(reterr, -errno, "listen: the old %s cannot be removed: %s", path, strerror(errno)) : 0;
}

int milter_open(struct edge *edge, const struct settings *s, struct err *reterr)
{
	const char *path = strncmp(s->listen, "unix:", 5) == 0 ? s->listen + 5 : NULL;
	int r = 0;

	if (!path && strncmp(s->listen, "inet:", 5) != 0 && strncmp(s->listen, "inet6:", 6) != 0)
		return err_set(reterr, -EINVAL, "listen: '%s' is no place to listen: write unix:PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS",
			s->listen);
	edge_set(edge);
	if (smfi_register(edge_callbacks) != MI_SUCCESS)
		return err_set(reterr, -EIO, "libmilter is of another version than this was built for");
	if (path)
		r = check_unix(path, reterr);
	if (r < 0)
		return r;
	(void)smfi_settimeout(COMMAND_TIMEOUT);
	(void)smfi_setbacklog(BACKLOG);
	(void)smfi_setmaxdatasize(PACKET_MAX);
	errno = 0;
	if (smfi_setconn((char *)(uintptr_t)s->listen) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS)
		return err_set(reterr, errno ? -errno : -EIO, "listen: cannot listen on %s: %s", s->listen, errno ? strerror(errno) : "libmilter refuses it");
	if (path)
		return own_unix_socket(path, s, reterr);
	no_delay();
	return 0;
}

bool milter_run(void)
{
	return smfi_main() == MI_SUCCESS;
}

void milter_stop(void)
{
	(void)smfi_stop();
}
