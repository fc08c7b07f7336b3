/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_verify.h"

#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/grow.h"
#include "filter/base/hash.h"
#include "filter/base/shortage.h"
#include "filter/base/vec.h"
#include "filter/mail/header_field.h"
#include "filter/mail/taglist.h"

struct field { /* places in the text of the header */
	size_t name, name_len, value, value_len;
	uint64_t hash; /* of the name as it is compared */
};

/* A hash of the body, for all signatures that want the same one. */
struct body_hash {
	EVP_MD_CTX *ctx;
	enum dkim_canon canon;
	bool has_length;
	uint64_t length, left; /* l=, and what is still missing of it */
	unsigned char hash[DKIM_HASH_BYTES];
};

struct body_form { /* the body in one canonical form */
	struct dkim_message *m;
	struct dkim_canon_body canon;
	bool wanted;
	uint64_t length;
};

struct work { /* on a signature */
	size_t field; /* its own */
	size_t body;  /* its hash */
	unsigned char header[DKIM_HASH_BYTES];
};

struct dkim_message {
	enum dkim_kind kind;
	size_t max_signatures, skipped;
	struct dkim_verified *signatures; /* as many as there is work: of 2 KiB each, so there is room for no more of them than came */
	VEC(struct work) work;
	VEC(struct body_hash) bodies;
	struct body_form forms[2]; /* by enum dkim_canon */
	struct text header;
	VEC(struct field) fields;
	bool crowded; /* there are more fields than DKIM_HEADER_FIELDS */
	bool failed, finished;
};

struct dkim_message *dkim_message_new(enum dkim_kind kind, size_t max_signatures)
{
	struct dkim_message *m = shortage_zalloc(sizeof *m);

	if (!m)
		return NULL;
	m->kind = kind;
	m->max_signatures = max_signatures;
	m->header = TEXT_INIT(DKIM_HEADER_MAX_BYTES);
	return m;
}

static void forget_header(struct dkim_message *m)
{
	text_done(&m->header);
	vec_done(&m->fields);
}

void dkim_message_free(struct dkim_message *m)
{
	if (!m)
		return;
	forget_header(m);
	for (size_t i = 0; i < m->bodies.len; i++)
		EVP_MD_CTX_free(m->bodies.items[i].ctx);
	vec_done(&m->bodies);
	vec_done(&m->work);
	free(m->signatures);
	free(m);
}

/* ---- the header ---- */

/* Names are one without regard to case, and to blanks before the colon. */
static uint64_t hash_name(const char *name, size_t len)
{
	char small[256];

	while (len > 0 && ascii_is_space(name[len - 1]))
		len--;
	len = len > sizeof small ? sizeof small : len;
	for (size_t i = 0; i < len; i++)
		small[i] = ascii_lower(name[i]);
	return hash_bytes(hash_key_shared(), small, len);
}

/* A signature, which is the field that comes next. */
static void begin_signature(struct dkim_message *m, const struct dkim_signature *sig)
{
	struct dkim_verified *grown = grow(m->signatures, m->work.len * sizeof *grown, (m->work.len + 1) * sizeof *grown);

	if (grown)
		m->signatures = grown;
	else
		shortage_note();
	if (!grown || !vec_push(&m->work, ((struct work){ .field = m->fields.len }))) {
		m->failed = true;
		return;
	}
	grown[m->work.len - 1] = (struct dkim_verified){ .sig = *sig };
}

static void add_signature(struct dkim_message *m, const char *value, size_t len)
{
	struct dkim_signature sig;

	if (m->kind == DKIM_SIGNATURE && m->work.len == m->max_signatures) {
		m->skipped++;
		return;
	}
	dkim_signature_parse(m->kind, value, len, &sig);
	if (m->kind == DKIM_ARC_MESSAGE && m->work.len) { /* the one with the highest i= takes the place of the others */
		if (sig.instance <= m->signatures[0].sig.instance)
			return;
		m->work.len = 0;
	}
	begin_signature(m, &sig);
}

void dkim_message_header(struct dkim_message *m, const char *name, size_t name_len, const char *value, size_t len)
{
	struct field f = { m->header.len, name_len, m->header.len + name_len, len, hash_name(name, name_len) };

	if (header_field_is(name, name_len, dkim_kind_names[m->kind]))
		add_signature(m, value, len);
	if (m->fields.len == DKIM_HEADER_FIELDS) {
		m->crowded = true;
		return;
	}
	text_add(&m->header, name, name_len);
	text_add(&m->header, value, len);
	m->failed |= m->header.failed || !vec_push(&m->fields, f);
}

