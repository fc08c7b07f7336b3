/* SPDX-License-Identifier: BSD-2-Clause */
/* mime - which parts a message has, what they say they are, and how they try to be taken for something else. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "plugins/plugin.h"

#define DIGEST_BYTES 32 /* of SHA-256 */

/* A fact for each bit of enum sluice_mime_odd, in their order; then the others. */
enum { TWO_TYPES, TWO_ENCODINGS, BAD_TYPE, BAD_ENCODING, BAD_HEADER, BAD_BOUNDARY, NEAR_BOUNDARY, NO_END, EPILOGUE, NAMES_DIFFER, NAME_REPEATED,
	NAME_EIGHT_BIT, NAME_ENCODED_TWICE, NAME_CONTROL, NAME_BIDI, NAME_LONG, NAME_OPEN, JUNK, ODD_BITS,
	PARTS = ODD_BITS, DEPTH, TYPES, CHARSETS, ENCODINGS, NAMES, ATTACHMENTS, LARGEST, ODD, TOO_MANY, TOO_DEEP, HEADER_CUT, SHA256 };

static const struct sluice_fact facts[] = {
	[TWO_TYPES] = { "mime.two_types", SLUICE_BOOL, NULL, "a part has more than one Content-Type" },
	[TWO_ENCODINGS] = { "mime.two_encodings", SLUICE_BOOL, NULL, "a part has more than one Content-Transfer-Encoding" },
	[BAD_TYPE] = { "mime.bad_type", SLUICE_BOOL, NULL, "a Content-Type cannot be read" },
	[BAD_ENCODING] = { "mime.bad_encoding", SLUICE_BOOL, NULL, "a Content-Transfer-Encoding that nobody knows, or one of a multipart or message, which may have none" },
	[BAD_HEADER] = { "mime.bad_header", SLUICE_BOOL, NULL, "the header of a part has a line that is no field" },
	[BAD_BOUNDARY] = { "mime.bad_boundary", SLUICE_BOOL, NULL, "a multipart without a boundary, with one that is not allowed, with two, or with that of another around it" },
	[NEAR_BOUNDARY] = { "mime.near_boundary", SLUICE_BOOL, NULL, "a line begins as a boundary does, and goes on" },
	[NO_END] = { "mime.no_end", SLUICE_BOOL, NULL, "a multipart has no final boundary" },
	[EPILOGUE] = { "mime.epilogue", SLUICE_BOOL, NULL, "there is text behind a final boundary" },
	[NAMES_DIFFER] = { "mime.names_differ", SLUICE_BOOL, NULL, "the names of one part end in different extensions" },
	[NAME_REPEATED] = { "mime.name_repeated", SLUICE_BOOL, NULL, "a name is given twice in one field" },
	[NAME_EIGHT_BIT] = { "mime.name_eight_bit", SLUICE_BOOL, NULL, "a name with octets that are not ASCII and not encoded" },
	[NAME_ENCODED_TWICE] = { "mime.name_encoded_twice", SLUICE_BOOL, NULL, "a name encoded as RFC 2231 has it and as RFC 2047 does, at once" },
	[NAME_CONTROL] = { "mime.name_control", SLUICE_BOOL, NULL, "a name with NUL or another control character" },
	[NAME_BIDI] = { "mime.name_bidi", SLUICE_BOOL, NULL, "a name with a character that turns the direction of writing" },
	[NAME_LONG] = { "mime.name_long", SLUICE_BOOL, NULL, "a name of more than 1000 octets" },
	[NAME_OPEN] = { "mime.name_open", SLUICE_BOOL, NULL, "a name in quotes that do not end" },
	[JUNK] = { "mime.junk", SLUICE_BOOL, NULL, "base64 or quoted-printable with something else in it, or more behind its end" },
	[PARTS] = { "mime.parts", SLUICE_INT, NULL, "how many parts there are, those that hold others among them" },
	[DEPTH] = { "mime.depth", SLUICE_INT, NULL, "how many others the deepest is in" },
	[TYPES] = { "mime.types", SLUICE_TEXTS, NULL, "the type of each part: text/plain" },
	[CHARSETS] = { "mime.charsets", SLUICE_TEXTS, NULL, "the charsets that are said" },
	[ENCODINGS] = { "mime.encodings", SLUICE_TEXTS, NULL, "the encodings that are said, in lower case" },
	[NAMES] = { "mime.names", SLUICE_TEXTS, NULL, "names of files, decoded: all that the parts are given" },
	[ATTACHMENTS] = { "mime.attachments", SLUICE_INT, NULL, "parts that have a name, or are said to be attached" },
	[LARGEST] = { "mime.largest", SLUICE_INT, NULL, "octets of the largest part, decoded" },
	[ODD] = { "mime.odd", SLUICE_TEXTS, NULL, "where there is something of it: the part, as IMAP numbers it, and the fact: 2.1 names_differ" },
	[TOO_MANY] = { "mime.too_many", SLUICE_BOOL, NULL, "there are more parts than the configuration lets be looked at" },
	[TOO_DEEP] = { "mime.too_deep", SLUICE_BOOL, NULL, "there is a part in more others than the configuration lets be opened" },
	[HEADER_CUT] = { "mime.header_cut", SLUICE_BOOL, NULL, "the header of a part is larger than the configuration lets be looked at" },
	[SHA256] = { "mime.sha256", SLUICE_TEXTS, NULL, "SHA-256 of the content of each part that holds no others, decoded: 64 hexadecimal digits" },
	{ .name = NULL },
};

