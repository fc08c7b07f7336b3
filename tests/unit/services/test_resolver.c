/* SPDX-License-Identifier: BSD-2-Clause */
/* A name server of a few names on loopback, and the resolver that forwards to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "filter/services/dns_name.h"
#include "filter/services/resolver.h"

/* ---- the server ---- */

#define OWNER   "\xc0\x0c"
#define DATA(s) (s), sizeof(s) - 1

static const struct host {
	const char *name;
	uint8_t type, rcode;
	bool silent;
	unsigned delay_ms;
	uint8_t answers, authorities;
	const char *sections;
	size_t len;
} hosts[] = {
	{ "a.example.org", 1, 0, false, 0, 1, 0, DATA(OWNER "\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1") },
	{ "slow.example.org", 1, 0, false, 150, 1, 0, DATA(OWNER "\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2") },
	{ "www.example.org", 1, 0, false, 0, 1, 0, DATA(OWNER "\0\5\0\1\0\0\0\x1e\0\x0f\1a\7example\3org\0") },
	{ "text.example.org", 16, 0, false, 0, 1, 0, DATA(OWNER "\0\x10\0\1\0\0\0\x1e\0\6\2ab\2cd") },
	{ "none.example.org", 1, 0, false, 0, 0, 1,
		DATA("\xc0\x11\0\6\0\1\0\0\1\x2c\0\x16\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x0a") },
	{ "nx.example.org", 1, 3, false, 0, 0, 1,
		DATA("\xc0\x0f\0\6\0\1\0\0\1\x2c\0\x16\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x0a") },
	{ "bad.example.org", 1, 2, false, 0, 0, 0, DATA("") },
	{ "silent.example.org", 1, 0, true, 0, 0, 0, DATA("") },
};

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	atomic_uint queries[ARRAY_LEN(hosts)];
};

static size_t answer(const struct host *h, uint8_t *packet, size_t question_end)
{
	packet[2] = 0x80 | (packet[2] & 1);
	packet[3] = (uint8_t)(0x80 | h->rcode);
	memset(packet + 6, 0, 6);
	packet[7] = h->answers;
	packet[9] = h->authorities;
	memcpy(packet + question_end, h->sections, h->len);
	return question_end + h->len;
}

static void *serve(void *arg)
{
	struct server *s = arg;

	for (;;) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof from;
		uint8_t packet[1024];
		ssize_t len = recvfrom(s->fd, packet, 512, 0, (struct sockaddr *)&from, &from_len);
		char text[DNS_NAME_TEXT_MAX];
		struct dns_name name;
		size_t pos = 12;

		if (len < 12 || !dns_name_read(packet, (size_t)len, &pos, &name) || (size_t)len < pos + 4)
			return NULL; /* the empty datagram that ends the test */
		dns_name_print(&name, text);
		for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
			const struct host *h = &hosts[i];

			if (strcmp(text, h->name) != 0 || packet[pos + 1] != h->type)
				continue;
			atomic_fetch_add(&s->queries[i], 1);
			if (h->silent)
				continue;
			usleep(h->delay_ms * 1000);
			size_t size = answer(h, packet, pos + 4);

			if (sendto(s->fd, packet, size, 0, (struct sockaddr *)&from, from_len) < 0)
				return NULL;
		}
	}
}

static void server_start(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;

	memset(s, 0, sizeof *s);
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(s->port)
	};

	assert_int_equal(sendto(s->fd, "", 0, 0, (struct sockaddr *)&at, sizeof at), 0);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static unsigned queries_of(struct server *s, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		if (strcmp(hosts[i].name, name) == 0)
			return atomic_load(&s->queries[i]);
	}
	return 0;
}

/* ---- who asks ---- */

struct asker {
	pthread_mutex_t lock; /* all */
	pthread_cond_t changed;
	unsigned answers, drops;
	struct dns_answer *last;
};

