/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/seal/seal_message.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/mail/dkim_canon.h"
#include "filter/mail/header_field.h"
#include "filter/mail/sign_field.h"

#define HEADER_MAX_BYTES (4u << 20) /* of the fields that are signed; a message with more cannot be sealed */
#define FIELD_MAX_BYTES  64000
#define NAMES_MAX_BYTES  16000

struct field { /* one that is signed, in canonical form */
	size_t start, len;
	size_t name; /* its place in the configured names */
};

struct seal_message {
	const struct seal_config *config;
	struct arc_sets *sets;
	struct text header;
	VEC(struct field) fields;
	EVP_MD_CTX *hash; /* of the body */
	struct dkim_canon_body body;
	bool failed; /* no memory, or too much to sign */
	const char *why;
	unsigned instance;
	struct text set[ARC_PARTS];
};

struct seal_message *seal_message_new(const struct seal_config *config)
{
	struct seal_message *m = shortage_zalloc(sizeof *m);

	if (!m)
		return NULL;
	m->config = config;
	m->why = "";
	m->header = TEXT_INIT(HEADER_MAX_BYTES);
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
		m->set[part] = TEXT_INIT(FIELD_MAX_BYTES);
	m->sets = arc_sets_new();
	m->hash = EVP_MD_CTX_new();
	if (m->sets && m->hash && EVP_DigestInit_ex(m->hash, EVP_sha256(), NULL) == 1)
		return m;
	seal_message_free(m);
	return NULL;
}

void seal_message_free(struct seal_message *m)
{
	if (!m)
		return;
	arc_sets_free(m->sets);
	EVP_MD_CTX_free(m->hash);
	text_done(&m->header);
	vec_done(&m->fields);
	for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS; part++)
		text_done(&m->set[part]);
	free(m);
}

/* ---- the message as it comes ---- */

void seal_message_header(struct seal_message *m, const char *name, size_t name_len, const char *value, size_t len)
{
	arc_sets_header(m->sets, name, name_len, value, len);
	for (size_t i = 0; i < m->config->headers.len; i++) {
		struct field f = { .start = m->header.len, .name = i };

		if (!header_field_is(name, name_len, m->config->headers.items[i]))
			continue;
		dkim_canon_header(&m->header, DKIM_RELAXED, name, name_len, value, len);
		text_adds(&m->header, "\r\n");
		f.len = m->header.len - f.start;
		m->failed |= m->header.failed || !vec_push(&m->fields, f);
		return;
	}
}

static void hash_body(void *arg, const char *bytes, size_t len)
{
	struct seal_message *m = arg;

	m->failed |= EVP_DigestUpdate(m->hash, bytes, len) != 1;
}

void seal_message_end_of_header(struct seal_message *m)
{
	m->failed |= !arc_sets_header_end(m->sets);
	dkim_canon_body(&m->body, DKIM_RELAXED, hash_body, m);
}

void seal_message_body(struct seal_message *m, const char *bytes, size_t len)
{
	dkim_canon_body_add(&m->body, bytes, len);
}

const struct arc_sets *seal_message_sets(const struct seal_message *m)
{
	return m->sets;
}

/* ---- the set ---- */

/* A field of the set in canonical form, with a CRLF unless it is the last thing that is hashed. */
static bool add_hash(EVP_MD_CTX *hash, enum arc_part part, const struct text *value, bool last)
{
	SLUICE_CLEANUP(text_done) struct text field = TEXT_INIT(2 * FIELD_MAX_BYTES);

	dkim_canon_header(&field, DKIM_RELAXED, arc_part_names[part], strlen(arc_part_names[part]), text_str(value), value->len);
	text_adds(&field, last ? "" : "\r\n");
	return !field.failed && EVP_DigestUpdate(hash, field.bytes, field.len) == 1;
}

/*
 * Each name as often as there are fields of it, the lowest first (RFC 6376 5.4.2). No more names than that: on the way of a message
 * that is handed on fields are added that need not break it.
 */
static bool hash_header(const struct seal_message *m, EVP_MD_CTX *hash, struct text *names)
{
	bool done = true;

	for (size_t name = 0; name < m->config->headers.len; name++)
		for (size_t i = m->fields.len; i-- > 0 && done;) {
			const struct field *f = &m->fields.items[i];

			if (f->name != name)
				continue;
			text_addf(names, "%s%s", names->len ? ":" : "", m->config->headers.items[name]);
			done = EVP_DigestUpdate(hash, m->header.bytes + f->start, f->len) == 1;
		}
	return done && !names->failed;
}

/* What the signature is made of, without the folds: the next seal signs this field, and the test suite has b= in one piece. */
static void add_unfolded(struct text *out, const struct text *base64)
{
	for (size_t i = 0; i < base64->len; i++)
		if (!ascii_is_space(base64->bytes[i]))
			text_addc(out, base64->bytes[i]);
}

/*
 * "a=...; b=...; ...", tags in the order of the alphabet. The field is hashed with nothing in b=, and then made again with the
 * signature there.
 */
