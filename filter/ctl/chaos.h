/* SPDX-License-Identifier: BSD-2-Clause */
/* chaos.h - memory that runs out where it is told to, in this process: in builds with -Dchaos=true alone. */
#ifndef CTL_CHAOS_H
#define CTL_CHAOS_H

#include <stdbool.h>

/*
 * In this thread, the n-th time that memory is asked for from now on brings nothing; 0: none any more. What glib asks for does not count: it ends
 * the process when it gets nothing.
 */
void chaos_memory_fail_at(unsigned n);
/* Has it come to that? */
bool chaos_memory_failed(void);

#endif
