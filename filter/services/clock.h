/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - the two clocks. */
#ifndef SERVICES_CLOCK_H
#define SERVICES_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC: for durations and deadlines */
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void); /* since 1970: for what people read */

#endif
