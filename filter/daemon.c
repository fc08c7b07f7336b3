/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/daemon_state.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "filter/api.h"
#include "filter/base/ip.h"
#include "filter/control.h"
#include "filter/engine/dialogue.h"
#include "filter/held.h"
#include "filter/key_watch.h"
#include "filter/list_watch.h"
#include "filter/milter/milter.h"
#include "filter/observe/case_log.h"
#include "filter/observe/events.h"
#include "filter/observe/guard.h"
#include "filter/observe/history.h"
#include "filter/observe/http.h"
#include "filter/observe/log.h"
#include "filter/observe/metrics.h"
#include "filter/observe/once.h"
#include "filter/observe/surge.h"
#include "filter/services/servers.h"
#include "filter/services/clock.h"
#include "filter/services/health.h"
#include "filter/services/programs.h"
#include "filter/services/reactor.h"
#include "filter/services/scanner.h"
#include "filter/upgrade.h"
#include "filter/upkeep.h"

#define CASE_MAX_BYTES   (8u << 20)
#define CASE_USUAL_BYTES 8192 /* few are longer */
#define GUARD_STEP_MS    500   /* while a reload is watched */
#define GUARD_MINUTE_MS  60000 /* else: what a minute brings is noted */
#define HEAPS_MIN        2
#define RETIRE_STEP_MS   200
#define RETIRE_LIMIT_MS  3600000 /* for sessions that began before an upgrade */
#define STOP_STEP_MS     20
#define STOP_LIMIT_MS    3000 /* for threads that have nothing more to do */

/* The signals of the process, as bytes in a pipe: a handler can reach nothing else. */
static int signal_pipe[2] = { -1, -1 };

static void on_signal(int sig)
{
	int saved = errno;
	char c = sig == SIGUSR1 || sig == SIGHUP ? 'r' : 's';

	(void)!write(signal_pipe[1], &c, 1);
	errno = saved;
}

/* ---- what others call ---- */

struct snapshot *daemon_current(void *arg)
{
	struct daemon *d = arg;
	struct snapshot *s;

	(void)pthread_mutex_lock(&d->lock);
	s = snapshot_ref(d->snapshot);
	(void)pthread_mutex_unlock(&d->lock);
	return s;
}

/* Once an hour for each rule and account, or client where nobody is logged in. */
static void warn_of(struct daemon *d, const struct case_ *c, const struct case_rule *rule)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(4096), line = TEXT_INIT(8192);
	char ip[IP_TEXT_MAX];

	text_addf(&key, "%s %s", rule->name, *c->client.user ? c->client.user : ip_format(&c->client.ip, ip));
	if (!once_first(d->warned, text_str(&key), key.len, clock_mono_ms()))
		return;
	case_warning(&line, c, rule);
	log_line(d->log, LOG_LEVEL_WARNING, text_str(&line));
	events_tell_case(d->events, EVENT_WARN, c, rule->name, rule->text);
}

/* What of this case somebody may want to hear at once. */
static void tell_events(struct daemon *d, const struct case_ *c)
{
	char often[100];
	uint64_t count;
	double average;

	if (c->verdict.action == CASE_HOLD && *c->verdict.rule) /* else it is a tracer */
		events_tell_case(d->events, EVENT_HOLD, c, c->verdict.rule, c->verdict.text);
	if (c->verdict.action == CASE_FAULT)
		events_tell_case(d->events, EVENT_FAULT, c, NULL, NULL);
	for (size_t i = 0; i < c->rule_count && events_want(d->events, EVENT_SURGE); i++) {
		if (!surge_count(d->surge, c->rules[i].name, clock_mono_ms(), &count, &average))
			continue;
		(void)snprintf(often, sizeof often, "%llu times in ten minutes, %.1f on average before", (unsigned long long)count, average);
		events_tell_case(d->events, EVENT_SURGE, c, c->rules[i].name, often);
	}
}

