/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/dialogue.h"

#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/shortage.h"
#include "filter/engine/core_facts.h"
#include "filter/engine/state.h"
#include "filter/mail/address.h"
#include "filter/mail/header_field.h"
#include "filter/services/clock.h"
#include "filter/services/health.h"

#define TOO_MANY_RCPTS    "too many recipients in one message"
#define TOO_LARGE         "this message has more header fields or recipients than any mail needs"

static const struct verdict go_on = { .action = VERDICT_CONTINUE };

struct dialogue *dialogue_new(struct engine *engine, struct snapshot *snapshot)
{
	struct dialogue *d = calloc(1, sizeof *d + snapshot->registry->checks.len * sizeof d->checks[0]);

	if (!d)
		return NULL;
	d->engine = engine;
	d->snapshot = snapshot_ref(snapshot);
	d->plan = &snapshot->plan;
	d->judged = SLUICE_STAGE_MAIL;
	d->session = session_new(engine->offline ? NULL : snapshot->resolver, engine->offline || engine->no_store ? NULL : snapshot->store, (unsigned)snapshot->policy->settings.max_questions, snapshot->registry->catalog.facts.len);
	if (!d->session || !host_wake(d)) {
		dialogue_free(d);
		return NULL;
	}
	d->now_ms = engine->now_ms ? engine->now_ms : clock_wall_ms();
	for (enum scope scope = SCOPE_CONNECTION; scope <= SCOPE_RCPT; scope++)
		host_reset(d, scope);
	d->blank = true;
	record_new_id(d);
	memcpy(d->connection, d->id, sizeof d->id);
	memcpy(d->message, d->id, sizeof d->id);
	return d;
}

/* All its recipients were refused: there will be no message. */
static bool came_to_nothing(const struct message *m)
{
	for (size_t i = 0; i < m->recipients.len; i++)
		if (!m->recipients.items[i].refused)
			return false;
	return m->recipients.len > 0;
}

void dialogue_free(struct dialogue *d)
{
	if (!d)
		return;
	if (d->session && came_to_nothing(&d->session->message))
		limit_refund(d, 0);
	for (enum scope scope = SCOPE_CONNECTION; d->session && scope <= SCOPE_RCPT; scope++)
		host_drop(d, scope);
	edit_done(d);
	free(d->given);
	vec_done(&d->matches);
	vec_done(&d->misses);
	vec_done(&d->looked);
	vec_done(&d->taken);
	for (size_t i = 0; i < ARRAY_LEN(d->authres); i++)
		vec_done(&d->authres[i]);
	session_free(d->session);
	snapshot_unref(d->snapshot);
	free(d);
}

bool dialogue_give(struct dialogue *d, unsigned fact, const struct value *value)
{
	const struct registry *r = d->snapshot->registry;

	if (!d->given)
		d->given = calloc(r->catalog.facts.len, sizeof *d->given);
	if (!d->given)
		return false;
	d->given[fact] = *value;
	d->given_checks |= UINT64_C(1) << r->catalog.facts.items[fact].check;
	return true;
}

const struct snapshot *dialogue_snapshot(const struct dialogue *d)
{
	return d->snapshot;
}

/* ---- copies ---- */

static const char *keep(struct dialogue *d, enum scope scope, const char *s)
{
	char *copy;

	if (!s || !*s)
		return "";
	copy = arena_copy(session_arena(d->session, scope), s, strlen(s));
	if (!copy)
		d->fault = true;
	return copy ? copy : "";
}

static struct macros_tls keep_tls(struct dialogue *d, const struct macros_tls *tls)
{
	return (struct macros_tls){
		keep(d, SCOPE_MESSAGE, tls->version),
		keep(d, SCOPE_MESSAGE, tls->cipher),
		keep(d, SCOPE_MESSAGE, tls->cipher_bits),
		keep(d, SCOPE_MESSAGE, tls->verify),
		keep(d, SCOPE_MESSAGE, tls->cert_subject),
	};
}

