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
#include "filter/ctl/import.h"
#include "filter/mail/domain.h"

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

/* A block of which there can be one, or one of this name: head is its beginning. */
static void add_block(struct import *i, const char *name, const char *head, const char *format, ...) SLUICE_PRINTF(4, 5);
static void add_block(struct import *i, const char *name, const char *head, const char *format, ...)
{
	va_list args;

	if (strstr(text_str(&i->settings), head)) {
		import_left(i, name, "the block has been written above: put both into one");
		return;
	}
	va_start(args, format);
	text_addv(&i->settings, format, args);
	va_end(args);
}

static void add_once(struct text *out, const char *line)
{
	if (!strstr(text_str(out), line))
		text_adds(out, line);
}

static bool is_number(const char *value)
{
	return *value && strspn(value, "0123456789.") == strlen(value);
}

static void take_action(struct import *i, const char *name, const char *value)
{
	if (!is_number(value))
		import_left(i, name, "a mark is a number");
	else if (!strcmp(name, "reject"))
		text_addf(&i->rules, "at message in mx {\n    # actions { reject }\n    rule rspamd-reject reject \"554 5.7.1 this message looks like spam\" when rspamd.score >= %s\n}\n", value);
	else if (!strcmp(name, "add_header") || !strcmp(name, "rewrite_subject"))
		text_addf(&i->rules, "at message in mx {\n    # actions { %s }\n    rule rspamd-%s tag \"suspicious\" when rspamd.score >= %s\n}\n", name,
			*name == 'a' ? "header" : "subject", value);
	else
		import_left(i, name, "the greylist is asked at RCPT, before there is a score of the content");
}

static void take_greylist(struct import *i, const char *name, const char *value)
{
	const char *setting = !strcmp(name, "timeout") ? "delay" : !strcmp(name, "expire") ? "lifetime" : NULL;
	uint64_t s = seconds_of(value);

	if (setting && s)
		text_addf(i->own, "  %s %llus", setting, (unsigned long long)s);
	else
		import_left(i, name, "Sluice has nothing of this kind");
}

static void take_redis(struct import *i, const char *name, const char *value)
{
	if ((!strcmp(name, "servers") || !strcmp(name, "write_servers")) && import_is_plain(value) && !strchr(value, ','))
		add_block(i, name, "state {", "state { redis \"%s%s\" }\n", value, strchr(value, ':') || *value == '/' ? "" : ":6379");
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
		text_adds(&i->rules, "at message in submission {\n    # dkim_signing.conf\n    rule sign sign\n}\n");
	}
}

static void take_options(struct import *i, const char *name, const char *value)
{
	if (!strcmp(name, "local_addrs") || !strcmp(name, "local_networks"))
		import_networks(i, "trusted", value);
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
		add_block(i, name, text_str(&head), "%s weight 1 }\n", text_str(&head));
	else if (!strncmp(last_of(name), "symbol", 6) || strstr(name, "returncodes"))
		import_left(i, name, "dnsbl ZONE { answer 127.0.0.2 weight N } says what an answer is worth");
	else
		import_left(i, name, "see dnsbl { } and uribl { }");
}

static void take_antivirus(struct import *i, const char *name, const char *value)
{
	const char *key = last_of(name), *colon = strrchr(value, ':');

	if (!strcmp(key, "servers") && *value == '/' && import_is_plain(value))
		add_block(i, name, "clamav {", "clamav { server \"unix:%s\" }\n", value);
	else if (!strcmp(key, "servers") && colon && import_is_plain(value) && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		add_block(i, name, "clamav {", "clamav { server \"inet:%s@%.*s\" }\n", colon + 1, (int)(colon - value), value);
	else if (!strcmp(key, "type") && !strcmp(value, "clamav"))
		text_adds(&i->rules, "at message {\n    # antivirus.conf\n    rule virus reject \"554 5.7.1 a virus is in this message: {clamav.names}\" when clamav.found\n}\n");
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
		add_block(i, base, "greylist {", "greylist {%s }\n", text_str(&greylist));
	if (r.too_deep)
		import_left(i, base, "its blocks are nested deeper than is read");
	add_once(&i->lists, "role mx { when not client.trusted and not client.authenticated }\n");
	add_once(&i->lists, "role submission { when client.authenticated or client.trusted }\n");
	if (r.take == take_action)
		add_once(&i->settings, "rspamd { server inet:11333@127.0.0.1 }\n");
}
