/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dkim/dkim_eval.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/mail/dkim_record.h"
#include "filter/mail/domain.h"
#include "filter/mail/taglist.h"

#define SHA256_BYTES   32
#define ED25519_BYTES  32
#define ED25519_BITS   256
#define TIME_DIGITS    12 /* RFC 6376 3.5: a longer time may be taken as for ever */
#define LENGTH_DIGITS  19 /* RFC 6376 3.5 has up to 76, but no message has so many octets */
#define IDENTITY_MAX   1024
#define DER_HEAD_BYTES 4 /* of what is no longer than 65535 octets */

const char *const dkim_result_words[] = { "none", "pass", "fail", "policy", "neutral", "temperror", "permerror", NULL };

/* ---- signatures ---- */

/* Only the first flaw counts. */
static void set_flaw(struct dkim_flaw *flaw, enum dkim_result result, const char *why)
{
	if (!flaw->why)
		*flaw = (struct dkim_flaw){ result, why };
}

/* Labels as in domain names, with the underscore that selectors have in practice. */
static bool name_valid(const char *name)
{
	size_t label = 0;

	for (; *name; name++) {
		if (*name == '.' ? label == 0 : !ascii_is_alnum(*name) && *name != '-' && *name != '_')
			return false;
		label = *name == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static void read_names(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *d = taglist_find(l, "d"), *s = taglist_find(l, "s");

	if (!d || !tag_squeeze(d, sig->domain, sizeof sig->domain) || !name_valid(sig->domain))
		sig->domain[0] = '\0';
	if (!s || !tag_squeeze(s, sig->selector, sizeof sig->selector) || !name_valid(sig->selector))
		sig->selector[0] = '\0';
	for (char *c = sig->domain; *c; c++)
		*c = ascii_lower(*c);
	if (!sig->domain[0])
		set_flaw(&sig->flaw, DKIM_NEUTRAL, d ? "d= is no domain" : "no d= tag");
	if (!sig->selector[0])
		set_flaw(&sig->flaw, DKIM_NEUTRAL, s ? "s= is no selector" : "no s= tag");
}

static void read_version(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *v = taglist_find(l, "v");

	if (!v || !ascii_equals(v->value, v->value_len, "1"))
		set_flaw(&sig->flaw, DKIM_NEUTRAL, v ? "another version than v=1" : "no v= tag");
}

static void read_algorithm(const struct taglist *l, struct dkim_signature *sig)
{
	static const char *const names[] = {
		/* in the order of enum dkim_algorithm */
		"rsa-sha256",
		"ed25519-sha256",
		"rsa-sha1",
	};
	const struct tag *a = taglist_find(l, "a");

	if (a)
		(void)tag_squeeze(a, sig->algorithm_text, sizeof sig->algorithm_text);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(sig->algorithm_text, names[i]))
			sig->algorithm = (enum dkim_algorithm)i;
	if (sig->algorithm == DKIM_OTHER_ALGORITHM)
		set_flaw(&sig->flaw, DKIM_NEUTRAL, a ? "a= is unknown" : "no a= tag");
	if (sig->algorithm == DKIM_RSA_SHA1)
		set_flaw(&sig->flaw, DKIM_POLICY, "rsa-sha1 proves nothing any more (RFC 8301)");
}

static void read_canonicalization(const struct taglist *l, struct dkim_signature *sig)
{
	static const char *const words[] = { "simple", "relaxed", "simple/simple", "relaxed/simple", "simple/relaxed",
		"relaxed/relaxed" };
	const struct tag *c = taglist_find(l, "c");
	char value[32];
	size_t i = 0;

	if (!c)
		return;
	(void)tag_squeeze(c, value, sizeof value);
	while (i < ARRAY_LEN(words) && strcmp(value, words[i]) != 0)
		i++;
	sig->relaxed_body = i >= 4;
	if (i == ARRAY_LEN(words))
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "c= is unknown");
}

