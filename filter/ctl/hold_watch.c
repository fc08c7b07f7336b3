/* SPDX-License-Identifier: BSD-2-Clause */
/* hold_watch.c - sluicectl hold watch: the hands of the page in the queue of the mail server, which the daemon itself may not touch. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "filter/control.h"
#include "filter/ctl/hold.h"
#include "filter/held.h"

#define PERIOD_S   2
#define RECIPIENTS 5  /* that are told of a message */

struct watch {
	const struct hold_queue *queue;
	const char *config;
	const struct ctl_target *daemon;
	int status; /* of what was last asked; once it is not EX_OK nothing is asked any more */
	size_t count; /* of messages in the list */
	const char *wanted; /* of find(): this id */
	bool found;
};

static void ask(struct watch *w, const char *request, struct text *out)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX);

	if (w->status != EX_OK)
		return;
	text_addf(&line, "held %s\n", request);
	text_clear(out);
	w->status = line.failed ? EX_USAGE : ctl_ask(w->daemon, text_str(&line), out);
}

static void tell(struct watch *w, const char *request)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);

	ask(w, request, &out);
}

/* ---- the list ---- */

static void on_message(void *arg, const struct hold_message *m)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX);
	struct watch *w = arg;
	json_t *c;
	int known;

	if (w->count == HELD_MAX || w->status != EX_OK)
		return;
	w->count++;
	c = hold_case(w->daemon, m->id, &known);
	text_adds(&line, "add ");
	hold_json(&line, m, c, RECIPIENTS);
	tell(w, text_str(&line));
	json_decref(c);
}

static void list(struct watch *w)
{
	struct err err;

	w->count = 0;
	tell(w, "begin");
	if (w->queue->each(w->config, on_message, w, &err) < 0)
		fprintf(stderr, "sluicectl: %s\n", err.text);
	else
		tell(w, "end");
}

/* ---- wishes ---- */

static void on_wanted(void *arg, const struct hold_message *m)
{
	struct watch *w = arg;

	w->found |= !strcmp(m->id, w->wanted);
}

/* What is held, and that alone: the id came from elsewhere. */
static int carry_out(struct watch *w, const char *verb, const char *id, struct err *reterr)
{
	bool drop = !strcmp(verb, "drop");
	int r;

	if (!hold_is_id(id) || (!drop && strcmp(verb, "release") != 0))
		return err_set(reterr, -EINVAL, "the daemon asks for what is not known here: is it of another version?");
	w->wanted = id;
	w->found = false;
	r = w->queue->each(w->config, on_wanted, w, reterr);
	if (r < 0)
		return r;
	if (!w->found)
		return err_set(reterr, -ENOENT, "it is not held any more");
	return (drop ? w->queue->drop : w->queue->release)(w->config, id, reterr);
}

static void fulfil(struct watch *w, const char *verb, const char *id)
{
	SLUICE_CLEANUP(text_done) struct text line = TEXT_INIT(CONTROL_LINE_MAX);
	struct err err = { "" };

	text_addf(&line, "done %s", id);
	if (carry_out(w, verb, id, &err) < 0) {
		for (char *p = err.text; *p; p++)
			*p = *p == '\n' ? ' ' : *p;
		text_addf(&line, " %s", *err.text ? err.text : "it could not be done");
		fprintf(stderr, "sluicectl: %s: %s\n", id, err.text);
	} else {
		printf("%s: %s\n", id, !strcmp(verb, "drop") ? "dropped" : "released");
		(void)fflush(stdout);
	}
	tell(w, text_str(&line));
}

/* What the daemon wants done, line by line, which are changed. */
static void work(struct watch *w, char *lines)
{
	for (char *line; (line = strsep(&lines, "\n"));) {
		char *blank = strchr(line, ' ');

		if (blank) {
			*blank = '\0';
			fulfil(w, line, blank + 1);
		} else if (!strcmp(line, "list")) {
			list(w);
		}
	}
}

int hold_watch(const struct hold_queue *queue, const char *config, const struct ctl_target *daemon)
{
	const struct timespec pause = { .tv_sec = PERIOD_S };
	struct watch w = { .queue = queue, .config = config, .daemon = daemon };

	while (w.status == EX_OK) {
		SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);

		ask(&w, "work", &out);
		if (w.status != EX_OK)
			fputs(text_str(&out), stderr);
		else if (out.len)
			work(&w, out.bytes);
		if (w.status == EX_OK)
			(void)nanosleep(&pause, NULL);
	}
	return w.status;
}
