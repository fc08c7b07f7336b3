/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/edge.h"

/* libmilter's own flags for larger packets; the MTA gets them back as they were. */
#define NR_ALL \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | \
		SMFIP_NR_BODY)

unsigned long negotiate_steps(const struct plan *plan)
{
	/* a refusal of the connection is said at HELO, and to each MAIL after it */
	bool at_helo = plan->refuses[SLUICE_STAGE_CONNECT] || plan->refuses[SLUICE_STAGE_HELO];
	bool at_mail = at_helo || plan->refuses[SLUICE_STAGE_MAIL];
	unsigned long steps = SMFIP_HDR_LEADSPC | SMFIP_NOEOH | SMFIP_NR_CONN | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY;

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

unsigned long negotiate_actions(const struct plan *plan)
{
	return SMFIF_ADDHDRS | SMFIF_CHGHDRS | (plan->holds ? SMFIF_QUARANTINE : 0) | (plan->adds ? SMFIF_ADDRCPT : 0) | (plan->changes ? SMFIF_CHGBODY : 0) |
	       (plan->redirects ? SMFIF_DELRCPT : 0);
}

sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
	unsigned long *ret_actions, unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	struct conn *conn = edge_conn(ctx);

	(void)f2;
	(void)f3;
	if (!conn)
		return SMFIS_REJECT; /* of the milter connection: the MTA does as its milter_default_action says */
	*ret_actions = actions & (negotiate_actions(&dialogue_snapshot(conn->dialogue)->plan) | SMFIF_SETSYMLIST);
	*ret_steps = steps & negotiate_steps(&dialogue_snapshot(conn->dialogue)->plan);
	*ret_f2 = 0;
	*ret_f3 = 0;
	if (conn->traced) { /* it may have to be held, and answered at RCPT, whatever the policy does without */
		*ret_actions |= actions & SMFIF_QUARANTINE;
		*ret_steps &= ~(unsigned long)SMFIP_NR_RCPT;
	}
	conn->actions = *ret_actions;
	conn->no_reply = *ret_steps & NR_ALL;
	conn->hears_rejected = (*ret_steps & SMFIP_RCPT_REJ) != 0;
	conn->lead_space = (*ret_steps & SMFIP_HDR_LEADSPC) != 0;
	if (actions & SMFIF_SETSYMLIST)
		macros_request(ctx);
	return SMFIS_CONTINUE;
}
