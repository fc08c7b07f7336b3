/* SPDX-License-Identifier: BSD-2-Clause */
/* cleanup.h - plain locals that end themselves: SLUICE_CLEANUP(text_done) struct text t = TEXT_INIT(64); */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#define SLUICE_CLEANUP(done)    __attribute__((cleanup(done)))
#define SLUICE_PRINTF(at, args) __attribute__((format(printf, at, args)))
#define SLUICE_MUST_USE         __attribute__((warn_unused_result))
#define ARRAY_LEN(a)            (sizeof(a) / sizeof((a)[0]))

#endif
