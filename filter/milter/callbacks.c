/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callbacks.c - what libmilter calls. A callback copies what it is lent, through the dialogue, and sends the verdict.
 * Callbacks of one connection come one at a time but on different threads: nothing here is thread-local.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/milter/edge.h"
#include "filter/services/clock.h"

/* libmilter hands its callbacks no argument of ours: the one pointer that lives in a file. */
static struct edge *the_edge;

void edge_set(struct edge *edge)
{
	the_edge = edge;
}

struct conn *edge_conn(SMFICTX *ctx)
{
	struct conn *conn = smfi_getpriv(ctx);
	struct snapshot *snapshot;

	if (conn)
		return conn;
	conn = calloc(1, sizeof *conn);
	if (!conn)
		return NULL;
	snapshot = the_edge->snapshot(the_edge->arg);
	conn->dialogue = dialogue_new(the_edge->engine, snapshot);
	conn->no_reply = negotiate_steps(&snapshot->plan);
	conn->actions = negotiate_actions(&snapshot->plan);
	conn->hears_rejected = (conn->no_reply & SMFIP_RCPT_REJ) != 0;
	conn->lead_space = true;
	conn->traced = tracer_armed(the_edge->engine->tracer, clock_mono_ms());
	snapshot_unref(snapshot);
	if (!conn->dialogue || smfi_setpriv(ctx, conn) != MI_SUCCESS) {
		dialogue_free(conn->dialogue);
		free(conn);
		return NULL;
	}
	metrics_add(the_edge->metrics, METRIC_CONNECTIONS, 1);
	metrics_add(the_edge->metrics, METRIC_CONNECTIONS_OPEN, 1);
	return conn;
}

static void set_in_message(struct conn *conn, bool yes)
{
	if (conn->in_message != yes)
		metrics_add(the_edge->metrics, METRIC_MESSAGES_OPEN, yes ? 1 : -1);
	conn->in_message = yes;
}

/* The verdict in libmilter's words. flag: the SMFIP_NR_* of this step. */
static sfsistat answer(SMFICTX *ctx, struct conn *conn, unsigned long flag, const struct verdict *v)
{
	if (v->action == VERDICT_FAULT)
		metrics_add(the_edge->metrics, METRIC_FAULTS, 1);
	if (conn->no_reply & flag)
		return SMFIS_NOREPLY;
	switch (v->action) {
	case VERDICT_CONTINUE:
	case VERDICT_HOLD:
		return SMFIS_CONTINUE;
	case VERDICT_DISCARD:
		return SMFIS_DISCARD;
	case VERDICT_FAULT:
		if (dialogue_snapshot(conn->dialogue)->policy->settings.on_fault == ON_FAULT_ACCEPT)
			return SMFIS_ACCEPT;
		break;
	case VERDICT_TEMPFAIL:
	case VERDICT_REJECT:
		break;
	}
	return reply_send(ctx, v);
}

/* No memory for the connection itself: the default of on_fault. */
static sfsistat no_conn(void)
{
	metrics_add(the_edge->metrics, METRIC_FAULTS, 1);
	return SMFIS_TEMPFAIL;
}

/*
 * What is submitted on the machine itself Postfix shows as a client at a loopback address with port 0, which no connection
 * has (non_smtpd_milters). It must never be refused: to all of us it has no address.
 */
