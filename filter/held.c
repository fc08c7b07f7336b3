/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/held.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/json.h"
#include "filter/services/clock.h"

#define THERE_MS   10000  /* a watcher that was heard so lately is there; it asks every two seconds */
#define LOOKED_MS  60000  /* somebody who has looked so lately looks still */
#define FRESH_MS   5000   /* and gets a list no older than this */
#define SELDOM_MS  300000 /* without anybody */

enum verb { RELEASE, DROP };
static const char *const verb_words[] = { "release", "drop" };

struct wish {
	char id[HELD_ID_MAX + 1];
	enum verb verb;
	char error[HELD_TEXT_MAX]; /* "": it was not tried yet */
};

struct held {
	pthread_mutex_t lock; /* guards all */
	json_t *messages;     /* array of objects with an "id"; NULL: no list came yet */
	json_t *coming;       /* between begin and end */
	int64_t listed_s;     /* wall clock, of messages */
	int64_t listed_ms, heard_ms, looked_ms; /* monotonic; 0: never */
	struct wish wishes[HELD_WISHES];
	size_t wish_count;
};

struct held *held_new(void)
{
	struct held *h = calloc(1, sizeof *h);

	if (h)
		(void)pthread_mutex_init(&h->lock, NULL);
	return h;
}

void held_free(struct held *h)
{
	if (!h)
		return;
	json_decref(h->messages);
	json_decref(h->coming);
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
}

static bool since(int64_t then_ms, int64_t span_ms)
{
	return then_ms && clock_mono_ms() - then_ms < span_ms;
}

/* Where the message with this id is in the list; its length: nowhere. */
static size_t find(const struct held *h, const char *id)
{
	size_t i = 0;

	while (i < json_array_size(h->messages) && strcmp(json_string_value(json_object_get(json_array_get(h->messages, i), "id")), id) != 0)
		i++;
	return i;
}

static bool is_held(const struct held *h, const char *id)
{
	return find(h, id) < json_array_size(h->messages);
}

static struct wish *wish_for(struct held *h, const char *id)
{
	for (size_t i = 0; i < h->wish_count; i++)
		if (!strcmp(h->wishes[i].id, id))
			return &h->wishes[i];
	return NULL;
}

static void forget_wish(struct held *h, struct wish *w)
{
	if (w)
		*w = h->wishes[--h->wish_count];
}

/* ---- the watcher ---- */

static void on_work(struct held *h, struct text *out)
{
	h->heard_ms = clock_mono_ms();
	for (size_t i = 0; i < h->wish_count; i++)
		if (!*h->wishes[i].error)
			text_addf(out, "%s %s\n", verb_words[h->wishes[i].verb], h->wishes[i].id);
	if (!since(h->listed_ms, SELDOM_MS) || (since(h->looked_ms, LOOKED_MS) && !since(h->listed_ms, FRESH_MS)))
		text_adds(out, "list\n");
}

static int on_add(struct held *h, const char *text)
{
	json_t *m = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *id = json_string_value(json_object_get(m, "id"));

	if (!h->coming || !id || !*id || strlen(id) > HELD_ID_MAX) {
		json_decref(m);
		return EX_USAGE;
	}
	if (json_array_size(h->coming) < HELD_MAX)
		(void)json_array_append_new(h->coming, m);
	else
		json_decref(m);
	return EX_OK;
}

static int on_end(struct held *h)
{
	if (!h->coming)
		return EX_USAGE;
	json_decref(h->messages);
	h->messages = h->coming;
	h->coming = NULL;
	h->listed_ms = clock_mono_ms();
	h->listed_s = clock_wall_ms() / 1000;
	for (size_t i = h->wish_count; i-- > 0;)
		if (*h->wishes[i].error && !is_held(h, h->wishes[i].id))
			forget_wish(h, &h->wishes[i]);
	return EX_OK;
}

