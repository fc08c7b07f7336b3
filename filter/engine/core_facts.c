/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/engine/core_facts.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/mail/address.h"
#include "filter/mail/header_field.h"
#include "filter/mail/mailbox.h"
#include "filter/policy/policy.h"

#define FACT(fact_name, fact_type, at, fact_scope, fact_help) \
	{ .name = (fact_name), .type = (fact_type), .help = (fact_help), .stage = SLUICE_STAGE_##at, .scope = SCOPE_##fact_scope, \
		.check = CATALOG_NO_CHECK }

const struct catalog_fact core_facts[CORE_FACTS] = {
	[CORE_CLIENT_IP] = FACT("client.ip", SLUICE_IP, CONNECT, CONNECTION, "address of the SMTP client"),
	[CORE_CLIENT_NET] = FACT("client.net", SLUICE_TEXT, CONNECT, CONNECTION, "network of it that counts as one client, such as 192.0.2.0/24"),
	[CORE_CLIENT_NAME] = FACT("client.name", SLUICE_DOMAIN, CONNECT, CONNECTION, "its name as the MTA found it"),
	[CORE_CLIENT_PTR] = FACT("client.ptr", SLUICE_DOMAIN, CONNECT, CONNECTION, "name of its address, unconfirmed (macro {client_ptr})"),
	[CORE_CLIENT_PORT] = FACT("client.port", SLUICE_INT, CONNECT, CONNECTION, "its port; 0: the MTA did not say"),
	[CORE_CLIENT_TRUSTED] = FACT("client.trusted", SLUICE_BOOL, CONNECT, CONNECTION, "its address is in the list 'trusted', or it is this machine itself"),
	[CORE_PORT] = FACT("port", SLUICE_INT, CONNECT, CONNECTION, "port of ours that it came to; 0: the MTA did not say"),
	[CORE_DAEMON_NAME] = FACT("daemon.name", SLUICE_TEXT, CONNECT, CONNECTION, "name of the MTA's listener (macro {daemon_name})"),
	[CORE_DAEMON_ADDR] = FACT("daemon.addr", SLUICE_TEXT, CONNECT, CONNECTION, "address of ours that it came to (macro {daemon_addr})"),
	[CORE_MTA_NAME] = FACT("mta.name", SLUICE_DOMAIN, CONNECT, CONNECTION, "what the MTA calls itself (macro j)"),
	[CORE_MTA_VERSION] = FACT("mta.version", SLUICE_TEXT, CONNECT, CONNECTION, "the MTA and its version (macro v)"),
	[CORE_SCORE] = FACT("score", SLUICE_MILLI, CONNECT, MESSAGE, "points given by rules so far"),
	[CORE_LIMIT_WAIT] = FACT("limit.wait", SLUICE_INT, CONNECT, MESSAGE, "seconds until what is over a limit could pass; known to the rule of the limit"),
	[CORE_LIMIT_ERROR] = { "limit.error", SLUICE_ENUM, error_words, "why a limit of a rule above could not be looked at", SLUICE_STAGE_CONNECT,
		SCOPE_MESSAGE, CATALOG_NO_CHECK },
	[CORE_HELO_NAME] = FACT("helo.name", SLUICE_DOMAIN, HELO, HELO, "what the client said in HELO or EHLO"),
	[CORE_MAIL_FROM] = FACT("mail.from", SLUICE_ADDRESS, MAIL, MESSAGE, "reverse-path; empty for the null one"),
	[CORE_MAIL_DOMAIN] = FACT("mail.domain", SLUICE_DOMAIN, MAIL, MESSAGE, "domain of the reverse-path"),
	[CORE_MAIL_NULL] = FACT("mail.null", SLUICE_BOOL, MAIL, MESSAGE, "the reverse-path is <>"),
	[CORE_MAIL_SIZE] = FACT("mail.size", SLUICE_INT, MAIL, MESSAGE, "octets that the client announced with SIZE"),
	[CORE_MAIL_BODY] = { .name = "mail.body", .type = SLUICE_ENUM, .words = esmtp_body_words, .help = "parameter BODY of MAIL",
		.stage = SLUICE_STAGE_MAIL, .scope = SCOPE_MESSAGE, .check = CATALOG_NO_CHECK },
	[CORE_MAIL_SMTPUTF8] = FACT("mail.smtputf8", SLUICE_BOOL, MAIL, MESSAGE, "parameter SMTPUTF8 of MAIL"),
	[CORE_MAIL_RET] = FACT("mail.ret", SLUICE_TEXT, MAIL, MESSAGE, "parameter RET of MAIL (RFC 3461)"),
	[CORE_MAIL_ENVID] = FACT("mail.envid", SLUICE_TEXT, MAIL, MESSAGE, "parameter ENVID of MAIL (RFC 3461)"),
	[CORE_MAIL_RESOLVED] = FACT("mail.resolved", SLUICE_TEXT, MAIL, MESSAGE, "the sender as the MTA resolved it (macro {mail_addr})"),
	[CORE_CLIENT_AUTHENTICATED] = FACT("client.authenticated", SLUICE_BOOL, MAIL, MESSAGE, "the client gave valid credentials (SMTP AUTH)"),
	[CORE_AUTH_USER] = FACT("auth.user", SLUICE_TEXT, MAIL, MESSAGE, "as whom the client is authenticated"),
	[CORE_AUTH_MECHANISM] = FACT("auth.mechanism", SLUICE_TEXT, MAIL, MESSAGE, "SASL mechanism"),
	[CORE_AUTH_AUTHOR] = FACT("auth.author", SLUICE_TEXT, MAIL, MESSAGE, "sender given with AUTH= (macro {auth_author})"),
	[CORE_TLS_VERSION] = FACT("tls.version", SLUICE_TEXT, MAIL, MESSAGE, "such as TLSv1.3; unknown without TLS"),
	[CORE_TLS_CIPHER] = FACT("tls.cipher", SLUICE_TEXT, MAIL, MESSAGE, "cipher suite"),
	[CORE_TLS_BITS] = FACT("tls.bits", SLUICE_INT, MAIL, MESSAGE, "length of the session key"),
	[CORE_TLS_VERIFY] = FACT("tls.verify", SLUICE_TEXT, MAIL, MESSAGE, "what became of the client's certificate (macro {verify})"),
	[CORE_TLS_CERT_SUBJECT] = FACT("tls.cert_subject", SLUICE_TEXT, MAIL, MESSAGE, "subject of the client's certificate"),
	[CORE_UNKNOWN_COMMANDS] = FACT("client.unknown_commands", SLUICE_INT, MAIL, MESSAGE, "commands so far that the MTA does not know"),
	[CORE_RCPT_ADDRESS] = FACT("rcpt.address", SLUICE_ADDRESS, RCPT, RCPT, "the recipient"),
	[CORE_RCPT_DOMAIN] = FACT("rcpt.domain", SLUICE_DOMAIN, RCPT, RCPT, "its domain"),
	[CORE_RCPT_LOCAL] = FACT("rcpt.local", SLUICE_BOOL, RCPT, RCPT, "its domain is in the lists 'local-domains' or 'relay-domains'"),
	[CORE_RCPT_RESOLVED] = FACT("rcpt.resolved", SLUICE_TEXT, RCPT, RCPT, "the recipient as the MTA resolved it (macro {rcpt_addr})"),
	[CORE_RCPT_MAILER] = FACT("rcpt.mailer", SLUICE_TEXT, RCPT, RCPT, "what the MTA will deliver it with (macro {rcpt_mailer})"),
	[CORE_RCPT_NOTIFY] = FACT("rcpt.notify", SLUICE_TEXT, RCPT, RCPT, "parameter NOTIFY of RCPT (RFC 3461)"),
	[CORE_RCPT_ORCPT] = FACT("rcpt.orcpt", SLUICE_TEXT, RCPT, RCPT, "parameter ORCPT of RCPT (RFC 3461)"),
	[CORE_RCPT_COUNT] = FACT("rcpt.count", SLUICE_INT, RCPT, MESSAGE, "recipients so far, this one among them"),
	[CORE_FROM_ADDRESS] = FACT("from.address", SLUICE_ADDRESS, MESSAGE, MESSAGE, "address in the header field From, where it is the only one"),
	[CORE_FROM_DOMAIN] = FACT("from.domain", SLUICE_DOMAIN, MESSAGE, MESSAGE, "domain of the address in From, or of all of them"),
	[CORE_FROM_COUNT] = FACT("from.count", SLUICE_INT, MESSAGE, MESSAGE, "addresses in all fields From"),
	[CORE_FROM_MALFORMED] = FACT("from.malformed", SLUICE_BOOL, MESSAGE, MESSAGE, "a field From has something in it that is no address"),
	[CORE_HEADER_COUNT] = FACT("header.count", SLUICE_INT, MESSAGE, MESSAGE, "header fields"),
	[CORE_HEADER_SIZE] = FACT("header.size", SLUICE_INT, MESSAGE, MESSAGE, "octets of the header"),
	[CORE_MESSAGE_SIZE] = FACT("message.size", SLUICE_INT, MESSAGE, MESSAGE, "octets of header and body"),
	[CORE_BODY_CUT] = FACT("body.cut", SLUICE_BOOL, MESSAGE, MESSAGE, "the body is larger than checks are shown of it; known when one looks at it"),
};

