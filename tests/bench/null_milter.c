/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * null_milter [-n] SOCKET - a milter that is told everything and does nothing: what the protocol and libmilter cost, below which no
 * milter comes.
 * -n: it needs no reply before the end of a message.
 */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NO_REPLIES (SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | \
	SMFIP_NR_EOH | SMFIP_NR_BODY)

static bool no_replies; /* libmilter hands xxfi_negotiate nothing of ours */

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
	unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	(void)ctx, (void)f2, (void)f3;
	*pf0 = f0 & SMFIF_ADDHDRS;
	*pf1 = no_replies ? f1 & NO_REPLIES : 0;
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx, (void)name, (void)address;
	return SMFIS_CONTINUE;
}

static sfsistat on_text(SMFICTX *ctx, char *text)
{
	(void)ctx, (void)text;
	return SMFIS_CONTINUE;
}

static sfsistat on_unknown(SMFICTX *ctx, const char *text)
{
	(void)ctx, (void)text;
	return SMFIS_CONTINUE;
}

static sfsistat on_envelope(SMFICTX *ctx, char **args)
{
	(void)ctx, (void)args;
	return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	(void)ctx, (void)bytes, (void)len;
	return SMFIS_CONTINUE;
}

static sfsistat on_event(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	static char name[] = "null_milter";
	struct smfiDesc milter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_text,
		.xxfi_envfrom = on_envelope,
		.xxfi_envrcpt = on_envelope,
		.xxfi_header = on_header,
		.xxfi_eoh = on_event,
		.xxfi_body = on_body,
		.xxfi_eom = on_event,
		.xxfi_abort = on_event,
		.xxfi_close = on_event,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_event,
		.xxfi_negotiate = on_negotiate,
	};

	no_replies = argc == 3 && !strcmp(argv[1], "-n");
	if (argc != 2 + no_replies || argv[argc - 1][0] == '-') {
		(void)fputs("usage: null_milter [-n] SOCKET\n", stderr);
		return 64;
	}
	if (smfi_setconn(argv[argc - 1]) == MI_FAILURE || smfi_register(milter) == MI_FAILURE || smfi_opensocket(true) == MI_FAILURE)
		return 1;
	return smfi_main() == MI_FAILURE;
}
