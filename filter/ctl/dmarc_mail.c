/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_mail.c - a report as a file and as a signed mail (RFC 9990 2.5, RFC 9991). */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/ctl/dmarc.h"
#include "filter/engine/message.h"
#include "filter/engine/dialogue.h"

#define ID_BYTES    16
#define LINE_OCTETS 57 /* 76 characters of base64 (RFC 2045 6.8) */
#define WORD_OCTETS 45 /* of an encoded-word, which has 75 characters at most (RFC 2047 2) */
#define GZIP_WINDOW (MAX_WBITS + 16)
#define SUBMISSION  587

void dmarc_unique(char ret[DMARC_UNIQUE_SIZE], const char *a, const char *b)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
		(void)EVP_DigestUpdate(ctx, a, strlen(a) + 1);
		(void)EVP_DigestUpdate(ctx, b, strlen(b));
		(void)EVP_DigestFinal_ex(ctx, hash, NULL);
	}
	EVP_MD_CTX_free(ctx);
	for (size_t i = 0; i < ID_BYTES; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/* ---- the file ---- */

/* The same octets each time: no name and no time of making. */
static bool compress_text(struct text *out, const struct text *in)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text_str(in), .avail_in = (uInt)in->len };
	char buf[65536];
	int r;

	if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	do {
		z.next_out = (Bytef *)buf;
		z.avail_out = sizeof buf;
		r = deflate(&z, Z_FINISH);
		text_add(out, buf, sizeof buf - z.avail_out);
	} while (r == Z_OK);
	(void)deflateEnd(&z);
	return r == Z_STREAM_END && !out->failed;
}

bool dmarc_make_file(
	struct dmarc_batch *b, int64_t day, const struct dmarc_reporter *who, struct text *file, struct text *name)
{
	SLUICE_CLEANUP(text_done)
	struct text xml = TEXT_INIT(DMARC_XML_MAX), id = TEXT_INIT(1024), seed = TEXT_INIT(1024);
	char unique[DMARC_UNIQUE_SIZE];

	b->report.org = who->org;
	b->report.email = who->from;
	b->report.contact = *who->contact ? who->contact : NULL;
	b->report.generator = "Sluice " SLUICE_VERSION;
	b->report.begin_s = day * DMARC_DAY_S;
	b->report.end_s = b->report.begin_s + DMARC_DAY_S - 1;
	text_addf(&seed, "%s %" PRId64, who->domain, day);
	dmarc_unique(unique, text_str(&seed), b->report.domain);
	text_addf(&id, "%" PRId64 ".%s@%s", day, unique, who->domain);
	b->report.id = text_str(&id);
	dmarc_report_write(&xml, &b->report);
	dmarc_report_filename(name, &b->report, who->domain, unique);
	b->report.id = NULL;
	return !xml.failed && compress_text(file, &xml);
}

/* ---- the mail ---- */

/* A display name: a quoted-string, or encoded-words. It has no controls: the configuration is refused with them. */
static void add_phrase(struct text *out, const char *s)
{
	size_t len = strlen(s), plain = 0;

	while (plain < len && (unsigned char)s[plain] < 0x80)
		plain++;
	if (plain == len && len < 70) {
		text_addc(out, '"');
		for (size_t i = 0; i < len; i++)
			text_addf(out, "%s%c", strchr("\"\\", s[i]) ? "\\" : "", s[i]);
		text_addc(out, '"');
		return;
	}
	for (size_t at = 0; at < len;) {
		size_t n = len - at < WORD_OCTETS ? len - at : WORD_OCTETS;

		while (at + n < len && n > 1 && ((unsigned char)s[at + n] & 0xc0) == 0x80)
			n--; /* a character is not cut */
		text_adds(out, at ? "\r\n =?utf-8?B?" : "=?utf-8?B?");
		base64_encode(out, s + at, n);
		text_adds(out, "?=");
		at += n;
	}
}

/* The unique part of a file's name, which is that of the Report-ID, too. */
static const char *unique_of(const struct text *name, char ret[DMARC_UNIQUE_SIZE])
{
	const char *mark = strrchr(text_str(name), '!');

	(void)snprintf(ret, DMARC_UNIQUE_SIZE, "%.*s", DMARC_UNIQUE_SIZE - 1, mark ? mark + 1 : "");
	return ret;
}

/* subject: with folds. */
static void add_header(struct text *out, const char *subject, const char *type, const struct dmarc_reporter *who,
	const char *to, const char *unique)
{
	char of_address[DMARC_UNIQUE_SIZE];

	dmarc_unique(of_address, to, unique);
	text_adds(out, "From: ");
	add_phrase(out, who->org);
	text_addf(out, "\r\n <%s>\r\nTo: %s\r\nSubject: %s\r\nDate: ", who->from, to, subject);
	dmarc_failure_date(out, (int64_t)time(NULL));
	text_addf(out, "\r\nMessage-ID: <%s.%s@%s>\r\n", of_address, unique, who->domain);
	text_addf(out,
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: %s;\r\n "
		"boundary=\"=_%s\"\r\n\r\n",
		type, unique);
}

static void add_base64(struct text *out, const struct text *in)
{
	for (size_t at = 0; at < in->len; at += LINE_OCTETS) {
		base64_encode(out, in->bytes + at, in->len - at < LINE_OCTETS ? in->len - at : LINE_OCTETS);
		text_adds(out, "\r\n");
	}
}

