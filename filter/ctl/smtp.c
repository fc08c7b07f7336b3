/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/smtp.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/services/clock.h"

#define LINE_BYTES  1024 /* of an answer; a longer one is none (RFC 5321 4.5.3.1.5: 512) */
#define LINES_MAX   200  /* of one answer */
#define SHOWN_BYTES 300  /* of what the server says */

struct smtp {
	int fd;
	int64_t timeout_ms;
	char in[4096];
	size_t in_at, in_len;
	uint64_t max_size; /* SIZE of the server's (RFC 1870); 0: it says none */
	bool has_size;
	struct text *why;
	enum smtp_result result; /* where something went wrong */
};

/* ---- octets ---- */

static bool down(struct smtp *s, const char *what)
{
	s->result = SMTP_DOWN;
	text_adds(s->why, what);
	return false;
}

static bool wait_for(struct smtp *s, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int64_t left = deadline_ms - clock_mono_ms();
	int r = left > 0 ? poll(&p, 1, (int)left) : 0;

	return r == 1 || down(s, r < 0 ? strerror(errno) : "the mail server does not answer in time");
}

static bool put(struct smtp *s, const char *bytes, size_t len)
{
	int64_t deadline = clock_mono_ms() + s->timeout_ms;

	while (len > 0) {
		ssize_t n;

		if (!wait_for(s, POLLOUT, deadline))
			return false;
		n = send(s->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return down(s, strerror(errno));
		deadline = clock_mono_ms() + s->timeout_ms; /* it takes some */
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* One line, without its end. */
static bool get_line(struct smtp *s, char line[LINE_BYTES], int64_t deadline_ms)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		for (; s->in_at < s->in_len; s->in_at++) {
			if (s->in[s->in_at] == '\n') {
				s->in_at++;
				len -= len > 0 && line[len - 1] == '\r';
				line[len] = '\0';
				return true;
			}
			if (len == LINE_BYTES - 1)
				return down(s, "the mail server's answer has a line that is too long");
			line[len++] = s->in[s->in_at];
		}
		if (!wait_for(s, POLLIN, deadline_ms))
			return false;
		n = recv(s->fd, s->in, sizeof s->in, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return down(s, n < 0 ? strerror(errno) : "the mail server has closed the connection");
		s->in_at = 0;
		s->in_len = (size_t)n;
	}
}

/* ---- answers ---- */

static void show(struct smtp *s, const char *line)
{
	for (size_t i = 0; line[i] && i < SHOWN_BYTES; i++)
		text_addc(s->why, line[i] < ' ' || line[i] > '~' ? '?' : line[i]);
}

/* A keyword of EHLO's answer (RFC 1870 4). */
static void note_keyword(struct smtp *s, const char *line)
{
	size_t len = strcspn(line, " ");

	if (!ascii_equals(line, len, "SIZE"))
		return;
	s->has_size = true;
	if (line[len])
		(void)ascii_to_u64(line + len + 1, strlen(line + len + 1), UINT64_MAX, &s->max_size);
}

/* The code of an answer, all its lines read, the last one in `last`; 0: there is none. */
static unsigned get_answer(struct smtp *s, bool keywords, char last[LINE_BYTES])
{
	int64_t deadline = clock_mono_ms() + s->timeout_ms; /* for all its lines */

	for (unsigned i = 0; i < LINES_MAX; i++) {
		if (!get_line(s, last, deadline))
			return 0;
		if (!ascii_is_digit(last[0]) || !ascii_is_digit(last[1]) || !ascii_is_digit(last[2]) ||
			(last[3] && !strchr(" -", last[3])))
			break;
		if (keywords && i > 0 && last[3])
			note_keyword(s, last + 4);
		if (last[3] != '-')
			return (unsigned)(last[0] - '0') * 100 + (unsigned)(last[1] - '0') * 10 +
			       (unsigned)(last[2] - '0');
	}
	(void)down(s, "the mail server's answer is none of SMTP's");
	return 0;
}

/* The answer is of this class, or what it is instead is the result. */
static bool expect(struct smtp *s, unsigned hundreds, bool keywords)
{
	char last[LINE_BYTES];
	unsigned code = get_answer(s, keywords, last);

	if (code == 0)
		return false;
	if (code / 100 == hundreds)
		return true;
	s->result = code == 421 ? SMTP_DOWN : code / 100 == 5 ? SMTP_REFUSED : code / 100 == 4 ? SMTP_LATER : SMTP_DOWN;
	show(s, last);
	return false;
}

static bool command(struct smtp *s, unsigned hundreds, bool keywords, const char *format, ...) SLUICE_PRINTF(4, 5);
static bool command(struct smtp *s, unsigned hundreds, bool keywords, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(2048);
	va_list args;

	va_start(args, format);
	text_addv(&line, format, args);
	va_end(args);
	text_adds(&line, "\r\n");
	return put(s, text_str(&line), line.len) && expect(s, hundreds, keywords);
}

/* ---- the dialogue ---- */

/* Who greets with a refusal refuses whatever may come. */
static bool greet(struct smtp *s, const char *helo)
{
	if (!expect(s, 2, false)) {
		s->result = SMTP_DOWN;
		return false;
	}
	if (command(s, 2, true, "EHLO %s", helo))
		return true;
	if (s->result != SMTP_REFUSED)
		return false;
	text_clear(s->why); /* RFC 5321 3.2: it may be an old one */
	if (command(s, 2, false, "HELO %s", helo))
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
	return out.failed ? down(s, "out of memory") : put(s, out.bytes, out.len);
}

static bool talk(struct smtp *s, const char *helo, const struct smtp_mail *mail)
{
	char size[40] = "";

	if (!greet(s, helo))
		return false;
	if (s->max_size && mail->len > s->max_size) {
		s->result = SMTP_REFUSED;
		text_addf(s->why, "the mail has %zu octets, and the mail server takes %llu", mail->len,
			(unsigned long long)s->max_size);
		return false;
	}
	if (s->has_size)
		(void)snprintf(size, sizeof size, " SIZE=%zu", mail->len);
	return command(s, 2, false, "MAIL FROM:<%s>%s", mail->from, size) &&
	       command(s, 2, false, "RCPT TO:<%s>", mail->to) && command(s, 3, false, "DATA") &&
	       put_content(s, mail->bytes, mail->len) && expect(s, 2, false);
}

/* ---- the connection ---- */

static int connect_one(struct smtp *s, const struct addrinfo *a)
{
	int error = 0;
	socklen_t len = sizeof error;

	s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (s->fd < 0)
		return errno;
	if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	error = errno;
	if (error == EINPROGRESS) {
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };

		error = poll(&p, 1, (int)s->timeout_ms) == 1 ? 0 : ETIMEDOUT;
		if (!error && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
	}
	if (error) {
		(void)close(s->fd);
		s->fd = -1;
	}
	return error;
}

static bool connect_to(struct smtp *s, const struct smtp_server *server)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
	int r = getaddrinfo(server->host, server->port, &hints, &found), error = 0;

	if (r != 0)
		return down(s, gai_strerror(r));
	for (const struct addrinfo *a = found; a && s->fd < 0; a = a->ai_next)
		error = connect_one(s, a);
	freeaddrinfo(found);
	return s->fd >= 0 || down(s, strerror(error));
}

enum smtp_result smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, struct text *why)
{
	struct smtp s = { .fd = -1, .timeout_ms = server->timeout_ms, .why = why, .result = SMTP_DOWN };

	if (connect_to(&s, server) && talk(&s, server->helo, mail))
		s.result = SMTP_SENT;
	if (s.result != SMTP_DOWN) /* whatever it says to that */
		(void)!send(s.fd, "QUIT\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (s.fd >= 0)
		(void)close(s.fd);
	return s.result;
}
