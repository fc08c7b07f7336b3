/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/rotate_dns.h"

#include <stdio.h>
#include <string.h>
#include <unbound.h>

#include "filter/base/ip.h"
#include "filter/base/text.h"
#include "filter/mail/dkim_record.h"
#include "filter/services/dns_name.h"

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_SOA = 6, TYPE_TXT = 16, TYPE_AAAA = 28, CLASS_IN = 1 };

#define SOA_MINIMUM_BYTES 20 /* the five numbers at its end (RFC 1035 3.3.13) */
#define SERVER_TEXT_BYTES 64

struct server {
	char host[DNS_NAME_TEXT_MAX];
	char address[SERVER_TEXT_BYTES]; /* perhaps with @PORT */
};
struct servers {
	struct server items[ROTATE_SERVERS_MAX];
	size_t count;
};

/* Each question gets its few tries and no more: a server that is silent is heard of at the next run. */
static struct ub_ctx *context(const char *const *forwarders, size_t count)
{
	static const char *const options[][2] = { { "do-not-query-localhost:", "no" }, { "module-config:", "iterator" },
		{ "outbound-msg-retry:", "2" } };
	struct ub_ctx *ctx = ub_ctx_create();
	bool good = ctx != NULL;

	for (size_t i = 0; good && i < ARRAY_LEN(options); i++)
		good = ub_ctx_set_option(ctx, options[i][0], options[i][1]) == 0;
	for (size_t i = 0; good && i < count; i++)
		good = ub_ctx_set_fwd(ctx, forwarders[i]) == 0;
	if (good && count == 0)
		good = ub_ctx_resolvconf(ctx, NULL) == 0;
	if (good)
		return ctx;
	ub_ctx_delete(ctx);
	return NULL;
}

/* NULL: there is no answer. The caller frees it. */
static struct ub_result *ask(struct ub_ctx *ctx, const char *name, int type)
{
	struct ub_result *result = NULL;

	if (ctx && ub_resolve(ctx, name, type, CLASS_IN, &result) == 0 && (result->rcode == 0 || result->nxdomain))
		return result;
	ub_resolve_free(result);
	return NULL;
}

/* ---- who is asked ---- */

static void add_address(struct servers *s, const char *host, const char *octets, int len)
{
	struct server *server = &s->items[s->count];
	struct sluice_ip ip = { .family = len == 4 ? 4 : 6 };

	if (s->count == ROTATE_SERVERS_MAX || (len != 4 && len != 16))
		return;
	memcpy(ip.bytes, octets, (size_t)len);
	(void)snprintf(server->host, sizeof server->host, "%s", host);
	(void)ip_format(&ip, server->address);
	s->count++;
}

static void add_host(struct ub_ctx *ctx, struct servers *s, const char *host)
{
	static const int types[] = { TYPE_A, TYPE_AAAA };

	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		struct ub_result *result = ask(ctx, host, types[t]);

		for (int i = 0; result && result->havedata && result->data[i]; i++)
			add_address(s, host, result->data[i], result->len[i]);
		ub_resolve_free(result);
	}
}

/* A domain that is no zone of its own is in the one above it. */
static void find_servers(struct ub_ctx *ctx, const char *domain, struct servers *s)
{
	for (const char *zone = domain; zone && s->count == 0; zone = strchr(zone, '.')) {
		struct ub_result *result;

		zone += *zone == '.';
		result = ask(ctx, zone, TYPE_NS);
		for (int i = 0; result && result->havedata && result->data[i]; i++) {
			char host[DNS_NAME_TEXT_MAX];
			struct dns_name name;
			size_t pos = 0;

			if (!dns_name_read((const uint8_t *)result->data[i], (size_t)result->len[i], &pos, &name))
				continue;
			(void)dns_name_print(&name, host);
			add_host(ctx, s, host);
		}
		ub_resolve_free(result);
	}
}

static void choose_servers(const struct rotate_dns *dns, const char *domain, struct servers *s)
{
	struct ub_ctx *ctx;

	for (size_t i = 0; i < dns->server_count; i++) {
		struct server *server = &s->items[s->count++];

		(void)snprintf(server->host, sizeof server->host, "%s", dns->servers[i]);
		(void)snprintf(server->address, sizeof server->address, "%s", dns->servers[i]);
	}
	if (s->count)
		return;
	ctx = context(dns->forwarders, dns->forwarder_count);
	find_servers(ctx, domain, s);
	ub_ctx_delete(ctx);
}

