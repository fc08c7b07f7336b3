/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * profile.h - settings by domain and recipient: `profile NAME { when CONDITION  KEY VALUE ... }`. What holds for a recipient are the facts
 * profile.KEY, which rules read as any other.
 */
#ifndef POLICY_PROFILE_H
#define POLICY_PROFILE_H

#include "filter/base/value.h"
#include "filter/policy/expr.h"

#define PROFILE_MAX_KEYS 64
#define PROFILE_MAX      1000

struct profile_value {
	struct value value;
	struct place place; /* no source: not set here, as in the default */
};

struct profile {
	const char *name;
	struct place place;
	const struct expr *when;      /* NULL: the default */
	struct profile_value *values; /* by key */
};

struct profiles {
	struct profile *items; /* the first is the default */
	size_t len, capacity;
	unsigned name_fact, key_fact; /* profile.name; the first profile.KEY, the others follow it */
	size_t key_count;
};

/* The one that the recipient has, by the facts rcpt.address, rcpt.domain and rcpt.local. NULL: there are none. */
const struct profile *profile_of(const struct profiles *p, const struct value *facts);
/* What a profile says of a key, itself or by the default. */
const struct profile_value *profile_value(const struct profiles *p, const struct profile *profile, size_t key);
/* Set the facts profile.name and profile.KEY to those of this recipient. */
void profile_set_facts(const struct profiles *p, struct value *facts);

#endif
