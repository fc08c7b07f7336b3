/* SPDX-License-Identifier: BSD-2-Clause */
/* message.h - a message in a file or in memory, given to the engine as a milter would. */
#ifndef ENGINE_MESSAGE_H
#define ENGINE_MESSAGE_H

#include "filter/base/text.h"
#include "filter/engine/dialogue.h"

/* Header and body. Lines end with LF or CRLF; the engine sees CRLF. */
void message_give(struct dialogue *d, const struct text *message);

#endif
