/* SPDX-License-Identifier: BSD-2-Clause */
/* edge.h - what the files of milter/ share. */
#ifndef MILTER_EDGE_H
#define MILTER_EDGE_H

#include <libmilter/mfapi.h>
#include <stdbool.h>

#include "filter/milter/milter.h"

/* One connection from the MTA. */
struct conn {
	struct dialogue *dialogue;
	unsigned long no_reply; /* SMFIP_NR_* as negotiated */
	unsigned long actions;  /* SMFIF_* as negotiated */
	bool lead_space;        /* header values come and go with what stands after the colon */
	bool hears_rejected; /* of recipients that the MTA has refused, which have the mailer "error" */
	bool in_message;
	bool traced; /* a tracer may come by it (engine/tracer.h) */
};

/* callbacks.c */
extern struct smfiDesc edge_callbacks;
void edge_set(struct edge *edge);
/* The connection of a context, made now when there is none (SMFIC_QUIT_NC begins one without a negotiation). */
struct conn *edge_conn(SMFICTX *ctx);

/* negotiate.c */
sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
	unsigned long *ret_actions, unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3);
/* The steps of the protocol that a plan can do without, and SMFIP_HDR_LEADSPC. Pure. */
unsigned long negotiate_steps(const struct plan *plan);

/* The edits that a plan may make of a message (SMFIF_*). Pure. */
unsigned long negotiate_actions(const struct plan *plan);

/* macros.c: values are libmilter's, valid during the callback; "" when the MTA gave none */
const char *macro_text(SMFICTX *ctx, const char *name);
struct macros_connection macros_connection(SMFICTX *ctx);
struct macros_tls macros_tls(SMFICTX *ctx);
struct macros_auth macros_auth(SMFICTX *ctx);
/* Ask the MTA for the macros that we read. */
void macros_request(SMFICTX *ctx);

/* reply.c: set the reply of a refusal, in several lines when it is long. What to return. */
sfsistat reply_send(SMFICTX *ctx, const struct verdict *v);
#define REPLY_LINE_MAX  400 /* octets of text in a line: with the codes below the 512 of RFC 5321 4.5.3.1.5 */
#define REPLY_MAX_LINES 8
/* Cut a text into lines at blanks; % is doubled, as libmilter wants it. Returns their number. Pure. */
size_t reply_lines(const char *text, char lines[REPLY_MAX_LINES][2 * REPLY_LINE_MAX + 1]);

/* edits.c: false when the MTA would not have them */
bool edits_apply(SMFICTX *ctx, const struct conn *conn, const struct edits *edits);
/* The body in the place of the one that came; edits_apply() has given the message the fields that are about it. */
bool edits_body(SMFICTX *ctx, const struct conn *conn, const struct edits *edits);
bool edits_recipients(SMFICTX *ctx, const struct conn *conn, const struct edits *edits);
bool edits_hold(SMFICTX *ctx, const struct conn *conn, const struct edits *edits);

#endif
