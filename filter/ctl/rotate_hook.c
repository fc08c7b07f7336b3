/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/rotate_hook.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/text.h"
#include "filter/ctl/dkim_file.h"
#include "filter/services/clock.h"

#define SCRIPT_MAX_BYTES 16384
#define STRING_MAX       255 /* octets of one string of a TXT record */
#define POLL_MS          20

extern char **environ;

static char *writable(const char *s) /* of posix_spawn's prototypes, which lack const */
{
	return (char *)(uintptr_t)s;
}

/* input: what it reads; NULL: nothing. The process, or -1. */
static pid_t start(const char *const *argv, const char *input)
{
	posix_spawn_file_actions_t actions;
	char *args[8];
	size_t n = 0;
	int ends[2], e;
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	for (; argv[n]; n++)
		args[n] = writable(argv[n]);
	args[n] = NULL;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_addclose(&actions, ends[0]);
	(void)posix_spawn_file_actions_addclose(&actions, ends[1]);
	e = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(ends[0]);
	if (e == 0 && input) /* shorter than the buffer of a pipe, so it does not wait; one who does not read it is heard of by his status */
		(void)!write(ends[1], input, strlen(input));
	(void)close(ends[1]);
	errno = e;
	return e == 0 ? pid : -1;
}

/* Its status, or -1: it took too long, and was ended. */
static int wait_for(pid_t pid)
{
	int64_t deadline_ms = clock_mono_ms() + ROTATE_HOOK_TIMEOUT_S * 1000;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ms() > deadline_ms) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return -1;
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
	return status;
}

static int run(const char *const *argv, const char *input)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	pid_t pid = start(argv, input);
	int status;

	if (pid < 0) {
		fprintf(stderr, "sluicectl: %s cannot be started: %s\n", argv[0], strerror(errno));
		(void)signal(SIGPIPE, before);
		return EX_UNAVAILABLE;
	}
	status = wait_for(pid);
	(void)signal(SIGPIPE, before);
	if (status == 0)
		return EX_OK;
	if (status == -1)
		fprintf(stderr, "sluicectl: %s has not ended in %d seconds\n", argv[0], ROTATE_HOOK_TIMEOUT_S);
	else if (WIFEXITED(status))
		fprintf(stderr, "sluicectl: %s has failed, with status %d\n", argv[0], WEXITSTATUS(status));
	else
		fprintf(stderr, "sluicectl: %s was ended by signal %d\n", argv[0], WTERMSIG(status));
	return EX_UNAVAILABLE;
}

static int by_nsupdate(const struct rotate_hook *hook, const char *name, const char *record)
{
	SLUICE_CLEANUP(text_done) struct text script = TEXT_INIT(SCRIPT_MAX_BYTES);
	const char *const argv[] = { "nsupdate", "-k", hook->nsupdate_key, NULL };
	size_t len = strlen(record);

	if (hook->server) {
		const char *at = strchr(hook->server, '@');

		text_addf(&script, "server %.*s %s\n", at ? (int)(at - hook->server) : (int)strlen(hook->server), hook->server, at ? at + 1 : "53");
	}
	text_addf(&script, "update delete %s. TXT\nupdate add %s. %" PRId64 " TXT", name, name, hook->ttl_s);
	for (size_t at = 0; at < len; at += STRING_MAX)
		text_addf(&script, " \"%.*s\"", STRING_MAX, record + at);
	text_adds(&script, "\nsend\n");
	return script.failed ? EX_SOFTWARE : run(argv, text_str(&script));
}

static int by_program(const struct rotate_hook *hook, const char *verb, const char *name, const char *record)
{
	const char *argv[] = { hook->program, verb, name, NULL, record, NULL };
	char ttl[24];

	(void)snprintf(ttl, sizeof ttl, "%" PRId64, hook->ttl_s);
	argv[3] = ttl;
	return run(argv, NULL);
}

int rotate_hook_run(const struct rotate_hook *hook, const char *verb, const char *name, const char *record)
{
	if (hook->nsupdate_key)
		return by_nsupdate(hook, name, record);
	if (hook->program)
		return by_program(hook, verb, name, record);
	printf("; %s this record:\n", verb);
	dkim_print_record(name, record);
	return EX_OK;
}
