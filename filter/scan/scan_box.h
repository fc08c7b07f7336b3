/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan_box.h - where a helper reads hostile files: it can take memory up to a limit, hear and answer on one socket, and end. It opens no
 * file, no socket and no process, and no memory of it can become code; whoever takes it over has but that.
 *
 * A build with sanitizers (SANITIZED) lets through what these need as well, opening files among it, and sets no limit on memory, which
 * they reserve by the terabyte: it is for finding faults, not for guarding anything.
 */
#ifndef SCAN_SCAN_BOX_H
#define SCAN_SCAN_BOX_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_BOX_LINK 0 /* the descriptor it hears and answers on */

struct scan_box {
	uint64_t memory_bytes; /* of address space */
	uint64_t cpu_s;        /* of the whole process */
};

/* Close it: everything else but the link and standard error is closed, too. For good. 0; -errno, with *ret_what naming what failed. */
int scan_box_enter(const struct scan_box *box, const char **ret_what);

#endif
