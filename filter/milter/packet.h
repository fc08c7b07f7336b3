/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.h - packets of the milter protocol: four octets with the length of what follows, in network order; a command; its data.
 * Pure: octets in, octets out.
 */
#ifndef MILTER_PACKET_H
#define MILTER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

#define PACKET_HEAD_BYTES 4
#define PACKET_MAX_BYTES  (16u << 20) /* of what follows the length: a header field of 1 MB comes in one */

struct packet { /* the data is read from its front */
	char command;
	const char *data; /* borrowed */
	size_t len;
};

enum packet_found { PACKET_WHOLE, PACKET_PART, PACKET_BAD };
/*
 * The packet that len octets begin with. *ret_size: of the octets that it takes with its length, once that is known, else 0. BAD: it says
 * that it is empty, or longer than any can be.
 */
enum packet_found packet_find(const char *bytes, size_t len, struct packet *ret, size_t *ret_size);

/* The next string, which ends with a NUL in the packet. NULL: there is no whole one, and nothing was taken. */
const char *packet_take_string(struct packet *p);
/* False: there are not so many octets left, and nothing was taken. */
bool packet_take_u32(struct packet *p, uint32_t *ret);
bool packet_take_u16(struct packet *p, uint16_t *ret);

/* Write a packet: begin it, add to out what it has, and end it with what begin gave. */
size_t packet_begin(struct text *out, char command);
void packet_end(struct text *out, size_t begun);
void packet_add_u32(struct text *out, uint32_t value);
void packet_add_string(struct text *out, const char *s); /* with its NUL */

#endif
