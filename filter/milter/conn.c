/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/conn.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/milter/protocol.h"

#define ARGUMENTS_MAX 64 /* parameters of MAIL and RCPT: more is nothing that a client has to say */

static const struct verdict go_on = { .action = VERDICT_CONTINUE };

struct conn *conn_new(struct edge *edge)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->edge = edge;
	macros_init(&c->macros);
	return c;
}

static void set_in_message(struct conn *c, bool yes)
{
	if (c->in_message != yes)
		metrics_add(c->edge->metrics, METRIC_MESSAGES_OPEN, yes ? 1 : -1);
	c->in_message = yes;
}

static void end_session(struct conn *c)
{
	set_in_message(c, false);
	dialogue_free(c->dialogue);
	c->dialogue = NULL;
	macros_forget(&c->macros, MACROS_CONNECT);
}

void conn_free(struct conn *c)
{
	struct edge *edge;

	if (!c)
		return;
	edge = c->edge;
	end_session(c);
	macros_done(&c->macros);
	if (c->snapshot) {
		snapshot_unref(c->snapshot);
		metrics_add(edge->metrics, METRIC_CONNECTIONS_OPEN, -1);
	}
	free(c);
}

/* ---- answers ---- */

static void say(struct text *out, char command)
{
	packet_end(out, packet_begin(out, command));
}

/* The verdict in the protocol's words. flag: the SMFIP_NR_* of this step; 0: it always has an answer. */
static void answer(struct conn *c, uint32_t flag, const struct verdict *v, struct text *out)
{
	if (v->action == VERDICT_FAULT)
		metrics_add(c->edge->metrics, METRIC_FAULTS, 1);
	if (c->no_reply & flag)
		return;
	switch (v->action) {
	case VERDICT_CONTINUE:
	case VERDICT_HOLD:
		say(out, SMFIR_CONTINUE);
		return;
	case VERDICT_DISCARD:
		say(out, SMFIR_DISCARD);
		set_in_message(c, false);
		return;
	case VERDICT_FAULT:
		if (c->snapshot->policy->settings.on_fault == ON_FAULT_ACCEPT) {
			say(out, SMFIR_ACCEPT);
			set_in_message(c, false);
			return;
		}
		break;
	case VERDICT_TEMPFAIL:
	case VERDICT_REJECT:
		break;
	}
	reply_send(out, v);
}

/* What was to be held, or to go to others, must not go out as it is: the client keeps it. */
static struct verdict put_off(struct conn *c, struct verdict v, const char *why)
{
	log_write(c->edge->log, LOG_LEVEL_WARNING, "case=%s: %s, so the message was put off", v.ref, why);
	v.action = VERDICT_TEMPFAIL;
	v.code = 451;
	v.dsn = "4.7.1";
	v.text = "this message cannot be taken now";
	return v;
}

/* ---- what the MTA says ---- */

/*
 * What is submitted on the machine itself Postfix shows as a client at a loopback address with port 0, which no connection
 * has (non_smtpd_milters). It must never be refused: to all of us it has no address.
 */
static bool submitted_locally(const struct sluice_ip *ip, uint16_t port)
{
	static const struct sluice_ip six = { .family = 6, .bytes[15] = 1 };

	return port == 0 && (ip->family == 4 ? ip->bytes[0] == IN_LOOPBACKNET : ip_equal(ip, &six));
}

/* The address of the client. False: what there is is none. */
static bool read_address(struct packet *p, struct sluice_ip *ret)
{
	char family = p->len ? *p->data : '\0';
	const char *text;
	uint16_t port;

	if (!p->len)
		return false;
	p->data++;
	p->len--;
	if (family != SMFIA_INET && family != SMFIA_INET6)
		return false;
	if (!packet_take_u16(p, &port))
		return false;
	text = packet_take_string(p);
	if (!text)
		return false;
	if (family == SMFIA_INET6 && !strncasecmp(text, "IPv6:", 5))
		text += 5;
	if (!ip_parse(text, strlen(text), ret))
		return false;
	if (submitted_locally(ret, port))
		*ret = (struct sluice_ip){ 0 };
	return true;
}

static bool on_connect(struct conn *c, struct packet *p, struct text *out)
{
	struct dialogue_client client = { .macros = macros_connection(&c->macros) };
	const char *name = packet_take_string(p), *addr = macro_text(&c->macros, "{client_addr}");
	struct verdict v;

	if (!name)
		return false;
	c->dialogue = dialogue_new(c->edge->engine, c->snapshot);
	if (!c->dialogue)
		return false;
	if (!read_address(p, &client.ip))
		(void)ip_parse(addr, strlen(addr), &client.ip);
	if (!*client.macros.client_name && *name != '[' && strcmp(name, "unknown") != 0)
		client.macros.client_name = name;
	v = dialogue_connect(c->dialogue, &client);
	answer(c, SMFIP_NR_CONN, &v, out);
	return true;
}

