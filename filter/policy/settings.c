/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/policy/settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "filter/base/ascii.h"
#include "filter/base/cleanup.h"
#include "filter/base/socket_address.h"

static const char *const disagree_words[] = { "strictest", "remove", NULL };
static const char *const on_fault_words[] = { "accept", "tempfail", NULL };
static const char *const log_to_words[] = { "stderr", "syslog", NULL };
static const char *const log_level_words[] = { "warning", "info", "debug", NULL };

#define MOST_MS (INT64_C(400) * 24 * 3600 * 1000)

#define AT(member) offsetof(struct settings, member)

const struct settings_row settings_rows[] = {
	{ NULL, { "listen", SLUICE_OPT_TEXT, .deflt = "unix:/run/sluice/milter.sock",
		.help = "where the MTA connects: unix:PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS" }, AT(listen) },
	{ NULL, { "socket_mode", SLUICE_OPT_COUNT, .min = 0, .max = 777, .deflt = "660",
		.help = "mode of a unix socket, in octal digits" }, AT(socket_mode) },
	{ NULL, { "socket_group", SLUICE_OPT_TEXT, .deflt = "", .help = "group of a unix socket, such as postfix" }, AT(socket_group) },
	{ NULL, { "user", SLUICE_OPT_TEXT, .deflt = "", .help = "user to run as when started as root" }, AT(user) },
	{ NULL, { "control", SLUICE_OPT_TEXT, .deflt = "/run/sluice/control.sock",
		.help = "socket that sluicectl talks to" }, AT(control) },
	{ NULL, { "http", SLUICE_OPT_TEXT, .deflt = "", .help = "where HTTP is spoken: ADDRESS:PORT or unix:PATH; empty: nowhere" }, AT(http) },
	{ NULL, { "authserv_id", SLUICE_OPT_TEXT, .deflt = "",
		.help = "our name in Authentication-Results; empty: the host's full name" }, AT(authserv_id) },
	{ NULL, { "authentication_results", SLUICE_OPT_BOOL, .deflt = "yes",
		.help = "add an Authentication-Results header, and remove those that claim our name" }, AT(authentication_results) },
	{ NULL, { "stage_deadline", SLUICE_OPT_DURATION, .min = 100, .max = 240000, .deflt = "8s",
		.help = "longest wait for the checks of one stage" }, AT(stage_deadline_ms) },
	{ NULL, { "on_fault", SLUICE_OPT_WORDS, .words = on_fault_words, .deflt = "tempfail",
		.help = "what happens to mail when Sluice itself fails: accept or tempfail" }, AT(on_fault) },
	{ NULL, { "recipients_disagree", SLUICE_OPT_WORDS, .words = disagree_words, .deflt = "strictest",
		.help = "what a client hears when rules for each recipient refuse a message for some: the refusal, for all, or that it was taken, "
			"while those are taken off it, which nobody is told but the log" }, AT(recipients_disagree) },
	{ NULL, { "drain", SLUICE_OPT_DURATION, .min = 0, .max = 600000, .deflt = "30s",
		.help = "longest wait for messages under way when stopping" }, AT(drain_ms) },
	{ NULL, { "max_questions", SLUICE_OPT_COUNT, .min = 1, .max = 10000, .deflt = "200",
		.help = "DNS questions that each check may ask about one message, or one connection" }, AT(max_questions) },
	{ NULL, { "history", SLUICE_OPT_COUNT, .min = 0, .max = 100000, .deflt = "500",
		.help = "cases kept in memory for 'sluicectl explain', of some 7 KB each" }, AT(history) },
	{ NULL, { "client_net_v4", SLUICE_OPT_COUNT, .min = 8, .max = 32, .deflt = "24",
		.help = "IPv4 clients whose addresses have so many bits in common are one: the fact client.net" }, AT(client_net_v4) },
	{ NULL, { "client_net_v6", SLUICE_OPT_COUNT, .min = 16, .max = 128, .deflt = "64", .help = "the same of IPv6" }, AT(client_net_v6) },
	{ "api", { "tokens", SLUICE_OPT_PATH, .deflt = "",
		.help = "file of the tokens that let people and programs ask over HTTP, as 'sluicectl token add' writes it" }, AT(api.tokens) },
	{ "api", { "certificate", SLUICE_OPT_PATH, .deflt = "",
		.help = "file of the certificate that HTTP is spoken with over TLS, and of those between it and its root; empty: without TLS" }, AT(api.certificate) },
	{ "api", { "key", SLUICE_OPT_PATH, .deflt = "", .help = "file of its private key, which nobody but root or the daemon's user may read" }, AT(api.key) },
	{ "body", { "memory", SLUICE_OPT_SIZE, .min = 0, .max = INT64_C(1) << 30, .deflt = "256K",
		.help = "a larger body that a check wants to look at is kept in a file" }, AT(body.memory_bytes) },
	{ "body", { "max", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 32, .deflt = "20M", .help = "so much of a body is kept for checks to look at" },
		AT(body.max_bytes) },
	{ "body", { "text", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 30, .deflt = "1M", .help = "so much of each part that is text is read as text" },
		AT(body.text_bytes) },
	{ "body", { "parts", SLUICE_OPT_COUNT, .min = 1, .max = 100000, .deflt = "500", .help = "so many parts of a message are looked at" }, AT(body.parts) },
	{ "body", { "depth", SLUICE_OPT_COUNT, .min = 1, .max = 1000, .deflt = "20", .help = "a part that is in so many others is not opened" },
		AT(body.depth) },
	{ "body", { "header", SLUICE_OPT_SIZE, .min = 1000, .max = INT64_C(1) << 30, .deflt = "64K", .help = "so much of the header of a part is looked at" },
		AT(body.header_bytes) },
	{ "body", { "spool", SLUICE_OPT_PATH, .deflt = "/var/tmp", .help = "folder of these files, which have no names" }, AT(body.spool) },
	{ "cases", { "to", SLUICE_OPT_TEXT, .deflt = "",
		.help = "where each case goes as a line of JSON: a folder such as /var/lib/sluice/cases, stderr or syslog; empty: nowhere" }, AT(cases.to) },
	{ "cases", { "keep", SLUICE_OPT_DURATION, .min = 0, .max = MOST_MS, .deflt = "7d", .help = "how long those in the folder are kept" },
		AT(cases.keep_ms) },
	{ "cases", { "size", SLUICE_OPT_SIZE, .min = 1 << 20, .max = INT64_C(1) << 40, .deflt = "1G", .help = "how large it grows before the oldest go" },
		AT(cases.max_bytes) },
	{ "cases", { "addresses", SLUICE_OPT_DURATION, .min = 0, .max = MOST_MS, .deflt = "400d",
		.help = "how long mail addresses and users stay in those; then they are hashes" }, AT(cases.addresses_ms) },
	{ "log", { "to", SLUICE_OPT_WORDS, .words = log_to_words, .deflt = "stderr", .help = "stderr or syslog" }, AT(log_to) },
	{ "log", { "level", SLUICE_OPT_WORDS, .words = log_level_words, .deflt = "info",
		.help = "warning, info (a line for each message) or debug" }, AT(log_level) },
	{ "dns", { "forward", SLUICE_OPT_TEXT, .repeated = true,
		.help = "resolver to ask: ADDRESS or ADDRESS@PORT; none: recursion from the root servers" }, AT(dns.forward) },
	{ "dns", { "timeout", SLUICE_OPT_DURATION, .min = 100, .max = 60000, .deflt = "5s", .help = "longest wait for one answer" }, AT(dns.timeout_ms) },
	{ "dns", { "cache", SLUICE_OPT_SIZE, .min = 0, .max = INT64_C(1) << 30, .deflt = "4M", .help = "memory for answers" }, AT(dns.cache_bytes) },
	{ "dns", { "dnssec", SLUICE_OPT_BOOL, .deflt = "no", .help = "validate answers" }, AT(dns.dnssec) },
	{ "dns", { "trust_anchor", SLUICE_OPT_TEXT, .deflt = "/usr/share/dns/root.key", .help = "key of the root zone, for dnssec" }, AT(dns.trust_anchor) },
	{ "dns", { "local_data", SLUICE_OPT_TEXT, .deflt = "", .help = "zone file whose names are answered from it; empty: none" }, AT(dns.local_data) },
	{ "events", { "of", SLUICE_OPT_TEXT, .repeated = true, .help = "hold, warn, surge, fault, health, store, key, reload: which are told; without it all" }, AT(events.of) },
	{ "events", { "file", SLUICE_OPT_PATH, .deflt = "", .help = "a file for a line of JSON each, such as /var/log/sluice/events; empty: none" }, AT(events.file) },
	{ "events", { "file_size", SLUICE_OPT_SIZE, .min = 4096, .max = INT64_C(1) << 40, .deflt = "10M", .help = "when it would be larger a new one is begun" },
		AT(events.file_max_bytes) },
	{ "events", { "file_keep", SLUICE_OPT_COUNT, .min = 0, .max = 100, .deflt = "5", .help = "how many older ones are kept: FILE.1, ..." }, AT(events.file_keep) },
	{ "events", { "socket", SLUICE_OPT_PATH, .deflt = "", .help = "a unix socket where a program of yours listens for these lines; empty: none" }, AT(events.socket) },
	{ "events", { "url", SLUICE_OPT_TEXT, .deflt = "", .help = "where each is posted to: https://HOST/PATH; empty: nowhere" }, AT(events.url) },
	{ "events", { "secret", SLUICE_OPT_SECRET, .deflt = "\"\"", .help = "signs what is posted (HMAC-SHA256, X-Sluice-Signature); empty: it is not signed" },
		AT(events.secret) },
	{ "scan", { "helper", SLUICE_OPT_PATH, .deflt = SLUICE_LIBEXECDIR "/sluice-scan", .help = "the program that reads files for checks, one file a process" },
		AT(scan.helper) },
	{ "scan", { "workers", SLUICE_OPT_COUNT, .min = 1, .max = 64, .deflt = "2", .help = "files that are read at the same time" }, AT(scan.workers) },
	{ "scan", { "timeout", SLUICE_OPT_DURATION, .min = 100, .max = 120000, .deflt = "5s",
		.help = "longest time to read one, and to wait before that" }, AT(scan.timeout_ms) },
	{ "scan", { "max", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 30, .deflt = "20M", .help = "a larger file is not read" }, AT(scan.max_bytes) },
	{ "scan", { "depth", SLUICE_OPT_COUNT, .min = 1, .max = 20, .deflt = "4", .help = "archives within archives are read so deep" }, AT(scan.depth) },
	{ "scan", { "entries", SLUICE_OPT_COUNT, .min = 1, .max = 1000000, .deflt = "2000", .help = "so many of the files in a file are read" },
		AT(scan.entries) },
	{ "scan", { "unpacked", SLUICE_OPT_SIZE, .min = 1 << 20, .max = INT64_C(1) << 36, .deflt = "200M", .help = "so much is unpacked from a file, in all" },
		AT(scan.unpacked_bytes) },
	{ "scan", { "ratio", SLUICE_OPT_COUNT, .min = 2, .max = 1000000, .deflt = "250",
		.help = "an archive of which more than 8M is unpacked may unpack to so many times its size" }, AT(scan.ratio) },
	{ "scan", { "memory", SLUICE_OPT_SIZE, .min = INT64_C(128) << 20, .max = INT64_C(1) << 40, .deflt = "512M", .help = "address space of one process" },
		AT(scan.memory_bytes) },
	{ "state", { "lmdb", SLUICE_OPT_PATH, .deflt = "", .help = "folder of the store of this machine, such as /var/lib/sluice/state" }, AT(state.lmdb) },
	{ "state", { "max_size", SLUICE_OPT_SIZE, .min = 1 << 20, .max = INT64_C(1) << 40, .deflt = "2G",
		.help = "largest size of the file in it" }, AT(state.max_bytes) },
	{ "state", { "redis", SLUICE_OPT_TEXT, .deflt = "",
		.help = "the store of several machines: HOST:PORT of a Redis, or the path of its socket" }, AT(state.redis) },
	{ "state", { "sentinels", SLUICE_OPT_TEXT, .repeated = true,
		.help = "HOST:PORT of each sentinel, in place of redis: the primary that they name is the store" }, AT(state.sentinels) },
	{ "state", { "master", SLUICE_OPT_TEXT, .deflt = "mymaster", .help = "what the sentinels call the primary and its replicas" }, AT(state.master) },
	{ "state", { "sentinel_user", SLUICE_OPT_TEXT, .deflt = "", .help = "user of the sentinels; empty: their default user" }, AT(state.sentinel_user) },
	{ "state", { "sentinel_password", SLUICE_OPT_SECRET, .deflt = "\"\"", .help = "password of the sentinels; empty: none" }, AT(state.sentinel_password) },
	{ "state", { "cluster", SLUICE_OPT_TEXT, .repeated = true,
		.help = "HOST:PORT of some servers of a Redis Cluster, in place of redis: they say who else is one" }, AT(state.cluster) },
	{ "state", { "prefix", SLUICE_OPT_TEXT, .deflt = "sluice", .help = "first part of all keys in Redis" }, AT(state.prefix) },
	{ "state", { "user", SLUICE_OPT_TEXT, .deflt = "", .help = "user of Redis; empty: its default user" }, AT(state.user) },
	{ "state", { "password", SLUICE_OPT_SECRET, .deflt = "\"\"", .help = "password of Redis; empty: none" }, AT(state.password) },
	{ "state", { "database", SLUICE_OPT_COUNT, .min = 0, .max = 65535, .deflt = "0", .help = "database of Redis" }, AT(state.database) },
	{ "state", { "tls", SLUICE_OPT_BOOL, .deflt = "no", .help = "speak TLS with Redis; needs a build with hiredis 1.0 or later" }, AT(state.tls) },
	{ "state", { "tls_ca", SLUICE_OPT_PATH, .deflt = "", .help = "file of certificates that vouch for Redis; empty: those of the system" }, AT(state.tls_ca) },
	{ "state", { "tls_cert", SLUICE_OPT_PATH, .deflt = "", .help = "file of our certificate, for a Redis that asks for one" }, AT(state.tls_cert) },
	{ "state", { "tls_key", SLUICE_OPT_PATH, .deflt = "", .help = "file of its key" }, AT(state.tls_key) },
	{ "state", { "timeout", SLUICE_OPT_DURATION, .min = 10, .max = 60000, .deflt = "1s", .help = "longest wait for an answer of Redis" }, AT(state.timeout_ms) },
	{ NULL, { .key = NULL }, 0 },
};

