/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_sentinels.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/services/redis_slots.h"

#define CALM_MS     1000 /* between two questions */
#define HURRY_MS    100
#define PATIENCE_MS 500 /* with one sentinel: where the primary's machine is gone, a sentinel that was on it is, too */

struct redis_sentinels {
	struct redis_sentinels_settings settings;
	struct redis_link *link; /* to the one at hand; NULL: none */
	bool ready, asked, hurry;
	size_t at, silent; /* the index of the one at hand; how many in a row had no answer */
	struct redis_command command;
	struct event *timer;
};

static void plan(struct redis_sentinels *s, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)event_add(s->timer, &tv);
}

/* The one at hand has no answer: the next one, after a while if that was the last. */
static void next(struct redis_sentinels *s, const char *why)
{
	char told[REDIS_WHY_MAX + REDIS_SERVER_MAX + 16];

	(void)snprintf(told, sizeof told, "sentinel %s: %s", s->settings.servers[s->at], why);
	s->at = (s->at + 1) % s->settings.server_count;
	s->silent++;
	plan(s, s->silent % s->settings.server_count ? 0 : s->hurry ? HURRY_MS * 2 : CALM_MS);
	if (s->silent >= s->settings.server_count)
		s->settings.failed(s->settings.arg, told);
}

static void leave(struct redis_sentinels *s)
{
	struct redis_link *link = s->link;

	redis_command_forget(&s->command);
	s->link = NULL;
	s->ready = s->asked = false;
	redis_link_leave(link, true);
}

static void on_gone(void *arg, const char *why)
{
	struct redis_sentinels *s = arg;

	s->link = NULL;
	s->ready = s->asked = false;
	next(s, why);
}

static void on_answer(struct redis_command *c, const redisReply *reply)
{
	struct redis_sentinels *s = (struct redis_sentinels *)((char *)c - offsetof(struct redis_sentinels, command));
	char server[REDIS_SERVER_MAX], why[REDIS_WHY_MAX];
	const redisReply *host, *port;

	s->asked = false;
	if (!reply) /* on_gone() comes next */
		return;
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
		host = reply->element[0];
		port = reply->element[1];
		if (host->type == REDIS_REPLY_STRING && port->type == REDIS_REPLY_STRING &&
			redis_server_write(server, host->str, (size_t)host->len, strtol(port->str, NULL, 10), "")) {
			s->silent = 0;
			plan(s, s->hurry ? HURRY_MS : CALM_MS);
			s->settings.found(s->settings.arg, server);
			return;
		}
	}
	if (reply->type == REDIS_REPLY_NIL)
		(void)snprintf(why, sizeof why, "it knows no master '%.100s'", s->settings.master);
	else
		(void)snprintf(why, sizeof why, "%s", reply->type == REDIS_REPLY_ERROR ? reply->str : "it does not answer as a sentinel does");
	leave(s);
	next(s, why);
}

static void on_ready(void *arg)
{
	struct redis_sentinels *s = arg;

	s->ready = true;
	plan(s, 0);
}

static void on_timer(int fd, short what, void *arg)
{
	static const char *const question[] = { "SENTINEL", "GET-MASTER-ADDR-BY-NAME" };
	const struct redis_link_owner owner = { on_ready, on_gone, arg };
	struct redis_sentinels *s = arg;

	(void)fd;
	(void)what;
	if (s->asked || (s->link && !s->ready)) /* the link's patience is the bound */
		return;
	if (!s->link) {
		s->link = redis_link_open(&s->settings.link, s->settings.servers[s->at], &owner);
		if (!s->link)
			next(s, "out of memory");
		return;
	}
	s->command = (struct redis_command){ .argc = 3, .argv = { question[0], question[1], s->settings.master },
		.lengths = { strlen(question[0]), strlen(question[1]), strlen(s->settings.master) }, .replied = on_answer };
	s->asked = redis_link_send(s->link, &s->command, false);
	if (!s->asked) {
		leave(s);
		next(s, "out of memory");
	}
}

struct redis_sentinels *redis_sentinels_new(const struct redis_sentinels_settings *settings)
{
	struct redis_sentinels *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->settings = *settings;
	s->settings.link.role = REDIS_SENTINEL;
	s->settings.link.links = NULL;
	s->settings.link.script_count = 0;
	s->settings.link.timeout_ms = PATIENCE_MS;
	s->timer = event_new(reactor_base(settings->link.reactor), -1, 0, on_timer, s);
	if (s->timer)
		return s;
	free(s);
	return NULL;
}

void redis_sentinels_hurry(struct redis_sentinels *s, bool hurry)
{
	bool was = s->hurry;

	s->hurry = hurry;
	if (hurry && !was)
		plan(s, 0);
}

void redis_sentinels_free(struct redis_sentinels *s)
{
	if (!s)
		return;
	leave(s);
	redis_link_leave_all(&s->settings.link);
	event_free(s->timer);
	free(s);
}
