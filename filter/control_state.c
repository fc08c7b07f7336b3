/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control_state.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/base/key.h"
#include "filter/control.h"
#include "filter/control_store.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"
#include "filter/mail/greylist_key.h"

#define ROWS_MAX  1000 /* of a list */
#define SHOWN_MAX 100  /* octets of a word that is wrong */
#define ROTATION_KEPT_MS (INT64_C(1000) * 24 * 3600 * 1000) /* longer than a key may be used */

struct request {
	const struct snapshot *s;
	struct text *out;
	const char *plugin; /* first part of its keys */
	const char *key;    /* without that */
};

/* What there is to say of an entry. False: it is gone since it was listed. */
typedef bool (*describe_fn)(const struct request *q, const char *key, int64_t expires_ms, struct text *out);
typedef void (*row_fn)(void *arg, const char *key, const char *what, int64_t expires_ms);

/* ---- operations ---- */

static void full_key(const struct request *q, struct text *key)
{
	text_addf(key, "%s|%s", q->plugin, q->key);
	key_shorten(key, STORE_KEY_MAX);
}

static int delete(const struct request *q, enum sluice_store_verb verb, const struct text *key)
{
	struct sluice_store_answer a = control_store_call(q->s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_DELETE, .entry = { verb } }, key, NULL);

	if (a.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &a);
	return a.status == SLUICE_STORE_OK ? EX_OK : EX_NOINPUT;
}

static void add_duration(struct text *out, int64_t ms)
{
	int64_t s = (ms + 999) / 1000;

	if (s < 120)
		text_addf(out, "%lld s", (long long)s);
	else if (s < 7200)
		text_addf(out, "%lld min", (long long)(s / 60));
	else if (s < 172800)
		text_addf(out, "%lld h", (long long)(s / 3600));
	else
		text_addf(out, "%lld d", (long long)(s / 86400));
}

/* ---- lists ---- */

struct keys {
	VEC(char *) items;
	VEC(int64_t) expires_ms;
	bool failed;
};

static void add_key(void *arg, const struct store_row *row)
{
	struct keys *keys = arg;
	char *key = strndup(row->key, row->key_len);

	if (key && vec_push(&keys->expires_ms, row->expires_ms) && vec_push(&keys->items, key))
		return;
	free(key);
	keys->failed = true;
}

static void keys_done(struct keys *keys)
{
	for (size_t i = 0; i < keys->items.len; i++)
		free(keys->items.items[i]);
	vec_done(&keys->items);
	vec_done(&keys->expires_ms);
}

static int read_keys(const struct request *q, enum sluice_store_verb verb, const char *prefix, struct keys *ret)
{
	int r = store_each(q->s->store, verb, prefix, ROWS_MAX + 1, CONTROL_TIMEOUT_MS, add_key, ret);

	return r < 0 || ret->failed ? control_say(q->out, EX_UNAVAILABLE, "the store does not answer") : EX_OK;
}

/* The parts of a key with blanks between; what does not print as '?'. */
static void add_shown(struct text *out, const char *key)
{
	for (; *key; key++)
		text_addc(out, *key == '|' ? ' ' : (unsigned char)*key < 0x20 || *key == 0x7f ? '?' : *key);
}

/* *ret_more: there are more than are shown. */
static int each(const struct request *q, enum sluice_store_verb verb, describe_fn describe, row_fn row, void *arg, bool *ret_more)
{
	SLUICE_CLEANUP(keys_done) struct keys keys = { 0 };
	SLUICE_CLEANUP(text_done) struct text prefix = TEXT_INIT(64);
	int status;

	text_addf(&prefix, "%s|", q->plugin);
	status = read_keys(q, verb, text_str(&prefix), &keys);
	for (size_t i = 0; status == EX_OK && i < keys.items.len && i < ROWS_MAX; i++) {
		SLUICE_CLEANUP(text_done) struct text what = TEXT_INIT(256);

		if (describe(q, keys.items.items[i] + prefix.len, keys.expires_ms.items[i], &what))
			row(arg, keys.items.items[i] + prefix.len, text_str(&what), keys.expires_ms.items[i]);
	}
	*ret_more = keys.items.len > ROWS_MAX;
	return status;
}

