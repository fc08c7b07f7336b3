/* SPDX-License-Identifier: BSD-2-Clause */
/* spamd_eval.h - what is said to spamd and what it says (the protocol SPAMC/1.5 of SpamAssassin, its command SYMBOLS). Pure. */
#ifndef SPAMD_EVAL_H
#define SPAMD_EVAL_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define SPAMD_RULES_MAX 200 /* of one answer; more are left out */
#define SPAMD_RULE_MAX  100 /* octets of a name; more are cut */

/* Whom the message is from, as nothing in it says so far. Texts are the client's. */
struct spamd_about {
	const struct sluice_ip *client;
	struct sluice_text helo, name, from; /* bytes NULL: not known. name: of the client; from: "" of the null reverse-path */
	const char *our_name, *queue_id;
	bool authenticated;
	int64_t now_s;
};

/*
 * The Received field that our MTA will add only later, and from which SpamAssassin reads who the client is and what the envelope says.
 * What could be taken for another part of it is left out. Nothing is added for a client without an address.
 */
void spamd_received(struct text *out, const struct spamd_about *about);

/* The head of a request for a message of len octets. user: as whom SpamAssassin is to look; "": it is not said. */
void spamd_head(struct text *out, size_t len, const char *user);

struct spamd_answer {
	bool spam;
	int64_t score_milli, required_milli;
	size_t count;
	char rules[SPAMD_RULES_MAX][SPAMD_RULE_MAX + 1]; /* names, UTF-8 without control characters */
};
/* As judge() of struct sluice_exchange_servers; *ret is set when it is an ANSWER. */
enum sluice_exchange_reply spamd_read(const char *bytes, size_t len, struct spamd_answer *ret, char why[SLUICE_EXCHANGE_WHY_MAX]);

#endif
