/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program_process.h - a program of the site's own as a process: in a group of its own, with nothing of ours but a socket as its input
 * and output and a pipe as its errors. Its end is heard of by a descriptor, not by a signal: those are the daemon's.
 */
#ifndef SERVICES_PROGRAM_PROCESS_H
#define SERVICES_PROGRAM_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

struct program_process {
	pid_t pid;
	int exited; /* a descriptor that can be read when it has ended */
	int link;   /* to its input and output; does not block, as errors */
	int errors;
};

/*
 * argv: NULL-terminated, the first an absolute path. socket_type: of the link, SOCK_STREAM or SOCK_SEQPACKET. 0; -errno. The descriptors
 * are the caller's to close.
 */
int program_process_start(const char *const *argv, int socket_type, struct program_process *ret);
void program_process_signal(const struct program_process *p, int sig); /* to it and to what it has started in its group */
/* It has ended: how is put into words, in at most size octets. What it has left running in its group is killed. */
void program_process_reap(const struct program_process *p, char *ret_how, size_t size);

#endif
