/* SPDX-License-Identifier: BSD-2-Clause */
/* value.h - one fact's value: what a check reported, the policy compares, and the case shows. */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/text.h"
#include "plugins/plugin.h"

struct value_text {
	const char *bytes; /* borrowed from the arena of the facts */
	size_t len;
};

struct value {
	bool known;
	bool open; /* nobody has asked for it yet: whether it is known can be found out */
	enum sluice_type type;
	union {
		bool yes;
		int64_t number;         /* INT; MILLI in thousandths; ENUM: index of the word */
		struct value_text text; /* TEXT, DOMAIN, ADDRESS */
		struct sluice_ip ip;
		struct {
			const struct value_text *items;
			size_t count;
		} texts;
	};
};

/* The name of a type as the manual and messages have it: "bool", "number", "decimal", "word", "text", "domain", ... */
const char *value_type_name(enum sluice_type type);
/* The value in words: yes, no, 12, 1.5, the word, the text as it is, items joined by ", "; "unknown". Not escaped. */
void value_print(struct text *out, const struct value *v, const char *const *words);
/* The value as JSON under a key; null when unknown. */
void value_json(struct text *out, const char *key, const struct value *v, const char *const *words);

#endif