static void on_answer(void *arg, struct dns_answer *a)
{
	struct asker *k = arg;

	pthread_mutex_lock(&k->lock);
	dns_answer_unref(k->last);
	k->last = dns_answer_ref(a);
	k->answers++;
	pthread_cond_signal(&k->changed);
	pthread_mutex_unlock(&k->lock);
}

static void on_drop(void *arg)
{
	struct asker *k = arg;

	pthread_mutex_lock(&k->lock);
	k->drops++;
	pthread_mutex_unlock(&k->lock);
}

static void wait_for(struct asker *k, unsigned answers)
{
	pthread_mutex_lock(&k->lock);
	while (k->answers < answers)
		pthread_cond_wait(&k->changed, &k->lock);
	pthread_mutex_unlock(&k->lock);
}

#define ASKER_INIT                                                                                                     \
	{                                                                                                              \
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                 \
	}

struct fixture {
	struct server server;
	struct reactor *reactor;
	struct resolver *resolver;
};

static void begin(struct fixture *f)
{
	struct resolver_settings settings = { .cache_max_bytes = 1 << 20, .timeout_ms = 1500, .forwarder_count = 1 };
	struct err err = { "" };

	server_start(&f->server);
	settings.forwarders[0] = (struct resolver_forwarder){ { 4, { 127, 0, 0, 1 } }, f->server.port };
	f->reactor = reactor_new();
	f->resolver = resolver_new(f->reactor, &settings, &err);
	if (!f->resolver)
		fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
	resolver_free(f->resolver);
	reactor_free(f->reactor);
	server_stop(&f->server);
}

static struct dns_question question(const char *name, enum sluice_dns_type type)
{
	return (struct dns_question){ name, type };
}

static const struct {
	const char *name;
	enum sluice_dns_type type;
	const char *want;
} cases[] = {
	{ "a.example.org", SLUICE_DNS_A, "ok 300: 192.0.2.1" }, { "www.example.org", SLUICE_DNS_A, "ok 30: 192.0.2.1" },
	{ "text.example.org", SLUICE_DNS_TXT, "ok 30: abcd" }, { "none.example.org", SLUICE_DNS_A, "nodata 10:" },
	{ "nx.example.org", SLUICE_DNS_A, "nxdomain 10:" }, { "bad.example.org", SLUICE_DNS_A, "failed 5:" },
	{ "silent.example.org", SLUICE_DNS_A, "failed 5:" },
	{ "localhost", SLUICE_DNS_A, "ok 10800: 127.0.0.1" }, /* libunbound answers it before the call returns */
};

static void show(struct text *out, enum sluice_dns_type type, const struct sluice_dns_answer *a)
{
	text_addf(out, "%s %u:", dns_status_name(a->status), a->ttl_s);
	for (size_t i = 0; i < a->count; i++) {
		text_adds(out, i ? "|" : " ");
		dns_record_print(out, type, &a->records[i]);
	}
}

static void answers_and_keeps(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		struct dns_question q = question(cases[i].name, cases[i].type);
		struct asker asker = ASKER_INIT;
		enum resolver_source source;
		struct dns_answer *kept;
		uint32_t age_s;
		bool silent;

		assert_null(resolver_look(f.resolver, &q, &source, &age_s, &silent));
		assert_int_equal(resolver_ask(f.resolver, &q, on_answer, on_drop, &asker), 0);
		wait_for(&asker, 1);
		show(&got, q.type, dns_answer_view(asker.last));
		if (strcmp(text_str(&got), cases[i].want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, text_str(&got), cases[i].want);
		kept = resolver_look(f.resolver, &q, &source, &age_s, &silent);
		assert_ptr_equal(kept, asker.last);
		assert_int_equal(source, RESOLVER_CACHE);
		dns_answer_unref(kept);
		dns_answer_unref(asker.last);
	}
	assert_int_equal(resolver_stats(f.resolver).asked, ARRAY_LEN(cases));
	assert_int_equal(resolver_stats(f.resolver).failed, 2);
	assert_int_equal(resolver_stats(f.resolver).in_flight, 0);
	end(&f);
}

