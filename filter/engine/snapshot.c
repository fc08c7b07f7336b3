/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/snapshot.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/engine/assertion.h"
#include "filter/engine/machine.h"
#include "filter/mail/domain.h"
#include "filter/observe/events.h"
#include "filter/observe/http.h"
#include "filter/observe/http_tls.h"
#include "filter/services/clamd.h"
#include "filter/services/exchange.h"
#include "filter/services/store_away.h"
#include "filter/services/store_lmdb.h"
#include "filter/services/store_redis.h"

#define DNS_PORT 53

/* The resolver and what it stands on: shared by snapshots whose settings for it are the same. */
struct dns_home {
	unsigned references;
	char *settings; /* what it was made from, to compare */
	struct zone *zone;
	struct resolver *resolver;
};

static void dns_home_unref(struct dns_home *h)
{
	if (!h || __atomic_sub_fetch(&h->references, 1, __ATOMIC_ACQ_REL))
		return;
	resolver_free(h->resolver);
	zone_free(h->zone);
	free(h->settings);
	free(h);
}

/* The store, shared in the same way: there can be but one of a folder. */
struct state_home {
	unsigned references;
	char *settings;
	struct store *store;
};

static void state_home_unref(struct state_home *h)
{
	if (!h || __atomic_sub_fetch(&h->references, 1, __ATOMIC_ACQ_REL))
		return;
	store_free(h->store);
	free(h->settings);
	free(h);
}

/* ADDRESS or ADDRESS@PORT */
static bool parse_forwarder(const char *s, struct resolver_forwarder *ret)
{
	const char *at = strchr(s, '@');
	uint64_t port = DNS_PORT;

	if (at && !ascii_to_u64(at + 1, strlen(at + 1), UINT16_MAX, &port))
		return false;
	ret->port = (uint16_t)port;
	return ip_parse(s, at ? (size_t)(at - s) : strlen(s), &ret->ip);
}

static int resolver_settings(const struct policy *p, struct resolver_settings *ret, struct err *reterr)
{
	const struct settings_texts *forward = &p->settings.dns.forward;

	*ret = (struct resolver_settings){
		.dnssec = p->settings.dns.dnssec,
		.trust_anchor = p->settings.dns.trust_anchor,
		.cache_max_bytes = (size_t)p->settings.dns.cache_bytes,
		.timeout_ms = p->settings.dns.timeout_ms,
	};
	if (forward->len > RESOLVER_MAX_FORWARDERS)
		return place_error(policy_place(p, "dns.forward", NULL), reterr, "more than %d forwarders", RESOLVER_MAX_FORWARDERS);
	for (size_t i = 0; i < forward->len; i++)
		if (!parse_forwarder(forward->items[i], &ret->forwarders[ret->forwarder_count++]))
			return place_error(policy_place(p, "dns.forward", forward->items[i]), reterr,
				"'%s' is no forwarder: write 192.0.2.53 or 192.0.2.53@5353", forward->items[i]);
	return 0;
}

/* The settings of a section, in a form that can be compared. */
static void describe(struct text *out, const struct policy *p, const char *section)
{
	for (size_t i = 0; i < p->shown.len; i++)
		if (!strncmp(p->shown.items[i].key, section, strlen(section)))
			text_addf(out, "%s %s\n", p->shown.items[i].key, p->shown.items[i].value);
}

static int load_zone(const char *path, struct text *bytes, struct zone **ret, struct err *reterr)
{
	int r;

	if (!*path)
		return 0;
	r = text_read_file(bytes, path);
	if (r < 0)
		return err_set(reterr, r, "%s: cannot be read: %s", path, text_file_error(r));
	return zone_parse(path, text_str(bytes), bytes->len, ret, reterr);
}

