/* SPDX-License-Identifier: BSD-2-Clause */
/* machine.h - what a configuration names of the machine: users, folders, files. The daemon needs it there; who checks the configuration is perhaps elsewhere. */
#ifndef ENGINE_MACHINE_H
#define ENGINE_MACHINE_H

#include "filter/engine/snapshot.h"

/*
 * Look for what the configuration names, as s->policy, s->registry and s->plan need it. warn: all that is not there, or that the daemon's user could not use, is a
 * warning of the policy; else the first that no daemon starts without is an error. 0; -EINVAL, -ENOMEM with *reterr. Asks the system's tables of users: it may wait.
 */
int machine_look(struct snapshot *s, bool warn, struct err *reterr) SLUICE_MUST_USE;

#endif
