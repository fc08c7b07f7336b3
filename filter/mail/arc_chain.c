/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/arc_chain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/mail/header_field.h"

#define FIELD_MAX_BYTES (2 * DKIM_SIGNATURE_MAX) /* of one field in canonical form */

enum part { RESULTS, MESSAGE, SEAL, PARTS };
static const char *const part_names[] = { ARC_RESULTS_NAME, "ARC-Message-Signature", "ARC-Seal" };

struct arc_set {
	bool has[PARTS];
	struct text canonical[PARTS]; /* with a CRLF */
	struct text results;          /* behind "i=1;" */
	struct text unsealed;         /* the seal as it signs itself */
	struct dkim_signature seal;
};

struct arc_chain {
	struct arc_set *sets[ARC_MAX_SETS]; /* by instance - 1 */
	unsigned count;
	struct dkim_message *message; /* the signature of the message */
	struct text why;
	enum arc_cv result;
	bool broken; /* the form is */
	bool temporary, failed, finished;
};

struct arc_chain *arc_chain_new(void)
{
	struct arc_chain *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->why = TEXT_INIT(ARC_REASON_MAX);
	c->message = dkim_message_new(DKIM_ARC_MESSAGE, 1);
	if (c->message)
		return c;
	free(c);
	return NULL;
}

void arc_chain_free(struct arc_chain *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < ARC_MAX_SETS; i++) {
		if (!c->sets[i])
			continue;
		for (enum part part = RESULTS; part < PARTS; part++)
			text_done(&c->sets[i]->canonical[part]);
		text_done(&c->sets[i]->results);
		text_done(&c->sets[i]->unsealed);
		free(c->sets[i]);
	}
	dkim_message_free(c->message);
	text_done(&c->why);
	free(c);
}

/* Only the first reason counts. */
static void fail(struct arc_chain *c, const char *format, ...) SLUICE_PRINTF(2, 3);
static void fail(struct arc_chain *c, const char *format, ...)
{
	va_list args;

	if (c->why.len)
		return;
	va_start(args, format);
	text_addv(&c->why, format, args);
	va_end(args);
	c->result = ARC_FAIL;
}

static void break_form(struct arc_chain *c, const char *name, const char *why)
{
	fail(c, "%s: %s", name, why);
	c->broken = true;
}

/* ---- the header ---- */

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

static struct arc_set *find_set(struct arc_chain *c, unsigned instance)
{
	struct arc_set *set = c->sets[instance - 1];

	if (set)
		return set;
	set = calloc(1, sizeof *set);
	c->sets[instance - 1] = set;
	if (!set) {
		c->failed = true;
		return NULL;
	}
	for (enum part part = RESULTS; part < PARTS; part++)
		set->canonical[part] = TEXT_INIT(FIELD_MAX_BYTES);
	set->results = set->unsealed = TEXT_INIT(FIELD_MAX_BYTES);
	c->count = instance > c->count ? instance : c->count;
	return set;
}

static void keep_seal(struct arc_set *set, const struct dkim_signature *seal, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text blank = TEXT_INIT(DKIM_SIGNATURE_MAX);

	set->seal = *seal;
	dkim_signature_blank(&blank, value, len);
	dkim_canon_header(&set->unsealed, DKIM_RELAXED, part_names[SEAL], strlen(part_names[SEAL]), text_str(&blank), blank.len);
}

static void keep(struct arc_chain *c, enum part part, const char *value, size_t len)
{
	struct dkim_signature sig = { .instance = 0 };
	size_t rest = 0;
	struct arc_set *set;

	if (part == RESULTS)
		sig.instance = results_instance(value, len, &rest);
	else
		dkim_signature_parse(part == SEAL ? DKIM_ARC_SEAL : DKIM_ARC_MESSAGE, value, len, &sig);
	if (part == RESULTS && !sig.instance)
		dkim_set_flaw(&sig.flaw, DKIM_PERMERROR, "it does not begin with an instance (i=1;)");
	if (!sig.instance || len > DKIM_SIGNATURE_MAX) {
		break_form(c, part_names[part], sig.instance ? "the field is too long" : sig.flaw.why);
		return;
	}
	set = find_set(c, sig.instance);
	if (!set)
		return;
	if (set->has[part]) {
		break_form(c, part_names[part], "an instance is there twice");
		return;
	}
	set->has[part] = true;
	dkim_canon_header(&set->canonical[part], DKIM_RELAXED, part_names[part], strlen(part_names[part]), value, len);
	text_adds(&set->canonical[part], "\r\n");
	if (part == RESULTS)
		text_add(&set->results, value + rest, len - rest);
	if (part == SEAL)
		keep_seal(set, &sig, value, len);
	c->failed |= set->canonical[part].failed || set->results.failed || set->unsealed.failed;
}

void arc_chain_header(struct arc_chain *c, const char *name, size_t name_len, const char *value, size_t len)
{
	for (enum part part = RESULTS; part < PARTS; part++)
		if (header_field_is(name, name_len, part_names[part]))
			keep(c, part, value, len);
	dkim_message_header(c->message, name, name_len, value, len);
}

/* RFC 8617 5.2, steps 1 to 3. */
static void check_set(struct arc_chain *c, unsigned instance)
{
	const struct arc_set *set = c->sets[instance - 1];

	for (enum part part = RESULTS; part < PARTS; part++)
		if (!set || !set->has[part]) {
			fail(c, "i=%u: there is no %s", instance, part_names[part]);
			c->broken = true;
			return;
		}
	c->broken |= set->seal.flaw.why != NULL;
	if (set->seal.flaw.why)
		fail(c, "i=%u: %s: %s", instance, part_names[SEAL], set->seal.flaw.why);
	if (set->seal.cv == (instance == 1 ? ARC_NONE : ARC_PASS))
		return;
	c->broken = true;
	if (set->seal.cv == ARC_FAIL)
		fail(c, "i=%u: the chain was broken when it came there", instance);
	else
		fail(c, "i=%u: cv=%s cannot be", instance, arc_cv_words[set->seal.cv]);
}

