/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h - what is known of one SMTP connection and of the message under way: plain data, filled by engine/dialogue
 * and read by the checks. Who looks after the memory is said at each arena.
 */
#ifndef TX_SESSION_H
#define TX_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/base/arena.h"
#include "filter/base/value.h"
#include "filter/base/vec.h"
#include "filter/mail/esmtp.h"
#include "filter/mail/mime.h"
#include "filter/tx/body.h"
#include "filter/tx/slots.h"
#include "plugins/plugin.h"

#define SESSION_CONNECTION_BYTES (1u << 20) /* what one connection may hold beside its message */
#define SESSION_HELO_BYTES       (256u << 10)
#define SESSION_MESSAGE_BYTES    (48u << 20) /* envelope, headers and facts; the body is kept apart, if it is */
#define SESSION_MAX_RECIPIENTS   10000
#define SESSION_MAX_HEADERS      20000

/* How long a fact, and the memory behind it, lives. */
enum scope { SCOPE_CONNECTION, SCOPE_HELO, SCOPE_MESSAGE, SCOPE_RCPT };

/* The macros of the MTA, in its words; each "" when it was not given. */
struct macros_connection {
	const char *client_name, *client_ptr, *daemon_name, *daemon_addr, *hostname /* j */, *version /* v */;
	uint16_t client_port, daemon_port; /* 0: not given */
};
struct macros_tls {
	const char *version, *cipher, *cipher_bits, *verify, *cert_subject;
};
struct macros_auth {
	const char *type, *authen, *author;
};

struct kept_fact { /* one of those that are known */
	unsigned fact; /* index of the catalog */
	struct value value;
};

struct recipient {
	struct sluice_address address;
	const char *addr, *mailer; /* {rcpt_addr}, {rcpt_mailer} */
	const char *notify, *orcpt;
	const struct kept_fact *facts; /* those that are known, once it has been judged */
	size_t fact_count;
	bool refused;
	bool removed; /* it does not get the message, though it was taken */
};

struct header {
	const char *name, *value;
	size_t name_len, value_len;
};

struct message {
	bool begun; /* MAIL was given */
	const char *queue_id;
	struct sluice_address from;
	const char *mail_addr; /* {mail_addr} */
	struct esmtp_mail esmtp;
	const char *ret, *envid;
	struct macros_auth auth;
	struct macros_tls tls;
	VEC(struct recipient) recipients;
	struct recipient rejected; /* the last one that the MTA has refused: not among the others */
	VEC(struct header) headers;
	size_t header_bytes, body_bytes;
	struct body *body; /* that is kept; NULL: no check looks at it */
	struct mime *mime; /* its parts; NULL: no check has looked at them yet */
	int64_t begun_ms; /* wall clock */
};

struct session {
	struct arena *arenas[3]; /* by scope; RCPT uses the message's */
	struct slots *slots;

	struct sluice_ip client;
	struct macros_connection connection;
	const char *helo; /* NULL: none */
	size_t helo_len;
	unsigned unknown_commands;
	struct message message;
	const struct recipient *recipient; /* the one that RCPT is about */

	struct value *facts; /* by index of the catalog; NULL: the connection rests, and has only */
	size_t fact_count;
	struct kept_fact *kept; /* those that are known of it */
	size_t kept_count;
};

/* At rest, with nothing known. NULL: no memory. max_questions as slots_new(). */
struct session *session_new(struct resolver *resolver, struct store *store, unsigned max_questions, size_t fact_count);
void session_free(struct session *s); /* takes NULL */
struct arena *session_arena(struct session *s, enum scope scope);
/* Forget the message; facts of its scope are the caller's to reset. */
void session_end_message(struct session *s);

#endif
