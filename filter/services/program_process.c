/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/program_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_both(const int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int e;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	e = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (e == 0)
		e = posix_spawnattr_setsigmask(attr, &none); /* the reactor's thread has all blocked */
	return e ? e : posix_spawnattr_setsigdefault(attr, &all);
}

static int set_actions(posix_spawn_file_actions_t *actions, int link, int errors)
{
	int e = posix_spawn_file_actions_adddup2(actions, link, STDIN_FILENO);

	if (e == 0)
		e = posix_spawn_file_actions_adddup2(actions, link, STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return e ? e : posix_spawn_file_actions_addchdir_np(actions, "/");
}

static int spawn(const char *const *argv, int link, int errors, pid_t *ret)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8";
	char *const environment[] = { path, language, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int e = posix_spawnattr_init(&attr);

	if (e)
		return -e;
	e = posix_spawn_file_actions_init(&actions);
	if (e) {
		(void)posix_spawnattr_destroy(&attr);
		return -e;
	}
	e = set_attributes(&attr);
	if (e == 0)
		e = set_actions(&actions, link, errors);
	if (e == 0)
		e = posix_spawn(ret, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return -e;
}

int program_process_start(const char *const *argv, int socket_type, struct program_process *ret)
{
	int link[2] = { -1, -1 }, errors[2] = { -1, -1 }, r;

	if (socketpair(AF_UNIX, socket_type | SOCK_CLOEXEC, 0, link) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
		fcntl(link[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	else
		r = spawn(argv, link[1], errors[1], &ret->pid);
	if (r == 0) {
		ret->exited = pidfd_open(ret->pid, 0);
		if (ret->exited < 0) {
			r = -errno;
			(void)kill(-ret->pid, SIGKILL);
			(void)waitpid(ret->pid, NULL, 0);
		}
	}
	if (r < 0) {
		close_both(link);
		close_both(errors);
		return r;
	}
	(void)close(link[1]);
	(void)close(errors[1]);
	ret->link = link[0];
	ret->errors = errors[0];
	return 0;
}

void program_process_signal(const struct program_process *p, int sig)
{
	(void)kill(-p->pid, sig);
}

void program_process_reap(const struct program_process *p, char *ret_how, size_t size)
{
	int status = 0;

	program_process_signal(p, SIGKILL); /* before its number may be another's */
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		(void)snprintf(ret_how, size, "it was ended by signal %d", WTERMSIG(status));
	else
		(void)snprintf(ret_how, size, "it ended with status %d", WEXITSTATUS(status));
}
