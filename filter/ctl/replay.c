/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - sluicectl replay: recorded cases through another policy, and what it would have changed. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/progress.h"
#include "filter/ctl/replay_case.h"
#include "filter/ctl/shown.h"
#include "filter/observe/case_folder.h"
#include "filter/policy/option.h"
#include "filter/services/clock.h"
#include "filter/services/health.h"

#define CASE_MEMORY   (64u << 20) /* of one, with all that is read from it */
#define EXAMPLES      3    /* of each kind of change */
#define CHANGES_MAX   1000 /* kinds that are told apart */
#define RULES_TEXT    400  /* octets of the names of rules in one kind */

struct change {
	char what[RULES_TEXT * 2 + 128];
	uint64_t count;
	char examples[EXAMPLES][200];
};

struct totals {
	uint64_t cases, same, changed, undecided, skipped, older;
	VEC(struct change) changes;
	char undecided_example[64], skipped_why[160];
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl replay [--policy FILE] [--since TIME] [--json] [CASES...]\n"
	      "  --policy FILE  the configuration to be tried (" CTL_DEFAULT_CONFIG ")\n"
	      "  --since TIME   only cases that are not older, such as 24h\n"
	      "  --json         one object of JSON\n"
	      "CASES are folders or files of cases, a line of JSON each, or - ; without one, the folder that 'cases' of the configuration names.\n"
	      "exit status: 0 nothing changes, 1 something does, 2 nothing was to be decided, 64 usage, 66 no case was replayed, 78 bad configuration\n", out);
	return status;
}

/* ---- one case ---- */

/* Verdict, stage and rule, points and all rules: what a change is told by. */
static void describe(struct text *out, const char *action, const char *stage, const char *rule, int64_t score_milli)
{
	text_adds(out, action);
	if (*rule)
		text_addf(out, " by %s at %s", rule, stage);
	if (score_milli) {
		text_adds(out, ", ");
		text_add_milli(out, score_milli);
		text_adds(out, " points");
	}
}

static void describe_old(struct text *out, struct text *rules, const json_t *c)
{
	const json_t *verdict = json_object_get(c, "verdict"), *rule;
	const char *action = json_string_value(json_object_get(verdict, "action"));
	const char *stage = json_string_value(json_object_get(verdict, "stage")), *name = json_string_value(json_object_get(verdict, "rule"));
	double score = json_number_value(json_object_get(c, "score"));
	size_t i;

	describe(out, action ? action : "", stage ? stage : "", name ? name : "", (int64_t)(score * 1000 + (score < 0 ? -0.5 : 0.5)));
	json_array_foreach(json_object_get(c, "rules"), i, rule)
		if (json_is_string(json_object_get(rule, "name")))
			text_addf(rules, " %s", json_string_value(json_object_get(rule, "name")));
}

static void describe_new(struct text *out, struct text *rules, const struct replay *r, const struct replay_result *result)
{
	bool goes_on = result->verdict.action == VERDICT_CONTINUE && !r->has_message;
	const struct rule *rule = result->verdict.action == VERDICT_CONTINUE ? NULL : result->verdict.rule;

	/* the verdicts of a dialogue and the actions of a case are in one order */
	describe(out, goes_on ? "going on" : case_action_words[result->verdict.action], stage_words[result->verdict.stage], rule ? rule->name : "",
		result->score_milli);
	for (size_t i = 0; i < result->rule_count; i++)
		text_addf(rules, " %s", result->rules[i]);
}

static bool note_change(struct totals *t, const char *what, const json_t *c)
{
	const char *id = json_string_value(json_object_get(c, "case")), *from = json_string_value(json_object_get(c, "from"));
	struct change *change = NULL;

	t->changed++;
	for (size_t i = 0; i < t->changes.len && !change; i++)
		if (!strcmp(t->changes.items[i].what, what))
			change = &t->changes.items[i];
	if (!change) {
		struct change fresh = { .count = 0 };

		if (t->changes.len == CHANGES_MAX)
			return true;
		(void)snprintf(fresh.what, sizeof fresh.what, "%s", what);
		if (!vec_push(&t->changes, fresh))
			return false;
		change = &t->changes.items[t->changes.len - 1];
	}
	if (change->count < EXAMPLES)
		(void)snprintf(change->examples[change->count], sizeof change->examples[0], "%s%s%.100s%s", id ? id : "?", from ? " from <" : "", from ? from : "",
			from ? ">" : "");
	change->count++;
	return true;
}

