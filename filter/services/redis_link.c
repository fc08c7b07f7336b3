/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/redis_link.h"

#include <event2/event.h>
#include <hiredis/adapters/libevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "filter/base/ascii.h"
#include "filter/services/clock.h"
#include "filter/services/redis_guard.h"

/* A command that was sent; hiredis has it until it is answered, whoever still waits for that. */
struct redis_sent {
	struct redis_sent *next, *before; /* in the order of sending */
	struct redis_link *link;
	struct redis_command *command; /* NULL: nobody waits */
	int64_t sent_ms;
};

struct redis_link {
	struct redis_link *next_link, *before_link; /* of those with these settings */
	struct redis_link_settings *settings;
	struct redis_link_owner owner;
	bool left; /* the owner has */
	redisAsyncContext *context; /* NULL: it could not be made */
	struct redis_guard guard;
	bool there;  /* the connection is made */
	bool ready;  /* and we were let in */
	bool ending; /* what was heard last was bad */
	struct event *timer;
	struct redis_sent *first, *last;
	char why[REDIS_WHY_MAX]; /* it ended; "": as the context says */
	int port;
	char host[REDIS_SERVER_MAX];
};

bool redis_server_read(const char *server, char ret_host[REDIS_SERVER_MAX], int *ret_port)
{
	const char *colon = strrchr(server, ':');
	size_t len = colon ? (size_t)(colon - server) : 0;
	uint64_t port = 0;

	if (strlen(server) >= REDIS_SERVER_MAX)
		return false;
	if (*server == '/')
		len = strlen(server);
	else if (!len || !ascii_to_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || !port)
		return false;
	if (server[0] == '[' && len > 2 && server[len - 1] == ']') {
		server++;
		len -= 2;
	}
	memcpy(ret_host, server, len);
	ret_host[len] = '\0';
	*ret_port = (int)port;
	return true;
}

/* ---- the end ---- */

static void link_free(struct redis_link *l)
{
	*(l->before_link ? &l->before_link->next_link : &l->settings->links) = l->next_link;
	if (l->next_link)
		l->next_link->before_link = l->before_link;
	if (l->timer)
		event_free(l->timer);
	free(l);
}

/* hiredis has answered all that was under way with nothing, and frees the context. */
static void ended(struct redis_link *l, const char *otherwise)
{
	char why[REDIS_WHY_MAX];

	(void)snprintf(why, sizeof why, "%s", *l->why ? l->why : otherwise && *otherwise ? otherwise : "the connection was closed");
	if (!l->left)
		l->owner.gone(l->owner.arg, why);
	link_free(l);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
	ended(context->data, status == REDIS_OK ? "" : context->errstr);
}

/* Not from within a callback of hiredis', other than of a reply. */
static void drop(struct redis_link *l, const char *why)
{
	redisAsyncContext *context = l->context;
	bool there = l->there;

	if (!*l->why)
		(void)snprintf(l->why, sizeof l->why, "%s", context && context->c.err ? context->c.errstr : why);
	l->ready = false;
	if (context && !there)
		context->data = NULL; /* on_connect() is not to hear of it */
	if (context)
		redisAsyncFree(context);
	if (!there) /* redisAsyncFree() tells on_disconnect() only of a connection that was one */
		ended(l, why);
}

void redis_link_leave(struct redis_link *l, bool at_once)
{
	struct redis_sent *next;

	if (!l)
		return;
	l->left = true;
	l->ready = false;
	if (!at_once && l->first && l->context)
		return;
	for (struct redis_sent *s = l->first; s; s = next) {
		struct redis_command *c = s->command;

		next = s->next;
		s->command = NULL;
		if (!c)
			continue;
		c->sent = NULL;
		c->replied(c, NULL);
	}
	drop(l, "left");
}

/* ---- what is said before it is ready ---- */