static bool lists(const struct tag *tag, const char *want)
{
	const char *word;
	size_t pos = 0, len;

	while (tag_next_word(tag, &pos, &word, &len))
		if (ascii_equals(word, len, want))
			return true;
	return false;
}

static void read_query(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *q = taglist_find(l, "q");

	if (q && !lists(q, "dns/txt"))
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "q= is not dns/txt");
}

/* The fields that are signed: From must be one of them (RFC 6376 5.4). */
static void read_fields(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *h = taglist_find(l, "h");
	size_t pos = 0, count = 0, len;
	const char *word;

	if (!h) {
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "no h= tag");
		return;
	}
	while (tag_next_word(h, &pos, &word, &len)) {
		if (len == 0)
			set_flaw(&sig->flaw, DKIM_NEUTRAL, "h= has an empty name");
		count++;
	}
	sig->oversized = h->value_len > DKIM_FIELDS_MAX_BYTES || count > DKIM_FIELDS_MAX;
	if (sig->oversized)
		set_flaw(&sig->flaw, DKIM_PERMERROR, "h= names too many fields");
	if (!lists(h, "From"))
		set_flaw(&sig->flaw, DKIM_PERMERROR, "From is not signed");
}

/* i=: d= or a name below it (RFC 6376 3.5), as quoted-printable, in which a domain has nothing to hide. */
static void read_identity(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *i = taglist_find(l, "i");
	char value[IDENTITY_MAX];
	const char *domain;

	if (!i)
		return;
	domain = tag_squeeze(i, value, sizeof value) ? strrchr(value, '@') : NULL;
	if (!domain) {
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "i= is no identity");
		return;
	}
	domain++;
	sig->subdomain = !domain_equal(domain, strlen(domain), sig->domain, strlen(sig->domain));
	if (!domain_within(domain, strlen(domain), sig->domain, strlen(sig->domain)))
		set_flaw(&sig->flaw, DKIM_PERMERROR, "i= is not within d=");
}

/* A number of digits alone; UINT64_MAX when it has more than max_digits. */
static bool read_number(const struct tag *tag, size_t max_digits, uint64_t *ret)
{
	for (size_t i = 0; i < tag->value_len; i++)
		if (!ascii_is_digit(tag->value[i]))
			return false;
	*ret = UINT64_MAX;
	return tag->value_len > max_digits || ascii_to_u64(tag->value, tag->value_len, UINT64_MAX, ret);
}

static void read_times(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *t = taglist_find(l, "t"), *x = taglist_find(l, "x");
	uint64_t value;

	if (t && (!read_number(t, TIME_DIGITS, &value) || value < DKIM_OLDEST_S || value > INT64_MAX))
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "t= is no time of our age");
	else if (t)
		sig->signed_s = (int64_t)value;
	if (x && !read_number(x, TIME_DIGITS, &value))
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "x= is no time");
	else if (x && value <= INT64_MAX)
		sig->expires_s = (int64_t)value;
	if (sig->expires_s >= 0 && sig->expires_s <= sig->signed_s)
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "x= is not after t=");
}

static void read_length(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *tag = taglist_find(l, "l");

	sig->has_length = tag && read_number(tag, LENGTH_DIGITS, &sig->length) && sig->length <= INT64_MAX;
	if (tag && !sig->has_length)
		set_flaw(&sig->flaw, DKIM_NEUTRAL, "l= is no length");
}

static void read_hash(const struct taglist *l, struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text hash = TEXT_INIT(2 * SHA256_BYTES);
	const struct tag *bh = taglist_find(l, "bh");

	if (!bh || !base64_decode(&hash, bh->value, bh->value_len) || hash.len != SHA256_BYTES)
		set_flaw(&sig->flaw, DKIM_NEUTRAL, bh ? "bh= is no hash" : "no bh= tag");
}

static void read_signature(const struct taglist *l, struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(DKIM_SIGNATURE_MAX);
	const struct tag *b = taglist_find(l, "b");
	size_t len = 0;

	for (size_t i = 0; b && i < b->value_len && len < DKIM_B_MAX; i++)
		if (!ascii_is_space(b->value[i]))
			sig->b[len++] = b->value[i];
	if (!b || !base64_decode(&bytes, b->value, b->value_len) || bytes.len == 0)
		set_flaw(&sig->flaw, DKIM_NEUTRAL, b ? "b= is no signature" : "no b= tag");
}

