/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "filter/base/socket_address.h"
#include "filter/base/unix_socket.h"
#include "filter/milter/packet.h"
#include "filter/milter/protocol.h"

#define BACKLOG 4096 /* Postfix does not wait for room on a unix socket; the system's somaxconn is a limit, too */

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
		return err_set(reterr, -EINVAL, "socket_group: %s is gone", s->socket_group); /* it was there when the configuration was read */
	if (chown(path, (uid_t)-1, group->gr_gid) < 0)
		return err_set(reterr, -errno, "%s: cannot be given to group %s: %s", path, s->socket_group, strerror(errno));
	return 0;
}

static int listen_at(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1, saved;

	if (fd < 0)
		return -1;
	if (family != AF_UNIX) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
		/* else each header that is added waits 40 ms for an acknowledgement; connections inherit it */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	}
	if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static int open_unix(const struct settings *s, const char *path, struct err *reterr)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t old;
	int fd;

	memcpy(sa.sun_path, path, strlen(path));
	if (unix_socket_clear("listen", &sa, reterr) < 0)
		return -1;
	old = umask(0177); /* nobody else gets in before it has its mode and group */
	fd = listen_at(AF_UNIX, &sa, sizeof sa);
	(void)umask(old);
	if (fd < 0)
		return err_set(reterr, -1, "listen: cannot listen on %s: %s", s->listen, strerror(errno));
	if (own_unix_socket(path, s, reterr) < 0) {
		(void)close(fd);
		(void)unlink(path);
		return -1;
	}
	return fd;
}

/* Of inet:PORT or inet:PORT@HOST (inet6): both may be names. As getaddrinfo(). */
static int find_tcp(const char *listen, int flags, struct addrinfo **ret)
{
	const struct addrinfo hints = { .ai_family = strncmp(listen, "inet6:", 6) ? AF_INET : AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	const char *place = strchr(listen, ':') + 1, *at = strchr(place, '@');
	char port[64];

	(void)snprintf(port, sizeof port, "%.*s", at ? (int)(at - place) : (int)strlen(place), place);
	return getaddrinfo(at && at[1] ? at + 1 : NULL, port, &hints, ret);
}

static int open_tcp(const struct settings *s, struct err *reterr)
{
	struct addrinfo *found = NULL;
	int fd = -1, r;

	r = find_tcp(s->listen, AI_PASSIVE, &found);
	if (r)
		return err_set(reterr, -1, "listen: '%s' is no place to listen: %s", s->listen, r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = listen_at(a->ai_family, a->ai_addr, a->ai_addrlen);
	if (fd < 0)
		(void)err_set(reterr, -1, "listen: cannot listen on %s: %s", s->listen, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

const char *listen_path(const struct settings *s)
{
	return !strncmp(s->listen, "unix:", 5) ? s->listen + 5 : NULL;
}

int listen_open(const struct settings *s, struct err *reterr)
{
	const char *path = listen_path(s);

	return path ? open_unix(s, path, reterr) : open_tcp(s, reterr);
}

/* ---- is somebody there? ---- */

static int connect_to(int family, const struct sockaddr *address, socklen_t len, const struct timeval *longest)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, longest, sizeof *longest); /* of connect(), too */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, longest, sizeof *longest);
	if (connect(fd, address, len) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int connect_listener(const char *listen, const struct timeval *longest)
{
	struct addrinfo *found = NULL;
	struct socket_address local;
	int fd = -1;

	if (!strncmp(listen, "unix:", 5))
		return socket_address_read(listen, &local) ? connect_to(AF_UNIX, &local.u.any, local.len, longest) : -1;
	if (find_tcp(listen, 0, &found))
		return -1;
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, longest);
	freeaddrinfo(found);
	return fd;
}

/* As an MTA begins: the offer, and the first octets of the answer. */
static bool speaks_milter(int fd)
{
	SLUICE_CLEANUP(text_done) struct text offer = TEXT_INIT(64);
	size_t begun = packet_begin(&offer, SMFIC_OPTNEG);
	char answer[PACKET_HEAD_BYTES + 1];

	packet_add_u32(&offer, SMFI_PROT_VERSION);
	packet_add_u32(&offer, SMFI_V1_ACTS);
	packet_add_u32(&offer, SMFI_V1_PROT);
	packet_end(&offer, begun);
	return !offer.failed && send(fd, offer.bytes, offer.len, MSG_NOSIGNAL) == (ssize_t)offer.len &&
	       recv(fd, answer, sizeof answer, MSG_WAITALL) == (ssize_t)sizeof answer && answer[PACKET_HEAD_BYTES] == SMFIC_OPTNEG;
}

bool listen_answers(const struct settings *s, int64_t timeout_ms)
{
	const struct timeval longest = { .tv_sec = (time_t)(timeout_ms / 1000), .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	int fd = connect_listener(s->listen, &longest);
	bool answers = fd >= 0 && speaks_milter(fd);

	if (fd >= 0)
		(void)close(fd);
	return answers;
}
