/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/control_learn.h"

#include <endian.h>
#include <openssl/evp.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/base64.h"
#include "filter/base/key.h"
#include "filter/control.h"
#include "filter/control_store.h"
#include "filter/mail/tokens.h"

#define KEY_BYTES   (STORE_KEY_MAX - STORE_ITEM_BYTES)
#define ITEMS_MAX   (TOKENS_MAX + 1) /* with the one that counts messages */
#define ITEM_BYTES  8                /* of an id in a request */
#define DIGEST_SHOW 16               /* octets of the digest in the key of a message */

enum kind { SPAM, HAM, NONE };
static const char *const kind_words[] = { "spam", "ham", "forget" }; /* as they are asked for; the first two as they are kept */

struct lesson {
	struct store *store;
	struct text *out;
	const char *name;        /* of the classifier */
	int64_t lifetime_ms;     /* of what it learns */
	enum kind as, was;
	uint64_t items[ITEMS_MAX]; /* the first is 0 */
	size_t count;
};

/* ---- the store ---- */

static void add_book(struct text *key, const char *name)
{
	text_adds(key, "bayes");
	key_add(key, name, strlen(name), false);
	text_addf(key, "|%d", TOKENS_VERSION);
}

/* The key under which is kept what the message was learned as. False: OpenSSL has failed. */
static bool add_message(struct text *key, const struct lesson *l)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (size_t i = 1; ok && i < l->count; i++) {
		uint64_t id = htobe64(l->items[i]);

		ok = EVP_DigestUpdate(md, &id, sizeof id) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
	EVP_MD_CTX_free(md);
	add_book(key, l->name);
	text_addc(key, '|');
	for (size_t i = 0; ok && i < DIGEST_SHOW; i++)
		text_addf(key, "%02x", digest[i]);
	return ok;
}

static struct sluice_store_answer ask_kind(struct lesson *l, const struct text *message)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(STORE_VALUE_MAX);
	struct sluice_store_answer a = control_store_call(l->store, (struct sluice_store_op){ .verb = SLUICE_STORE_GET }, message, &value);

	l->was = NONE;
	for (enum kind k = SPAM; k < NONE && a.status == SLUICE_STORE_OK; k++)
		if (!strcmp(text_str(&value), kind_words[k]))
			l->was = k;
	return a;
}

static struct sluice_store_answer add_tokens(const struct lesson *l)
{
	SLUICE_CLEANUP(text_done) struct text book = TEXT_INIT(KEY_BYTES);
	struct sluice_store_op op = { .verb = SLUICE_STORE_TALLY, .tally = { .items = l->items, .count = l->count, .lifetime_ms = l->lifetime_ms } };

	add_book(&book, l->name);
	if (l->was != NONE)
		op.tally.add[l->was] = -1;
	if (l->as != NONE)
		op.tally.add[l->as] = 1;
	return control_store_call(l->store, op, &book, NULL);
}

static struct sluice_store_answer note_kind(const struct lesson *l, const struct text *message)
{
	struct sluice_store_op op = { .verb = SLUICE_STORE_DELETE, .entry = { SLUICE_STORE_GET } };

	if (l->as != NONE)
		op = (struct sluice_store_op){ .verb = SLUICE_STORE_PUT, .put = { kind_words[l->as], strlen(kind_words[l->as]), l->lifetime_ms } };
	return control_store_call(l->store, op, message, NULL);
}

/* Should the daemon end between two steps, the message counts once too often at most. */
static int learn(struct lesson *l)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(KEY_BYTES);
	struct sluice_store_answer a;

	if (!add_message(&message, l))
		return control_say(l->out, EX_OSERR, "out of memory");
	a = ask_kind(l, &message);
	if (a.status != SLUICE_STORE_FAILED && l->as == l->was)
		return control_say(l->out, EX_OK, "known");
	if (a.status != SLUICE_STORE_FAILED)
		a = add_tokens(l);
	if (a.status != SLUICE_STORE_FAILED)
		a = note_kind(l, &message);
	if (a.status == SLUICE_STORE_FAILED)
		return control_store_failed(l->out, &a);
	return control_say(l->out, EX_OK, l->as == NONE ? "forgotten" : l->was == NONE ? "learned" : "moved");
}

/* ---- requests ---- */

/* The next word of the request; "" at its end. */
static const char *next_word(char **line)
{
	char *word = *line ? strsep(line, " ") : NULL;

	return word ? word : "";
}

