/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api.h - what the daemon answers over HTTP: /metrics, the API below /api/v1 (contrib/api.yaml), the pages for people (page/page.h). Who may ask what is decided here, and
 * nowhere else: contrib/design/0024-http.md says why so. All but api_new() and api_free() is on the HTTP server's thread, which may wait.
 */
#ifndef FILTER_API_H
#define FILTER_API_H

#include <stdint.h>

#include "filter/base/text.h"
#include "filter/engine/snapshot.h"
#include "filter/held.h"
#include "filter/key_watch.h"
#include "filter/observe/history.h"
#include "filter/observe/http.h"
#include "filter/observe/log.h"
#include "filter/observe/metrics.h"
#include "filter/observe/rates.h"
#include "filter/observe/token.h"
#include "filter/services/health.h"

struct api_of { /* all borrowed */
	struct history *history;
	struct metrics *metrics;
	struct health *health;
	struct key_watch *keys;
	struct held *held;
	struct log *log;
	struct snapshot *(*current)(void *arg); /* that the caller gives back */
	void (*print_metrics)(void *arg, struct text *out);
	int (*ask)(void *arg, const char *request, struct text *out); /* as the control socket (control.h); waits for the answer */
	void *arg;
	const char *config, *listen;
	int64_t began_ms; /* monotonic */
	bool by_path;     /* it is asked through a socket in the file system, whose mode says who can */
};

struct api;

struct api *api_new(const struct api_of *of); /* NULL: no memory */
void api_free(struct api *a);                 /* takes NULL */
/* What http.h wants to know. */
struct http_host api_host(struct api *a);

/* ---- for those who answer ---- */

struct api_request {
	const struct api_of *of;
	const struct rates *rates;
	struct snapshot *s;
	const struct http_request *http;
	const char *rest; /* of the path, behind a route that ends in a slash */
	const char *body;
	size_t len;
	const struct http_token *who; /* NULL: nobody had to say */
	struct http_answer *answer;
	bool quiet; /* an error is two lines of text: another page asks, which shows them */
};

/* The value of a parameter, decoded, in buf; "" where it is not given. The parameters that a route takes have been checked. */
const char *api_parameter(const struct api_request *q, const char *key, char buf[HTTP_VALUE_MAX]);
/* An error, with what can be done about it. */
void api_error(const struct api_request *q, unsigned status, const char *error, const char *remedy);

#endif