/* A parameter's value, which is no C string where it stands. */
static const char *keep_part(struct dialogue *d, struct esmtp_text part)
{
	char *copy = arena_copy(session_arena(d->session, SCOPE_MESSAGE), part.bytes ? part.bytes : "", part.len);

	if (!copy)
		d->fault = true;
	return copy ? copy : "";
}

/* The queue id may come with any event from MAIL on: Postfix has one only after the first recipient. */
static void learn_queue_id(struct dialogue *d, const char *queue_id)
{
	if (!*d->session->message.queue_id)
		d->session->message.queue_id = keep(d, SCOPE_MESSAGE, queue_id);
}

static void set_facts(struct dialogue *d, enum sluice_stage stage)
{
	core_facts_set(d->session, stage, d->snapshot->policy);
	if (d->replay)
		replay_core_facts(d, stage);
}

/* ---- verdicts ---- */

/* An event begins. False: there is no memory for any. */
static bool enter(struct dialogue *d)
{
	d->shortage = shortage_count();
	if (host_wake(d))
		return true;
	d->fault = true;
	return false;
}

/* One of the connection: what it said, no message will know. */
static bool enter_connection(struct dialogue *d)
{
	if (enter(d))
		return true;
	d->lost = true;
	return false;
}

/* One of a message: from now on there is something to forget, whether or not there was memory for its MAIL. */
static bool enter_message(struct dialogue *d)
{
	if (!enter(d))
		return false;
	d->blank = false;
	return true;
}

bool dialogue_starved(const struct dialogue *d)
{
	return shortage_count() != d->shortage;
}

static struct verdict fault_at(enum sluice_stage stage)
{
	return (struct verdict){ .action = VERDICT_FAULT, .stage = stage, .code = 451, .dsn = "4.3.0", .text = "Temporary failure" };
}

static struct verdict told(struct dialogue *d, struct verdict v)
{
	if (dialogue_starved(d)) { /* what was found may be less than there was to find */
		d->fault = true;
		v = fault_at(v.stage);
	}
	if (v.action >= VERDICT_TEMPFAIL && v.stage >= SLUICE_STAGE_MAIL && v.stage != SLUICE_STAGE_RCPT)
		limit_refund(d, 0); /* what is refused uses no limit up that let it pass before */
	memcpy(v.ref, d->id, sizeof d->id);
	if (v.action != VERDICT_CONTINUE && !d->hold_cases)
		record_tell(d, &v);
	return v;
}

static struct verdict fault(struct dialogue *d, enum sluice_stage stage)
{
	d->fault = true;
	return told(d, fault_at(stage));
}

/* A refusal of the connection holds for all that it tries. */
static bool refused_before(const struct dialogue *d)
{
	return d->refused.action != VERDICT_CONTINUE && !d->hold_cases;
}

static struct verdict judge_if(struct dialogue *d, bool now, enum sluice_stage stage)
{
	if (d->fault)
		return fault(d, stage);
	if (now)
		return told(d, stage_judge(d, stage));
	d->fault |= dialogue_starved(d);
	return go_on;
}

struct verdict dialogue_connect(struct dialogue *d, const struct dialogue_client *client)
{
	const struct macros_connection *m = &client->macros;

	if (!enter_connection(d))
		return fault_at(SLUICE_STAGE_CONNECT);
	d->session->client = client->ip;
	d->session->connection = (struct macros_connection){
		keep(d, SCOPE_CONNECTION, m->client_name),
		keep(d, SCOPE_CONNECTION, m->client_ptr),
		keep(d, SCOPE_CONNECTION, m->daemon_name),
		keep(d, SCOPE_CONNECTION, m->daemon_addr),
		keep(d, SCOPE_CONNECTION, m->hostname),
		keep(d, SCOPE_CONNECTION, m->version),
		m->client_port,
		m->daemon_port,
	};
	set_facts(d, SLUICE_STAGE_CONNECT);
	stage_start(d, SLUICE_STAGE_CONNECT);
	d->fault |= dialogue_starved(d);
	d->lost = d->fault;
	return d->fault ? fault(d, SLUICE_STAGE_CONNECT) : go_on;
}

