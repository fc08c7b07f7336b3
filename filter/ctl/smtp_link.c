/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/smtp_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/ctl/shown.h"
#include "filter/services/clock.h"

#define LINE_BYTES    1024 /* of an answer; a longer one is none (RFC 5321 4.5.3.1.5: 512) */
#define LINES_MAX     200  /* of one answer */
#define COMMAND_BYTES 4096
#define SHOWN_BYTES   300 /* of what the server says */

struct smtp_link {
	int fd;
	int64_t timeout_ms;
	char in[4096];
	size_t in_at, in_len;
	struct sluice_ip peer;
};

/* ---- octets ---- */

static bool down(struct text *why, const char *what)
{
	text_adds(why, what);
	return false;
}

static bool wait_for(struct smtp_link *l, short events, int64_t deadline_ms, struct text *why)
{
	struct pollfd p = { .fd = l->fd, .events = events };
	int64_t left = deadline_ms - clock_mono_ms();
	int r = left > 0 ? poll(&p, 1, (int)left) : 0;

	return r == 1 || down(why, r < 0 ? strerror(errno) : "the mail server does not answer in time");
}

bool smtp_link_put(struct smtp_link *l, const char *bytes, size_t len, struct text *why)
{
	int64_t deadline = clock_mono_ms() + l->timeout_ms;

	while (len > 0) {
		ssize_t n;

		if (!wait_for(l, POLLOUT, deadline, why))
			return false;
		n = send(l->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return down(why, strerror(errno));
		deadline = clock_mono_ms() + l->timeout_ms; /* it takes some */
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* One line, without its end. */
static bool get_line(struct smtp_link *l, char line[LINE_BYTES], int64_t deadline_ms, struct text *why)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		for (; l->in_at < l->in_len; l->in_at++) {
			if (l->in[l->in_at] == '\n') {
				l->in_at++;
				len -= len > 0 && line[len - 1] == '\r';
				line[len] = '\0';
				return true;
			}
			if (len == LINE_BYTES - 1)
				return down(why, "the mail server's answer has a line that is too long");
			line[len++] = l->in[l->in_at];
		}
		if (!wait_for(l, POLLIN, deadline_ms, why))
			return false;
		n = recv(l->fd, l->in, sizeof l->in, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return down(why, n < 0 ? strerror(errno) : "the mail server has closed the connection");
		l->in_at = 0;
		l->in_len = (size_t)n;
	}
}

/* ---- answers ---- */

unsigned smtp_link_get(struct smtp_link *l, struct text *ret_lines, struct text *why)
{
	int64_t deadline = clock_mono_ms() + l->timeout_ms; /* for all its lines */
	char line[LINE_BYTES];

	for (unsigned i = 0; i < LINES_MAX; i++) {
		if (!get_line(l, line, deadline, why))
			return 0;
		if (!ascii_is_digit(line[0]) || !ascii_is_digit(line[1]) || !ascii_is_digit(line[2]) || (line[3] && !strchr(" -", line[3])))
			break;
		text_addf(ret_lines, "%s\n", line[3] ? line + 4 : "");
		if (line[3] != '-')
			return (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 + (unsigned)(line[2] - '0');
	}
	(void)down(why, "the mail server's answer is none of SMTP's");
	return 0;
}

unsigned smtp_link_ask(struct smtp_link *l, struct text *ret_lines, struct text *why, const char *format, ...)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(COMMAND_BYTES);
	va_list args;

	va_start(args, format);
	text_addv(&line, format, args);
	va_end(args);
	text_adds(&line, "\r\n");
	if (line.failed)
		return down(why, "the command is too long");
	return smtp_link_put(l, text_str(&line), line.len, why) ? smtp_link_get(l, ret_lines, why) : 0;
}

void smtp_link_show(struct text *out, unsigned code, const struct text *lines)
{
	const char *s = text_str(lines);
	size_t end = lines->len ? lines->len - 1 : 0, start = end; /* without the last LF */

	while (start > 0 && s[start - 1] != '\n')
		start--;
	text_addf(out, "%u%s", code, end > start ? " " : "");
	shown_add(out, s + start, end - start < SHOWN_BYTES ? end - start : SHOWN_BYTES);
}

/* ---- the connection ---- */

static int connect_one(struct smtp_link *l, const struct addrinfo *a)
{
	int error = 0;
	socklen_t len = sizeof error;

	l->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (l->fd < 0)
		return errno;
	l->peer = ip_from_sockaddr(a->ai_addr);
	if (connect(l->fd, a->ai_addr, a->ai_addrlen) == 0)
		return 0;
	error = errno;
	if (error == EINPROGRESS) {
		struct pollfd p = { .fd = l->fd, .events = POLLOUT };

		error = poll(&p, 1, (int)l->timeout_ms) == 1 ? 0 : ETIMEDOUT;
		if (!error && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
	}
	if (error) {
		(void)close(l->fd);
		l->fd = -1;
	}
	return error;
}

static bool connect_to(struct smtp_link *l, const char *host, const char *port, struct text *why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *found = NULL;
	int r = getaddrinfo(host, port, &hints, &found), error = 0;

	if (r != 0)
		return down(why, gai_strerror(r));
	for (const struct addrinfo *a = found; a && l->fd < 0; a = a->ai_next)
		error = connect_one(l, a);
	freeaddrinfo(found);
	return l->fd >= 0 || down(why, strerror(error));
}

struct smtp_link *smtp_link_open(const char *host, const char *port, int64_t timeout_ms, struct text *why)
{
	struct smtp_link *l = malloc(sizeof *l);

	if (!l) {
		text_adds(why, "out of memory");
		return NULL;
	}
	*l = (struct smtp_link){ .fd = -1, .timeout_ms = timeout_ms };
	if (connect_to(l, host, port, why))
		return l;
	free(l);
	return NULL;
}

void smtp_link_close(struct smtp_link *l)
{
	if (l)
		(void)close(l->fd);
	free(l);
}

struct sluice_ip smtp_link_peer(const struct smtp_link *l)
{
	return l->peer;
}
