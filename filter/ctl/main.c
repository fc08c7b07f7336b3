/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - sluicectl: which command. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "config.h"
#include "filter/base/suggest.h"
#include "filter/ctl/ctl.h"

static const struct { const char *name; int (*run)(int argc, char **argv); const char *help; } commands[] = {
	{ "check", ctl_check, "run one transaction through a configuration, with no daemon" },
	{ "config", ctl_config, "config check, show: look at a configuration" },
	{ "status", ctl_status, "how the daemon is" },
	{ "reload", ctl_reload, "let the daemon read its configuration again" },
	{ "upgrade", ctl_upgrade, "let a new process take over from the daemon, with no moment without one" },
	{ "replay", ctl_replay, "recorded cases through another configuration: what it would change" },
	{ "explain", ctl_explain, "why a transaction ended as it did" },
	{ "doctor", ctl_doctor, "is there what Sluice depends on, and does it do what it should?" },
	{ "attach", ctl_attach, "let Postfix or Sendmail ask Sluice, see that it does, and take that back" },
	{ "relaytest", ctl_relaytest, "try a mail server as those would who look for one to abuse" },
	{ "forget", ctl_forget, "take away what is kept of a person" },
	{ "hold", ctl_hold, "hold list, show, release, drop, watch: mail that rules have held" },
	{ "import", ctl_import, "the configuration of another program, as one of Sluice's" },
	{ "learn", ctl_learn, "learn spam, ham, forget, status: teach a classifier" },
	{ "list", ctl_list, "list show, test, add, remove: what is in a list, and change its file" },
	{ "limits", ctl_limits, "limits list, show, reset: what rules with a limit have counted" },
	{ "greylist", ctl_greylist, "greylist list, show, pass, forget: who waits, and who has passed" },
	{ "dkim", ctl_dkim, "dkim keygen, check, rotate: keys to sign with, and what the DNS says of them" },
	{ "dmarc", ctl_dmarc, "dmarc report, failures, read: tell domains what came in their name, and see what others tell us" },
	{ "token", ctl_token, "token add, list, remove: who may ask over HTTP" },
#ifdef WITH_CHAOS
	{ "chaos", ctl_chaos, "what a client hears when something fails" },
#endif
	{ "metrics", ctl_metrics, "the daemon's counters, as Prometheus reads them" },
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl COMMAND [OPTION...]\n", out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("sluicectl(8) says more; sluicectl COMMAND -h lists the options of one.\n", out);
	return status;
}

int main(int argc, char **argv)
{
	struct suggest s;

	if (argc < 2)
		return usage(stderr, EX_USAGE);
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))
		return usage(stdout, EX_OK);
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		puts("sluicectl " SLUICE_VERSION);
		return EX_OK;
	}
	s = suggest_for(argv[1], strlen(argv[1]));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
		suggest_try(&s, commands[i].name);
	}
	if (s.best)
		fprintf(stderr, "sluicectl: there is no command '%s': did you mean '%s'?\n", argv[1], s.best);
	else
		fprintf(stderr, "sluicectl: there is no command '%s'\n", argv[1]);
	return usage(stderr, EX_USAGE);
}
