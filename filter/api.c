/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/api.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "filter/api_change.h"
#include "filter/api_read.h"
#include "filter/base/ascii.h"
#include "filter/base/base64.h"
#include "filter/base/json.h"
#include "filter/page/page.h"
#include "filter/services/clock.h"

#define MAX_PARAMETERS 7
#define COMPLAIN_MS    60000 /* so often, at most, the log says that somebody was not let in */

struct api {
	struct api_of of;
	struct rates rates;
	int64_t complained_ms;    /* monotonic; 0: never */
	uint64_t refused;         /* since then */
};

enum access { ACCESS_ALL, ACCESS_READ, ACCESS_OPERATE, ACCESS_ADMIN };

/* A path that ends in a slash has one more part, which the answer depends on. */
static const struct route {
	const char *path;
	enum http_method method;
	enum access access;
	void (*serve)(const struct api_request *q);
	const char *parameters[MAX_PARAMETERS + 1];
	int64_t body_max;
} routes[] = {
	{ "/metrics", HTTP_GET, ACCESS_ALL, api_metrics, { NULL } },
	{ "/page.css", HTTP_GET, ACCESS_ALL, page_css_file, { NULL } },
	{ "/page.js", HTTP_GET, ACCESS_ALL, page_js_file, { NULL } },
	{ "/icon.svg", HTTP_GET, ACCESS_ALL, page_icon_file, { NULL } },
	{ "/", HTTP_GET, ACCESS_READ, page_overview, { NULL } },
	{ "/history", HTTP_GET, ACCESS_READ, page_history, { "address", "domain", "user", "verdict", "rule", "since", NULL } },
	{ "/case/", HTTP_GET, ACCESS_READ, page_case, { NULL } },
	{ "/held", HTTP_GET, ACCESS_READ, page_held, { NULL } },
	{ "/rules", HTTP_GET, ACCESS_READ, page_rules, { NULL } },
	{ "/checks", HTTP_GET, ACCESS_READ, page_checks, { NULL } },
	{ "/state", HTTP_GET, ACCESS_READ, page_state, { NULL } },
	{ "/lists", HTTP_GET, ACCESS_READ, page_lists, { NULL } },
	{ "/accounts", HTTP_GET, ACCESS_READ, page_accounts, { NULL } },
	{ "/keys", HTTP_GET, ACCESS_READ, page_keys, { NULL } },
	{ "/dmarc", HTTP_GET, ACCESS_READ, page_dmarc, { NULL } },
	{ "/api/v1/status", HTTP_GET, ACCESS_READ, api_status, { NULL } },
	{ "/api/v1/rates", HTTP_GET, ACCESS_READ, api_rates, { NULL } },
	{ "/api/v1/history", HTTP_GET, ACCESS_READ, api_history, { "address", "domain", "user", "verdict", "rule", "since", "limit", NULL } },
	{ "/api/v1/explain/", HTTP_GET, ACCESS_READ, api_explain, { NULL } },
	{ "/api/v1/rules", HTTP_GET, ACCESS_READ, api_rules, { NULL } },
	{ "/api/v1/checks", HTTP_GET, ACCESS_READ, api_checks, { NULL } },
	{ "/api/v1/health", HTTP_GET, ACCESS_READ, api_health, { NULL } },
	{ "/api/v1/lists", HTTP_GET, ACCESS_READ, api_lists, { NULL } },
	{ "/api/v1/limits", HTTP_GET, ACCESS_READ, api_limits, { NULL } },
	{ "/api/v1/greylist", HTTP_GET, ACCESS_READ, api_greylist, { NULL } },
	{ "/api/v1/accounts", HTTP_GET, ACCESS_READ, api_accounts, { NULL } },
	{ "/api/v1/dmarc", HTTP_GET, ACCESS_READ, api_dmarc, { NULL } },
	{ "/api/v1/keys", HTTP_GET, ACCESS_READ, api_keys, { NULL } },
	{ "/api/v1/held", HTTP_GET, ACCESS_READ, api_held, { NULL } },
	{ "/api/v1/limits/reset", HTTP_POST, ACCESS_OPERATE, api_limits_reset, { NULL }, API_JSON_MAX },
	{ "/api/v1/greylist/pass", HTTP_POST, ACCESS_OPERATE, api_greylist_pass, { NULL }, API_JSON_MAX },
	{ "/api/v1/greylist/forget", HTTP_POST, ACCESS_OPERATE, api_greylist_forget, { NULL }, API_JSON_MAX },
	{ "/api/v1/held/release", HTTP_POST, ACCESS_OPERATE, api_held_release, { NULL }, API_JSON_MAX },
	{ "/api/v1/held/drop", HTTP_POST, ACCESS_ADMIN, api_held_drop, { NULL }, API_JSON_MAX },
	{ "/api/v1/learn", HTTP_POST, ACCESS_OPERATE, api_learn, { "as", "classifier", NULL }, API_MESSAGE_MAX },
	{ "/api/v1/check", HTTP_POST, ACCESS_OPERATE, api_check, { "client", "name", "helo", "from", "rcpt", "user", NULL }, API_MESSAGE_MAX },
	{ "/api/v1/reload", HTTP_POST, ACCESS_ADMIN, api_reload, { "guard", NULL } },
};

