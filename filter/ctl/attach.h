/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * attach.h - what the parts of sluicectl attach share. A mail server is looked at (its listeners, what fights with Sluice), copies of its settings
 * are changed, and only when all is well are these put in the place of the files.
 */
#ifndef CTL_ATTACH_H
#define CTL_ATTACH_H

#include <stdint.h>

#include "filter/base/vec.h"
#include "filter/ctl/attach_files.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/hold_queue.h"

#define ATTACH_TIMEOUT_MS 60000 /* for one command of the mail server's */
#define ATTACH_OUT_BYTES  (1u << 20)
#define ATTACH_VALUE_MAX  65536 /* of one setting */

/* A port where mail comes in. */
struct attach_listener {
	char name[128];      /* as the settings call it: "smtp", "127.0.0.1:10025" */
	char host[256], port[64]; /* to reach it from this machine */
	bool tls;            /* from the first octet on */
	bool chroot;
	bool spared;         /* it is told on purpose to ask no milter */
};

struct attach;
struct attach_mta {
	const char *word;  /* of the command line: "postfix" */
	const char *usual; /* its settings, unless others are named */
	/*
	 * Read the settings, fill in files, listeners and hears, tell what fights, and change the copies, which go into the folder. 0; -errno with *reterr:
	 * the settings cannot be read, or are broken.
	 */
	int (*plan)(struct attach *a, struct err *reterr);
	int (*add_files)(struct attach *a, struct err *reterr);
	int (*check)(const struct attach *a, struct err *reterr); /* does it take its settings as they are? */
	int (*reload)(const struct attach *a, struct err *reterr); /* 1: done; 0: it is not running, or it is not known how */
	const char *restart; /* what to do where it was not reloaded */
	const struct hold_queue *queue;
};
extern const struct attach_mta attach_postfix, attach_sendmail;

struct attach {
	const struct attach_mta *mta;
	const char *config; /* the folder of main.cf, or sendmail.cf */
	const char *mc, *cf_dir, *reload; /* of Sendmail: sendmail.mc, where m4/cf.m4 is, a command; NULL: none */
	struct ctl_target target;

	/* of the daemon: */
	char listen[512], authserv_id[256];
	int64_t stage_deadline_ms;

	char folder[1024]; /* for copies; "": there is none yet */
	struct attach_files files;
	VEC(struct attach_listener) listeners;
	size_t bads;
	bool changed; /* the settings, for good */
};

/* LOOK: it works, but see whether it is meant so; BAD: it would not work. */
enum attach_level { ATTACH_GOOD, ATTACH_LOOK, ATTACH_BAD };
void attach_tell(struct attach *a, enum attach_level level, const char *what, ...) SLUICE_PRINTF(3, 4);

/* attach_value.c: values of settings. Pure. */
/* The next item of a list with commas or blanks between, braces kept together; NULL: there is none. *at moves on. */
const char *attach_next_item(const char **at, size_t *ret_len);
/* The same list with commas alone between its items, and no blanks in braces: postconf -P takes none. Added to out. */
void attach_compact(struct text *out, const char *list);
/* A time as Postfix has it, "30s", "5m"; without a unit seconds. -1: it is none. */
int64_t attach_time_ms(const char *value);
/* What of our work others do as well, by what they, or their sockets, are usually called; NULL: nothing that is known. */
const char *attach_same_work(const char *what);

/* attach_prove.c: say what happens to mail that comes in at each listener. How many of them have shown that Sluice is asked; -1: one has shown that it is not. */
int attach_prove(struct attach *a);

#endif
