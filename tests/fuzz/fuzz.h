/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.h - what a fuzz target is: libFuzzer calls it with octets of its own, replay.c with the seeds. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "filter/base/text.h"

/* A promise that must hold for every input; assert() would be silent in a build without it. */
#define MUST(condition) ((condition) ? (void)0 : abort())

/* 0. data is not NULL-terminated, and ends where nobody may read on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