static bool compare(struct totals *t, const json_t *c, const struct replay *r, const struct replay_result *result)
{
	SLUICE_CLEANUP(text_done) struct text before = TEXT_INIT(4096), after = TEXT_INIT(4096), rules_before = TEXT_INIT(65536),
		rules_after = TEXT_INIT(65536), what = TEXT_INIT(16384);

	if (result->undecided) {
		if (!t->undecided++)
			(void)snprintf(t->undecided_example, sizeof t->undecided_example, "%s", json_string_value(json_object_get(c, "case")));
		return true;
	}
	describe_old(&before, &rules_before, c);
	describe_new(&after, &rules_after, r, result);
	if (!strcmp(text_str(&before), text_str(&after)) && !strcmp(text_str(&rules_before), text_str(&rules_after))) {
		t->same++;
		return true;
	}
	text_addf(&what, "%s -> %s", text_str(&before), text_str(&after));
	if (!strcmp(text_str(&before), text_str(&after)))
		text_addf(&what, "; rules that match:%.*s ->%.*s", RULES_TEXT, text_str(&rules_before), RULES_TEXT, text_str(&rules_after));
	return note_change(t, text_str(&what), c);
}

static bool play(struct totals *t, const json_t *c, struct engine *engine, struct snapshot *s, const struct replay_names *names, struct arena *arena)
{
	struct replay r;
	const char *why = replay_case_read(c, names, arena, &r);
	struct dialogue *d = why ? NULL : dialogue_new(engine, s);
	struct replay_result result;
	bool done = true;

	if (why && !t->skipped++)
		(void)snprintf(t->skipped_why, sizeof t->skipped_why, "%s", why);
	if (!why)
		done = d && replay_run(d, &r, &result) && compare(t, c, &r, &result);
	dialogue_free(d);
	replay_case_done(&r);
	return done;
}

/* ---- files ---- */

struct player {
	struct engine engine;
	struct snapshot *snapshot;
	struct replay_names *names;
	struct totals totals;
	int64_t since_ms;
	struct progress progress;
};

static bool is_older(const json_t *c, int64_t since_ms)
{
	struct tm tm = { 0 };
	const char *time = json_string_value(json_object_get(c, "time"));

	return since_ms && time && strptime(time, "%Y-%m-%dT%H:%M:%S", &tm) && (int64_t)timegm(&tm) * 1000 < since_ms;
}

/* A case has hundreds of values: given and taken back one by one they would cost more than all that is played. */
static struct arena *case_memory;

static void *json_alloc(size_t size)
{
	return arena_alloc(case_memory, size);
}

static void json_dealloc(void *memory)
{
	(void)memory; /* all goes with the case */
}

static bool play_line(struct player *p, const char *line, size_t len)
{
	json_t *c = json_loadb(line, len, 0, NULL);
	bool done = true;

	if (c && is_older(c, p->since_ms)) {
		p->totals.older++;
	} else if (c) {
		p->totals.cases++;
		done = play(&p->totals, c, &p->engine, p->snapshot, p->names, case_memory);
	} else {
		p->totals.cases++;
		if (!p->totals.skipped++)
			(void)snprintf(p->totals.skipped_why, sizeof p->totals.skipped_why, "a line that is no JSON, or was cut");
	}
	arena_reset(case_memory);
	return done;
}