static void set_number(struct session *s, enum core_fact fact, int64_t number)
{
	s->facts[fact] = (struct value){ .known = true, .type = core_facts[fact].type, .number = number };
}

static void set_bool(struct session *s, enum core_fact fact, bool yes)
{
	s->facts[fact] = (struct value){ .known = true, .type = SLUICE_BOOL, .yes = yes };
}

static void set_text(struct session *s, enum core_fact fact, const char *text, size_t len)
{
	s->facts[fact] = (struct value){ .known = true, .type = core_facts[fact].type, .text = { text, len } };
}

/* A macro that the MTA did not give is no fact. */
static void set_macro(struct session *s, enum core_fact fact, const char *text)
{
	if (*text)
		set_text(s, fact, text, strlen(text));
	else
		s->facts[fact] = (struct value){ .type = core_facts[fact].type };
}

static void set_net(struct session *s, const struct settings *settings)
{
	struct net net = settings_client_net(settings, &s->client);
	char shown[NET_TEXT_MAX];
	const char *text = arena_printf(session_arena(s, SCOPE_CONNECTION), "%s", net_format(&net, shown));

	if (text)
		set_text(s, CORE_CLIENT_NET, text, strlen(text));
}

static void at_connect(struct session *s, const struct policy *p)
{
	const struct list *trusted = policy_list(p, "trusted");

	if (s->client.family) {
		s->facts[CORE_CLIENT_IP] = (struct value){ .known = true, .type = SLUICE_IP, .ip = s->client };
		set_net(s, &p->settings);
	}
	set_macro(s, CORE_CLIENT_NAME, s->connection.client_name);
	set_macro(s, CORE_CLIENT_PTR, s->connection.client_ptr);
	set_number(s, CORE_CLIENT_PORT, s->connection.client_port);
	set_bool(s, CORE_CLIENT_TRUSTED, !s->client.family || (trusted && list_has_ip(trusted, &s->client)));
	set_number(s, CORE_PORT, s->connection.daemon_port);
	set_macro(s, CORE_DAEMON_NAME, s->connection.daemon_name);
	set_macro(s, CORE_DAEMON_ADDR, s->connection.daemon_addr);
	set_macro(s, CORE_MTA_NAME, s->connection.hostname);
	set_macro(s, CORE_MTA_VERSION, s->connection.version);
}

