/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_daemon.c - what the daemon itself complains of: it has tested its zones, its store and its programs for longer than we could. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "filter/base/ascii.h"
#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/doctor.h"
#include "filter/milter/listen.h"

#define ANSWER_MS 5000 /* for its milter to answer */

/* The value of this line of the daemon's status; NULL: there is none. */
static const char *value_of(const char *line, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(line, name, len) && line[len] == ' ' ? line + len + 1 : NULL;
}

static void on_configuration(struct doctor *d, int64_t uptime_s)
{
	struct stat st;

	/* a reload is not told in the status: what was changed since the start may have been read since */
	if (stat(d->config, &st) == 0 && (int64_t)st.st_mtime > (int64_t)time(NULL) - uptime_s)
		doctor_tell(d, DOCTOR_LOOK, "daemon", "if it was not reloaded since, it goes by the old one: sluicectl reload",
			"the configuration was changed after the daemon had started");
}

static void on_line(struct doctor *d, const char *line)
{
	const char *value;
	uint64_t n;

	if ((value = value_of(line, "store")))
		doctor_tell(d, !strcmp(value, "works") ? DOCTOR_GOOD : DOCTOR_BAD, "store",
			!strcmp(value, "works") ? NULL : "greylist, limits and all that is remembered are unknown meanwhile; the log says what is wrong with it", "%s", value);
	else if ((value = value_of(line, "switched_off")))
		doctor_tell(d, DOCTOR_BAD, "daemon", "rules that read its facts do not act; it is tried again by itself", "switched off: %s", value);
	else if ((value = value_of(line, "list_stale")))
		doctor_tell(d, DOCTOR_LOOK, "daemon", "the items that were read last count: correct the file", "a list is not up to date: %s", value);
	else if ((value = value_of(line, "faults")) && ascii_to_u64(value, strlen(value), UINT64_MAX, &n) && n)
		doctor_tell(d, DOCTOR_LOOK, "daemon", "messages were answered as 'on_fault' says, by no rule: the log says why", "%s faults of its own since it started", value);
	else if ((value = value_of(line, "uptime_s")) && ascii_to_u64(value, strlen(value), INT64_MAX, &n))
		on_configuration(d, (int64_t)n);
}

/* It does not say how it is. Whether it is there the mail server's side of it shows. */
static void tell_silent(struct doctor *d)
{
	const struct settings *s = &d->s->policy->settings;

	if (listen_answers(s, ANSWER_MS))
		doctor_tell(d, DOCTOR_BAD, "daemon",
			"mail is looked at, but nobody can ask it, or have it reload: ask as the user that it runs as; if its control socket is gone, restart it",
			"a milter answers on %s, but the daemon does not on %s", s->listen, s->control);
	else
		doctor_tell(d, DOCTOR_BAD, "daemon", "no mail is looked at: start it, or ask as the user that it runs as", "it does not answer on %s, nor a milter on %s",
			s->control, s->listen);
}

void doctor_daemon(struct doctor *d)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	struct ctl_target target = { .socket = d->s->policy->settings.control };

	if (ctl_ask(&target, "status\n", &out) != EX_OK) {
		tell_silent(d);
		return;
	}
	doctor_tell(d, DOCTOR_GOOD, "daemon", NULL, "it answers on %s", target.socket);
	for (char *line = out.len ? strtok(out.bytes, "\n") : NULL; line; line = strtok(NULL, "\n"))
		on_line(d, line);
}