struct verdict dialogue_helo(struct dialogue *d, const char *name)
{
	struct verdict v;

	if (d->refused.stage == SLUICE_STAGE_HELO)
		d->refused = go_on; /* another name, another verdict */
	if (!enter_connection(d))
		return fault_at(SLUICE_STAGE_HELO);
	host_reset(d, SCOPE_HELO);
	arena_reset(session_arena(d->session, SCOPE_HELO));
	d->helo_judged = false;
	d->session->helo = keep(d, SCOPE_HELO, name);
	d->session->helo_len = strlen(d->session->helo);
	set_facts(d, SLUICE_STAGE_HELO);
	stage_start(d, SLUICE_STAGE_HELO);
	if (refused_before(d))
		return told(d, d->refused);
	v = judge_if(d, d->plan->refuses[SLUICE_STAGE_CONNECT] || d->plan->refuses[SLUICE_STAGE_HELO], SLUICE_STAGE_HELO);
	d->lost |= d->fault;
	return v;
}

static void forget_message(struct dialogue *d)
{
	d->fault = d->lost;
	if (d->blank)
		return;
	d->blank = true;
	if (came_to_nothing(&d->session->message))
		limit_refund(d, 0);
	d->taken.len = 0;
	host_reset(d, SCOPE_RCPT);
	host_reset(d, SCOPE_MESSAGE);
	session_end_message(d->session);
	d->judged = SLUICE_STAGE_MAIL;
	d->too_large = false;
	d->data_begun = false;
	d->content_begun = d->header_over = false;
	d->greylist_null = NULL;
	d->tracer = 0;
	edit_reset(d);
	for (enum sluice_stage stage = SLUICE_STAGE_MAIL; stage < SLUICE_STAGES; stage++)
		d->stages[stage] = (struct case_stage){ 0 };
}

static void begin_message(struct dialogue *d)
{
	forget_message(d);
	d->now_ms = d->replay ? d->now_ms : d->engine->now_ms ? d->engine->now_ms : clock_wall_ms();
	record_new_id(d);
	memcpy(d->message, d->id, sizeof d->id);
}

struct verdict dialogue_mail(struct dialogue *d, const struct dialogue_mail *mail)
{
	static char *const none[] = { NULL };
	struct message *m = &d->session->message;
	bool now = d->plan->refuses[SLUICE_STAGE_CONNECT] || d->plan->refuses[SLUICE_STAGE_HELO] || d->plan->refuses[SLUICE_STAGE_MAIL];

	begin_message(d);
	if (!enter_message(d))
		return fault_at(SLUICE_STAGE_MAIL);
	m->begun = true;
	m->begun_ms = d->now_ms;
	learn_queue_id(d, mail->queue_id);
	if (!address_copy(session_arena(d->session, SCOPE_MESSAGE), mail->argument, strlen(mail->argument), &m->from))
		return fault(d, SLUICE_STAGE_MAIL);
	d->tracer = tracer_of(d);
	m->mail_addr = keep(d, SCOPE_MESSAGE, mail->mail_addr);
	m->esmtp = esmtp_parse_mail(mail->parameters ? mail->parameters : none);
	m->ret = keep_part(d, m->esmtp.ret);
	m->envid = keep_part(d, m->esmtp.envid);
	m->auth = (struct macros_auth){
		keep(d, SCOPE_MESSAGE, mail->auth.type),
		keep(d, SCOPE_MESSAGE, mail->auth.authen),
		keep(d, SCOPE_MESSAGE, mail->auth.author),
	};
	m->tls = keep_tls(d, &mail->tls);
	set_facts(d, SLUICE_STAGE_MAIL);
	stage_start(d, SLUICE_STAGE_MAIL);
	if (refused_before(d))
		return told(d, d->refused);
	return judge_if(d, now, SLUICE_STAGE_MAIL);
}