static void at_mail(struct session *s)
{
	const struct message *m = &s->message;
	uint64_t bits;

	set_text(s, CORE_MAIL_FROM, m->from.text, m->from.len);
	set_text(s, CORE_MAIL_DOMAIN, m->from.domain, m->from.domain_len);
	set_bool(s, CORE_MAIL_NULL, m->from.null);
	if (m->esmtp.has_size)
		set_number(s, CORE_MAIL_SIZE, (int64_t)m->esmtp.size_bytes);
	set_number(s, CORE_MAIL_BODY, m->esmtp.body);
	set_bool(s, CORE_MAIL_SMTPUTF8, m->esmtp.smtputf8);
	set_macro(s, CORE_MAIL_RET, m->ret);
	set_macro(s, CORE_MAIL_ENVID, m->envid);
	set_macro(s, CORE_MAIL_RESOLVED, m->mail_addr);
	set_bool(s, CORE_CLIENT_AUTHENTICATED, *m->auth.authen != '\0');
	set_macro(s, CORE_AUTH_USER, m->auth.authen);
	set_macro(s, CORE_AUTH_MECHANISM, m->auth.type);
	set_macro(s, CORE_AUTH_AUTHOR, m->auth.author);
	set_macro(s, CORE_TLS_VERSION, m->tls.version);
	set_macro(s, CORE_TLS_CIPHER, m->tls.cipher);
	if (ascii_to_u64(m->tls.cipher_bits, strlen(m->tls.cipher_bits), UINT16_MAX, &bits))
		set_number(s, CORE_TLS_BITS, (int64_t)bits);
	set_macro(s, CORE_TLS_VERIFY, m->tls.verify);
	set_macro(s, CORE_TLS_CERT_SUBJECT, m->tls.cert_subject);
	set_number(s, CORE_UNKNOWN_COMMANDS, s->unknown_commands);
}

