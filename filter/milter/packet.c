/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/packet.h"

#include <arpa/inet.h>
#include <string.h>

enum packet_found packet_find(const char *bytes, size_t len, struct packet *ret, size_t *ret_size)
{
	uint32_t size;

	*ret_size = 0;
	if (len < PACKET_HEAD_BYTES)
		return PACKET_PART;
	memcpy(&size, bytes, sizeof size);
	size = ntohl(size);
	if (size == 0 || size > PACKET_MAX_BYTES)
		return PACKET_BAD;
	*ret_size = PACKET_HEAD_BYTES + size;
	if (len < *ret_size)
		return PACKET_PART;
	*ret = (struct packet){ .command = bytes[PACKET_HEAD_BYTES], .data = bytes + PACKET_HEAD_BYTES + 1, .len = size - 1 };
	return PACKET_WHOLE;
}

const char *packet_take_string(struct packet *p)
{
	const char *s = p->data, *end = p->len ? memchr(s, '\0', p->len) : NULL;

	if (!end)
		return NULL;
	p->len -= (size_t)(end + 1 - s);
	p->data = end + 1;
	return s;
}

static bool take(struct packet *p, void *ret, size_t size)
{
	if (p->len < size)
		return false;
	memcpy(ret, p->data, size);
	p->data += size;
	p->len -= size;
	return true;
}

bool packet_take_u32(struct packet *p, uint32_t *ret)
{
	if (!take(p, ret, sizeof *ret))
		return false;
	*ret = ntohl(*ret);
	return true;
}

bool packet_take_u16(struct packet *p, uint16_t *ret)
{
	if (!take(p, ret, sizeof *ret))
		return false;
	*ret = ntohs(*ret);
	return true;
}

size_t packet_begin(struct text *out, char command)
{
	size_t begun = out->len;

	packet_add_u32(out, 0);
	text_addc(out, command);
	return begun;
}

void packet_end(struct text *out, size_t begun)
{
	uint32_t size;

	if (out->failed) /* who sends it looks */
		return;
	size = htonl((uint32_t)(out->len - begun - PACKET_HEAD_BYTES));
	memcpy(out->bytes + begun, &size, sizeof size);
}

void packet_add_u32(struct text *out, uint32_t value)
{
	value = htonl(value);
	text_add(out, &value, sizeof value);
}

void packet_add_string(struct text *out, const char *s)
{
	text_add(out, s, strlen(s) + 1);
}
