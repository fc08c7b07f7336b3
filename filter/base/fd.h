/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.h - writing to a file until it is there. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

/* All of it, and onto the disk. False with errno. */
bool fd_write_durably(int fd, const void *bytes, size_t len);

#endif
