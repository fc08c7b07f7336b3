/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/text_set.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/grow.h"

#define FIRST_SLOTS 16
#define FIRST_BYTES 256
#define LEN_OCTETS  sizeof(uint16_t)

struct text_slot {
	uint32_t hash; /* so that few of the texts that are looked at are others */
	uint32_t at;   /* 1 + where it begins in the block; 0: free */
};

void text_set_init(struct text_set *s)
{
	*s = (struct text_set){ .key = hash_key_random() };
}

void text_set_done(struct text_set *s)
{
	free(s->slots);
	free(s->bytes);
	s->slots = NULL;
	s->bytes = NULL;
	s->slot_count = s->len = s->used = s->capacity = 0;
}

static const char *text_at(const struct text_set *s, size_t at, size_t *ret_len)
{
	uint16_t len;

	memcpy(&len, s->bytes + at, LEN_OCTETS);
	*ret_len = len;
	return s->bytes + at + LEN_OCTETS;
}

/* Its slot, or the free one where it would be. */
static struct text_slot *find(const struct text_set *s, uint32_t hash, const char *text, size_t len)
{
	for (size_t i = hash & (s->slot_count - 1);; i = (i + 1) & (s->slot_count - 1)) {
		struct text_slot *slot = &s->slots[i];
		const char *there;
		size_t there_len;

		if (!slot->at)
			return slot;
		if (slot->hash != hash)
			continue;
		there = text_at(s, slot->at - 1, &there_len);
		if (there_len == len && !memcmp(there, text, len))
			return slot;
	}
}

static bool grow_slots(struct text_set *s)
{
	size_t count = s->slot_count ? s->slot_count * 2 : FIRST_SLOTS;
	struct text_slot *slots;

	if (s->slot_count > s->len * 2)
		return true;
	slots = calloc(count, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < s->slot_count; i++) {
		size_t to = s->slots[i].hash & (count - 1);

		if (!s->slots[i].at)
			continue;
		while (slots[to].at)
			to = (to + 1) & (count - 1);
		slots[to] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->slot_count = count;
	return true;
}

static bool grow_bytes(struct text_set *s, size_t more)
{
	size_t capacity = s->capacity ? s->capacity : FIRST_BYTES;
	char *bytes;

	while (capacity - s->used < more)
		capacity *= 2;
	if (capacity == s->capacity)
		return true;
	bytes = capacity < UINT32_MAX ? grow(s->bytes, s->capacity, capacity) : NULL;
	if (!bytes)
		return false;
	s->bytes = bytes;
	s->capacity = capacity;
	return true;
}

bool text_set_add(struct text_set *s, const char *text, size_t len)
{
	uint32_t hash = (uint32_t)hash_bytes(&s->key, text, len);
	uint16_t stored = (uint16_t)len;
	struct text_slot *slot;

	if (len > TEXT_SET_MAX_LEN || !grow_slots(s) || !grow_bytes(s, LEN_OCTETS + len))
		return false;
	slot = find(s, hash, text, len);
	if (slot->at)
		return true;
	*slot = (struct text_slot){ hash, (uint32_t)s->used + 1 };
	memcpy(s->bytes + s->used, &stored, LEN_OCTETS);
	memcpy(s->bytes + s->used + LEN_OCTETS, text, len);
	s->used += LEN_OCTETS + len;
	s->len++;
	return true;
}

bool text_set_has(const struct text_set *s, const char *text, size_t len)
{
	return s->len && find(s, (uint32_t)hash_bytes(&s->key, text, len), text, len)->at;
}

const char *text_set_next(const struct text_set *s, size_t *at, size_t *ret_len)
{
	const char *text;

	if (*at >= s->used)
		return NULL;
	text = text_at(s, *at, ret_len);
	*at += LEN_OCTETS + *ret_len;
	return text;
}