static int make_dns(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text zone_bytes = TEXT_INIT(64u << 20), settings_text = TEXT_INIT(65u << 20);
	const struct policy *p = s->policy;
	struct resolver_settings settings;
	struct dns_home *h = NULL;
	struct zone *zone = NULL;
	struct err why;
	int r = resolver_settings(p, &settings, reterr);

	if (r < 0)
		return r;
	r = load_zone(o->zone ? o->zone : p->settings.dns.local_data, &zone_bytes, &zone, &why);
	if (r < 0)
		return o->zone ? err_set(reterr, r, "%s", why.text)
			       : place_error(policy_place(p, "dns.local_data", NULL), reterr, "%s", why.text);
	describe(&settings_text, p, "dns.");
	text_adds(&settings_text, text_str(&zone_bytes));
	if (o->no_services) {
		zone_free(zone);
		return 0;
	}
	if (o->before && o->before->dns && !strcmp(o->before->dns->settings, text_str(&settings_text))) {
		zone_free(zone);
		s->dns = o->before->dns;
		(void)__atomic_add_fetch(&s->dns->references, 1, __ATOMIC_ACQ_REL);
		s->resolver = s->dns->resolver;
		return 0;
	}
	h = calloc(1, sizeof *h);
	if (!h) {
		zone_free(zone);
		return err_set(reterr, -ENOMEM, "out of memory");
	}
	*h = (struct dns_home){ .references = 1, .zone = zone, .settings = strdup(text_str(&settings_text)) };
	s->dns = h;
	settings.local = zone;
	settings.only_local = !o->reactor;
	settings.changed = o->dns_changed;
	settings.arg = o->arg;
	h->resolver = resolver_new(o->reactor, &settings, reterr);
	if (!h->resolver || !h->settings)
		return -EIO;
	s->resolver = h->resolver;
	return 0;
}

static const char *redis_place(const struct settings *s)
{
	return *s->state.redis ? "state.redis" : s->state.sentinels.len ? "state.sentinels" : "state.cluster";
}

/* How a store tells that it works or does not. */
struct listener {
	void (*changed)(void *arg, bool working, const char *why);
	void *arg;
};

static struct store_redis_settings redis_settings(const struct settings *s)
{
	struct store_redis_settings redis = { .kind = REDIS_ONE, .servers = &s->state.redis, .server_count = 1,
		.master = s->state.master, .sentinel_user = s->state.sentinel_user, .sentinel_password = s->state.sentinel_password,
		.prefix = s->state.prefix, .user = s->state.user, .password = s->state.password, .database = s->state.database, .tls = s->state.tls,
		.tls_files = { s->state.tls_ca, s->state.tls_cert, s->state.tls_key }, .timeout_ms = s->state.timeout_ms,
		.takeover_ms = *s->state.lmdb ? s->state.timeout_ms : 0 }; /* then the local store is there */
	const struct settings_texts *several = s->state.sentinels.len ? &s->state.sentinels : &s->state.cluster;

	if (!*s->state.redis) {
		redis.kind = several == &s->state.sentinels ? REDIS_SENTINELS : REDIS_CLUSTER;
		redis.servers = several->items;
		redis.server_count = several->len;
	}
	return redis;
}

static struct store *open_redis(const struct settings *s, struct reactor *reactor, const struct listener *listener, struct err *reterr)
{
	struct store_redis_settings redis = redis_settings(s);

	redis.reactor = reactor;
	redis.changed = listener->changed;
	redis.arg = listener->arg;
	return store_redis_open(&redis, reterr);
}

static struct store *open_lmdb(const struct settings *s, const struct listener *listener, struct err *reterr)
{
	struct store_lmdb_settings lmdb = { .path = s->state.lmdb, .user = s->user, .max_bytes = (size_t)s->state.max_bytes, .changed = listener->changed,
		.arg = listener->arg };

	return store_lmdb_open(&lmdb, reterr);
}

