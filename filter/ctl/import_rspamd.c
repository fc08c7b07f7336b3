/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import_rspamd.c - rspamd's local.d: marks of actions, greylist, keys, Redis, our own networks, resolvers, DNS lists, clamd. Points that rspamd gives are not
 * those of our rules: marks become rules about rspamd's own score, which it is asked for as a second opinion.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/socket_address.h"
#include "filter/ctl/import.h"
#include "filter/mail/domain.h"
#include "filter/policy/option.h"
#include "filter/services/redis_link.h"

#define DEPTH_MAX 16
#define NAME_MAX_BYTES 400

/* ---- reading: NAME = VALUE; NAME { }, [ a, b ], strings with or without quotes ---- */

struct reader {
	struct import *i;
	void (*take)(struct import *i, const char *name, const char *value); /* name: with the blocks around it, "rbls.zen.rbl" */
	char name[NAME_MAX_BYTES];
	size_t ends[DEPTH_MAX]; /* of name, without the innermost block */
	size_t depth;
	bool too_deep;
};

static void enter(struct reader *r, const char *key)
{
	size_t len = strlen(r->name);

	if (r->depth == DEPTH_MAX || len + strlen(key) + 2 > sizeof r->name) {
		r->too_deep = true;
		return;
	}
	r->ends[r->depth++] = len;
	(void)snprintf(r->name + len, sizeof r->name - len, "%s%s", len ? "." : "", key);
}

static void leave(struct reader *r)
{
	if (r->depth)
		r->name[r->ends[--r->depth]] = '\0';
}

static void tell(struct reader *r, const char *key, const char *value)
{
	char name[2 * NAME_MAX_BYTES];

	(void)snprintf(name, sizeof name, "%s%s%s", r->name, *r->name ? "." : "", key);
	r->take(r->i, name, value);
}

/* "a, b" of "[a, \"b\"]". In place. */
static void flatten(char *value)
{
	char *to = value;

	for (const char *from = value; *from; from++)
		if (!strchr("[]\"'", *from))
			*to++ = *from;
	*to = '\0';
}

/* One statement without its end: a value, the beginning of a block, or nothing. */
static void take_text(struct reader *r, char *s, bool block)
{
	char *key = s, *end;

	while (*key && strchr(" \t", *key))
		key++;
	end = key + strcspn(key, " \t=:{");
	if (end == key)
		return;
	if (*end) {
		*end++ = '\0';
		end += strspn(end, " \t=:");
	}
	flatten(key);
	flatten(end);
	for (size_t len = strlen(end); len && strchr(" \t", end[len - 1]); len--)
		end[len - 1] = '\0';
	if (block)
		enter(r, key);
	else
		tell(r, key, end);
}

static void on_line(struct import *i, const void *arg, char *line)
{
	struct reader *r = (struct reader *)(uintptr_t)arg;
	bool quoted = false, listed = false;
	char *begin = line;

	(void)i;
	for (char *p = line;; p++) {
		bool end = *p == '\0';

		quoted ^= *p == '"';
		listed = (listed || *p == '[') && *p != ']';
		if (!end && (quoted || listed || !strchr(";{}", *p)))
			continue;
		if (*p == '{' || *p == ';' || end || *p == '}') {
			bool block = *p == '{', close = *p == '}';

			*p = '\0';
			take_text(r, begin, block);
			if (close)
				leave(r);
			begin = p + 1;
		}
		if (end)
			return;
	}
}

/* ---- what the files say ---- */

#define IN "message in rspamd-in"

static const char *last_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

/* "5min", "1d", "300", "1h": in seconds; 0: it is none. */
static uint64_t seconds_of(const char *value)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t n = 0, unit = 1;

	if (!ascii_to_u64(value, digits, 1000000000, &n))
		return 0;
	if (!strcmp(value + digits, "min") || !strcmp(value + digits, "m"))
		unit = 60;
	else if (!strcmp(value + digits, "h"))
		unit = 3600;
	else if (!strcmp(value + digits, "d"))
		unit = 86400;
	else if (value[digits] && strcmp(value + digits, "s") != 0)
		return 0;
	return n * unit;
}

static void add_once(struct text *out, const char *line)
{
	if (!strstr(text_str(out), line))
		text_adds(out, line);
}

static void take_action(struct import *i, const char *name, const char *value)
{
	int64_t mark;

	if (!option_decimal(value, strlen(value), &mark))
		import_left(i, name, "a mark is a number");
	else if (!strcmp(name, "reject"))
		import_rule(i, IN, "actions { reject }", "rule rspamd-reject", "reject \"554 5.7.1 this message looks like spam\" when rspamd.score >= %s", value);
	else if (!strcmp(name, "add_header") || !strcmp(name, "rewrite_subject"))
		import_rule(i, IN, *name == 'a' ? "actions { add_header }" : "actions { rewrite_subject }", *name == 'a' ? "rule rspamd-header" : "rule rspamd-subject",
			"tag \"suspicious\" when rspamd.score >= %s", value);
	else
		import_left(i, name, "the greylist is asked at RCPT, before there is a score of the content");
}

static void take_greylist(struct import *i, const char *name, const char *value)
{
	const char *setting = !strcmp(name, "timeout") ? "delay" : !strcmp(name, "expire") ? "lifetime" : NULL;
	char seconds[24];

	(void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)seconds_of(value));
	if (!setting || !import_greylist_time(i->own, setting, seconds, strlen(seconds), 's'))
		import_left(i, name, setting ? "write it into greylist { } yourself" : "Sluice has nothing of this kind");
}