/* Send a command of the link's own. */
static void say(struct redis_link *l, redisCallbackFn *done, void *arg, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	l->guard.expected += redisvAsyncCommand(l->context, done, arg, format, args) == REDIS_OK;
	va_end(args);
}

/* A refusal is of the server as a whole, and of another database nothing must be read. */
static bool refused(struct redis_link *l, const redisReply *reply, bool good)
{
	if (good || !reply || l->ending)
		return !good || l->ending;
	(void)snprintf(l->why, sizeof l->why, "%s", reply->type == REDIS_REPLY_ERROR ? reply->str : "it does not answer as a Redis does");
	l->ending = true;
	redisAsyncDisconnect(l->context);
	return true;
}

static bool is_status(const redisReply *reply)
{
	return reply && reply->type == REDIS_REPLY_STATUS;
}

static void now_ready(struct redis_link *l)
{
	if (l->left)
		return;
	l->ready = true;
	l->owner.ready(l->owner.arg);
}

static void on_auth(redisAsyncContext *context, void *got, void *arg)
{
	(void)context;
	(void)refused(arg, got, is_status(got));
}

static void on_select(redisAsyncContext *context, void *got, void *arg)
{
	(void)context;
	(void)refused(arg, got, is_status(got));
}

/* Whoever answers all with +OK is none; a user that may not PING is as good as any. */
static void on_ping(redisAsyncContext *context, void *got, void *arg)
{
	const redisReply *reply = got;
	struct redis_link *l = arg;
	bool good = (is_status(reply) && !strcmp(reply->str, "PONG")) || (reply && reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, "NOPERM", 6));

	if (!refused(l, reply, good) && l->settings->role != REDIS_PRIMARY && !(context->c.flags & REDIS_DISCONNECTING))
		now_ready(l);
}

static void on_role(redisAsyncContext *context, void *got, void *arg)
{
	const redisReply *reply = got;
	struct redis_link *l = arg;
	bool good = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements && reply->element[0]->type == REDIS_REPLY_STRING;

	if (refused(l, got, good) || (context->c.flags & REDIS_DISCONNECTING))
		return;
	if (!strcmp(reply->element[0]->str, "master")) {
		now_ready(l);
		return;
	}
	(void)snprintf(l->why, sizeof l->why, "it is no primary: its role is %.20s", reply->element[0]->str);
	l->ending = true;
	redisAsyncDisconnect(context);
}

static void on_script(redisAsyncContext *context, void *got, void *arg)
{
	const redisReply *reply = got;
	char *sha = arg;

	(void)context;
	if (reply && reply->type == REDIS_REPLY_STRING && reply->len == REDIS_SHA_TEXT - 1)
		memcpy(sha, reply->str, REDIS_SHA_TEXT);
}

static void set_timer(struct redis_link *l, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)event_add(l->timer, &tv);
}

static void greet(struct redis_link *l)
{
	const struct redis_link_settings *settings = l->settings;

	if (*settings->password && *settings->user)
		say(l, on_auth, l, "AUTH %s %s", settings->user, settings->password);
	else if (*settings->password)
		say(l, on_auth, l, "AUTH %s", settings->password);
	if (settings->role != REDIS_SENTINEL) /* has no databases */
		say(l, on_select, l, "SELECT %d", (int)settings->database);
	say(l, on_ping, l, "PING");
	if (settings->role == REDIS_PRIMARY)
		say(l, on_role, l, "ROLE");
	for (size_t i = 0; i < settings->script_count; i++)
		if (settings->scripts[i].text)
			say(l, on_script, settings->scripts[i].sha, "SCRIPT LOAD %s", settings->scripts[i].text);
}

static void on_connect(const redisAsyncContext *context, int status)
{
	struct redis_link *l = context->data;

	if (!l)
		return;
	if (status != REDIS_OK) {
		ended(l, context->errstr);
		return;
	}
	l->there = true;
	if (!l->left)
		greet(l);
}