void arc_chain_header_end(struct arc_chain *c, int64_t now_s)
{
	const struct dkim_signature *sig;

	dkim_message_header_end(c->message, now_s);
	for (unsigned i = c->count; i >= 1; i--)
		check_set(c, i);
	sig = arc_chain_signature(c);
	if (!c->broken && sig && sig->flaw.why)
		break_form(c, part_names[MESSAGE], sig->flaw.why);
}

void arc_chain_body(struct arc_chain *c, const char *bytes, size_t len)
{
	if (arc_chain_whole(c))
		dkim_message_body(c->message, bytes, len);
}

unsigned arc_chain_count(const struct arc_chain *c)
{
	return c->count;
}

bool arc_chain_whole(const struct arc_chain *c)
{
	return c->count > 0 && !c->broken;
}

const struct dkim_signature *arc_chain_seal(const struct arc_chain *c, unsigned i)
{
	return i <= c->count && c->sets[i - 1] && c->sets[i - 1]->has[SEAL] ? &c->sets[i - 1]->seal : NULL;
}

const char *arc_chain_results(const struct arc_chain *c, unsigned i, size_t *ret_len)
{
	if (i > c->count || !c->sets[i - 1] || !c->sets[i - 1]->has[RESULTS])
		return NULL;
	*ret_len = c->sets[i - 1]->results.len;
	return text_str(&c->sets[i - 1]->results);
}

const struct dkim_signature *arc_chain_signature(struct arc_chain *c)
{
	size_t count;
	const struct dkim_verified *v = dkim_message_signatures(c->message, &count);

	return count ? &v->sig : NULL;
}

/* ---- the end ---- */

static bool key_failed(struct arc_chain *c, unsigned instance, const char *name, const struct dkim_flaw *flaw)
{
	if (!flaw->why)
		return false;
	fail(c, "i=%u: %s: %s", instance, name, flaw->why);
	c->temporary |= flaw->result == DKIM_TEMPERROR;
	return true;
}

static void verify_message(struct arc_chain *c, const struct dkim_key *key)
{
	const struct dkim_verified *v;
	size_t count;

	if (!dkim_message_finish(c->message, key)) {
		c->failed = true;
		return;
	}
	v = dkim_message_signatures(c->message, &count);
	if (!key_failed(c, c->count, part_names[MESSAGE], &v->result) && v->partial)
		fail(c, "i=%u: %s: l= leaves the end of the body unsigned", c->count, part_names[MESSAGE]);
}

/* What the seal of this set signs beyond the sets before it, and its hash. */
static bool hash_seal(EVP_MD_CTX *chain, EVP_MD_CTX *own, const struct arc_set *set, unsigned char ret[DKIM_HASH_BYTES])
{
	const struct text *results = &set->canonical[RESULTS], *message = &set->canonical[MESSAGE], *seal = &set->canonical[SEAL];

	return EVP_DigestUpdate(chain, text_str(results), results->len) == 1 &&
	       EVP_DigestUpdate(chain, text_str(message), message->len) == 1 && EVP_MD_CTX_copy_ex(own, chain) == 1 &&
	       EVP_DigestUpdate(own, text_str(&set->unsealed), set->unsealed.len) == 1 && EVP_DigestFinal_ex(own, ret, NULL) == 1 &&
	       EVP_DigestUpdate(chain, text_str(seal), seal->len) == 1;
}

/* A seal signs its own set and all before it, so from the first on. */
static void verify_seals(struct arc_chain *c, const struct dkim_key *keys)
{
	EVP_MD_CTX *chain = EVP_MD_CTX_new(), *own = EVP_MD_CTX_new();

	c->failed |= !chain || !own || EVP_DigestInit_ex(chain, EVP_sha256(), NULL) != 1;
	for (unsigned i = 0; i < c->count && !c->failed && !c->why.len; i++) {
		const struct arc_set *set = c->sets[i];
		unsigned char hash[DKIM_HASH_BYTES];

		c->failed |= !hash_seal(chain, own, set, hash);
		if (!c->failed && !key_failed(c, i + 1, part_names[SEAL], &keys[i].flaw) && !dkim_verify_hash(&set->seal, keys[i].key, hash))
			fail(c, "i=%u: %s: the signature does not fit the sets", i + 1, part_names[SEAL]);
	}
	EVP_MD_CTX_free(chain);
	EVP_MD_CTX_free(own);
}

bool arc_chain_finish(struct arc_chain *c, const struct dkim_key *message, const struct dkim_key *seals)
{
	if (c->finished || !arc_chain_whole(c) || c->failed)
		return !c->failed;
	c->finished = true;
	verify_message(c, message);
	if (!c->failed && !c->why.len)
		verify_seals(c, seals);
	if (!c->failed && !c->why.len)
		c->result = ARC_PASS;
	return !c->failed;
}

enum arc_cv arc_chain_result(const struct arc_chain *c, const char **ret_why, bool *ret_temporary)
{
	*ret_why = text_str(&c->why);
	*ret_temporary = c->temporary;
	return c->result;
}

void arc_chain_canonical(const struct arc_chain *c, struct text *out)
{
	for (unsigned i = 0; i < c->count; i++)
		for (enum part part = RESULTS; part < PARTS && c->sets[i]; part++)
			text_add(out, text_str(&c->sets[i]->canonical[part]), c->sets[i]->canonical[part].len);
}
