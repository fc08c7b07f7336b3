/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc.c - sluicectl dmarc: which of its commands. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/ctl/ctl.h"
#include "filter/ctl/dmarc.h"

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl dmarc report [OPTION...]    make the reports of a day, and send them\n"
	      "       sluicectl dmarc failures [OPTION...]  tell domains of messages that failed\n"
	      "       sluicectl dmarc read [--json] FILE... show the reports that others send\n"
	      "Each lists its options with -h.\n",
		out);
	return status;
}

int ctl_dmarc(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc >= 2 && !strcmp(argv[1], "report"))
		return ctl_dmarc_report(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "failures"))
		return ctl_dmarc_failures(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "read"))
		return ctl_dmarc_read(argc - 1, argv + 1);
	return usage(stderr, EX_USAGE);
}
