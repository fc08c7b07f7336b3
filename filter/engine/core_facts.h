/* SPDX-License-Identifier: BSD-2-Clause */
/* core_facts.h - the facts that no check has to find: what the client and the MTA said. */
#ifndef ENGINE_CORE_FACTS_H
#define ENGINE_CORE_FACTS_H

#include "filter/policy/catalog.h"
#include "filter/tx/session.h"

enum core_fact {
	CORE_CLIENT_IP,
	CORE_CLIENT_NET,
	CORE_CLIENT_NAME,
	CORE_CLIENT_PTR,
	CORE_CLIENT_PORT,
	CORE_CLIENT_TRUSTED,
	CORE_PORT,
	CORE_DAEMON_NAME,
	CORE_DAEMON_ADDR,
	CORE_MTA_NAME,
	CORE_MTA_VERSION,
	CORE_SCORE,
	CORE_LIMIT_WAIT,
	CORE_LIMIT_ERROR,
	CORE_HELO_NAME,
	CORE_MAIL_FROM,
	CORE_MAIL_DOMAIN,
	CORE_MAIL_NULL,
	CORE_MAIL_SIZE,
	CORE_MAIL_BODY,
	CORE_MAIL_SMTPUTF8,
	CORE_MAIL_RET,
	CORE_MAIL_ENVID,
	CORE_MAIL_RESOLVED,
	CORE_CLIENT_AUTHENTICATED,
	CORE_AUTH_USER,
	CORE_AUTH_MECHANISM,
	CORE_AUTH_AUTHOR,
	CORE_TLS_VERSION,
	CORE_TLS_CIPHER,
	CORE_TLS_BITS,
	CORE_TLS_VERIFY,
	CORE_TLS_CERT_SUBJECT,
	CORE_UNKNOWN_COMMANDS,
	CORE_RCPT_ADDRESS,
	CORE_RCPT_DOMAIN,
	CORE_RCPT_LOCAL,
	CORE_RCPT_RESOLVED,
	CORE_RCPT_MAILER,
	CORE_RCPT_NOTIFY,
	CORE_RCPT_ORCPT,
	CORE_RCPT_COUNT,
	CORE_FROM_ADDRESS,
	CORE_FROM_DOMAIN,
	CORE_FROM_COUNT,
	CORE_FROM_MALFORMED,
	CORE_HEADER_COUNT,
	CORE_HEADER_SIZE,
	CORE_MESSAGE_SIZE,
	CORE_BODY_CUT,
	CORE_FACTS,
};
extern const struct catalog_fact core_facts[CORE_FACTS];

struct policy;
/* Do we take mail for this address, or pass it on? What rcpt.local says. */
bool core_is_local(const struct policy *p, const struct sluice_address *a);
/* Read the facts that a stage brings from the session into its table. */
void core_facts_set(struct session *s, enum sluice_stage stage, const struct policy *p);

#endif
