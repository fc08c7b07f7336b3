/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach_prove.c - tracers (engine/tracer.h) through each listener: one is to be refused, one to be put off, one is held, looked at in the queue of
 * the mail server, and dropped.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "filter/control.h"
#include "filter/ctl/attach.h"
#include "filter/ctl/smtp_link.h"
#include "filter/engine/tracer.h"
#include "filter/services/clock.h"

#define ANSWER_MS  15000
#define SETTLE_MS  5000 /* until processes from before a reload are gone, or a message is in the queue */
#define STEP_MS    100
#define SPACES     "X-Sluice-Spaces:   three"
#define RECIPIENT  "<postmaster>" /* whom each mail server has (RFC 5321 4.5.1) */

struct prove {
	struct attach *a;
	const struct attach_listener *l;
	char token[TRACER_TOKEN_LEN + 1];
	char id[64]; /* of the queue */
};

/* How a transaction has ended. */
struct ending {
	unsigned code; /* 0: there was none, and text says why */
	bool ours;     /* Sluice has said it */
	int64_t took_ms; /* for this answer alone */
	struct text text;
};

static void ending_done(struct ending *e)
{
	text_done(&e->text);
}

static void pause_ms(int64_t ms)
{
	const struct timespec step = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&step, NULL);
}

/* ---- one transaction ---- */

/* good: the first digit of the answer that lets it go on. */
static bool step(struct smtp_link *l, struct ending *e, unsigned good, const char *command)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(ATTACH_VALUE_MAX);
	int64_t began = clock_mono_ms();

	text_clear(&e->text);
	e->code = smtp_link_ask(l, &lines, &e->text, "%s", command);
	e->took_ms = clock_mono_ms() - began;
	e->ours = strstr(text_str(&lines), TRACER_TEXT);
	if (e->code)
		smtp_link_show(&e->text, e->code, &lines);
	return e->code / 100 == good;
}

static bool greeted(struct smtp_link *l, struct ending *e)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(ATTACH_VALUE_MAX);

	e->code = smtp_link_get(l, &lines, &e->text);
	if (e->code)
		smtp_link_show(&e->text, e->code, &lines);
	return e->code == 220;
}

/* The message, when it is taken so far. */
static void send_message(const struct prove *p, struct smtp_link *l, struct ending *e)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(4096), lines = TEXT_INIT(ATTACH_VALUE_MAX);
	int64_t began = clock_mono_ms();
	time_t now = time(NULL);
	char date[64];
	struct tm tm;

	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	text_addf(&message, "Date: %s\r\nFrom: <" TRACER_BEFORE "%s-250@%s>\r\nTo: postmaster:;\r\nMessage-ID: <%s@%s>\r\nSubject: sluicectl attach\r\n" SPACES "\r\n\r\n"
			    "This shows how Sluice is attached, and is held and dropped.\r\n.\r\n", date, p->token, p->a->authserv_id, p->token, p->a->authserv_id);
	text_clear(&e->text);
	e->code = smtp_link_put(l, text_str(&message), message.len, &e->text) ? smtp_link_get(l, &lines, &e->text) : 0;
	e->took_ms = clock_mono_ms() - began;
	if (e->code)
		smtp_link_show(&e->text, e->code, &lines);
}

/* Up to the first answer that is not positive; that to RCPT for 451 and 550. */
static void transact(const struct prove *p, unsigned code, struct ending *ret)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(ATTACH_VALUE_MAX), ignored = TEXT_INIT(ATTACH_VALUE_MAX);
	struct smtp_link *l = smtp_link_open(p->l->host, p->l->port, ANSWER_MS, &ret->text);
	char mail[512];

	ret->code = 0;
	if (!l)
		return;
	(void)snprintf(mail, sizeof mail, "MAIL FROM:<" TRACER_BEFORE "%s-%u@%s>", p->token, code, p->a->authserv_id);
	if (greeted(l, ret) && step(l, ret, 2, "EHLO localhost") && step(l, ret, 2, mail) && step(l, ret, 2, "RCPT TO:" RECIPIENT) && code == 250 &&
		step(l, ret, 3, "DATA"))
		send_message(p, l, ret);
	if (ret->code)
		(void)smtp_link_ask(l, &lines, &ignored, "QUIT");
	smtp_link_close(l);
}

