/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold_queue.h - the mail that is held in the queue of a mail server: the hold queue of Postfix, what is quarantined in that of Sendmail. Of
 * these alone: other mail is not looked at, and cannot be taken away.
 */
#ifndef CTL_HOLD_QUEUE_H
#define CTL_HOLD_QUEUE_H

#include <stdint.h>

#include "filter/base/err.h"
#include "filter/base/text.h"

struct hold_message { /* valid during the call */
	const char *id;
	int64_t arrived_s; /* since 1970; 0: not known */
	uint64_t size;     /* octets, about */
	const char *sender; /* "" is the null reverse-path */
	const char *const *recipients;
	size_t recipient_count;
	const char *reason; /* as the queue has it; "": it has none */
};

struct hold_queue {
	/*
	 * config: the folder of main.cf, or the path of sendmail.cf; NULL: the usual one. Each returns 0, or -errno with *reterr: the program that
	 * could not be run, or did not do it, and what it said.
	 */
	int (*each)(const char *config, void (*message)(void *arg, const struct hold_message *m), void *arg, struct err *reterr);
	int (*print)(const char *config, const char *id, struct text *out, struct err *reterr); /* header and body */
	int (*release)(const char *config, const char *id, struct err *reterr);                 /* deliver it */
	int (*drop)(const char *config, const char *id, struct err *reterr);                    /* for good */
};
extern const struct hold_queue hold_postfix, hold_sendmail;

#define HOLD_MESSAGE_MAX (256u << 20) /* octets of one that is printed */

#endif