/* *ret_setting: which one an error is about. */
static struct store *open_both(const struct settings *s, struct reactor *reactor, const struct listener *listener, const char **ret_setting, struct err *reterr)
{
	struct store_away *away = store_away_new(&(struct store_away_settings){ listener->changed, listener->arg });
	struct listener of_shared = { store_away_shared_changed, away }, of_local = { store_away_local_changed, away };
	struct store *local, *shared;

	if (!away) {
		(void)err_set(reterr, -ENOMEM, "out of memory");
		return NULL;
	}
	*ret_setting = "state.lmdb";
	local = open_lmdb(s, &of_local, reterr);
	if (local)
		*ret_setting = redis_place(s);
	shared = local ? open_redis(s, reactor, &of_shared, reterr) : NULL;
	if (shared)
		return store_away_join(away, shared, local);
	store_free(local);
	store_away_free(away);
	return NULL;
}

static struct store *open_store(const struct settings *s, const struct snapshot_options *o, const char **ret_setting, struct err *reterr)
{
	struct listener listener = { o->store_changed, o->arg };

	if (*s->state.lmdb && settings_have_redis(s))
		return open_both(s, o->reactor, &listener, ret_setting, reterr);
	*ret_setting = *s->state.lmdb ? "state.lmdb" : redis_place(s);
	return *s->state.lmdb ? open_lmdb(s, &listener, reterr) : open_redis(s, o->reactor, &listener, reterr);
}

static int check_state(const struct snapshot *snapshot, struct err *reterr)
{
	const struct policy *p = snapshot->policy;
	const struct registry *r = snapshot->registry;
	const struct settings *s = &p->settings;
	struct store_redis_settings redis = redis_settings(s);
	struct err why;

	for (size_t i = 0; i < p->lists.len && !settings_have_redis(s); i++)
		if (list_first(p->lists.items[i], LIST_REDIS))
			return place_error(list_place(p->lists.items[i]), reterr, "list %s is a set in Redis: say where that is, with 'state { redis HOST:PORT }'",
				list_name(p->lists.items[i]));

	if ((*s->state.redis != '\0') + (s->state.sentinels.len > 0) + (s->state.cluster.len > 0) > 1)
		return place_error(policy_place(p, s->state.cluster.len ? "state.cluster" : "state.sentinels", NULL), reterr,
			"redis, sentinels and cluster: there is one store, keep one of them");
	if (settings_have_redis(s) && store_redis_check(&redis, &why) < 0)
		return place_error(policy_place(p, redis_place(s), NULL), reterr, "%s", why.text);
	for (size_t i = 0; i < p->rules.len && !settings_have_store(s); i++)
		if ((p->rules.items[i].action == RULE_GREYLIST && !p->rules.items[i].shadow) || p->rules.items[i].limit)
			return place_error(p->rules.items[i].place, reterr, "rule %s needs a store: say where, with 'state { lmdb /var/lib/sluice/state }'",
				p->rules.items[i].name);
	for (size_t i = 0; i < r->checks.len && !settings_have_store(s); i++)
		if (plan_wants(&r->checks.items[i], snapshot->states))
			return err_set(reterr, -EINVAL, "%s: %s needs a store: say where, with 'state { lmdb /var/lib/sluice/state }'",
				p->sources.items[0]->path, r->checks.items[i].plugin->name);
	for (size_t i = 0; i < p->blocks.len && !settings_have_store(s); i++) /* what was learned is there */
		if (p->blocks.items[i].len && !strcmp(p->catalog->plugins.items[i]->name, "bayes"))
			return place_error(p->blocks.items[i].places.items[0], reterr, "bayes needs a store: say where, with 'state { lmdb /var/lib/sluice/state }'");
	return 0;
}

