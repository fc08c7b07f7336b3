/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/resolver.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unbound-event.h>
#include <unbound.h>

#include "filter/base/hash.h"
#include "filter/base/shortage.h"
#include "filter/services/clock.h"
#include "filter/services/dns_packet.h"

enum {
	CHAINS = 4096,
	MAX_IN_FLIGHT = 16384, /* questions; one more is FAILED at once */
	RCODE_NXDOMAIN = 3,
	SEC_BOGUS = 1,
	SEC_SECURE = 2,
	FORWARDER_TEXT_MAX = IP_TEXT_MAX + sizeof "@65535",
};

/* One caller that waits. */
struct waiter {
	struct resolver *resolver;
	struct waiter *next;
	struct dns_question question;
	void (*done)(void *arg, struct dns_answer *answer);
	void (*drop)(void *arg);
	void *arg;
	char name[]; /* of the question */
};

/* One question that is on its way, for all who wait for it. On the reactor's thread only. */
struct flight {
	struct resolver *resolver;
	struct flight *next; /* in its chain */
	struct waiter *first, **last;
	struct event *timer;
	int async_id;
	bool starting;            /* inside ub_resolve_event(), which may call back before it returns */
	struct dns_answer *early; /* what it brought then */
	size_t chain;
};

struct resolver {
	struct reactor *reactor;
	struct resolver_settings settings;
	struct dns_cache *cache;
	struct hash_key key;
	atomic_uint_fast64_t asked, answered, failed, in_flight;
	atomic_bool silent;
	/* the rest: on the reactor's thread only */
	struct ub_ctx *unbound;
	bool closing;
	unsigned failed_in_row;
	struct flight *chains[CHAINS];
};

/* ---- libunbound's settings ---- */

static const char *const common_options[][2] = {
	{ "do-not-query-localhost:", "no" }, /* a resolver on this machine is the usual forwarder */
	{ "outgoing-range:", "512" },        /* 16 in the library: one slow zone would hold up all */
	{ "num-queries-per-thread:", "4096" },
	{ "outgoing-num-tcp:", "32" },
	{ "msg-cache-size:", "4m" }, /* answers are kept by dns_cache */
	{ "rrset-cache-size:", "8m" },
};

static const char *const forward_options[][2] = {
	/* private zones are the forwarder's business: libunbound would say NXDOMAIN itself */
	{ "unblock-lan-zones:", "yes" }, { "insecure-lan-zones:", "yes" },
	{ "infra-keep-probing:", "yes" }, /* a forwarder that was down is tried again at once */
};

struct setup {
	struct resolver *resolver;
	struct err *err;
	int result;
};

static int refused(struct setup *s, const char *what, int code)
{
	return err_set(s->err, -EINVAL, "dns: libunbound refuses %s: %s", what, ub_strerror(code));
}

static int set_options(struct setup *s, const char *const (*options)[2], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int e = ub_ctx_set_option(s->resolver->unbound, options[i][0], options[i][1]);

		if (e != 0)
			return refused(s, options[i][0], e);
	}
	return 0;
}

static int set_forwarders(struct setup *s)
{
	const struct resolver_settings *settings = &s->resolver->settings;

	for (size_t i = 0; i < settings->forwarder_count; i++) {
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(FORWARDER_TEXT_MAX);
		char ip[IP_TEXT_MAX];
		int e;

		text_addf(&text, "%s@%u", ip_format(&settings->forwarders[i].ip, ip), settings->forwarders[i].port);
		e = ub_ctx_set_fwd(s->resolver->unbound, text_str(&text));
		if (e != 0)
			return refused(s, text_str(&text), e);
	}
	return settings->forwarder_count ? set_options(s, forward_options, ARRAY_LEN(forward_options)) : 0;
}

static int set_trust(struct setup *s)
{
	static const char *const no_validator[][2] = { { "module-config:", "iterator" } };
	const struct resolver_settings *settings = &s->resolver->settings;
	int e;

	if (!settings->dnssec)
		return set_options(s, no_validator, ARRAY_LEN(no_validator));
	e = ub_ctx_add_ta_file(s->resolver->unbound, settings->trust_anchor);
	return e == 0 ? 0 : refused(s, settings->trust_anchor, e);
}

static void ignore_answer(void *arg, int rcode, void *packet, int len, int sec, char *why_bogus, int was_ratelimited)
{
	(void)arg, (void)rcode, (void)packet, (void)len, (void)sec, (void)why_bogus, (void)was_ratelimited;
}

/* libunbound reads its settings and files at the first question; it answers this one itself. */
static int try_settings(struct setup *s)
{
	const struct resolver_settings *settings = &s->resolver->settings;
	int e = ub_resolve_event(s->resolver->unbound, "localhost", SLUICE_DNS_A, 1, NULL, ignore_answer, NULL);

	return e == 0 ? 0 : refused(s, settings->dnssec ? settings->trust_anchor : "its settings", e);
}

