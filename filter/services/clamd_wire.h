/* SPDX-License-Identifier: BSD-2-Clause */
/* clamd_wire.h - what clamd answers to its commands FILDES, INSTREAM and VERSION (clamd(8)), without the NUL at the end. Pure. */
#ifndef SERVICES_CLAMD_WIRE_H
#define SERVICES_CLAMD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAMD_REPLY_MAX 4096 /* octets of a reply */
#define CLAMD_TEXT_MAX  200  /* octets of what is taken out of one */

enum clamd_reply_kind {
	CLAMD_CLEAN,     /* "stream: OK" */
	CLAMD_FOUND,     /* "stream: NAME FOUND" */
	CLAMD_TOO_LARGE, /* "INSTREAM size limit exceeded. ERROR" */
	CLAMD_ERROR,     /* "stream: TEXT ERROR" */
	CLAMD_NONSENSE,  /* no answer of clamd's */
};

/* Texts are UTF-8 without control characters, cut. */
struct clamd_reply {
	enum clamd_reply_kind kind;
	char text[CLAMD_TEXT_MAX + 1]; /* of FOUND the name, of ERROR what it says; else "" */
};
void clamd_reply_read(const char *bytes, size_t len, struct clamd_reply *ret);

/* "ClamAV 1.4.3/27800/Mon Nov 25 09:30:00 2024"; without signatures of ClamAV's own only what stands before the slash. */
struct clamd_version {
	char text[CLAMD_TEXT_MAX + 1]; /* all of it; "": not known */
	char engine[CLAMD_TEXT_MAX + 1];
	int64_t signatures_s; /* since 1970, the time of day as if it were UTC; 0: not known */
};
/* False: it is none. */
bool clamd_version_read(const char *bytes, size_t len, struct clamd_version *ret);

#endif