static void show_row(void *arg, const char *key, const char *what, int64_t expires_ms)
{
	(void)expires_ms;
	add_shown(arg, key);
	text_addf(arg, "  %s\n", what);
}

static int list(const struct request *q, enum sluice_store_verb verb, describe_fn describe)
{
	bool more;
	int status = each(q, verb, describe, show_row, q->out, &more);

	if (more)
		text_addf(q->out, "(and more than these %d)\n", ROWS_MAX);
	return status;
}

/* ---- limits ---- */

static const struct rule *rule_of(const struct request *q)
{
	const struct policy *p = q->s->policy;
	size_t len = strcspn(q->key, "|");

	for (size_t i = 0; i < p->rules.len; i++)
		if (p->rules.items[i].limit && strlen(p->rules.items[i].name) == len && !memcmp(p->rules.items[i].name, q->key, len))
			return &p->rules.items[i];
	return NULL;
}

static bool describe_limit(const struct request *q, const char *key, int64_t expires_ms, struct text *out)
{
	(void)q;
	(void)key;
	text_adds(out, "unused again in ");
	add_duration(out, expires_ms);
	return true;
}

static int limits_list(const struct request *q)
{
	return list(q, SLUICE_STORE_RATE, describe_limit);
}

static int limits_show(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	const struct rule *rule = rule_of(q);
	struct sluice_store_answer a;

	if (!rule)
		return control_say(q->out, EX_NOINPUT, "there is no rule of this name with a limit: 'sluicectl limits list' shows RULE and VALUE of each");
	full_key(q, &key);
	a = control_store_call(q->s->store, limit_op(rule->limit, NULL, 0, 0), &key, NULL);
	if (a.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &a);
	text_addf(q->out, "%lld of %lld %s%s left, one more each ", (long long)a.number, (long long)rule->limit->burst,
		rule->limit->unit == LIMIT_KILOBYTES ? "times 1024 " : "", limit_unit_words[rule->limit->unit]);
	if (rule->limit->interval_us < 1000000)
		text_addf(q->out, "%lld ms", (long long)(rule->limit->interval_us / 1000));
	else
		add_duration(q->out, rule->limit->interval_us / 1000);
	text_addf(q->out, "\n%s:%u: %s\n", rule->place.source->path, rule->place.line, rule->text);
	return EX_OK;
}

static int limits_reset(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	int status;

	full_key(q, &key);
	status = delete(q, SLUICE_STORE_RATE, &key);
	return status == EX_NOINPUT ? control_say(q->out, status, "nothing is counted there: 'sluicectl limits list' shows RULE and VALUE of each") : status;
}

/* ---- greylist ---- */

static int64_t setting(const struct snapshot *s, const char *key)
{
	const struct sluice_setting *found = policy_setting(s->policy, "greylist", key);

	return found ? found->number : 0;
}

static int no_word(const struct request *q, const char *word, size_t len, const char *remedy)
{
	text_adds(q->out, "'");
	text_add_safe(q->out, word, len, SHOWN_MAX);
	text_addf(q->out, "' is no %s\n", remedy);
	return EX_USAGE;
}

/* "greylist|CLIENT", as the check has it. */
static int add_client(const struct request *q, const char *word, size_t len, struct text *key)
{
	const char *remedy = "client: write its address, its network as 'greylist list' shows it, or @ and the domain that SPF says it may send for";
	char shown[NET_TEXT_MAX];
	struct sluice_ip ip;
	struct net net;

	if (len && *word == '@' && domain_valid(word + 1, len - 1, 1)) {
		greylist_client_key(key, NULL, word + 1, len - 1);
		return EX_OK;
	}
	if (ip_parse(word, len, &ip))
		net = settings_client_net(&q->s->policy->settings, &ip);
	else if (!net_parse(word, len, &net))
		return no_word(q, word, len, remedy);
	(void)net_format(&net, shown);
	greylist_client_key(key, shown, NULL, strlen(shown));
	return EX_OK;
}

