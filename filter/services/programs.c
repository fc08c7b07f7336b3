/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/programs.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "filter/base/text.h"
#include "filter/base/vec.h"
#include "filter/services/clock.h"
#include "filter/services/program_child.h"
#include "filter/services/program_line.h"

#define RETRY_MIN_MS     1000
#define RETRY_MAX_MS     60000
#define STEADY_MS        2000     /* it runs, though nobody has asked it yet */
#define LIVED_MS         30000    /* after that its next end is a new matter */
#define END_MS           3000     /* for processes to end: they are killed in 2 s */
#define MAX_SILENT       10       /* questions in a row without an answer */
#define MAX_OPEN         1000     /* questions */
#define MAX_UNREAD_BYTES (16u << 20) /* that it has not taken */
#define WHY_MAX          300

struct ask {
	struct ask *next;
	struct program *program;
	uint64_t id;
	int64_t deadline_ms;
	void (*done)(void *arg, const struct sluice_program_answer *answer);
	void *arg;
	char *request; /* until it is sent */
	size_t len;
};

struct programs {
	struct reactor *reactor;
	struct health *health;
	void (*said)(void *arg, const char *name, const char *line);
	void *arg;

	pthread_mutex_t lock; /* guards all below, and the references of programs */
	pthread_cond_t changed;
	bool started, stopped;
	unsigned children;
	VEC(struct program *) list;
};

struct program {
	struct programs *all;
	unsigned references;
	char *definition; /* all of it, to compare */
	char *name, *subject, *socket, *greeting;
	VEC(char *) argv; /* NULL-terminated, or empty */
	int64_t timeout_ms;

	/* of the reactor's thread: */
	bool closed;
	struct bufferevent *link; /* NULL: there is nobody to ask */
	struct program_child *child; /* NULL: it has no process, or none any more */
	struct event *retry, *timer, *steady;
	int64_t began_ms, retry_ms;
	uint64_t next_id, lines;
	unsigned silent, open;
	struct ask *first, **last; /* in the order of asking, and so of their deadlines */
	char why[WHY_MAX]; /* it is not there */
};

static void begin(struct program *p);

static void add_timer(struct event *e, int64_t ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)evtimer_add(e, &t);
}

/* ---- questions ---- */

static void answer(struct ask *a, enum sluice_program_status status, const char *text, size_t len)
{
	struct sluice_program_answer answer = { .status = status };

	if (status == SLUICE_PROGRAM_OK) {
		answer.line = text;
		answer.len = len;
	} else {
		answer.why = text;
	}
	a->done(a->arg, &answer);
	free(a->request);
	free(a);
}

static void set_deadline(struct program *p)
{
	int64_t left = p->first ? p->first->deadline_ms - clock_mono_ms() : 0;

	if (p->first)
		add_timer(p->timer, left > 0 ? left : 0);
	else
		(void)evtimer_del(p->timer);
}

/* Take it out of those that are open. */
static struct ask *take(struct program *p, struct ask **at)
{
	struct ask *a = *at;

	*at = a->next;
	if (!a->next)
		p->last = at;
	p->open--;
	return a;
}

static void fail_all(struct program *p, const char *why)
{
	while (p->first)
		answer(take(p, &p->first), SLUICE_PROGRAM_FAILED, why, 0);
	(void)evtimer_del(p->timer);
}

/* ---- the link ---- */

/* It is not there: when it is tried again depends on how often that was in vain. */
static void down(struct program *p, const char *why)
{
	char told[WHY_MAX + 40];
	bool lived = p->began_ms && clock_mono_ms() - p->began_ms >= LIVED_MS;

	p->retry_ms = lived || !p->retry_ms ? RETRY_MIN_MS : p->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : p->retry_ms * 2;
	p->began_ms = 0;
	if (why != p->why)
		(void)snprintf(p->why, sizeof p->why, "%s", why);
	(void)snprintf(told, sizeof told, "%s; the next try is in %lld s", p->why, (long long)p->retry_ms / 1000);
	health_report(p->all->health, p->subject, false, told);
	add_timer(p->retry, p->retry_ms);
}

static void unlink_it(struct program *p, const char *why)
{
	if (p->link)
		bufferevent_free(p->link);
	p->link = NULL;
	(void)evtimer_del(p->steady);
	fail_all(p, why);
}

/* Nobody is there any more, or nobody whom it makes sense to ask. A process is first ended; why "": its end will say. */
static void lose(struct program *p, const char *why)
{
	(void)snprintf(p->why, sizeof p->why, "%s", why);
	unlink_it(p, *why ? why : "it went away");
	if (p->child)
		program_child_end(p->child);
	else
		down(p, p->why);
}

static void on_said(void *arg, const char *name, const char *line)
{
	struct programs *all = arg;

	all->said(all->arg, name, line);
}

