/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * webhook.h - a line, posted to a URL (HTTP/1.1 POST, application/json), in the foreground. Who gets it can tell that it is from us by
 * X-Sluice-Signature: "sha256=" and the HMAC (RFC 2104) of the body under a secret that both know, in hexadecimal digits.
 */
#ifndef OBSERVE_WEBHOOK_H
#define OBSERVE_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/base/err.h"

#define WEBHOOK_TIMEOUT_S 10

struct webhook {
	char *host, *path; /* private; path: with the query */
	int port;
	bool tls;
	char *secret;
};

/* http://HOST[:PORT][/PATH], or https, whose certificate has to be of that host, and good. secret: "" is none. 0; -EINVAL with *reterr; -ENOMEM. */
int webhook_init(struct webhook *w, const char *url, const char *secret, struct err *reterr);
void webhook_done(struct webhook *w);
/* The status of the answer; 0: there was none, and why says so. Takes no longer than WEBHOOK_TIMEOUT_S or so. Any thread. */
int webhook_post(const struct webhook *w, const char *body, size_t len, char why[200]);

#endif