/* Nothing is nobody: the null reverse-path, and no recipient yet. */
static bool is_address(const struct sluice_address *a)
{
	return a->len == 0 || memchr(a->text, '@', a->len) || ascii_equals(a->text, a->len, "postmaster");
}

/* "|SENDER|RECIPIENT" of "SENDER|RECIPIENT". */
static int add_try(const struct request *q, const char *words, struct text *key)
{
	SLUICE_CLEANUP(text_done) struct text sender = TEXT_INIT(LIMIT_KEY_BYTES), rcpt = TEXT_INIT(LIMIT_KEY_BYTES);
	size_t len = strcspn(words, "|"), rest = words[len] ? strlen(words + len + 1) : 0;
	struct sluice_address from, to;

	if (!words[len] || memchr(words + len + 1, '|', rest))
		return control_say(q->out, EX_USAGE, "a client, a sender and a recipient are needed, as 'sluicectl greylist list' shows them");
	key_unescape(&sender, words, len);
	key_unescape(&rcpt, words + len + 1, rest);
	from = address_split(text_str(&sender), sender.len);
	to = address_split(text_str(&rcpt), rcpt.len);
	if (!is_address(&from))
		return no_word(q, words, len, "sender: write user@example.net, or <> for the null one");
	if (!is_address(&to))
		return no_word(q, words + len + 1, rest, "recipient: write user@example.org");
	greylist_try_key(key, &from, &to);
	return EX_OK;
}

/* The key of a try, or of a client alone; what is wrong with the words is said. */
static int greylist_key(const struct request *q, bool whole, struct text *key)
{
	size_t len = strcspn(q->key, "|");
	int status = add_client(q, q->key, len, key);

	if (status == EX_OK && (whole || q->key[len]))
		status = add_try(q, q->key + len + (q->key[len] == '|'), key);
	key_shorten(key, STORE_KEY_MAX);
	return status;
}

static struct sluice_store_op try_op(const struct request *q, bool look)
{
	return (struct sluice_store_op){ .verb = SLUICE_STORE_GREYLIST, .greylist = { .delay_ms = look ? setting(q->s, "delay") : 0,
		.window_ms = setting(q->s, "window"), .lifetime_ms = setting(q->s, "lifetime"), .look = look } };
}

static void describe_try(struct text *out, const struct sluice_store_answer *a)
{
	switch (a->greylist) {
	case SLUICE_STORE_GREYLIST_NEW:
		text_adds(out, "never came, or was forgotten");
		break;
	case SLUICE_STORE_GREYLIST_EARLY:
		text_adds(out, "came once; may pass in ");
		add_duration(out, a->wait_ms);
		break;
	case SLUICE_STORE_GREYLIST_PASS:
		text_adds(out, "came once; its next try passes");
		break;
	case SLUICE_STORE_GREYLIST_KNOWN:
		text_addf(out, "has passed %lld times", (long long)a->number);
		break;
	}
}

static bool describe_entry(const struct request *q, const char *name, int64_t expires_ms, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	struct sluice_store_answer a;

	text_addf(&key, "%s|%s", q->plugin, name);
	a = control_store_call(q->s->store, try_op(q, true), &key, NULL);
	if (a.status != SLUICE_STORE_OK || a.greylist == SLUICE_STORE_GREYLIST_NEW)
		return false;
	describe_try(out, &a);
	text_adds(out, ", forgotten in ");
	add_duration(out, expires_ms);
	return true;
}

static int greylist_list(const struct request *q)
{
	return list(q, SLUICE_STORE_GREYLIST, describe_entry);
}