static int make_state(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text settings_text = TEXT_INIT(65536);
	const struct settings *settings = &s->policy->settings;
	const char *setting = "";
	struct err why;

	if (o->no_services || o->no_store || !o->reactor || !settings_have_store(settings))
		return 0;
	describe(&settings_text, s->policy, "state.");
	text_addf(&settings_text, "%s\n%s", settings->state.password, settings->state.sentinel_password);
	if (o->before && o->before->state && !strcmp(o->before->state->settings, text_str(&settings_text))) {
		s->state = o->before->state;
		(void)__atomic_add_fetch(&s->state->references, 1, __ATOMIC_ACQ_REL);
		s->store = s->state->store;
		return 0;
	}
	s->state = calloc(1, sizeof *s->state);
	if (!s->state)
		return err_set(reterr, -ENOMEM, "out of memory");
	s->state->references = 1;
	s->state->settings = strdup(text_str(&settings_text));
	s->state->store = s->state->settings ? open_store(settings, o, &setting, &why) : NULL;
	s->store = s->state->store;
	if (!s->state->settings)
		return err_set(reterr, -ENOMEM, "out of memory");
	return s->store ? 0 : place_error(policy_place(s->policy, setting, NULL), reterr, "%s", why.text);
}

/* With a store that is connected already a reload begins with full lists, or not at all; else the watch of the lists reads them. */
static int read_lists(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	bool connected = s->store && o->before && o->before->store == s->store;
	struct err why;

	for (size_t i = 0; connected && i < s->policy->lists.len; i++) {
		struct list *l = s->policy->lists.items[i];

		if (list_read(l, s->store, &why) < 0)
			return place_error(list_place(l), reterr, "list %s: %.*s", list_name(l), (int)strcspn(why.text, "\n"), why.text);
	}
	return 0;
}

static bool runs(const struct snapshot *s, size_t check)
{
	enum sluice_stage stage = s->registry->checks.items[check].check->stage;

	return stage != SLUICE_STAGE_PROBE && ((s->plan.start[stage] | s->plan.costly) & UINT64_C(1) << check);
}

