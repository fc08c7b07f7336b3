/* SPDX-License-Identifier: BSD-2-Clause */
/* ctl.h - what the commands of sluicectl share. Each command takes its own arguments and returns an exit status. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "filter/base/text.h"

#define CTL_DEFAULT_CONFIG SLUICE_SYSCONFDIR "/sluice.conf"

/* Exit statuses of `check`: verdicts; the others are those of sysexits(3). */
enum { CTL_ACCEPT = 0, CTL_HOLD = 5, CTL_DISCARD = 6, CTL_TEMPFAIL = 10, CTL_REJECT = 20 };
#define CTL_DIFFERS 1 /* of `dkim check`: the DNS does not have what it should; of `list test`: it is not in the list; of `relaytest`: something is taken that should not be; of `attach`: there is something to change */

int ctl_check(int argc, char **argv);   /* check.c */
int ctl_chaos(int argc, char **argv);   /* chaos.c: in builds with -Dchaos=true */
int ctl_config(int argc, char **argv);  /* config.c: config check, config show */
int ctl_dkim(int argc, char **argv);    /* dkim.c: dkim keygen, dkim check */
int ctl_dkim_rotate(int argc, char **argv); /* rotate.c */
int ctl_dmarc(int argc, char **argv);   /* dmarc.c: dmarc report, dmarc read */
int ctl_list(int argc, char **argv);    /* list.c: list show, test, add, remove */
int ctl_replay(int argc, char **argv);  /* replay.c */
int ctl_explain(int argc, char **argv); /* explain.c */
int ctl_forget(int argc, char **argv);  /* forget.c */
int ctl_status(int argc, char **argv);  /* daemon.c */
int ctl_reload(int argc, char **argv);
int ctl_upgrade(int argc, char **argv);
int ctl_metrics(int argc, char **argv);
int ctl_limits(int argc, char **argv);
int ctl_greylist(int argc, char **argv);
int ctl_import(int argc, char **argv);  /* import.c */
int ctl_hold(int argc, char **argv);    /* hold.c: hold list, show, release, drop, watch */
int ctl_doctor(int argc, char **argv);  /* doctor.c */
int ctl_relaytest(int argc, char **argv); /* relaytest.c */
int ctl_learn(int argc, char **argv);   /* learn.c */
int ctl_attach(int argc, char **argv);  /* attach.c */
int ctl_token(int argc, char **argv);   /* token.c: token add, list, remove */

/*
 * Ask the daemon (filter/control.h) whose configuration, or whose socket, is named. Its exit status, with its text in
 * out; or EX_UNAVAILABLE, EX_CONFIG with what is wrong said on stderr.
 */
struct ctl_target {
	const char *config, *socket; /* either may be NULL */
};
/* Takes -c FILE and -s SOCKET, as getopt() has found them. False: it is another option. */
bool ctl_target_option(struct ctl_target *target, int option);
/* These options, --json where ret_json is not NULL, and no others: -1; or 'h', or '?', as getopt_long() found it. */
int ctl_target_options(int argc, char **argv, struct ctl_target *ret, bool *ret_json);
int ctl_ask(const struct ctl_target *target, const char *request, struct text *out);
/* For many questions: find the socket once, with its path in path. EX_OK, or EX_CONFIG, said as above. */
int ctl_target_find(struct ctl_target *target, struct text *path);

#endif
