/* SPDX-License-Identifier: BSD-2-Clause */
/* advice.c - what is no error in a policy, and is perhaps not what its author meant. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/ip.h"
#include "filter/policy/expr_node.h"
#include "filter/policy/parser.h"
#include "filter/policy/proof.h"

#define EFFORT         2000000 /* steps of proofs for the whole of a policy: a part of a second */
#define RULES_ABOVE    64      /* a rule is compared with so many above it */
#define WARNINGS_MAX   100

struct adviser {
	struct policy *p;
	struct err *err;
	unsigned effort;
	int authenticated, trusted; /* facts */
};

static int warn(struct policy *p, struct place at, struct err *reterr, const char *format, va_list args) SLUICE_PRINTF(4, 0);
static int advise(struct adviser *a, struct place at, const char *format, ...) SLUICE_PRINTF(3, 4);

/* It looks like an error, and is none. */
static int warn(struct policy *p, struct place at, struct err *reterr, const char *format, va_list args)
{
	char text[512];
	const char *kept;

	if (p->warnings.len >= WARNINGS_MAX)
		return 0;
	(void)vsnprintf(text, sizeof text, format, args);
	(void)place_error(at, reterr, "warning: %s", text);
	kept = arena_copy(p->arena, reterr->text, strlen(reterr->text));
	*reterr = (struct err){ 0 };
	return kept && vec_push(&p->warnings, kept) ? 0 : err_set(reterr, -ENOMEM, "out of memory");
}

static int advise(struct adviser *a, struct place at, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = warn(a->p, at, a->err, format, args);
	va_end(args);
	return r;
}

int policy_warn(struct policy *p, struct place at, struct err *reterr, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = warn(p, at, reterr, format, args);
	va_end(args);
	return r;
}

static bool ends_stage(const struct rule *r)
{
	bool terminal = r->action == RULE_ACCEPT || r->action == RULE_TEMPFAIL || r->action == RULE_REJECT || r->action == RULE_DISCARD;

	return terminal && !r->shadow && !r->sample && !r->limit;
}

static bool reads(const struct rule *r, unsigned fact)
{
	for (size_t i = 0; i < r->fact_count; i++)
		if (r->facts[i] == fact)
			return true;
	return false;
}

/* Only what reads nothing that the other does not can hold whenever the other holds. */
static bool reads_as_much(const struct rule *r, const struct rule *above)
{
	for (size_t i = 0; i < above->when_facts; i++)
		if (!reads(r, above->facts[i]))
			return false;
	return true;
}

/* ---- what never happens ---- */

static int never_matches(struct adviser *a, const struct rule *r, bool *ret_never)
{
	*ret_never = !proof_can_hold(r->when, &a->effort);
	return *ret_never ? advise(a, r->place, "rule %s can never match: parts of its condition exclude each other", r->name) : 0;
}

static int is_hidden(struct adviser *a, size_t index)
{
	const struct rule *r = &a->p->rules.items[index];
	unsigned compared = 0;

	for (size_t i = index; i-- > 0 && compared < RULES_ABOVE;) {
		const struct rule *above = &a->p->rules.items[i];

		if (above->stage != r->stage || !ends_stage(above) || (above->each && !r->each) || !reads_as_much(r, above))
			continue;
		compared++;
		if (!proof_possible(r->when, above->when, &a->effort))
			return advise(a, r->place, "rule %s is never reached: rule %s, in %s line %u, ends the stage whenever it would match", r->name,
				above->name, above->place.source->path, above->place.line);
	}
	return 0;
}

static int empty_lists(struct adviser *a, const struct rule *r, const struct expr *e)
{
	int result = 0;

	if (!e)
		return 0;
	if (e->op == EXPR_IN_LIST && list_len(e->list) == 0 && !list_unread(e->list) && e->place.source == r->place.source)
		return advise(a, e->place, "list %s is empty: nothing is in it, for rule %s", list_name(e->list), r->name);
	if (e->op == EXPR_AND || e->op == EXPR_OR || e->op == EXPR_NOT)
		result = empty_lists(a, r, e->a);
	return result < 0 || (e->op != EXPR_AND && e->op != EXPR_OR) ? result : empty_lists(a, r, e->b);
}

