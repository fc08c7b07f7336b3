/* SPDX-License-Identifier: BSD-2-Clause */
/* hold_postfix.c - Postfix's hold queue, by its own commands: nothing of the queue's files is touched by us. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "filter/base/vec.h"
#include "filter/ctl/hold_queue.h"
#include "filter/services/clock.h"
#include "filter/services/command.h"

#define LIST_MAX_BYTES (256u << 20) /* that postqueue prints */
#define TIMEOUT_MS     60000

/* PROGRAM [-c CONFIG] and the rest. */
static int run(const char *program, const char *config, const char *const *args, struct text *out, struct err *reterr)
{
	const char *argv[COMMAND_MAX_ARGS + 1] = { program };
	size_t n = 1;

	if (config) {
		argv[n++] = "-c";
		argv[n++] = config;
	}
	while (*args)
		argv[n++] = *args++;
	return command_read(argv, clock_mono_ms() + TIMEOUT_MS, out, reterr);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int tell(const json_t *o, void (*message)(void *arg, const struct hold_message *m), void *arg)
{
	const json_t *list = json_object_get(o, "recipients"), *one;
	VEC(const char *) recipients = { 0 };
	bool failed = false;
	size_t i;

	json_array_foreach(list, i, one)
		failed |= !vec_push(&recipients, text_of(one, "address"));
	message(arg, &(struct hold_message){
		.id = text_of(o, "queue_id"), .arrived_s = json_integer_value(json_object_get(o, "arrival_time")),
		.size = (uint64_t)json_integer_value(json_object_get(o, "message_size")),
		.sender = !strcmp(text_of(o, "sender"), "MAILER-DAEMON") ? "" : text_of(o, "sender"),
		.recipients = recipients.items, .recipient_count = recipients.len, .reason = "" });
	vec_done(&recipients);
	return failed ? -ENOMEM : 0;
}

/* Addresses are octets, and JSON is UTF-8: a message is not hidden by one that is none. The line is changed then. */
static json_t *parse(char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);

	if (o)
		return o;
	for (size_t i = 0; i < len; i++)
		line[i] = (unsigned char)line[i] < 0x80 ? line[i] : '?';
	return json_loadb(line, len, 0, NULL);
}

/* A message on each line. */
static int postfix_each(const char *config, void (*message)(void *arg, const struct hold_message *m), void *arg, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LIST_MAX_BYTES);
	int r = run("postqueue", config, (const char *const[]){ "-j", NULL }, &out, reterr);

	for (char *line = out.bytes, *end; r == 0 && line && (end = strchr(line, '\n')); line = end + 1) {
		json_t *o = parse(line, (size_t)(end - line));

		if (json_is_object(o) && !strcmp(text_of(o, "queue_name"), "hold"))
			r = tell(o, message, arg);
		json_decref(o);
	}
	return r;
}

static int postfix_print(const char *config, const char *id, struct text *out, struct err *reterr)
{
	return run("postcat", config, (const char *const[]){ "-h", "-b", "-q", id, NULL }, out, reterr);
}

static int postfix_release(const char *config, const char *id, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LIST_MAX_BYTES);
	struct err ignored;
	int r = run("postsuper", config, (const char *const[]){ "-H", id, NULL }, &out, reterr);

	if (r == 0) /* now, and not when its turn comes; it has been released whatever comes of this */
		(void)!run("postqueue", config, (const char *const[]){ "-i", id, NULL }, &out, &ignored);
	return r;
}

static int postfix_drop(const char *config, const char *id, struct err *reterr)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LIST_MAX_BYTES);

	return run("postsuper", config, (const char *const[]){ "-d", id, "hold", NULL }, &out, reterr);
}

const struct hold_queue hold_postfix = { postfix_each, postfix_print, postfix_release, postfix_drop };
