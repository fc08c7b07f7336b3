/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rotate_state.h - the life of a key: made, published, active while the one before it retires, and again at rest. Pure: time and what
 * the DNS says are arguments.
 */
#ifndef CTL_ROTATE_STATE_H
#define CTL_ROTATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"

enum rotation_state {
	ROTATION_AT_REST,   /* one key signs, and there is no other */
	ROTATION_MADE,      /* there is a new one, which the DNS has to show */
	ROTATION_PUBLISHED, /* it does; what resolvers have kept from before runs out */
	ROTATION_RETIRING,  /* the new one signs; mail that the old one signed is on its way */
};
extern const char *const rotation_state_words[]; /* in the order of enum rotation_state */

#define ROTATION_SELECTOR_MAX 253
#define ROTATION_TEXT_MAX     400 /* octets of a rotation as text */

struct rotation {
	enum rotation_state state;
	char selector[ROTATION_SELECTOR_MAX + 1]; /* of the newest key; "": not known */
	int64_t since_s;                          /* when the state began */
	int64_t until_s;                          /* PUBLISHED, RETIRING: how long it lasts */
};

/* As the store keeps it. False: it is no rotation, and *ret is at rest. */
bool rotation_parse(const char *text, size_t len, struct rotation *ret);
void rotation_print(struct text *out, const struct rotation *r); /* added to out */

struct rotation_facts {
	int64_t now_s;
	int64_t key_age_s; /* of the youngest key that signs; -1: there is none */
	int64_t every_s;   /* how old a key may become */
	bool begun;        /* a next key is there, of a run that was cut short */
	bool at_once;      /* whatever its age */
};
enum rotation_step {
	ROTATION_NOTHING,  /* the key is young enough */
	ROTATION_MAKE,     /* a new key, and publish it */
	ROTATION_LOOK,     /* does the DNS show it? If so, it is published */
	ROTATION_WAIT,     /* until until_s */
	ROTATION_ACTIVATE, /* if the DNS shows it still: let it sign, and the old one no more */
	ROTATION_REVOKE,   /* the old one */
};
/* What is to be done now. */
enum rotation_step rotation_next(const struct rotation *r, const struct rotation_facts *facts);

#endif
