/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/opendkim/opendkim_verify.h"

#include <opendkim/dkim.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/mail/taglist.h"

/*
 * libopendkim compares t= and x= with the real clock, in sums that wrap. With this much drift allowed it says nothing of any
 * t= from 2001 on, and OPENDKIM_GUARD_TIME does.
 */
#define DRIFT_S 1000000000

/*
 * libopendkim writes behind an array when h= names all fields of the message and one more. No h= can name this field, for
 * no name in it has a blank, so that never all of them are named.
 */
#define UNSIGNABLE_FIELD "Sluice looks on:"

/* libopendkim reads no more than 4095 octets of h=, and compares each name with each field. */
#define H_MAX_BYTES 4000
#define H_MAX_NAMES 250

struct opendkim_library {
	DKIM_LIB *handle;
	unsigned guards;
};

struct body_length { /* of the body in one canonical form */
	struct dkim_canon_body canon;
	uint64_t octets;
};

struct opendkim_message {
	const struct opendkim_library *lib;
	DKIM *handle;
	size_t max_signatures, count, skipped;
	struct dkim_verified signatures[DKIM_MAX_SIGNATURES];
	bool shown[DKIM_MAX_SIGNATURES];          /* to libopendkim */
	DKIM_SIGINFO *infos[DKIM_MAX_SIGNATURES]; /* its own of them; NULL: not known */
	const struct opendkim_key *keys;          /* of opendkim_message_finish(), for its call */
	struct text field;
	struct body_length lengths[2]; /* by enum dkim_canon */
	size_t line_bytes;
	char last[2]; /* octets of the body */
	bool has_body, failed, line_too_long, finished;
};

static bool guards(const struct opendkim_library *lib, enum opendkim_guard guard)
{
	return lib->guards & guard;
}

static unsigned char *octets(const char *s) /* libopendkim's prototypes lack const; it copies */
{
	return (unsigned char *)(uintptr_t)s;
}

/* ---- the library ---- */

static DKIM_CBSTAT find_key(DKIM *handle, DKIM_SIGINFO *info, unsigned char *buf, size_t size)
{
	const struct opendkim_message *m = dkim_get_user_context(handle);

	for (size_t i = 0; m->keys && i < m->count; i++) {
		size_t len = strlen(m->keys[i].record);

		if (m->infos[i] != info || len == 0 || len >= size)
			continue;
		memcpy(buf, m->keys[i].record, len + 1);
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND; /* and not DEFAULT: it must never ask the DNS itself */
}

static bool set_option(DKIM_LIB *handle, dkim_opts_t option, void *value, size_t size)
{
	return dkim_options(handle, DKIM_OP_SETOPT, option, value, size) == DKIM_STAT_OK;
}

struct opendkim_library *opendkim_library_new(unsigned guarded)
{
	/* a broken signature is that one's own matter, and none is verified before its key is here */
	unsigned int flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC, min_bits = 0;
	struct opendkim_library *lib = calloc(1, sizeof *lib);
	uint64_t drift = DRIFT_S;
	bool good;

	if (!lib)
		return NULL;
	lib->guards = guarded;
	lib->handle = dkim_init(NULL, NULL);
	good = lib->handle && set_option(lib->handle, DKIM_OPTS_FLAGS, &flags, sizeof flags) &&
	       dkim_set_key_lookup(lib->handle, find_key) == DKIM_STAT_OK;
	if (good && guards(lib, OPENDKIM_GUARD_TIME))
		good = set_option(lib->handle, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof drift);
	if (good && guards(lib, OPENDKIM_GUARD_KEY))
		good = set_option(lib->handle, DKIM_OPTS_MINKEYBITS, &min_bits, sizeof min_bits);
	if (good)
		return lib;
	opendkim_library_free(lib);
	return NULL;
}

void opendkim_library_free(struct opendkim_library *lib)
{
	if (!lib)
		return;
	if (lib->handle)
		dkim_close(lib->handle);
	free(lib);
}

/* ---- keys ---- */

static void take_record(struct opendkim_key *key, const char *record, size_t len)
{
	if (len < sizeof key->record)
		memcpy(key->record, record, len); /* the rest is NUL */
	else
		dkim_set_flaw(&key->flaw, DKIM_PERMERROR, "the key is longer than libopendkim takes");
}

void opendkim_key_choose(const struct opendkim_library *lib, const struct sluice_dns_answer *answer,
	const struct dkim_signature *sig, unsigned min_bits, struct dkim_keys *kept, struct opendkim_key *ret)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	struct dkim_key key;

	dkim_key_choose(answer, sig, min_bits, kept, &key);
	*ret = (struct opendkim_key){ .flaw = key.flaw, .testing = key.testing, .bits = key.bits };
	if (!guards(lib, OPENDKIM_GUARD_KEY) && answer->count) {
		*ret = (struct opendkim_key){ .bits = 0 };
		take_record(ret, answer->records[0].data, answer->records[0].len);
	} else if (key.key && dkim_record_write(&record, key.key)) {
		take_record(ret, record.bytes, record.len);
	} else if (key.key) {
		dkim_set_flaw(&ret->flaw, DKIM_PERMERROR, "the key is longer than libopendkim takes");
	}
	dkim_keys_release(kept, key.key);
}