static void add_note(struct text *out, const struct dmarc_batch *b, const struct dmarc_reporter *who)
{
	SLUICE_CLEANUP(text_done) struct text note = TEXT_INIT(65536);
	time_t begin = (time_t)b->report.begin_s;
	struct tm tm;

	(void)gmtime_r(&begin, &tm);
	text_addf(&note,
		"This is a DMARC aggregate report (RFC 9990) by %s,\r\nabout mail of %s on %04d-%02d-%02d (UTC): "
		"%" PRId64 " messages.\r\nIt is attached as XML, compressed with gzip.\r\n",
		who->org, b->report.domain, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, b->messages);
	text_adds(out, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	add_base64(out, &note);
}

void dmarc_make_mail(struct text *out, const struct dmarc_batch *b, const struct dmarc_reporter *who, const char *to,
	const struct text *file, const struct text *name)
{
	SLUICE_CLEANUP(text_done) struct text subject = TEXT_INIT(4096);
	char unique[DMARC_UNIQUE_SIZE];

	(void)unique_of(name, unique);
	text_addf(&subject, "Report Domain: %s\r\n Submitter: %s\r\n Report-ID: <%" PRId64 ".%s@%s>", b->report.domain,
		who->domain, b->report.begin_s / DMARC_DAY_S, unique, who->domain);
	add_header(out, text_str(&subject), "multipart/mixed", who, to, unique);
	text_addf(out, "--=_%s\r\n", unique);
	add_note(out, b, who);
	text_addf(out, "--=_%s\r\nContent-Type: application/gzip;\r\n name=\"%s\"\r\n", unique, text_str(name));
	text_addf(out,
		"Content-Disposition: attachment;\r\n filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		text_str(name));
	add_base64(out, file);
	text_addf(out, "--=_%s--\r\n", unique);
}

void dmarc_make_failure(struct text *out, const struct dmarc_failure *f, const struct dmarc_reporter *who,
	const char *to, const char *hash)
{
	SLUICE_CLEANUP(text_done) struct text subject = TEXT_INIT(4096), boundary = TEXT_INIT(1024);
	char unique[DMARC_UNIQUE_SIZE];

	dmarc_unique(unique, who->domain, hash);
	text_addf(&subject, "DMARC failure report for %s\r\n Submitter: %s", f->header_from, who->domain);
	text_addf(&boundary, "=_%s", unique);
	add_header(out, text_str(&subject), DMARC_FAILURE_TYPE, who, to, unique);
	dmarc_failure_write(out, f, text_str(&boundary));
}

/* ---- the signature ---- */

static void on_case(void *arg, const struct case_ *c)
{
	(void)arg;
	(void)c;
}

/* Above the mail, in the order in which a milter would have them. */
static bool take_signatures(const struct edits *edits, struct text *mail)
{
	SLUICE_CLEANUP(text_done) struct text all = TEXT_INIT(mail->max);

	for (size_t i = edits->insert.len; i > 0; i--) {
		const struct edit_header *h = &edits->insert.items[i - 1];

		if (!ascii_equals(h->name, strlen(h->name), "DKIM-Signature"))
			continue;
		text_addf(&all, "%s: ", h->name);
		for (const char *p = h->value; *p; p++)
			text_addf(&all, "%s%c", *p == '\n' ? "\r" : "", *p);
		text_adds(&all, "\r\n");
	}
	if (all.len == 0)
		return false;
	text_add(&all, mail->bytes, mail->len);
	if (all.failed)
		return false;
	text_done(mail);
	*mail = all;
	all = TEXT_INIT(0);
	return true;
}

bool dmarc_sign(struct snapshot *s, const struct dmarc_reporter *who, struct text *mail, struct text *why)
{
	struct health *health = health_new(NULL, NULL);
	struct engine engine = { .health = health, .on_case = on_case };
	struct dialogue *d = health ? dialogue_new(&engine, s) : NULL;
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(1024);
	const struct edits *edits = NULL;
	struct verdict v = { .action = VERDICT_FAULT };
	bool signed_ = false;

	text_addf(&path, "<%s>", who->from);
	if (d) {
		dialogue_hold_cases(d); /* nobody is refused, and no case is told */
		(void)dialogue_connect(
			d, &(struct dialogue_client){ .ip = { 4, { 127, 0, 0, 1 } },
				   .macros = { .client_name = "localhost", .daemon_port = SUBMISSION } });
		(void)dialogue_helo(d, "localhost");
		(void)dialogue_mail(d, &(struct dialogue_mail){ .argument = text_str(&path),
					       .auth = { .authen = who->from, .type = "PLAIN" } });
		(void)dialogue_rcpt(d, &(struct dialogue_rcpt){ .argument = text_str(&path) });
		(void)dialogue_data(d, "");
		message_give(d, mail);
		v = dialogue_message(d, "", &edits);
	}
	if (v.action == VERDICT_CONTINUE || v.action == VERDICT_HOLD)
		signed_ = take_signatures(edits, mail);
	if (!signed_ && v.rule)
		text_addf(why, "rule %s speaks against it", v.rule->name);
	else if (!signed_)
		text_addf(why, "no rule 'sign' matches, or no key signs for %s", who->domain);
	dialogue_free(d);
	health_free(health);
	return signed_;
}
