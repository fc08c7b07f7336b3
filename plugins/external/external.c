/* SPDX-License-Identifier: BSD-2-Clause */
/* external - a check that a program of the site's own does, in any language: it is asked in lines of JSON, and answers with facts. */
#include <stdlib.h>
#include <string.h>

#include "filter/base/base64.h"
#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/base/shortage.h"
#include "plugins/external/external_config.h"

#define HEADERS_BYTES  (512u << 10) /* of JSON; more fields are not sent */
#define RECIPIENTS_MAX 1000         /* more are not sent */
#define SETTLED_S      60           /* of good answers only, after one that was none */

struct external_run {
	const struct external *external;
	struct text question; /* empty: it has not been made yet */
};

static struct external_run *run_new(const struct external *e)
{
	struct external_run *r = shortage_zalloc(sizeof *r);

	if (!r)
		return NULL;
	r->external = e;
	r->question = (struct text)TEXT_INIT(SLUICE_PROGRAM_REQUEST_MAX);
	return r;
}

static void run_free(void *memory)
{
	struct external_run *r = memory;

	text_done(&r->question);
	free(r);
}

static struct external_run *run_of(struct sluice_check_ctx *c)
{
	void **memory = sluice_memory(c);

	if (!*memory)
		*memory = run_new(sluice_state(c));
	return *memory;
}

/* ---- what it is told ---- */

/* The fields of the header. True: there are more than are sent. */
static bool add_headers(struct text *out, const struct sluice_check_ctx *c)
{
	SLUICE_CLEANUP(text_done) struct text headers = TEXT_INIT(HEADERS_BYTES);
	struct sluice_part field;
	size_t whole = 0;

	for (size_t i = 0; !headers.failed && sluice_header_field(c, i, &field); i++) {
		whole = headers.len;
		json_open(&headers, NULL, '{');
		json_text(&headers, "name", field.name, field.name_len);
		json_text(&headers, "value", field.bytes, field.len);
		json_close(&headers, '}');
	}
	if (!headers.failed)
		whole = headers.len;
	text_addf(out, ",\"headers\":[%.*s]", (int)whole, text_str(&headers));
	return headers.failed;
}

static void add_fact(struct text *out, const char *key, const struct sluice_check_ctx *c, const char *fact)
{
	size_t len;
	const char *value = sluice_fact(c, fact, &len);

	if (value && len)
		json_text(out, key, value, len);
}

static bool add_recipients(struct text *out, const struct sluice_check_ctx *c)
{
	const struct sluice_address *a;
	size_t i;

	json_open(out, "recipients", '[');
	for (i = 0; i < RECIPIENTS_MAX && (a = sluice_recipient(c, i)); i++)
		json_text(out, NULL, a->text, a->len);
	json_close(out, ']');
	return sluice_recipient(c, i) != NULL;
}

/* Its beginning. NULL: *ret_cut says whether that is all of it; else why there is none. */
static const char *add_body(struct text *out, struct sluice_check_ctx *c, const struct external_run *r, bool *ret_cut)
{
	const char *why;
	size_t len, size;
	const char *body = sluice_body(c, &len, &size, &why);

	if (!body)
		return why;
	if (len > r->external->body_bytes)
		len = r->external->body_bytes;
	text_adds(out, ",\"body\":\"");
	base64_encode(out, body, len);
	text_adds(out, "\"");
	json_int(out, "body_size", (int64_t)size);
	*ret_cut = size > len;
	return NULL;
}

/* Header and body, and what of them, or of the recipients, was left out. NULL, or why there is no body. */
static const char *add_content(struct text *out, struct sluice_check_ctx *c, const struct external_run *r)
{
	bool recipients_cut = add_recipients(out, c), headers_cut = r->external->headers && add_headers(out, c), body_cut = false;
	const char *why = NULL;

	if (r->external->body_bytes)
		why = add_body(out, c, r, &body_cut);
	json_open(out, "cut", '[');
	if (recipients_cut)
		json_str(out, NULL, "recipients");
	if (headers_cut)
		json_str(out, NULL, "headers");
	if (body_cut)
		json_str(out, NULL, "body");
	json_close(out, ']');
	return why;
}

/* NULL, or why there is none. */
static const char *write_question(struct text *out, struct sluice_check_ctx *c, const struct external_run *r)
{
	const struct sluice_address *from = sluice_mail_from(c), *rcpt = sluice_rcpt(c);
	enum sluice_stage stage = r->external->checks[0].stage;
	char ip[IP_TEXT_MAX];
	size_t len;
	const char *helo = sluice_helo(c, &len), *why = NULL;

	json_open(out, NULL, '{');
	if (sluice_client_ip(c)->family)
		json_str(out, "client", ip_format(sluice_client_ip(c), ip));
	add_fact(out, "client_name", c, "client.name");
	if (helo)
		json_text(out, "helo", helo, len);
	json_str(out, "our_name", sluice_our_name(c));
	json_int(out, "now", sluice_now_s(c));
	if (stage >= SLUICE_STAGE_MAIL) {
		json_bool(out, "authenticated", sluice_authenticated(c));
		add_fact(out, "user", c, "auth.user");
		if (*sluice_queue_id(c))
			json_str(out, "queue_id", sluice_queue_id(c));
		if (from)
			json_text(out, "from", from->text, from->len);
	}
	if (stage == SLUICE_STAGE_RCPT && rcpt)
		json_text(out, "rcpt", rcpt->text, rcpt->len);
	if (stage >= SLUICE_STAGE_DATA)
		why = add_content(out, c, r);
	json_close(out, '}');
	return why ? why : out->failed ? "the question is too long" : NULL;
}