static void setup_unbound(void *arg)
{
	struct setup *s = arg;
	struct resolver *r = s->resolver;

	r->unbound = ub_ctx_create_event(reactor_base(r->reactor));
	if (!r->unbound) {
		s->result = err_set(s->err, -ENOMEM, "dns: libunbound does not start: out of memory");
		return;
	}
	ub_ctx_debugout(r->unbound, NULL); /* the log is ours alone */
	s->result = set_options(s, common_options, ARRAY_LEN(common_options));
	if (s->result == 0)
		s->result = set_forwarders(s);
	if (s->result == 0)
		s->result = set_trust(s);
	if (s->result == 0)
		s->result = try_settings(s);
}

/* ---- questions on their way ---- */

static void release_flight(struct flight *f)
{
	struct resolver *r = f->resolver;
	struct flight **link = &r->chains[f->chain];

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	atomic_fetch_sub(&r->in_flight, 1);
	event_free(f->timer);
	dns_answer_unref(f->early);
	free(f);
}

/* One domain whose servers are down is nothing to tell the operator; that nothing is answered is. */
static void note(struct resolver *r, bool answered)
{
	static const char forwarders[] = "of the last questions none was answered: is one of the servers that 'dns { forward }' names up, and to be reached?";
	static const char roots[] = "of the last questions none was answered: may this machine ask servers on port 53 of the Internet? "
				    "Else name a resolver with 'dns { forward }'";
	bool silent;

	r->failed_in_row = answered ? 0 : r->failed_in_row + 1;
	silent = r->failed_in_row >= RESOLVER_SILENT_AFTER || (!answered && atomic_load(&r->silent));
	if (atomic_exchange(&r->silent, silent) != silent && r->settings.changed)
		r->settings.changed(r->settings.arg, !silent, r->settings.forwarder_count ? forwarders : roots);
}

/* The answer is here: keep it and tell all who wait. Takes the reference; NULL: out of memory. */
static void land(struct flight *f, struct dns_answer *answer)
{
	struct resolver *r = f->resolver;
	struct waiter *w = f->first, *next;
	bool answered;

	if (!answer)
		answer = dns_answer_empty(SLUICE_DNS_FAILED, 0);
	answered = dns_answer_view(answer)->status != SLUICE_DNS_FAILED;
	atomic_fetch_add(answered ? &r->answered : &r->failed, 1);
	note(r, answered);
	dns_cache_put(r->cache, &w->question, answer, clock_mono_ms());
	release_flight(f); /* first: a waiter may ask the same again */
	for (; w; w = next) {
		next = w->next;
		w->done(w->arg, answer);
		free(w);
	}
	dns_answer_unref(answer);
}

static struct dns_answer *failure(void)
{
	return dns_answer_empty(SLUICE_DNS_FAILED, DNS_PACKET_FAILED_TTL_S);
}

static void on_answer(void *arg, int rcode, void *packet, int len, int sec, char *why_bogus, int was_ratelimited)
{
	struct flight *f = arg;
	unsigned shortage = shortage_count();
	struct dns_answer *answer;

	(void)why_bogus;
	(void)was_ratelimited;
	if (f->resolver->closing) /* ub_ctx_delete() calls back with failures */
		return;
	if ((rcode != 0 && rcode != RCODE_NXDOMAIN) || !packet || len < 0 || sec == SEC_BOGUS)
		answer = failure();
	else
		answer = dns_packet_answer(&f->first->question, packet, (size_t)len, sec == SEC_SECURE);
	if (shortage_count() != shortage) {
		dns_answer_unref(answer);
		answer = NULL;
	}
	if (f->starting)
		f->early = answer ? answer : dns_answer_empty(SLUICE_DNS_FAILED, 0);
	else
		land(f, answer);
}

static void on_timeout(int fd, short what, void *arg)
{
	struct flight *f = arg;

	(void)fd;
	(void)what;
	ub_cancel(f->resolver->unbound, f->async_id); /* on_answer() will not be called any more */
	land(f, failure());
}

static struct flight *find_flight(const struct resolver *r, size_t chain, const struct dns_question *q)
{
	for (struct flight *f = r->chains[chain]; f; f = f->next) {
		if (f->first->question.type == q->type && strcmp(f->first->question.name, q->name) == 0)
			return f;
	}
	return NULL;
}

static struct flight *new_flight(struct resolver *r, size_t chain, struct waiter *w)
{
	int64_t ms = r->settings.timeout_ms;
	struct timeval timeout = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	struct flight *f;

	if (atomic_load(&r->in_flight) >= MAX_IN_FLIGHT)
		return NULL;
	f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->timer = event_new(reactor_base(r->reactor), -1, 0, on_timeout, f);
	if (!f->timer || event_add(f->timer, &timeout) < 0) {
		if (f->timer)
			event_free(f->timer);
		free(f);
		return NULL;
	}
	f->resolver = r;
	f->first = w;
	f->last = &w->next;
	f->chain = chain;
	f->next = r->chains[chain];
	r->chains[chain] = f;
	atomic_fetch_add(&r->in_flight, 1);
	return f;
}

