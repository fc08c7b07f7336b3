/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/scanner.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter/base/fd.h"
#include "filter/base/text.h"
#include "filter/services/clock.h"
#include "filter/services/program_child.h"
#include "filter/services/scan_wire.h"

#define SUBJECT         "scan"
#define BEGIN_MS        10000 /* for a helper to be ready */
#define RETRY_MIN_MS    1000
#define RETRY_MAX_MS    10000
#define END_MS          3000  /* for processes to end: they are killed in 2 s */
#define GONE_MS         1000  /* from the end of the link to that of the process */
#define MAX_FAILED      5     /* files in a row, before this is worth a word */
#define MAX_QUEUED      200
#define MAX_QUEUED_BYTES (256u << 20)
#define OWN_TIME(ms)    ((ms) * 4 / 5) /* in which a helper ends by itself, and says what it has found so far */
#define START_CPU_S     2
#define ARGUMENTS       7
#define WHY_MAX         300

struct job {
	struct job *next;
	struct scanner *scanner;
	int fd; /* of the file; -1: it is the helper's */
	size_t len;
	int64_t asked_ms;
	struct text request;
	void (*done)(void *arg, struct sluice_scan_answer *answer);
	void *arg;
};

enum worker_state {
	WORKER_DOWN,   /* it has no process, and is tried again later */
	WORKER_BEGINS, /* until it is ready */
	WORKER_IDLE,
	WORKER_BUSY,   /* with a job */
	WORKER_GONE,   /* the end of its process will be heard of */
};

struct worker {
	struct scanner *scanner;
	enum worker_state state;
	struct program_child *child; /* unless DOWN */
	int link;
	struct event *readable; /* of the link */
	struct event *timer;    /* of the state: its time is up, or of DOWN, it is tried again */
	struct job *job;        /* of BUSY */
	int64_t retry_ms;       /* 0: all was well so far */
};

struct scanner {
	struct scanner_host host;
	struct scanner_settings settings;
	char *helper;
	char arguments[ARGUMENTS][24];

	pthread_mutex_t lock; /* guards these two */
	pthread_cond_t changed;
	unsigned references, children;

	/* of the reactor's thread: */
	bool closed;
	struct worker *workers;
	size_t worker_count;
	struct job *first, **last;
	unsigned queued, failed;
	size_t queued_bytes;
	char why[WHY_MAX]; /* no helper is there */
};

static const char broken[] = "the helper said what is no answer";

static void begin(struct worker *w);

/* ---- jobs ---- */

static void job_free(struct job *j)
{
	if (j->fd >= 0)
		(void)close(j->fd);
	text_done(&j->request);
	free(j);
}

static void finish(struct job *j, struct sluice_scan_answer *answer)
{
	j->done(j->arg, answer);
	job_free(j);
}

static void fail(struct job *j, enum sluice_scan_status status, const char *why)
{
	struct sluice_scan_answer answer = { .status = status, .why = why };

	finish(j, &answer);
}

static struct job *take_job(struct scanner *s)
{
	struct job *j = s->first;

	s->first = j->next;
	if (!s->first)
		s->last = &s->first;
	s->queued--;
	s->queued_bytes -= j->len;
	return j;
}

static void fail_all(struct scanner *s, const char *why)
{
	while (s->first)
		fail(take_job(s), SLUICE_SCAN_FAILED, why);
}

/* ---- helpers ---- */

static void set_timer(struct worker *w, int64_t ms)
{
	struct timeval t = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)evtimer_add(w->timer, &t);
}

/* The link goes, and the process, if it has not gone already; its end is not waited for. */
static void drop(struct worker *w)
{
	if (w->readable)
		event_free(w->readable);
	w->readable = NULL;
	if (w->link >= 0)
		(void)close(w->link);
	w->link = -1;
	if (w->child)
		program_child_leave(w->child);
	w->child = NULL;
	(void)evtimer_del(w->timer);
	w->state = WORKER_DOWN;
}

static bool any_up(const struct scanner *s)
{
	for (size_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].state != WORKER_DOWN)
			return true;
	return false;
}

