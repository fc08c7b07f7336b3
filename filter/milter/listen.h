/* SPDX-License-Identifier: BSD-2-Clause */
/* listen.h - the socket that the MTA connects to. */
#ifndef MILTER_LISTEN_H
#define MILTER_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/base/err.h"
#include "filter/policy/policy.h"

/* A listening socket where `listen` says, which is valid, and which does not block; -1 with *reterr. */
int listen_open(const struct settings *s, struct err *reterr);
/* Does a milter answer there now? timeout_ms: for the connection, and for its answer. Waits. */
bool listen_answers(const struct settings *s, int64_t timeout_ms);
/* The path of the unix socket that `listen` names, which is to be removed at the end; NULL: it names none. */
const char *listen_path(const struct settings *s);

#endif
