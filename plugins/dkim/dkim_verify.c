/* SPDX-License-Identifier: BSD-2-Clause */
#include "plugins/dkim/dkim_verify.h"

#include <opendkim/dkim.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"

/*
 * libopendkim compares t= and x= with the real clock, in sums that wrap. With this much drift allowed it says nothing of
 * any time from DKIM_OLDEST_S on, and dkim_signature_check_time() does.
 */
#define LIBRARY_DRIFT_S ((uint64_t)DKIM_OLDEST_S)

/*
 * libopendkim writes behind an array when h= names all fields of the message and one more. No h= can name this field, for
 * no name in it has a blank, so that never all of them are named.
 */
#define UNSIGNABLE_FIELD "Sluice looks on:"

struct dkim_library {
	DKIM_LIB *handle;
};

struct dkim_message {
	DKIM *handle;
	size_t max_signatures, count, skipped;
	struct dkim_verified signatures[DKIM_MAX_SIGNATURES];
	DKIM_SIGINFO *infos[DKIM_MAX_SIGNATURES]; /* NULL: libopendkim does not know it */
	const struct dkim_key *keys;              /* of dkim_message_finish(), for its call */
	struct text field;
	struct dkim_length length;
	size_t line_bytes;
	char last[2]; /* octets of the body */
	bool has_body, counts_length, failed, line_too_long, finished;
};

static unsigned char *octets(const char *s) /* libopendkim's prototypes lack const; it copies */
{
	return (unsigned char *)(uintptr_t)s;
}

/* ---- the library ---- */

static DKIM_CBSTAT find_key(DKIM *handle, DKIM_SIGINFO *info, unsigned char *buf, size_t size)
{
	const struct dkim_message *m = dkim_get_user_context(handle);

	for (size_t i = 0; m->keys && i < m->count; i++) {
		size_t len = strlen(m->keys[i].clean);

		if (m->infos[i] != info || len == 0 || len >= size)
			continue;
		memcpy(buf, m->keys[i].clean, len + 1);
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND; /* and not DEFAULT: it must never ask the DNS itself */
}

static bool set_option(DKIM_LIB *handle, dkim_opts_t option, void *value, size_t size)
{
	return dkim_options(handle, DKIM_OP_SETOPT, option, value, size) == DKIM_STAT_OK;
}

struct dkim_library *dkim_library_new(const struct dkim_memory *memory)
{
	unsigned int flags = DKIM_LIBFLAGS_BADSIGHANDLES | DKIM_LIBFLAGS_DELAYSIGPROC, min_bits = 0;
	struct dkim_library *lib = calloc(1, sizeof *lib);
	uint64_t drift = LIBRARY_DRIFT_S;

	if (!lib)
		return NULL;
	lib->handle = memory ? dkim_init(memory->take, memory->give) : dkim_init(NULL, NULL);
	if (!lib->handle || !set_option(lib->handle, DKIM_OPTS_FLAGS, &flags, sizeof flags) ||
		!set_option(lib->handle, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof drift) ||
		!set_option(lib->handle, DKIM_OPTS_MINKEYBITS, &min_bits, sizeof min_bits) ||
		dkim_set_key_lookup(lib->handle, find_key) != DKIM_STAT_OK) {
		dkim_library_free(lib);
		return NULL;
	}
	return lib;
}

void dkim_library_free(struct dkim_library *lib)
{
	if (!lib)
		return;
	if (lib->handle)
		dkim_close(lib->handle);
	free(lib);
}

/* ---- a message ---- */

struct dkim_message *dkim_message_new(const struct dkim_library *lib, size_t max_signatures)
{
	struct dkim_message *m = calloc(1, sizeof *m);
	DKIM_STAT status;

	if (!m)
		return NULL;
	m->max_signatures = max_signatures;
	m->field = TEXT_INIT(SIZE_MAX / 2);
	m->handle = dkim_verify(lib->handle, octets("sluice"), NULL, &status);
	if (!m->handle || dkim_set_user_context(m->handle, m) != DKIM_STAT_OK ||
		dkim_header(m->handle, octets(UNSIGNABLE_FIELD), strlen(UNSIGNABLE_FIELD)) != DKIM_STAT_OK) {
		dkim_message_free(m);
		return NULL;
	}
	return m;
}

static void close_handle(struct dkim_message *m)
{
	if (m->handle)
		(void)dkim_free(m->handle);
	m->handle = NULL;
	memset(m->infos, 0, sizeof m->infos);
	text_done(&m->field);
}

void dkim_message_free(struct dkim_message *m)
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

/* Note a signature. False: it is not to be shown to libopendkim. */
static bool add_signature(struct dkim_message *m, const char *value, size_t len)
{
	struct dkim_verified *v = &m->signatures[m->count];

	if (m->count == m->max_signatures) {
		m->skipped++;
		return false;
	}
	m->count++;
	dkim_signature_parse(value, len, &v->sig);
	return !v->sig.oversized;
}

void dkim_message_header(struct dkim_message *m, const char *name, size_t name_len, const char *value, size_t len)
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
	/* SYNTAX: of a signature, which dkim_eval judges, or of a name that no field can have and nobody can have signed */
	status = dkim_header(m->handle, octets(m->field.bytes), m->field.len);
	m->failed |= status == DKIM_STAT_NORESOURCE || status == DKIM_STAT_INTERNAL;
}

