/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracer.h - the transactions that `sluicectl attach` sends through a mail server to see what comes of them. Their reverse-path is
 * sluice-tracer-TOKEN-CODE@AUTHSERV_ID: with the code 451 or 550 each recipient is answered so, with 250 the message is held, so that nobody gets it. No
 * rule judges them, and no check hears what became of them.
 *
 * The token is random, has 128 bits, holds for a minute, and only from this machine: a stranger has no use for it, and cannot guess it.
 */
#ifndef ENGINE_TRACER_H
#define ENGINE_TRACER_H

#include <stdbool.h>
#include <stdint.h>

#include "filter/engine/verdict.h"

#define TRACER_TOKEN_LEN 32 /* hexadecimal digits */
#define TRACER_LIFE_MS   60000
#define TRACER_BEFORE    "sluice-tracer-" /* the token in a local part */
#define TRACER_TEXT      "tracer of sluicectl attach" /* begins what is answered */

struct tracer;
struct dialogue;

struct tracer *tracer_new(void); /* NULL: no memory */
void tracer_free(struct tracer *t);
/* now_ms: monotonic. Any thread, as all of these. False: it is no token, or another one still holds. */
bool tracer_arm(struct tracer *t, const char *token, int64_t now_ms);
void tracer_disarm(struct tracer *t, const char *token);
bool tracer_armed(struct tracer *t, int64_t now_ms); /* t may be NULL */
/* What this reverse-path asks for: 250, 451, 550; 0: it is no tracer. Compares in a time that says nothing of the token. */
unsigned tracer_code(struct tracer *t, const char *local, size_t local_len, int64_t now_ms);

/* Of a message that has begun: what it asks for, as above, if it comes from this machine. */
unsigned tracer_of(const struct dialogue *d);
/* In the place of the rules: the answer to a recipient; else it goes on. */
struct verdict tracer_judge(struct dialogue *d, enum sluice_stage stage);
/* Why it is held: which macros the mail server has given, and which not. In the arena of the message; NULL: no memory. */
const char *tracer_reason(struct dialogue *d);

#endif
