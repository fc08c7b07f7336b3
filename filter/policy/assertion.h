/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assertion.h - what a site wants to be sure of: `assert "text" { client ... rcpt ... expect reject at rcpt }`. Played by
 * engine/assertion when a configuration is loaded.
 */
#ifndef POLICY_ASSERTION_H
#define POLICY_ASSERTION_H

#include "filter/base/value.h"
#include "filter/base/vec.h"
#include "filter/observe/case.h"
#include "filter/policy/source.h"

struct assertion_fact { /* what a check is to find */
	unsigned fact;
	struct value value;
};

struct assertion {
	const char *text;
	struct place place;
	struct sluice_ip client;
	uint16_t port;
	const char *name, *helo, *user; /* "": none */
	const char *from;               /* NULL: of the domain of helo */
	VEC(const char *) rcpts;
	VEC(struct case_header) headers;
	VEC(struct assertion_fact) facts;
	struct {
		enum case_action action;
		enum sluice_stage stage; /* SLUICE_STAGES: whichever */
		const char *rule;        /* NULL: whichever */
		struct place place, rule_place; /* no source: it was not said */
	} expect;
};

#endif
