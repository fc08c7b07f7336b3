/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/arc/arc_chain.h"

#include "filter/base/shortage.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct arc_chain {
	struct arc_sets *sets;
	struct dkim_message *message; /* the signature of the message */
	struct text why;
	bool temporary, failed, finished;
};

void arc_chain_free(struct arc_chain *c)
{
	if (!c)
		return;
	arc_sets_free(c->sets);
	dkim_message_free(c->message);
	text_done(&c->why);
	free(c);
}

struct arc_chain *arc_chain_new(void)
{
	struct arc_chain *c = shortage_zalloc(sizeof *c);

	if (!c)
		return NULL;
	c->why = TEXT_INIT(ARC_WHY_MAX);
	c->sets = arc_sets_new();
	c->message = dkim_message_new(DKIM_ARC_MESSAGE, 1);
	if (c->sets && c->message)
		return c;
	arc_chain_free(c);
	return NULL;
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
}

/* ---- the message as it comes ---- */

void arc_chain_header(struct arc_chain *c, const char *name, size_t name_len, const char *value, size_t len)
{
	arc_sets_header(c->sets, name, name_len, value, len);
	dkim_message_header(c->message, name, name_len, value, len);
}

void arc_chain_header_end(struct arc_chain *c, int64_t now_s)
{
	const struct dkim_signature *sig;

	dkim_message_header_end(c->message, now_s);
	c->failed |= !arc_sets_header_end(c->sets);
	if (*arc_sets_why(c->sets))
		fail(c, "%s", arc_sets_why(c->sets));
	sig = arc_chain_signature(c);
	if (sig && sig->flaw.why)
		fail(c, "i=%u: %s: %s", sig->instance, arc_part_names[ARC_MESSAGE], sig->flaw.why);
}

void arc_chain_body(struct arc_chain *c, const char *bytes, size_t len)
{
	if (arc_chain_whole(c))
		dkim_message_body(c->message, bytes, len);
}

bool arc_chain_whole(const struct arc_chain *c)
{
	return arc_sets_count(c->sets) > 0 && (c->finished || !c->why.len);
}

const struct arc_sets *arc_chain_sets(const struct arc_chain *c)
{
	return c->sets;
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
	if (!key_failed(c, arc_sets_count(c->sets), arc_part_names[ARC_MESSAGE], &v->result) && v->partial)
		fail(c, "i=%u: %s: l= leaves the end of the body unsigned", arc_sets_count(c->sets), arc_part_names[ARC_MESSAGE]);
}

/* What the seal of this instance signs beyond the sets before it, and its hash. */
static bool hash_seal(EVP_MD_CTX *chain, EVP_MD_CTX *own, const struct arc_sets *sets, unsigned i, unsigned char ret[DKIM_HASH_BYTES])
{
	const struct text *results = arc_sets_field(sets, i, ARC_RESULTS), *message = arc_sets_field(sets, i, ARC_MESSAGE);
	const struct text *seal = arc_sets_field(sets, i, ARC_SEAL), *unsealed = arc_sets_unsealed(sets, i);

	return EVP_DigestUpdate(chain, text_str(results), results->len) == 1 &&
	       EVP_DigestUpdate(chain, text_str(message), message->len) == 1 && EVP_MD_CTX_copy_ex(own, chain) == 1 &&
	       EVP_DigestUpdate(own, text_str(unsealed), unsealed->len) == 1 && EVP_DigestFinal_ex(own, ret, NULL) == 1 &&
	       EVP_DigestUpdate(chain, text_str(seal), seal->len) == 1;
}

/* A seal signs its own set and all before it, so from the first on. */
static void verify_seals(struct arc_chain *c, const struct dkim_key *keys)
{
	EVP_MD_CTX *chain = EVP_MD_CTX_new(), *own = EVP_MD_CTX_new();

	c->failed |= !chain || !own || EVP_DigestInit_ex(chain, EVP_sha256(), NULL) != 1;
	for (unsigned i = 1; i <= arc_sets_count(c->sets) && !c->failed && !c->why.len; i++) {
		const struct dkim_key *key = &keys[i - 1];
		unsigned char hash[DKIM_HASH_BYTES];

		c->failed |= !hash_seal(chain, own, c->sets, i, hash);
		if (c->failed || key_failed(c, i, arc_part_names[ARC_SEAL], &key->flaw))
			break;
		if (!dkim_verify_hash(arc_sets_seal(c->sets, i), key->key, hash))
			fail(c, "i=%u: %s: the signature does not fit the sets", i, arc_part_names[ARC_SEAL]);
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
	return !c->failed;
}

enum arc_cv arc_chain_result(const struct arc_chain *c, const char **ret_why, bool *ret_temporary)
{
	*ret_why = text_str(&c->why);
	*ret_temporary = c->temporary;
	return c->why.len ? ARC_FAIL : c->finished ? ARC_PASS : ARC_NONE;
}