void dkim_signature_parse(const char *value, size_t len, struct dkim_signature *ret)
{
	static void (*const readers[])(const struct taglist *, struct dkim_signature *) = {
		read_version,
		read_names,
		read_algorithm,
		read_fields,
		read_identity,
		read_canonicalization,
		read_query,
		read_times,
		read_length,
		read_hash,
		read_signature,
	};
	struct taglist l;

	*ret = (struct dkim_signature){ .signed_s = -1, .expires_s = -1, .algorithm = DKIM_OTHER_ALGORITHM };
	if (len > DKIM_SIGNATURE_MAX) {
		ret->oversized = true;
		set_flaw(&ret->flaw, DKIM_NEUTRAL, "the field is too long");
		return;
	}
	if (!taglist_parse(value, len, &l)) /* what could be read up to there is shown */
		set_flaw(&ret->flaw, DKIM_NEUTRAL, "the field breaks the grammar");
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		readers[i](&l, ret);
}

void dkim_signature_check_time(struct dkim_signature *sig, int64_t now_s)
{
	if (sig->expires_s >= 0 && now_s >= sig->expires_s)
		set_flaw(&sig->flaw, DKIM_POLICY, "expired");
	if (sig->signed_s - DKIM_CLOCK_DRIFT_S > now_s)
		set_flaw(&sig->flaw, DKIM_POLICY, "signed in the future");
}

/* ---- RSA keys in DER (X.690): as much of it as they need; OpenSSL takes 100 us to say as much ---- */

struct der {
	const unsigned char *at;
	size_t len;
};
enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/* Take the element at the front of d, which has to have this tag. */
static bool der_take(struct der *d, unsigned char tag, struct der *ret)
{
	size_t head = 2, len;

	if (d->len < head || d->at[0] != tag)
		return false;
	len = d->at[1];
	if (len >= 0x80) {
		size_t octets = len & 0x7f;

		if (octets == 0 || octets > 2 || d->len < head + octets)
			return false;
		len = 0;
		for (size_t i = 0; i < octets; i++)
			len = len << 8 | d->at[head + i];
		head += octets;
	}
	if (len > d->len - head)
		return false;
	*ret = (struct der){ d->at + head, len };
	d->at += head + len;
	d->len -= head + len;
	return true;
}

/* RSAPublicKey (RFC 8017 A.1.1): the bits of its modulus; 0: it is none. */
static unsigned rsa_bits(struct der der)
{
	struct der key, n, e;
	unsigned bits;

	if (!der_take(&der, DER_SEQUENCE, &key) || der.len || !der_take(&key, DER_INTEGER, &n) ||
		!der_take(&key, DER_INTEGER, &e) || key.len)
		return 0;
	while (n.len && n.at[0] == 0) {
		n.at++;
		n.len--;
	}
	if (!n.len || !e.len)
		return 0;
	bits = (unsigned)n.len * 8;
	for (unsigned char top = n.at[0]; !(top & 0x80); top = (unsigned char)(top << 1))
		bits--;
	return bits;
}

/* AlgorithmIdentifier rsaEncryption, NULL */
static const char rsa_encryption[15] = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/* SubjectPublicKeyInfo (RFC 5280 4.1): the bits of the RSA key in it; 0: it is none. */
static unsigned spki_bits(struct der der)
{
	struct der info, bit_string;

	if (!der_take(&der, DER_SEQUENCE, &info) || der.len || info.len < sizeof rsa_encryption ||
		memcmp(info.at, rsa_encryption, sizeof rsa_encryption) != 0)
		return 0;
	info.at += sizeof rsa_encryption;
	info.len -= sizeof rsa_encryption;
	if (!der_take(&info, DER_BIT_STRING, &bit_string) || info.len || bit_string.len < 1 || bit_string.at[0] != 0)
		return 0;
	return rsa_bits((struct der){ bit_string.at + 1, bit_string.len - 1 });
}