/* ---- the header ---- */

struct opendkim_message *opendkim_message_new(const struct opendkim_library *lib, size_t max_signatures)
{
	struct opendkim_message *m = shortage_zalloc(sizeof *m);
	DKIM_STAT status;

	if (!m)
		return NULL;
	m->lib = lib;
	m->max_signatures = max_signatures;
	m->field = TEXT_INIT(DKIM_HEADER_MAX_BYTES);
	m->handle = dkim_verify(lib->handle, octets("sluice"), NULL, &status);
	if (!m->handle || dkim_set_user_context(m->handle, m) != DKIM_STAT_OK ||
		dkim_header(m->handle, octets(UNSIGNABLE_FIELD), strlen(UNSIGNABLE_FIELD)) != DKIM_STAT_OK) {
		opendkim_message_free(m);
		return NULL;
	}
	return m;
}

static void close_handle(struct opendkim_message *m)
{
	if (m->handle)
		(void)dkim_free(m->handle);
	m->handle = NULL;
	memset(m->infos, 0, sizeof m->infos);
	text_done(&m->field);
}

void opendkim_message_free(struct opendkim_message *m)
{
	if (!m)
		return;
	close_handle(m);
	free(m);
}

/* Would libopendkim take it for a signature? It sees through blanks behind the name, and through no tab. */
static bool is_signature(const char *name, size_t len)
{
	while (len > 0 && name[len - 1] == ' ')
		len--;
	return ascii_equals(name, len, "DKIM-Signature");
}

/* More than libopendkim can take. */
static bool is_oversized(const struct taglist *l)
{
	const struct tag *h = taglist_find(l, "h");
	const char *word;
	size_t pos = 0, count = 0, len;

	while (h && tag_next_word(h, &pos, &word, &len))
		count++;
	return h && (h->value_len > H_MAX_BYTES || count > H_MAX_NAMES);
}

static bool is_number(const struct taglist *l, const char *name)
{
	const struct tag *tag = taglist_find(l, name);
	size_t n = 0;

	while (tag && n < tag->value_len && ascii_is_digit(tag->value[n]))
		n++;
	return !tag || (n > 0 && n == tag->value_len);
}

static bool asks_dns(const struct taglist *l)
{
	const struct tag *q = taglist_find(l, "q");
	const char *word;
	size_t pos = 0, len;
	bool dns = !q;

	while (!dns && tag_next_word(q, &pos, &word, &len))
		dns = ascii_equals(word, len, "dns/txt");
	return dns;
}

