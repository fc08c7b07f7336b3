/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/milter/macros.h"

#include <string.h>

#include "filter/base/ascii.h"
#include "filter/milter/protocol.h"

#define TLS_MACROS  "{tls_version} {cipher} {cipher_bits} {verify} {cert_subject}"
#define AUTH_MACROS "{auth_type} {auth_authen} {auth_author}"

static const struct { uint32_t stage; const char *names; } wanted[] = {
	{ SMFIM_CONNECT, "j v {client_addr} {client_name} {client_ptr} {client_port} {daemon_name} {daemon_addr} {daemon_port}" },
	{ SMFIM_ENVFROM, "i " AUTH_MACROS " {mail_addr} " TLS_MACROS },
	{ SMFIM_ENVRCPT, "i {rcpt_addr} {rcpt_mailer}" },
	{ SMFIM_DATA, "i" },
	{ SMFIM_EOM, "i" },
};

static const char commands[MACRO_STAGES] = { /* whose macros they are */
	[MACROS_CONNECT] = SMFIC_CONNECT,
	[MACROS_HELO] = SMFIC_HELO,
	[MACROS_MAIL] = SMFIC_MAIL,
	[MACROS_RCPT] = SMFIC_RCPT,
	[MACROS_DATA] = SMFIC_DATA,
	[MACROS_EOH] = SMFIC_EOH,
	[MACROS_EOM] = SMFIC_BODYEOB,
};

void macros_request(struct text *out)
{
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		packet_add_u32(out, wanted[i].stage);
		packet_add_string(out, wanted[i].names);
	}
}

void macros_init(struct macros *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->sets); i++)
		m->sets[i] = TEXT_INIT(MACROS_MAX_BYTES);
}

void macros_forget(struct macros *m, enum macro_stage from)
{
	for (size_t i = from; i < ARRAY_LEN(m->sets); i++) {
		text_done(&m->sets[i]);
		m->sets[i] = TEXT_INIT(MACROS_MAX_BYTES);
	}
}

void macros_done(struct macros *m)
{
	macros_forget(m, MACROS_CONNECT);
}

bool macros_hear(struct macros *m, struct packet *p)
{
	const char *at = p->len ? memchr(commands, *p->data, sizeof commands) : NULL;
	struct text *set;
	bool starved;

	if (!p->len)
		return false;
	if (!at) /* of a stage that we ask none for */
		return true;
	set = &m->sets[at - commands];
	macros_forget(m, (enum macro_stage)(at - commands));
	p->data++;
	p->len--;
	while (p->len) {
		const char *name = packet_take_string(p), *value = name ? packet_take_string(p) : NULL;

		if (!value)
			return false;
		text_add(set, name, (size_t)(value - name));
		text_add(set, value, strlen(value) + 1);
	}
	starved = set->starved;
	if (set->failed) /* it may end with half a macro */
		macros_forget(m, (enum macro_stage)(at - commands));
	return !starved; /* without them a user would be a stranger */
}

/* An MTA may write {i} as i, and i as {i}. */
static bool same_name(const char *a, const char *b)
{
	if (!strcmp(a, b))
		return true;
	return (a[0] == '{' && a[1] == b[0] && a[2] == '}' && !b[1]) || (b[0] == '{' && b[1] == a[0] && b[2] == '}' && !a[1]);
}

const char *macro_text(const struct macros *m, const char *name)
{
	for (size_t i = ARRAY_LEN(m->sets); i-- > 0;) {
		const char *at = m->sets[i].bytes, *end = at ? at + m->sets[i].len : NULL;

		while (at < end) {
			const char *value = at + strlen(at) + 1;

			if (same_name(at, name))
				return value;
			at = value + strlen(value) + 1;
		}
	}
	return "";
}

static uint16_t macro_port(const struct macros *m, const char *name)
{
	const char *value = macro_text(m, name);
	uint64_t port;

	return ascii_to_u64(value, strlen(value), UINT16_MAX, &port) ? (uint16_t)port : 0;
}

/* MTAs write "unknown" for a name that they could not find, and an address in brackets. */
static const char *name_or_nothing(const char *name)
{
	return !strcmp(name, "unknown") || *name == '[' ? "" : name;
}

struct macros_connection macros_connection(const struct macros *m)
{
	return (struct macros_connection){
		.client_name = name_or_nothing(macro_text(m, "{client_name}")),
		.client_ptr = name_or_nothing(macro_text(m, "{client_ptr}")),
		.daemon_name = macro_text(m, "{daemon_name}"),
		.daemon_addr = macro_text(m, "{daemon_addr}"),
		.hostname = macro_text(m, "j"),
		.version = macro_text(m, "v"),
		.client_port = macro_port(m, "{client_port}"),
		.daemon_port = macro_port(m, "{daemon_port}"),
	};
}

struct macros_tls macros_tls(const struct macros *m)
{
	return (struct macros_tls){
		macro_text(m, "{tls_version}"),
		macro_text(m, "{cipher}"),
		macro_text(m, "{cipher_bits}"),
		macro_text(m, "{verify}"),
		macro_text(m, "{cert_subject}"),
	};
}

struct macros_auth macros_auth(const struct macros *m)
{
	return (struct macros_auth){ macro_text(m, "{auth_type}"), macro_text(m, "{auth_authen}"), macro_text(m, "{auth_author}") };
}