/* The address of a recipient, and what the MTA makes of it. False: no memory. */
static bool keep_rcpt(struct dialogue *d, const struct dialogue_rcpt *rcpt, struct recipient *ret)
{
	static char *const none[] = { NULL };
	struct esmtp_rcpt esmtp = esmtp_parse_rcpt(rcpt->parameters ? rcpt->parameters : none);

	if (!address_copy(session_arena(d->session, SCOPE_MESSAGE), rcpt->argument, strlen(rcpt->argument), &ret->address))
		return false;
	ret->addr = keep(d, SCOPE_MESSAGE, rcpt->rcpt_addr);
	ret->mailer = keep(d, SCOPE_MESSAGE, rcpt->mailer);
	ret->notify = keep_part(d, esmtp.notify);
	ret->orcpt = keep_part(d, esmtp.orcpt);
	return true;
}

static void begin_rcpt(struct dialogue *d, const struct recipient *r)
{
	d->session->recipient = r;
	host_reset(d, SCOPE_RCPT);
	slots_end(d->session->slots, SLOT_RECIPIENT);
	set_facts(d, SLUICE_STAGE_RCPT);
}

/* Some checks count what the MTA refuses. */
static void hear_of_rejected(struct dialogue *d, const struct dialogue_rcpt *rcpt)
{
	struct message *m = &d->session->message;

	if (!keep_rcpt(d, rcpt, &m->rejected))
		return;
	begin_rcpt(d, &m->rejected);
	stage_run(d, d->plan->rejected);
}

struct verdict dialogue_rcpt(struct dialogue *d, const struct dialogue_rcpt *rcpt)
{
	struct message *m = &d->session->message;
	struct recipient r = { 0 };
	struct verdict v;

	if (!enter_message(d))
		return fault_at(SLUICE_STAGE_RCPT);
	learn_queue_id(d, rcpt->queue_id);
	if (rcpt->rejected) {
		hear_of_rejected(d, rcpt);
		d->fault |= dialogue_starved(d);
		return go_on;
	}
	if (m->recipients.len >= SESSION_MAX_RECIPIENTS && !d->plan->refuses[SLUICE_STAGE_RCPT]) {
		d->too_large = true; /* it cannot be said here */
		return go_on;
	}
	if (m->recipients.len >= SESSION_MAX_RECIPIENTS)
		return told(d, (struct verdict){ .action = VERDICT_TEMPFAIL, .stage = SLUICE_STAGE_RCPT, .code = 452, .dsn = "4.5.3", .text = TOO_MANY_RCPTS });
	if (!keep_rcpt(d, rcpt, &r) || !vec_push(&m->recipients, r))
		return fault(d, SLUICE_STAGE_RCPT);
	begin_rcpt(d, &m->recipients.items[m->recipients.len - 1]);
	miss_recipient_begins(d);
	stage_start(d, SLUICE_STAGE_RCPT);
	if (d->fault)
		return fault(d, SLUICE_STAGE_RCPT);
	v = d->tracer || d->plan->judges[SLUICE_STAGE_RCPT] || d->plan->awaited[SLUICE_STAGE_RCPT] ? stage_judge(d, SLUICE_STAGE_RCPT) : go_on;
	m->recipients.items[m->recipients.len - 1].refused = v.action != VERDICT_CONTINUE;
	if (!recipients_keep_facts(d, &m->recipients.items[m->recipients.len - 1]))
		return fault(d, SLUICE_STAGE_RCPT);
	if (v.action != VERDICT_CONTINUE)
		limit_refund(d, m->recipients.len);
	v = told(d, v);
	miss_recipient_over(d);
	if (v.action != VERDICT_CONTINUE)
		record_new_id(d); /* what follows is another case than this refusal */
	return v;
}

struct verdict dialogue_data(struct dialogue *d, const char *queue_id)
{
	if (!enter_message(d))
		return fault_at(SLUICE_STAGE_DATA);
	learn_queue_id(d, queue_id);
	d->session->recipient = NULL;
	d->data_begun = true;
	slots_end(d->session->slots, SLOT_RECIPIENT);
	stage_start(d, SLUICE_STAGE_DATA);
	return judge_if(d, d->plan->refuses[SLUICE_STAGE_DATA], SLUICE_STAGE_DATA);
}

