/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_child.h - a process that a program was started as, with what is heard of it: lines of its errors, and its end. It may outlive
 * whoever started it, for as long as it takes to end it. All on the reactor's thread.
 */
#ifndef SERVICES_PROGRAM_CHILD_H
#define SERVICES_PROGRAM_CHILD_H

#include <event2/event.h>

struct program_child;

struct program_child_of {
	const char *name; /* of its program; copied */
	int socket_type;  /* of its link */
	void *owner;
	void (*said)(void *arg, const char *name, const char *line); /* to its errors */
	/* It is no more, and neither is the struct program_child. owner: NULL when the owner has left. Called once. */
	void (*ended)(void *arg, void *owner, const char *how);
	void *arg;
};

/* As program_process_start(); *ret_link, to its input and output, is the caller's. */
int program_child_start(struct event_base *base, const char *const *argv, const struct program_child_of *of, struct program_child **ret,
	int *ret_link);
/* SIGTERM, and 2 s later SIGKILL, unless that is under way already. */
void program_child_end(struct program_child *c);
/* End it; its owner is gone. */
void program_child_leave(struct program_child *c);

#endif
