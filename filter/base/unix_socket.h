/* SPDX-License-Identifier: BSD-2-Clause */
/* unix_socket.h - a path for a unix socket of ours to listen at. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include <sys/un.h>

#include "filter/base/err.h"

/*
 * Take away the socket that one who ended left behind, so that bind() finds the path free. What is no socket is kept, and so is one that
 * somebody listens on. setting: what the error begins with. 0, -EEXIST, -EADDRINUSE, or -errno.
 */
int unix_socket_clear(const char *setting, const struct sockaddr_un *sa, struct err *reterr) SLUICE_MUST_USE;

#endif