/* Those of checks that run. */
static int make_programs(struct snapshot *s, struct programs *programs, struct err *reterr)
{
	const struct registry *r = s->registry;

	if (!programs)
		return 0;
	s->programs = calloc(r->catalog.plugins.len + 1, sizeof(struct program *));
	for (size_t i = 0; s->programs && i < r->checks.len; i++) {
		const struct registry_check *check = &r->checks.items[i];

		if (!check->plugin->program || !runs(s, i) || s->programs[check->plugin_index])
			continue;
		s->programs[check->plugin_index] = programs_get(programs, check->plugin->program);
		if (!s->programs[check->plugin_index])
			return err_set(reterr, -ENOMEM, "out of memory");
	}
	return s->programs ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static bool has_servers(const struct sluice_plugin *plugin)
{
	return plugin->virus || plugin->exchange;
}

static bool are_servers(const struct servers *s, const struct sluice_plugin *plugin, const void *state)
{
	return plugin->virus ? clamd_has(s, plugin->virus(state)) : exchange_has(s, plugin->exchange(state));
}

static struct servers *new_servers(const struct servers_host *host, const struct sluice_plugin *plugin, const void *state)
{
	return plugin->virus ? clamd_new(host, plugin->virus(state)) : exchange_new(host, plugin->exchange(state));
}

/* Those of the configuration before, if their settings are the same. */
static struct servers *find_servers(const struct snapshot *before, const struct sluice_plugin *plugin, const void *state)
{
	for (size_t i = 0; before && before->servers && i < before->registry->catalog.plugins.len; i++)
		if (before->servers[i] && are_servers(before->servers[i], plugin, state))
			return servers_ref(before->servers[i]);
	return NULL;
}

/* Of checks that run. */
static int make_servers(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	const struct registry *r = s->registry;

	if (!o->servers)
		return 0;
	s->servers = calloc(r->catalog.plugins.len + 1, sizeof(struct servers *));
	for (size_t i = 0; s->servers && i < r->checks.len; i++) {
		const struct registry_check *check = &r->checks.items[i];
		struct servers **servers = &s->servers[check->plugin_index];
		const void *state = s->states[check->plugin_index];

		if (!has_servers(check->plugin) || !runs(s, i) || *servers)
			continue;
		*servers = find_servers(o->before, check->plugin, state);
		if (!*servers)
			*servers = new_servers(o->servers, check->plugin, state);
		if (!*servers)
			return err_set(reterr, -ENOMEM, "out of memory");
	}
	return s->servers ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

void snapshot_stop_servers(struct snapshot *s)
{
	for (size_t i = 0; s && s->servers && i < s->registry->catalog.plugins.len; i++)
		servers_stop(s->servers[i]);
}

bool snapshot_wants_scanner(const struct snapshot *s)
{
	for (size_t i = 0; i < s->registry->checks.len; i++)
		if (s->registry->checks.items[i].check->scan && runs(s, i))
			return true;
	return false;
}

/* The helpers that read files, if a check that runs may want them; those that are there, if their settings are the same. */
static int make_scanner(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	const struct settings *all = &s->policy->settings;
	const struct scanner_settings settings = { .helper = all->scan.helper, .workers = all->scan.workers, .timeout_ms = all->scan.timeout_ms,
		.max_bytes = all->scan.max_bytes, .depth = all->scan.depth, .entries = all->scan.entries, .unpacked_bytes = all->scan.unpacked_bytes,
		.ratio = all->scan.ratio, .memory_bytes = all->scan.memory_bytes };

	if (!o->scan || !snapshot_wants_scanner(s))
		return 0;
	if (o->before && o->before->scanner && scanner_settings_equal(scanner_settings(o->before->scanner), &settings)) {
		s->scanner = scanner_ref(o->before->scanner);
		return 0;
	}
	s->scanner = scanner_new(o->scan, &settings);
	if (s->scanner && o->before) /* at a start the daemon has first to become who it runs as */
		scanner_start(s->scanner);
	return s->scanner ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

/* The host's full name: what it is called, or what the system's look-up makes of that. */
static const char *host_name(struct arena *arena)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME }, *found = NULL;
	char name[256] = "localhost";
	const char *full = name, *copy;

	if (gethostname(name, sizeof name - 1) < 0)
		return "localhost";
	if (!strchr(name, '.') && getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname && strchr(found->ai_canonname, '.'))
		full = found->ai_canonname;
	copy = arena_copy(arena, full, strlen(full));
	if (found)
		freeaddrinfo(found);
	return copy ? copy : "localhost";
}

static int check_settings(const struct policy *p, struct err *reterr)
{
	const struct settings *s = &p->settings;
	struct events_settings events;
	const char *key;
	struct err why;

	if (*s->authserv_id && !domain_valid(s->authserv_id, strlen(s->authserv_id), 1))
		return place_error(policy_place(p, "authserv_id", NULL), reterr, "'%s' is no host name: write one such as mx.example.org",
			s->authserv_id);
	if (!settings_listen_valid(s->listen))
		return place_error(policy_place(p, "listen", NULL), reterr,
			"'%s' is no place to listen: write unix:/PATH (of at most 107 octets), inet:PORT@ADDRESS or inet6:PORT@ADDRESS", s->listen);
	if (*s->http && !http_place_valid(s->http))
		return place_error(policy_place(p, "http", NULL), reterr,
			"'%s' is no place to listen: write 127.0.0.1:9580, \"[::1]:9580\" or unix:/run/sluice/http.sock", s->http);
	if (*s->cases.to && *s->cases.to != '/' && strcmp(s->cases.to, "stderr") != 0 && strcmp(s->cases.to, "syslog") != 0)
		return place_error(policy_place(p, "cases.to", NULL), reterr,
			"'%s' is no place for cases: write the absolute path of a folder, stderr or syslog", s->cases.to);
	if (events_read(s, "", &events, &key, &why) < 0)
		return place_error(policy_place(p, key, NULL), reterr, "%s", why.text);
	for (int64_t mode = s->socket_mode; mode; mode /= 10)
		if (mode % 10 > 7)
			return place_error(policy_place(p, "socket_mode", NULL), reterr, "a mode has the digits 0 to 7, such as 660");
	return 0;
}

/* The files are read each time: that they were renewed is what a reload may be for. */
static int make_tls(struct snapshot *s, const struct snapshot_options *o, struct err *reterr)
{
	const struct policy *p = s->policy;
	const char *certificate = p->settings.api.certificate, *key = p->settings.api.key, *meant;
	struct err why;

	if (!*certificate && !*key) { /* a listener that has spoken TLS does not go over to clear text by a reload */
		s->tls = o->before && o->before->tls && SSL_CTX_up_ref(o->before->tls) ? o->before->tls : NULL;
		return 0;
	}
	if (!*key)
		return place_error(policy_place(p, "api.certificate", NULL), reterr, "a certificate needs its key: name the file of that with 'key'");
	if (!*certificate)
		return place_error(policy_place(p, "api.key", NULL), reterr, "a key needs its certificate: name the file of that with 'certificate'");
	if (http_socket_path(p->settings.http))
		return place_error(policy_place(p, "api.certificate", NULL), reterr,
			"http is a unix socket, where no TLS is spoken: take certificate and key out, or let http be ADDRESS:PORT");
	if (http_tls_load(certificate, key, p->settings.user, &s->tls, &meant, &why) == 0)
		return 0;
	return place_error(policy_place(p, meant, NULL), reterr, "%s", why.text);
}

bool snapshot_needs_list(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->registry->checks.len; i++)
		for (const struct sluice_list_use *use = s->registry->checks.items[i].plugin->lists; use && use->name && runs(s, i); use++)
			if (use->needed && !strcmp(use->name, name))
				return true;
	return false;
}