void dialogue_unknown(struct dialogue *d)
{
	d->session->unknown_commands++;
}

/* The first of the header or, without one, of the body is here. */
static void begin_content(struct dialogue *d)
{
	const struct settings *s = &d->snapshot->policy->settings;
	const struct body_limits limits = { (size_t)s->body.memory_bytes, (size_t)s->body.max_bytes, s->body.spool };

	if (d->content_begun)
		return;
	d->content_begun = true;
	d->fed = d->plan->fed ? stage_fed(d) : 0;
	if (d->plan->keeps_body)
		d->session->message.body = body_new(&limits);
}

/* Who is fed sees the field as it was on the wire. False: no memory. */
static bool feed_header(struct dialogue *d, const struct header *h, bool whole)
{
	SLUICE_CLEANUP(text_done) struct text value = TEXT_INIT(2 * SESSION_MESSAGE_BYTES); /* each end of line may be an octet longer */
	const char *run = h->value, *end = h->value + h->value_len;

	if (!whole)
		text_addc(&value, ' ');
	for (const char *p = run; p < end; p++) {
		if (*p != '\n' || (p > h->value && p[-1] == '\r'))
			continue;
		text_add(&value, run, (size_t)(p - run));
		text_addc(&value, '\r');
		run = p;
	}
	text_add(&value, run, (size_t)(end - run));
	if (value.failed)
		return false;
	host_feed(d, &(struct sluice_part){ SLUICE_PART_HEADER, h->name, h->name_len, text_str(&value), value.len });
	return true;
}

/* That the header has ended is seen by what follows: the event itself is negotiated away. */
static void feed_header_end(struct dialogue *d)
{
	if (!d->header_over)
		host_feed(d, &(struct sluice_part){ .type = SLUICE_PART_HEADER_END });
	d->header_over = true;
}

void dialogue_header(struct dialogue *d, const char *name, const char *value, bool whole)
{
	struct message *m = &d->session->message;
	struct arena *arena = session_arena(d->session, SCOPE_MESSAGE);
	struct header h = { .name_len = strlen(name), .value_len = strlen(value) };

	if (!enter_message(d))
		return;
	m->header_bytes += h.name_len + h.value_len + 3; /* ":" and CRLF */
	if (d->too_large || m->headers.len >= SESSION_MAX_HEADERS) {
		d->too_large = true;
		return;
	}
	if (arena_is_full(arena, h.name_len + 1) || arena_is_full(arena, h.value_len + 1)) {
		d->too_large = true;
		return;
	}
	h.name = arena_copy(arena, name, h.name_len);
	h.value = h.name ? arena_copy(arena, value, h.value_len) : NULL;
	begin_content(d);
	if (!h.value || !vec_push(&m->headers, h) || (d->fed && !feed_header(d, &h, whole)) || dialogue_starved(d))
		d->fault = true;
}

void dialogue_body(struct dialogue *d, const char *bytes, size_t len)
{
	if (!enter_message(d))
		return;
	d->session->message.body_bytes += len;
	begin_content(d);
	if (d->session->message.body)
		body_add(d->session->message.body, bytes, len);
	if (!d->fed || d->too_large || d->fault || len == 0)
		return;
	feed_header_end(d);
	host_feed(d, &(struct sluice_part){ .type = SLUICE_PART_BODY, .bytes = bytes, .len = len });
	d->fault |= dialogue_starved(d);
}

/* ---- the end of a message ---- */

/* The operator hears of a spool folder that takes nothing, which no message is refused for. */
static void note_spool(struct dialogue *d)
{
	SLUICE_CLEANUP(text_done) struct text why = TEXT_INIT(4096);
	const struct message *m = &d->session->message;
	bool kept;

	if (!m->body || !body_is_large(m->body, &kept))
		return;
	text_addf(&why, "%s is full, or cannot be written to; checks cannot look into larger messages meanwhile", d->snapshot->policy->settings.body.spool);
	health_report(d->engine->health, "the spool folder", kept, kept ? "it can be written to" : text_str(&why));
}