/* ---- who is hit ---- */

static bool refuses(const struct rule *r)
{
	return !r->shadow && (r->action == RULE_REJECT || r->action == RULE_TEMPFAIL || r->action == RULE_DISCARD || r->action == RULE_GREYLIST);
}

static bool reads_one_of(const struct adviser *a, const struct rule *r, const char *const *names)
{
	for (size_t i = 0; i < r->fact_count; i++) {
		const char *name = a->p->catalog->facts.items[r->facts[i]].name;

		for (const char *const *one = names; *one; one++)
			if (!strncmp(name, *one, strlen(*one)))
				return true;
	}
	return false;
}

/*
 * Whoever writes of ports, accounts or networks has thought of who is meant. A rule that does not, and can refuse them, is one that
 * its author had written with strangers in mind.
 */
static int hits_friends(struct adviser *a, const struct rule *r)
{
	static const char *const of_users[] = { "client.authenticated", "auth.", "account.", "port", "daemon.", "client.ip", "client.net", "relay.", NULL };
	static const char *const of_networks[] = { "client.trusted", "client.ip", "client.net", "client.name", "relay.", NULL };
	bool users, networks;

	if (!refuses(r))
		return 0;
	users = !reads_one_of(a, r, of_users) && proof_possible_with(r->when, (unsigned)a->authenticated, true, &a->effort);
	networks = !reads_one_of(a, r, of_networks) && proof_possible_with(r->when, (unsigned)a->trusted, true, &a->effort) &&
		   proof_possible_with(r->when, (unsigned)a->authenticated, false, &a->effort);
	if (!users && !networks)
		return 0;
	return advise(a, r->place, "rule %s can refuse %s%s%s: put it into a role that leaves them out, or name them in its condition", r->name,
		users ? "authenticated users" : "", users && networks ? " and " : "", networks ? "clients of the list 'trusted'" : "");
}

/* ---- what goes over the network ---- */

/* ADDRESS:PORT: is the address one of this machine alone? */
static bool is_loopback(const char *listen)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;
	struct sluice_ip ip;
	struct net v4, v6;

	if (len > 2 && *listen == '[' && listen[len - 1] == ']') {
		listen++;
		len -= 2;
	}
	if (len == strlen("localhost") && !memcmp(listen, "localhost", len))
		return true;
	return ip_parse(listen, len, &ip) && ((net_parse("127.0.0.0/8", 11, &v4) && net_contains(&v4, &ip)) || (net_parse("::1", 3, &v6) && net_contains(&v6, &ip)));
}

static int shows_tokens(struct adviser *a)
{
	const struct settings *s = &a->p->settings;

	if (!*s->http || !*s->api.tokens || *s->api.certificate || !strncmp(s->http, "unix:", 5) || is_loopback(s->http))
		return 0;
	return advise(a, policy_place(a->p, "http", NULL),
		"tokens for http go over the network in clear text: set certificate and key in 'api { }', or listen on 127.0.0.1 with a web server before it");
}

/* ---- all of it ---- */

int advice_give(struct policy *p, struct err *reterr)
{
	struct adviser a = { p, reterr, EFFORT, catalog_find(p->catalog, "client.authenticated"), catalog_find(p->catalog, "client.trusted") };
	int r = shows_tokens(&a);

	for (size_t i = 0; r == 0 && i < p->rules.len; i++) {
		const struct rule *rule = &p->rules.items[i];
		bool never;

		r = never_matches(&a, rule, &never);
		if (r == 0 && !never)
			r = is_hidden(&a, i);
		if (r == 0)
			r = empty_lists(&a, rule, rule->when);
		if (r == 0 && !never && a.authenticated >= 0 && a.trusted >= 0)
			r = hits_friends(&a, rule);
	}
	return r;
}