/* ---- answers ---- */

static bool is_api(const struct http_request *http)
{
	return !strncmp(http->path, "/api/", 5);
}

static void put_error(struct http_answer *a, const char *error, const char *remedy)
{
	text_clear(&a->body);
	a->type = "application/json";
	json_open(&a->body, NULL, '{');
	json_str(&a->body, "error", error);
	json_str(&a->body, "remedy", remedy);
	json_close(&a->body, '}');
	text_addc(&a->body, '\n');
}

void api_error(const struct api_request *q, unsigned status, const char *error, const char *remedy)
{
	q->answer->status = status;
	if (is_api(q->http)) {
		put_error(q->answer, error, remedy);
		return;
	}
	text_clear(&q->answer->body);
	if (q->quiet)
		text_addf(&q->answer->body, "%s: %s", error, remedy);
	else
		page_error(q, error, remedy);
}

static void on_refuse(void *arg, struct http_answer *a)
{
	static const struct { unsigned status; const char *error, *remedy; } rows[] = {
		{ 411, "the length of the body is not said", "send Content-Length; a body in chunks is not taken" },
		{ 413, "the body is too large", "contrib/api.yaml says what each path takes" },
		{ 414, "the path or the query is too long", "a path has less than 512 octets, a query less than 2048" },
		{ 429, "too many requests", "ask again in a second" },
		{ 431, "the head of the request is too large", "it has at most 64 fields and 8192 octets" },
		{ 500, "the answer did not fit", "ask for less, with a filter or a limit" },
		{ 501, "this way to send a body, or to change the protocol, is not known here", "send Content-Length, and neither Transfer-Encoding nor Upgrade" },
		{ 405, "this method is not known here", "use GET, or POST for what changes something" },
		{ 503, "too much is being done already", "ask again in some seconds" },
		{ 505, "another version of HTTP", "speak HTTP/1.1" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].status != a->status)
			continue;
		if (a->status == 405)
			a->allow = "GET, HEAD, POST";
		put_error(a, rows[i].error, rows[i].remedy);
		return;
	}
	put_error(a, "the request cannot be read", "send a request of HTTP/1.1 as RFC 9112 has it, with no dots and no empty parts in its path");
}

const char *api_parameter(const struct api_request *q, const char *key, char buf[HTTP_VALUE_MAX])
{
	const char *p = q->http->query;
	struct http_pair pair;

	buf[0] = '\0';
	while (http_query_next(&p, &pair) == 1)
		if (!strcmp(pair.key, key))
			memcpy(buf, pair.value, sizeof pair.value);
	return buf;
}