static void on_ended(void *arg, void *owner, const char *how)
{
	struct programs *all = arg;
	struct program *p = owner;

	(void)pthread_mutex_lock(&all->lock);
	all->children--;
	(void)pthread_cond_signal(&all->changed);
	(void)pthread_mutex_unlock(&all->lock);
	if (!p)
		return;
	p->child = NULL;
	unlink_it(p, how);
	down(p, *p->why ? p->why : how);
}

static void is_well(struct program *p)
{
	(void)evtimer_del(p->steady);
	health_report(p->all->health, p->subject, true, "it runs");
}

static void on_steady(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	is_well(arg);
}

/* False: the link is no more. */
static bool on_line(struct program *p, const char *line, size_t len)
{
	struct ask **at = &p->first;
	char what[PROGRAM_LINE_WHY_MAX], why[WHY_MAX];
	uint64_t id;

	p->lines++;
	if (!program_line_id(line, len, &id, what)) {
		(void)snprintf(why, sizeof why, "line %llu of its output is no answer: %s", (unsigned long long)p->lines, what);
		lose(p, why);
		return false;
	}
	if (id >= p->next_id) {
		(void)snprintf(why, sizeof why, "line %llu of its output answers question %llu, which nobody has asked", (unsigned long long)p->lines,
			(unsigned long long)id);
		lose(p, why);
		return false;
	}
	p->silent = 0;
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	if (evtimer_pending(p->steady, NULL))
		is_well(p); /* before the check has its say about the answer */
	if (*at) /* else its time was up */
		answer(take(p, at), SLUICE_PROGRAM_OK, line, len);
	set_deadline(p);
	return true;
}