static void on_case(void *arg, const struct case_ *c)
{
	struct daemon *d = arg;
	SLUICE_CLEANUP(text_done) struct text json = TEXT_INIT(CASE_MAX_BYTES), line = TEXT_INIT(8192);

	metrics_case(d->metrics, c);
	text_room(&json, CASE_USUAL_BYTES);
	case_json(&json, c);
	if (!json.failed) {
		history_add(d->history, c, text_str(&json), json.len);
		case_log_add(d->cases, text_str(&json), json.len);
	}
	for (size_t i = 0; i < c->rule_count; i++)
		if (c->rules[i].warn)
			warn_of(d, c, &c->rules[i]);
	tell_events(d, c);
	if (!log_wants(d->log, LOG_LEVEL_INFO))
		return;
	case_line(&line, c);
	log_line(d->log, LOG_LEVEL_INFO, text_str(&line));
}

static void on_health(void *arg, const struct health_row *row)
{
	struct daemon *d = arg;

	if (row->healthy)
		log_write(d->log, LOG_LEVEL_WARNING, "%s works again", row->subject);
	else
		log_write(d->log, LOG_LEVEL_WARNING, "%s is switched off: %s", row->subject, row->why);
	events_tell(d->events, EVENT_HEALTH, row->subject, row->healthy, row->healthy ? NULL : row->why);
}

static void on_sign_key(void *arg, const struct key_watch_row *row)
{
	struct daemon *d = arg;
	bool good = !dkim_found_is_bad(row->found);

	if (good)
		log_write(d->log, LOG_LEVEL_WARNING, "the DKIM key %s is well again", row->name);
	else
		log_write(d->log, LOG_LEVEL_WARNING, "the DKIM key %s is not as it should be in the DNS: %s; 'sluicectl dkim check' shows the record", row->name,
			dkim_found_texts[row->found]);
	events_tell(d->events, EVENT_KEY, row->name, good, good ? NULL : dkim_found_texts[row->found]);
}

static void on_dns(void *arg, bool working, const char *why)
{
	struct daemon *d = arg;

	if (working)
		log_write(d->log, LOG_LEVEL_WARNING, "the DNS answers again");
	else
		log_write(d->log, LOG_LEVEL_WARNING, "the DNS does not answer: %s", why);
	events_tell(d->events, EVENT_HEALTH, "the DNS", working, working ? NULL : why);
}

static void on_store(void *arg, bool working, const char *why)
{
	struct daemon *d = arg;

	if (working)
		log_write(d->log, LOG_LEVEL_WARNING, "the store works again%s%s", why && *why ? ": " : "", why ? why : "");
	else
		log_write(d->log, LOG_LEVEL_WARNING, "the store is out of order: %s", why);
	events_tell(d->events, EVENT_STORE, "store", working, working ? NULL : why);
}

static void on_program(void *arg, const char *name, const char *line)
{
	struct daemon *d = arg;

	log_write(d->log, LOG_LEVEL_WARNING, "program %s says: %s", name, line);
}

/*
 * On the HTTP server's thread: what is asked of the control socket is answered by the main thread, one after the other. It is woken as by a signal.
 */
static int ask_main(void *arg, const char *request, struct text *out)
{
	struct daemon *d = arg;
	struct http_question q = { .out = out, .status = EX_UNAVAILABLE };

	if (strlen(request) >= sizeof q.line)
		return EX_USAGE;
	memcpy(q.line, request, strlen(request) + 1);
	(void)pthread_mutex_lock(&d->lock);
	d->question = d->deaf ? NULL : &q;
	(void)!write(signal_pipe[1], "q", 1);
	while (d->question && !d->deaf)
		(void)pthread_cond_wait(&d->answered, &d->lock);
	d->question = NULL;
	(void)pthread_mutex_unlock(&d->lock);
	return q.status;
}

/* On the main thread. */
static void answer_question(struct daemon *d)
{
	struct http_question *q;

	(void)pthread_mutex_lock(&d->lock);
	q = d->question;
	(void)pthread_mutex_unlock(&d->lock);
	if (!q)
		return;
	q->status = control_answer(d, q->line, q->out);
	(void)pthread_mutex_lock(&d->lock);
	d->question = NULL;
	(void)pthread_cond_signal(&d->answered);
	(void)pthread_mutex_unlock(&d->lock);
}

static void answer_no_more(struct daemon *d)
{
	(void)pthread_mutex_lock(&d->lock);
	d->deaf = true;
	(void)pthread_cond_signal(&d->answered);
	(void)pthread_mutex_unlock(&d->lock);
}

