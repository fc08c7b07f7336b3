/* SPDX-License-Identifier: BSD-2-Clause */
/* control_store.h - what the requests that ask the store have in common. The main thread's. */
#ifndef FILTER_CONTROL_STORE_H
#define FILTER_CONTROL_STORE_H

#include "filter/base/text.h"
#include "filter/services/store.h"

/* Add the text as a line. status. */
int control_say(struct text *out, int status, const char *text);
/* Say why the store did not answer. EX_UNAVAILABLE. */
int control_store_failed(struct text *out, const struct sluice_store_answer *a);
/* Run op on the key, and wait no longer than CONTROL_TIMEOUT_MS. value: what it answers is added, unless NULL. */
struct sluice_store_answer control_store_call(struct store *s, struct sluice_store_op op, const struct text *key, struct text *value);

#endif