/* What was sent and has not arrived is not to arrive later, when it has been counted elsewhere: the kernel would go on trying. */
static void give_up(struct redis_link *l)
{
	const struct linger none = { .l_onoff = 1 };

	(void)setsockopt(l->context->c.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	drop(l, "no answer within the timeout");
}

static void on_timer(int fd, short what, void *arg)
{
	struct redis_link *l = arg;
	int64_t timeout_ms = l->settings->timeout_ms, age_ms = l->first ? clock_mono_ms() - l->first->sent_ms : 0;

	(void)fd;
	(void)what;
	if (!l->context || l->context->c.err)
		drop(l, "out of memory");
	else if (!l->ready && !l->left)
		drop(l, "no connection within the timeout");
	else if (age_ms >= timeout_ms)
		give_up(l);
	else
		set_timer(l, l->first ? timeout_ms - age_ms + 1 : timeout_ms);
}

void redis_link_leave_all(struct redis_link_settings *settings)
{
	while (settings->links)
		redis_link_leave(settings->links, true);
}

struct redis_link *redis_link_open(struct redis_link_settings *settings, const char *server, const struct redis_link_owner *owner)
{
	struct redis_link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->settings = settings;
	l->owner = *owner;
	l->next_link = settings->links;
	if (l->next_link)
		l->next_link->before_link = l;
	settings->links = l;
	l->timer = event_new(reactor_base(settings->reactor), -1, 0, on_timer, l);
	if (!l->timer || !redis_server_read(server, l->host, &l->port)) {
		link_free(l);
		return NULL;
	}
	l->context = l->port ? redisAsyncConnect(l->host, l->port) : redisAsyncConnectUnix(l->host);
	if (!l->context || l->context->err) {
		event_active(l->timer, EV_TIMEOUT, 0);
		return l;
	}
	if (settings->tls && !redis_tls_begin(settings->tls, l->context, l->host)) {
		(void)snprintf(l->why, sizeof l->why, "%s", l->context->c.err ? l->context->c.errstr : "TLS cannot be begun");
		set_timer(l, 0);
		return l;
	}
	l->context->data = l;
	redis_guard_install(&l->guard, l->context);
	(void)redisLibeventAttach(l->context, reactor_base(settings->reactor)); /* first: the call after it waits for an event */
	(void)redisAsyncSetConnectCallback(l->context, on_connect);
	(void)redisAsyncSetDisconnectCallback(l->context, on_disconnect);
	set_timer(l, settings->timeout_ms);
	return l;
}

/* ---- commands ---- */

static void on_reply(redisAsyncContext *context, void *got, void *arg)
{
	struct redis_sent *s = arg;
	struct redis_link *l = s->link;
	struct redis_command *c = s->command;

	*(s->before ? &s->before->next : &l->first) = s->next;
	*(s->next ? &s->next->before : &l->last) = s->before;
	free(s);
	if (c) {
		c->sent = NULL;
		c->replied(c, got);
	}
	if (got && l->left && !l->first)
		redisAsyncDisconnect(context);
}

bool redis_link_send(struct redis_link *l, struct redis_command *c, bool asking)
{
	struct redis_sent *s;

	if (!l->ready || l->ending)
		return false;
	s = calloc(1, sizeof *s);
	if (!s)
		return false;
	if (asking)
		say(l, NULL, NULL, "ASKING");
	if (redisAsyncCommandArgv(l->context, on_reply, s, c->argc, c->argv, c->lengths) != REDIS_OK) {
		free(s);
		return false;
	}
	l->guard.expected++;
	*s = (struct redis_sent){ .before = l->last, .link = l, .command = c, .sent_ms = clock_mono_ms() };
	*(l->last ? &l->last->next : &l->first) = s;
	l->last = s;
	c->sent = s;
	return true;
}

void redis_command_forget(struct redis_command *c)
{
	if (c->sent)
		c->sent->command = NULL;
	c->sent = NULL;
}
