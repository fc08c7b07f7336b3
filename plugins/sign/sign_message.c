/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/sign/sign_message.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/shortage.h"
#include "filter/mail/address.h"
#include "filter/mail/dkim_canon.h"
#include "filter/mail/domain.h"
#include "filter/mail/mailbox.h"
#include "filter/mail/sign_field.h"

#define SIGNATURE_MAX_BYTES 32000

enum state { STATE_HEADER, STATE_BODY, STATE_ENDED };

struct signature {
	const struct sign_key *key;
	const char *domain; /* of the key, or of the sender */
	struct text value, signer;
};

struct sign_message {
	const struct sign_config *config;
	enum state state;
	enum sign_result result; /* SIGN_SIGNED while nothing speaks against it */
	struct text reason;

	struct text header; /* the fields that are signed, in canonical form */
	VEC(size_t) ends;   /* of each of them in header */
	struct text from;   /* the first address in From */
	struct text domain; /* its domain */
	size_t from_count;
	bool from_malformed;

	struct signature signatures[SIGN_MAX_KEYS];
	size_t count;
	EVP_MD_CTX *hash; /* of the body, once it is known that it is wanted */
	struct dkim_canon_body body;
};

struct sign_message *sign_message_new(const struct sign_config *config)
{
	struct sign_message *m = shortage_zalloc(sizeof *m);

	if (!m)
		return NULL;
	m->config = config;
	m->reason = TEXT_INIT(SIGN_REASON_MAX_BYTES);
	m->header = TEXT_INIT(SIGN_HEADER_MAX_BYTES);
	m->from = TEXT_INIT(MAILBOX_MAX_BYTES);
	m->domain = TEXT_INIT(MAILBOX_MAX_BYTES);
	return m;
}

void sign_message_free(struct sign_message *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		text_done(&m->signatures[i].value);
		text_done(&m->signatures[i].signer);
	}
	EVP_MD_CTX_free(m->hash);
	text_done(&m->reason);
	text_done(&m->header);
	text_done(&m->from);
	text_done(&m->domain);
	vec_done(&m->ends);
	free(m);
}

static void give_up(struct sign_message *m, enum sign_result result, const char *format, ...) SLUICE_PRINTF(3, 4);
static void give_up(struct sign_message *m, enum sign_result result, const char *format, ...)
{
	va_list args;

	if (m->result != SIGN_SIGNED)
		return;
	m->result = result;
	va_start(args, format);
	text_addv(&m->reason, format, args);
	va_end(args);
}

/* ---- the header ---- */

static void note_from(struct sign_message *m, const char *value, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text next = TEXT_INIT(MAILBOX_MAX_BYTES);
	struct header_lexer l = { value, value + len };
	enum mailbox_step step;

	while ((step = mailbox_next(&l, &next)) != MAILBOX_END) {
		m->from_malformed |= step == MAILBOX_BAD;
		if (step == MAILBOX_ADDRESS && m->from_count++ == 0)
			text_add(&m->from, next.bytes, next.len);
	}
}

void sign_message_header(struct sign_message *m, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (m->state != STATE_HEADER || !sign_config_signs(m->config, name, name_len))
		return;
	if (header_field_is(name, name_len, "From"))
		note_from(m, value, value_len);
	dkim_canon_header(&m->header, DKIM_RELAXED, name, name_len, value, value_len);
	text_adds(&m->header, "\r\n");
	if (!m->header.failed && !vec_push(&m->ends, m->header.len))
		m->header.failed = true;
}

static void hash_body(void *arg, const char *bytes, size_t len)
{
	struct sign_message *m = arg;

	if (EVP_DigestUpdate(m->hash, bytes, len) != 1)
		give_up(m, SIGN_FAILED, "OpenSSL could not hash the body");
}

static void begin_body(struct sign_message *m)
{
	m->hash = EVP_MD_CTX_new();
	if (!m->hash || EVP_DigestInit_ex(m->hash, EVP_sha256(), NULL) != 1)
		give_up(m, SIGN_FAILED, "out of memory");
	dkim_canon_body(&m->body, DKIM_RELAXED, hash_body, m);
}

static void choose_keys(struct sign_message *m)
{
	struct sluice_address a = address_split(m->from.bytes, m->from.len);
	const struct sign_key *keys[SIGN_MAX_KEYS];
	char ascii[DOMAIN_ASCII_SIZE];
	size_t count;

	if (domain_to_ascii(a.domain, a.domain_len, ascii)) /* so it is in the DNS, in d= and in the names of keys (RFC 8616 5) */
		text_adds(&m->domain, ascii);
	else
		text_add(&m->domain, a.domain, a.domain_len);
	count = sign_config_find(m->config, a.local, a.local_len, text_str(&m->domain), m->domain.len, keys);
	for (size_t i = 0; i < count; i++) {
		struct signature *s = &m->signatures[m->count];

		if (!keys[i]->domain && !dkim_domain_valid(text_str(&m->domain), m->domain.len))
			continue;
		*s = (struct signature){ .key = keys[i], .value = TEXT_INIT(SIGNATURE_MAX_BYTES), .signer = TEXT_INIT(SIGN_REASON_MAX_BYTES) };
		s->domain = keys[i]->domain ? keys[i]->domain : text_str(&m->domain);
		text_addf(&s->signer, "%s/%s", s->domain, s->key->selector);
		m->count++;
	}
	if (m->count == 0)
		give_up(m, SIGN_NOT_OURS, "no key signs for %s", text_str(&m->domain));
	else if (m->header.failed)
		give_up(m, SIGN_FAILED, "the header has more than %u MB", SIGN_HEADER_MAX_BYTES >> 20);
}

