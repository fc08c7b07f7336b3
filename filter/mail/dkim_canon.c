/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_canon.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "filter/base/ascii.h"
#include "filter/base/octets.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void relaxed_header(struct text *out, const char *name, size_t name_len, const char *value, size_t value_len)
{
	bool blank = false, any = false;

	while (name_len > 0 && is_blank(name[name_len - 1]))
		name_len--;
	for (size_t i = 0; i < name_len; i++)
		text_addc(out, ascii_lower(name[i]));
	text_addc(out, ':');
	while (value_len > 0) {
		size_t n = 0;

		while (n < value_len && ((unsigned char)value[n] > ' ' || !ascii_is_space(value[n])))
			n++;
		if (n > 0 && blank && any)
			text_addc(out, ' ');
		text_add(out, value, n);
		any |= n > 0;
		blank = n == 0;
		n += n == 0;
		value += n;
		value_len -= n;
	}
}

void dkim_canon_header(struct text *out, enum dkim_canon canon, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (canon == DKIM_RELAXED) {
		relaxed_header(out, name, name_len, value, value_len);
		return;
	}
	text_add(out, name, name_len);
	text_addc(out, ':');
	text_add(out, value, value_len);
}

/* ---- the body ---- */

void dkim_canon_body(struct dkim_canon_body *b, enum dkim_canon canon, void (*out)(void *arg, const char *bytes, size_t len), void *arg)
{
	b->canon = canon;
	b->out = out;
	b->arg = arg;
	b->any = b->cr = b->blank = false;
	b->lines = b->used = 0;
}

static void put(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t room = sizeof b->buffer - b->used, n = len < room ? len : room;

		if (!b->used && len >= sizeof b->buffer) { /* it is as good as what would be gathered */
			b->out(b->arg, bytes, len);
			return;
		}
		memcpy(b->buffer + b->used, bytes, n);
		b->used += n;
		bytes += n;
		len -= n;
		if (b->used < sizeof b->buffer)
			return;
		b->out(b->arg, b->buffer, b->used);
		b->used = 0;
	}
}

static void put_lines(struct dkim_canon_body *b)
{
	for (; b->lines > 0; b->lines--)
		put(b, "\r\n", 2);
}

/* Octets that stay as they are: what waited before them counts. */
static void pass(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	put_lines(b);
	if (b->blank)
		put(b, " ", 1);
	b->blank = false;
	b->any = true;
	put(b, bytes, len);
}

/* How many octets at the start the relaxed form leaves alone: no controls, and blanks only where one SP stands before what is none. */
static size_t relaxed_len(const char *bytes, size_t len)
{
	size_t n = 0;

#ifdef __SSE2__
	for (; len - n > sizeof(__m128i); n += sizeof(__m128i)) {
		__m128i here = _mm_loadu_si128((const void *)(bytes + n)), behind = _mm_loadu_si128((const void *)(bytes + n + 1));
		__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(here, _mm_set1_epi8(' ' - 1)), here);
		__m128i last = _mm_and_si128(_mm_cmpeq_epi8(here, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(_mm_min_epu8(behind, _mm_set1_epi8(' ')), behind));
		unsigned other = (unsigned)_mm_movemask_epi8(_mm_or_si128(control, last));

		if (other)
			return n + (size_t)__builtin_ctz(other);
	}
#endif
	/* Eight at a time, each with the one behind it, so the eighth is looked at again. Prose has few other places. */
	for (uint64_t word, blanks; len - n >= sizeof word; n += sizeof word - 1) {
		word = octets_load(bytes + n);
		blanks = octets_below(word, ' ' + 1);
		if (octets_below(word, ' ') || (blanks & blanks >> 8))
			break;
	}
	while (n < len && ((unsigned char)bytes[n] > ' ' || (bytes[n] == ' ' && n + 1 < len && (unsigned char)bytes[n + 1] > ' ')))
		n++;
	return n;
}

static size_t simple_len(const char *bytes, size_t len)
{
	const char *cr = memchr(bytes, '\r', len);

	return cr ? (size_t)(cr - bytes) : len;
}

/* How many octets at the start stay as they are, line ends within them. */
static size_t plain_len(const struct dkim_canon_body *b, const char *bytes, size_t len)
{
	size_t n = 0;

	for (;;) {
		n += (b->canon == DKIM_SIMPLE ? simple_len : relaxed_len)(bytes + n, len - n);
		if (len - n < 3 || bytes[n] != '\r' || bytes[n + 1] != '\n' || (unsigned char)bytes[n + 2] <= ' ')
			return n;
		n += 2; /* the next line is no empty one */
	}
}

void dkim_canon_body_add(struct dkim_canon_body *b, const char *bytes, size_t len)
{
	while (len > 0) {
		size_t n;

		if (b->cr) {
			b->cr = false;
			if (*bytes == '\n') {
				b->blank = false; /* white space at the end of a line is none */
				b->lines++;
				bytes++;
				len--;
				continue;
			}
			pass(b, "\r", 1);
		}
		n = b->blank && (unsigned char)*bytes <= ' ' ? 0 : plain_len(b, bytes, len);
		if (n > 0) {
			pass(b, bytes, n);
		} else {
			n = 1;
			if (*bytes == '\r')
				b->cr = true;
			else if (is_blank(*bytes))
				b->blank = true;
			else /* a control */
				pass(b, bytes, n);
		}
		bytes += n;
		len -= n;
	}
}

void dkim_canon_body_end(struct dkim_canon_body *b)
{
	if (b->cr)
		pass(b, "\r", 1);
	b->cr = b->blank = false;
	b->lines = b->any || b->canon == DKIM_SIMPLE ? 1 : 0; /* empty lines at the end are none */
	put_lines(b);
	if (b->used)
		b->out(b->arg, b->buffer, b->used);
	b->used = 0;
}