static int greylist_show(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	struct sluice_store_answer a;
	int status;

	status = greylist_key(q, true, &key);
	if (status != EX_OK)
		return status;
	a = control_store_call(q->s->store, try_op(q, true), &key, NULL);
	if (a.status == SLUICE_STORE_FAILED)
		return control_store_failed(q->out, &a);
	describe_try(q->out, &a);
	text_addc(q->out, '\n');
	return a.greylist == SLUICE_STORE_GREYLIST_NEW ? EX_NOINPUT : EX_OK;
}

/* A network of another size is one that nobody is looked for by. */
static bool is_one_client(const struct request *q)
{
	size_t len = strcspn(q->key, "|");
	struct net net;

	return !memchr(q->key, '/', len) || !net_parse(q->key, len, &net) ||
		net.prefix_len == settings_client_net(&q->s->policy->settings, &net.ip).prefix_len;
}

/* As if it had come, and come again after the delay. */
static int greylist_pass(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	struct sluice_store_answer a = { .greylist = SLUICE_STORE_GREYLIST_NEW };
	int status = greylist_key(q, true, &key);

	if (status != EX_OK)
		return status;
	if (!is_one_client(q))
		return control_say(q->out, EX_USAGE, "this network is not one client, as client_net_v4 and client_net_v6 say: write an address");
	for (int i = 0; i < 2 && a.status == SLUICE_STORE_OK && a.greylist == SLUICE_STORE_GREYLIST_NEW; i++)
		a = control_store_call(q->s->store, try_op(q, false), &key, NULL);
	return a.status == SLUICE_STORE_FAILED ? control_store_failed(q->out, &a) : EX_OK;
}

/* All of a client: its passes, and each of its tries. */
static int forget_client(const struct request *q, struct text *prefix)
{
	SLUICE_CLEANUP(keys_done) struct keys keys = { 0 };
	int status, found = delete(q, SLUICE_STORE_COUNT, prefix);

	text_addc(prefix, '|');
	status = read_keys(q, SLUICE_STORE_GREYLIST, text_str(prefix), &keys);
	for (size_t i = 0; status == EX_OK && i < keys.items.len; i++) {
		SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);

		text_adds(&key, keys.items.items[i]);
		found = delete(q, SLUICE_STORE_GREYLIST, &key) == EX_OK ? EX_OK : found;
	}
	return status == EX_OK ? found : status;
}

static int greylist_forget(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	int status = greylist_key(q, false, &key);

	if (status != EX_OK)
		return status;
	status = strchr(q->key, '|') ? delete(q, SLUICE_STORE_GREYLIST, &key) : forget_client(q, &key);
	return status == EX_NOINPUT ? control_say(q->out, status, "nothing is known of it: 'sluicectl greylist list' shows what is") : status;
}

/* ---- lists for programs ---- */

/* The parts of a key. */
static void put_parts(struct text *out, const char *name, const char *key)
{
	json_open(out, name, '[');
	for (;;) {
		size_t len = strcspn(key, "|");

		json_text(out, NULL, key, len);
		if (!key[len])
			break;
		key += len + 1;
	}
	json_close(out, ']');
}

static void put_limit(void *arg, const char *key, const char *what, int64_t expires_ms)
{
	struct text *out = arg;
	size_t len = strcspn(key, "|");

	(void)what;
	json_open(out, NULL, '{');
	json_text(out, "rule", key, len);
	put_parts(out, "values", key[len] ? key + len + 1 : "");
	json_int(out, "free_in_s", (expires_ms + 999) / 1000);
	json_close(out, '}');
}

static void put_try(void *arg, const char *key, const char *what, int64_t expires_ms)
{
	struct text *out = arg;

	json_open(out, NULL, '{');
	put_parts(out, "key", key);
	json_str(out, "state", what);
	json_int(out, "forgotten_in_s", (expires_ms + 999) / 1000);
	json_close(out, '}');
}

static int list_json(const struct request *q, enum sluice_store_verb verb, describe_fn describe, row_fn row)
{
	struct text *out = q->out;
	bool more = false;
	int status;

	json_open(out, NULL, '{');
	json_open(out, "entries", '[');
	status = q->s->store ? each(q, verb, describe, row, out, &more) : EX_OK;
	if (status != EX_OK)
		return status;
	json_close(out, ']');
	json_bool(out, "more", more);
	json_close(out, '}');
	return EX_OK;
}