/* Each parameter is one that the route takes, and comes once, but for recipients. */
static bool parameters_good(const struct api_request *q, const struct route *r)
{
	const char *p = q->http->query;
	unsigned seen = 0;
	struct http_pair pair;
	int more;

	while ((more = http_query_next(&p, &pair)) == 1) {
		size_t i = 0;

		while (r->parameters[i] && strcmp(r->parameters[i], pair.key) != 0)
			i++;
		if (!r->parameters[i] || ((seen & 1u << i) && strcmp(pair.key, "rcpt") != 0)) {
			api_error(q, 400, "there is a parameter that is not known here, or comes twice", "contrib/api.yaml lists the parameters of each path");
			return false;
		}
		seen |= 1u << i;
	}
	if (more == 0)
		return true;
	api_error(q, 400, "the query cannot be read", "write NAME=VALUE&NAME=VALUE, in UTF-8, with %HH for what is special");
	return false;
}

/* ---- who may ---- */

static void complain(struct api *a, const char *why)
{
	int64_t now = clock_mono_ms();

	a->refused++;
	if (a->complained_ms && now - a->complained_ms < COMPLAIN_MS)
		return;
	log_write(a->of.log, LOG_LEVEL_WARNING, "http: %llu requests were not let in since the last such line: %s", (unsigned long long)a->refused, why);
	a->refused = 0;
	a->complained_ms = now;
}

/*
 * The token of `Bearer TOKEN`, or the password of `Basic`, as browsers send what people type: they send it whoever asked for the page, so it
 * is good for looking only.
 */
static bool read_credentials(const struct http_request *http, bool looking, char ret[TOKEN_MAX + 1])
{
	SLUICE_CLEANUP(text_done) struct text plain = TEXT_INIT(TOKEN_MAX + 128);
	const char *scheme = http->authorization, *given = strchr(scheme, ' ');
	size_t len = given ? (size_t)(given - scheme) : 0;

	if (!given)
		return false;
	given += strspn(given, " ");
	if (ascii_equals(scheme, len, "basic")) {
		if (!looking || !base64_decode(&plain, given, strlen(given)) || plain.failed)
			return false;
		given = memchr(text_str(&plain), ':', plain.len);
		given = given ? given + 1 : "";
	} else if (!ascii_equals(scheme, len, "bearer")) {
		return false;
	}
	if (!*given || strlen(given) > TOKEN_MAX)
		return false;
	memcpy(ret, given, strlen(given) + 1);
	return true;
}

static const char *challenge(const struct http_request *http)
{
	return is_api(http) ? "Bearer realm=\"sluice\"" : "Basic realm=\"sluice: any name, and a token for password\", charset=\"UTF-8\"";
}

/* True: go on, and *ret is who asks. False: it was answered. */
static bool authorize(struct api *a, const struct api_request *q, const struct route *r, struct http_token *ret, bool *ret_named)
{
	SLUICE_CLEANUP(text_done) struct text file = TEXT_INIT(TOKEN_FILE_MAX_BYTES);
	const char *path = q->s->policy->settings.api.tokens;
	char given[TOKEN_MAX + 1];
	struct err err = { "" };

	*ret_named = false;
	if (r->access == ACCESS_ALL)
		return true;
	if (!*path) {
		if (a->of.by_path && r->access == ACCESS_READ)
			return true;
		api_error(q, 403, "nobody may do this, for there are no tokens",
			"write 'api { tokens /etc/sluice/tokens }' into the configuration, and run 'sluicectl token add NAME read'");
		return false;
	}
	if (!read_credentials(q->http, r->access == ACCESS_READ && r->method == HTTP_GET, given)) {
		q->answer->challenge = challenge(q->http);
		api_error(q, 401, "a token is needed", "send 'Authorization: Bearer TOKEN'; 'sluicectl token add' makes one");
		return false;
	}
	if (token_file_read(path, &file, &err) < 0) {
		complain(a, err.text);
		api_error(q, 503, "the file of tokens cannot be used", "the daemon's log says why");
		return false;
	}
	if (!token_find(&file, given, ret, &err)) {
		complain(a, err.text[0] ? err.text : "a token is not in the file");
		if (err.text[0]) {
			api_error(q, 503, "the file of tokens cannot be used", "the daemon's log says why");
			return false;
		}
		q->answer->challenge = challenge(q->http);
		api_error(q, 401, "this token is not known", "'sluicectl token list' shows which there are, 'sluicectl token add' makes one");
		return false;
	}
	*ret_named = true;
	if ((unsigned)ret->scope + 1 >= (unsigned)r->access)
		return true;
	api_error(q, 403, "this token may not do that", "it needs a token of a wider scope: read, operate or admin");
	return false;
}

