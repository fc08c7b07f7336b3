/* SPDX-License-Identifier: BSD-2-Clause */
/* clamav - what does clamd say of the parts of the message? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/server_list.h"
#include "filter/mail/whole_message.h"
#include "plugins/plugin.h"

#define PARTS_MAX    100 /* of one message that are asked about */
#define EVIDENCE_MAX 600 /* octets */
#define EXAMPLE      "unix:/run/clamav/clamd.ctl, inet:3310@192.0.2.1 or inet6:3310@2001:db8::1"
#define WHOLE        "message" /* the message itself, where a part has its section */

enum { FOUND, NAMES, EVIDENCE, TOO_LARGE, ENGINE, SIGNATURES_AGE };
static const struct sluice_fact facts[] = {
	[FOUND] = { "clamav.found", SLUICE_BOOL, NULL, "clamd has found something" },
	[NAMES] = { "clamav.names", SLUICE_TEXTS, NULL, "names of what it has found: Eicar-Test-Signature" },
	[EVIDENCE] = { "clamav.evidence", SLUICE_TEXTS, NULL, "the part, as IMAP numbers it, and what is in it: 2.1 Eicar-Test-Signature: invoice.zip" },
	[TOO_LARGE] = { "clamav.too_large", SLUICE_BOOL, NULL, "not all was looked at: a part is too large, or there are too many" },
	[ENGINE] = { "clamav.engine", SLUICE_TEXT, NULL, "the version of ClamAV: ClamAV 1.4.3" },
	[SIGNATURES_AGE] = { "clamav.signatures_age", SLUICE_INT, NULL, "seconds since the signatures of the server were made" },
	{ .name = NULL },
};

enum { OF_PARTS, OF_MESSAGE };
static const char *const of_words[] = { [OF_PARTS] = "parts", [OF_MESSAGE] = "message", NULL };

enum { SERVER, TIMEOUT, MAX, KEEP, OF };
static const struct sluice_option options[] = {
	[SERVER] = { "server", SLUICE_OPT_TEXT, .repeated = true, .deflt = "unix:/run/clamav/clamd.ctl",
		.help = "where clamd listens: unix:PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS; of several the first that works is asked" },
	[TIMEOUT] = { "timeout", SLUICE_OPT_DURATION, .min = 100, .max = 600000, .deflt = "20s",
		.help = "longest wait for one answer; no longer than stage_deadline lets it be" },
	[MAX] = { "max", SLUICE_OPT_SIZE, .min = 1, .max = INT64_C(1) << 30, .deflt = "25M", .help = "what is larger is not sent" },
	[KEEP] = { "keep", SLUICE_OPT_DURATION, .min = 0, .max = 86400000, .deflt = "1h",
		.help = "how long an answer holds for the same octets; 0s: not at all" },
	[OF] = { "of", SLUICE_OPT_WORDS, .words = of_words, .deflt = "parts", .help = "what is asked about: each part, decoded; the message as it came" },
	{ .key = NULL },
};

struct state {
	struct sluice_virus_servers servers;
	struct server_list list;
	int64_t of; /* a bit for each word */
};

/* ---- settings ---- */

static void release(void *p)
{
	struct state *state = p;

	if (!state)
		return;
	server_list_done(&state->list);
	free(state);
}

static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	struct state *state = calloc(1, sizeof *state);
	int r = state ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && count && i < blocks->count; i++) {
		const struct sluice_setting *s = &blocks->settings[i];

		switch (s->option) {
		case SERVER:
			r = server_list_add(&state->list, s, EXAMPLE, reterr);
			break;
		case TIMEOUT:
			state->servers.timeout_ms = s->number;
			break;
		case MAX:
			state->servers.max_bytes = s->number;
			break;
		case KEEP:
			state->servers.keep_ms = s->number;
			break;
		case OF:
			state->of = s->number;
			break;
		}
	}
	if (r == 0 && !(state->servers.servers = server_list_end(&state->list)))
		r = -ENOMEM;
	if (r < 0) {
		release(state);
		return r;
	}
	*ret_state = state;
	return 0;
}

static const struct sluice_virus_servers *servers(const void *state)
{
	return &((const struct state *)state)->servers;
}

/* ---- the check ---- */

struct asked {
	struct sluice_check_ctx *c;
	struct sluice_result *res;
	unsigned count;
	bool pending, failed, too_large;
	const char *names[PARTS_MAX + 1]; /* of what was found, each once; the message is one more than the parts */
	size_t name_count;
	const struct sluice_virus_answer *last; /* that knew its engine */
};