struct header_hash {
	const struct dkim_message *m;
	const struct dkim_signature *sig;
	EVP_MD_CTX *ctx;
	struct text field; /* the one that is added */
	bool *used;        /* by field: it has been signed */
};

static bool add_field(struct header_hash *h, const char *name, size_t name_len, const char *value, size_t value_len, bool last)
{
	text_clear(&h->field);
	dkim_canon_header(&h->field, h->sig->header_canon, name, name_len, value, value_len);
	if (!last)
		text_adds(&h->field, "\r\n");
	return !h->field.failed && EVP_DigestUpdate(h->ctx, text_str(&h->field), h->field.len) == 1;
}

/* A name in h= is the lowest field of that name that none before it was; beyond those that are there it is nothing (RFC 6376 5.4.2). */
static bool add_named(struct header_hash *h, const char *word, size_t len)
{
	uint64_t hash = hash_name(word, len);

	for (size_t i = h->m->fields.len; i-- > 0;) {
		const struct field *f = &h->m->fields.items[i];
		const char *text = h->m->header.bytes;

		if (f->hash != hash || h->used[i])
			continue;
		h->used[i] = true;
		return add_field(h, text + f->name, f->name_len, text + f->value, f->value_len, false);
	}
	return true;
}

/* Its own field comes last (RFC 6376 3.7). */
static bool add_own(struct header_hash *h, const struct field *f)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(DKIM_SIGNATURE_MAX);
	const char *text = h->m->header.bytes;

	dkim_signature_blank(&value, text + f->value, f->value_len);
	return add_field(h, text + f->name, f->name_len, text_str(&value), value.len, true);
}

static bool hash_header(struct dkim_message *m, size_t at)
{
	const struct field *own = &m->fields.items[m->work.items[at].field];
	struct header_hash h = { m, &m->signatures[at].sig, EVP_MD_CTX_new(), TEXT_INIT(DKIM_HEADER_MAX_BYTES), calloc(m->fields.len, 1) };
	struct taglist l;
	const struct tag *names;
	const char *word;
	size_t pos = 0, len;
	bool done = h.ctx && h.used && EVP_DigestInit_ex(h.ctx, EVP_sha256(), NULL) == 1 &&
		    taglist_parse(m->header.bytes + own->value, own->value_len, &l);

	names = done ? taglist_find(&l, "h") : NULL;
	if (done)
		h.used[m->work.items[at].field] = true; /* it was not there when it was made */
	while (done && names && tag_next_word(names, &pos, &word, &len))
		done = add_named(&h, word, len);
	done = done && add_own(&h, own) && EVP_DigestFinal_ex(h.ctx, m->work.items[at].header, NULL) == 1;
	EVP_MD_CTX_free(h.ctx);
	text_done(&h.field);
	free(h.used);
	return done;
}

/* ---- the body ---- */

/* Which hash of the body a signature wants. False: no memory. */
static bool choose_body(struct dkim_message *m, size_t at)
{
	const struct dkim_signature *sig = &m->signatures[at].sig;
	struct body_hash b = { .canon = sig->body_canon, .has_length = sig->has_length, .length = sig->length,
		.left = sig->has_length ? sig->length : UINT64_MAX };

	for (size_t i = 0; i < m->bodies.len; i++) {
		const struct body_hash *other = &m->bodies.items[i];

		m->work.items[at].body = i;
		if (other->canon == sig->body_canon && other->has_length == sig->has_length && other->length == sig->length)
			return true;
	}
	m->work.items[at].body = m->bodies.len;
	m->forms[b.canon].wanted = true;
	b.ctx = EVP_MD_CTX_new();
	if (b.ctx && vec_push(&m->bodies, b))
		return EVP_DigestInit_ex(b.ctx, EVP_sha256(), NULL) == 1;
	EVP_MD_CTX_free(b.ctx);
	return false;
}

static void on_canonical(void *arg, const char *bytes, size_t len)
{
	struct body_form *form = arg;
	struct dkim_message *m = form->m;

	form->length += len;
	for (size_t i = 0; i < m->bodies.len; i++) {
		struct body_hash *b = &m->bodies.items[i];
		size_t n = len < b->left ? len : (size_t)b->left;

		if (b->canon != form->canon.canon || n == 0)
			continue;
		b->left -= n;
		m->failed |= EVP_DigestUpdate(b->ctx, bytes, n) != 1;
	}
}

