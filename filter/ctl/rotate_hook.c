/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/rotate_hook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/text.h"
#include "filter/ctl/dkim_file.h"
#include "filter/ctl/program.h"

#define SCRIPT_MAX_BYTES 16384
#define STRING_MAX       255 /* octets of one string of a TXT record */
#define WHY_MAX_BYTES    4096

static int run(const char *const *argv, const char *input)
{
	SLUICE_CLEANUP(text_done) struct text why = TEXT_INIT(WHY_MAX_BYTES);
	int status = program_run(argv, input, strlen(input), ROTATE_HOOK_TIMEOUT_S * 1000, &why);

	if (status == 0)
		return EX_OK;
	if (status > 0)
		text_addf(&why, "%s has failed, with status %d", argv[0], status);
	fprintf(stderr, "sluicectl: %s\n", text_str(&why));
	return EX_UNAVAILABLE;
}

static int by_nsupdate(const struct rotate_hook *hook, const char *name, const char *record)
{
	SLUICE_CLEANUP(text_done) struct text script = TEXT_INIT(SCRIPT_MAX_BYTES);
	const char *const argv[] = { "nsupdate", "-k", hook->nsupdate_key, NULL };
	size_t len = strlen(record);

	if (hook->server) {
		const char *at = strchr(hook->server, '@');

		text_addf(&script, "server %.*s %s\n", at ? (int)(at - hook->server) : (int)strlen(hook->server), hook->server, at ? at + 1 : "53");
	}
	text_addf(&script, "update delete %s. TXT\nupdate add %s. %" PRId64 " TXT", name, name, hook->ttl_s);
	for (size_t at = 0; at < len; at += STRING_MAX)
		text_addf(&script, " \"%.*s\"", STRING_MAX, record + at);
	text_adds(&script, "\nsend\n");
	return script.failed ? EX_SOFTWARE : run(argv, text_str(&script));
}

static int by_program(const struct rotate_hook *hook, const char *verb, const char *name, const char *record)
{
	const char *argv[] = { hook->program, verb, name, NULL, record, NULL };
	char ttl[24];

	(void)snprintf(ttl, sizeof ttl, "%" PRId64, hook->ttl_s);
	argv[3] = ttl;
	return run(argv, "");
}

int rotate_hook_run(const struct rotate_hook *hook, const char *verb, const char *name, const char *record)
{
	if (hook->nsupdate_key)
		return by_nsupdate(hook, name, record);
	if (hook->program)
		return by_program(hook, verb, name, record);
	printf("; %s this record:\n", verb);
	dkim_print_record(name, record);
	return EX_OK;
}
