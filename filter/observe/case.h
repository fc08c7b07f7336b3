/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * case.h - one transaction with all that its verdict depended on. The engine makes it once (engine/record); the log line,
 * the history, the metrics and `sluicectl explain` come from it. Everything in it is borrowed for the call that hands it
 * over. Strings may hold any octets that mail can bring; the writers here escape them.
 */
#ifndef OBSERVE_CASE_H
#define OBSERVE_CASE_H

#include <stdint.h>

#include "filter/base/text.h"
#include "filter/base/value.h"
#include "plugins/plugin.h"

enum case_action { CASE_ACCEPT, CASE_HOLD, CASE_DISCARD, CASE_TEMPFAIL, CASE_REJECT, CASE_FAULT };
extern const char *const case_action_words[]; /* in the order of enum case_action */
extern const char *const outcome_words[];     /* in the order of enum sluice_outcome */
/* Why a check ended with SLUICE_TEMPERROR: by what it was told first. */
enum case_error { CASE_ERROR_TIMEOUT, CASE_ERROR_SERVFAIL, CASE_ERROR_STORE, CASE_ERROR_OTHER };
extern const char *const error_words[]; /* in the order of enum case_error */
extern const char *const stage_words[];       /* in the order of enum sluice_stage */

struct case_fact {
	const char *name;
	const struct value *value;
	const char *const *words;
};

struct case_rule { /* one that matched */
	const char *name, *file, *text; /* text: as it stands in the file */
	unsigned line;
	enum sluice_stage stage;
	const char *action;
	int64_t score_milli;
	bool shadow; /* nothing was done */
	bool warn; /* it is to be told to the operator */
	const char *recipient; /* at RCPT; else NULL */
	const struct case_fact *facts; /* what it read */
	size_t fact_count;
};

/* Why a rule that was looked at did not match. */
enum case_miss { CASE_MISS_CONDITION, CASE_MISS_SAMPLE, CASE_MISS_LIMIT, CASE_MISS_CHECK };
extern const char *const case_miss_words[]; /* in the order of enum case_miss */

struct case_missed { /* such a rule */
	const char *name, *file;
	unsigned line;
	enum sluice_stage stage;
	enum case_miss why;
	const char *recipient;         /* at RCPT; else NULL */
	const struct case_fact *facts; /* that it failed on */
	size_t fact_count;
};

struct case_recipient {
	const char *address;
	size_t len;
	bool refused;
	bool removed; /* it was taken, and does not get the message */
	const struct case_fact *facts; /* what is known of it beside its address */
	size_t fact_count;
};

struct case_limit { /* of a rule, that was looked at */
	const char *rule, *limit, *recipient; /* limit: in words; recipient: at RCPT, else NULL */
	bool over;
	int64_t wait_s;
};

struct case_check {
	const char *name;
	enum sluice_outcome outcome; /* PENDING: nobody waited for it */
	int64_t ns;                  /* time spent in it */
};

struct case_answer { /* what a look-up brought */
	const char *name, *type, *status, *source;
	uint32_t age_s, ttl_s;
	int64_t waited_ns;
	const char *checks;         /* names of those who asked, blanks between */
	const char *const *records; /* as a zone file would have them */
	size_t record_count;
};

struct case_header {
	const char *name, *value;
};

struct case_stage {
	bool judged;
	int64_t ns;
};

struct case_ {
	const char *id;  /* short and unique: the reference that a refusal carries */
	const char *connection, *message; /* the first id that these had: cases of one have it in common */
	int64_t time_ms; /* wall clock */
	const char *queue_id, *message_id;
	struct {
		struct sluice_ip ip;
		const char *name, *helo;
		size_t helo_len;
		uint16_t port, daemon_port;
		const char *user; /* authenticated as; "" */
	} client;
	bool envelope; /* MAIL was given */
	const char *from;
	size_t from_len;
	const struct case_recipient *recipients;
	size_t recipient_count;
	const char *const *added; /* recipients that rules have added */
	size_t added_count;
	int64_t size_bytes;
	struct {
		enum case_action action;
		enum sluice_stage stage;
		unsigned code;
		const char *dsn, *text; /* dsn "" where there is no reply; text: of the reply, or why the message is held or discarded */
		const char *rule, *file;
		unsigned line;
	} verdict;
	int64_t score_milli;
	const struct case_fact *facts;
	size_t fact_count;
	const struct case_rule *rules;
	size_t rule_count;
	const struct case_missed *missed;
	size_t missed_count;
	const struct case_limit *limits;
	size_t limit_count;
	const char *const *given; /* checks whose facts stand on what is not in the case: the message itself, or the store */
	size_t given_count;
	const struct case_check *checks;
	size_t check_count;
	const struct case_answer *answers;
	size_t answer_count;
	struct case_stage stages[SLUICE_STAGES];
	const char *authres; /* value of our header; NULL: none was added */
	const struct case_header *inserted; /* the other fields that were added, from the top down */
	size_t inserted_count;
	const char *const *changed; /* what was changed of the body, in words */
	size_t changed_count;
};

/* One line of JSON, without its end of line. */
void case_json(struct text *out, const struct case_ *c);
/* The line of the log: key=value, what is not printable ASCII escaped as \xHH, values with blanks in quotes. */
void case_line(struct text *out, const struct case_ *c);
/* The same for a warning: that a rule of the case matched, and for whom. */
void case_warning(struct text *out, const struct case_ *c, const struct case_rule *rule);

#endif
