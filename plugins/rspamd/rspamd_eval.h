/* SPDX-License-Identifier: BSD-2-Clause */
/* rspamd_eval.h - what is said to rspamd and what it says: its check over HTTP (POST /checkv2), in HTTP/1.0. Pure. */
#ifndef RSPAMD_EVAL_H
#define RSPAMD_EVAL_H

#include "filter/base/text.h"
#include "plugins/plugin.h"

#define RSPAMD_SYMBOLS_MAX 200  /* of one answer; more are left out */
#define RSPAMD_SYMBOL_MAX  100  /* octets of a name; more are cut */
#define RSPAMD_VALUE_MAX   1000 /* octets of a field of the request; one that is longer is left out */

/* In the order of rspamd_actions. */
enum rspamd_action { RSPAMD_NO_ACTION, RSPAMD_GREYLIST, RSPAMD_ADD_HEADER, RSPAMD_REWRITE_SUBJECT, RSPAMD_SOFT_REJECT, RSPAMD_REJECT,
	RSPAMD_QUARANTINE, RSPAMD_DISCARD, RSPAMD_OTHER };
extern const char *const rspamd_actions[]; /* as policy has them: with a hyphen for a blank */

/* Add "NAME: VALUE". A value that is not known (NULL), too long, or has a control character is left out, and no half of it is sent. */
void rspamd_field(struct text *out, const char *name, const char *value, size_t len);
/* The line that a request begins with, and how long the message is. The fields follow, and an empty line. */
void rspamd_begin(struct text *out, size_t len);

struct rspamd_symbol {
	char name[RSPAMD_SYMBOL_MAX + 1]; /* UTF-8 without control characters */
	int64_t score_milli;
};
struct rspamd_answer {
	enum rspamd_action action;
	int64_t score_milli, required_milli;
	size_t count;
	struct rspamd_symbol symbols[RSPAMD_SYMBOLS_MAX];
};
/* As judge() of struct sluice_exchange_servers; *ret is set when it is an ANSWER. */
enum sluice_exchange_reply rspamd_read(const char *bytes, size_t len, struct rspamd_answer *ret, char why[SLUICE_EXCHANGE_WHY_MAX]);

#endif