static bool submitted_locally(const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

	if (sa->sa_family == AF_INET)
		return in->sin_port == 0 && ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return sa->sa_family == AF_INET6 && in6->sin6_port == 0 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static sfsistat on_connect(SMFICTX *ctx, char *hostname, _SOCK_ADDR *address)
{
	struct conn *conn = edge_conn(ctx);
	struct dialogue_client client = { .macros = macros_connection(ctx) };
	const char *addr = macro_text(ctx, "{client_addr}");
	struct verdict v;

	if (!conn)
		return no_conn();
	if (address && submitted_locally((const struct sockaddr *)address))
		client.ip = (struct sluice_ip){ 0 };
	else if (address)
		client.ip = ip_from_sockaddr((const struct sockaddr *)address);
	else
		(void)ip_parse(addr, strlen(addr), &client.ip);
	if (!*client.macros.client_name && hostname && *hostname != '[' && strcmp(hostname, "unknown") != 0)
		client.macros.client_name = hostname;
	v = dialogue_connect(conn->dialogue, &client);
	return answer(ctx, conn, SMFIP_NR_CONN, &v);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	struct conn *conn = edge_conn(ctx);
	struct verdict v;

	if (!conn)
		return no_conn();
	v = dialogue_helo(conn->dialogue, name);
	return answer(ctx, conn, SMFIP_NR_HELO, &v);
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	struct conn *conn = edge_conn(ctx);
	struct dialogue_mail mail = {
		.argument = argv && argv[0] ? argv[0] : "",
		.parameters = argv && argv[0] ? argv + 1 : NULL,
		.queue_id = macro_text(ctx, "i"),
		.mail_addr = macro_text(ctx, "{mail_addr}"),
		.auth = macros_auth(ctx),
		.tls = macros_tls(ctx),
	};
	struct verdict v;

	if (!conn)
		return no_conn();
	v = dialogue_mail(conn->dialogue, &mail);
	set_in_message(conn, v.action == VERDICT_CONTINUE);
	return answer(ctx, conn, SMFIP_NR_MAIL, &v);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	struct conn *conn = edge_conn(ctx);
	struct dialogue_rcpt rcpt = {
		.argument = argv && argv[0] ? argv[0] : "",
		.parameters = argv && argv[0] ? argv + 1 : NULL,
		.queue_id = macro_text(ctx, "i"),
		.rcpt_addr = macro_text(ctx, "{rcpt_addr}"),
		.mailer = macro_text(ctx, "{rcpt_mailer}"),
	};
	struct verdict v;

	if (!conn)
		return no_conn();
	rcpt.rejected = conn->hears_rejected && !strcmp(rcpt.mailer, "error");
	v = dialogue_rcpt(conn->dialogue, &rcpt);
	return answer(ctx, conn, SMFIP_NR_RCPT, &v);
}

static sfsistat on_data(SMFICTX *ctx)
{
	struct conn *conn = edge_conn(ctx);
	struct verdict v;

	if (!conn)
		return no_conn();
	v = dialogue_data(conn->dialogue, macro_text(ctx, "i"));
	return answer(ctx, conn, SMFIP_NR_DATA, &v);
}

static sfsistat on_unknown(SMFICTX *ctx, const char *command)
{
	struct conn *conn = edge_conn(ctx);
	struct verdict go_on = { .action = VERDICT_CONTINUE };

	(void)command;
	if (!conn)
		return no_conn();
	dialogue_unknown(conn->dialogue);
	return answer(ctx, conn, SMFIP_NR_UNKN, &go_on);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct conn *conn = edge_conn(ctx);
	struct verdict go_on = { .action = VERDICT_CONTINUE };

	if (!conn)
		return no_conn();
	dialogue_header(conn->dialogue, name, value, conn->lead_space);
	return answer(ctx, conn, SMFIP_NR_HDR, &go_on);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	struct conn *conn = edge_conn(ctx);
	struct verdict go_on = { .action = VERDICT_CONTINUE };

	if (!conn)
		return no_conn();
	dialogue_body(conn->dialogue, (const char *)chunk, len);
	return answer(ctx, conn, SMFIP_NR_BODY, &go_on);
}

/* What was to be held, or to go to others, must not go out as it is: the client keeps it. */
static struct verdict put_off(struct verdict v, const char *why)
{
	log_write(the_edge->log, LOG_LEVEL_WARNING, "case=%s: %s, so the message was put off", v.ref, why);
	v.action = VERDICT_TEMPFAIL;
	v.code = 451;
	v.dsn = "4.7.1";
	v.text = "this message cannot be taken now";
	return v;
}

static sfsistat on_end_of_message(SMFICTX *ctx)
{
	struct conn *conn = edge_conn(ctx);
	const struct edits *edits = NULL;
	struct verdict v;

	if (!conn)
		return no_conn();
	v = dialogue_message(conn->dialogue, macro_text(ctx, "i"), &edits);
	if (edits && !edits_apply(ctx, conn, edits)) /* the MTA is gone, or allows no edits */
		log_write(the_edge->log, LOG_LEVEL_DEBUG, "case=%s: the MTA did not take the header", v.ref);
	if (edits && !edits_body(ctx, conn, edits))
		v = put_off(v, "the MTA lets us not change the body");
	else if (v.action == VERDICT_HOLD && !edits_hold(ctx, conn, edits))
		v = put_off(v, "the MTA holds no mail for us");
	else if (edits && !edits_recipients(ctx, conn, edits))
		v = put_off(v, "the MTA lets us change no recipients");
	set_in_message(conn, false);
	return answer(ctx, conn, 0, &v);
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct conn *conn = smfi_getpriv(ctx);

	if (conn) {
		dialogue_abort(conn->dialogue);
		set_in_message(conn, false);
	}
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct edge *edge = the_edge;
	struct conn *conn = smfi_getpriv(ctx);

	if (!conn)
		return SMFIS_CONTINUE;
	(void)smfi_setpriv(ctx, NULL);
	set_in_message(conn, false);
	dialogue_free(conn->dialogue);
	free(conn);
	metrics_add(edge->metrics, METRIC_CONNECTIONS_OPEN, -1); /* last: when it is 0 nothing of ours is in use */
	return SMFIS_CONTINUE;
}

struct smfiDesc edge_callbacks = {
	.xxfi_name = (char[]){ "sluice" },
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_SETSYMLIST,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_body = on_body,
	.xxfi_eom = on_end_of_message,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_unknown = on_unknown,
	.xxfi_data = on_data,
	.xxfi_negotiate = on_negotiate,
};
