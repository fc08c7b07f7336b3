/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc_job.h - what sluicectl dmarc report and sluicectl dmarc failures share: options, who reports, files, and how a report gets to
 * one of those who want it.
 */
#ifndef CTL_DMARC_JOB_H
#define CTL_DMARC_JOB_H

#include "filter/ctl/dmarc.h"
#include "filter/policy/policy.h"

struct dmarc_arguments {
	const char *config, *socket, *zone, *out, *smtp;
	struct dmarc_transport transport;
	int64_t now_s, day; /* day: -1: not given */
	bool dry;
};
struct dmarc_job {
	const struct dmarc_arguments *a;
	struct snapshot *snapshot;
	const char *socket;
	struct dmarc_reporter who;
	const struct list *opt_out;     /* NULL: nobody */
	bool unsigned_told, down, open; /* open: something is left to be sent */
	int status;                     /* to exit with */
};

struct dmarc_job_kind {
	const char *usage; /* its first lines; those that both have follow */
	bool by_day;       /* it has --day */
	void (*run)(struct dmarc_job *r);
};
/* Read the options, load the configuration, run. An exit status. */
int dmarc_job_main(int argc, char **argv, const struct dmarc_job_kind *kind);

/* A report that is to get somewhere. */
struct dmarc_errand {
	const char *domain; /* whose policy asks for it: for people */
	const char *name;   /* tells it from others of its day, for as long as it is known who has got it */
	int64_t day;
	size_t size; /* that counts against what an address takes */
	/* The mail. mail->failed: it is too large. */
	void (*make)(struct text *mail, const struct dmarc_reporter *who, const char *to, void *arg);
	void *arg;
};
/* Send it there, unless it has been; with --dry-run say so. False: it is to be tried again. */
bool dmarc_job_deliver(struct dmarc_job *r, const struct dmarc_errand *e, const struct dmarc_destination *d);
bool dmarc_job_opted_out(const struct dmarc_job *r, const char *domain);
/* Into the folder of --out. False: it cannot be written. */
bool dmarc_job_write(struct dmarc_job *r, const char *domain, const struct text *file, const char *name);

#endif
