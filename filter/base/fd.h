/* SPDX-License-Identifier: BSD-2-Clause */
/* fd.h - writing to a file until it is there, putting another in the place of one, and files without a name. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "plugins/plugin.h"

/* All of it, and onto the disk. False with errno. */
bool fd_write_durably(int fd, const void *bytes, size_t len);
/*
 * Put this content in the place of a file, which readers see whole, the old or the new, also after a power cut. It gets the owner and
 * mode of the old one and, where keep_time, its times. path has a slash. 0, -errno.
 */
int fd_replace(const char *path, const void *bytes, size_t len, const struct stat *old, bool keep_time);
/*
 * A file in memory that nobody can change any more, for another process to read: the pieces, one behind the other. name is what people
 * see in /proc. -1: there is no memory for it.
 */
int fd_sealed(const char *name, const struct sluice_text *pieces, size_t count);

#endif
