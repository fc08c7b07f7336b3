/* SPDX-License-Identifier: BSD-2-Clause */
/* explain.c - sluicectl explain: why a transaction ended as it did, and what would have been without the rule that decided. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/control.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/replay_case.h"
#include "filter/ctl/show.h"
#include "filter/observe/case_folder.h"
#include "filter/services/health.h"

#define CASE_MEMORY (16u << 20)

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* ---- the same transaction once more ---- */

struct again {
	struct snapshot *snapshot;
	struct replay_names *names;
	struct engine engine;
	struct arena *arena;
};

/* NULL, or why it cannot be played: a static text. */
static const char *play(struct again *a, const json_t *c, const char *without, struct replay *r, struct dialogue **ret_d, struct replay_result *ret)
{
	const char *why = replay_case_read(c, a->names, a->arena, r);

	if (why)
		return why;
	r->without = without;
	*ret_d = dialogue_new(&a->engine, a->snapshot);
	if (!*ret_d || !replay_run(*ret_d, r, ret))
		return "out of memory";
	return ret->undecided ? "the configuration asks for what was not recorded" : NULL;
}

static void show_result(FILE *out, const struct replay *r, const struct replay_result *result)
{
	const struct verdict *v = &result->verdict;

	if (v->action == VERDICT_CONTINUE && !r->has_message) {
		fprintf(out, "it would have gone on after %s; nobody knows what would have followed\n", stage_words[v->stage]);
		return;
	}
	/* the verdicts of a dialogue and the actions of a case are in one order */
	fprintf(out, "%s at %s", case_action_words[v->action], stage_words[v->stage]);
	if (v->rule)
		fprintf(out, ", by rule %s (%s:%u)", v->rule->name, v->rule->place.source->path, v->rule->place.line);
	fputc('\n', out);
}

static void show_without(FILE *out, struct again *a, const json_t *c, const char *rule)
{
	struct replay r;
	struct replay_result result;
	struct dialogue *d = NULL;
	const char *why = play(a, c, rule, &r, &d, &result);

	fprintf(out, "%-11s ", "without it");
	if (!policy_rule(a->snapshot->policy, rule))
		fprintf(out, "not known: the configuration has no rule %s any more\n", rule);
	else if (why)
		fprintf(out, "not known: %s\n", why);
	else
		show_result(out, &r, &result);
	dialogue_free(d);
	replay_case_done(&r);
}

/* What the configuration of today makes of it, where that is something else. */
static void show_today(FILE *out, struct again *a, const json_t *c)
{
	const json_t *verdict = json_object_get(c, "verdict");
	struct replay r;
	struct replay_result result;
	struct dialogue *d = NULL;
	const char *why = play(a, c, NULL, &r, &d, &result);

	if (!why && (strcmp(case_action_words[result.verdict.action], str(verdict, "action")) != 0 ||
			    strcmp(result.verdict.rule ? result.verdict.rule->name : "", str(verdict, "rule")) != 0)) {
		fprintf(out, "%-11s ", "by now");
		show_result(out, &r, &result);
	}
	dialogue_free(d);
	replay_case_done(&r);
}

/* config: the daemon's; one that cannot be read is none of this case's business. */
static void show_again(FILE *out, const json_t *c, const char *config)
{
	const struct snapshot_options options = { .no_services = true };
	struct again a = { .engine = { .offline = true }, .arena = arena_new(CASE_MEMORY) };
	const char *rule = str(json_object_get(c, "verdict"), "rule");
	struct err err;

	if (a.arena && snapshot_load(config, &options, &a.snapshot, &err) == 0) {
		a.names = replay_names_new(a.snapshot);
		a.engine.health = health_new(NULL, NULL);
	}
	if (a.names && a.engine.health) {
		if (*rule)
			show_without(out, &a, c, rule);
		show_today(out, &a, c);
	}
	replay_names_free(a.names);
	health_free(a.engine.health);
	snapshot_unref(a.snapshot);
	arena_free(a.arena);
}

/* ---- the command ---- */

/* The daemon does not have it in its memory. folder: "" where it keeps none on the disk. */
static int find_on_disk(const char *folder, const char *id, struct text *out)
{
	struct err err;
	int r = *folder ? case_folder_find(folder, id, out, &err) : 0;

	if (r > 0)
		return EX_OK;
	if (r < 0)
		fprintf(stderr, "sluicectl: %s\n", err.text);
	else if (*folder)
		fprintf(stderr, "sluicectl: no case '%s' is kept, in memory or in %s\n", id, folder);
	else
		fprintf(stderr, "sluicectl: no case '%s' is kept: it may be older than 'history' reaches; 'cases { to FOLDER }' keeps them longer\n", id);
	return EX_NOINPUT;
}

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl explain [-c FILE | -s SOCKET] [--json] ID\n"
	      "  -c FILE    configuration of the daemon (" CTL_DEFAULT_CONFIG ")\n"
	      "  -s SOCKET  the daemon's control socket\n"
	      "  --json     the case as one line of JSON\n"
	      "ID is a reference from a reply (ref=...), a queue id or a message id\n", out);
	return status;
}

static bool show(const struct ctl_target *target, const char *json)
{
	json_t *c = show_read(json);

	if (!c)
		return false;
	show_summary(stdout, c);
	if (target->config || !target->socket)
		show_again(stdout, c, target->config ? target->config : CTL_DEFAULT_CONFIG);
	show_details(stdout, c);
	json_decref(c);
	return true;
}

int ctl_explain(int argc, char **argv)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX);
	struct ctl_target target = { 0 };
	bool json = false;
	const char *id;
	int option = ctl_target_options(argc, argv, &target, &json), status;

	if (option != -1 || optind + 1 != argc)
		return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
	id = argv[optind];
	if (!*id || strpbrk(id, "\r\n") || strlen(id) > CONTROL_LINE_MAX - 16) {
		fputs("sluicectl: an ID is a reference from a reply (ref=...), a queue id or a message id\n", stderr);
		return EX_USAGE;
	}
	text_addf(&request, "explain %s\n", id);
	status = ctl_ask(&target, text_str(&request), &out);
	if (status == EX_NOINPUT) {
		SLUICE_CLEANUP(text_done) struct text folder = out;

		out = TEXT_INIT(CONTROL_ANSWER_MAX);
		status = find_on_disk(text_str(&folder), id, &out);
	}
	if (status)
		return status;
	if (json)
		puts(text_str(&out));
	return json || show(&target, text_str(&out)) ? EX_OK : EX_SOFTWARE;
}