static void on_read(struct bufferevent *link, void *arg)
{
	struct program *p = arg;
	struct evbuffer *in = bufferevent_get_input(link);
	bool goes_on = true;
	char why[WHY_MAX], *line;
	size_t len;

	while (goes_on && (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		if (len > SLUICE_PROGRAM_LINE_MAX)
			break;
		goes_on = on_line(p, line, len);
		free(line);
		line = NULL;
	}
	if (!goes_on)
		return;
	if (line || evbuffer_get_length(in) > SLUICE_PROGRAM_LINE_MAX) {
		(void)snprintf(why, sizeof why, "line %llu of its output has more than %d octets", (unsigned long long)p->lines + 1,
			SLUICE_PROGRAM_LINE_MAX);
		lose(p, why);
	}
	free(line);
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
	struct program *p = arg;

	(void)link;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		lose(p, p->child ? "" : "it has closed the connection");
}

static void on_timer(int fd, short what, void *arg)
{
	struct program *p = arg;
	int64_t now = clock_mono_ms();

	(void)fd;
	(void)what;
	while (p->first && p->first->deadline_ms <= now) {
		answer(take(p, &p->first), SLUICE_PROGRAM_TIMEOUT, "no answer in its time", 0);
		p->silent++;
	}
	set_deadline(p);
	if (p->silent >= MAX_SILENT) {
		char why[WHY_MAX];

		(void)snprintf(why, sizeof why, "%u questions in a row had no answer in %lld ms", p->silent, (long long)p->timeout_ms);
		lose(p, why);
	}
}

static void on_retry(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin(arg);
}

/* The descriptor of a link to a new process. -1: p->why says why not. */
static int start_process(struct program *p)
{
	struct programs *all = p->all;
	const struct program_child_of of = { .name = p->name, .socket_type = SOCK_STREAM, .owner = p, .said = on_said, .ended = on_ended, .arg = all };
	int link, r = program_child_start(reactor_base(all->reactor), (const char *const *)(void *)p->argv.items, &of, &p->child, &link);

	if (r < 0) {
		(void)snprintf(p->why, sizeof p->why, "%s cannot be started: %s", p->argv.items[0], strerror(-r));
		return -1;
	}
	(void)pthread_mutex_lock(&all->lock);
	all->children++;
	(void)pthread_mutex_unlock(&all->lock);
	return link;
}

/* A unix socket says at once whether somebody listens, and has room for us. */
static int connect_to(struct program *p)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", p->socket);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)&to, sizeof to) == 0)
		return fd;
	(void)snprintf(p->why, sizeof p->why, "nobody can be reached at %s: %s", p->socket, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static void begin(struct program *p)
{
	int fd = p->argv.len ? start_process(p) : connect_to(p);

	if (fd < 0) {
		down(p, p->why);
		return;
	}
	p->why[0] = '\0';
	p->began_ms = clock_mono_ms();
	p->lines = 0;
	p->silent = 0;
	p->link = bufferevent_socket_new(reactor_base(p->all->reactor), fd, BEV_OPT_CLOSE_ON_FREE);
	if (!p->link) {
		(void)close(fd);
		lose(p, "out of memory");
		return;
	}
	bufferevent_setcb(p->link, on_read, NULL, on_event, p);
	bufferevent_setwatermark(p->link, EV_READ, 0, 2 * SLUICE_PROGRAM_LINE_MAX);
	if (bufferevent_enable(p->link, EV_READ | EV_WRITE) < 0 || evbuffer_add_printf(bufferevent_get_output(p->link), "%s\n", p->greeting) < 0)
		lose(p, "out of memory");
	else
		add_timer(p->steady, STEADY_MS);
}

/* ---- asking ---- */

static bool send_question(struct program *p, const struct ask *a)
{
	struct evbuffer *out = bufferevent_get_output(p->link);

	/* a part of a line must not go out: what is there is whole, or the link is given up */
	return evbuffer_add_printf(out, "{\"id\": %llu, \"ask\": ", (unsigned long long)a->id) >= 0 &&
	       evbuffer_add(out, a->request, a->len) == 0 && evbuffer_add(out, "}\n", 2) == 0;
}

static void on_ask(void *arg)
{
	struct ask *a = arg;
	struct program *p = a->program;

	if (p->closed) {
		answer(a, SLUICE_PROGRAM_FAILED, "it is being ended", 0);
	} else if (!p->link) {
		answer(a, SLUICE_PROGRAM_FAILED, *p->why ? p->why : "it went away", 0);
	} else if (p->open >= MAX_OPEN) {
		answer(a, SLUICE_PROGRAM_FAILED, "too many of its questions are open", 0);
	} else if (evbuffer_get_length(bufferevent_get_output(p->link)) > MAX_UNREAD_BYTES) {
		answer(a, SLUICE_PROGRAM_FAILED, "it does not read its questions", 0);
	} else {
		a->id = p->next_id++;
		a->deadline_ms = clock_mono_ms() + p->timeout_ms;
		*p->last = a;
		p->last = &a->next;
		p->open++;
		if (p->first == a)
			set_deadline(p);
		if (!send_question(p, a)) {
			lose(p, "out of memory");
			return;
		}
		free(a->request);
		a->request = NULL;
	}
}

void program_ask(struct program *p, const char *request, size_t len,
	void (*done)(void *arg, const struct sluice_program_answer *answer), void *arg)
{
	struct ask *a = len <= SLUICE_PROGRAM_REQUEST_MAX ? calloc(1, sizeof *a) : NULL;
	struct sluice_program_answer failed = { .status = SLUICE_PROGRAM_FAILED, .why = a ? "out of memory" : "the question is too long" };

	if (a) {
		*a = (struct ask){ .program = p, .done = done, .arg = arg, .request = malloc(len + 1), .len = len };
		if (a->request)
			memcpy(a->request, request, len);
		if (a->request && reactor_post(p->all->reactor, on_ask, a) == 0)
			return;
		free(a->request);
		free(a);
	}
	done(arg, &failed);
}

/* ---- programs ---- */

const char *program_name(const struct program *p)
{
	return p ? p->name : "";
}

static void on_begin(void *arg)
{
	struct program *p = arg;

	if (!p->closed && !p->link && !p->child && !evtimer_pending(p->retry, NULL))
		begin(p);
}

static void free_timers(struct program *p)
{
	struct event **const timers[] = { &p->retry, &p->timer, &p->steady };

	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		if (*timers[i])
			event_free(*timers[i]);
		*timers[i] = NULL;
	}
}

/* On the reactor's thread. */
static void close_program(void *arg)
{
	struct program *p = arg;

	if (p->closed)
		return;
	p->closed = true;
	unlink_it(p, "it is being ended");
	free_timers(p);
	if (p->child)
		program_child_leave(p->child);
	p->child = NULL;
}

static void program_free(struct program *p)
{
	free_timers(p);
	for (size_t i = 0; i < p->argv.len; i++)
		free(p->argv.items[i]);
	vec_done(&p->argv);
	free(p->definition);
	free(p->name);
	free(p->subject);
	free(p->socket);
	free(p->greeting);
	free(p);
}

static bool copy_argv(struct program *p, const char *const *argv)
{
	for (; argv && *argv; argv++) {
		char *copy = strdup(*argv);

		if (!copy || !vec_push(&p->argv, copy)) {
			free(copy);
			return false;
		}
	}
	return !p->argv.len || vec_push(&p->argv, NULL);
}

static struct program *program_new(struct programs *all, const struct sluice_program *d, const char *definition)
{
	struct event_base *base = reactor_base(all->reactor);
	struct program *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	*p = (struct program){ .all = all, .references = 1, .timeout_ms = d->timeout_ms, .next_id = 1 };
	p->last = &p->first;
	p->definition = strdup(definition);
	p->name = strdup(d->name);
	p->socket = strdup(d->socket ? d->socket : "");
	p->greeting = strdup(d->greeting);
	if (asprintf(&p->subject, "program %s", d->name) < 0)
		p->subject = NULL;
	p->retry = evtimer_new(base, on_retry, p);
	p->timer = evtimer_new(base, on_timer, p);
	p->steady = evtimer_new(base, on_steady, p);
	if (!copy_argv(p, d->argv) || !p->definition || !p->name || !p->socket || !p->greeting || !p->subject || !p->retry || !p->timer ||
		!p->steady) {
		program_free(p);
		return NULL;
	}
	return p;
}

/* Each part behind its length, so that no two are alike. */
static void describe(struct text *out, const struct sluice_program *d)
{
	text_addf(out, "%zu:%s%zu:%s%lld ", strlen(d->name), d->name, strlen(d->greeting), d->greeting, (long long)d->timeout_ms);
	if (d->socket)
		text_addf(out, "s%zu:%s", strlen(d->socket), d->socket);
	for (size_t i = 0; d->argv && d->argv[i]; i++)
		text_addf(out, "a%zu:%s", strlen(d->argv[i]), d->argv[i]);
}

struct program *programs_get(struct programs *all, const struct sluice_program *definition)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(1u << 20);
	struct program *p = NULL;
	bool fresh, start;

	describe(&text, definition);
	if (text.failed)
		return NULL;
	(void)pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->list.len && !p; i++)
		if (!strcmp(all->list.items[i]->definition, text_str(&text)))
			p = all->list.items[i];
	fresh = !p;
	if (p)
		p->references++;
	else
		p = program_new(all, definition, text_str(&text));
	if (fresh && p && !vec_push(&all->list, p)) {
		program_free(p);
		p = NULL;
	}
	start = all->started && !all->stopped;
	(void)pthread_mutex_unlock(&all->lock);
	if (fresh && p && start)
		reactor_call(all->reactor, on_begin, p);
	return p;
}

