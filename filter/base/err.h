/* SPDX-License-Identifier: BSD-2-Clause */
/* err.h - an error of a user's input: where, what, and the remedy. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "filter/base/cleanup.h"

struct err {
	char text[1024];
};

/* Set the text; what is too long is cut. Returns code, so that a caller can `return err_set(e, -EINVAL, ...)`. */
int err_set(struct err *e, int code, const char *format, ...) SLUICE_PRINTF(3, 4);

#endif
