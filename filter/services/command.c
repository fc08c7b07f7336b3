/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "filter/services/clock.h"

#define COMPLAINT_MAX 2048 /* octets of what it says on stderr; the rest is read and forgotten */
#define STEP_MS       5    /* between two looks whether it has ended, once it has closed its output */

struct command {
	const char *name;
	int64_t deadline_ms;
	int out_fd, complaint_fd;
	pid_t pid;
	struct text *out, complaint;
};

/* In a process group of its own, so that what it starts can be ended with it; with no signal blocked, as ours are. */
static int start(const char *const *argv, int out, int complaint, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *args[COMMAND_MAX_ARGS + 1] = { NULL };
	sigset_t none, pipe_signal;
	int error;

	for (size_t i = 0; argv[i] && i < COMMAND_MAX_ARGS; i++)
		args[i] = (char *)(uintptr_t)argv[i]; /* of posix_spawn's prototype, which lacks const */
	(void)sigemptyset(&none);
	(void)sigemptyset(&pipe_signal);
	(void)sigaddset(&pipe_signal, SIGPIPE);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, complaint, STDERR_FILENO);
	(void)posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1); /* the MTA's connections */
	error = posix_spawnp(ret, args[0], &actions, &attributes, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

/* 0: there may be more; 1: this was all; -EFBIG, -ENOMEM. */
static int take(int fd, struct text *out, bool all)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof buf);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (all && out->max - out->len < (size_t)n)
		return -EFBIG;
	text_add(out, buf, (size_t)n < out->max - out->len ? (size_t)n : out->max - out->len);
	return out->failed ? -ENOMEM : n == 0;
}

/* Until it has closed both, or time is up. */
static int take_all(struct command *c)
{
	struct pollfd p[] = { { .fd = c->out_fd, .events = POLLIN }, { .fd = c->complaint_fd, .events = POLLIN } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int64_t left = c->deadline_ms - clock_mono_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++) {
			int r = p[i].fd >= 0 && p[i].revents ? take(p[i].fd, i == 0 ? c->out : &c->complaint, i == 0) : 0;

			if (r < 0)
				return r;
			if (r > 0)
				p[i].fd = -1; /* poll() passes over it */
		}
	}
	return 0;
}

/* Not waited for without an end: it may go on with its output closed. */
static int wait_for(struct command *c, int *ret_status)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	while (clock_mono_ms() < c->deadline_ms) {
		if (waitpid(c->pid, ret_status, WNOHANG) == c->pid)
			return 0;
		(void)nanosleep(&step, NULL);
	}
	return -ETIMEDOUT;
}

static const char *last_line(const struct text *t, int *ret_len)
{
	const char *bytes = text_str(t), *newline;
	size_t len = t->len;

	while (len && bytes[len - 1] == '\n')
		len--;
	newline = len ? memrchr(bytes, '\n', len) : NULL;
	*ret_len = (int)(len - (newline ? (size_t)(newline + 1 - bytes) : 0));
	return newline ? newline + 1 : bytes;
}

static int judge(struct command *c, int r, int status, struct err *reterr)
{
	const char *why;
	int len;

	if (r == -ETIMEDOUT)
		return err_set(reterr, r, "%s has not ended in time", c->name);
	if (r == -EFBIG)
		return err_set(reterr, r, "%s prints more than %zu octets", c->name, c->out->max);
	if (r < 0)
		return err_set(reterr, r, "%s: %s", c->name, strerror(-r));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	why = last_line(&c->complaint, &len);
	if (!WIFEXITED(status))
		return err_set(reterr, -EIO, "%s was ended by a signal", c->name);
	return err_set(reterr, -EIO, "%s has failed with status %d: %.*s", c->name, WEXITSTATUS(status), len, why);
}

static int run(struct command *c, struct err *reterr)
{
	int status = 0, r;

	(void)fcntl(c->out_fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(c->complaint_fd, F_SETFL, O_NONBLOCK);
	r = take_all(c);
	if (r == 0)
		r = wait_for(c, &status);
	if (r < 0) {
		(void)kill(-c->pid, SIGKILL);
		(void)waitpid(c->pid, &status, 0);
	}
	return judge(c, r, status, reterr);
}

static int cannot_start(const char *name, int error, struct err *reterr)
{
	return err_set(reterr, -error, "%s cannot be started: %s", name, strerror(error));
}

int command_read(const char *const *argv, int64_t deadline_ms, struct text *out, struct err *reterr)
{
	struct command c = { .name = argv[0], .deadline_ms = deadline_ms, .out = out, .complaint = TEXT_INIT(COMPLAINT_MAX) };
	int outs[2], complaints[2], error, r;

	if (pipe2(outs, O_CLOEXEC) < 0)
		return cannot_start(argv[0], errno, reterr);
	if (pipe2(complaints, O_CLOEXEC) < 0) {
		r = cannot_start(argv[0], errno, reterr);
		(void)close(outs[0]);
		(void)close(outs[1]);
		return r;
	}
	error = start(argv, outs[1], complaints[1], &c.pid);
	(void)close(outs[1]); /* else we would never see the end of it */
	(void)close(complaints[1]);
	c.out_fd = outs[0];
	c.complaint_fd = complaints[0];
	r = error ? cannot_start(argv[0], error, reterr) : run(&c, reterr);
	(void)close(outs[0]);
	(void)close(complaints[0]);
	text_done(&c.complaint);
	return r;
}

bool command_exists(const char *name)
{
	const char *at = getenv("PATH");
	char path[4096];

	if (!at)
		at = "/usr/sbin:/usr/bin:/sbin:/bin";
	for (size_t len; *at; at += len + (at[len] == ':')) {
		len = strcspn(at, ":");
		if ((size_t)snprintf(path, sizeof path, "%.*s/%s", (int)len, at, name) < sizeof path && access(path, X_OK) == 0)
			return true;
	}
	return false;
}
