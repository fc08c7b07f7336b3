/* SPDX-License-Identifier: BSD-2-Clause */
/* listen.h - the socket that the MTA connects to. */
#ifndef MILTER_LISTEN_H
#define MILTER_LISTEN_H

#include "filter/base/err.h"
#include "filter/policy/policy.h"

/* A listening socket where `listen` says, which is valid, and which does not block; -1 with *reterr. */
int listen_open(const struct settings *s, struct err *reterr);
/* The path of the unix socket that `listen` names, which is to be removed at the end; NULL: it names none. */
const char *listen_path(const struct settings *s);

#endif