/* What is settled of a signature before libopendkim is asked. False: it must not see it. */
static bool judge(const struct opendkim_library *lib, struct dkim_signature *sig, const char *value, size_t len)
{
	struct dkim_flaw *flaw = &sig->flaw;
	struct taglist l = { .count = 0 };
	bool good_list, shown;

	*flaw = (struct dkim_flaw){ DKIM_NONE, NULL };
	good_list = len <= DKIM_SIGNATURE_MAX && taglist_parse(value, len, &l);
	shown = len <= DKIM_SIGNATURE_MAX && !is_oversized(&l);
	if (len > DKIM_SIGNATURE_MAX)
		dkim_set_flaw(flaw, DKIM_NEUTRAL, "the field is too long");
	else if (!shown)
		dkim_set_flaw(flaw, DKIM_PERMERROR, "h= names too many fields");
	if (!good_list && guards(lib, OPENDKIM_GUARD_GRAMMAR))
		dkim_set_flaw(flaw, DKIM_NEUTRAL, "the field breaks the grammar");
	if (!sig->domain[0] || !sig->selector[0]) /* there is no name to ask for */
		dkim_set_flaw(flaw, DKIM_NEUTRAL, sig->domain[0] ? "s= is no selector" : "d= is no domain");
	if (sig->algorithm == DKIM_RSA_SHA1 && guards(lib, OPENDKIM_GUARD_ALGORITHM))
		dkim_set_flaw(flaw, DKIM_POLICY, "rsa-sha1 proves nothing any more (RFC 8301)");
	if (!asks_dns(&l) && guards(lib, OPENDKIM_GUARD_QUERY))
		dkim_set_flaw(flaw, DKIM_NEUTRAL, "q= is not dns/txt");
	if (!(is_number(&l, "t") && is_number(&l, "x")) && guards(lib, OPENDKIM_GUARD_TIME))
		dkim_set_flaw(flaw, DKIM_NEUTRAL, is_number(&l, "t") ? "x= is no time" : "t= is no time");
	if (!is_number(&l, "l") && guards(lib, OPENDKIM_GUARD_LENGTH))
		dkim_set_flaw(flaw, DKIM_NEUTRAL, "l= is no length");
	return shown;
}

/* Note a signature. False: libopendkim must not see it. */
static bool add_signature(struct opendkim_message *m, const char *value, size_t len)
{
	struct dkim_signature *sig = &m->signatures[m->count].sig;

	if (m->count == m->max_signatures) {
		m->skipped++;
		return false;
	}
	dkim_signature_parse(DKIM_SIGNATURE, value, len, sig);
	m->shown[m->count] = judge(m->lib, sig, value, len);
	return m->shown[m->count++];
}

void opendkim_message_header(
	struct opendkim_message *m, const char *name, size_t name_len, const char *value, size_t len)
{
	DKIM_STAT status;

	if (!m->handle || name_len == 0 || (is_signature(name, name_len) && !add_signature(m, value, len)))
		return;
	text_clear(&m->field);
	text_add(&m->field, name, name_len);
	text_addc(&m->field, ':');
	text_add(&m->field, value, len);
	if (m->field.failed) {
		m->failed = true;
		return;
	}
	/* SYNTAX: of a signature, which it remembers, or of a name that no field can have and nobody can have signed */
	status = dkim_header(m->handle, octets(m->field.bytes), m->field.len);
	m->failed |= status == DKIM_STAT_NORESOURCE || status == DKIM_STAT_INTERNAL;
}

/* Which of ours are which of libopendkim's: it has those that it was shown, in their order. False: it has not. */
static bool match_signatures(struct opendkim_message *m)
{
	DKIM_SIGINFO **infos;
	int count = 0;
	size_t at = 0;

	if (dkim_getsiglist(m->handle, &infos, &count) != DKIM_STAT_OK)
		count = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (!m->shown[i])
			continue;
		if (at == (size_t)count)
			return false;
		m->infos[i] = infos[at++];
	}
	return at == (size_t)count;
}