/* Of several servers the oldest signatures count, as nobody knows what they have missed. */
static void note_engine(struct asked *a, const struct sluice_virus_answer *v)
{
	if (*v->engine && (!a->last || v->signatures_s < a->last->signatures_s))
		a->last = v;
}

static void note_found(struct asked *a, const char *section, const struct sluice_text *name, const char *found)
{
	char evidence[EVIDENCE_MAX];
	size_t i = 0;

	(void)snprintf(evidence, sizeof evidence, "%s %s%s%.*s", section, found, name->len ? ": " : "", (int)name->len, name->len ? name->bytes : "");
	sluice_add_text(a->res, EVIDENCE, evidence, strlen(evidence));
	while (i < a->name_count && strcmp(a->names[i], found) != 0)
		i++;
	if (i < a->name_count)
		return;
	a->names[a->name_count++] = found;
	sluice_add_text(a->res, NAMES, found, strlen(found));
}

static void ask(struct asked *a, const char *section, const struct sluice_text *name, const struct sluice_text *pieces, size_t count)
{
	const struct sluice_virus_request rq = { .key = section, .pieces = pieces, .count = count };
	const struct sluice_virus_answer *v = sluice_ask_virus(a->c, &rq);

	if (!v) {
		a->pending = true;
		return;
	}
	switch (v->status) {
	case SLUICE_VIRUS_OK:
		note_engine(a, v);
		if (*v->found)
			note_found(a, section, name, v->found);
		break;
	case SLUICE_VIRUS_TOO_LARGE:
		a->too_large = true;
		break;
	case SLUICE_VIRUS_FAILED:
	case SLUICE_VIRUS_TIMEOUT:
		a->failed = true;
		break;
	}
}

static void ask_parts(struct asked *a, const struct sluice_mime *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct sluice_mime_part *p = &m->parts[i];
		struct sluice_text content = { NULL, 0 }, name = { "", 0 };

		if (p->container)
			continue;
		content.bytes = sluice_mime_content(a->c, i, &content.len);
		a->failed |= !content.bytes;
		if (!content.bytes || !content.len)
			continue;
		if (p->name_count)
			name = p->names[0];
		if (a->count++ < PARTS_MAX)
			ask(a, p->section, &name, &content, 1);
	}
	a->too_large |= a->count > PARTS_MAX || m->too_many || m->too_deep;
}

/* As it came. False: no memory. */
static bool ask_whole(struct asked *a, const char *body, size_t len)
{
	const struct sluice_text no_name = { "", 0 };
	struct whole_message whole = { 0 };
	bool good = whole_message_add_all(&whole, a->c, body, len);

	if (good)
		ask(a, WHOLE, &no_name, whole.pieces.items, whole.pieces.len);
	whole_message_done(&whole);
	return good;
}

static void set_facts(const struct asked *a)
{
	/* what one part has is true whatever becomes of the others; that none has it is not */
	if (a->name_count || !a->failed)
		sluice_set_bool(a->res, FOUND, a->name_count > 0);
	if (a->too_large || !a->failed)
		sluice_set_bool(a->res, TOO_LARGE, a->too_large);
	if (!a->last)
		return;
	sluice_set_text(a->res, ENGINE, a->last->engine, strlen(a->last->engine));
	if (a->last->signatures_s) {
		int64_t age_s = sluice_now_s(a->c) - a->last->signatures_s;

		sluice_set_int(a->res, SIGNATURES_AGE, age_s > 0 ? age_s : 0);
	}
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct state *state = sluice_state(c);
	struct asked a = { .c = c, .res = res };
	const struct sluice_mime *m;
	const char *why, *body;
	size_t len, size;

	body = sluice_body(c, &len, &size, &why);
	m = body ? sluice_mime(c, &why) : NULL;
	if (!m)
		return SLUICE_TEMPERROR;
	if (state->of >> OF_PARTS & 1)
		ask_parts(&a, m);
	if (state->of >> OF_MESSAGE & 1 && !ask_whole(&a, body, len))
		a.failed = true;
	if (a.pending)
		return SLUICE_PENDING;
	a.too_large |= size > len;
	set_facts(&a);
	return a.failed ? SLUICE_TEMPERROR : SLUICE_DONE;
}

static const struct sluice_check checks[] = {
	{ .name = "clamav", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = FOUND, .last_fact = SIGNATURES_AGE, .body = true },
	{ .name = NULL },
};
SLUICE_PLUGIN(clamav) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "clamav",
	.help = "what does clamd say of the parts of the message?",
	.facts = facts,
	.checks = checks,
	.options = options,
	.configure = configure,
	.release = release,
	.virus = servers,
};
