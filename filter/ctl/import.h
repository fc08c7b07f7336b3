/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import.h - what the importers share. Each reads the configuration of another program and adds to what becomes one of Sluice's; what has no
 * equivalent is said with its place and a reason, and never left out in silence. What is made is read behind the shipped configuration: lists, roles and
 * rules have the program's name before their own, and what sluice.conf sets already is a step to be done by hand.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include <stdbool.h>

#include "filter/base/text.h"

struct import {
	const char *path; /* of the file that is read */
	unsigned line;
	struct text settings, lists, rules; /* as sluice.conf has them */
	struct text steps;                  /* to be done by hand: a line each */
	struct text left;                   /* not carried over: a line each, with its place */
	void *own;                          /* the importer's, what it has to know of earlier lines */
	bool found_any;                     /* a line that is no comment */
	bool left_any, failed;              /* failed: a file could not be read, which was said on stderr */
};

/* How a file has its lines: "Key value", or "key = value", which may be quoted. # begins a comment, and so does ; where a line begins. */
enum import_form { IMPORT_BLANK, IMPORT_EQUALS };

struct import_key {
	const char *name; /* without regard to case; NULL ends the table */
	/* value: without blanks around and quotes; NULL: it means nothing to us, and is missed by nobody */
	void (*take)(struct import *i, const char *key, const char *value);
};
/* Each line of the file that i->path names. A key that is not in the table is not carried over. */
void import_keys(struct import *i, enum import_form form, const struct import_key *keys);
/* The same, as they are: without comments and blanks around; empty ones are passed over. A line may be changed. */
void import_lines(struct import *i, void (*line)(struct import *i, const void *arg, char *line), const void *arg);

/* Not carried over, of the present line. */
void import_left(struct import *i, const char *what, const char *why);
void import_step(struct import *i, const char *format, ...) SLUICE_PRINTF(2, 3);

/* "yes", "true", "1", "on". */
bool import_is_yes(const char *value);
/* It can stand in sluice.conf between quotes. */
bool import_is_plain(const char *value);
/* "inet:8891@localhost", "local:/run/x", "/run/x": what `listen` is to be; or it is not carried over. */
void import_socket(struct import *i, const char *key, const char *value);
/* What `user` is to be, of "USER" or "USER:GROUP". */
void import_user(struct import *i, const char *key, const char *value);
void import_authserv_id(struct import *i, const char *key, const char *value);
/* A setting, or a block, of which there can be one: head is how it begins. For the second time it is not carried over. */
void import_setting(struct import *i, const char *what, const char *head, const char *format, ...) SLUICE_PRINTF(4, 5);
/*
 * "  delay 5m", of what is to stand in greylist { }: delay, window or lifetime, as a number of unit s, m, h or d. False: it is none, it is shorter or longer than
 * that takes, or it is there already.
 */
bool import_greylist_time(struct text *settings, const char *setting, const char *number, size_t len, char unit);
/*
 * A rule in a block of its own. where: "message in ROLE"; from: what it comes from; head: "rule NAME", "shadow rule NAME". The second of its name is not carried
 * over.
 */
void import_rule(struct import *i, const char *where, const char *from, const char *head, const char *format, ...) SLUICE_PRINTF(5, 6);
/* A role, if a rule is in it. With "or" or "and not" the clients in a list are counted in or out, if there is such a list; NULL: of none. */
void import_role(struct import *i, const char *name, const char *condition, const char *or_not, const char *list);
bool import_has_list(const struct import *i, const char *name);
/* A line `list NAME TYPE ...` for the first time; false, and not carried over: there is such a list. */
bool import_list(struct import *i, const char *name, const char *type, const char *items);
/* The same, with its items in a file. */
void import_list_file(struct import *i, const char *name, const char *type, const char *path);
/* A line `list NAME network [...]` of words with commas or blanks between; what is no network is not carried over. */
void import_networks(struct import *i, const char *name, const char *value);
/* Is it a network or an address, as a list takes it? */
bool import_is_network(const char *value);
/* Is it a mail address, of those that need no quotes? */
bool import_is_address(const char *value);

/* The importers; each gets one file after the other, and is told when it was the last. */
void import_opendkim(struct import *i);
void import_opendkim_end(struct import *i);
void import_opendmarc(struct import *i);
void import_opendmarc_end(struct import *i);
void import_policyd_spf(struct import *i);
void import_policyd_spf_end(struct import *i);
void import_postgrey(struct import *i);
void import_postgrey_end(struct import *i);
void import_milter_greylist(struct import *i);
void import_milter_greylist_end(struct import *i);
void import_rspamd(struct import *i);
void import_rspamd_end(struct import *i);

#endif