/* A list that a running check cannot do without has something in it. */
static int check_lists(const struct snapshot *s, struct err *reterr)
{
	for (size_t i = 0; i < s->registry->checks.len; i++) {
		const struct registry_check *check = &s->registry->checks.items[i];

		if (!runs(s, i))
			continue;
		for (const struct sluice_list_use *use = check->plugin->lists; use && use->name; use++) {
			const struct list *list = policy_list(s->policy, use->name);

			if (list && list_type(list) != use->type)
				return place_error(list_place(list), reterr, "list %s is of type %s: %s needs one of type %s", use->name,
					list_type_words[list_type(list)], check->plugin->name, list_type_words[use->type]);
			if (!use->needed || (list && (list_len(list) || list_unread(list) || list_optional(list))))
				continue;
			if (list)
				return place_error(list_place(list), reterr, "list %s is empty: add %s", use->name, use->help);
			return err_set(reterr, -EINVAL, "%s: there is no list %s, which %s needs: define it with 'list %s %s [...]' and add %s",
				s->policy->sources.items[0]->path, use->name, check->plugin->name, use->name, list_type_words[use->type], use->help);
		}
	}
	return 0;
}

/* A plugin names a line, of one of its blocks or of a setting in it; the file is that of the block. */
static void place_of_line(const struct policy_blocks *blocks, unsigned line, struct place *at)
{
	for (size_t i = 0; i < blocks->len; i++) {
		bool within = blocks->items[i].line == line;

		for (size_t k = 0; k < blocks->items[i].count; k++)
			within |= blocks->items[i].settings[k].line == line;
		if (line && within)
			*at = (struct place){ blocks->places.items[i].source, line, 1 };
	}
}