static bool in_domains(const struct policy *p, const char *name, const struct sluice_address *a)
{
	const struct list *list = policy_list(p, name);

	return list && list_has_domain(list, a->domain, a->domain_len);
}

bool core_is_local(const struct policy *p, const struct sluice_address *a)
{
	return in_domains(p, "local-domains", a) || in_domains(p, "relay-domains", a);
}

static void at_rcpt(struct session *s, const struct policy *p)
{
	const struct recipient *r = s->recipient;
	const struct sluice_address *a = &r->address;

	set_text(s, CORE_RCPT_ADDRESS, a->text, a->len);
	set_text(s, CORE_RCPT_DOMAIN, a->domain, a->domain_len);
	set_bool(s, CORE_RCPT_LOCAL, core_is_local(p, a));
	set_macro(s, CORE_RCPT_RESOLVED, r->addr);
	set_macro(s, CORE_RCPT_MAILER, r->mailer);
	set_macro(s, CORE_RCPT_NOTIFY, r->notify);
	set_macro(s, CORE_RCPT_ORCPT, r->orcpt);
	set_number(s, CORE_RCPT_COUNT, (int64_t)s->message.recipients.len);
	profile_set_facts(&p->profiles, s->facts);
}

/* What all fields From say: two with one address each are as ambiguous as one with two. */
struct authors {
	struct text first;
	int64_t count;
	bool malformed, apart; /* apart: they are of several domains */
};

static void add_author(struct authors *authors, const struct text *address)
{
	struct sluice_address first, next;

	if (authors->count++ == 0) {
		text_add(&authors->first, address->bytes, address->len);
		return;
	}
	first = address_split(text_str(&authors->first), authors->first.len);
	next = address_split(address->bytes, address->len);
	authors->apart |= !ascii_equal(first.domain, first.domain_len, next.domain, next.domain_len);
}

static void read_from(const struct header *h, struct authors *authors)
{
	struct header_lexer l = { h->value, h->value + h->value_len };
	SLUICE_CLEANUP(text_done) struct text next = TEXT_INIT(MAILBOX_MAX_BYTES);
	enum mailbox_step step;

	while ((step = mailbox_next(&l, &next)) != MAILBOX_END) {
		authors->malformed |= step == MAILBOX_BAD;
		if (step == MAILBOX_ADDRESS)
			add_author(authors, &next);
	}
}

static void set_from(struct session *s)
{
	struct authors authors = { .first = TEXT_INIT(MAILBOX_MAX_BYTES) };
	struct sluice_address a;

	for (size_t i = 0; i < s->message.headers.len; i++) {
		const struct header *h = &s->message.headers.items[i];

		if (header_field_is(h->name, h->name_len, "From"))
			read_from(h, &authors);
	}
	set_number(s, CORE_FROM_COUNT, authors.count);
	set_bool(s, CORE_FROM_MALFORMED, authors.malformed);
	if (authors.count && !authors.malformed && !authors.apart && !authors.first.failed &&
		address_copy(session_arena(s, SCOPE_MESSAGE), authors.first.bytes, authors.first.len, &a)) {
		if (authors.count == 1)
			set_text(s, CORE_FROM_ADDRESS, a.text, a.len);
		set_text(s, CORE_FROM_DOMAIN, a.domain, a.domain_len);
	}
	text_done(&authors.first);
}

void core_facts_set(struct session *s, enum sluice_stage stage, const struct policy *p)
{
	switch (stage) {
	case SLUICE_STAGE_CONNECT:
		at_connect(s, p);
		break;
	case SLUICE_STAGE_HELO:
		set_text(s, CORE_HELO_NAME, s->helo, s->helo_len);
		break;
	case SLUICE_STAGE_MAIL:
		at_mail(s);
		break;
	case SLUICE_STAGE_RCPT:
		at_rcpt(s, p);
		break;
	case SLUICE_STAGE_MESSAGE:
		set_from(s);
		set_number(s, CORE_HEADER_COUNT, (int64_t)s->message.headers.len);
		set_number(s, CORE_HEADER_SIZE, (int64_t)s->message.header_bytes);
		if (s->message.body)
			set_bool(s, CORE_BODY_CUT, body_is_cut(s->message.body));
		set_number(s, CORE_MESSAGE_SIZE, (int64_t)(s->message.header_bytes + s->message.body_bytes));
		break;
	case SLUICE_STAGE_DATA:
	case SLUICE_STAGE_PROBE:
		break;
	}
}