/* ---- what came of it ---- */

static void on_held(void *arg, const struct hold_message *m)
{
	struct prove *p = arg;

	if (strstr(m->sender, p->token))
		(void)snprintf(p->id, sizeof p->id, "%s", m->id);
}

static bool find_held(struct prove *p, struct err *reterr)
{
	int64_t until = clock_mono_ms() + SETTLE_MS;
	int r;

	*p->id = '\0';
	while ((r = p->a->mta->queue->each(p->a->config, on_held, p, reterr)) == 0 && !*p->id && clock_mono_ms() < until)
		pause_ms(STEP_MS);
	if (r == 0 && !*p->id)
		(void)err_set(reterr, -1, "it is not held in the queue: postmaster has got it");
	return *p->id;
}

static json_t *case_of(const struct prove *p)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX), out = TEXT_INIT(CONTROL_ANSWER_MAX);

	text_addf(&request, "explain %s\n", p->id);
	return ctl_ask(&p->a->target, text_str(&request), &out) == EX_OK ? json_loads(text_str(&out), 0, NULL) : NULL;
}

static const char *string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void tell_times(const struct prove *p, const json_t *c)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1000);
	const char *stage;
	json_t *ms;

	json_object_foreach(json_object_get(c, "stages"), stage, ms)
		text_addf(&out, "%s %s %.2f ms", out.len ? "," : "", stage, json_number_value(ms));
	attach_tell(p->a, ATTACH_GOOD, "  Sluice took:%s; sluicectl explain %s shows more", text_str(&out), string_of(c, "case"));
}

static void tell_macros(const struct prove *p, const json_t *c)
{
	const char *text = string_of(json_object_get(c, "verdict"), "text"), *without = strstr(text, ", without");

	if (without)
		attach_tell(p->a, ATTACH_LOOK, "  the mail server does not send the macros%s: it is older, or told which to send (milter_*_macros of Postfix, confMILTER_MACROS_* of Sendmail)",
			without + strlen(", without"));
	else
		attach_tell(p->a, ATTACH_GOOD, "  all macros came: %s", strncmp(text, TRACER_TEXT ": ", strlen(TRACER_TEXT) + 2) == 0 ? text + strlen(TRACER_TEXT) + 2 : "");
}

/* The field above all others, in the form that the queue has it; Return-Path is the mail server's own, and goes at delivery. */
static const char *first_field(const char *message)
{
	while (!strncmp(message, "Return-Path:", strlen("Return-Path:"))) {
		const char *end = strchr(message, '\n');

		message = end ? end + 1 : "";
	}
	return message;
}

static bool tell_header(const struct prove *p, const json_t *c, const char *message)
{
	SLUICE_CLEANUP(text_done) struct text ours = TEXT_INIT(1000);
	const char *first = first_field(message);
	size_t name = strcspn(first, ":");

	text_addf(&ours, "Authentication-Results: %s;", p->a->authserv_id);
	if (!json_is_string(json_object_get(c, "authentication_results")))
		attach_tell(p->a, ATTACH_LOOK, "  authentication_results is off in sluice.conf: no field was to be added");
	else if (!strncmp(first, text_str(&ours), ours.len))
		attach_tell(p->a, ATTACH_GOOD, "  our Authentication-Results stands above all other fields, with one blank");
	else if (strstr(message, text_str(&ours)))
		attach_tell(p->a, ATTACH_LOOK, "  above our Authentication-Results stands %.*s, of another milter", (int)name, first);
	else {
		attach_tell(p->a, ATTACH_BAD, "  our Authentication-Results is not in the message");
		return false;
	}
	if (strstr(message, "\n" SPACES "\n"))
		attach_tell(p->a, ATTACH_GOOD, "  blanks in header fields stay as they are");
	else
		attach_tell(p->a, ATTACH_LOOK, "  blanks in header fields are changed on the way, which breaks signatures that are 'simple'");
	return true;
}

