/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/sign/sign_message.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "filter/mail/address.h"
#include "filter/mail/mailbox.h"

#define SIGNATURE_MAX_BYTES 65536

enum state { STATE_HEADER, STATE_BODY, STATE_ENDED };

struct signature {
	const struct sign_key *key;
	DKIM *dkim;
	struct text value, signer;
};

struct sign_message {
	const struct sign_config *config;
	enum state state;
	enum sign_result result; /* SIGN_SIGNED while nothing speaks against it */
	struct text reason;

	struct text header; /* the fields that are signed, one after the other */
	VEC(size_t) ends;   /* of each of them in header */
	struct text from;   /* the first address in From */
	size_t from_count;
	bool from_malformed;

	struct signature signatures[SIGN_MAX_KEYS];
	size_t count;
	bool open_cr, open_line; /* of the body: its last octet is CR; its last line has no end yet */
};

struct sign_message *sign_message_new(const struct sign_config *config)
{
	struct sign_message *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->config = config;
	m->reason = TEXT_INIT(SIGN_REASON_MAX_BYTES);
	m->header = TEXT_INIT(SIGN_HEADER_MAX_BYTES);
	m->from = TEXT_INIT(MAILBOX_MAX_BYTES);
	return m;
}

void sign_message_free(struct sign_message *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		if (m->signatures[i].dkim)
			(void)dkim_free(m->signatures[i].dkim);
		text_done(&m->signatures[i].value);
		text_done(&m->signatures[i].signer);
	}
	text_done(&m->reason);
	text_done(&m->header);
	text_done(&m->from);
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

static void fail(struct sign_message *m, DKIM *dkim, DKIM_STAT status)
{
	const char *why = dkim ? dkim_geterror(dkim) : NULL;

	give_up(m, SIGN_FAILED, "libopendkim: %s", why && *why ? why : dkim_getresultstr(status));
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
	text_add(&m->header, name, name_len);
	text_addc(&m->header, ':');
	for (size_t i = 0; i < value_len; i++) {
		if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r'))
			text_addc(&m->header, '\r');
		text_addc(&m->header, value[i]);
	}
	if (!m->header.failed && !vec_push(&m->ends, m->header.len))
		m->header.failed = true;
}

static void feed_header(struct sign_message *m, DKIM *dkim)
{
	DKIM_STAT status = DKIM_STAT_OK;

	for (size_t i = 0; status == DKIM_STAT_OK && i < m->ends.len; i++) {
		size_t start = i ? m->ends.items[i - 1] : 0;

		status = dkim_header(dkim, (unsigned char *)m->header.bytes + start, m->ends.items[i] - start);
	}
	if (status == DKIM_STAT_OK)
		status = dkim_eoh(dkim);
	if (status != DKIM_STAT_OK)
		fail(m, dkim, status);
}

static void add_signature(struct sign_message *m, const struct sign_key *key, const char *domain)
{
	struct signature *s = &m->signatures[m->count++];
	DKIM_STAT status;

	*s = (struct signature){ .key = key, .value = TEXT_INIT(SIGNATURE_MAX_BYTES), .signer = TEXT_INIT(SIGN_REASON_MAX_BYTES) };
	text_addf(&s->signer, "%s/%s", domain, key->selector);
	s->dkim = dkim_sign(m->config->lib, (const unsigned char *)"sluice", NULL, (unsigned char *)key->pem, (const unsigned char *)key->selector,
		(const unsigned char *)domain, DKIM_CANON_RELAXED, DKIM_CANON_RELAXED,
		key->type == DKIM_KEY_ED25519 ? DKIM_SIGN_ED25519SHA256 : DKIM_SIGN_RSASHA256, -1, &status);
	if (s->dkim)
		feed_header(m, s->dkim);
	else
		fail(m, NULL, status);
}

void sign_message_end_of_header(struct sign_message *m)
{
	SLUICE_CLEANUP(text_done) struct text domain = TEXT_INIT(MAILBOX_MAX_BYTES);
	const struct sign_key *keys[SIGN_MAX_KEYS];
	struct sluice_address a;
	size_t count;

	if (m->state != STATE_HEADER)
		return;
	m->state = STATE_BODY;
	if (m->from_malformed)
		give_up(m, SIGN_NOT_OURS, "From has something in it that is no address");
	else if (m->from_count == 0)
		give_up(m, SIGN_NOT_OURS, "there is no address in From");
	else if (m->from_count > 1)
		give_up(m, SIGN_NOT_OURS, "there is more than one address in From");
	if (m->result != SIGN_SIGNED)
		return;
	a = address_split(m->from.bytes, m->from.len);
	text_add(&domain, a.domain, a.domain_len);
	count = sign_config_find(m->config, a.local, a.local_len, a.domain, a.domain_len, keys);
	if (count && m->header.failed)
		give_up(m, SIGN_FAILED, "the header has more than %u MB", SIGN_HEADER_MAX_BYTES >> 20);
	for (size_t i = 0; m->result == SIGN_SIGNED && i < count; i++)
		if (keys[i]->domain || dkim_domain_valid(text_str(&domain), domain.len))
			add_signature(m, keys[i], keys[i]->domain ? keys[i]->domain : text_str(&domain));
	if (m->count == 0)
		give_up(m, SIGN_NOT_OURS, "no key signs for %s", text_str(&domain));
}

/* ---- the body ---- */

static void feed_body(struct sign_message *m, const char *bytes, size_t len)
{
	for (size_t i = 0; m->result == SIGN_SIGNED && i < m->count; i++) {
		DKIM_STAT status = dkim_body(m->signatures[i].dkim, (unsigned char *)bytes, len);

		if (status != DKIM_STAT_OK)
			fail(m, m->signatures[i].dkim, status);
	}
}

void sign_message_body(struct sign_message *m, const char *bytes, size_t len)
{
	bool cr;

	if (m->state != STATE_BODY || len == 0)
		return;
	cr = len > 1 ? bytes[len - 2] == '\r' : m->open_cr;
	m->open_line = bytes[len - 1] != '\n' || !cr;
	m->open_cr = bytes[len - 1] == '\r';
	feed_body(m, bytes, len);
}

/* The value, with LF alone at the ends of its lines: as a milter hands it to the MTA. */
static void take_signature(struct sign_message *m, struct signature *s)
{
	unsigned char *bytes;
	size_t len;
	DKIM_STAT status = dkim_eom(s->dkim, NULL);

	if (status == DKIM_STAT_OK)
		status = dkim_getsighdr_d(s->dkim, strlen(SIGN_FIELD_NAME) + 2, &bytes, &len);
	if (status != DKIM_STAT_OK) {
		fail(m, s->dkim, status);
		return;
	}
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != '\r')
			text_addc(&s->value, (char)bytes[i]);
	if (s->value.failed)
		give_up(m, SIGN_FAILED, "out of memory");
}

enum sign_result sign_message_end(struct sign_message *m)
{
	if (m->state == STATE_ENDED)
		return m->result;
	sign_message_end_of_header(m); /* where there is no body, nobody said so */
	m->state = STATE_ENDED;
	if (m->open_line)
		feed_body(m, "\r\n", 2); /* the MTA ends the last line when it sends it (RFC 6376 3.4.4) */
	for (size_t i = 0; m->result == SIGN_SIGNED && i < m->count; i++)
		take_signature(m, &m->signatures[i]);
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
