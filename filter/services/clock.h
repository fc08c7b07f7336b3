/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - the two clocks. */
#ifndef SERVICES_CLOCK_H
#define SERVICES_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC: for durations and deadlines */
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void); /* since 1970: for what people read */

/* A condition whose timed waits are told when on the monotonic clock; and that time in ms as they want it. */
void clock_cond_init(pthread_cond_t *cond);
struct timespec clock_timespec(int64_t ms);

#endif