_Static_assert(ARRAY_LEN(settings_rows) <= SETTINGS_MAX_ROWS, "more rows than the parser keeps places for");

int settings_store(struct settings *s, const struct settings_row *row, const struct sluice_setting *value)
{
	void *at = (char *)s + row->offset;

	switch (row->option.type) {
	case SLUICE_OPT_BOOL:
		*(bool *)at = value->number != 0;
		return 0;
	case SLUICE_OPT_COUNT:
	case SLUICE_OPT_DECIMAL:
	case SLUICE_OPT_DURATION:
	case SLUICE_OPT_SIZE:
		*(int64_t *)at = value->number;
		return 0;
	case SLUICE_OPT_WORDS: /* of the daemon's settings each takes one word */
		*(int64_t *)at = ffsll(value->number) - 1;
		return 0;
	case SLUICE_OPT_TEXT:
	case SLUICE_OPT_PATH:
	case SLUICE_OPT_SECRET:
		if (row->option.repeated) {
			struct settings_texts *texts = at;

			return vec_push(texts, value->text) ? 0 : -ENOMEM;
		}
		*(const char **)at = value->text;
		return 0;
	case SLUICE_OPT_WEIGHTED_NETWORK:
		break;
	}
	return -EINVAL;
}

void settings_done(struct settings *s)
{
	vec_done(&s->dns.forward);
	vec_done(&s->events.of);
	vec_done(&s->state.sentinels);
	vec_done(&s->state.cluster);
}

bool settings_listen_valid(const char *listen)
{
	const char *port = !strncmp(listen, "inet:", 5) ? listen + 5 : !strncmp(listen, "inet6:", 6) ? listen + 6 : NULL;
	size_t len = port ? strcspn(port, "@") : 0;
	struct socket_address a;
	uint64_t number;

	if (!port)
		return !strncmp(listen, "unix:", 5) && socket_address_read(listen, &a);
	if (ascii_is_alpha(*port))
		return !memchr(port, ':', len); /* ADDRESS:PORT is how others have it */
	return ascii_to_u64(port, len, UINT16_MAX, &number) && number;
}

struct net settings_client_net(const struct settings *s, const struct sluice_ip *client)
{
	return net_of(client, (uint8_t)(client->family == 4 ? s->client_net_v4 : s->client_net_v6));
}

bool settings_have_redis(const struct settings *s)
{
	return *s->state.redis || s->state.sentinels.len || s->state.cluster.len;
}

bool settings_have_store(const struct settings *s)
{
	return *s->state.lmdb || settings_have_redis(s);
}
