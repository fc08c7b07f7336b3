/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.h - writing to a file until it is there, and putting another in the place of one. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* All of it, and onto the disk. False with errno. */
bool fd_write_durably(int fd, const void *bytes, size_t len);
/*
 * Put this content in the place of a file, which readers see whole, the old or the new, also after a power cut. It gets the owner and
 * mode of the old one and, where keep_time, its times. path has a slash. 0, -errno.
 */
int fd_replace(const char *path, const void *bytes, size_t len, const struct stat *old, bool keep_time);

#endif