static void take_redis(struct import *i, const char *name, const char *value)
{
	SLUICE_CLEANUP(text_done) struct text server = TEXT_INIT(NAME_MAX_BYTES);
	char host[REDIS_SERVER_MAX];
	int port;

	text_addf(&server, "%s%s", value, strchr(value, ':') || *value == '/' ? "" : ":6379");
	if ((!strcmp(name, "servers") || !strcmp(name, "write_servers")) && import_is_plain(value) && redis_server_read(text_str(&server), host, &port))
		import_setting(i, name, "state {", "state { redis \"%s\" }\n", text_str(&server));
	else if (!strcmp(name, "password"))
		import_step(i, "the password of Redis: state { redis ...  password file PATH }");
	else
		import_left(i, name, "see state { } in sluice.conf(5)");
}

/* path and selector of one domain, or of all. */
static void take_signing(struct import *i, const char *name, const char *value)
{
	const char *key = last_of(name);

	if (!strcmp(key, "path") && strcmp(name, key) != 0 && strchr(value, '/') && import_is_plain(value)) {
		const char *domain = !strncmp(name, "domain.", 7) ? name + 7 : name;

		import_step(i, "install -D -m 600 -o sluice %s /etc/sluice/keys/%.*s/SELECTOR.pem", value, key > domain ? (int)(key - 1 - domain) : 0, domain);
	} else if (!strcmp(key, "path")) {
		import_step(i, "each key of %s goes to /etc/sluice/keys/DOMAIN/SELECTOR.pem, with mode 600, of the user sluice", value);
	} else if (!strcmp(key, "selector")) {
		import_step(i, "the selector of %s is %s", strcmp(name, key) ? name : "all keys", value);
	} else {
		import_left(i, name, "who signs is settled by the address in From, and the keys that there are");
		return;
	}
	if (!strstr(text_str(&i->settings), "sign {")) {
		text_adds(&i->settings, "sign { keys /etc/sluice/keys }\n");
		import_rule(i, "message in rspamd-out", "dkim_signing.conf", "rule rspamd-sign", "sign");
	}
}

static const char local[] = "rspamd-local"; /* they may not relay for that */

static void take_options(struct import *i, const char *name, const char *value)
{
	if (!strcmp(name, "local_addrs") || !strcmp(name, "local_networks"))
		import_networks(i, local, value);
	else if (!strcmp(name, "dns.nameserver"))
		import_step(i, "dns { forward ... }: %s", value);
	else
		import_left(i, name, "Sluice has nothing of this kind");
}

static void take_rbl(struct import *i, const char *name, const char *value)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(NAME_MAX_BYTES);

	text_addf(&head, "dnsbl %s {", value);
	if (!strcmp(last_of(name), "rbl") && domain_valid(value, strlen(value), 2))
		import_setting(i, name, text_str(&head), "%s weight 1 }\n", text_str(&head));
	else if (!strncmp(last_of(name), "symbol", 6) || strstr(name, "returncodes"))
		import_left(i, name, "dnsbl ZONE { answer 127.0.0.2 weight N } says what an answer is worth");
	else
		import_left(i, name, "see dnsbl { } and uribl { }");
}

static void take_antivirus(struct import *i, const char *name, const char *value)
{
	const char *key = last_of(name), *colon = strrchr(value, ':');
	SLUICE_CLEANUP(text_done) struct text server = TEXT_INIT(NAME_MAX_BYTES);
	struct socket_address at;

	if (*value == '/')
		text_addf(&server, "unix:%s", value);
	else if (colon)
		text_addf(&server, "inet:%s@%.*s", colon + 1, (int)(colon - value), value);
	if (!strcmp(key, "servers") && socket_address_read(text_str(&server), &at) && import_is_plain(text_str(&server)))
		import_setting(i, name, "clamav {", "clamav { server \"%s\" }\n", text_str(&server));
	else if (!strcmp(key, "type") && !strcmp(value, "clamav"))
		import_rule(i, "message", "antivirus.conf", "rule rspamd-virus", "reject \"554 5.7.1 a virus is in this message: {clamav.names}\" when clamav.found");
	else if (strcmp(key, "action") != 0 && strcmp(key, "symbol") != 0 && strcmp(key, "message") != 0)
		import_left(i, name, "see clamav { }");
}

static void take_other(struct import *i, const char *name, const char *value)
{
	(void)value;
	import_left(i, name, "a file of rspamd that has no counterpart: it goes on as a second opinion, rspamd { server inet:11333@127.0.0.1 }");
}

static const struct {
	const char *file;
	void (*take)(struct import *i, const char *name, const char *value);
} files[] = {
	{ "actions.conf", take_action }, { "greylist.conf", take_greylist }, { "redis.conf", take_redis }, { "dkim_signing.conf", take_signing },
	{ "options.inc", take_options }, { "rbl.conf", take_rbl }, { "antivirus.conf", take_antivirus },
};

void import_rspamd(struct import *i)
{
	const char *slash = strrchr(i->path, '/'), *base = slash ? slash + 1 : i->path;
	SLUICE_CLEANUP(text_done) struct text greylist = TEXT_INIT(NAME_MAX_BYTES);
	struct reader r = { .i = i, .take = take_other };

	i->own = &greylist;
	for (size_t k = 0; k < ARRAY_LEN(files); k++)
		if (!strcmp(files[k].file, base))
			r.take = files[k].take;
	import_lines(i, on_line, &r);
	if (greylist.len)
		import_setting(i, base, "greylist {", "greylist {%s }\n", text_str(&greylist));
	if (r.too_deep)
		import_left(i, base, "its blocks are nested deeper than is read");
	if (r.take == take_action)
		add_once(&i->settings, "rspamd { server inet:11333@127.0.0.1 }\n");
}

void import_rspamd_end(struct import *i)
{
	import_role(i, "rspamd-in", "not client.trusted and not client.authenticated", "and not", local);
	import_role(i, "rspamd-out", "client.authenticated or client.trusted", "or", local);
}
