/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/smtp.h"

#include <stdio.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/smtp_link.h"

#define LINES_BYTES 65536 /* of an answer; the rest of a longer one is not looked at */

struct smtp {
	struct smtp_link *link;
	uint64_t max_size; /* SIZE of the server's (RFC 1870); 0: it says none */
	bool has_size;
	struct text *why;
	enum smtp_result result; /* where something went wrong */
};

/* ---- answers ---- */

/* Keywords of EHLO's answer (RFC 1870 4). */
static void note_keywords(struct smtp *s, const struct text *lines)
{
	const char *line = strchr(text_str(lines), '\n'); /* the first is a greeting */

	for (; line && *++line; line = strchr(line, '\n')) {
		size_t len = strcspn(line, " \n"), end = strcspn(line, "\n");

		if (!ascii_equals(line, len, "SIZE"))
			continue;
		s->has_size = true;
		if (end > len)
			(void)ascii_to_u64(line + len + 1, end - len - 1, UINT64_MAX, &s->max_size);
	}
}

/* The answer is of this class, or what it is instead is the result. code 0: there was none. */
static bool expect(struct smtp *s, unsigned hundreds, unsigned code, const struct text *lines)
{
	if (code / 100 == hundreds)
		return true;
	s->result = code == 421 ? SMTP_DOWN : code / 100 == 5 ? SMTP_REFUSED : code / 100 == 4 ? SMTP_LATER : SMTP_DOWN;
	if (code)
		smtp_link_show(s->why, code, lines);
	return false;
}

static bool hear(struct smtp *s, unsigned hundreds)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES);
	unsigned code = smtp_link_get(s->link, &lines, s->why);

	return expect(s, hundreds, code, &lines);
}

static bool command(struct smtp *s, unsigned hundreds, const char *verb, const char *argument, const char *more)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES);
	unsigned code = smtp_link_ask(s->link, &lines, s->why, "%s%s%s", verb, argument, more);

	if (!expect(s, hundreds, code, &lines))
		return false;
	if (!strcmp(verb, "EHLO "))
		note_keywords(s, &lines);
	return true;
}

/* ---- the dialogue ---- */

/* Who greets with a refusal refuses whatever may come. */
static bool greet(struct smtp *s, const char *helo)
{
	if (!hear(s, 2)) {
		s->result = SMTP_DOWN;
		return false;
	}
	if (command(s, 2, "EHLO ", helo, ""))
		return true;
	if (s->result != SMTP_REFUSED)
		return false;
	text_clear(s->why); /* RFC 5321 3.2: it may be an old one */
	if (command(s, 2, "HELO ", helo, ""))
		return true;
	s->result = SMTP_DOWN;
	return false;
}

/* Dots at the start of a line are doubled (RFC 5321 4.5.2). */
static bool put_content(struct smtp *s, const char *bytes, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(2 * len + 16);

	for (size_t at = 0; at < len;) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t n = end ? (size_t)(end - bytes) + 1 - at : len - at;

		if (bytes[at] == '.')
			text_addc(&out, '.');
		text_add(&out, bytes + at, n);
		at += n;
	}
	if (len == 0 || bytes[len - 1] != '\n')
		text_adds(&out, "\r\n");
	text_adds(&out, ".\r\n");
	s->result = SMTP_DOWN;
	if (out.failed)
		text_adds(s->why, "out of memory");
	return !out.failed && smtp_link_put(s->link, out.bytes, out.len, s->why);
}

static bool talk(struct smtp *s, const char *helo, const struct smtp_mail *mail)
{
	char size[40] = ">";

	if (!greet(s, helo))
		return false;
	if (s->max_size && mail->len > s->max_size) {
		s->result = SMTP_REFUSED;
		text_addf(s->why, "the mail has %zu octets, and the mail server takes %llu", mail->len, (unsigned long long)s->max_size);
		return false;
	}
	if (s->has_size)
		(void)snprintf(size, sizeof size, "> SIZE=%zu", mail->len);
	return command(s, 2, "MAIL FROM:<", mail->from, size) && command(s, 2, "RCPT TO:<", mail->to, ">") && command(s, 3, "DATA", "", "") &&
	       put_content(s, mail->bytes, mail->len) && hear(s, 2);
}

enum smtp_result smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, struct text *why)
{
	struct smtp s = { .why = why, .result = SMTP_DOWN };

	s.link = smtp_link_open(server->host, server->port, server->timeout_ms, why);
	if (s.link && talk(&s, server->helo, mail))
		s.result = SMTP_SENT;
	if (s.link && s.result != SMTP_DOWN) { /* whatever it says to that */
		SLUICE_CLEANUP(text_done) struct text ignored = TEXT_INIT(LINES_BYTES);

		(void)smtp_link_put(s.link, "QUIT\r\n", 6, &ignored);
	}
	smtp_link_close(s.link);
	return s.result;
}