static void count_octets(void *arg, const char *bytes, size_t len)
{
	struct body_length *length = arg;

	(void)bytes;
	length->octets += len;
}

void opendkim_message_header_end(struct opendkim_message *m, int64_t now_s)
{
	DKIM_STAT status;
	bool left = false;

	for (size_t i = 0; i < m->count; i++) {
		if (guards(m->lib, OPENDKIM_GUARD_TIME))
			dkim_signature_check_time(&m->signatures[i].sig, now_s);
		left |= !m->signatures[i].sig.flaw.why;
	}
	if (!m->handle || m->failed || !left) { /* nothing is left to be verified */
		close_handle(m);
		return;
	}
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		dkim_canon_body(&m->lengths[canon].canon, canon, count_octets, &m->lengths[canon]);
	status = dkim_eoh(m->handle);
	m->failed = (status != DKIM_STAT_OK && status != DKIM_STAT_NOSIG) || !match_signatures(m);
	for (size_t i = 0; !m->failed && i < m->count; i++)
		if (m->infos[i] && m->signatures[i].sig.flaw.why)
			dkim_sig_ignore(m->infos[i]);
}

/* ---- the body ---- */

static void note_end(struct opendkim_message *m, const char *bytes, size_t len)
{
	const char *newline = memrchr(bytes, '\n', len);

	m->line_bytes = newline ? (size_t)(bytes + len - newline - 1) : m->line_bytes + len;
	m->line_too_long |= m->line_bytes > OPENDKIM_LINE_MAX_BYTES;
	m->last[0] = len > 1 ? bytes[len - 2] : m->last[1];
	m->last[1] = bytes[len - 1];
	m->has_body = true;
}

static void give_body(struct opendkim_message *m, const char *bytes, size_t len)
{
	m->failed |= dkim_body(m->handle, octets(bytes), len) != DKIM_STAT_OK;
}

void opendkim_message_body(struct opendkim_message *m, const char *bytes, size_t len)
{
	if (!m->handle || m->failed || m->line_too_long || len == 0)
		return;
	note_end(m, bytes, len);
	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		dkim_canon_body_add(&m->lengths[canon].canon, bytes, len);
	give_body(m, bytes, len);
}

struct dkim_verified *opendkim_message_signatures(struct opendkim_message *m, size_t *ret_count)
{
	*ret_count = m->count;
	return m->signatures;
}

size_t opendkim_message_skipped(const struct opendkim_message *m)
{
	return m->skipped;
}

/* ---- the end ---- */

/* What libopendkim's errors are in RFC 8601; what is not here is wrong with the signature itself. */
static enum dkim_result result_word(int error)
{
	switch (error) {
	case DKIM_SIGERROR_BADSIG:
	case DKIM_SIGERROR_TOOLARGE_L:
		return DKIM_FAIL;
	case DKIM_SIGERROR_EXPIRED:
	case DKIM_SIGERROR_FUTURE:
	case DKIM_SIGERROR_KEYTOOSMALL:
		return DKIM_POLICY;
	case DKIM_SIGERROR_KEYFAIL:
		return DKIM_TEMPERROR;
	case DKIM_SIGERROR_UNKNOWN:
	case DKIM_SIGERROR_DOMAIN:
	case DKIM_SIGERROR_INVALID_H: /* From is not signed */
	case DKIM_SIGERROR_NOKEY:
	case DKIM_SIGERROR_DNSSYNTAX:
	case DKIM_SIGERROR_SUBDOMAIN:
	case DKIM_SIGERROR_MULTIREPLY:
	case DKIM_SIGERROR_KEYVERSION:
	case DKIM_SIGERROR_KEYUNKNOWNHASH:
	case DKIM_SIGERROR_KEYHASHMISMATCH:
	case DKIM_SIGERROR_NOTEMAILKEY:
	case DKIM_SIGERROR_KEYTYPEMISSING:
	case DKIM_SIGERROR_KEYTYPEUNKNOWN:
	case DKIM_SIGERROR_KEYREVOKED:
	case DKIM_SIGERROR_KEYDECODE:
		return DKIM_PERMERROR;
	default:
		return DKIM_NEUTRAL;
	}
}

