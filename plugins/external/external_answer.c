/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/external/external_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"

#define DECIMAL_MAX 1e12

static const char *kind_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* NULL, or what is wrong with it. */
static const char *read_text(const json_t *json, struct value_text *ret)
{
	*ret = (struct value_text){ json_string_value(json), json_string_length(json) };
	return ret->len > EXTERNAL_TEXT_MAX ? "is too long" : NULL;
}

static const char *read_texts(const json_t *json, struct value *v)
{
	size_t count = json_array_size(json);
	struct value_text *items = calloc(count ? count : 1, sizeof *items);
	const char *why = items ? NULL : "has no room in memory";

	v->texts.items = items; /* external_answer_done() */
	v->texts.count = count;
	for (size_t i = 0; !why && i < count; i++)
		why = json_is_string(json_array_get(json, i)) ? read_text(json_array_get(json, i), &items[i]) : "has an item that is no string";
	return why;
}

static const char *read_word(const char *word, const struct sluice_fact *fact, struct value *v)
{
	while (fact->words[v->number] && strcmp(fact->words[v->number], word) != 0)
		v->number++;
	return fact->words[v->number] ? NULL : "has a word that is not one of its own";
}

static bool fits(enum sluice_type type, const json_t *json)
{
	switch (type) {
	case SLUICE_BOOL:
		return json_is_boolean(json);
	case SLUICE_INT:
		return json_is_integer(json);
	case SLUICE_MILLI:
		return json_is_number(json);
	case SLUICE_ENUM:
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
	case SLUICE_IP:
		return json_is_string(json);
	case SLUICE_TEXTS:
		return json_is_array(json);
	}
	return false;
}

/* json is of the fact's type. */
static const char *read_value(const json_t *json, const struct sluice_fact *fact, struct value *v)
{
	double number = json_number_value(json);

	*v = (struct value){ .known = true, .type = fact->type };
	switch (fact->type) {
	case SLUICE_BOOL:
		v->yes = json_is_true(json);
		return NULL;
	case SLUICE_INT:
		v->number = json_integer_value(json);
		return NULL;
	case SLUICE_MILLI:
		if (!(number > -DECIMAL_MAX && number < DECIMAL_MAX))
			return "is out of range";
		v->number = (int64_t)(number * 1000 + (number < 0 ? -0.5 : 0.5));
		return NULL;
	case SLUICE_ENUM:
		return read_word(json_string_value(json), fact, v);
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		return read_text(json, &v->text);
	case SLUICE_IP:
		return ip_parse(json_string_value(json), json_string_length(json), &v->ip) ? NULL : "is no address";
	case SLUICE_TEXTS:
		return json_array_size(json) > EXTERNAL_ITEMS_MAX ? "has too many items" : read_texts(json, v);
	}
	return NULL;
}

static const char *own_name(const struct sluice_fact *fact)
{
	return strchr(fact->name, '.') + 1;
}

static bool read_facts(const json_t *given, const struct sluice_fact *facts, unsigned count, struct external_answer *ret, char *reterr_why)
{
	const char *name, *wrong;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)given, name, value) {
		unsigned i = 0;

		while (i < count && strcmp(own_name(&facts[i]), name) != 0)
			i++;
		if (i == count) {
			(void)snprintf(reterr_why, EXTERNAL_WHY_MAX, "it gives a fact '%.60s', which the configuration does not have", name);
			return false;
		}
		if (json_is_null(value))
			continue;
		if (!fits(facts[i].type, value)) {
			(void)snprintf(reterr_why, EXTERNAL_WHY_MAX, "its fact '%.60s' is of type %s, and not %s", name, value_type_name(facts[i].type),
				kind_of(value));
			return false;
		}
		wrong = read_value(value, &facts[i], &ret->values[i]);
		if (wrong) {
			(void)snprintf(reterr_why, EXTERNAL_WHY_MAX, "its fact '%.60s' %s", name, wrong);
			return false;
		}
	}
	return true;
}

static bool read_outcome(const json_t *json, struct external_answer *ret, char *reterr_why)
{
	static const struct { const char *word; enum sluice_outcome outcome; } outcomes[] = {
		{ "done", SLUICE_DONE }, { "skipped", SLUICE_SKIPPED }, { "temperror", SLUICE_TEMPERROR },
	};
	const char *word = json_string_value(json);

	ret->outcome = SLUICE_DONE;
	if (!json)
		return true;
	for (size_t i = 0; word && i < ARRAY_LEN(outcomes); i++) {
		if (!strcmp(outcomes[i].word, word)) {
			ret->outcome = outcomes[i].outcome;
			return true;
		}
	}
	(void)snprintf(reterr_why, EXTERNAL_WHY_MAX, "its outcome is %.40s: done, skipped or temperror are known", word ? word : kind_of(json));
	return false;
}

static bool read_answer(const char *line, size_t len, const struct sluice_fact *facts, unsigned count, struct external_answer *ret,
	char *reterr_why)
{
	const json_t *given;

	*ret = (struct external_answer){ .root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), .error = "" };
	given = json_object_get(ret->root, "facts");
	if (!read_outcome(json_object_get(ret->root, "outcome"), ret, reterr_why))
		return false;
	if (json_is_string(json_object_get(ret->root, "error")))
		ret->error = json_string_value(json_object_get(ret->root, "error"));
	if (json_is_object(given))
		return read_facts(given, facts, count, ret, reterr_why);
	if (!given && ret->root && ret->outcome != SLUICE_DONE)
		return true;
	(void)snprintf(reterr_why, EXTERNAL_WHY_MAX, "its answer has no object \"facts\"");
	return false;
}

bool external_answer_read(const char *line, size_t len, const struct sluice_fact *facts, unsigned count, struct external_answer *ret,
	char *reterr_why)
{
	if (read_answer(line, len, facts, count, ret, reterr_why))
		return true;
	for (char *c = reterr_why; *c; c++) /* names and words are the program's, and the operator's terminal shall show text */
		if (*c < ' ' || *c > '~')
			*c = '?';
	return false;
}

void external_answer_done(struct external_answer *a)
{
	for (size_t i = 0; i < EXTERNAL_MAX_FACTS; i++)
		if (a->values[i].known && a->values[i].type == SLUICE_TEXTS)
			free((void *)(uintptr_t)a->values[i].texts.items);
	json_decref(a->root);
}
