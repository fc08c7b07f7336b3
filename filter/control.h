/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the control socket: one request a connection, `VERB [ARGUMENT]` and an end of line; the answer is an exit
 * status (sysexits(3)) on a line of its own, then text until the end. Only root and the daemon's own user are heard
 * (SO_PEERCRED).
 */
#ifndef FILTER_CONTROL_H
#define FILTER_CONTROL_H

#include "filter/base/err.h"
#include "filter/daemon.h"

#define CONTROL_LINE_MAX   16384 /* of a request */
#define CONTROL_ANSWER_MAX (16u << 20)
#define CONTROL_GUARD_MAX_MS 3600000 /* of a reload that is watched */
#define CONTROL_TIMEOUT_MS 2000 /* for a client that does not speak or listen */

/* A listening socket, its file of mode 0600. The descriptor, or -errno with *reterr. */
int control_open(const char *path, struct err *reterr) SLUICE_MUST_USE;
/* Answer one request, without its end of line, which is changed. An exit status. */
int control_answer(struct daemon *d, char *line, struct text *out);
/* Serve the one client that waits. False: there is none, or no descriptor is left for it; errno says which. */
bool control_serve(struct daemon *d, int listener);

#endif