static void on_done(struct held *h, const char *request)
{
	const char *blank = strchr(request, ' ');
	char id[HELD_ID_MAX + 1] = "";
	struct wish *w;

	(void)snprintf(id, sizeof id, "%.*s", (int)strcspn(request, " "), request);
	w = wish_for(h, id);
	if (w && blank) {
		(void)snprintf(w->error, sizeof w->error, "%s", blank + 1);
		return;
	}
	forget_wish(h, w);
	if (is_held(h, id))
		(void)json_array_remove(h->messages, find(h, id));
}

/* ---- who wants something ---- */

static int on_wish(struct held *h, enum verb verb, const char *id, struct text *out)
{
	struct wish *w;

	if (!since(h->heard_ms, THERE_MS)) {
		text_adds(out, "nobody is there who may: run 'sluicectl hold watch' as root (systemctl enable --now sluice-hold), or 'sluicectl hold' yourself\n");
		return EX_UNAVAILABLE;
	}
	if (!is_held(h, id)) {
		text_addf(out, "no message %.64s is held\n", id);
		return EX_NOINPUT;
	}
	w = wish_for(h, id);
	if (w && !*w->error) {
		text_adds(out, "it is being done\n");
		return EX_OK;
	}
	if (!w && h->wish_count == HELD_WISHES) {
		text_adds(out, "too much is being done: again in some seconds\n");
		return EX_TEMPFAIL;
	}
	w = w ? w : &h->wishes[h->wish_count++];
	*w = (struct wish){ .verb = verb };
	(void)snprintf(w->id, sizeof w->id, "%s", id);
	text_adds(out, "it is being done\n");
	return EX_OK;
}

/* What comes behind the word and a blank; NULL: it is another word. */
static const char *behind(const char *request, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(request, word, len) != 0 || (request[len] && request[len] != ' '))
		return NULL;
	return request + len + (request[len] == ' ');
}

static int serve(struct held *h, const char *request, struct text *out)
{
	const char *rest;
	int status = EX_OK;

	if (!strcmp(request, "work")) {
		on_work(h, out);
	} else if (!strcmp(request, "begin")) {
		json_decref(h->coming);
		h->coming = json_array();
	} else if ((rest = behind(request, "add"))) {
		status = on_add(h, rest);
	} else if (!strcmp(request, "end")) {
		status = on_end(h);
	} else if ((rest = behind(request, "done"))) {
		on_done(h, rest);
	} else if ((rest = behind(request, "release"))) {
		status = on_wish(h, RELEASE, rest, out);
	} else if ((rest = behind(request, "drop"))) {
		status = on_wish(h, DROP, rest, out);
	} else {
		status = EX_USAGE;
	}
	if (status == EX_USAGE)
		text_adds(out, "the daemon does not know this request: is it of another version?\n");
	return status;
}

int held_answer(struct held *h, const char *request, struct text *out)
{
	int status;

	(void)pthread_mutex_lock(&h->lock);
	status = serve(h, request, out);
	(void)pthread_mutex_unlock(&h->lock);
	return status;
}

static void put_message(struct text *out, struct held *h, json_t *m)
{
	const struct wish *w = wish_for(h, json_string_value(json_object_get(m, "id")));
	json_t *with = json_copy(m);
	char *text;

	(void)json_object_set_new(with, "state", json_string(!w ? "held" : *w->error ? "failed" : verb_words[w->verb]));
	if (w && *w->error)
		(void)json_object_set_new(with, "error", json_string(w->error));
	text = json_dumps(with, JSON_COMPACT);
	if (text)
		text_addf(out, "%s%s", out->len && out->bytes[out->len - 1] == '[' ? "" : ",", text);
	free(text);
	json_decref(with);
}

void held_show(struct held *h, struct text *out)
{
	size_t i;
	json_t *m;

	(void)pthread_mutex_lock(&h->lock);
	h->looked_ms = clock_mono_ms();
	json_open(out, NULL, '{');
	json_bool(out, "watched", since(h->heard_ms, THERE_MS));
	if (h->messages)
		json_int(out, "listed", h->listed_s);
	else
		json_str(out, "listed", NULL);
	json_open(out, "messages", '[');
	json_array_foreach(h->messages, i, m)
		put_message(out, h, m);
	json_close(out, ']');
	json_close(out, '}');
	(void)pthread_mutex_unlock(&h->lock);
}