static bool on_helo(struct conn *c, struct packet *p, struct text *out)
{
	const char *name = packet_take_string(p);
	struct verdict v;

	if (!name)
		return false;
	if (c->phase > CONN_CONNECTED)
		dialogue_abort(c->dialogue);
	v = dialogue_helo(c->dialogue, name);
	answer(c, SMFIP_NR_HELO, &v, out);
	return true;
}

/* The argument of MAIL or RCPT, and its parameters with NULL behind the last; "" when there is nothing. */
static const char *read_arguments(struct packet *p, char *ret_parameters[ARGUMENTS_MAX + 1])
{
	const char *argument = packet_take_string(p), *parameter;
	size_t count = 0;

	while (count < ARGUMENTS_MAX && (parameter = packet_take_string(p)) != NULL)
		ret_parameters[count++] = (char *)(uintptr_t)parameter;
	ret_parameters[count] = NULL;
	return argument ? argument : "";
}

static bool on_mail(struct conn *c, struct packet *p, struct text *out)
{
	char *parameters[ARGUMENTS_MAX + 1];
	struct dialogue_mail mail = {
		.argument = read_arguments(p, parameters),
		.parameters = parameters,
		.queue_id = macro_text(&c->macros, "i"),
		.mail_addr = macro_text(&c->macros, "{mail_addr}"),
		.auth = macros_auth(&c->macros),
		.tls = macros_tls(&c->macros),
	};
	struct verdict v;

	v = dialogue_mail(c->dialogue, &mail);
	set_in_message(c, v.action == VERDICT_CONTINUE);
	answer(c, SMFIP_NR_MAIL, &v, out);
	return true;
}

static bool on_rcpt(struct conn *c, struct packet *p, struct text *out)
{
	char *parameters[ARGUMENTS_MAX + 1];
	struct dialogue_rcpt rcpt = {
		.argument = read_arguments(p, parameters),
		.parameters = parameters,
		.queue_id = macro_text(&c->macros, "i"),
		.rcpt_addr = macro_text(&c->macros, "{rcpt_addr}"),
		.mailer = macro_text(&c->macros, "{rcpt_mailer}"),
	};
	struct verdict v;

	rcpt.rejected = c->hears_rejected && !strcmp(rcpt.mailer, "error");
	v = dialogue_rcpt(c->dialogue, &rcpt);
	answer(c, SMFIP_NR_RCPT, &v, out);
	return true;
}

static bool on_data(struct conn *c, struct packet *p, struct text *out)
{
	struct verdict v = dialogue_data(c->dialogue, macro_text(&c->macros, "i"));

	(void)p;
	answer(c, SMFIP_NR_DATA, &v, out);
	return true;
}

static bool on_unknown(struct conn *c, struct packet *p, struct text *out)
{
	(void)p;
	dialogue_unknown(c->dialogue);
	answer(c, SMFIP_NR_UNKN, &go_on, out);
	return true;
}

static bool on_header(struct conn *c, struct packet *p, struct text *out)
{
	const char *name = packet_take_string(p), *value = name ? packet_take_string(p) : NULL;

	if (!value)
		return false;
	dialogue_header(c->dialogue, name, value, c->lead_space);
	answer(c, SMFIP_NR_HDR, &go_on, out);
	return true;
}

static bool on_end_of_header(struct conn *c, struct packet *p, struct text *out)
{
	(void)p;
	answer(c, SMFIP_NR_EOH, &go_on, out);
	return true;
}

static bool on_body(struct conn *c, struct packet *p, struct text *out)
{
	dialogue_body(c->dialogue, p->data, p->len);
	answer(c, SMFIP_NR_BODY, &go_on, out);
	return true;
}

static bool on_end_of_message(struct conn *c, struct packet *p, struct text *out)
{
	const struct edits *edits = NULL;
	struct verdict v;

	if (p->len) /* an MTA may send the last of the body with it */
		dialogue_body(c->dialogue, p->data, p->len);
	v = dialogue_message(c->dialogue, macro_text(&c->macros, "i"), &edits);
	if (edits && !edits_apply(out, c, edits)) /* the MTA allows no edits */
		log_write(c->edge->log, LOG_LEVEL_DEBUG, "case=%s: the MTA did not take the header", v.ref);
	if (edits && !edits_body(out, c, edits))
		v = put_off(c, v, "the MTA lets us not change the body");
	else if (v.action == VERDICT_HOLD && !edits_hold(out, c, edits))
		v = put_off(c, v, "the MTA holds no mail for us");
	else if (edits && !edits_recipients(out, c, edits))
		v = put_off(c, v, "the MTA lets us change no recipients");
	answer(c, 0, &v, out);
	set_in_message(c, false);
	macros_forget(&c->macros, MACROS_MAIL);
	return true;
}

