/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/token_char.h"

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"

struct range {
	uint32_t first, last;
	enum token_char type;
};

/* From U+0080 on, in order. What is in none is of a word: most are letters, and what is unknown is better seen than not. */
static const struct range ranges[] = {
	{ 0x80, 0xa1, TOKEN_CHAR_GAP }, { 0xa6, 0xa9, TOKEN_CHAR_GAP }, { 0xab, 0xac, TOKEN_CHAR_GAP }, { 0xad, 0xad, TOKEN_CHAR_NOTHING },
	{ 0xae, 0xb4, TOKEN_CHAR_GAP }, { 0xb6, 0xb9, TOKEN_CHAR_GAP }, { 0xbb, 0xbf, TOKEN_CHAR_GAP }, { 0xd7, 0xd7, TOKEN_CHAR_GAP },
	{ 0xf7, 0xf7, TOKEN_CHAR_GAP }, { 0x300, 0x36f, TOKEN_CHAR_NOTHING }, { 0x591, 0x5c7, TOKEN_CHAR_NOTHING }, { 0x60c, 0x60c, TOKEN_CHAR_GAP },
	{ 0x61b, 0x61f, TOKEN_CHAR_GAP }, { 0x640, 0x640, TOKEN_CHAR_NOTHING }, { 0x64b, 0x65f, TOKEN_CHAR_NOTHING }, { 0x66a, 0x66d, TOKEN_CHAR_GAP },
	{ 0x670, 0x670, TOKEN_CHAR_NOTHING }, { 0x964, 0x965, TOKEN_CHAR_GAP }, { 0xe00, 0xeff, TOKEN_CHAR_RUN }, { 0x1000, 0x109f, TOKEN_CHAR_RUN },
	{ 0x115f, 0x1160, TOKEN_CHAR_NOTHING }, { 0x1780, 0x17ff, TOKEN_CHAR_RUN }, { 0x180b, 0x180e, TOKEN_CHAR_NOTHING },
	{ 0x1ab0, 0x1aff, TOKEN_CHAR_NOTHING }, { 0x1dc0, 0x1dff, TOKEN_CHAR_NOTHING }, { 0x2000, 0x200a, TOKEN_CHAR_GAP },
	{ 0x200b, 0x200f, TOKEN_CHAR_NOTHING }, { 0x2010, 0x2029, TOKEN_CHAR_GAP }, { 0x202a, 0x202e, TOKEN_CHAR_NOTHING },
	{ 0x202f, 0x205f, TOKEN_CHAR_GAP }, { 0x2060, 0x206f, TOKEN_CHAR_NOTHING }, { 0x2070, 0x209f, TOKEN_CHAR_GAP },
	{ 0x20d0, 0x20ff, TOKEN_CHAR_NOTHING }, { 0x2190, 0x25ff, TOKEN_CHAR_GAP }, { 0x2600, 0x27bf, TOKEN_CHAR_ALONE }, { 0x27c0, 0x2bff, TOKEN_CHAR_GAP },
	{ 0x2e00, 0x2e7f, TOKEN_CHAR_GAP }, { 0x3000, 0x3004, TOKEN_CHAR_GAP }, { 0x3005, 0x3007, TOKEN_CHAR_RUN }, { 0x3008, 0x3030, TOKEN_CHAR_GAP },
	{ 0x3031, 0x30fa, TOKEN_CHAR_RUN }, { 0x30fb, 0x30fb, TOKEN_CHAR_GAP }, { 0x30fc, 0x312f, TOKEN_CHAR_RUN }, { 0x3164, 0x3164, TOKEN_CHAR_NOTHING },
	{ 0x31a0, 0x31ff, TOKEN_CHAR_RUN }, { 0x3400, 0x9fff, TOKEN_CHAR_RUN }, { 0xd800, 0xdfff, TOKEN_CHAR_GAP }, { 0xe000, 0xf8ff, TOKEN_CHAR_GAP },
	{ 0xf900, 0xfaff, TOKEN_CHAR_RUN }, { 0xfe00, 0xfe0f, TOKEN_CHAR_NOTHING }, { 0xfe10, 0xfe1f, TOKEN_CHAR_GAP },
	{ 0xfe20, 0xfe2f, TOKEN_CHAR_NOTHING }, { 0xfe30, 0xfe6f, TOKEN_CHAR_GAP }, { 0xfeff, 0xfeff, TOKEN_CHAR_NOTHING }, { 0xff61, 0xff65, TOKEN_CHAR_GAP },
	{ 0xff66, 0xff9f, TOKEN_CHAR_RUN }, { 0xffa0, 0xffa0, TOKEN_CHAR_NOTHING }, { 0xffe0, 0xffff, TOKEN_CHAR_GAP }, { 0x1f000, 0x1faff, TOKEN_CHAR_ALONE },
	{ 0x20000, 0x3ffff, TOKEN_CHAR_RUN }, { 0xe0000, 0x10ffff, TOKEN_CHAR_NOTHING },
};

