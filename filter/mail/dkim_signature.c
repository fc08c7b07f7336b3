/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_signature.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/mail/domain.h"
#include "filter/mail/taglist.h"

#define TIME_DIGITS   12   /* RFC 6376 3.5: a longer time may be taken as for ever */
#define LENGTH_DIGITS 76   /* RFC 6376 3.5 */
#define INSTANCE_DIGITS 2
#define IDENTITY_MAX  1024

const char *const dkim_kind_names[] = { "DKIM-Signature", "ARC-Message-Signature", "ARC-Seal" };
const char *const arc_cv_words[] = { "none", "pass", "fail", NULL };
const char *const dkim_result_words[] = { "none", "pass", "fail", "policy", "neutral", "temperror", "permerror", NULL };

void dkim_set_flaw(struct dkim_flaw *flaw, enum dkim_result result, const char *why)
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

/* Without white space, and as the DNS has it: internationalized mail may have U-labels (RFC 8616 5). "": it is no name. */
static void read_name(const struct tag *tag, char ret[DKIM_NAME_MAX + 1])
{
	char given[4 * DKIM_NAME_MAX];

	ret[0] = '\0';
	if (!tag || !tag_squeeze(tag, given, sizeof given) || !domain_to_ascii(given, strlen(given), ret) || !name_valid(ret))
		ret[0] = '\0';
}

static void read_names(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *d = taglist_find(l, "d"), *s = taglist_find(l, "s");

	read_name(d, sig->domain);
	read_name(s, sig->selector);
	for (char *c = sig->domain; *c; c++)
		*c = ascii_lower(*c);
	if (!sig->domain[0])
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, d ? "d= is no domain" : "no d= tag");
	if (!sig->selector[0])
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, s ? "s= is no selector" : "no s= tag");
}

static void read_version(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *v = taglist_find(l, "v");

	if (!v || !ascii_equals(v->value, v->value_len, "1"))
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, v ? "another version than v=1" : "no v= tag");
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
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, a ? "a= is unknown" : "no a= tag");
	if (sig->algorithm == DKIM_RSA_SHA1)
		dkim_set_flaw(&sig->flaw, DKIM_POLICY, "rsa-sha1 proves nothing any more (RFC 8301)");
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
	sig->header_canon = i % 2 ? DKIM_RELAXED : DKIM_SIMPLE;
	sig->body_canon = i >= 4 && i < ARRAY_LEN(words) ? DKIM_RELAXED : DKIM_SIMPLE;
	if (i == ARRAY_LEN(words))
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "c= is unknown");
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
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "q= is not dns/txt");
}

/* The fields that are signed: From must be one of them (RFC 6376 5.4). */
static void read_signed_fields(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *h = taglist_find(l, "h");
	size_t pos = 0, count = 0, len;
	const char *word;

	if (!h) {
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "no h= tag");
		return;
	}
	while (tag_next_word(h, &pos, &word, &len)) {
		if (len == 0)
			dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "h= has an empty name");
		count++;
	}
	if (count > DKIM_FIELDS_MAX)
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "h= names too many fields");
	if (!lists(h, "From"))
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "From is not signed");
}

/* RFC 8617 4.1.2: a seal is no part of what the message's signature signs. */
static void read_arc_fields(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *h = taglist_find(l, "h");
	size_t pos = 0, count = 0, len;
	const char *word;

	while (h && tag_next_word(h, &pos, &word, &len))
		count++;
	if (!h)
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "no h= tag");
	else if (count > DKIM_FIELDS_MAX)
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "h= names too many fields");
	else if (lists(h, "ARC-Seal"))
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "h= names ARC-Seal");
}

static void read_no_fields(const struct taglist *l, struct dkim_signature *sig)
{
	if (taglist_find(l, "h"))
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "a seal has no h=");
}

/* i=: d= or a name below it (RFC 6376 3.5), as quoted-printable, in which a domain has nothing to hide. */
static void read_identity(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *i = taglist_find(l, "i");
	char value[IDENTITY_MAX];
	char ascii[DOMAIN_ASCII_SIZE];
	const char *domain;

	if (!i)
		return;
	domain = tag_squeeze(i, value, sizeof value) ? strrchr(value, '@') : NULL;
	if (!domain || !domain_to_ascii(domain + 1, strlen(domain + 1), ascii) || !name_valid(ascii)) {
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "i= is no identity");
		return;
	}
	if (strlen(value) < sizeof sig->identity)
		memcpy(sig->identity, value, strlen(value) + 1);
	if (!domain_within(ascii, strlen(ascii), sig->domain, strlen(sig->domain)))
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, "i= is not within d=");
	sig->subdomain = !domain_equal(ascii, strlen(ascii), sig->domain, strlen(sig->domain));
}

/* A number of digits alone; UINT64_MAX when it has more than max_digits, or is larger than that. */
static bool read_number(const struct tag *tag, size_t max_digits, uint64_t *ret)
{
	for (size_t i = 0; i < tag->value_len; i++)
		if (!ascii_is_digit(tag->value[i]))
			return false;
	if (tag->value_len > max_digits || !ascii_to_u64(tag->value, tag->value_len, UINT64_MAX, ret))
		*ret = UINT64_MAX;
	return tag->value_len > 0;
}

static void read_instance(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *i = taglist_find(l, "i");
	uint64_t value;

	if (i && read_number(i, INSTANCE_DIGITS, &value) && value >= 1 && value <= ARC_MAX_SETS)
		sig->instance = (unsigned)value;
	else
		dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, i ? "i= is no instance" : "no i= tag");
}