static bool on_abort(struct conn *c, struct packet *p, struct text *out)
{
	(void)p;
	(void)out;
	if (c->dialogue)
		dialogue_abort(c->dialogue);
	set_in_message(c, false);
	macros_forget(&c->macros, MACROS_MAIL);
	return true;
}

static bool on_negotiation(struct conn *c, struct packet *p, struct text *out)
{
	if (!negotiate(c, p, out))
		return false;
	metrics_add(c->edge->metrics, METRIC_CONNECTIONS, 1);
	metrics_add(c->edge->metrics, METRIC_CONNECTIONS_OPEN, 1);
	return true;
}

static bool on_macros(struct conn *c, struct packet *p, struct text *out)
{
	(void)out;
	return macros_hear(&c->macros, p);
}

static bool on_next_session(struct conn *c, struct packet *p, struct text *out)
{
	(void)p;
	(void)out;
	end_session(c);
	return true;
}

/* When a command may come, and how far the MTA is after it; what comes at another time is out of order. */
static const struct {
	char command;
	bool (*hear)(struct conn *c, struct packet *p, struct text *out);
	enum conn_phase from, to; /* of its time: from the one to the other, both within it */
	enum conn_phase then;     /* at least; with `back`, just that */
	bool back;
} commands[] = {
	{ SMFIC_OPTNEG, on_negotiation, CONN_NEW, CONN_NEW, CONN_NEGOTIATED },
	{ SMFIC_CONNECT, on_connect, CONN_NEGOTIATED, CONN_NEGOTIATED, CONN_CONNECTED },
	{ SMFIC_HELO, on_helo, CONN_CONNECTED, CONN_BODY, CONN_CONNECTED, .back = true },
	{ SMFIC_MAIL, on_mail, CONN_CONNECTED, CONN_BODY, CONN_ENVELOPE, .back = true },
	{ SMFIC_RCPT, on_rcpt, CONN_ENVELOPE, CONN_ENVELOPE, CONN_ENVELOPE },
	{ SMFIC_DATA, on_data, CONN_ENVELOPE, CONN_ENVELOPE, CONN_ENVELOPE },
	{ SMFIC_HEADER, on_header, CONN_ENVELOPE, CONN_HEADER, CONN_HEADER },
	{ SMFIC_EOH, on_end_of_header, CONN_ENVELOPE, CONN_HEADER, CONN_BODY },
	{ SMFIC_BODY, on_body, CONN_ENVELOPE, CONN_BODY, CONN_BODY },
	{ SMFIC_BODYEOB, on_end_of_message, CONN_ENVELOPE, CONN_BODY, CONN_CONNECTED, .back = true },
	{ SMFIC_ABORT, on_abort, CONN_CONNECTED, CONN_BODY, CONN_CONNECTED, .back = true },
	{ SMFIC_UNKNOWN, on_unknown, CONN_CONNECTED, CONN_BODY, CONN_CONNECTED },
	{ SMFIC_MACRO, on_macros, CONN_NEGOTIATED, CONN_BODY, CONN_NEGOTIATED },
	{ SMFIC_QUIT_NC, on_next_session, CONN_NEGOTIATED, CONN_BODY, CONN_NEGOTIATED, .back = true },
};

bool conn_hear(struct conn *c, const struct packet *packet, struct text *out)
{
	struct packet p = *packet;
	size_t whole = out->len;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (commands[i].command != p.command)
			continue;
		if (c->phase < commands[i].from || c->phase > commands[i].to || !commands[i].hear(c, &p, out) || out->failed)
			break;
		if (commands[i].back || c->phase < commands[i].then)
			c->phase = commands[i].then;
		return true;
	}
	if (out->failed) { /* half a packet would be worse than none */
		out->len = whole;
		out->failed = false;
	}
	if (p.command != SMFIC_QUIT)
		log_write(c->edge->log, LOG_LEVEL_DEBUG, "milter: a packet %d is out of order, or damaged: the connection is closed", (unsigned char)p.command);
	return false;
}

void conn_rest(struct conn *c)
{
	if (c->dialogue && c->phase == CONN_CONNECTED)
		dialogue_rest(c->dialogue);
}