static void add(struct sluice_result *res, unsigned fact, const char *text)
{
	if (*text)
		sluice_add_text(res, fact, text, strlen(text));
}

/* The fact is true, by this part. */
static void report_odd(struct sluice_result *res, unsigned fact, const struct sluice_mime_part *p)
{
	char evidence[300];

	(void)snprintf(evidence, sizeof evidence, "%s %s", p->section, strchr(facts[fact].name, '.') + 1);
	add(res, ODD, evidence);
}

static void report_part(struct sluice_result *res, const struct sluice_mime_part *p)
{
	add(res, TYPES, p->type);
	add(res, CHARSETS, p->charset);
	add(res, ENCODINGS, p->encoding);
	for (size_t i = 0; i < p->name_count; i++)
		sluice_add_text(res, NAMES, p->names[i].bytes, p->names[i].len);
	for (unsigned bit = 0; bit < ODD_BITS; bit++)
		if (p->odd >> bit & 1)
			report_odd(res, bit, p);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const char *why;
	const struct sluice_mime *m = sluice_mime(c, &why);
	unsigned odd = 0, depth = 0;
	size_t attachments = 0, largest = 0;

	if (!m)
		return SLUICE_TEMPERROR;
	for (size_t i = 0; i < m->count; i++) {
		const struct sluice_mime_part *p = &m->parts[i];
		size_t len = 0;

		if (sluice_mime_content(c, i, &len) && len > largest)
			largest = len;
		report_part(res, p);
		odd |= p->odd;
		depth = p->depth > depth ? p->depth : depth;
		attachments += p->attachment || p->name_count;
	}
	for (unsigned bit = 0; bit < ODD_BITS; bit++)
		sluice_set_bool(res, bit, odd >> bit & 1);
	sluice_set_int(res, PARTS, (int64_t)m->count);
	sluice_set_int(res, DEPTH, depth);
	sluice_set_int(res, ATTACHMENTS, (int64_t)attachments);
	sluice_set_int(res, LARGEST, (int64_t)largest);
	sluice_set_bool(res, TOO_MANY, m->too_many);
	sluice_set_bool(res, TOO_DEEP, m->too_deep);
	sluice_set_bool(res, HEADER_CUT, m->header_cut);
	return SLUICE_DONE;
}

/* A check of its own, as what it costs is for those who read it. */
static enum sluice_outcome run_digests(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const char *why;
	const struct sluice_mime *m = sluice_mime(c, &why);

	if (!m)
		return SLUICE_TEMPERROR;
	for (size_t i = 0; i < m->count; i++) {
		unsigned char digest[DIGEST_BYTES];
		char hex[2 * DIGEST_BYTES + 1];
		size_t len;
		const char *content = sluice_mime_content(c, i, &len);

		if (!content)
			continue;
		if (!EVP_Digest(content, len, digest, NULL, EVP_sha256(), NULL))
			return SLUICE_TEMPERROR;
		for (size_t k = 0; k < DIGEST_BYTES; k++)
			(void)snprintf(hex + 2 * k, 3, "%02x", digest[k]);
		add(res, SHA256, hex);
	}
	return SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "mime", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = TWO_TYPES, .last_fact = HEADER_CUT, .body = true },
	{ .name = "mime_digest", .stage = SLUICE_STAGE_MESSAGE, .run = run_digests, .first_fact = SHA256, .last_fact = SHA256, .body = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(mime) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "mime",
	.help = "which parts has the message, what do they say they are, and how do they try to be taken for something else?",
	.facts = facts,
	.checks = checks,
};