void program_unref(struct program *p)
{
	struct programs *all = p ? p->all : NULL;
	bool last, others = false;
	size_t kept = 0;

	if (!p)
		return;
	(void)pthread_mutex_lock(&all->lock);
	last = --p->references == 0;
	for (size_t i = 0; last && i < all->list.len; i++) {
		if (all->list.items[i] == p)
			continue;
		others |= !strcmp(all->list.items[i]->name, p->name);
		all->list.items[kept++] = all->list.items[i];
	}
	if (last)
		all->list.len = kept;
	(void)pthread_mutex_unlock(&all->lock);
	if (!last)
		return;
	reactor_call(all->reactor, close_program, p);
	if (!others)
		health_forget(all->health, p->subject);
	program_free(p);
}

struct programs *programs_new(struct reactor *r, struct health *h, void (*said)(void *arg, const char *name, const char *line), void *arg)
{
	struct programs *all = calloc(1, sizeof *all);

	if (!all)
		return NULL;
	all->reactor = r;
	all->health = h;
	all->said = said;
	all->arg = arg;
	(void)pthread_mutex_init(&all->lock, NULL);
	clock_cond_init(&all->changed);
	return all;
}

void programs_start(struct programs *all)
{
	(void)pthread_mutex_lock(&all->lock);
	all->started = true;
	(void)pthread_mutex_unlock(&all->lock);
	/* none comes or goes meanwhile: the daemon is the only thread so far */
	for (size_t i = 0; i < all->list.len; i++)
		reactor_call(all->reactor, on_begin, all->list.items[i]);
}

/* On the reactor's thread. One that another thread lets go of meanwhile lives on until that thread has closed it here. */
static void close_all(void *arg)
{
	struct programs *all = arg;
	struct program *p;

	do {
		p = NULL;
		(void)pthread_mutex_lock(&all->lock);
		for (size_t i = 0; i < all->list.len && !p; i++)
			p = all->list.items[i]->closed ? NULL : all->list.items[i];
		(void)pthread_mutex_unlock(&all->lock);
		if (p)
			close_program(p);
	} while (p);
}

void programs_stop(struct programs *all)
{
	struct timespec until;

	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	all->stopped = true;
	(void)pthread_mutex_unlock(&all->lock);
	reactor_call(all->reactor, close_all, all);
	until = clock_timespec(clock_mono_ms() + END_MS);
	(void)pthread_mutex_lock(&all->lock);
	while (all->children)
		if (pthread_cond_timedwait(&all->changed, &all->lock, &until))
			break;
	(void)pthread_mutex_unlock(&all->lock);
}

void programs_free(struct programs *all)
{
	if (!all)
		return;
	vec_done(&all->list);
	(void)pthread_cond_destroy(&all->changed);
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
}
