/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handover.h - something that one thread makes and another waits for, but not for ever: whoever comes last, the maker or the
 * one who gave up, frees it.
 */
#ifndef SERVICES_HANDOVER_H
#define SERVICES_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

struct handover;

/* thing: freed in the end with free_thing(). NULL: no memory, and the thing is still the caller's. */
struct handover *handover_new(void *thing, void (*free_thing)(void *thing));
/* The maker's last word: the thing is ready, and not the maker's any more. */
void handover_done(struct handover *h);
/* Wait for it. True: it is ready, and nobody changes it. Once. */
bool handover_wait(struct handover *h, int64_t timeout_ms);
/* The last word of the one who waited. */
void handover_leave(struct handover *h);

#endif
