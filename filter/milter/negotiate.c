/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/conn.h"
#include "filter/milter/protocol.h"
#include "filter/services/clock.h"

#define NR_ALL \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | \
		SMFIP_NR_BODY)

uint32_t negotiate_steps(const struct plan *plan)
{
	/* a refusal of the connection is said at HELO, and to each MAIL after it */
	bool at_helo = plan->refuses[SLUICE_STAGE_CONNECT] || plan->refuses[SLUICE_STAGE_HELO];
	bool at_mail = at_helo || plan->refuses[SLUICE_STAGE_MAIL];
	uint32_t steps = SMFIP_HDR_LEADSPC | SMFIP_NOEOH | SMFIP_NR_CONN | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;

	if (!at_helo)
		steps |= SMFIP_NR_HELO;
	if (!at_mail)
		steps |= SMFIP_NR_MAIL;
	if (!plan->refuses[SLUICE_STAGE_RCPT])
		steps |= SMFIP_NR_RCPT;
	if (!plan->refuses[SLUICE_STAGE_DATA])
		steps |= SMFIP_NR_DATA;
	if (!plan->judges[SLUICE_STAGE_DATA] && !plan->start[SLUICE_STAGE_DATA])
		steps |= SMFIP_NODATA;
	if (plan->rejected)
		steps |= SMFIP_RCPT_REJ;
	if (!plan->needs_unknown)
		steps |= SMFIP_NOUNKNOWN;
	if (!plan->needs_body)
		steps |= SMFIP_NOBODY;
	return steps;
}

uint32_t negotiate_actions(const struct plan *plan)
{
	return SMFIF_ADDHDRS | SMFIF_CHGHDRS | (plan->holds ? SMFIF_QUARANTINE : 0) | (plan->adds ? SMFIF_ADDRCPT : 0) | (plan->changes ? SMFIF_CHGBODY : 0) |
	       (plan->redirects ? SMFIF_DELRCPT : 0);
}

bool negotiate(struct conn *c, struct packet *packet, struct text *out)
{
	uint32_t version, actions, steps, asks;
	size_t begun;

	if (!packet_take_u32(packet, &version) || !packet_take_u32(packet, &actions) || !packet_take_u32(packet, &steps) || version < SMFI_PROT_VERSION_MIN)
		return false;
	actions = actions ? actions : SMFI_V1_ACTS;
	steps = steps ? steps : SMFI_V1_PROT;
	asks = actions & SMFIF_SETSYMLIST;
	c->snapshot = c->edge->snapshot(c->edge->arg);
	c->traced = tracer_armed(c->edge->engine->tracer, clock_mono_ms());
	actions &= negotiate_actions(&c->snapshot->plan) | (c->traced ? SMFIF_QUARANTINE : 0);
	steps &= negotiate_steps(&c->snapshot->plan);
	if (c->traced) /* it may have to be held, and answered at RCPT, whatever the policy does without */
		steps &= ~SMFIP_NR_RCPT;
	c->actions = actions;
	c->no_reply = steps & NR_ALL;
	c->hears_rejected = (steps & SMFIP_RCPT_REJ) != 0;
	c->lead_space = (steps & SMFIP_HDR_LEADSPC) != 0;
	begun = packet_begin(out, SMFIC_OPTNEG);
	packet_add_u32(out, version < SMFI_PROT_VERSION ? version : SMFI_PROT_VERSION);
	packet_add_u32(out, actions | asks);
	packet_add_u32(out, steps);
	if (asks)
		macros_request(out);
	packet_end(out, begun);
	return true;
}