static bool read_ids(struct lesson *l, const char *base64)
{
	SLUICE_CLEANUP(text_done) struct text bytes = TEXT_INIT(ITEMS_MAX * ITEM_BYTES);

	if (!base64_decode(&bytes, base64, strlen(base64)) || bytes.failed || !bytes.len || bytes.len % ITEM_BYTES)
		return false;
	for (l->count = 1; l->count <= bytes.len / ITEM_BYTES && l->count < ITEMS_MAX; l->count++) {
		uint64_t id;

		memcpy(&id, bytes.bytes + (l->count - 1) * ITEM_BYTES, ITEM_BYTES);
		l->items[l->count] = be64toh(id);
		if (l->items[l->count] <= l->items[l->count - 1])
			return false;
	}
	return (l->count - 1) * ITEM_BYTES == bytes.len;
}

/* The block of this name, or the only one. NULL: what is wrong has been said. */
static const struct sluice_block *find_block(const struct snapshot *s, const char *name, struct text *out)
{
	const struct sluice_block *block = policy_block(s->policy, "bayes", 0);
	bool only = block && !policy_block(s->policy, "bayes", 1);

	if (!block) {
		text_adds(out, "the configuration has no classifier: write 'bayes NAME { }', and a rule that reads NAME.probability\n");
		return NULL;
	}
	for (size_t i = 0; (block = policy_block(s->policy, "bayes", i)); i++)
		if (!strcasecmp(block->label, name) || (only && !strcmp(name, "-")))
			return block;
	text_adds(out, !strcmp(name, "-") ? "there are several classifiers: say with --classifier which one learns:" : "there is no such classifier, but");
	for (size_t i = 0; (block = policy_block(s->policy, "bayes", i)); i++)
		text_addf(out, " %s", block->label);
	text_addc(out, '\n');
	return NULL;
}

static int64_t number(const struct snapshot *s, const struct sluice_block *block, const char *key)
{
	const struct sluice_setting *found = policy_block_setting(s->policy, "bayes", block, key);

	return found ? found->number : 0;
}

static int status(const struct snapshot *s, struct text *out)
{
	static const uint64_t messages = 0;
	const struct sluice_block *block;

	for (size_t i = 0; (block = policy_block(s->policy, "bayes", i)); i++) {
		SLUICE_CLEANUP(text_done) struct text book = TEXT_INIT(KEY_BYTES), value = TEXT_INIT(sizeof(struct sluice_store_tally));
		struct sluice_store_tally t = { 0 };
		struct sluice_store_answer a;

		add_book(&book, block->label);
		a = control_store_call(s->store, (struct sluice_store_op){ .verb = SLUICE_STORE_TALLY, .tally = { .items = &messages, .count = 1 } }, &book, &value);
		if (a.status == SLUICE_STORE_FAILED)
			return control_store_failed(out, &a);
		if (value.len == sizeof t)
			memcpy(&t, value.bytes, sizeof t);
		text_addf(out, "%s %lu %lu %lld\n", block->label, (unsigned long)t.counts[SPAM], (unsigned long)t.counts[HAM],
			(long long)number(s, block, "min_learned"));
	}
	return EX_OK;
}

static int lesson(const struct snapshot *s, enum kind kind, char *line, struct text *out)
{
	const struct sluice_block *block = find_block(s, next_word(&line), out);
	const char *version = next_word(&line), *ids = next_word(&line);
	struct lesson l = { .store = s->store, .out = out, .as = kind };

	if (!block)
		return EX_CONFIG;
	l.name = block->label;
	l.lifetime_ms = number(s, block, "lifetime");
	if (strtol(version, NULL, 10) != TOKENS_VERSION || line || !read_ids(&l, ids))
		return control_say(out, EX_USAGE, "the daemon takes messages apart in another way: is it of another version?");
	return learn(&l);
}

int control_learn(const struct snapshot *s, const char *request, struct text *out)
{
	char copy[CONTROL_LINE_MAX], *line = copy;
	const char *verb;

	(void)snprintf(copy, sizeof copy, "%s", request);
	verb = next_word(&line);
	if (!s->store)
		return control_say(out, EX_UNAVAILABLE, "there is no store: say where, with 'state { lmdb /var/lib/sluice/state }'");
	if (!strcmp(verb, "status") && !line)
		return status(s, out);
	for (enum kind k = SPAM; k <= NONE; k++)
		if (!strcmp(verb, kind_words[k]))
			return lesson(s, k, line, out);
	return control_say(out, EX_USAGE, "the daemon does not know this request: is it of another version?");
}