/* Which of ours are which of libopendkim's: it has those that it was shown, in their order. False: it has not. */
static bool match_signatures(struct dkim_message *m)
{
	DKIM_SIGINFO **infos;
	int count = 0;
	size_t at = 0;

	if (dkim_getsiglist(m->handle, &infos, &count) != DKIM_STAT_OK)
		count = 0;
	for (size_t i = 0; i < m->count; i++) {
		if (m->signatures[i].sig.oversized)
			continue;
		if (at == (size_t)count)
			return false;
		m->infos[i] = infos[at++];
	}
	return at == (size_t)count;
}

void dkim_message_header_end(struct dkim_message *m, int64_t now_s)
{
	DKIM_STAT status;
	bool shown = false;

	for (size_t i = 0; i < m->count; i++) {
		struct dkim_signature *sig = &m->signatures[i].sig;

		dkim_signature_check_time(sig, now_s);
		shown |= !sig->flaw.why;
		m->counts_length |= !sig->flaw.why && sig->has_length;
	}
	if (!m->handle || m->failed || !shown) { /* nothing is left to be verified */
		close_handle(m);
		return;
	}
	status = dkim_eoh(m->handle);
	m->failed = (status != DKIM_STAT_OK && status != DKIM_STAT_NOSIG) || !match_signatures(m);
	for (size_t i = 0; !m->failed && i < m->count; i++)
		if (m->infos[i] && m->signatures[i].sig.flaw.why)
			dkim_sig_ignore(m->infos[i]);
}

static void note_end(struct dkim_message *m, const char *bytes, size_t len)
{
	const char *newline = memrchr(bytes, '\n', len);

	m->line_bytes = newline ? (size_t)(bytes + len - newline - 1) : m->line_bytes + len;
	m->line_too_long |= m->line_bytes > DKIM_LINE_MAX_BYTES;
	if (len > 1)
		m->last[0] = bytes[len - 2];
	else
		m->last[0] = m->last[1];
	m->last[1] = bytes[len - 1];
	m->has_body = true;
}

void dkim_message_body(struct dkim_message *m, const char *bytes, size_t len)
{
	if (!m->handle || m->failed || m->line_too_long || len == 0)
		return;
	note_end(m, bytes, len);
	if (m->counts_length)
		dkim_length_add(&m->length, bytes, len);
	m->failed |= dkim_body(m->handle, octets(bytes), len) != DKIM_STAT_OK;
}

struct dkim_verified *dkim_message_signatures(struct dkim_message *m, size_t *ret_count)
{
	*ret_count = m->count;
	return m->signatures;
}

size_t dkim_message_skipped(const struct dkim_message *m)
{
	return m->skipped;
}

/* ---- the end ---- */

static struct dkim_flaw failure(DKIM_SIGINFO *info, bool testing)
{
	const char *why = "the signature does not fit the header";

	if (dkim_sig_geterror(info) == DKIM_SIGERROR_TOOLARGE_L)
		why = "l= is longer than the body";
	else if ((dkim_sig_getflags(info) & DKIM_SIGFLAG_PASSED) && dkim_sig_getbh(info) == DKIM_SIGBH_MISMATCH)
		why = "the body is another than was signed";
	return (struct dkim_flaw){ testing ? DKIM_NEUTRAL : DKIM_FAIL, why };
}

static struct dkim_flaw result_of(DKIM_SIGINFO *info, bool testing)
{
	int error = dkim_sig_geterror(info);

	if (DKIM_SIG_CHECK(info) && (error == DKIM_SIGERROR_OK || error == DKIM_SIGERROR_UNKNOWN))
		return (struct dkim_flaw){ DKIM_PASS, NULL };
	if (error == DKIM_SIGERROR_BADSIG || error == DKIM_SIGERROR_TOOLARGE_L)
		return failure(info, testing);
	if (error == DKIM_SIGERROR_UNKNOWN)
		return (struct dkim_flaw){ DKIM_PERMERROR, "libopendkim could not verify it" };
	return (struct dkim_flaw){ DKIM_PERMERROR, dkim_sig_geterrorstr(error) };
}

static bool leaves_octets(const struct dkim_message *m, const struct dkim_signature *sig)
{
	return sig->has_length && sig->length < (sig->relaxed_body ? m->length.relaxed : m->length.simple);
}

/* What is known without arithmetic. False: nothing is left to be verified. */
static bool settle(struct dkim_message *m, const struct dkim_key *keys)
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

static void verify(struct dkim_message *m, const struct dkim_key *keys)
{
	if (m->has_body &&
		(m->last[0] != '\r' || m->last[1] != '\n')) /* an error to libopendkim, not to RFC 6376 3.4 */
		dkim_message_body(m, "\r\n", 2);
	if (!m->handle || m->failed)
		return;
	m->keys = keys;
	(void)dkim_eom(m->handle, NULL); /* speaks of the first signature; each has a result of its own */
	m->keys = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct dkim_verified *v = &m->signatures[i];

		if (v->result.why)
			continue;
		v->result = result_of(m->infos[i], keys[i].testing);
		v->partial = v->result.result == DKIM_PASS && leaves_octets(m, &v->sig);
	}
}

bool dkim_message_finish(struct dkim_message *m, const struct dkim_key *keys)
{
	if (!m->finished && settle(m, keys))
		verify(m, keys);
	m->finished = true;
	close_handle(m);
	return !m->failed;
}
