/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h - a configuration that has been read and checked: settings, lists, roles and rules. Immutable once loaded.
 * The grammar is in sluice-rules(5).
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "filter/base/arena.h"
#include "filter/policy/assertion.h"
#include "filter/policy/catalog.h"
#include "filter/policy/expr.h"
#include "filter/policy/limit.h"
#include "filter/policy/list.h"
#include "filter/policy/pattern.h"
#include "filter/policy/profile.h"
#include "filter/policy/reply.h"
#include "filter/policy/settings.h"
#include "filter/policy/source.h"

#define POLICY_MAX_BYTES    (64u << 20) /* memory for what was parsed */
#define POLICY_MAX_INCLUDES 64          /* files in all */
#define POLICY_MAX_RULES    4096

#define RULE_SAMPLE_WHOLE 100000

enum rule_action { RULE_ACCEPT, RULE_TEMPFAIL, RULE_REJECT, RULE_SCORE, RULE_TAG, RULE_HOLD, RULE_DISCARD, RULE_REDIRECT, RULE_ADD,
	RULE_REPLACE, RULE_APPEND, RULE_GREYLIST, RULE_SIGN, RULE_SEAL, RULE_ACTIONS };
extern const char *const rule_action_words[]; /* in the order of enum rule_action */
/*
 * The check that an action runs, by its name, or NULL. Its fact NAME.blocked says whether the rule then refuses with its
 * reply. In the order of enum rule_action.
 */
extern const char *const rule_action_checks[RULE_ACTIONS];

struct rule {
	const char *name;
	struct place place;
	const char *text; /* as it stands in the file, white space folded */
	enum sluice_stage stage;
	bool each;                 /* of MESSAGE: judged for each recipient */
	int64_t sample;            /* of RULE_SAMPLE_WHOLE messages it looks at so many; 0: at all */
	const struct limit *limit; /* it matches what is over it; NULL: none */
	enum rule_action action;
	int64_t score_milli;       /* SCORE */
	const struct reply *reply; /* TEMPFAIL, REJECT, TAG, HOLD, DISCARD, REPLACE, GREYLIST, SIGN, SEAL */
	const char *field;         /* TAG: the header field that is added; NULL: the Subject gets the text before it */
	const char *target;        /* REDIRECT, ADD: an address */
	unsigned parts_fact;       /* REPLACE: a TEXTS fact, each item of which begins with the number of a part and a word about it */
	const char *const *words;  /* REPLACE: those that are about one of these; none: all */
	size_t word_count;
	const char *appended;      /* APPEND: a text that goes to the end of the message */
	bool optional;             /* SIGN, SEAL: one that fails refuses nobody */
	bool shadow;               /* a match is noted, and nothing is done */
	bool warn;                 /* a match is told to the operator */
	const struct expr *when;   /* its own condition and that of its roles; NULL: always */
	const struct expr *roles;  /* the latter alone; NULL: it is in all */
	const unsigned *facts;     /* what it reads, each once */
	size_t fact_count, when_facts; /* when_facts: those of the condition, which come first */
};

struct condition { /* that the site gave a name */
	const char *name;
	struct place place;
	const struct expr *when;
	bool role; /* blocks of rules may be `in` it */
};

/* One line of `sluicectl config show`. */
struct policy_shown {
	const char *key, *value; /* "dns.timeout", "5s"; secrets are not in it */
	struct place place;      /* no source: a default */
};

struct policy_blocks { /* of one plugin */
	struct sluice_block *items;
	size_t len, capacity;
	VEC(struct place) places; /* of each block */
};

struct policy {
	struct arena *arena;
	const struct catalog *catalog; /* borrowed */
	struct settings settings;
	VEC(struct source *) sources;
	VEC(struct list *) lists;
	VEC(struct condition) conditions;
	struct profiles profiles;
	struct patterns patterns;
	VEC(struct rule) rules; /* in the order in which they are looked at */
	VEC(struct assertion) assertions;
	VEC(struct policy_blocks) blocks; /* by index of the catalog's plugins */
	VEC(const char *) tag_fields; /* header fields that rules add, each once */
	VEC(struct policy_shown) shown;
	VEC(const char *) warnings; /* ready to be shown, as an error is */
};

struct policy_host {
	struct catalog *catalog; /* grows with load_plugin, make_plugin and profiles */
	/* `plugin "/path"`: adds its facts to the catalog. 0, or -errno with *reterr (the reason alone). */
	int (*load_plugin)(void *arg, const char *path, struct err *reterr);
	/* Of a plugin that has make(): adds what it makes of this block. 0, or -errno with *reterr. May be NULL. */
	int (*make_plugin)(void *arg, const struct sluice_plugin *plugin, const struct sluice_block *block, struct sluice_config_error *reterr);
	void *arg;
};

/* Read a configuration. host and its catalog must outlive the policy. 0; -errno with *reterr. */
int policy_load(const char *path, const struct policy_host *host, struct policy **ret, struct err *reterr) SLUICE_MUST_USE;
/* The same from memory: for tests and the fuzzer. */
int policy_parse(const char *name, const char *bytes, size_t len, const struct policy_host *host, struct policy **ret,
	struct err *reterr) SLUICE_MUST_USE;
/* Add one to the warnings, of which there are not too many. 0, -ENOMEM with *reterr. */
int policy_warn(struct policy *p, struct place at, struct err *reterr, const char *format, ...) SLUICE_MUST_USE SLUICE_PRINTF(4, 5);
void policy_free(struct policy *p); /* takes NULL */
const struct rule *policy_rule(const struct policy *p, const char *name); /* NULL: none of this name */
const struct list *policy_list(const struct policy *p, const char *name); /* NULL: none of this name */
/* Where a setting stands, such as "dns.forward"; of one that may be repeated the one with this value, else value is NULL. */
struct place policy_place(const struct policy *p, const char *key, const char *value);
/* A setting of a plugin that has one block. NULL: it is not set, or there is no such plugin. */
const struct sluice_setting *policy_setting(const struct policy *p, const char *plugin, const char *key);
/* Block i, from 0 on, of a plugin whose blocks have labels. NULL: there are no more, or there is no such plugin. */
const struct sluice_block *policy_block(const struct policy *p, const char *plugin, size_t i);
/* A setting of one of its blocks. NULL: it is not set. */
const struct sluice_setting *policy_block_setting(const struct policy *p, const char *plugin, const struct sluice_block *block, const char *key);

#endif