static bool look_at_held(struct prove *p)
{
	SLUICE_CLEANUP(text_done) struct text message = TEXT_INIT(HOLD_MESSAGE_MAX);
	struct err err = { "" };
	json_t *c;
	bool good;

	if (!find_held(p, &err)) {
		attach_tell(p->a, ATTACH_BAD, "  %s", err.text);
		return false;
	}
	c = case_of(p);
	good = c && p->a->mta->queue->print(p->a->config, p->id, &message, &err) == 0;
	if (!good)
		attach_tell(p->a, ATTACH_BAD, "  %s", c ? err.text : "the daemon has no case of it");
	else
		good = tell_header(p, c, text_str(&message));
	if (good) {
		tell_macros(p, c);
		tell_times(p, c);
	}
	if (p->a->mta->queue->drop(p->a->config, p->id, &err) < 0)
		attach_tell(p->a, ATTACH_LOOK, "  the message stays held: %s", err.text);
	json_decref(c);
	return good;
}

/* ---- one listener ---- */

/* A process from before a reload may still answer. */
static void transact_once_settled(const struct prove *p, unsigned code, struct ending *ret)
{
	int64_t until = clock_mono_ms() + SETTLE_MS;

	for (;;) {
		text_clear(&ret->text);
		transact(p, code, ret);
		if ((ret->code && ret->code / 100 != 2) || clock_mono_ms() >= until)
			return;
		pause_ms(STEP_MS);
	}
}

/* 1: Sluice is asked here; 0: that could not be seen; -1: it is not. */
static int prove_listener(struct prove *p)
{
	static const unsigned refusals[] = { 550, 451 };
	SLUICE_CLEANUP(ending_done) struct ending e = { .text = TEXT_INIT(ATTACH_VALUE_MAX) };

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		transact_once_settled(p, refusals[i], &e);
		if (!e.ours && e.code / 100 == 2) {
			attach_tell(p->a, ATTACH_BAD, "listener %s does not ask Sluice: a recipient was taken", p->l->name);
			return -1;
		}
		if (!e.ours || e.code != refusals[i]) {
			attach_tell(p->a, ATTACH_LOOK, "listener %s: it does not come to Sluice: %s", p->l->name, text_str(&e.text));
			return 0;
		}
		attach_tell(p->a, ATTACH_GOOD, "listener %s: %u was to be said, and was, in %lld ms", p->l->name, refusals[i], (long long)e.took_ms);
	}
	text_clear(&e.text);
	transact(p, 250, &e);
	if (e.code / 100 != 2) {
		attach_tell(p->a, ATTACH_LOOK, "listener %s: a message was not taken: %s", p->l->name, text_str(&e.text));
		return 0;
	}
	attach_tell(p->a, ATTACH_GOOD, "listener %s: a message was taken in %lld ms, and held", p->l->name, (long long)e.took_ms);
	return look_at_held(p) ? 1 : -1;
}

/* ---- all of them ---- */

static bool tell_daemon(struct prove *p, const char *before)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	char request[100];

	(void)snprintf(request, sizeof request, "tracer %s%s\n", before, p->token);
	if (ctl_ask(&p->a->target, request, &out) == EX_OK)
		return true;
	attach_tell(p->a, ATTACH_LOOK, "%.*s", (int)strcspn(text_str(&out), "\n"), out.len ? text_str(&out) : "the daemon does not answer");
	return false;
}

static bool make_token(struct prove *p)
{
	unsigned char bytes[TRACER_TOKEN_LEN / 2];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return false;
	for (size_t i = 0; i < sizeof bytes; i++)
		(void)snprintf(p->token + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* Each has a token of its own: none of them outlives its minute. */
static int prove_one(struct attach *a, const struct attach_listener *l)
{
	struct prove p = { .a = a, .l = l };
	int r;

	if (l->spared)
		return 0;
	if (l->tls) {
		attach_tell(a, ATTACH_LOOK, "listener %s begins with TLS: it was not tried", l->name);
		return 0;
	}
	if (!make_token(&p) || !tell_daemon(&p, ""))
		return 0;
	r = prove_listener(&p);
	(void)tell_daemon(&p, "done ");
	return r;
}

int attach_prove(struct attach *a)
{
	int proven = 0;

	for (size_t i = 0; i < a->listeners.len; i++) {
		int r = prove_one(a, &a->listeners.items[i]);

		if (r < 0)
			return -1;
		proven += r;
	}
	if (!proven)
		attach_tell(a, ATTACH_LOOK, "no listener has shown that it asks Sluice");
	return proven;
}