static void der_head(struct text *out, unsigned char tag, size_t len)
{
	unsigned char head[DER_HEAD_BYTES] = { tag, 0x82, (unsigned char)(len >> 8), (unsigned char)len };

	if (len < 0x80)
		text_add(out, (const unsigned char[]){ tag, (unsigned char)len }, 2);
	else if (len < 0x100)
		text_add(out, (const unsigned char[]){ tag, 0x81, (unsigned char)len }, 3);
	else
		text_add(out, head, sizeof head);
}

static size_t der_head_len(size_t len)
{
	return len < 0x80 ? 2 : len < 0x100 ? 3 : DER_HEAD_BYTES;
}

static void wrap_rsa(struct text *out, const struct text *pkcs1)
{
	size_t bit_string = 1 + pkcs1->len;

	der_head(out, DER_SEQUENCE, sizeof rsa_encryption + der_head_len(bit_string) + bit_string);
	text_add(out, rsa_encryption, sizeof rsa_encryption);
	der_head(out, DER_BIT_STRING, bit_string);
	text_addc(out, '\0');
	text_add(out, pkcs1->bytes, pkcs1->len);
}

/* ---- keys ---- */

static void write_clean(struct dkim_key *key, const char *type, const struct text *der)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(DKIM_CLEAN_MAX - 1);

	text_addf(&out, "v=DKIM1; k=%s; p=", type);
	base64_encode(&out, der->bytes, der->len);
	if (out.failed)
		set_flaw(&key->flaw, DKIM_PERMERROR, "the key is longer than can be verified here");
	else
		memcpy(key->clean, out.bytes, out.len + 1);
}

static void read_rsa(struct dkim_key *key, const struct text *p, unsigned min_bits)
{
	SLUICE_CLEANUP(text_done) struct text wrapped = TEXT_INIT(2 * DKIM_RECORD_MAX_BYTES);
	struct der der = { (const unsigned char *)text_str(p), p->len };
	unsigned bits = spki_bits(der);

	key->bits = bits ? bits : rsa_bits(der);
	if (key->bits && !bits)
		wrap_rsa(&wrapped, p);
	if (!key->bits)
		set_flaw(&key->flaw, DKIM_PERMERROR, "p= of the key is no RSA key");
	else if (key->bits < min_bits)
		set_flaw(&key->flaw, DKIM_POLICY, "the key is too short");
	else
		write_clean(key, "rsa", bits ? p : &wrapped);
}

static void read_ed25519(struct dkim_key *key, const struct text *p)
{
	key->bits = ED25519_BITS;
	if (p->len != ED25519_BYTES)
		set_flaw(&key->flaw, DKIM_PERMERROR, "p= of the key is no Ed25519 key");
	else
		write_clean(key, "ed25519", p);
}

/* RFC 6376 6.1.2. False: the record is no key at all, and has a flaw. */
static bool read_key(const struct sluice_dns_record *bytes, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_key *key)
{
	SLUICE_CLEANUP(text_done) struct text p = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	enum dkim_key_type type = sig->algorithm == DKIM_ED25519_SHA256 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;
	struct dkim_record record;

	*key = (struct dkim_key){ 0 };
	if (!dkim_record_parse(bytes->data, bytes->len, &record)) {
		set_flaw(&key->flaw, DKIM_PERMERROR, "the record is no DKIM key");
		return false;
	}
	key->testing = record.testing;
	if (record.key_len == 0)
		set_flaw(&key->flaw, DKIM_PERMERROR, "the key is revoked");
	else if (record.type != type)
		set_flaw(&key->flaw, DKIM_PERMERROR, "the key is of another type than a=");
	else if (!record.for_mail)
		set_flaw(&key->flaw, DKIM_PERMERROR, "the key is not for mail and sha256");
	else if (record.no_subdomains && sig->subdomain)
		set_flaw(&key->flaw, DKIM_PERMERROR, "the key is not for the subdomain in i=");
	else if (!base64_decode(&p, record.key, record.key_len))
		set_flaw(&key->flaw, DKIM_PERMERROR, "p= of the key is no base64");
	else if (type == DKIM_KEY_ED25519)
		read_ed25519(key, &p);
	else
		read_rsa(key, &p, min_bits);
	return true;
}