static void print_metrics(void *arg, struct text *out)
{
	daemon_metrics(arg, out);
}

/* ---- start ---- */

/* By default each thread has a heap of its own, with holes that no other thread can use. */
static void few_heaps(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	(void)mallopt(M_ARENA_MAX, cpus > HEAPS_MIN ? (int)cpus : HEAPS_MIN);
}

static void no_core_dumps(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef SANITIZED
	(void)prctl(PR_SET_DUMPABLE, 0); /* memory holds keys and passwords; sanitizers need to look into it */
#endif
}

static int drop_root(const char *user, struct err *reterr)
{
	const struct passwd *pw;

	if (geteuid() != 0 || !*user)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return err_set(reterr, -EINVAL, "user: %s is gone", user); /* it was there when the configuration was read */
	if (initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		return err_set(reterr, -errno, "user: cannot become %s: %s", user, strerror(errno));
	if (setuid(0) == 0)
		return err_set(reterr, -EPERM, "user: root could not be given up");
	return 0;
}

static void own(const char *path, const char *user)
{
	const struct passwd *pw = geteuid() == 0 && *user ? getpwnam(user) : NULL;

	if (pw)
		(void)!chown(path, pw->pw_uid, pw->pw_gid);
}

static int start_services(struct daemon *d, struct err *reterr)
{

	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_cond_init(&d->answered, NULL);
	d->log = log_new("sluiced");
	d->metrics = metrics_new();
	d->history = history_new(0);
	d->warned = once_new();
	d->events = d->log ? events_new(d->log) : NULL;
	d->surge = surge_new();
	d->tracer = tracer_new();
	d->health = health_new(on_health, d);
	d->cases = d->health ? case_log_new(d->health) : NULL;
	d->keys = key_watch_new(on_sign_key, d);
	d->held = held_new();
	d->reactor = reactor_new();
	d->programs = d->reactor && d->health ? programs_new(d->reactor, d->health, on_program, d) : NULL;
	if (!d->log || !d->metrics || !d->history || !d->cases || !d->warned || !d->events || !d->surge || !d->tracer || !d->keys || !d->held || !d->programs)
		return err_set(reterr, -ENOMEM, "out of memory");
	d->scan = (struct scanner_host){ .reactor = d->reactor, .health = d->health, .said = on_program, .arg = d };
	d->servers = (struct servers_host){ .reactor = d->reactor, .health = d->health };
	d->engine = (struct engine){ .health = d->health, .on_case = on_case, .arg = d, .tracer = d->tracer };
	d->edge = (struct edge){ .engine = &d->engine, .metrics = d->metrics, .log = d->log, .snapshot = daemon_current, .arg = d };
	return 0;
}

static int open_http(struct daemon *d, const struct settings *s, struct err *reterr)
{
	const char *path = http_socket_path(s->http);
	const struct api_of of = { .history = d->history, .metrics = d->metrics, .health = d->health, .keys = d->keys, .held = d->held, .log = d->log, .current = daemon_current,
		.print_metrics = print_metrics, .ask = ask_main, .arg = d, .config = d->config, .listen = d->listen, .began_ms = d->began_ms, .by_path = path != NULL };
	struct http_host host;

	d->api = api_new(&of);
	if (!d->api)
		return err_set(reterr, -ENOMEM, "out of memory");
	host = api_host(d->api);
	d->http = http_new(s->http, d->inherited.http, &host, reterr);
	if (!d->http)
		return -EADDRNOTAVAIL;
	if (path && d->inherited.http < 0)
		own(path, s->user);
	return 0;
}

/* What we listen on is told to the process that inherits it, which has to want the same. */
static int compare_places(struct daemon *d, const struct settings *s, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text places = TEXT_INIT(4096);

	text_addf(&places, "listen %s, control %s, http %s", s->listen, s->control, *s->http ? s->http : "none");
	d->places = strdup(text_str(&places));
	d->listen = strdup(s->listen);
	if (places.failed || !d->places || !d->listen)
		return err_set(reterr, -ENOMEM, "out of memory");
	if (d->inherited.places && strcmp(d->inherited.places, d->places) != 0)
		return err_set(reterr, -EINVAL, "the sockets are elsewhere now, which takes a restart in the place of an upgrade: they were at %s, and are to be at %s",
			d->inherited.places, d->places);
	return 0;
}

static int open_sockets(struct daemon *d, struct err *reterr)
{
	const struct settings *s = &d->snapshot->policy->settings;
	int r = compare_places(d, s, reterr);

	if (r < 0)
		return r;
	d->control = d->inherited.control >= 0 ? d->inherited.control : control_open(s->control, reterr);
	if (d->control < 0)
		return d->control;
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	d->control_path = strdup(s->control);
	if (!d->control_path)
		return err_set(reterr, -ENOMEM, "out of memory");
	if (d->inherited.control < 0)
		own(d->control_path, s->user);
	d->milter = milter_open(&d->edge, s, d->inherited.milter, reterr);
	if (!d->milter)
		return -EADDRNOTAVAIL;
	if (*s->http) {
		r = open_http(d, s, reterr);
		if (r < 0)
			return r;
	}
	return drop_root(s->user, reterr);
}

static int open_cases(struct daemon *d, const struct settings *s, struct err *reterr)
{
	const struct case_keeping k = { s->cases.to, s->cases.keep_ms, s->cases.max_bytes, s->cases.addresses_ms };

	return case_log_open(d->cases, &k, reterr);
}

/* Threads are made with all signals blocked: the main thread hears them. */
static int start_threads(struct daemon *d, struct err *reterr)
{
	const struct upkeep_of upkeep = { .engine = &d->engine, .current = daemon_current, .arg = d, .cases = d->cases, .keys = d->keys, .log = d->log };
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -milter_start(d->milter);
	if (r == 0) {
		d->upkeep = upkeep_new(&upkeep);
		r = d->upkeep ? 0 : EAGAIN;
	}
	if (r == 0) {
		d->lists = list_watch_new(daemon_current, d, d->log);
		r = d->lists ? 0 : EAGAIN;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_set(reterr, -r, "no thread: %s", strerror(r)) : 0;
}

static int catch_signals(struct err *reterr)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(reterr, -errno, "no pipe: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaction(signals[i], &act, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL); /* a file at its limit is as a disk that is full */
	return 0;
}

static void apply(struct daemon *d, const struct snapshot *s)
{
	const struct settings *settings = &s->policy->settings;
	struct events_settings events;
	const char *key;
	struct err err;

	log_set(d->log, (enum log_to)settings->log_to, (enum log_level)settings->log_level);
	(void)history_resize(d->history, (size_t)settings->history);
	/* it was read once when the configuration was checked */
	if (events_read(settings, s->authserv_id, &events, &key, &err) < 0 || events_set(d->events, &events, &err) < 0)
		log_write(d->log, LOG_LEVEL_WARNING, "events go where they went before: %s", err.text);
}

static void notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
	(void)sd_notify(0, state);
#else
	(void)state;
#endif
}

/* The first line of each alone, as of an error. */
static void tell_warnings(struct daemon *d, const struct snapshot *s)
{
	for (size_t i = 0; i < s->policy->warnings.len; i++)
		log_write(d->log, LOG_LEVEL_WARNING, "%.*s", (int)strcspn(s->policy->warnings.items[i], "\n"), s->policy->warnings.items[i]);
}

/* We do not become ready: the sockets that we were given are still the other process's, which goes on with them. */
static void leave_inherited(struct daemon *d)
{
	if (d->inherited.ready < 0)
		return;
	if (d->milter)
		milter_retire(d->milter);
	free(d->control_path);
	d->control_path = NULL;
	d->retired = true;
}

struct daemon *daemon_start(const char *config, int *ret_exit, struct err *reterr)
{
	struct daemon *d = calloc(1, sizeof *d);
	struct snapshot_options options = { 0 };
	const struct settings *s;

	*ret_exit = EX_OSERR;
	if (!d || !(d->config = strdup(config))) {
		free(d);
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	d->control = d->spare = -1;
	d->binary = upgrade_binary();
	d->inherited = inheritance_take();
	d->began_ms = clock_mono_ms();
	few_heaps();
	no_core_dumps();
	if (catch_signals(reterr) < 0 || start_services(d, reterr) < 0)
		goto fail;
	*ret_exit = EX_CONFIG;
	options.reactor = d->reactor;
	options.store_changed = on_store;
	options.dns_changed = on_dns;
	options.arg = d;
	options.programs = d->programs;
	options.scan = &d->scan;
	options.servers = &d->servers;
	options.machine = MACHINE_THIS;
	if (snapshot_load(config, &options, &d->snapshot, reterr) < 0)
		goto fail;
	s = &d->snapshot->policy->settings;
	*ret_exit = EX_UNAVAILABLE;
	if (open_sockets(d, reterr) < 0 || open_cases(d, s, reterr) < 0)
		goto fail;
	*ret_exit = EX_OSERR;
	apply(d, d->snapshot);
	programs_start(d->programs); /* as whom we have become */
	scanner_start(d->snapshot->scanner);
	if (start_threads(d, reterr) < 0)
		goto fail;
	tell_warnings(d, d->snapshot);
	log_write(d->log, LOG_LEVEL_INFO, "sluiced " SLUICE_VERSION " is ready: listening on %s, %zu rules", s->listen, d->snapshot->policy->rules.len);
	notify("READY=1");
	inheritance_tell(&d->inherited, NULL);
	return d;
fail:
	leave_inherited(d);
	inheritance_tell(&d->inherited, reterr->text);
	daemon_stop(d, *ret_exit);
	return NULL;
}

/* ---- run ---- */

static void warn_fixed(struct daemon *d, const char *key, const char *before, const char *after)
{
	if (strcmp(before, after) != 0)
		log_write(d->log, LOG_LEVEL_WARNING, "%s has changed: it stays %s until a restart", key, before);
}

/* The configuration that holds from now on; d gets the caller's reference of it. */
static void take(struct daemon *d, struct snapshot *fresh)
{
	struct snapshot *old = d->snapshot;
	const struct settings *a = &old->policy->settings, *b = &fresh->policy->settings;

	warn_fixed(d, "listen", a->listen, b->listen);
	warn_fixed(d, "control", a->control, b->control);
	warn_fixed(d, "http", a->http, b->http);
	warn_fixed(d, "user", a->user, b->user);
	if (fresh->tls && *a->api.certificate && !*b->api.certificate)
		log_write(d->log, LOG_LEVEL_WARNING, "api.certificate was taken out: HTTP is spoken over TLS, with what is in memory, until a restart");
	(void)pthread_mutex_lock(&d->lock);
	d->snapshot = fresh;
	(void)pthread_mutex_unlock(&d->lock);
	upkeep_wake(d->upkeep);
	apply(d, fresh);
	snapshot_unref(old);
}

static struct guard_counts counts(const struct daemon *d)
{
	struct guard_counts c = { .faults = metrics_get(d->metrics, METRIC_FAULTS) };

	for (enum case_action a = CASE_ACCEPT; a <= CASE_FAULT; a++)
		c.cases += metrics_cases(d->metrics, a);
	c.refused = metrics_cases(d->metrics, CASE_TEMPFAIL) + metrics_cases(d->metrics, CASE_REJECT);
	return c;
}

static void end_guard(struct daemon *d)
{
	snapshot_unref(d->guard_before);
	d->guard_before = NULL;
}

/* A reload that is watched: is all well? */
static void look_after(struct daemon *d)
{
	struct guard_counts now = counts(d);
	struct err err;
	char why[200];

	guard_note(&d->guard, &now, clock_mono_ms());
	if (!d->guard_before)
		return;
	switch (guard_look(&d->guard, &now, clock_mono_ms(), why)) {
	case GUARD_WATCHING:
		return;
	case GUARD_ROLLED_BACK:
		log_write(d->log, LOG_LEVEL_WARNING, "the configuration from before the reload holds again: %s; the file is as it was read last", why);
		if (open_cases(d, &d->guard_before->policy->settings, &err) < 0)
			log_write(d->log, LOG_LEVEL_WARNING, "%s", err.text);
		take(d, d->guard_before);
		d->guard_before = NULL;
		return;
	case GUARD_KEPT:
	case GUARD_IDLE:
		log_write(d->log, LOG_LEVEL_INFO, "the configuration has held its guard, and stays");
		end_guard(d);
	}
}

static int begin_guard(struct daemon *d, int64_t guard_ms, struct err *reterr)
{
	struct guard_counts now = counts(d);

	end_guard(d);
	guard_end(&d->guard);
	if (!guard_ms)
		return 0;
	if (!guard_begin(&d->guard, &now, clock_mono_ms(), guard_ms))
		return err_set(reterr, -EAGAIN, "fewer than %d cases since the start: there is nothing to compare with, reload without --guard",
			GUARD_MIN_CASES);
	d->guard_before = snapshot_ref(d->snapshot);
	return 0;
}

int daemon_reload(struct daemon *d, int64_t guard_ms, struct err *reterr)
{
	struct snapshot_options options = { .reactor = d->reactor, .store_changed = on_store, .dns_changed = on_dns, .arg = d, .programs = d->programs,
		.scan = &d->scan, .servers = &d->servers, .machine = MACHINE_THIS, .before = d->snapshot };
	struct snapshot *fresh = NULL;
	int r;

	notify("RELOADING=1");
	r = snapshot_load(d->config, &options, &fresh, reterr);
	if (r == 0)
		r = begin_guard(d, guard_ms, reterr);
	if (r == 0) {
		r = open_cases(d, &fresh->policy->settings, reterr);
		if (r < 0 && guard_ms) { /* there is nothing new to be watched */
			end_guard(d);
			guard_end(&d->guard);
		}
	}
	if (r < 0) {
		snapshot_unref(fresh);
		metrics_add(d->metrics, METRIC_RELOADS_FAILED, 1);
		/* the first line alone: the one shown below it may hold a secret, which the log is not for */
		log_write(d->log, LOG_LEVEL_WARNING, "reload failed, the old configuration stays: %.*s", (int)strcspn(reterr->text, "\n"), reterr->text);
		events_tell(d->events, EVENT_RELOAD, d->config, false, "the configuration was refused, and the old one stays: sluicectl config check");
		notify("READY=1");
		return r;
	}
	take(d, fresh);
	metrics_add(d->metrics, METRIC_RELOADS, 1);
	tell_warnings(d, fresh);
	log_write(d->log, LOG_LEVEL_INFO, "reloaded: %zu rules", fresh->policy->rules.len);
	events_tell(d->events, EVENT_RELOAD, d->config, true, NULL);
	notify("READY=1");
	return 0;
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* Who gave us its sockets is our parent, until it ends. */
static bool has_predecessor(const struct daemon *d)
{
	return d->inherited.from && getppid() == d->inherited.from;
}

static void drain(struct daemon *d)
{
	int64_t deadline = clock_mono_ms() + d->snapshot->policy->settings.drain_ms;

	if (!d->retired)
		notify("STOPPING=1");
	if (has_predecessor(d)) /* what it serves yet is to end as what we do: when we end, a service manager kills who is left */
		(void)kill(d->inherited.from, SIGTERM);
	milter_close(d->milter);
	log_write(d->log, LOG_LEVEL_INFO, "stopping: %lld messages are under way", (long long)metrics_get(d->metrics, METRIC_MESSAGES_OPEN));
	while ((!milter_is_idle(d->milter) || has_predecessor(d)) && clock_mono_ms() < deadline)
		sleep_ms(STOP_STEP_MS);
}

/* What another process needs to itself is given to it, or taken back. */
static void share_state(struct daemon *d, bool yes)
{
	if (d->snapshot->store)
		store_share(d->snapshot->store, yes);
}

int daemon_upgrade(struct daemon *d, pid_t *ret_pid, struct err *reterr)
{
	const struct inheritance give = { milter_socket(d->milter), d->control, d->http ? http_socket(d->http) : -1, -1, d->places, 0 };
	char notice[40];
	int r;

	if (!d->binary)
		return err_set(reterr, -ENOENT, "what is to be started cannot be said: /proc is not there");
	if (getpid() == 1) /* all others are killed when it ends */
		return err_set(reterr, -EBUSY, "sluiced is the first process of a container, which ends with it: start a container of the new image in its place");
	log_write(d->log, LOG_LEVEL_INFO, "upgrade: starting %s", d->binary);
	share_state(d, true);
	r = upgrade_start(d->binary, d->config, &give, ret_pid, reterr);
	if (r < 0) {
		share_state(d, false);
		log_write(d->log, LOG_LEVEL_WARNING, "upgrade failed, this process stays: %.*s", (int)strcspn(reterr->text, "\n"), reterr->text);
		return r;
	}
	(void)snprintf(notice, sizeof notice, "MAINPID=%ld", (long)*ret_pid);
	notify(notice);
	d->retired = true;
	return 0;
}

/* A new process listens: serve the connections that are there until they end, or until we are told to. */
static void retire(struct daemon *d)
{
	struct pollfd signals = { .fd = signal_pipe[0], .events = POLLIN };
	int64_t deadline = clock_mono_ms() + RETIRE_LIMIT_MS;
	char c = '\0';

	log_write(d->log, LOG_LEVEL_INFO, "upgrade: a new process has taken over; this one serves the connections that it has, and ends");
	milter_retire(d->milter);
	(void)close(d->control);
	d->control = -1;
	free(d->control_path); /* it is the other one's */
	d->control_path = NULL;
	answer_no_more(d);
	if (http_free(d->http, true)) /* else once more at the end, when what takes long has been found */
		d->http = NULL;
	while ((!milter_is_idle(d->milter) || has_predecessor(d)) && clock_mono_ms() < deadline && c != 's')
		if (poll(&signals, 1, RETIRE_STEP_MS) == 1 && read(signal_pipe[0], &c, 1) != 1)
			c = '\0';
	drain(d);
}

/* That no descriptor is left is what an operator wants to look into: there is one for that. */
static void serve_control(struct daemon *d)
{
	if (control_serve(d, d->control) || (errno != EMFILE && errno != ENFILE))
		return;
	if (d->spare >= 0)
		(void)close(d->spare);
	if (d->spare < 0 || !control_serve(d, d->control))
		sleep_ms(STOP_STEP_MS); /* not again and again */
	d->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int daemon_run(struct daemon *d)
{
	struct pollfd fds[] = { { .fd = signal_pipe[0], .events = POLLIN }, { .fd = d->control, .events = POLLIN } };
	struct err err;
	char c;

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), d->guard_before ? GUARD_STEP_MS : GUARD_MINUTE_MS) < 0 && errno != EINTR)
			return EX_OSERR;
		look_after(d);
		while (read(signal_pipe[0], &c, 1) == 1) {
			if (c == 's') {
				drain(d);
				return EX_OK;
			}
			if (c == 'q')
				answer_question(d);
			else
				(void)daemon_reload(d, 0, &err);
		}
		if (fds[1].revents & POLLIN)
			serve_control(d);
		if (d->retired) {
			retire(d);
			return EX_OK;
		}
		fds[1].revents = 0;
	}
}