static int limits_json(const struct request *q)
{
	return list_json(q, SLUICE_STORE_RATE, describe_limit, put_limit);
}

static int greylist_json(const struct request *q)
{
	return list_json(q, SLUICE_STORE_GREYLIST, describe_entry, put_try);
}

int control_limits_json(const struct snapshot *s, struct text *out)
{
	return limits_json(&(struct request){ s, out, "limit", "" });
}

int control_greylist_json(const struct snapshot *s, struct text *out)
{
	return greylist_json(&(struct request){ s, out, "greylist", "" });
}

/* ---- the life of keys: what is in it is the business of sluicectl dkim rotate ---- */

static int rotation_get(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES);
	struct sluice_store_answer a;

	full_key(q, &key);
	a = control_store_call(q->s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_GET }, &key, q->out);
	return a.status == SLUICE_STORE_FAILED ? control_store_failed(q->out, &a) : EX_OK;
}

static int rotation_put(const struct request *q)
{
	SLUICE_CLEANUP(text_done) struct text key = TEXT_INIT(LIMIT_KEY_BYTES), name = TEXT_INIT(LIMIT_KEY_BYTES);
	const char *value = strchr(q->key, ' ');
	struct sluice_store_answer a;

	if (!value)
		return control_say(q->out, EX_USAGE, "put needs a key and a text");
	text_add(&name, q->key, (size_t)(value - q->key));
	full_key(&(struct request){ q->s, q->out, q->plugin, text_str(&name) }, &key);
	a = control_store_call(q->s->store,
		(struct sluice_store_op){ .verb = SLUICE_STORE_PUT, .put = { value + 1, strlen(value + 1), ROTATION_KEPT_MS } }, &key, NULL);
	return a.status == SLUICE_STORE_FAILED ? control_store_failed(q->out, &a) : EX_OK;
}

/* ---- requests ---- */

struct verb {
	const char *name;
	int (*serve)(const struct request *q);
	bool needs_key;
};

static int serve(const struct snapshot *s, const char *plugin, const struct verb *verbs, const char *line, struct text *out)
{
	size_t len = strcspn(line, " ");
	struct request q = { s, out, plugin, line[len] ? line + len + 1 : "" };

	if (!s->store)
		return control_say(out, EX_UNAVAILABLE, "there is no store: say where, with 'state { lmdb /var/lib/sluice/state }'");
	for (const struct verb *v = verbs; v->name; v++) {
		if (strlen(v->name) != len || memcmp(v->name, line, len) != 0)
			continue;
		if (v->needs_key == (*q.key != '\0'))
			return v->serve(&q);
		return control_say(out, EX_USAGE, v->needs_key ? "a key is needed: 'list' shows what there is" : "no key is needed here");
	}
	return control_say(out, EX_USAGE, "the daemon does not know this request: is it of another version?");
}

int control_limits(const struct snapshot *s, const char *request, struct text *out)
{
	static const struct verb verbs[] = {
		{ "list", limits_list, false }, { "list-json", limits_json, false }, { "show", limits_show, true }, { "reset", limits_reset, true }, { NULL, NULL, false },
	};

	return serve(s, "limit", verbs, request, out);
}

int control_greylist(const struct snapshot *s, const char *request, struct text *out)
{
	static const struct verb verbs[] = {
		{ "list", greylist_list, false }, { "list-json", greylist_json, false }, { "show", greylist_show, true }, { "pass", greylist_pass, true }, { "forget", greylist_forget, true },
		{ NULL, NULL, false },
	};

	return serve(s, "greylist", verbs, request, out);
}

int control_rotation(const struct snapshot *s, const char *request, struct text *out)
{
	static const struct verb verbs[] = { { "get", rotation_get, true }, { "put", rotation_put, true }, { NULL, NULL, false } };

	return serve(s, "rotation", verbs, request, out);
}