/* It could not do anything at all: it is tried again later. */
static void begin_later(struct worker *w, const char *why)
{
	struct scanner *s = w->scanner;
	char told[WHY_MAX + 60];

	drop(w);
	if (why != s->why)
		(void)snprintf(s->why, sizeof s->why, "%s", why);
	w->retry_ms = !w->retry_ms ? RETRY_MIN_MS : w->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : w->retry_ms * 2;
	(void)snprintf(told, sizeof told, "%s; the next try is in %lld s", s->why, (long long)w->retry_ms / 1000);
	set_timer(w, w->retry_ms);
	if (any_up(s))
		return;
	health_report(s->host.health, SUBJECT, false, told);
	fail_all(s, s->why);
}

/* It has ended over a file, or is ended: there is a new one at once. */
static void lose_job(struct worker *w, enum sluice_scan_status status, const char *why)
{
	struct scanner *s = w->scanner;
	struct job *j = w->job;
	char told[WHY_MAX];

	w->job = NULL;
	drop(w);
	if (++s->failed >= MAX_FAILED) {
		(void)snprintf(told, sizeof told, "%u files in a row had no answer; of the last: %s", s->failed, why);
		health_report(s->host.health, SUBJECT, false, told);
	}
	begin(w);
	fail(j, status, why);
}

/* It has ended without having had anything to do: once this may be, as when somebody has killed it. */
static void replace(struct worker *w, const char *why)
{
	if (w->retry_ms || w->state == WORKER_BEGINS) {
		begin_later(w, why);
		return;
	}
	w->retry_ms = RETRY_MIN_MS;
	drop(w);
	begin(w);
}

static void is_gone(struct worker *w)
{
	(void)event_del(w->readable);
	w->state = WORKER_GONE;
	set_timer(w, GONE_MS);
}

static bool send_job(struct worker *w, struct job *j)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { j->request.bytes, j->request.len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof j->fd);
	memcpy(CMSG_DATA(c), &j->fd, sizeof j->fd);
	return sendmsg(w->link, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)j->request.len;
}

/* Give files to helpers that have none. */
static void dispatch(struct scanner *s)
{
	for (size_t i = 0; i < s->worker_count; i++) {
		struct worker *w = &s->workers[i];

		while (s->first && clock_mono_ms() - s->first->asked_ms > s->settings.timeout_ms)
			fail(take_job(s), SLUICE_SCAN_TIMEOUT, "no helper had time for it");
		if (!s->first)
			return;
		if (w->state != WORKER_IDLE)
			continue;
		if (!send_job(w, s->first)) { /* the file has not been read by anybody */
			is_gone(w);
			continue;
		}
		w->job = take_job(s);
		(void)close(w->job->fd);
		w->job->fd = -1;
		w->state = WORKER_BUSY;
		set_timer(w, s->settings.timeout_ms);
	}
}

/* What a helper says that has a job is the answer, and the last that is heard of it. */
static void on_answer(struct worker *w, const char *packet, size_t len)
{
	struct scanner *s = w->scanner;
	struct sluice_scan_answer *answer = scan_answer_read(packet, len);
	struct job *j = w->job;

	if (!answer) {
		lose_job(w, SLUICE_SCAN_FAILED, broken);
		return;
	}
	w->job = NULL;
	w->retry_ms = 0;
	drop(w);
	begin(w);
	s->failed = 0;
	health_report(s->host.health, SUBJECT, true, "it works");
	finish(j, answer);
}

/* An answer that has come just before the end. */
static bool last_words(struct worker *w)
{
	char packet[SCAN_ANSWER_MAX + 1];
	ssize_t n = recv(w->link, packet, sizeof packet, MSG_DONTWAIT);

	if (n > 0)
		on_answer(w, packet, (size_t)n);
	return n > 0;
}

static void on_readable(int fd, short what, void *arg)
{
	struct worker *w = arg;
	struct scanner *s = w->scanner;
	char packet[SCAN_ANSWER_MAX + 1];
	ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (w->state == WORKER_BUSY || w->state == WORKER_BEGINS) /* its end will say why, or its time will be up */
			(void)event_del(w->readable);
		else
			is_gone(w);
		return;
	}
	switch (w->state) {
	case WORKER_BEGINS:
		if ((size_t)n != strlen(SCAN_READY) || memcmp(packet, SCAN_READY, (size_t)n) != 0) {
			begin_later(w, broken);
			break;
		}
		w->state = WORKER_IDLE;
		(void)evtimer_del(w->timer);
		if (s->failed < MAX_FAILED)
			health_report(s->host.health, SUBJECT, true, "it works");
		break;
	case WORKER_BUSY:
		on_answer(w, packet, (size_t)n);
		break;
	case WORKER_IDLE: /* nobody has asked it */
		begin_later(w, broken);
		break;
	case WORKER_DOWN:
	case WORKER_GONE:
		break;
	}
	dispatch(s);
}

