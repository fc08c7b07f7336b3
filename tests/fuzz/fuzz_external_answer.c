/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "filter/services/program_line.h"
#include "plugins/external/external_answer.h"
#include "tests/fuzz/fuzz.h"

static const char *const kinds[] = { "one", "two", NULL };
static const struct sluice_fact facts[] = {
	{ "x.yes", SLUICE_BOOL, NULL, "" }, { "x.number", SLUICE_INT, NULL, "" }, { "x.weight", SLUICE_MILLI, NULL, "" },
	{ "x.kind", SLUICE_ENUM, kinds, "" }, { "x.text", SLUICE_TEXT, NULL, "" }, { "x.ip", SLUICE_IP, NULL, "" },
	{ "x.list", SLUICE_TEXTS, NULL, "" },
};

/* What is said of a bad line is short, and text. */
static void must_be_shown(const char *why, size_t max)
{
	MUST(*why && strlen(why) < max);
	for (; *why; why++)
		MUST(*why >= ' ' && *why <= '~');
}

/* A line, as a program may say it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[EXTERNAL_WHY_MAX] = "", line_why[PROGRAM_LINE_WHY_MAX] = "";
	struct external_answer a;
	uint64_t id = 0;

	if (!program_line_id((const char *)data, size, &id, line_why))
		must_be_shown(line_why, sizeof line_why);
	else
		MUST(id > 0);
	if (!external_answer_read((const char *)data, size, facts, ARRAY_LEN(facts), &a, why))
		must_be_shown(why, sizeof why);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		MUST(!a.values[i].known || a.values[i].type == facts[i].type);
		MUST(facts[i].type != SLUICE_ENUM || !a.values[i].known || a.values[i].number < 3);
	}
	external_answer_done(&a);
	return 0;
}
