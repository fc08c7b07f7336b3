/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "filter/services/clock.h"

#define STEP_MS  20 /* between two looks whether it has ended */
#define ARGS_MAX 16

static int failed(struct text *why, const char *program, const char *what)
{
	text_addf(why, "%s %s", program, what);
	return -1;
}

static int start(const char *const *argv, int in, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char *args[ARGS_MAX] = { NULL };
	sigset_t signals;
	int error;

	for (size_t i = 0; argv[i] && i + 1 < ARGS_MAX; i++)
		args[i] = (char *)(uintptr_t)argv[i]; /* of posix_spawn's prototype, which lacks const */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGPIPE); /* which we do not hear */
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &signals);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	error = posix_spawnp(ret, args[0], &actions, &attributes, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

/* False: it does not take it in time, or has ended. */
static bool feed(int fd, const char *bytes, size_t len, int64_t deadline_ms)
{
	while (len > 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline_ms - clock_mono_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) != 1)
			return false;
		n = write(fd, bytes, len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* As waitpid() has it, or -1: it was still running when time was up, and is killed. */
static int wait_for(pid_t pid, int64_t deadline_ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int status;

	while (clock_mono_ms() < deadline_ms) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)nanosleep(&step, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

static int run(const char *const *argv, const char *input, size_t len, int64_t timeout_ms, struct text *why)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	int fds[2], error, status;
	bool fed;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return failed(why, argv[0], strerror(errno));
	error = start(argv, fds[0], &pid);
	(void)close(fds[0]);
	if (error) {
		(void)close(fds[1]);
		text_addf(why, "%s cannot be started: %s", argv[0], strerror(error));
		return -1;
	}
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	fed = feed(fds[1], input, len, deadline);
	if (!fed)
		(void)kill(pid, SIGKILL); /* before the end of its input: it is not to take half of it for all */
	(void)close(fds[1]);
	status = wait_for(pid, deadline);
	if (status == -1)
		return failed(why, argv[0], "has not ended in time");
	if (!fed && (!WIFEXITED(status) || WEXITSTATUS(status) == 0))
		return failed(why, argv[0], "has not read all that it was given");
	return WIFEXITED(status) ? WEXITSTATUS(status) : failed(why, argv[0], "was ended by a signal");
}

int program_run(const char *const *argv, const char *input, size_t len, int64_t timeout_ms, struct text *why)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	int status = run(argv, input, len, timeout_ms, why);

	(void)signal(SIGPIPE, before);
	return status;
}

const char *program_path(const char *path, char buf[PATH_MAX])
{
	size_t len;

	if (*path == '/' || !getcwd(buf, PATH_MAX))
		return path;
	len = strlen(buf);
	return (size_t)snprintf(buf + len, PATH_MAX - len, "/%s", path) < PATH_MAX - len ? buf : path;
}
