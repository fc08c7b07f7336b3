/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.h - what the gateway does with a transaction, or with one recipient, at one stage. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include "filter/base/vec.h"
#include "filter/mail/mime_rewrite.h"
#include "filter/policy/policy.h"

enum verdict_action {
	VERDICT_CONTINUE,
	VERDICT_HOLD, /* of the whole message: it goes on, into the MTA's quarantine */
	VERDICT_DISCARD, /* of the whole message: the client hears that it was taken, and nobody gets it */
	VERDICT_TEMPFAIL,
	VERDICT_REJECT,
	VERDICT_FAULT, /* Sluice itself failed: the edge does what on_fault says */
};

struct verdict {
	enum verdict_action action;
	enum sluice_stage stage; /* at which it was judged */
	unsigned code;           /* 4xx or 5xx; 0 for CONTINUE */
	const char *dsn, *text;  /* text: printable ASCII; lives until the session's next event */
	const struct rule *rule; /* NULL: a limit or a fault of ours */
	char ref[16];            /* the case it is told in: what a postmaster can ask `sluicectl explain` about */
};

struct edit_header {
	const char *name, *value; /* value: folded with LF, without the blank after the colon */
};

struct edit_removal {
	const char *name;
	unsigned number; /* among the fields of this name, from 1 */
};

/* What is to be done to a message that goes on. Lives until the session's next event. */
struct edits {
	VEC(struct edit_removal) remove; /* of one name from the last to the first */
	const char *authres;        /* value of our Authentication-Results, to be inserted at index 0; NULL: none */
	VEC(struct edit_header) tags; /* fields that rules add */
	const char *subject;        /* the Subject that the message gets; NULL: it keeps its own */
	bool has_subject;           /* it has one that is to be changed */
	VEC(const char *) add_recipients, remove_recipients; /* without brackets, the latter as the client gave them */
	VEC(struct edit_header) insert; /* below authres and above the rest, each above the one before it */
	const char *hold;           /* why the message is held; NULL: it is not */
	struct mime_rewrite body;   /* no pieces: the body stays. With a type, all fields Content-... go, and: */
	VEC(struct edit_header) content; /* are there in their place, each above the one before it */
	VEC(const char *) changed;  /* what is changed of the body, in words for the case */
	const char *unchanged;      /* why parts that were to be replaced could not be; NULL: they were */
};

#endif
