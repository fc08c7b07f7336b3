/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_send.c - a mail is handed to the mail server: by SMTP, or by its program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/ctl/dmarc.h"
#include "filter/services/clock.h"

#define STEP_MS 50 /* between two looks whether the program has ended */

static enum smtp_result failed(struct text *why, const char *what, const char *error)
{
	text_addf(why, "%s: %s", what, error);
	return SMTP_DOWN;
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

/* Its status, or -1: it was still running when time was up, and is killed. */
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

/* Exit statuses as Sendmail and Postfix have them (sysexits(3)). */
static enum smtp_result result_of(int status, const char *program, struct text *why)
{
	if (status == 0)
		return SMTP_SENT;
	if (status == -1 || !WIFEXITED(status))
		return failed(why, program, status == -1 ? "has not ended in time" : "was ended by a signal");
	text_addf(why, "%s ended with status %d", program, WEXITSTATUS(status));
	switch (WEXITSTATUS(status)) {
	case EX_TEMPFAIL:
		return SMTP_LATER;
	case EX_USAGE:
	case EX_DATAERR:
	case EX_NOUSER:
	case EX_NOHOST:
		return SMTP_REFUSED;
	default:
		return SMTP_DOWN;
	}
}

static int start(const struct dmarc_transport *t, const struct smtp_mail *mail, int in, pid_t *ret)
{
	/* the recipient is named behind --, and is not read from the mail: it is a stranger's */
	char *const argv[] = { (char *)(uintptr_t)t->sendmail, (char[]){ "-i" }, (char[]){ "-f" },
		(char *)(uintptr_t)mail->from, (char[]){ "--" }, (char *)(uintptr_t)mail->to, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int error;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGPIPE); /* which we do not hear */
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &signals);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	error = posix_spawn(ret, t->sendmail, &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	return error;
}

/* As programs have it: lines end with LF. */
static void add_lines(struct text *out, const struct smtp_mail *mail)
{
	for (size_t i = 0; i < mail->len; i++)
		if (mail->bytes[i] != '\r')
			text_addc(out, mail->bytes[i]);
}

static enum smtp_result by_program(const struct dmarc_transport *t, const struct smtp_mail *mail, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(mail->len);
	int64_t deadline = clock_mono_ms() + t->server.timeout_ms;
	int fds[2], error, status;
	bool fed;
	pid_t pid;

	add_lines(&lines, mail);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return failed(why, t->sendmail, strerror(errno));
	error = start(t, mail, fds[0], &pid);
	(void)close(fds[0]);
	if (error) {
		(void)close(fds[1]);
		return failed(why, t->sendmail, strerror(error));
	}
	(void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
	fed = feed(fds[1], text_str(&lines), lines.len, deadline);
	if (!fed)
		(void)kill(pid, SIGKILL); /* before the end of its input: half a mail is not to be sent */
	(void)close(fds[1]);
	status = wait_for(pid, deadline);
	if (!fed && status == 0)
		return failed(why, t->sendmail, "has not read all of the mail");
	return result_of(status, t->sendmail, why);
}

enum smtp_result dmarc_send(const struct dmarc_transport *t, const struct smtp_mail *mail, struct text *why)
{
	return t->server.host ? smtp_send(&t->server, mail, why) : by_program(t, mail, why);
}