/* ---- requests ---- */

/* HEAD asks for what GET would bring. */
static bool fits(const struct route *r, enum http_method method)
{
	return r->method == (method == HTTP_HEAD ? HTTP_GET : method);
}

static const char *rest_of(const struct route *r, const char *path)
{
	size_t len = strlen(r->path);

	if (len > 1 && r->path[len - 1] == '/')
		return !strncmp(path, r->path, len) && path[len] && !strchr(path + len, '/') ? path + len : NULL;
	return strcmp(path, r->path) == 0 ? "" : NULL;
}

/* NULL: it was answered. */
static const struct route *find_route(struct api_request *q)
{
	const struct route *other = NULL;

	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		q->rest = rest_of(&routes[i], q->http->path);
		if (!q->rest)
			continue;
		if (fits(&routes[i], q->http->method))
			return &routes[i];
		other = &routes[i];
	}
	if (!other) {
		api_error(q, 404, "there is nothing here", "contrib/api.yaml lists the paths");
		return NULL;
	}
	q->answer->allow = other->method == HTTP_POST ? "POST" : "GET, HEAD";
	api_error(q, 405, "this path does not take this method", other->method == HTTP_POST ? "use POST" : "use GET");
	return NULL;
}

/* NULL: it was answered. */
static const struct route *let_in(struct api *a, struct api_request *q, struct http_token *who)
{
	const struct route *r = find_route(q);
	bool named;

	if (!r || !authorize(a, q, r, who, &named) || !parameters_good(q, r))
		return NULL;
	q->who = named ? who : NULL;
	return r;
}

static void on_serve(void *arg, const struct http_request *http, const char *body, size_t len, struct http_answer *ret)
{
	struct api *a = arg;
	struct http_token who;
	struct api_request q = { .of = &a->of, .rates = &a->rates, .s = a->of.current(a->of.arg), .http = http, .body = body, .len = len, .answer = ret };
	const struct route *r = let_in(a, &q, &who);

	if (r) {
		ret->type = "application/json";
		r->serve(&q);
	}
	snapshot_unref(q.s);
}

static int64_t on_admit(void *arg, const struct http_request *http, struct http_answer *ret)
{
	struct api *a = arg;
	struct http_token who;
	struct api_request q = { .of = &a->of, .rates = &a->rates, .s = a->of.current(a->of.arg), .http = http, .answer = ret };
	const struct route *r = let_in(a, &q, &who);

	snapshot_unref(q.s);
	return r ? r->body_max : -1;
}

static void on_tick(void *arg)
{
	struct api *a = arg;
	struct metrics_cases now = metrics_all_cases(a->of.metrics);

	rates_note(&a->rates, &now, clock_wall_ms());
}

static SSL_CTX *on_tls(void *arg)
{
	struct api *a = arg;
	struct snapshot *s = a->of.current(a->of.arg);
	SSL_CTX *tls = s->tls && SSL_CTX_up_ref(s->tls) ? s->tls : NULL;

	snapshot_unref(s);
	return tls;
}

struct api *api_new(const struct api_of *of)
{
	struct api *a = calloc(1, sizeof *a);

	if (a)
		a->of = *of;
	return a;
}

void api_free(struct api *a)
{
	free(a);
}

struct http_host api_host(struct api *a)
{
	return (struct http_host){ .serve = on_serve, .admit = on_admit, .refuse = on_refuse, .tick = on_tick, .tls = on_tls, .arg = a };
}