void sign_message_end_of_header(struct sign_message *m)
{
	if (m->state != STATE_HEADER)
		return;
	m->state = STATE_BODY;
	if (m->from_malformed)
		give_up(m, SIGN_NOT_OURS, "From has something in it that is no address");
	else if (m->from_count == 0)
		give_up(m, SIGN_NOT_OURS, "there is no address in From");
	else if (m->from_count > 1)
		give_up(m, SIGN_NOT_OURS, "there is more than one address in From");
	else
		choose_keys(m);
	if (m->result == SIGN_SIGNED)
		begin_body(m);
}

void sign_message_body(struct sign_message *m, const char *bytes, size_t len)
{
	if (m->state == STATE_BODY && m->result == SIGN_SIGNED)
		dkim_canon_body_add(&m->body, bytes, len);
}

/* ---- the signatures ---- */

static bool has_field(const struct sign_message *m, const char *name)
{
	for (size_t i = 0; i < m->ends.len; i++)
		if (!strncmp(m->header.bytes + (i ? m->ends.items[i - 1] : 0), name, strlen(name)))
			return true;
	return false;
}

/*
 * Each name in h= stands for the lowest field of that name that none before it stood for (RFC 6376 5.4.2): hence from the bottom
 * up. Names beyond those that are there stand for nothing, and are hashed as nothing.
 */
static void hash_header(const struct sign_message *m, EVP_MD_CTX *hash, struct text *names)
{
	for (size_t i = m->ends.len; i > 0; i--) {
		size_t start = i > 1 ? m->ends.items[i - 2] : 0, len = m->ends.items[i - 1] - start;
		const char *field = m->header.bytes + start, *colon = memchr(field, ':', len);

		(void)EVP_DigestUpdate(hash, field, len);
		text_add(names, field, (size_t)(colon + 1 - field));
	}
	for (const struct sign_oversigned *o = sign_oversigned; o->name; o++)
		if (!o->only_present || has_field(m, o->name))
			text_adds(names, o->name);
	if (names->len)
		names->bytes[--names->len] = '\0';
}

/* The value of the field up to "b=". */
static void add_tags(const struct sign_message *m, struct signature *s, const char *names, const unsigned char body[SIGN_HASH_BYTES], int64_t now_s)
{
	text_addf(&s->value, "v=1; a=%s-sha256; c=relaxed/relaxed; d=%s; s=%s;\n\tt=%" PRId64 ";", dkim_key_words[s->key->type], s->domain,
		s->key->selector, now_s);
	if (m->config->expire_s)
		text_addf(&s->value, " x=%" PRId64 ";", now_s + m->config->expire_s);
	text_adds(&s->value, "\n\th=");
	sign_field_add_names(&s->value, names);
	text_adds(&s->value, ";\n\tbh=");
	sign_field_add_base64(&s->value, body, SIGN_HASH_BYTES);
	text_adds(&s->value, ";\n\tb=");
}

/* header: the hash of all fields so far; the signature's own field is the last one, without its CRLF (RFC 6376 3.7). */
static bool sign(struct signature *s, const EVP_MD_CTX *header)
{
	SLUICE_CLEANUP(text_done) struct text field = TEXT_INIT(SIGNATURE_MAX_BYTES);
	unsigned char hash[SIGN_HASH_BYTES];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done;

	dkim_canon_header(&field, DKIM_RELAXED, SIGN_FIELD_NAME, strlen(SIGN_FIELD_NAME), text_str(&s->value), s->value.len);
	done = ctx && !field.failed && EVP_MD_CTX_copy_ex(ctx, header) == 1 && EVP_DigestUpdate(ctx, field.bytes, field.len) == 1 &&
	       EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return done && sign_field_add_signature(&s->value, s->key, hash) && !s->value.failed;
}

static void sign_all(struct sign_message *m, int64_t now_s)
{
	SLUICE_CLEANUP(text_done) struct text names = TEXT_INIT(SIGNATURE_MAX_BYTES / 2);
	EVP_MD_CTX *header = EVP_MD_CTX_new();
	unsigned char body[SIGN_HASH_BYTES];

	dkim_canon_body_end(&m->body);
	if (!header || EVP_DigestInit_ex(header, EVP_sha256(), NULL) != 1 || EVP_DigestFinal_ex(m->hash, body, NULL) != 1) {
		give_up(m, SIGN_FAILED, "out of memory");
	} else {
		hash_header(m, header, &names);
		if (names.failed)
			give_up(m, SIGN_FAILED, "there are too many header fields to sign");
	}
	for (size_t i = 0; m->result == SIGN_SIGNED && i < m->count; i++) {
		add_tags(m, &m->signatures[i], text_str(&names), body, now_s);
		if (!sign(&m->signatures[i], header))
			give_up(m, SIGN_FAILED, "OpenSSL could not sign with key %s", text_str(&m->signatures[i].signer));
	}
	EVP_MD_CTX_free(header);
}

enum sign_result sign_message_end(struct sign_message *m, int64_t now_s)
{
	if (m->state == STATE_ENDED)
		return m->result;
	sign_message_end_of_header(m); /* where there is no body, nobody said so */
	m->state = STATE_ENDED;
	if (m->result == SIGN_SIGNED)
		sign_all(m, now_s);
	return m->result;
}

/* ---- what came of it ---- */

size_t sign_message_count(const struct sign_message *m)
{
	return m->state == STATE_ENDED && m->result == SIGN_SIGNED ? m->count : 0;
}

const char *sign_message_signature(const struct sign_message *m, size_t i)
{
	return text_str(&m->signatures[i].value);
}

const char *sign_message_signer(const struct sign_message *m, size_t i)
{
	return text_str(&m->signatures[i].signer);
}

const char *sign_message_reason(const struct sign_message *m)
{
	return text_str(&m->reason);
}