/* ---- what they say ---- */

/* The strings of a TXT record, joined. */
static bool join_strings(struct text *out, const char *rdata, int len)
{
	for (int at = 0; at < len; at += 1 + (unsigned char)rdata[at]) {
		int n = (unsigned char)rdata[at];

		if (at + 1 + n > len)
			return false;
		text_add(out, rdata + at + 1, (size_t)n);
	}
	return !out->failed;
}

enum shown { SHOWS_KEY, SILENT, SHOWS_NOTHING, SHOWS_ANOTHER };
static const char *const shown_texts[] = { "shows the key", "does not answer", "does not show the record yet", "shows another key" };

static enum shown judge(const struct ub_result *result, const char *record)
{
	enum shown shown = SHOWS_NOTHING;

	if (!result)
		return SILENT;
	for (int i = 0; result->havedata && result->data[i]; i++) {
		SLUICE_CLEANUP(text_done) struct text text = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
		struct dkim_record theirs;

		if (!join_strings(&text, result->data[i], result->len[i]) || !dkim_record_parse(text_str(&text), text.len, &theirs))
			continue;
		if (!dkim_record_has_key(&theirs, record))
			return SHOWS_ANOTHER;
		shown = SHOWS_KEY;
	}
	return shown;
}

/* How long it may be kept that a name is not there (RFC 2308 5); the SOA of the zone says so. */
static int64_t negative_ttl_s(struct ub_ctx *ctx, const char *domain)
{
	int64_t ttl_s = -1;

	for (const char *zone = domain; zone && ttl_s < 0; zone = strchr(zone, '.')) {
		struct ub_result *result;

		zone += *zone == '.';
		result = ask(ctx, zone, TYPE_SOA);
		if (result && result->havedata && result->data[0] && result->len[0] > SOA_MINIMUM_BYTES) {
			const unsigned char *end = (const unsigned char *)result->data[0] + result->len[0];

			ttl_s = (int64_t)((uint32_t)end[-4] << 24 | (uint32_t)end[-3] << 16 | (uint32_t)end[-2] << 8 | end[-1]);
		}
		ub_resolve_free(result);
	}
	return ttl_s;
}

static enum shown ask_server(const struct server *server, const char *domain, const char *name, const char *record, int64_t *ttl_s)
{
	const char *const address = server->address;
	struct ub_ctx *ctx = context(&address, 1);
	struct ub_result *result = ask(ctx, name, TYPE_TXT);
	enum shown shown = judge(result, record);
	int64_t negative_s = shown == SHOWS_KEY ? negative_ttl_s(ctx, domain) : -1;

	if (shown == SHOWS_KEY && result->ttl > *ttl_s)
		*ttl_s = result->ttl;
	if (negative_s > *ttl_s)
		*ttl_s = negative_s;
	ub_resolve_free(result);
	ub_ctx_delete(ctx);
	return shown;
}

/* A host need not be reached by each of its addresses: we may have no IPv6. */
static bool is_shown(const struct servers *servers, const enum shown *shown, size_t at)
{
	if (shown[at] != SILENT)
		return shown[at] == SHOWS_KEY;
	for (size_t i = 0; i < servers->count; i++)
		if (shown[i] == SHOWS_KEY && !strcmp(servers->items[i].host, servers->items[at].host))
			return true;
	return false;
}

bool rotate_dns_shows(const struct rotate_dns *dns, const char *domain, const char *name, const char *record, int64_t *ret_ttl_s)
{
	struct servers servers = { .count = 0 };
	enum shown shown[ROTATE_SERVERS_MAX];
	int64_t ttl_s = 0;
	bool all = true;

	choose_servers(dns, domain, &servers);
	for (size_t i = 0; i < servers.count; i++)
		shown[i] = ask_server(&servers.items[i], domain, name, record, &ttl_s);
	for (size_t i = 0; i < servers.count; i++) {
		const struct server *server = &servers.items[i];

		if (is_shown(&servers, shown, i))
			continue;
		all = false;
		fprintf(stderr, "sluicectl: name server %s (%s) %s\n", server->host, server->address, shown_texts[shown[i]]);
	}
	if (servers.count == 0)
		fprintf(stderr, "sluicectl: no name server of %s can be found: name one with --server ADDRESS\n", domain);
	if (servers.count == 0 || !all)
		return false;
	*ret_ttl_s = ttl_s;
	return true;
}
