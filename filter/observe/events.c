/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/observe/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/observe/outlet.h"
#include "filter/observe/webhook.h"
#include "filter/services/clock.h"

#define LINE_MAX_BYTES   65536
#define SOCKET_TIMEOUT_S 2

const char *const event_words[] = { "hold", "warn", "surge", "fault", "health", "store", "key", "reload", NULL };

/* Where they go; made anew with each configuration that says something else. */
struct places {
	struct log *log;
	char *file, *socket, *url, *host;
	int64_t file_max_bytes, file_keep;
	struct webhook webhook;
	int link; /* to the socket; -1: none. The socket's thread's */
	struct outlet *to_file, *to_socket, *to_url;
};

struct events {
	struct log *log;
	pthread_t sweeper; /* ends places that are no more, while one of them still waits for an answer; of the main thread, as is: */
	bool sweeping;
	pthread_mutex_t lock; /* guards the rest */
	struct places *places; /* NULL: nowhere */
	uint64_t of;
};

/* ---- the file ---- */

static void rotate(const struct places *p)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int64_t n = p->file_keep; n > 0; n--) {
		(void)snprintf(to, sizeof to, "%s.%lld", p->file, (long long)n);
		if (n == 1)
			(void)snprintf(from, sizeof from, "%s", p->file);
		else
			(void)snprintf(from, sizeof from, "%s.%lld", p->file, (long long)(n - 1));
		(void)rename(from, to);
	}
	if (p->file_keep == 0)
		(void)unlink(p->file);
}

static bool write_line(int fd, const char *line, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(LINE_MAX_BYTES + 1);
	off_t before = lseek(fd, 0, SEEK_END);
	ssize_t n;

	text_add(&text, line, len);
	text_addc(&text, '\n');
	n = write(fd, text_str(&text), text.len);
	if (n == (ssize_t)text.len)
		return true;
	if (n >= 0)
		errno = ENOSPC;
	if (n > 0 && before >= 0)
		(void)!ftruncate(fd, before); /* half a line is none */
	return false;
}

static enum outlet_result send_to_file(void *arg, const char *line, size_t len, char why[200])
{
	const struct places *p = arg;
	struct stat st;
	bool good;
	int fd;

