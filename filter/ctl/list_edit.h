/* SPDX-License-Identifier: BSD-2-Clause */
/* list_edit.h - change a list's file: a line more, or some less, all else as it was. */
#ifndef CTL_LIST_EDIT_H
#define CTL_LIST_EDIT_H

#include <stddef.h>

struct list_edit {
	const char *add;        /* a line, without its end; NULL: none */
	const unsigned *remove; /* numbers of lines that go, from 1, in order */
	size_t remove_count;
	size_t len;             /* of the file when it was looked at: if it is another one, nothing is changed */
};

/*
 * The new file takes the place of the old by rename(2), with its mode and owner; of a symbolic link, where it points. Two at a time
 * come one after the other. An exit status, with what is wrong said on stderr.
 */
int list_edit(const char *path, const struct list_edit *edit);

#endif
