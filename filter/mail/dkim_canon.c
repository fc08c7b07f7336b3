/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_canon.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
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

#ifdef __x86_64__

#define BLOCK_BYTES 64
#define AHEAD_BYTES 2 /* behind a block, which are looked at with it */

struct block { /* a bit for each octet that is one of these; the first octet's is the lowest */
	uint64_t low; /* a blank or a control */
	uint64_t space, cr, lf;
};

/*
 * How many octets of a block stay: to where one is that does not, or BLOCK_BYTES. *within: the block before has ended in a CR that stays, so the LF
 * here does, too; changed to what that is of this one. It does not look for one line after the other: where lines end no processor can foretell.
 */
static inline size_t staying(const struct block *b, const char *ahead, uint64_t *within)
{
	uint64_t low_behind = (unsigned char)ahead[0] <= ' ', low_then = (unsigned char)ahead[1] <= ' ', lf_behind = ahead[0] == '\n';
	uint64_t next_low = b->low >> 1 | low_behind << 63, then_low = b->low >> 2 | low_behind << 62 | low_then << 63;
	uint64_t end = b->cr & (b->lf >> 1 | lf_behind << 63) & ~then_low; /* of a line, if no empty one and no blank follows */
	uint64_t stays = ~b->low | (b->space & ~next_low) | end | end << 1 | *within;

	*within = ~stays ? 0 : end >> 63;
	return ~stays ? (size_t)__builtin_ctzll(~stays) : BLOCK_BYTES;
}

__attribute__((target("avx2"))) static size_t staying_avx2(const char *bytes, size_t len)
{
	const __m256i space = _mm256_set1_epi8(' '), cr = _mm256_set1_epi8('\r'), lf = _mm256_set1_epi8('\n');
	uint64_t within = 0;
	size_t n = 0, some = BLOCK_BYTES;

	for (; some == BLOCK_BYTES && len - n >= BLOCK_BYTES + AHEAD_BYTES; n += some) {
		struct block b = { 0 };

		for (unsigned half = 0; half < 2; half++) {
			__m256i v = _mm256_loadu_si256((const void *)(bytes + n + 32 * half));

			b.low |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(v, space), v)) << 32 * half;
			b.space |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, space)) << 32 * half;
			b.cr |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, cr)) << 32 * half;
			b.lf |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, lf)) << 32 * half;
		}
		some = staying(&b, bytes + n + BLOCK_BYTES, &within);
	}
	return n - within; /* the end of a line stays whole */
}
#endif

/*
 * How many octets at the start the relaxed form leaves alone, more or less: no controls but the end of a line, and blanks only where one SP
 * stands before what is none.
 */
static size_t relaxed_len(const char *bytes, size_t len)
{
	size_t n = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		n = staying_avx2(bytes, len);
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