void dkim_message_header_end(struct dkim_message *m, int64_t now_s)
{
	for (size_t i = 0; i < m->work.len; i++) {
		struct dkim_signature *sig = &m->signatures[i].sig;

		dkim_signature_check_time(sig, now_s);
		if (m->crowded && !sig->flaw.why)
			sig->flaw = (struct dkim_flaw){ DKIM_PERMERROR, "the message has too many header fields" };
	}
	for (size_t i = 0; i < m->work.len && !m->failed; i++)
		if (!m->signatures[i].sig.flaw.why)
			m->failed = !hash_header(m, i) || !choose_body(m, i);
	forget_header(m);
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		m->forms[canon].m = m;
		dkim_canon_body(&m->forms[canon].canon, canon, on_canonical, &m->forms[canon]);
	}
}

void dkim_message_body(struct dkim_message *m, const char *bytes, size_t len)
{
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		if (m->forms[canon].wanted && !m->failed)
			dkim_canon_body_add(&m->forms[canon].canon, bytes, len);
}

struct dkim_verified *dkim_message_signatures(struct dkim_message *m, size_t *ret_count)
{
	*ret_count = m->work.len;
	return m->signatures;
}

size_t dkim_message_skipped(const struct dkim_message *m)
{
	return m->skipped;
}

/* ---- the end ---- */

static void end_body(struct dkim_message *m)
{
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		if (m->forms[canon].wanted)
			dkim_canon_body_end(&m->forms[canon].canon);
	for (size_t i = 0; i < m->bodies.len; i++)
		m->failed |= EVP_DigestFinal_ex(m->bodies.items[i].ctx, m->bodies.items[i].hash, NULL) != 1;
}

/* RFC 8463 3: what Ed25519 signs is the hash, as a message. */
static bool verify_ed25519(EVP_PKEY *key, const struct dkim_signature *sig, const unsigned char hash[DKIM_HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, sig->raw, sig->raw_len, hash, DKIM_HASH_BYTES) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool verify_rsa(EVP_PKEY *key, const struct dkim_signature *sig, const unsigned char hash[DKIM_HASH_BYTES])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_verify(ctx, sig->raw, sig->raw_len, hash, DKIM_HASH_BYTES) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool dkim_verify_hash(const struct dkim_signature *sig, EVP_PKEY *key, const unsigned char hash[DKIM_HASH_BYTES])
{
	return (sig->algorithm == DKIM_ED25519_SHA256 ? verify_ed25519 : verify_rsa)(key, sig, hash);
}

/* Why the signature is not that of this message; NULL: it is. */
static const char *mismatch(const struct dkim_message *m, size_t at, EVP_PKEY *key)
{
	const struct dkim_signature *sig = &m->signatures[at].sig;
	const struct body_hash *body = &m->bodies.items[m->work.items[at].body];

	if (sig->has_length && body->left > 0)
		return "l= is longer than the body";
	if (!dkim_verify_hash(sig, key, m->work.items[at].header))
		return "the signature does not fit the header";
	return memcmp(body->hash, sig->body_hash, DKIM_HASH_BYTES) != 0 ? "the body is another than was signed" : NULL;
}

static void verify(struct dkim_message *m, size_t at, const struct dkim_key *key)
{
	struct dkim_verified *v = &m->signatures[at];
	const char *why = mismatch(m, at, key->key);

	if (why)
		v->result = (struct dkim_flaw){ key->testing ? DKIM_NEUTRAL : DKIM_FAIL, why };
	else
		v->result = (struct dkim_flaw){ DKIM_PASS, NULL };
	v->covered = v->sig.has_length ? v->sig.length : m->forms[v->sig.body_canon].length;
	v->partial = !why && v->covered < m->forms[v->sig.body_canon].length;
}

bool dkim_message_finish(struct dkim_message *m, const struct dkim_key *keys)
{
	if (m->finished || m->failed)
		return !m->failed;
	m->finished = true;
	end_body(m);
	for (size_t i = 0; i < m->work.len && !m->failed; i++) {
		struct dkim_verified *v = &m->signatures[i];

		v->result = v->sig.flaw;
		if (v->sig.flaw.why)
			continue;
		v->bits = keys[i].bits;
		v->result = keys[i].flaw;
		if (!v->result.why)
			verify(m, i, &keys[i]);
	}
	return !m->failed;
}
