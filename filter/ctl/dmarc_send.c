/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_send.c - a mail is handed to the mail server: by SMTP, or by its program. */
#include <string.h>
#include <sysexits.h>

#include "filter/ctl/dmarc.h"
#include "filter/ctl/program.h"

/* Exit statuses as Sendmail and Postfix have them (sysexits(3)). */
static enum smtp_result result_of(int status, const char *program, struct text *why)
{
	if (status == 0)
		return SMTP_SENT;
	if (status == -1)
		return SMTP_DOWN;
	text_addf(why, "%s ended with status %d", program, status);
	switch (status) {
	case EX_TEMPFAIL:
		return SMTP_LATER;
	case EX_USAGE:
	case EX_DATAERR:
	case EX_NOUSER:
	case EX_NOHOST:
		return SMTP_REFUSED;
	default:
		return SMTP_DOWN;
	}
}

/* As programs have it: lines end with LF. */
static void add_lines(struct text *out, const struct smtp_mail *mail)
{
	for (size_t i = 0; i < mail->len; i++)
		if (mail->bytes[i] != '\r')
			text_addc(out, mail->bytes[i]);
}

static enum smtp_result by_program(const struct dmarc_transport *t, const struct smtp_mail *mail, struct text *why)
{
	/* the recipient is named behind --, and is not read from the mail: it is a stranger's */
	const char *const argv[] = { t->sendmail, "-i", "-f", mail->from, "--", mail->to, NULL };
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(mail->len);

	add_lines(&lines, mail);
	return result_of(program_run(argv, text_str(&lines), lines.len, t->server.timeout_ms, why), t->sendmail, why);
}

enum smtp_result dmarc_send(const struct dmarc_transport *t, const struct smtp_mail *mail, struct text *why)
{
	return t->server.host ? smtp_send(&t->server, mail, why) : by_program(t, mail, why);
}
