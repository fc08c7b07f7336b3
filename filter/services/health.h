/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * health.h - what outside works and what does not, by subject ("dnsbl zen.example.org"): shared by all sessions and
 * kept over a reload. A change is told once to a listener, which logs it. Any threads.
 */
#ifndef SERVICES_HEALTH_H
#define SERVICES_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#define HEALTH_MAX_SUBJECTS 1024 /* more are not kept, and count as healthy */

struct health;
struct health_row {
	const char *subject, *why; /* borrowed for the call */
	bool healthy;
	int64_t since_ms; /* wall clock */
};

/* changed is called outside the lock. */
struct health *health_new(void (*changed)(void *arg, const struct health_row *row), void *arg);
void health_free(struct health *h);
bool health_is_good(struct health *h, const char *subject);
void health_report(struct health *h, const char *subject, bool healthy, const char *why);
/* Nobody asks it any more. */
void health_forget(struct health *h, const char *subject);
/* Each subject in order of name; the callback must not call back into health. */
void health_each(struct health *h, void (*row)(void *arg, const struct health_row *row), void *arg);

#endif
