/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/arc_sets.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/mail/header_field.h"

#define FIELD_MAX_BYTES (2 * DKIM_SIGNATURE_MAX) /* of one field in canonical form */

const char *const arc_part_names[] = { "ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal" };

struct arc_set {
	bool has[ARC_PARTS];
	struct text canonical[ARC_PARTS]; /* with a CRLF */
	struct text results;              /* behind "i=1;" */
	struct text unsealed;
	struct dkim_signature seal;
};

struct arc_sets {
	struct arc_set *sets[ARC_MAX_SETS]; /* by instance - 1 */
	unsigned count;
	struct text why;
	bool failed;
};

struct arc_sets *arc_sets_new(void)
{
	struct arc_sets *s = shortage_zalloc(sizeof *s);

	if (s)
		s->why = TEXT_INIT(ARC_WHY_MAX);
	return s;
}

void arc_sets_free(struct arc_sets *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < ARC_MAX_SETS; i++) {
		if (!s->sets[i])
			continue;
		for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
			text_done(&s->sets[i]->canonical[part]);
		text_done(&s->sets[i]->results);
		text_done(&s->sets[i]->unsealed);
		free(s->sets[i]);
	}
	text_done(&s->why);
	free(s);
}

/* Only the first reason counts. */
static void break_form(struct arc_sets *s, const char *format, ...) SLUICE_PRINTF(2, 3);
static void break_form(struct arc_sets *s, const char *format, ...)
{
	va_list args;

	if (s->why.len)
		return;
	va_start(args, format);
	text_addv(&s->why, format, args);
	va_end(args);
}

/* "i=1;" at the start of ARC-Authentication-Results (RFC 8617 4.1.1). 0: it is not there. */
static unsigned results_instance(const char *value, size_t len, size_t *ret_rest)
{
	static const enum header_token_type form[] = { HEADER_TOKEN_ATOM, HEADER_TOKEN_SPECIAL, HEADER_TOKEN_ATOM, HEADER_TOKEN_SPECIAL };
	struct header_lexer l = { value, value + len };
	struct header_token tokens[4];
	uint64_t instance;

	for (size_t i = 0; i < 4; i++) {
		tokens[i] = header_lexer_next(&l, ";=");
		if (tokens[i].type != form[i])
			return 0;
	}
	*ret_rest = (size_t)(l.at - value);
	if (!ascii_equals(tokens[0].bytes, tokens[0].len, "i") || *tokens[1].bytes != '=' || *tokens[3].bytes != ';' ||
		!ascii_to_u64(tokens[2].bytes, tokens[2].len, ARC_MAX_SETS, &instance))
		return 0;
	return (unsigned)instance;
}

static struct arc_set *find_set(struct arc_sets *s, unsigned instance)
{
	struct arc_set *set = s->sets[instance - 1];

	if (set)
		return set;
	set = calloc(1, sizeof *set);
	s->sets[instance - 1] = set;
	if (!set) {
		s->failed = true;
		return NULL;
	}
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
		set->canonical[part] = TEXT_INIT(FIELD_MAX_BYTES);
	set->results = set->unsealed = TEXT_INIT(FIELD_MAX_BYTES);
	s->count = instance > s->count ? instance : s->count;
	return set;
}

static void keep_seal(struct arc_set *set, const struct dkim_signature *seal, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text blank = TEXT_INIT(DKIM_SIGNATURE_MAX);

	set->seal = *seal;
	dkim_signature_blank(&blank, value, len);
	dkim_canon_header(&set->unsealed, DKIM_RELAXED, arc_part_names[ARC_SEAL], strlen(arc_part_names[ARC_SEAL]), text_str(&blank), blank.len);
}