/* Of U+00C0 to U+017F and U+1E00 to U+1EFF the letter without its marks; '.': it has none of ASCII. */
static const char latin[] =
	"aaaaaa.ceeeeiiii.nooooo.ouuuuy..aaaaaa.ceeeeiiii.nooooo.ouuuuy.y"
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii..jjkk.lllllll"
	"lllnnnnnnn..oooooo..rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static const char latin_more[] =
	"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
	"mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
	"wwwwwwwwwwxxxxyyzzzzzzhtwy......aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
	"eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

/* Letters with a mark that have a sign of their own, and the last sigma. */
static const struct {
	uint16_t code, meant;
} pairs[] = {
	{ 0x386, 0x3b1 }, { 0x388, 0x3b5 }, { 0x389, 0x3b7 }, { 0x38a, 0x3b9 }, { 0x38c, 0x3bf }, { 0x38e, 0x3c5 }, { 0x38f, 0x3c9 }, { 0x390, 0x3b9 },
	{ 0x3aa, 0x3b9 }, { 0x3ab, 0x3c5 }, { 0x3ac, 0x3b1 }, { 0x3ad, 0x3b5 }, { 0x3ae, 0x3b7 }, { 0x3af, 0x3b9 }, { 0x3b0, 0x3c5 }, { 0x3c2, 0x3c3 },
	{ 0x3ca, 0x3b9 }, { 0x3cb, 0x3c5 }, { 0x3cc, 0x3bf }, { 0x3cd, 0x3c5 }, { 0x3ce, 0x3c9 }, { 0x401, 0x435 }, { 0x407, 0x456 }, { 0x419, 0x438 },
	{ 0x439, 0x438 }, { 0x451, 0x435 }, { 0x457, 0x456 },
};

static uint32_t fold_latin(uint32_t c, char base)
{
	if (base != '.')
		return (unsigned char)base;
	if (c >= 0x100)
		return c == 0x138 ? c : c | 1; /* capitals stand before their small letters, but for kra, which has none */
	return c < 0xdf ? c + 0x20 : c;
}

static uint32_t fold_greek_or_cyrillic(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (pairs[i].code == c)
			return pairs[i].meant;
	if ((c >= 0x391 && c <= 0x3a9 && c != 0x3a2) || (c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	if (c >= 0x4c1 && c <= 0x4ce)
		return c + (c & 1);
	return (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || c >= 0x4d0 ? c | 1 : c;
}

/* The character of ASCII that it shows in another form; 0: none. */
static uint32_t shown_ascii(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		return c - 0xfee0;
	if (c >= 0x24b6 && c <= 0x24e9)
		return 'a' + (c - 0x24b6) % 26;
	if (c >= 0x1d400 && c <= 0x1d6a3)
		return 'a' + (c - 0x1d400) % 26;
	if (c >= 0x1d7ce && c <= 0x1d7ff)
		return '0' + (c - 0x1d7ce) % 10;
	if (c >= 0x1f130 && c <= 0x1f189 && (c - 0x1f130) % 32 < 26)
		return 'a' + (c - 0x1f130) % 32;
	return 0;
}

static uint32_t fold(uint32_t c)
{
	if (c >= 0xc0 && c <= 0x17f)
		return fold_latin(c, latin[c - 0xc0]);
	if (c >= 0x1e00 && c <= 0x1eff)
		return fold_latin(c, latin_more[c - 0x1e00]);
	if (c >= 0x370 && c <= 0x52f)
		return fold_greek_or_cyrillic(c);
	return c >= 0x531 && c <= 0x556 ? c + 0x30 : c;
}

static enum token_char type_of(uint32_t c)
{
	size_t from = 0, to = ARRAY_LEN(ranges);

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (c > ranges[middle].last)
			from = middle + 1;
		else if (c < ranges[middle].first)
			to = middle;
		else
			return ranges[middle].type;
	}
	return TOKEN_CHAR_WORD;
}

enum token_char token_char_fold(uint32_t *code)
{
	uint32_t ascii = *code < 0x80 ? *code : shown_ascii(*code);

	if (ascii || !*code) {
		*code = (unsigned char)ascii_lower((char)ascii);
		return ascii_is_alnum((char)ascii) ? TOKEN_CHAR_WORD : TOKEN_CHAR_GAP;
	}
	*code = fold(*code);
	return type_of(*code);
}