static void read_chain(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *cv = taglist_find(l, "cv");

	for (sig->cv = ARC_NONE; cv && arc_cv_words[sig->cv]; sig->cv++)
		if (cv->value_len == strlen(arc_cv_words[sig->cv]) && !memcmp(cv->value, arc_cv_words[sig->cv], cv->value_len))
			return;
	sig->cv = ARC_FAIL;
	dkim_set_flaw(&sig->flaw, DKIM_PERMERROR, cv ? "cv= is unknown" : "no cv= tag");
}

static void read_time(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *t = taglist_find(l, "t");
	uint64_t value;

	if (t && !read_number(t, TIME_DIGITS, &value))
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "t= is no time");
	else if (t)
		sig->signed_s = value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void read_expiry(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *x = taglist_find(l, "x");
	uint64_t value;

	if (x && !read_number(x, TIME_DIGITS, &value))
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "x= is no time");
	else if (x && value <= INT64_MAX)
		sig->expires_s = (int64_t)value;
	if (sig->expires_s >= 0 && sig->expires_s <= sig->signed_s)
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "x= is not after t=");
}

static void read_length(const struct taglist *l, struct dkim_signature *sig)
{
	const struct tag *tag = taglist_find(l, "l");

	sig->has_length = tag && tag->value_len <= LENGTH_DIGITS && read_number(tag, LENGTH_DIGITS, &sig->length);
	if (tag && !sig->has_length)
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, "l= is no length");
}

/* Without c= it is relaxed/relaxed: RFC 8617 says nothing of it, all who seal do so, and the test suite of ARC has it. */
static void read_arc_canonicalization(const struct taglist *l, struct dkim_signature *sig)
{
	sig->header_canon = sig->body_canon = DKIM_RELAXED;
	read_canonicalization(l, sig);
}

static void read_hash(const struct taglist *l, struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text hash = TEXT_INIT(2 * DKIM_HASH_BYTES);
	const struct tag *bh = taglist_find(l, "bh");

	if (!bh || !base64_decode(&hash, bh->value, bh->value_len) || hash.len != DKIM_HASH_BYTES)
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, bh ? "bh= is no hash" : "no bh= tag");
	else
		memcpy(sig->body_hash, hash.bytes, DKIM_HASH_BYTES);
}

static void read_signature(const struct taglist *l, struct dkim_signature *sig)
{
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(DKIM_RAW_MAX);
	const struct tag *b = taglist_find(l, "b");
	size_t len = 0;

	for (size_t i = 0; b && i < b->value_len && len < DKIM_B_MAX; i++)
		if (!ascii_is_space(b->value[i]))
			sig->b[len++] = b->value[i];
	if (!b || !base64_decode(&bytes, b->value, b->value_len) || bytes.len == 0)
		dkim_set_flaw(&sig->flaw, DKIM_NEUTRAL, b ? "b= is no signature" : "no b= tag");
	sig->raw_len = bytes.len;
	memcpy(sig->raw, text_str(&bytes), bytes.len);
}

typedef void reader(const struct taglist *l, struct dkim_signature *sig);
static reader *const readers[][13] = { /* by enum dkim_kind; the first flaw is the one that is told */
	{ read_version, read_names, read_algorithm, read_signed_fields, read_identity, read_canonicalization, read_query, read_time,
		read_expiry, read_length, read_hash, read_signature },
	{ read_instance, read_names, read_algorithm, read_arc_fields, read_arc_canonicalization, read_query, read_time, read_expiry,
		read_length, read_hash, read_signature },
	{ read_instance, read_names, read_algorithm, read_chain, read_no_fields, read_time, read_signature },
};

void dkim_signature_parse(enum dkim_kind kind, const char *value, size_t len, struct dkim_signature *ret)
{
	struct taglist l;

	*ret = (struct dkim_signature){ .signed_s = -1, .expires_s = -1, .algorithm = DKIM_OTHER_ALGORITHM };
	if (len > DKIM_SIGNATURE_MAX) {
		dkim_set_flaw(&ret->flaw, DKIM_NEUTRAL, "the field is too long");
		return;
	}
	if (!taglist_parse(value, len, &l)) /* what could be read up to there is shown */
		dkim_set_flaw(&ret->flaw, DKIM_NEUTRAL, "the field breaks the grammar");
	for (reader *const *read = readers[kind]; *read; read++)
		(*read)(&l, ret);
}

void dkim_signature_blank(struct text *out, const char *value, size_t len)
{
	const char *from, *to, *end = value + len;
	const struct tag *b;
	struct taglist l;

	(void)taglist_parse(value, len, &l);
	b = taglist_find(&l, "b");
	from = b ? b->value : end;
	to = b ? b->value + b->value_len : end;
	while (b && from > value && from[-1] != '=')
		from--;
	while (to < end && *to != ';')
		to++;
	text_add(out, value, (size_t)(from - value));
	text_add(out, to, (size_t)(end - to));
}

void dkim_signature_check_time(struct dkim_signature *sig, int64_t now_s)
{
	if (sig->expires_s >= 0 && now_s >= sig->expires_s)
		dkim_set_flaw(&sig->flaw, DKIM_POLICY, "expired");
	if (sig->signed_s - DKIM_CLOCK_DRIFT_S > now_s)
		dkim_set_flaw(&sig->flaw, DKIM_POLICY, "signed in the future");
}