static void keep(struct arc_sets *s, enum arc_part part, const char *value, size_t len)
{
	struct dkim_signature sig = { .instance = 0 };
	size_t rest = 0;
	struct arc_set *set;

	if (part == ARC_RESULTS)
		sig.instance = results_instance(value, len, &rest);
	else
		dkim_signature_parse(part == ARC_SEAL ? DKIM_ARC_SEAL : DKIM_ARC_MESSAGE, value, len, &sig);
	if (part == ARC_RESULTS && !sig.instance)
		dkim_set_flaw(&sig.flaw, DKIM_PERMERROR, "it does not begin with an instance (i=1;)");
	if (!sig.instance || len > DKIM_SIGNATURE_MAX) {
		break_form(s, "%s: %s", arc_part_names[part], sig.instance ? "the field is too long" : sig.flaw.why);
		return;
	}
	set = find_set(s, sig.instance);
	if (!set)
		return;
	if (set->has[part]) {
		break_form(s, "%s: %s", arc_part_names[part], "an instance is there twice");
		return;
	}
	set->has[part] = true;
	dkim_canon_header(&set->canonical[part], DKIM_RELAXED, arc_part_names[part], strlen(arc_part_names[part]), value, len);
	text_adds(&set->canonical[part], "\r\n");
	if (part == ARC_RESULTS)
		text_add(&set->results, value + rest, len - rest);
	if (part == ARC_SEAL)
		keep_seal(set, &sig, value, len);
	s->failed |= set->canonical[part].failed || set->results.failed || set->unsealed.failed;
}

void arc_sets_header(struct arc_sets *s, const char *name, size_t name_len, const char *value, size_t len)
{
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
		if (header_field_is(name, name_len, arc_part_names[part]))
			keep(s, part, value, len);
}

/* RFC 8617 5.2, steps 1 to 3. */
static void check_set(struct arc_sets *s, unsigned instance)
{
	const struct arc_set *set = s->sets[instance - 1];

	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
		if (!set || !set->has[part]) {
			break_form(s, "i=%u: there is no %s", instance, arc_part_names[part]);
			return;
		}
	if (set->seal.flaw.why)
		break_form(s, "i=%u: %s: %s", instance, arc_part_names[ARC_SEAL], set->seal.flaw.why);
	else if (set->seal.cv == ARC_FAIL)
		break_form(s, "i=%u: the chain was broken when it came there", instance);
	else if (set->seal.cv != (instance == 1 ? ARC_NONE : ARC_PASS))
		break_form(s, "i=%u: cv=%s cannot be", instance, arc_cv_words[set->seal.cv]);
}

bool arc_sets_header_end(struct arc_sets *s)
{
	for (unsigned i = s->count; i >= 1; i--)
		check_set(s, i);
	return !s->failed;
}

unsigned arc_sets_count(const struct arc_sets *s)
{
	return s->count;
}

const char *arc_sets_why(const struct arc_sets *s)
{
	return text_str(&s->why);
}

static const struct arc_set *set_with(const struct arc_sets *s, unsigned i, enum arc_part part)
{
	return i >= 1 && i <= s->count && s->sets[i - 1] && s->sets[i - 1]->has[part] ? s->sets[i - 1] : NULL;
}

const struct dkim_signature *arc_sets_seal(const struct arc_sets *s, unsigned i)
{
	const struct arc_set *set = set_with(s, i, ARC_SEAL);

	return set ? &set->seal : NULL;
}

const char *arc_sets_results(const struct arc_sets *s, unsigned i, size_t *ret_len)
{
	const struct arc_set *set = set_with(s, i, ARC_RESULTS);

	if (!set)
		return NULL;
	*ret_len = set->results.len;
	return text_str(&set->results);
}

const struct text *arc_sets_field(const struct arc_sets *s, unsigned i, enum arc_part part)
{
	const struct arc_set *set = set_with(s, i, part);

	return set ? &set->canonical[part] : NULL;
}

const struct text *arc_sets_unsealed(const struct arc_sets *s, unsigned i)
{
	const struct arc_set *set = set_with(s, i, ARC_SEAL);

	return set ? &set->unsealed : NULL;
}