static void on_ended(void *arg, void *owner, const char *how)
{
	struct scanner *s = arg;
	struct worker *w = owner;
	char why[WHY_MAX];

	if (w) {
		w->child = NULL;
		(void)snprintf(why, sizeof why, "the helper ended: %s", how);
		if (!w->job)
			replace(w, why);
		else if (!last_words(w))
			lose_job(w, SLUICE_SCAN_FAILED, why);
		dispatch(s);
	}
	(void)pthread_mutex_lock(&s->lock);
	s->children--;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

static void on_said(void *arg, const char *name, const char *line)
{
	const struct scanner *s = arg;

	s->host.said(s->host.arg, name, line);
}

static void on_timer(int fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	switch (w->state) {
	case WORKER_DOWN:
		begin(w);
		break;
	case WORKER_BEGINS:
		begin_later(w, "a helper did not get ready in its time");
		break;
	case WORKER_BUSY:
		lose_job(w, SLUICE_SCAN_TIMEOUT, "the helper had no answer in its time");
		break;
	case WORKER_GONE:
		replace(w, "the helper has closed its link");
		break;
	case WORKER_IDLE:
		break;
	}
	dispatch(w->scanner);
}

static void begin(struct worker *w)
{
	struct scanner *s = w->scanner;
	const struct program_child_of of = { .name = SUBJECT, .socket_type = SOCK_SEQPACKET, .owner = w, .said = on_said, .ended = on_ended, .arg = s };
	const char *argv[ARGUMENTS + 2] = { s->helper };
	int r;

	for (size_t i = 0; i < ARGUMENTS; i++)
		argv[i + 1] = s->arguments[i];
	r = program_child_start(reactor_base(s->host.reactor), argv, &of, &w->child, &w->link);
	if (r < 0) {
		(void)snprintf(s->why, sizeof s->why, "%s cannot be started: %s", s->helper, strerror(-r));
		begin_later(w, s->why);
		return;
	}
	(void)pthread_mutex_lock(&s->lock);
	s->children++;
	(void)pthread_mutex_unlock(&s->lock);
	w->state = WORKER_BEGINS;
	w->readable = event_new(reactor_base(s->host.reactor), w->link, EV_READ | EV_PERSIST, on_readable, w);
	set_timer(w, BEGIN_MS);
	if (!w->readable || event_add(w->readable, NULL) < 0)
		begin_later(w, "out of memory");
}

/* ---- asking ---- */

static void on_ask(void *arg)
{
	struct job *j = arg;
	struct scanner *s = j->scanner;

	if (s->closed) {
		fail(j, SLUICE_SCAN_FAILED, "the helpers are being ended");
	} else if (!any_up(s)) {
		fail(j, SLUICE_SCAN_FAILED, *s->why ? s->why : "no helper has been started");
	} else if (s->queued >= MAX_QUEUED || s->queued_bytes + j->len > MAX_QUEUED_BYTES) {
		fail(j, SLUICE_SCAN_FAILED, "too many files wait for a helper");
	} else {
		*s->last = j;
		s->last = &j->next;
		s->queued++;
		s->queued_bytes += j->len;
		dispatch(s);
	}
}

void scanner_ask(struct scanner *s, const struct sluice_scan_request *rq, void (*done)(void *arg, struct sluice_scan_answer *answer), void *arg)
{
	struct sluice_scan_answer failed = { .status = SLUICE_SCAN_FAILED, .why = "out of memory" };
	struct job *j = NULL;

	if ((int64_t)rq->len > s->settings.max_bytes)
		failed = (struct sluice_scan_answer){ .status = SLUICE_SCAN_TOO_LARGE, .why = "it is larger than is looked at" };
	else
		j = calloc(1, sizeof *j);
	if (j) {
		*j = (struct job){ .scanner = s, .len = rq->len, .asked_ms = clock_mono_ms(), .request = TEXT_INIT(SCAN_REQUEST_MAX), .done = done, .arg = arg };
		scan_request_write(&j->request, rq->len, rq->type ? rq->type : "", rq->name ? rq->name : "", rq->name ? rq->name_len : 0);
		j->fd = fd_sealed("sluice-scan", &(struct sluice_text){ rq->bytes, rq->len }, 1);
		if (j->fd >= 0 && !j->request.failed && reactor_post(s->host.reactor, on_ask, j) == 0)
			return;
		job_free(j);
	}
	done(arg, &failed);
}

/* ---- all of them ---- */

bool scanner_settings_equal(const struct scanner_settings *a, const struct scanner_settings *b)
{
	return !strcmp(a->helper, b->helper) && a->workers == b->workers && a->timeout_ms == b->timeout_ms && a->max_bytes == b->max_bytes &&
	       a->depth == b->depth && a->entries == b->entries && a->unpacked_bytes == b->unpacked_bytes && a->ratio == b->ratio &&
	       a->memory_bytes == b->memory_bytes;
}

static void scanner_free(struct scanner *s)
{
	for (size_t i = 0; i < s->worker_count; i++)
		if (s->workers[i].timer)
			event_free(s->workers[i].timer);
	free(s->workers);
	free(s->helper);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

struct scanner *scanner_new(const struct scanner_host *host, const struct scanner_settings *settings)
{
	const int64_t numbers[ARGUMENTS] = { settings->depth, settings->entries, settings->unpacked_bytes, settings->ratio,
		OWN_TIME(settings->timeout_ms), settings->memory_bytes, settings->timeout_ms / 1000 + START_CPU_S };
	struct scanner *s = calloc(1, sizeof *s);
	bool good;

	if (!s)
		return NULL;
	*s = (struct scanner){ .host = *host, .settings = *settings, .references = 1, .helper = strdup(settings->helper) };
	s->settings.helper = s->helper;
	s->last = &s->first;
	(void)pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->changed);
	for (size_t i = 0; i < ARGUMENTS; i++)
		(void)snprintf(s->arguments[i], sizeof s->arguments[i], "%lld", (long long)numbers[i]);
	s->workers = calloc((size_t)settings->workers, sizeof *s->workers);
	good = s->helper && s->workers;
	for (; good && s->worker_count < (size_t)settings->workers; s->worker_count++) {
		struct worker *w = &s->workers[s->worker_count];

		*w = (struct worker){ .scanner = s, .link = -1 };
		w->timer = evtimer_new(reactor_base(host->reactor), on_timer, w);
		good = w->timer != NULL;
	}
	if (good)
		return s;
	scanner_free(s);
	return NULL;
}

const struct scanner_settings *scanner_settings(const struct scanner *s)
{
	return &s->settings;
}

struct scanner *scanner_ref(struct scanner *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->references++;
	(void)pthread_mutex_unlock(&s->lock);
	return s;
}

static void start_all(void *arg)
{
	struct scanner *s = arg;

	for (size_t i = 0; i < s->worker_count; i++)
		begin(&s->workers[i]);
}

void scanner_start(struct scanner *s)
{
	if (s)
		reactor_call(s->host.reactor, start_all, s);
}

static void close_all(void *arg)
{
	struct scanner *s = arg;
	static const char ending[] = "the helpers are being ended";

	if (s->closed)
		return;
	s->closed = true;
	fail_all(s, ending);
	for (size_t i = 0; i < s->worker_count; i++) {
		struct job *j = s->workers[i].job;

		drop(&s->workers[i]);
		s->workers[i].job = NULL;
		if (j)
			fail(j, SLUICE_SCAN_FAILED, ending);
	}
}

void scanner_stop(struct scanner *s)
{
	struct timespec until;

	if (!s)
		return;
	reactor_call(s->host.reactor, close_all, s);
	until = clock_timespec(clock_mono_ms() + END_MS);
	(void)pthread_mutex_lock(&s->lock);
	while (s->children)
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until))
			break;
	(void)pthread_mutex_unlock(&s->lock);
}

void scanner_unref(struct scanner *s)
{
	unsigned left_over;
	bool last;

	if (!s)
		return;
	(void)pthread_mutex_lock(&s->lock);
	last = --s->references == 0;
	(void)pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	scanner_stop(s);
	health_forget(s->host.health, SUBJECT);
	(void)pthread_mutex_lock(&s->lock);
	left_over = s->children;
	(void)pthread_mutex_unlock(&s->lock);
	if (!left_over) /* else one that cannot be killed will yet be heard of, and finds this here */
		scanner_free(s);
}
