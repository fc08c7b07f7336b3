/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/base/text.h"
#include "filter/services/clock.h"

#define VARIABLE "SLUICE_INHERITED" /* "MILTER CONTROL HTTP READY": numbers of descriptors, -1 for none */
#define PLACES   "SLUICE_INHERITED_PLACES"
#define READY    "ready\n"
#define GONE     " (deleted)" /* what Linux adds to the name of a file that has been replaced */

struct inheritance inheritance_take(void)
{
	struct inheritance i = { -1, -1, -1, -1, NULL, 0 };
	const char *value = getenv(VARIABLE), *places = getenv(PLACES);
	int *const fds[] = { &i.milter, &i.control, &i.http, &i.ready };

	if (!value || sscanf(value, "%d %d %d %d", &i.milter, &i.control, &i.http, &i.ready) != 4)
		i = (struct inheritance){ -1, -1, -1, -1, NULL, 0 };
	else if (places)
		i.places = strdup(places);
	(void)unsetenv(VARIABLE); /* they are not for programs that we start */
	(void)unsetenv(PLACES);
	for (size_t k = 0; k < ARRAY_LEN(fds); k++)
		if (*fds[k] >= 0 && fcntl(*fds[k], F_SETFD, FD_CLOEXEC) < 0)
			*fds[k] = -1;
	i.from = i.ready >= 0 ? getppid() : 0;
	return i;
}

void inheritance_tell(struct inheritance *i, const char *why_not)
{
	const char *text = why_not ? why_not : READY;

	if (i->ready < 0)
		return;
	(void)!write(i->ready, text, strlen(text));
	(void)close(i->ready);
	i->ready = -1;
}

char *upgrade_binary(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	if (len < 0)
		return NULL;
	path[len] = '\0';
	if ((size_t)len > strlen(GONE) && !strcmp(path + len - strlen(GONE), GONE))
		path[(size_t)len - strlen(GONE)] = '\0';
	return strdup(path);
}

static int start(const char *binary, const char *config, const struct inheritance *give, int ready, pid_t *ret_pid)
{
	const int fds[] = { give->milter, give->control, give->http, ready };
	const char *const argv[] = { binary, "-c", config, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	char variable[128];
	int error;

	(void)snprintf(variable, sizeof variable, "%d %d %d %d", fds[0], fds[1], fds[2], fds[3]);
	if (setenv(VARIABLE, variable, 1) < 0 || setenv(PLACES, give->places, 1) < 0)
		return errno;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_init(&actions);
	for (size_t k = 0; !error && k < ARRAY_LEN(fds); k++)
		if (fds[k] >= 0) /* onto itself: it stays open in the new process alone */
			error = posix_spawn_file_actions_adddup2(&actions, fds[k], fds[k]);
	if (!error)
		error = posix_spawn(ret_pid, binary, &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	(void)unsetenv(VARIABLE);
	(void)unsetenv(PLACES);
	return error;
}

/* What it says until it says no more. */
static void listen_to(int fd, struct text *said)
{
	int64_t deadline = clock_mono_ms() + UPGRADE_LIMIT_MS, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[1024];
	ssize_t n = 1;

	while (n > 0 && (left = deadline - clock_mono_ms()) > 0) {
		if (poll(&p, 1, (int)left) != 1)
			continue;
		n = read(fd, buf, sizeof buf);
		if (n > 0)
			text_add(said, buf, (size_t)n);
	}
}

int upgrade_start(const char *binary, const char *config, const struct inheritance *give, pid_t *ret_pid, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text said = TEXT_INIT(4096);
	int pipes[2], error;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_set(reterr, -errno, "no pipe: %s", strerror(errno));
	error = start(binary, config, give, pipes[1], &pid);
	(void)close(pipes[1]); /* else we would never see the end of it */
	if (!error)
		listen_to(pipes[0], &said);
	(void)close(pipes[0]);
	if (error)
		return err_set(reterr, -error, "%s cannot be started: %s", binary, strerror(error));
	if (!strcmp(text_str(&said), READY)) {
		*ret_pid = pid;
		return 0;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return err_set(reterr, -ECHILD, "%s", said.len ? text_str(&said) : "the new process ended, or was not ready in time, and did not say why");
}
