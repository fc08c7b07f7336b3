/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/base/unix_socket.h"
#include "filter/control_dmarc.h"
#include "filter/control_forget.h"
#include "filter/control_learn.h"
#include "filter/control_state.h"
#include "filter/engine/tracer.h"
#include "filter/held.h"
#include "filter/services/clock.h"

int control_open(const char *path, struct err *reterr)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;
	mode_t old;

	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(reterr, -ENAMETOOLONG, "control: the path of a unix socket has at most %zu octets", sizeof sa.sun_path - 1);
	memcpy(sa.sun_path, path, strlen(path));
	r = unix_socket_clear("control", &sa, reterr);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(reterr, -errno, "control: %s", strerror(errno));
	old = umask(0177);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof sa);
	(void)umask(old);
	if (r < 0 || listen(fd, 16) < 0) {
		r = -errno;
		(void)close(fd);
		return err_set(reterr, r, "control: cannot listen on %s: %s", path, strerror(-r));
	}
	return fd;
}

static bool allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static bool wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline_ms - clock_mono_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool read_line(int fd, char line[CONTROL_LINE_MAX], int64_t deadline_ms)
{
	size_t len = 0;

	while (len < CONTROL_LINE_MAX - 1 && wait_for(fd, POLLIN, deadline_ms)) {
		ssize_t n = recv(fd, line + len, CONTROL_LINE_MAX - 1 - len, 0);
		char *end;

		if (n <= 0)
			return false;
		len += (size_t)n;
		line[len] = '\0';
		end = memchr(line, '\n', len);
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void write_all(int fd, const char *bytes, size_t len, int64_t deadline_ms)
{
	while (len && wait_for(fd, POLLOUT, deadline_ms)) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static int on_status(struct daemon *d, const char *argument, struct text *out)
{
	(void)argument;
	daemon_status(d, out);
	return EX_OK;
}

static int on_metrics(struct daemon *d, const char *argument, struct text *out)
{
	(void)argument;
	daemon_metrics(d, out);
	return EX_OK;
}

static int on_reload(struct daemon *d, const char *argument, struct text *out)
{
	uint64_t guard_ms = 0;
	struct err err;

	if (*argument && !ascii_to_u64(argument, strlen(argument), CONTROL_GUARD_MAX_MS, &guard_ms)) {
		text_adds(out, "the daemon does not know this way to reload: is it of another version?\n");
		return EX_USAGE;
	}
	if (daemon_reload(d, (int64_t)guard_ms, &err) == 0)
		return EX_OK;
	text_addf(out, "%s\n", err.text);
	return EX_CONFIG;
}

static int on_upgrade(struct daemon *d, const char *argument, struct text *out)
{
	struct err err;
	pid_t pid;

	(void)argument;
	if (daemon_upgrade(d, &pid, &err) < 0) {
		text_addf(out, "%s\n", err.text);
		return EX_UNAVAILABLE;
	}
	text_addf(out, "pid %ld\n", (long)pid);
	return EX_OK;
}

static int on_explain(struct daemon *d, const char *argument, struct text *out)
{
	return daemon_explain(d, argument, out) ? EX_OK : EX_NOINPUT;
}

static int on_forget(struct daemon *d, const char *argument, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text kept = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct err err;
	long forgotten;

	if (!*argument) {
		text_adds(out, "an address is needed\n");
		return EX_USAGE;
	}
	if (daemon_forget(d, argument, &kept, &err) < 0) {
		text_addf(out, "%s\n", err.text);
		return EX_CANTCREAT;
	}
	forgotten = control_forget(daemon_snapshot(d), argument, out);
	if (forgotten < 0)
		return EX_UNAVAILABLE;
	text_addf(out, "%sstore %ld\n", text_str(&kept), forgotten);
	return EX_OK;
}

static int on_limits(struct daemon *d, const char *argument, struct text *out)
{
	return control_limits(daemon_snapshot(d), argument, out);
}

static int on_greylist(struct daemon *d, const char *argument, struct text *out)
{
	return control_greylist(daemon_snapshot(d), argument, out);
}

static int on_rotation(struct daemon *d, const char *argument, struct text *out)
{
	return control_rotation(daemon_snapshot(d), argument, out);
}

static int on_dmarc(struct daemon *d, const char *argument, struct text *out)
{
	return control_dmarc(daemon_snapshot(d), argument, out);
}

static int on_learn(struct daemon *d, const char *argument, struct text *out)
{
	return control_learn(daemon_snapshot(d), argument, out);
}

/* TOKEN | done TOKEN */
static int on_tracer(struct daemon *d, const char *argument, struct text *out)
{
	if (!strncmp(argument, "done ", 5)) {
		tracer_disarm(daemon_tracer(d), argument + 5);
		return EX_OK;
	}
	if (tracer_arm(daemon_tracer(d), argument, clock_mono_ms()))
		return EX_OK;
	text_adds(out, "another sluicectl attach is at work: again in a minute\n");
	return EX_TEMPFAIL;
}

static int on_held(struct daemon *d, const char *argument, struct text *out)
{
	return held_answer(daemon_held(d), argument, out);
}

static const struct { const char *verb; int (*serve)(struct daemon *d, const char *argument, struct text *out); } verbs[] = {
	{ "status", on_status }, { "reload", on_reload }, { "upgrade", on_upgrade }, { "explain", on_explain }, { "forget", on_forget }, { "metrics", on_metrics },
	{ "limits", on_limits }, { "greylist", on_greylist }, { "rotation", on_rotation }, { "dmarc", on_dmarc },
	{ "learn", on_learn }, { "tracer", on_tracer }, { "held", on_held },
};

int control_answer(struct daemon *d, char *line, struct text *out)
{
	char *blank = strchr(line, ' ');
	const char *argument = blank ? blank + 1 : "";

	if (blank)
		*blank = '\0';
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].verb, line))
			return verbs[i].serve(d, argument, out);
	text_adds(out, "the daemon does not know this request: is it of another version?\n");
	return EX_USAGE;
}

bool control_serve(struct daemon *d, int listener)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	int64_t deadline = clock_mono_ms() + CONTROL_TIMEOUT_MS;
	char line[CONTROL_LINE_MAX], head[16];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), status;

	if (fd < 0)
		return false;
	if (!allowed(fd)) {
		text_adds(&out, "only root and the daemon's own user may ask\n");
		status = EX_NOPERM;
	} else if (!read_line(fd, line, deadline)) {
		(void)close(fd);
		return true;
	} else {
		status = control_answer(d, line, &out);
	}
	(void)snprintf(head, sizeof head, "%d\n", status);
	deadline = clock_mono_ms() + CONTROL_TIMEOUT_MS;
	write_all(fd, head, strlen(head), deadline);
	write_all(fd, text_str(&out), out.len, deadline);
	(void)close(fd);
	return true;
}