void dkim_key_choose(const struct sluice_dns_answer *answer, const struct dkim_signature *sig, unsigned min_bits,
	struct dkim_key *ret)
{
	bool found = false;

	*ret = (struct dkim_key){ .flaw = { DKIM_PERMERROR, "there is no key" } };
	switch (answer->status) {
	case SLUICE_DNS_FAILED:
		ret->flaw = (struct dkim_flaw){ DKIM_TEMPERROR, "the key cannot be looked up" };
		return;
	case SLUICE_DNS_TIMEOUT:
		ret->flaw = (struct dkim_flaw){ DKIM_TEMPERROR, "the look-up of the key takes too long" };
		return;
	case SLUICE_DNS_OK:
	case SLUICE_DNS_NODATA:
	case SLUICE_DNS_NXDOMAIN:
		break;
	}
	for (size_t i = 0; i < answer->count; i++) {
		struct dkim_key key;
		bool is_key = read_key(&answer->records[i], sig, min_bits, &key);

		if (i == 0 || !key.flaw.why || (is_key && !found))
			*ret = key;
		found |= is_key;
		if (!key.flaw.why)
			return;
	}
}

/* ---- the length of the body ---- */

static void end_line(uint64_t *count, uint64_t *line, uint64_t *blanks)
{
	if (*line == 0) {
		++*blanks;
		return;
	}
	*count += 2 * *blanks + *line + 2;
	*blanks = *line = 0;
}

static void add_octet(struct dkim_length *l, char c)
{
	l->simple_line++;
	if (c == ' ' || c == '\t') {
		l->blank = true;
		return;
	}
	l->relaxed_line += 1 + (uint64_t)l->blank;
	l->blank = false;
}

void dkim_length_add(struct dkim_length *l, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (l->cr && bytes[i] == '\n') {
			end_line(&l->simple, &l->simple_line, &l->simple_blanks);
			end_line(&l->relaxed, &l->relaxed_line, &l->relaxed_blanks);
			l->blank = l->cr = false;
			continue;
		}
		if (l->cr)
			add_octet(l, '\r');
		l->cr = bytes[i] == '\r';
		if (!l->cr)
			add_octet(l, bytes[i]);
	}
}

/* ---- results ---- */

enum dkim_result dkim_result_join(enum dkim_result a, enum dkim_result b)
{
	static const unsigned ranks[] = {
		[DKIM_NONE] = 0,
		[DKIM_NEUTRAL] = 1,
		[DKIM_PERMERROR] = 2,
		[DKIM_POLICY] = 3,
		[DKIM_FAIL] = 4,
		[DKIM_TEMPERROR] = 5,
		[DKIM_PASS] = 6,
	};

	return ranks[a] >= ranks[b] ? a : b;
}

size_t dkim_b_length(const char *const *b, size_t count)
{
	size_t longest = 8;

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			while (longest < DKIM_B_MAX && strcmp(b[i], b[k]) != 0 && strncmp(b[i], b[k], longest) == 0)
				longest++;
	return longest;
}

void dkim_describe(struct text *out, const struct dkim_signature *sig, unsigned bits, const struct dkim_flaw *result)
{
	if (sig->domain[0])
		text_addf(out, "d=%s ", sig->domain);
	if (sig->selector[0])
		text_addf(out, "s=%s ", sig->selector);
	if (sig->algorithm_text[0])
		text_addf(out, "a=%s ", sig->algorithm_text);
	if (bits)
		text_addf(out, "b=%u ", bits);
	text_adds(out, dkim_result_words[result->result]);
	if (result->why)
		text_addf(out, ": %s", result->why);
}
