/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dkim_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/hash.h"

struct slot {
	enum dkim_key_type type;
	char *text; /* p= as it stands in the record; NULL: empty */
	size_t len;
	EVP_PKEY *key;
};

struct dkim_keys {
	struct hash_key hash;
	pthread_mutex_t lock; /* guards the slots, and the references to their keys */
	struct slot slots[DKIM_KEYS_MAX];
};

struct dkim_keys *dkim_keys_new(void)
{
	struct dkim_keys *k = calloc(1, sizeof *k);

	if (!k)
		return NULL;
	k->hash = hash_key_random();
	(void)pthread_mutex_init(&k->lock, NULL);
	return k;
}

static void slot_done(struct slot *s)
{
	free(s->text);
	EVP_PKEY_free(s->key);
}

void dkim_keys_free(struct dkim_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < DKIM_KEYS_MAX; i++)
		slot_done(&k->slots[i]);
	(void)pthread_mutex_destroy(&k->lock);
	free(k);
}

static bool is_of(const struct slot *s, const struct dkim_record *r)
{
	return s->text && s->type == r->type && s->len == r->key_len && !memcmp(s->text, r->key, s->len);
}

/* Room for it is made; where there is none, it is just not kept. */
static void keep(struct dkim_keys *k, struct slot *slot, const struct dkim_record *r, EVP_PKEY *key)
{
	struct slot fresh = { .type = r->type, .text = malloc(r->key_len ? r->key_len : 1), .len = r->key_len, .key = key };

	if (!fresh.text)
		return;
	memcpy(fresh.text, r->key, r->key_len);
	(void)pthread_mutex_lock(&k->lock);
	(void)EVP_PKEY_up_ref(key);
	slot_done(slot);
	*slot = fresh;
	(void)pthread_mutex_unlock(&k->lock);
}

EVP_PKEY *dkim_keys_get(struct dkim_keys *k, const struct dkim_record *r)
{
	struct slot *slot = &k->slots[hash_bytes(&k->hash, r->key, r->key_len) % DKIM_KEYS_MAX];
	EVP_PKEY *key = NULL;

	(void)pthread_mutex_lock(&k->lock);
	if (is_of(slot, r)) {
		key = slot->key;
		(void)EVP_PKEY_up_ref(key);
	}
	(void)pthread_mutex_unlock(&k->lock);
	if (key)
		return key;
	key = dkim_record_key(r);
	if (key)
		keep(k, slot, r, key);
	return key;
}

/* Under the lock, that the last one to let go of a key is seen to come after all others who used it. */
void dkim_keys_release(struct dkim_keys *k, EVP_PKEY *key)
{
	(void)pthread_mutex_lock(&k->lock);
	EVP_PKEY_free(key);
	(void)pthread_mutex_unlock(&k->lock);
}