/* ---- stop ---- */

void daemon_stop(struct daemon *d, int status)
{
	bool quiet;

	if (!d)
		return;
	if (d->control_path)
		(void)unlink(d->control_path);
	answer_no_more(d);
	quiet = http_free(d->http, d->retired);
	list_watch_free(d->lists);
	quiet = upkeep_free(d->upkeep) && quiet;
	quiet = milter_free(d->milter, STOP_LIMIT_MS) && quiet;
	programs_stop(d->programs);
	snapshot_stop_servers(d->snapshot);
	if (d->snapshot)
		scanner_stop(d->snapshot->scanner);
	if (!quiet) /* a thread still uses what would be freed; the system takes it all */
		_exit(status);
	api_free(d->api);
	snapshot_unref(d->snapshot);
	snapshot_unref(d->guard_before);
	reactor_free(d->reactor);
	programs_free(d->programs);
	health_free(d->health);
	key_watch_free(d->keys);
	held_free(d->held);
	history_free(d->history);
	case_log_free(d->cases);
	once_free(d->warned);
	events_free(d->events);
	surge_free(d->surge);
	tracer_free(d->tracer);
	metrics_free(d->metrics);
	log_free(d->log);
	if (d->control >= 0)
		(void)close(d->control);
	if (d->spare >= 0)
		(void)close(d->spare);
	(void)pthread_cond_destroy(&d->answered);
	(void)pthread_mutex_destroy(&d->lock);
	free(d->control_path);
	free(d->listen);
	free(d->places);
	free(d->inherited.places);
	free(d->binary);
	free(d->config);
	free(d);
}