/* ---- what it answers ---- */

static void set_fact(struct sluice_result *res, unsigned i, const struct value *v)
{
	switch (v->type) {
	case SLUICE_BOOL:
		sluice_set_bool(res, i, v->yes);
		break;
	case SLUICE_INT:
		sluice_set_int(res, i, v->number);
		break;
	case SLUICE_MILLI:
		sluice_set_milli(res, i, v->number);
		break;
	case SLUICE_ENUM:
		sluice_set_enum(res, i, (unsigned)v->number);
		break;
	case SLUICE_TEXT:
	case SLUICE_DOMAIN:
	case SLUICE_ADDRESS:
		sluice_set_text(res, i, v->text.bytes, v->text.len);
		break;
	case SLUICE_IP:
		sluice_set_ip(res, i, &v->ip);
		break;
	case SLUICE_TEXTS:
		for (size_t k = 0; k < v->texts.count; k++)
			sluice_add_text(res, i, v->texts.items[k].bytes, v->texts.items[k].len);
		break;
	}
}

static enum sluice_outcome no_answer(struct sluice_result *res, const struct external *e, const char *why)
{
	sluice_set_text(res, e->fact_count, why, strlen(why));
	return SLUICE_TEMPERROR;
}

/* It is there, and does not do what it is there for. */
static enum sluice_outcome bad_answer(struct sluice_check_ctx *c, struct sluice_result *res, const struct external *e, const char *why)
{
	__atomic_store_n(e->bad_s, sluice_now_s(c), __ATOMIC_RELAXED);
	sluice_report_health(c, e->subject, false, why);
	return no_answer(res, e, why);
}

/* Of a program that is right now and wrong then, not each change is news. */
static void settle(struct sluice_check_ctx *c, const struct external *e)
{
	if (sluice_now_s(c) - __atomic_load_n(e->bad_s, __ATOMIC_RELAXED) >= SETTLED_S && !sluice_healthy(c, e->subject))
		sluice_report_health(c, e->subject, true, "it answers");
}

static enum sluice_outcome take_answer(struct sluice_check_ctx *c, struct sluice_result *res, const struct external *e,
	const struct sluice_program_answer *line)
{
	char why[EXTERNAL_WHY_MAX];
	struct external_answer a;
	enum sluice_outcome outcome;

	if (!external_answer_read(line->line, line->len, e->facts, e->fact_count, &a, why)) {
		outcome = bad_answer(c, res, e, why);
	} else {
		for (unsigned i = 0; i < e->fact_count; i++)
			if (a.values[i].known)
				set_fact(res, i, &a.values[i]);
		outcome = a.outcome == SLUICE_TEMPERROR ? no_answer(res, e, a.error) : a.outcome;
		settle(c, e);
	}
	external_answer_done(&a);
	return outcome;
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct external *e = sluice_state(c);
	struct external_run *r = run_of(c);
	const struct sluice_program_answer *answer;
	const char *why = NULL;

	if (!r)
		return SLUICE_TEMPERROR;
	if (!r->question.len)
		why = write_question(&r->question, c, r);
	if (why)
		return no_answer(res, e, why);
	answer = sluice_ask_program(c, text_str(&r->question), r->question.len);
	if (!answer)
		return SLUICE_PENDING;
	run_free(r);
	*sluice_memory(c) = NULL;
	switch (answer->status) {
	case SLUICE_PROGRAM_OK:
		return take_answer(c, res, e, answer);
	case SLUICE_PROGRAM_FAILED:
		return no_answer(res, e, answer->why);
	case SLUICE_PROGRAM_TIMEOUT:
		return bad_answer(c, res, e, answer->why);
	}
	return SLUICE_TEMPERROR;
}

/* ---- the plugin ---- */

static void release(void *state)
{
	external_free(state);
}

static int make(const struct sluice_block *block, const struct sluice_plugin **ret, void **ret_state, struct sluice_config_error *reterr)
{
	struct external *e = NULL;
	int r = external_config_read(block, &e, reterr);

	if (r < 0)
		return r;
	e->plugin = (struct sluice_plugin){ .abi = SLUICE_PLUGIN_ABI, .name = e->name, .help = "a program", .facts = e->facts, .checks = e->checks,
		.release = release, .program = &e->program };
	e->checks[0].run = run;
	e->checks[0].last_fact = e->fact_count;
	e->checks[0].body = e->body_bytes > 0;
	e->checks[0].drop = run_free;
	*ret = &e->plugin;
	*ret_state = e;
	return 0;
}

static const struct sluice_fact facts[] = { { .name = NULL } };
static const struct sluice_check checks[] = { { .name = NULL } };

SLUICE_PLUGIN(external) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "external",
	.help = "checks by programs of the site's own; the facts are those that the block declares",
	.facts = facts,
	.checks = checks,
	.options = external_options,
	.label = "NAME",
	.make = make,
};
