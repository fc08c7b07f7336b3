/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox.h - the addresses in From, Sender, To, Cc (RFC 5322 3.4, 4.4): what is shown to people as the sender. Pure. */
#ifndef MAIL_MAILBOX_H
#define MAIL_MAILBOX_H

#include "filter/base/text.h"
#include "filter/mail/header_field.h"

enum mailbox_step {
	MAILBOX_END,
	MAILBOX_ADDRESS,
	MAILBOX_BAD, /* an entry from which two readers could read two addresses, or none */
};

#define MAILBOX_MAX_BYTES 1024 /* of an address; a longer one is BAD */

/*
 * The next entry of a list of addresses; l begins at the value of the field. MAILBOX_ADDRESS puts the addr-spec in the place of
 * what ret held: without display name, comments, white space and source route, a quoted local part with its quotes.
 * Names of groups and empty entries are passed over. ret: TEXT_INIT(MAILBOX_MAX_BYTES) or more.
 */
enum mailbox_step mailbox_next(struct header_lexer *l, struct text *ret);

#endif
