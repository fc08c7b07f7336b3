/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/milter/edge.h"

#define TLS_MACROS  "{tls_version} {cipher} {cipher_bits} {verify} {cert_subject}"
#define AUTH_MACROS "{auth_type} {auth_authen} {auth_author}"

static const struct { int stage; const char *names; } wanted[] = {
	{ SMFIM_CONNECT, "j v {client_addr} {client_name} {client_ptr} {client_port} {daemon_name} {daemon_addr} {daemon_port}" },
	{ SMFIM_ENVFROM, "i " AUTH_MACROS " {mail_addr} " TLS_MACROS },
	{ SMFIM_ENVRCPT, "i {rcpt_addr} {rcpt_mailer}" },
	{ SMFIM_DATA, "i" },
	{ SMFIM_EOM, "i" },
};

void macros_request(SMFICTX *ctx)
{
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		(void)smfi_setsymlist(ctx, wanted[i].stage, (char *)(uintptr_t)wanted[i].names);
}

const char *macro_text(SMFICTX *ctx, const char *name)
{
	const char *value = smfi_getsymval(ctx, (char *)(uintptr_t)name);

	return value ? value : "";
}

static uint16_t macro_port(SMFICTX *ctx, const char *name)
{
	const char *value = macro_text(ctx, name);
	uint64_t port;

	return ascii_to_u64(value, strlen(value), UINT16_MAX, &port) ? (uint16_t)port : 0;
}

/* MTAs write "unknown" for a name that they could not find, and an address in brackets. */
static const char *name_or_nothing(const char *name)
{
	return !strcmp(name, "unknown") || *name == '[' ? "" : name;
}

struct macros_connection macros_connection(SMFICTX *ctx)
{
	return (struct macros_connection){
		.client_name = name_or_nothing(macro_text(ctx, "{client_name}")),
		.client_ptr = name_or_nothing(macro_text(ctx, "{client_ptr}")),
		.daemon_name = macro_text(ctx, "{daemon_name}"),
		.daemon_addr = macro_text(ctx, "{daemon_addr}"),
		.hostname = macro_text(ctx, "j"),
		.version = macro_text(ctx, "v"),
		.client_port = macro_port(ctx, "{client_port}"),
		.daemon_port = macro_port(ctx, "{daemon_port}"),
	};
}

struct macros_tls macros_tls(SMFICTX *ctx)
{
	return (struct macros_tls){
		macro_text(ctx, "{tls_version}"),
		macro_text(ctx, "{cipher}"),
		macro_text(ctx, "{cipher_bits}"),
		macro_text(ctx, "{verify}"),
		macro_text(ctx, "{cert_subject}"),
	};
}

struct macros_auth macros_auth(SMFICTX *ctx)
{
	return (struct macros_auth){ macro_text(ctx, "{auth_type}"), macro_text(ctx, "{auth_authen}"), macro_text(ctx, "{auth_author}") };
}