static void equal_questions_are_joined(void **state)
{
	struct dns_question q = question("slow.example.org", SLUICE_DNS_A);
	struct asker asker = ASKER_INIT;
	struct fixture f;

	(void)state;
	begin(&f);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(resolver_ask(f.resolver, &q, on_answer, on_drop, &asker), 0);
	wait_for(&asker, 5);
	assert_int_equal(queries_of(&f.server, "slow.example.org"), 1);
	assert_int_equal(resolver_stats(f.resolver).answered, 1);
	dns_answer_unref(asker.last);
	end(&f);
}

static void free_drops_what_is_on_its_way(void **state)
{
	struct dns_question silent = question("silent.example.org", SLUICE_DNS_A);
	struct dns_question slow = question("slow.example.org", SLUICE_DNS_A);
	struct asker asker = ASKER_INIT;
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(resolver_ask(f.resolver, &silent, on_answer, on_drop, &asker), 0);
	assert_int_equal(resolver_ask(f.resolver, &silent, on_answer, on_drop, &asker), 0);
	assert_int_equal(resolver_ask(f.resolver, &slow, on_answer, on_drop, &asker), 0);
	end(&f);
	assert_int_equal(asker.answers, 0);
	assert_int_equal(asker.drops, 3);
}

static void local_data_comes_first(void **state)
{
	static const char text[] = "a.example.org A 192.0.2.9\nmute.example.org A TIMEOUT\n";
	struct resolver_settings settings = { .only_local = true };
	static const struct {
		const char *name, *want; /* NULL: silent */
	} rows[] = {
		{ "a.example.org", "ok 300: 192.0.2.9" },
		{ "example.org", "nodata 300:" },
		{ "else.example.org", "nxdomain 0:" },
		{ "mute.example.org", NULL },
	};
	struct zone *zone = NULL;
	struct resolver *r;
	struct err err;

	(void)state;
	assert_int_equal(zone_parse("zone", text, sizeof text - 1, &zone, &err), 0);
	settings.local = zone;
	r = resolver_new(NULL, &settings, &err);
	assert_non_null(r);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		SLUICE_CLEANUP(text_done) struct text got = TEXT_INIT(1000);
		struct dns_question q = question(rows[i].name, SLUICE_DNS_A);
		enum resolver_source source;
		uint32_t age_s;
		bool silent;
		struct dns_answer *a = resolver_look(r, &q, &source, &age_s, &silent);

		if (silent != !rows[i].want || silent == !!a)
			fail_msg("%s: silent %d", rows[i].name, silent);
		if (!a)
			continue;
		show(&got, q.type, dns_answer_view(a));
		if (strcmp(text_str(&got), rows[i].want) != 0 || source != RESOLVER_LOCAL)
			fail_msg("%s: got '%s', want '%s'", rows[i].name, text_str(&got), rows[i].want);
		dns_answer_unref(a);
	}
	resolver_free(r);
	resolver_free(NULL);
	zone_free(zone);
}

static void a_missing_trust_anchor_is_an_error(void **state)
{
	struct resolver_settings settings = {
		.dnssec = true, .trust_anchor = "/nonexistent/root.key", .timeout_ms = 100
	};
	struct reactor *reactor = reactor_new();
	struct err err = { "" };

	(void)state;
	assert_null(resolver_new(reactor, &settings, &err));
	assert_non_null(strstr(err.text, "/nonexistent/root.key"));
	reactor_free(reactor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_and_keeps),
		cmocka_unit_test(equal_questions_are_joined),
		cmocka_unit_test(free_drops_what_is_on_its_way),
		cmocka_unit_test(local_data_comes_first),
		cmocka_unit_test(a_missing_trust_anchor_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