static int configure_plugins(struct snapshot *s, struct err *reterr)
{
	const struct catalog *c = &s->registry->catalog;

	s->states = calloc(c->plugins.len + 1, sizeof *s->states);
	if (!s->states)
		return err_set(reterr, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->registry->made.len; i++)
		s->states[s->registry->made.items[i].plugin_index] = s->registry->made.items[i].state;
	for (size_t i = 0; i < c->plugins.len; i++) {
		struct policy_blocks *blocks = &s->policy->blocks.items[i];
		struct sluice_config_error why = { "", 0 };
		struct place at = { s->policy->sources.items[0], 0, 1 };
		int r;

		if (!c->plugins.items[i]->configure)
			continue;
		for (size_t k = 0; k < blocks->len; k++)
			blocks->items[k].user = s->policy->settings.user;
		r = c->plugins.items[i]->configure(blocks->items, blocks->len, &s->states[i], &why);
		if (r == 0)
			continue;
		if (r == -ENOMEM)
			return err_set(reterr, r, "out of memory");
		place_of_line(blocks, why.line, &at);
		return place_error(at, reterr, "%s: %s", c->plugins.items[i]->name, why.text);
	}
	return 0;
}

int snapshot_load(const char *path, const struct snapshot_options *o, struct snapshot **ret, struct err *reterr)
{
	struct snapshot *s = calloc(1, sizeof *s);
	struct policy_host host = { .load_plugin = registry_load, .make_plugin = registry_make };
	int r;

	if (!s)
		return err_set(reterr, -ENOMEM, "out of memory");
	s->references = 1;
	s->generation = o->before ? o->before->generation + 1 : 1;
	s->registry = registry_new(reterr);
	if (!s->registry) {
		snapshot_unref(s);
		return -EINVAL;
	}
	host.catalog = &s->registry->catalog;
	host.arg = s->registry;
	r = policy_load(path, &host, &s->policy, reterr);
	if (r == 0)
		r = check_settings(s->policy, reterr);
	if (r == 0)
		r = make_tls(s, o, reterr);
	if (r == 0) {
		s->authserv_id = *s->policy->settings.authserv_id ? s->policy->settings.authserv_id : host_name(s->policy->arena);
		r = configure_plugins(s, reterr);
	}
	if (r == 0) {
		plan_build(&s->plan, s->registry, s->policy, s->states, o->all);
		r = o->all ? 0 : check_lists(s, reterr); /* with all of them, checks run that the policy does not want */
	}
	if (r == 0 && o->machine != MACHINE_ANY)
		r = machine_look(s, o->machine == MACHINE_PERHAPS, reterr);
	if (r == 0)
		r = check_state(s, reterr);
	if (r == 0 && !o->all)
		r = assertion_play(s, reterr);
	if (r == 0)
		r = make_dns(s, o, reterr);
	if (r == 0)
		r = make_state(s, o, reterr);
	if (r == 0)
		r = read_lists(s, o, reterr);
	if (r == 0)
		r = make_programs(s, o->programs, reterr);
	if (r == 0)
		r = make_servers(s, o, reterr);
	if (r == 0)
		r = make_scanner(s, o, reterr);
	if (r < 0) {
		snapshot_unref(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	(void)__atomic_add_fetch(&s->references, 1, __ATOMIC_ACQ_REL);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (size_t i = 0; s->states && i < s->registry->catalog.plugins.len; i++)
		if (s->registry->catalog.plugins.items[i]->configure && s->registry->catalog.plugins.items[i]->release)
			s->registry->catalog.plugins.items[i]->release(s->states[i]);
	free(s->states);
	for (size_t i = 0; s->programs && i < s->registry->catalog.plugins.len; i++)
		program_unref(s->programs[i]);
	free(s->programs);
	for (size_t i = 0; s->servers && i < s->registry->catalog.plugins.len; i++)
		servers_unref(s->servers[i]);
	free(s->servers);
	scanner_unref(s->scanner);
	SSL_CTX_free(s->tls);
	state_home_unref(s->state);
	dns_home_unref(s->dns);
	policy_free(s->policy);
	registry_free(s->registry);
	free(s);
}