static struct verdict judge_message(struct dialogue *d, const struct edits **ret)
{
	struct verdict v = { .action = VERDICT_REJECT, .stage = SLUICE_STAGE_MESSAGE, .code = 552, .dsn = "5.3.4", .text = TOO_LARGE };

	if (d->fault)
		return fault(d, SLUICE_STAGE_MESSAGE);
	if (d->too_large)
		return told(d, v);
	begin_content(d);
	if (d->fed)
		feed_header_end(d);
	note_spool(d);
	set_facts(d, SLUICE_STAGE_MESSAGE);
	if (!d->data_begun)
		stage_start(d, SLUICE_STAGE_DATA); /* the event itself was negotiated away */
	stage_start(d, SLUICE_STAGE_MESSAGE);
	v = judge_if(d, true, SLUICE_STAGE_MESSAGE);
	if (v.action != VERDICT_CONTINUE)
		return v;
	if (!edit_message(d, &v) || dialogue_starved(d))
		return fault(d, SLUICE_STAGE_MESSAGE);
	*ret = &d->edits;
	if (!d->hold_cases)
		record_tell(d, &v);
	return v;
}

/* The domain that all who get the message are of. NULL: there are several. */
static const struct sluice_address *one_domain(const struct message *m)
{
	const struct sluice_address *one = NULL;

	for (size_t i = 0; i < m->recipients.len; i++) {
		const struct sluice_address *a = &m->recipients.items[i].address;

		if (m->recipients.items[i].refused)
			continue;
		if (one && !ascii_equal(one->domain, one->domain_len, a->domain, a->domain_len))
			return NULL;
		one = one ? one : a;
	}
	return one;
}

static void conclude(struct dialogue *d, const struct verdict *v)
{
	static const enum sluice_action actions[] = { /* in the order of enum verdict_action */
		SLUICE_ACCEPT, SLUICE_HOLD, SLUICE_DISCARD, SLUICE_TEMPFAIL, SLUICE_REJECT,
	};
	const struct sluice_address *rcpt = one_domain(&d->session->message);
	struct sluice_conclusion c = { .rule = v->rule ? v->rule->name : NULL };

	if (v->action == VERDICT_FAULT || d->engine->offline || d->tracer)
		return;
	c.action = actions[v->action];
	c.tagged = v->action <= VERDICT_HOLD && (d->edits.tags.len > 0 || d->edits.subject);
	c.rcpt_domain = rcpt ? rcpt->domain : NULL;
	c.rcpt_domain_len = rcpt ? rcpt->domain_len : 0;
	host_conclude(d, &c);
}

struct verdict dialogue_message(struct dialogue *d, const char *queue_id, const struct edits **ret)
{
	struct verdict v;

	if (!enter_message(d))
		return fault_at(SLUICE_STAGE_MESSAGE);
	learn_queue_id(d, queue_id);
	d->session->recipient = NULL;
	v = judge_message(d, ret);
	conclude(d, &v);
	host_drop(d, SCOPE_MESSAGE); /* the connection may live for long */
	return v;
}

void dialogue_abort(struct dialogue *d)
{
	begin_message(d);
}

void dialogue_rest(struct dialogue *d)
{
	forget_message(d);
	(void)host_rest(d); /* else it goes on as it is */
}

void dialogue_hold_cases(struct dialogue *d)
{
	d->hold_cases = true;
}

void dialogue_tell_case(struct dialogue *d, const struct verdict *v)
{
	record_tell(d, v);
}

void dialogue_probe(struct engine *engine, struct snapshot *snapshot)
{
	struct engine own = *engine;
	struct dialogue *d;

	own.pause = NULL; /* no connection waits for this thread */
	d = dialogue_new(&own, snapshot);
	if (!d)
		return;
	stage_start(d, SLUICE_STAGE_PROBE);
	stage_wait(d, d->plan->start[SLUICE_STAGE_PROBE]);
	dialogue_free(d);
}