static void take_off(struct flight *f)
{
	const struct dns_question *q = &f->first->question;
	int e;

	f->starting = true;
	e = ub_resolve_event(
		f->resolver->unbound, q->name[0] ? q->name : ".", (int)q->type, 1, f, on_answer, &f->async_id);
	f->starting = false;
	if (e != 0)
		land(f, failure());
	else if (f->early)
		land(f, dns_answer_ref(f->early));
}

/* A posted question. */
static void start(void *arg)
{
	struct waiter *w = arg;
	struct resolver *r = w->resolver;
	size_t chain = hash_bytes(&r->key, w->question.name, strlen(w->question.name)) % CHAINS;
	struct flight *f = find_flight(r, chain, &w->question);

	if (f) {
		*f->last = w;
		f->last = &w->next;
		return;
	}
	f = new_flight(r, chain, w);
	if (f) {
		take_off(f);
		return;
	}
	atomic_fetch_add(&r->failed, 1);
	w->done(w->arg, dns_answer_empty(SLUICE_DNS_FAILED, 0));
	free(w);
}

/* ---- the interface ---- */

struct resolver *resolver_new(struct reactor *reactor, const struct resolver_settings *settings, struct err *reterr)
{
	struct resolver *r = calloc(1, sizeof *r);
	struct setup s = { .resolver = r, .err = reterr };

	assert(reactor || settings->only_local);
	if (!r) {
		err_set(reterr, -ENOMEM, "dns: out of memory");
		return NULL;
	}
	r->reactor = reactor;
	r->settings = *settings;
	r->key = hash_key_random();
	r->cache = dns_cache_new(settings->only_local ? 0 : settings->cache_max_bytes);
	if (!r->cache)
		s.result = err_set(reterr, -ENOMEM, "dns: out of memory");
	else if (!settings->only_local)
		reactor_call(reactor, setup_unbound, &s);
	if (s.result < 0) {
		resolver_free(r);
		return NULL;
	}
	return r;
}

static void shut(void *arg)
{
	struct resolver *r = arg;

	r->closing = true;
	ub_ctx_delete(r->unbound);
	for (size_t i = 0; i < CHAINS; i++) {
		while (r->chains[i]) {
			struct flight *f = r->chains[i];
			struct waiter *w = f->first, *next;

			release_flight(f);
			for (; w; w = next) {
				next = w->next;
				w->drop(w->arg);
				free(w);
			}
		}
	}
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	if (r->unbound)
		reactor_call(r->reactor, shut, r);
	dns_cache_free(r->cache);
	free(r);
}

struct dns_answer *resolver_look(struct resolver *r, const struct dns_question *q, enum resolver_source *ret_source,
	uint32_t *ret_age_s, bool *ret_silent)
{
	enum zone_found found = ZONE_ABSENT;
	struct dns_answer *answer = NULL;

	*ret_silent = false;
	*ret_age_s = 0;
	*ret_source = RESOLVER_LOCAL;
	if (r->settings.local)
		found = zone_find(r->settings.local, q, &answer);
	if (found == ZONE_ABSENT && r->settings.only_local)
		answer = dns_answer_empty(SLUICE_DNS_NXDOMAIN, 0);
	if (answer)
		return answer;
	if (found == ZONE_SILENT || r->settings.only_local) {
		*ret_silent = true;
		return NULL;
	}
	*ret_source = RESOLVER_CACHE;
	return dns_cache_get(r->cache, q, clock_mono_ms(), ret_age_s);
}

int resolver_ask(struct resolver *r, const struct dns_question *q, void (*done)(void *arg, struct dns_answer *answer),
	void (*drop)(void *arg), void *arg)
{
	size_t size = strlen(q->name) + 1;
	struct waiter *w;

	assert(!r->settings.only_local);
	w = malloc(sizeof *w + size);
	if (!w)
		return -ENOMEM;
	*w = (struct waiter){ .resolver = r, .question = { w->name, q->type }, .done = done, .drop = drop, .arg = arg };
	memcpy(w->name, q->name, size);
	if (reactor_post(r->reactor, start, w) < 0) {
		free(w);
		return -ENOMEM;
	}
	atomic_fetch_add(&r->asked, 1);
	return 0;
}

struct resolver_stats resolver_stats(struct resolver *r)
{
	return (struct resolver_stats){
		.asked = atomic_load(&r->asked),
		.answered = atomic_load(&r->answered),
		.failed = atomic_load(&r->failed),
		.in_flight = atomic_load(&r->in_flight),
		.working = !atomic_load(&r->silent),
		.cache = dns_cache_stats(r->cache),
	};
}