static bool sign(struct seal_message *m, enum arc_part part, EVP_MD_CTX *hash, const char *tags)
{
	const struct sign_key *key = &m->config->key;
	SLUICE_CLEANUP(text_done) struct text b = TEXT_INIT(FIELD_MAX_BYTES);
	struct text *out = &m->set[part];
	unsigned char digest[SIGN_HASH_BYTES];

	text_addf(out, "a=%s-sha256;\n\tb=;\n\t%s", dkim_key_words[key->type], tags);
	if (out->failed || !add_hash(hash, part, out, true) || EVP_DigestFinal_ex(hash, digest, NULL) != 1 ||
		!sign_field_add_signature(&b, key, digest))
		return false;
	text_clear(out);
	text_addf(out, "a=%s-sha256;\n\tb=", dkim_key_words[key->type]);
	add_unfolded(out, &b);
	text_addf(out, ";\n\t%s", tags);
	return !out->failed && !b.failed;
}

static bool sign_message(struct seal_message *m, EVP_MD_CTX *hash, int64_t now_s)
{
	SLUICE_CLEANUP(text_done) struct text tags = TEXT_INIT(FIELD_MAX_BYTES), names = TEXT_INIT(NAMES_MAX_BYTES);
	unsigned char body[SIGN_HASH_BYTES];

	dkim_canon_body_end(&m->body);
	if (m->failed || EVP_DigestFinal_ex(m->hash, body, NULL) != 1 || !hash_header(m, hash, &names))
		return false;
	text_adds(&tags, "bh=");
	sign_field_add_base64(&tags, body, sizeof body);
	text_addf(&tags, "; c=relaxed/relaxed;\n\td=%s; h=", m->config->key.domain);
	sign_field_add_names(&tags, text_str(&names));
	/* a blank before i=, and no tab: python3-dkim, which list managers use, finds the field by it */
	text_addf(&tags, "; i=%u;\n\ts=%s; t=%" PRId64, m->instance, m->config->key.selector, now_s);
	return !tags.failed && sign(m, ARC_MESSAGE, hash, text_str(&tags));
}

/* A seal says of a chain that fails nothing but that: it signs its own set alone (RFC 8617 5.1.2). */
static bool hash_chain(const struct seal_message *m, EVP_MD_CTX *hash, enum arc_cv cv)
{
	bool done = true;

	for (unsigned i = 1; i < m->instance && cv != ARC_FAIL; i++)
		for (enum arc_part part = ARC_RESULTS; part < ARC_PARTS && done; part++) {
			const struct text *field = arc_sets_field(m->sets, i, part);

			done = field && EVP_DigestUpdate(hash, text_str(field), field->len) == 1;
		}
	return done && add_hash(hash, ARC_RESULTS, &m->set[ARC_RESULTS], false) && add_hash(hash, ARC_MESSAGE, &m->set[ARC_MESSAGE], false);
}

static bool seal(struct seal_message *m, EVP_MD_CTX *hash, enum arc_cv cv, int64_t now_s)
{
	SLUICE_CLEANUP(text_done) struct text tags = TEXT_INIT(FIELD_MAX_BYTES);

	text_addf(&tags, "cv=%s; d=%s; i=%u; s=%s;\n\tt=%" PRId64, arc_cv_words[cv], m->config->key.domain, m->instance,
		m->config->key.selector, now_s);
	return hash_chain(m, hash, cv) && sign(m, ARC_SEAL, hash, text_str(&tags));
}

static bool make(struct seal_message *m, enum arc_cv cv, const char *results, int64_t now_s)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	bool done;

	text_addf(&m->set[ARC_RESULTS], "i=%u; %s", m->instance, results);
	done = hash && !m->set[ARC_RESULTS].failed && strlen(results) <= SEAL_RESULTS_MAX &&
	       EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && sign_message(m, hash, now_s) &&
	       EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && seal(m, hash, cv, now_s);
	EVP_MD_CTX_free(hash);
	return done;
}

/* Why no set of ours would say anything; NULL: one does. */
static const char *needless(const struct seal_message *m)
{
	unsigned count = arc_sets_count(m->sets);
	const struct dkim_signature *last = arc_sets_seal(m->sets, count);

	if (count == ARC_MAX_SETS)
		return "the chain has as many sets as there can be";
	if (count > 0 && last && last->cv == ARC_FAIL)
		return "the chain has failed before, and its last seal says so";
	if (count == 0 && *arc_sets_why(m->sets))
		return "there is something of a chain, but no set to follow";
	return NULL;
}

enum seal_result seal_message_end(struct seal_message *m, enum arc_cv cv, const char *results, int64_t now_s)
{
	unsigned count = arc_sets_count(m->sets);

	if (!m->config->has_key) {
		m->why = "seal { } names no key";
		return SEAL_NO_KEY;
	}
	m->why = needless(m);
	if (m->why)
		return SEAL_NOT_NEEDED;
	m->why = "";
	m->instance = count + 1;
	if (count == 0)
		cv = ARC_NONE;
	else if (cv == ARC_NONE || *arc_sets_why(m->sets)) /* who has found no chain has not looked at this one */
		cv = ARC_FAIL;
	if (make(m, cv, results, now_s))
		return SEAL_SEALED;
	m->why = "out of memory, or there is too much to sign";
	return SEAL_FAILED;
}

const char *seal_message_reason(const struct seal_message *m)
{
	return m->why;
}

unsigned seal_message_instance(const struct seal_message *m)
{
	return m->instance;
}

const char *seal_message_field(const struct seal_message *m, enum arc_part part)
{
	return text_str(&m->set[part]);
}
