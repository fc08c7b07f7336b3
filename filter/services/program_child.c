/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/program_child.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "filter/base/text.h"
#include "filter/services/clock.h"
#include "filter/services/program_process.h"

#define KILL_S      2    /* between SIGTERM and SIGKILL */
#define SAID_MAX    1000 /* octets of a line of its errors */
#define SAID_MINUTE 100  /* lines in a minute; more are dropped */
#define NAME_BYTES  64
#define HOW_MAX     80

struct program_child {
	struct program_child_of of;
	char name[NAME_BYTES];
	struct program_process process;
	struct event *exited, *errors, *kill;
	bool ending;
	struct text said; /* the line that it is in the middle of */
	int64_t minute_ms;
	unsigned lines;
};

static void tell(struct program_child *c)
{
	int64_t now = clock_mono_ms();

	if (now - c->minute_ms >= 60000) {
		c->minute_ms = now;
		c->lines = 0;
	}
	if (c->said.len && c->lines++ < SAID_MINUTE)
		c->of.said(c->of.arg, c->name, text_str(&c->said));
	text_clear(&c->said);
}

static void on_errors(int fd, short what, void *arg)
{
	struct program_child *c = arg;
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof bytes);

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		(void)event_del(c->errors);
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			tell(c);
		else if (c->said.len < SAID_MAX)
			text_addc(&c->said, bytes[i]);
	}
}

static void on_kill(int fd, short what, void *arg)
{
	struct program_child *c = arg;

	(void)fd;
	(void)what;
	program_process_signal(&c->process, SIGKILL);
}

static void child_free(struct program_child *c)
{
	if (c->exited)
		event_free(c->exited);
	if (c->errors)
		event_free(c->errors);
	if (c->kill)
		event_free(c->kill);
	(void)close(c->process.exited);
	(void)close(c->process.errors);
	text_done(&c->said);
	free(c);
}

static void on_exited(int fd, short what, void *arg)
{
	struct program_child *c = arg;
	struct program_child_of of = c->of;
	char how[HOW_MAX];

	(void)fd;
	(void)what;
	program_process_reap(&c->process, how, sizeof how);
	on_errors(c->process.errors, EV_READ, c); /* its last words */
	tell(c);
	child_free(c);
	of.ended(of.arg, of.owner, how);
}

int program_child_start(struct event_base *base, const char *const *argv, const struct program_child_of *of, struct program_child **ret,
	int *ret_link)
{
	struct program_child *c = calloc(1, sizeof *c);
	char how[HOW_MAX];
	int r = c ? program_process_start(argv, of->socket_type, &c->process) : -ENOMEM;

	if (r < 0) {
		free(c);
		return r;
	}
	c->of = *of;
	(void)snprintf(c->name, sizeof c->name, "%s", of->name);
	c->said = TEXT_INIT(SAID_MAX);
	c->exited = event_new(base, c->process.exited, EV_READ, on_exited, c);
	c->errors = event_new(base, c->process.errors, EV_READ | EV_PERSIST, on_errors, c);
	c->kill = evtimer_new(base, on_kill, c);
	if (!c->exited || !c->errors || !c->kill || event_add(c->exited, NULL) < 0 || event_add(c->errors, NULL) < 0) {
		(void)close(c->process.link);
		program_process_reap(&c->process, how, sizeof how);
		child_free(c);
		return -ENOMEM;
	}
	*ret = c;
	*ret_link = c->process.link;
	return 0;
}

void program_child_end(struct program_child *c)
{
	const struct timeval grace = { .tv_sec = KILL_S };

	if (c->ending)
		return;
	c->ending = true;
	program_process_signal(&c->process, SIGTERM);
	(void)evtimer_add(c->kill, &grace);
}

void program_child_leave(struct program_child *c)
{
	c->of.owner = NULL;
	program_child_end(c);
}