static int play_file(struct player *p, const char *path)
{
	FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool done = true;

	if (!f) {
		progress_clear(&p->progress);
		fprintf(stderr, "sluicectl: %s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	while (done && (len = getline(&line, &size, f)) >= 0) {
		if (len > 1)
			done = play_line(p, line, (size_t)len);
		progress_step(&p->progress, (uint64_t)len);
	}
	progress_clear(&p->progress);
	free(line);
	if (f != stdin)
		(void)fclose(f);
	if (!done)
		fputs("sluicectl: out of memory\n", stderr);
	return done ? EX_OK : EX_OSERR;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

/* Octets of a file, or of the files of a folder; what cannot be read is told later. */
static uint64_t size_of_all(const char *path)
{
	SLUICE_CLEANUP(case_files_done) struct case_files files = { 0 };
	uint64_t size = size_of(path);
	struct err err;

	if (!size && case_folder_list(path, &files, &err) == 0)
		for (size_t i = 0; i < files.len; i++)
			size += size_of(files.items[i]);
	return size;
}

/* A file, or the files of a folder. */
static int play_path(struct player *p, const char *path)
{
	SLUICE_CLEANUP(case_files_done) struct case_files files = { 0 };
	struct stat st;
	int status = EX_OK;
	struct err err;

	if (!strcmp(path, "-") || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return play_file(p, path);
	if (case_folder_list(path, &files, &err) < 0) {
		fprintf(stderr, "sluicectl: %s\n", err.text);
		return EX_NOINPUT;
	}
	for (size_t i = 0; status == EX_OK && i < files.len; i++)
		if (access(files.items[i], F_OK) == 0) /* the daemon takes the oldest away */
			status = play_file(p, files.items[i]);
	return status;
}

static int by_count(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

static void show_example(const char *example)
{
	fputs("      case ", stdout);
	shown_put(stdout, example);
	putchar('\n');
}

static void put_changes(struct text *out, const struct totals *t)
{
	json_open(out, "changes", '[');
	for (size_t i = 0; i < t->changes.len; i++) {
		const struct change *change = &t->changes.items[i];

		json_open(out, NULL, '{');
		json_int(out, "count", (int64_t)change->count);
		json_str(out, "what", change->what);
		json_open(out, "examples", '[');
		for (size_t k = 0; k < EXAMPLES && k < change->count; k++)
			json_str(out, NULL, change->examples[k]);
		json_close(out, ']');
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void print_json(const struct totals *t)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(LISTING_ITEM_MAX);

	json_open(&out, NULL, '{');
	json_int(&out, "cases", (int64_t)t->cases);
	json_int(&out, "same", (int64_t)t->same);
	json_int(&out, "changed", (int64_t)t->changed);
	json_int(&out, "undecided", (int64_t)t->undecided);
	json_int(&out, "skipped", (int64_t)t->skipped);
	json_int(&out, "older", (int64_t)t->older);
	put_changes(&out, t);
	json_close(&out, '}');
	puts(text_str(&out));
}

static void print_text(const struct totals *t)
{
	printf("%" PRIu64 " cases: %" PRIu64 " the same, %" PRIu64 " changed, %" PRIu64 " undecided, %" PRIu64 " not to be replayed\n", t->cases, t->same,
		t->changed, t->undecided, t->skipped);
	if (t->older)
		printf("%" PRIu64 " older ones were left out\n", t->older);
	if (t->undecided)
		printf("undecided: the policy asks for what was not recorded, as of case %s\n", t->undecided_example);
	if (t->skipped)
		printf("not to be replayed: %s\n", t->skipped_why);
	for (size_t i = 0; i < t->changes.len; i++) {
		const struct change *change = &t->changes.items[i];

		printf("\n%" PRIu64 "  %s\n", change->count, change->what);
		for (size_t k = 0; k < EXAMPLES && k < change->count; k++)
			show_example(change->examples[k]);
	}
}

static void say_nothing(const struct totals *t, const char *where, int more)
{
	if (t->older)
		fputs("sluicectl: no case was replayed: --since leaves out all there are\n", stderr);
	else
		fprintf(stderr, "sluicectl: no case was replayed: there is none in %s%s\n", where, more > 0 ? ", nor in the others" : "");
}

/* A policy that nothing was tried with has not stood a test. */
static int show(struct totals *t, bool json)
{
	if (t->changes.len)
		qsort(t->changes.items, t->changes.len, sizeof *t->changes.items, by_count);
	if (json)
		print_json(t);
	else
		print_text(t);
	return t->changed ? 1 : t->same ? EX_OK : t->cases ? 2 : EX_NOINPUT;
}

static int replay(struct player *p, const char *config, char **files, int count)
{
	const struct snapshot_options options = { .no_services = true };
	const char *where;
	uint64_t size = 0;
	struct err err;
	int status = EX_OK;

	if (snapshot_load(config, &options, &p->snapshot, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	p->names = replay_names_new(p->snapshot);
	p->engine.health = health_new(NULL, NULL);
	case_memory = arena_new(CASE_MEMORY);
	json_set_alloc_funcs(json_alloc, json_dealloc);
	where = p->snapshot->policy->settings.cases.to;
	if (!p->names || !p->engine.health || !case_memory) {
		fputs("sluicectl: out of memory\n", stderr);
		return EX_OSERR;
	}
	if (!count && *where != '/') {
		fprintf(stderr, "sluicectl: %s names no folder of cases: write 'cases { to /var/lib/sluice/cases }' into it, or name files here\n", config);
		return EX_NOINPUT;
	}
	for (int i = 0; i < count; i++)
		size += size_of_all(files[i]);
	progress_begin(&p->progress, "cases", count ? size : size_of_all(where));
	if (!count)
		return play_path(p, where);
	for (int i = 0; status == EX_OK && i < count; i++)
		status = play_path(p, files[i]);
	return status;
}

int ctl_replay(int argc, char **argv)
{
	static const struct option options[] = { { "policy", required_argument, NULL, 'c' }, { "since", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	struct player p = { .engine = { .offline = true } };
	const char *config = CTL_DEFAULT_CONFIG;
	bool json = false;
	int64_t since;
	int option, status;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'c') {
			config = optarg;
		} else if (option == 's' && option_duration(optarg, strlen(optarg), &since)) {
			p.since_ms = clock_wall_ms() - since;
		} else if (option == 'j') {
			json = true;
		} else {
			if (option == 's')
				fprintf(stderr, "sluicectl: '%s' is no time: write one such as 24h\n", optarg);
			return option == 'h' ? usage(stdout, EX_OK) : usage(stderr, EX_USAGE);
		}
	}
	status = replay(&p, config, argv + optind, argc - optind);
	if (status == EX_OK && !p.totals.cases)
		say_nothing(&p.totals, optind < argc ? argv[optind] : p.snapshot->policy->settings.cases.to, argc - optind - 1);
	if (status == EX_OK)
		status = show(&p.totals, json);
	vec_done(&p.totals.changes);
	arena_free(case_memory);
	replay_names_free(p.names);
	health_free(p.engine.health);
	snapshot_unref(p.snapshot);
	return status;
}