	if (stat(p->file, &st) == 0 && (int64_t)st.st_size + (int64_t)len + 1 > p->file_max_bytes)
		rotate(p);
	fd = open(p->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	good = fd >= 0 && write_line(fd, line, len);
	if (!good)
		(void)snprintf(why, 200, "%s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return good ? OUTLET_SENT : OUTLET_LATER;
}

/* ---- the socket ---- */

static int connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const struct timeval timeout = { .tv_sec = SOCKET_TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(sa.sun_path, path, strlen(path));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static enum outlet_result send_to_socket(void *arg, const char *line, size_t len, char why[200])
{
	SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(LINE_MAX_BYTES + 1);
	struct places *p = arg;
	bool fresh = p->link < 0;

	text_add(&text, line, len);
	text_addc(&text, '\n');
	for (int tries = 0; tries < (fresh ? 1 : 2); tries++) {
		if (p->link < 0)
			p->link = connect_to(p->socket);
		if (p->link >= 0 && send_all(p->link, text_str(&text), text.len))
			return OUTLET_SENT;
		(void)snprintf(why, 200, "%s", strerror(errno));
		if (p->link >= 0)
			(void)close(p->link); /* a listener that was started anew gets it on the next link */
		p->link = -1;
	}
	return OUTLET_LATER;
}

/* ---- the URL ---- */

static enum outlet_result send_to_url(void *arg, const char *line, size_t len, char why[200])
{
	const struct places *p = arg;
	int status = webhook_post(&p->webhook, line, len, why);

	if (status / 100 == 2)
		return OUTLET_SENT;
	if (status)
		(void)snprintf(why, 200, "it answers %d", status);
	/* what the line is blamed for will not be better another time */
	return status / 100 == 4 && status != 408 && status != 429 ? OUTLET_NEVER : OUTLET_LATER;
}

/* ---- what goes wrong ---- */

static void say(const struct places *p, const char *where, const char *why)
{
	if (why)
		log_write(p->log, LOG_LEVEL_WARNING, "events cannot be sent to %s: %s", where, why);
	else
		log_write(p->log, LOG_LEVEL_WARNING, "events are sent to %s again", where);
}

static void trouble_with_file(void *arg, const char *why)
{
	say(arg, ((const struct places *)arg)->file, why);
}

static void trouble_with_socket(void *arg, const char *why)
{
	say(arg, ((const struct places *)arg)->socket, why);
}

/* Of the URL its host alone: the rest may be a secret. */
static void trouble_with_url(void *arg, const char *why)
{
	say(arg, ((const struct places *)arg)->webhook.host, why);
}

/* ---- settings ---- */

static bool read_words(const struct settings_texts *words, uint64_t *ret)
{
	*ret = words->len ? 0 : UINT64_MAX;
	for (size_t i = 0; i < words->len; i++) {
		size_t k = 0;

		while (event_words[k] && strcmp(event_words[k], words->items[i]) != 0)
			k++;
		if (!event_words[k])
			return false;
		*ret |= UINT64_C(1) << k;
	}
	return true;
}

int events_read(const struct settings *s, const char *host, struct events_settings *ret, const char **ret_key, struct err *reterr)
{
	struct webhook webhook;
	int r;

	*ret = (struct events_settings){ .file = s->events.file, .socket = s->events.socket, .url = s->events.url, .secret = s->events.secret,
		.file_max_bytes = s->events.file_max_bytes, .file_keep = s->events.file_keep, .host = host };
	*ret_key = "events.of";
	if (!read_words(&s->events.of, &ret->of))
		return err_set(reterr, -EINVAL, "there are hold, warn, surge, fault, health, store, key and reload");
	*ret_key = "events.socket";
	if (strlen(ret->socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
		return err_set(reterr, -EINVAL, "the path of a unix socket has at most %zu octets", sizeof((struct sockaddr_un *)0)->sun_path - 1);
	*ret_key = "events.url";
	if (!*ret->url)
		return 0;
	r = webhook_init(&webhook, ret->url, ret->secret, reterr);
	webhook_done(&webhook);
	return r;
}

static void places_free(struct places *p)
{
	if (!p)
		return;
	outlet_free(p->to_file);
	outlet_free(p->to_socket);
	outlet_free(p->to_url);
	if (p->link >= 0)
		(void)close(p->link);
	webhook_done(&p->webhook);
	free(p->file);
	free(p->socket);
	free(p->url);
	free(p->host);
	free(p);
}

static struct places *places_new(struct log *log, const struct events_settings *s, struct err *reterr)
{
	struct places *p = calloc(1, sizeof *p);
	bool good;

	if (!p) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	*p = (struct places){ .log = log, .link = -1, .file_max_bytes = s->file_max_bytes, .file_keep = s->file_keep, .file = strdup(s->file), .socket = strdup(s->socket),
		.url = strdup(s->url), .host = strdup(s->host) };
	if (*s->url && webhook_init(&p->webhook, s->url, s->secret, reterr) < 0) {
		places_free(p);
		return NULL;
	}
	good = p->file && p->socket && p->url && p->host;
	if (good && *p->file)
		good = (p->to_file = outlet_new(send_to_file, trouble_with_file, p)) != NULL;
	if (good && *p->socket)
		good = (p->to_socket = outlet_new(send_to_socket, trouble_with_socket, p)) != NULL;
	if (good && *p->url)
		good = (p->to_url = outlet_new(send_to_url, trouble_with_url, p)) != NULL;
	if (good)
		return p;
	(void)err_set(reterr, -ENOMEM, "out of memory, or of threads");
	places_free(p);
	return NULL;
}

static bool are_same(const struct places *p, const struct events_settings *s)
{
	return p && !strcmp(p->file, s->file) && !strcmp(p->socket, s->socket) && !strcmp(p->url, s->url) && !strcmp(p->host, s->host) &&
		p->file_max_bytes == s->file_max_bytes && p->file_keep == s->file_keep && (!*s->url || !strcmp(p->webhook.secret, s->secret));
}

struct events *events_new(struct log *log)
{
	struct events *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->log = log;
	(void)pthread_mutex_init(&e->lock, NULL);
	return e;
}

static void *sweep(void *places)
{
	places_free(places);
	return NULL;
}

static void wait_for_sweeper(struct events *e)
{
	if (e->sweeping)
		(void)pthread_join(e->sweeper, NULL);
	e->sweeping = false;
}

/* A reload does not wait for a place that does not answer, unless the one before it has not yet ended. */
static void let_go(struct events *e, struct places *old)
{
	sigset_t all, before;

	if (!old)
		return;
	wait_for_sweeper(e);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	e->sweeping = pthread_create(&e->sweeper, NULL, sweep, old) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!e->sweeping)
		places_free(old);
}

int events_set(struct events *e, const struct events_settings *s, struct err *reterr)
{
	bool anywhere = *s->file || *s->socket || *s->url, same = are_same(e->places, s); /* only the main thread changes it */
	struct places *fresh = anywhere && !same ? places_new(e->log, s, reterr) : NULL, *old = NULL;

	if (anywhere && !same && !fresh)
		return -EINVAL;
	(void)pthread_mutex_lock(&e->lock);
	if (!same) {
		old = e->places;
		e->places = fresh;
	}
	e->of = s->of;
	(void)pthread_mutex_unlock(&e->lock);
	let_go(e, old);
	return 0;
}

void events_free(struct events *e)
{
	if (!e)
		return;
	wait_for_sweeper(e);
	places_free(e->places);
	(void)pthread_mutex_destroy(&e->lock);
	free(e);
}

/* ---- telling ---- */

bool events_want(struct events *e, enum event_kind event)
{
	bool wanted;

	(void)pthread_mutex_lock(&e->lock);
	wanted = e->places && (e->of >> event & 1);
	(void)pthread_mutex_unlock(&e->lock);
	return wanted;
}

static void begin(struct text *line, enum event_kind event)
{
	int64_t now_ms = clock_wall_ms();
	time_t s = (time_t)(now_ms / 1000);
	char time[40];
	struct tm tm;

	(void)strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
	json_open(line, NULL, '{');
	json_str(line, "event", event_words[event]);
	text_addf(line, ",\"time\":\"%s.%03dZ\"", time, (int)(now_ms % 1000));
}

/* Where it is wanted, still. */
static void end(struct events *e, enum event_kind event, struct text *line)
{
	(void)pthread_mutex_lock(&e->lock);
	if (e->places && (e->of >> event & 1)) {
		json_str(line, "host", e->places->host);
		json_close(line, '}');
		if (!line->failed && e->places->to_file)
			outlet_add(e->places->to_file, text_str(line), line->len);
		if (!line->failed && e->places->to_socket)
			outlet_add(e->places->to_socket, text_str(line), line->len);
		if (!line->failed && e->places->to_url)
			outlet_add(e->places->to_url, text_str(line), line->len);
	}
	(void)pthread_mutex_unlock(&e->lock);
}

void events_tell(struct events *e, enum event_kind event, const char *subject, bool good, const char *text)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(LINE_MAX_BYTES);

	if (!events_want(e, event))
		return;
	begin(&line, event);
	json_str(&line, "subject", subject);
	json_bool(&line, "good", good);
	if (text)
		json_str(&line, "text", text);
	end(e, event, &line);
}

void events_tell_case(struct events *e, enum event_kind event, const struct case_ *c, const char *rule, const char *text)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(LINE_MAX_BYTES);
	char ip[IP_TEXT_MAX];

	if (!events_want(e, event))
		return;
	begin(&line, event);
	json_str(&line, "case", c->id);
	if (rule)
		json_str(&line, "rule", rule);
	if (text)
		json_str(&line, "text", text);
	json_str(&line, "client", ip_format(&c->client.ip, ip));
	if (*c->client.user)
		json_str(&line, "user", c->client.user);
	if (c->envelope)
		json_text(&line, "from", c->from, c->from_len);
	json_int(&line, "recipients", (int64_t)c->recipient_count);
	if (*c->queue_id)
		json_str(&line, "queue_id", c->queue_id);
	end(e, event, &line);
}