static const char *reason(DKIM_SIGINFO *info, int error)
{
	const char *why;

	if (error == DKIM_SIGERROR_BADSIG && (dkim_sig_getflags(info) & DKIM_SIGFLAG_PASSED) &&
		dkim_sig_getbh(info) == DKIM_SIGBH_MISMATCH)
		return "the body is another than was signed";
	why = error == DKIM_SIGERROR_UNKNOWN ? NULL : dkim_sig_geterrorstr(error);
	return why ? why : "libopendkim could not verify it";
}

static struct dkim_flaw result_of(const struct opendkim_message *m, size_t at)
{
	DKIM_SIGINFO *info = m->infos[at];
	int error = dkim_sig_geterror(info);
	struct dkim_flaw result = { DKIM_PASS, NULL };
	bool testing = m->keys[at].testing || (dkim_sig_getflags(info) & DKIM_SIGFLAG_TESTKEY);

	if (!DKIM_SIG_CHECK(info) || (error != DKIM_SIGERROR_OK && error != DKIM_SIGERROR_UNKNOWN))
		result = (struct dkim_flaw){ result_word(error), reason(info, error) };
	if (result.result == DKIM_FAIL && testing)
		result.result = DKIM_NEUTRAL;
	return result;
}

/* What is known without arithmetic. False: nothing is left to be verified. */
static bool settle(struct opendkim_message *m, const struct opendkim_key *keys)
{
	bool left = false;

	for (size_t i = 0; i < m->count; i++) {
		struct dkim_verified *v = &m->signatures[i];

		v->result = v->sig.flaw;
		if (v->sig.flaw.why)
			continue;
		v->bits = keys[i].bits;
		v->result = keys[i].flaw;
		if (!v->result.why && m->line_too_long)
			v->result = (struct dkim_flaw){ DKIM_PERMERROR, "the body has a line of over 1 MB" };
		if (v->result.why && m->infos[i])
			dkim_sig_ignore(m->infos[i]);
		left |= !v->result.why;
	}
	return left;
}

static void end_body(struct opendkim_message *m)
{
	bool open = m->has_body && (m->last[0] != '\r' || m->last[1] != '\n');

	for (enum dkim_canon canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++)
		dkim_canon_body_end(&m->lengths[canon].canon);
	if (open && guards(m->lib, OPENDKIM_GUARD_LAST_LINE))
		give_body(m, "\r\n", 2);
}

static void verify(struct opendkim_message *m, const struct opendkim_key *keys)
{
	end_body(m);
	if (m->failed)
		return;
	m->keys = keys;
	(void)dkim_eom(m->handle, NULL); /* speaks of the first signature; each has a result of its own */
	for (size_t i = 0; i < m->count; i++) {
		struct dkim_verified *v = &m->signatures[i];
		uint64_t whole = m->lengths[v->sig.body_canon].octets;

		if (v->result.why)
			continue;
		v->result = result_of(m, i);
		if (!v->bits)
			(void)dkim_sig_getkeysize(m->infos[i], &v->bits);
		v->covered = v->sig.has_length ? v->sig.length : whole;
		v->partial = v->result.result == DKIM_PASS && v->covered < whole;
	}
	m->keys = NULL;
}

bool opendkim_message_finish(struct opendkim_message *m, const struct opendkim_key *keys)
{
	if (!m->finished && !m->failed && settle(m, keys))
		verify(m, keys);
	m->finished = true;
	close_handle(m);
	return !m->failed;
}
