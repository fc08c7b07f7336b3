/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conn.h - one connection from the MTA, as packets: what it says goes to a dialogue, and what the dialogue finds goes back. It knows no
 * sockets: milter.c brings the packets. One call at a time for one connection.
 */
#ifndef MILTER_CONN_H
#define MILTER_CONN_H

#include "filter/milter/macros.h"
#include "filter/milter/milter.h"
#include "filter/milter/packet.h"

/* How far the MTA has come, in order. */
enum conn_phase { CONN_NEW, CONN_NEGOTIATED, CONN_CONNECTED, CONN_ENVELOPE, CONN_HEADER, CONN_BODY };

struct conn {
	struct edge *edge;
	struct snapshot *snapshot; /* from the negotiation on, for all that was negotiated follows from it */
	struct dialogue *dialogue; /* of the session under way; NULL: there is none */
	struct macros macros;
	enum conn_phase phase;
	uint32_t no_reply; /* SMFIP_NR_* as negotiated */
	uint32_t actions;  /* SMFIF_* as negotiated */
	bool lead_space;   /* header values come and go with what stands after the colon */
	bool hears_rejected; /* of recipients that the MTA has refused, which have the mailer "error" */
	bool in_message; /* from MAIL on, until the message is over */
	bool traced; /* a tracer may come by it (engine/tracer.h) */
};

struct conn *conn_new(struct edge *edge); /* NULL: no memory */
void conn_free(struct conn *c); /* takes NULL */
/* Hear a packet, and add to out what is answered. False: the connection is to be closed, once out has been sent. */
bool conn_hear(struct conn *c, const struct packet *packet, struct text *out);
/* Nothing more has come for now. */
void conn_rest(struct conn *c);

/* negotiate.c: hear an SMFIC_OPTNEG. False: the MTA is too old, or makes no sense. */
bool negotiate(struct conn *c, struct packet *packet, struct text *out);
/* The steps of the protocol that a plan can do without, and SMFIP_HDR_LEADSPC. Pure. */
uint32_t negotiate_steps(const struct plan *plan);
/* The edits that a plan may make of a message (SMFIF_*). Pure. */
uint32_t negotiate_actions(const struct plan *plan);

/* reply.c: the reply of a refusal, as a packet: in several lines when it is long. Pure. */
void reply_send(struct text *out, const struct verdict *v);
#define REPLY_LINE_MAX  400 /* octets of text in a line: with the codes below the 512 of RFC 5321 4.5.3.1.5 */
#define REPLY_MAX_LINES 8

/* edits.c: what is to be done to the message, as packets; false when the MTA would not have it, and then out may have a part of it. Pure. */
bool edits_apply(struct text *out, const struct conn *c, const struct edits *edits);
/* The body in the place of the one that came; edits_apply() has given the message the fields that are about it. */
bool edits_body(struct text *out, const struct conn *c, const struct edits *edits);
bool edits_recipients(struct text *out, const struct conn *c, const struct edits *edits);
bool edits_hold(struct text *out, const struct conn *c, const struct edits *edits);

#endif
