/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dmarc.h - sluicectl dmarc report and sluicectl dmarc failures: what their files share. A day's rows are asked of the daemon and put
 * together (dmarc_rows.c), each policy domain's report is made and packed into a mail (dmarc_mail.c), it is found out where that may
 * go (dmarc_where.c), and it goes there (dmarc_send.c).
 */
#ifndef CTL_DMARC_H
#define CTL_DMARC_H

#include "filter/base/arena.h"
#include "filter/base/vec.h"
#include "filter/ctl/smtp.h"
#include "filter/engine/snapshot.h"
#include "filter/mail/dmarc_failure.h"
#include "filter/mail/dmarc_report.h"
#include "filter/mail/dmarc_uri.h"

#define DMARC_DAY_S    86400
#define DMARC_XML_MAX  (256u << 20) /* octets of a report */
#define DMARC_MAIL_MAX (25u << 20)  /* octets of a mail: larger ones are hardly taken anywhere */

int ctl_dmarc_report(int argc, char **argv);
int ctl_dmarc_failures(int argc, char **argv);
int ctl_dmarc_read(int argc, char **argv);

/* ---- dmarc_rows.c ---- */

/* What there is to report to one policy domain about one day. */
struct dmarc_batch {
	struct dmarc_report report; /* policy and rows; who reports, and its name, are not filled in */
	const char *org, *rua;      /* the Organizational Domain, and where reports go, as the policy had it last */
	VEC(struct dmarc_report_row) rows;
	VEC(const char *) hashes; /* of what is in the store */
	int64_t messages;
	struct dmarc_failure failure; /* of a failure: all but who reports */
};
struct dmarc_day {
	const char *socket; /* of the daemon */
	int64_t day;
	bool failures;                   /* each batch is one message, that failed; rua is its ruf */
	struct arena *arena;             /* of all texts */
	VEC(struct dmarc_batch) batches; /* by the name of the domain */
};
/*
 * Ask the daemon for all rows, or failures, of a day. Rows of another form than ours are passed over. An exit status, and what is wrong on stderr.
 * dmarc_day_done() takes any.
 */
int dmarc_day_read(const char *socket, int64_t day, bool failures, struct dmarc_day *ret);
void dmarc_day_done(struct dmarc_day *d);
/* Delete the rows of a batch. An exit status, and what is wrong on stderr. */
int dmarc_day_forget(const struct dmarc_day *d, const struct dmarc_batch *b);

/* ---- dmarc_where.c ---- */

enum dmarc_where { DMARC_GO, DMARC_LATER, DMARC_NEVER };
struct dmarc_destination {
	struct dmarc_uri uri;
	enum dmarc_where where;
	const char *why; /* static; of LATER and NEVER */
};
/*
 * Where a report goes: the addresses of the batch, which are of this tag (rua, ruf); those that are not of the domain's own
 * organization only if they say in the DNS that they take it, and then perhaps others of the same domain (RFC 9990 3). Their number.
 */
size_t dmarc_destinations(
	struct resolver *r, const struct dmarc_batch *b, const char *tag, struct dmarc_destination ret[DMARC_URIS_MAX]);

/* ---- dmarc_mail.c ---- */

/* Who reports. */
struct dmarc_reporter {
	const char *from, *org, *contact; /* contact: "" for none */
	const char *domain;               /* of from */
};
/* 128 bits that tell this reporter's reports apart, in hexadecimal digits. */
#define DMARC_UNIQUE_SIZE 33
void dmarc_unique(char ret[DMARC_UNIQUE_SIZE], const char *a, const char *b);
/* The report of a batch: its file, compressed, and how it is called. False: it is too large, or there is no memory. */
bool dmarc_make_file(
	struct dmarc_batch *b, int64_t day, const struct dmarc_reporter *who, struct text *file, struct text *name);
/* A mail with it. */
void dmarc_make_mail(struct text *out, const struct dmarc_batch *b, const struct dmarc_reporter *who, const char *to,
	const struct text *file, const struct text *name);
/* A mail that tells of a failure, whose hash tells it from others. */
void dmarc_make_failure(struct text *out, const struct dmarc_failure *f, const struct dmarc_reporter *who,
	const char *to, const char *hash);
/*
 * Sign a mail as the configuration signs mail of authenticated users: the fields are put above it. False: no rule and key sign for its
 * sender, and why is in *why.
 */
bool dmarc_sign(struct snapshot *s, const struct dmarc_reporter *who, struct text *mail, struct text *why);

/* ---- dmarc_send.c ---- */

/* How mail is sent: by SMTP to host, or, where that is NULL, by a program with Sendmail's command line. */
struct dmarc_transport {
	struct smtp_server server;
	const char *sendmail;
};
/* why: what came of it, where it was not sent. */
enum smtp_result dmarc_send(const struct dmarc_transport *t, const struct smtp_mail *mail, struct text *why);

#endif
