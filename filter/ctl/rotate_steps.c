/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "filter/control.h"
#include "filter/ctl/dkim_file.h"
#include "filter/ctl/rotate.h"

#define DAY_S           INT64_C(86400)
#define RECORD_NAME_MAX 600
#define PATIENCE_S      (3 * DAY_S) /* for a record to be shown; beyond it somebody has to look */
#define STEPS_MAX       8           /* in one run: more than there are states */
#define REVOKED_RECORD  "v=DKIM1; p="

/* ---- the store ---- */

static int ask_daemon(const struct rotate *r, const char *request, struct text *out)
{
	int status = ctl_ask(&r->target, request, out);

	if (status && out->len)
		fprintf(stderr, "sluicectl: %s", text_str(out));
	return status;
}

static int read_state(struct rotate *r)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX), out = TEXT_INIT(CONTROL_ANSWER_MAX);
	int status;

	text_addf(&request, "rotation get %s|%s\n", r->domain, dkim_key_words[r->type]);
	status = ask_daemon(r, text_str(&request), &out);
	if (status)
		return status;
	if (rotation_parse(text_str(&out), out.len, &r->rotation) || out.len == 0)
		return EX_OK;
	fprintf(stderr, "sluicectl: what the store has of %s cannot be read: is sluicectl older than what has written it?\n", r->domain);
	return EX_DATAERR;
}

static int enter(struct rotate *r, enum rotation_state state, int64_t lasts_s)
{
	SLUICE_CLEANUP(text_done) struct text request = TEXT_INIT(CONTROL_LINE_MAX), out = TEXT_INIT(CONTROL_ANSWER_MAX);

	r->rotation.state = state;
	r->rotation.since_s = r->now_s;
	r->rotation.until_s = r->now_s + lasts_s;
	text_addf(&request, "rotation put %s|%s ", r->domain, dkim_key_words[r->type]);
	rotation_print(&request, &r->rotation);
	text_addc(&request, '\n');
	return ask_daemon(r, text_str(&request), &out);
}

static const char *date(int64_t time_s, char out[32])
{
	time_t t = (time_t)time_s;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm);
	return out;
}

static void say(const struct rotate *r, const char *format, ...) SLUICE_PRINTF(2, 3);
static void say(const struct rotate *r, const char *format, ...)
{
	va_list args;

	printf("%s %s: %s", r->domain, dkim_key_words[r->type], r->dry_run ? "would " : "");
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- the steps ---- */

static void record_name(const struct rotate *r, const char *selector, struct text *out)
{
	dkim_record_name(out, selector, r->domain);
}

/* Type and month; a second one in a month has the day, too. */
static bool choose_selector(struct rotate *r)
{
	time_t t = (time_t)r->now_s;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	if (r->selector)
		(void)snprintf(r->rotation.selector, sizeof r->rotation.selector, "%s", r->selector);
	for (int day = 0; !r->selector && day <= 1; day++) {
		char when[16];

		(void)strftime(when, sizeof when, day ? "%Y%m%d" : "%Y%m", &tm);
		(void)snprintf(r->rotation.selector, sizeof r->rotation.selector, "%s-%s", dkim_key_words[r->type], when);
		if (!rotate_files_taken(&r->folder, r->rotation.selector))
			return true;
	}
	if (!rotate_files_taken(&r->folder, r->rotation.selector))
		return true;
	fprintf(stderr, "sluicectl: a key %s is there already: choose another --selector\n", r->rotation.selector);
	return false;
}

/* One that was made in a run that was cut short is taken up. */
static int make(struct rotate *r)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES), name = TEXT_INIT(RECORD_NAME_MAX);
	SLUICE_CLEANUP(rotate_keys_done) struct rotate_keys next = { 0 };
	int status = rotate_files_list(&r->folder, ROTATE_NEXT, &next);

	if (status)
		return status;
	if (next.len) {
		(void)snprintf(r->rotation.selector, sizeof r->rotation.selector, "%s", next.items[0].selector);
		text_adds(&record, next.items[0].record);
	} else if (!choose_selector(r)) {
		return EX_CANTCREAT;
	}
	if (r->dry_run) {
		say(r, "make key %s, and publish it", r->rotation.selector);
		return EX_OK;
	}
	if (!next.len) {
		const struct dkim_file file = { r->keys, r->domain, r->rotation.selector, ROTATE_NEXT, r->type, r->bits };

		status = dkim_file_make(&file, &record);
	}
	record_name(r, r->rotation.selector, &name);
	if (status == EX_OK)
		status = rotate_hook_run(&r->hook, "publish", text_str(&name), text_str(&record));
	if (status == EX_OK)
		status = enter(r, ROTATION_MADE, 0);
	if (status == EX_OK)
		say(r, "made key %s; it signs when the name servers show it", r->rotation.selector);
	return status;
}

/* Do they show the key of the rotation, which is one of these files? */
static int look(struct rotate *r, const char *suffix, bool *ret_shown, int64_t *ret_ttl_s)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(RECORD_NAME_MAX);
	SLUICE_CLEANUP(rotate_keys_done) struct rotate_keys keys = { 0 };
	int status = rotate_files_list(&r->folder, suffix, &keys);
	const struct rotate_key *key = rotate_keys_find(&keys, r->rotation.selector);

	if (status)
		return status;
	if (!key) {
		fprintf(stderr, "sluicectl: %s/%s/%s%s is gone: make another key with --now\n", r->keys, r->domain, r->rotation.selector, suffix);
		return r->at_once && !r->dry_run ? enter(r, ROTATION_AT_REST, 0) : EX_NOINPUT;
	}
	record_name(r, key->selector, &name);
	*ret_shown = rotate_dns_shows(&r->dns, r->domain, text_str(&name), key->record, ret_ttl_s);
	return EX_OK;
}

static int look_at_made(struct rotate *r, bool *ret_goes_on)
{
	bool shown = false;
	int64_t ttl_s;
	int status = look(r, ROTATE_NEXT, &shown, &ttl_s);
	char text[32];

	if (status || r->rotation.state == ROTATION_AT_REST)
		return status;
	if (!shown) {
		printf("%s %s: key %s is not shown by all name servers yet\n", r->domain, dkim_key_words[r->type], r->rotation.selector);
		return r->now_s - r->rotation.since_s > PATIENCE_S ? EX_TEMPFAIL : EX_OK;
	}
	if (!r->dry_run)
		status = enter(r, ROTATION_PUBLISHED, ttl_s);
	if (status == EX_OK)
		say(r, "%s key %s published; it may sign from %s on", r->dry_run ? "call" : "has", r->rotation.selector, date(r->now_s + ttl_s, text));
	*ret_goes_on = status == EX_OK && !r->dry_run;
	return status;
}

/* Those that signed before do so no more. The first that cannot be moved ends it; what was moved stays, and signs again after undo(). */
static int retire(const struct rotate *r, const struct rotate_keys *signing)
{
	int status = EX_OK;

	for (size_t i = 0; status == EX_OK && i < signing->len; i++)
		if (strcmp(signing->items[i].selector, r->rotation.selector) != 0)
			status = rotate_files_move(&r->folder, signing->items[i].selector, ROTATE_SIGNS, ROTATE_RETIRED);
	return status;
}

/* A daemon that could not load the new key signs with the old ones, and so it has to stay at its next start. */
static void undo(const struct rotate *r, const struct rotate_keys *signing)
{
	for (size_t i = 0; i < signing->len; i++)
		if (strcmp(signing->items[i].selector, r->rotation.selector) != 0)
			(void)rotate_files_move(&r->folder, signing->items[i].selector, ROTATE_RETIRED, ROTATE_SIGNS);
	(void)rotate_files_move(&r->folder, r->rotation.selector, ROTATE_SIGNS, ROTATE_NEXT);
}

static int reload(const struct rotate *r)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(CONTROL_ANSWER_MAX);

	return ask_daemon(r, "reload\n", &out);
}

static int activate(struct rotate *r)
{
	SLUICE_CLEANUP(rotate_keys_done) struct rotate_keys signing = { 0 };
	bool shown = false;
	int64_t ttl_s;
	int status = rotate_files_list(&r->folder, ROTATE_SIGNS, &signing);
	bool moved = rotate_keys_find(&signing, r->rotation.selector) != NULL; /* in a run that was cut short */

	if (status == EX_OK)
		status = look(r, moved ? ROTATE_SIGNS : ROTATE_NEXT, &shown, &ttl_s);
	if (status || r->rotation.state == ROTATION_AT_REST)
		return status;
	if (!shown) {
		fprintf(stderr, "sluicectl: key %s was published, and is not any more: it does not sign\n", r->rotation.selector);
		return EX_TEMPFAIL;
	}
	if (r->dry_run) {
		say(r, "sign with key %s, and no more with the one before it", r->rotation.selector);
		return EX_OK;
	}
	if (!moved)
		status = rotate_files_move(&r->folder, r->rotation.selector, ROTATE_NEXT, ROTATE_SIGNS);
	if (status == EX_OK)
		status = retire(r, &signing);
	if (status == EX_OK)
		status = reload(r);
	if (status) {
		undo(r, &signing);
		return status;
	}
	status = enter(r, ROTATION_RETIRING, r->keep_s);
	if (status == EX_OK)
		say(r, "key %s signs", r->rotation.selector);
	return status;
}

static int revoke(struct rotate *r)
{
	SLUICE_CLEANUP(rotate_keys_done) struct rotate_keys retired = { 0 };
	int status = rotate_files_list(&r->folder, ROTATE_RETIRED, &retired);

	for (size_t i = 0; status == EX_OK && i < retired.len; i++) {
		SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(RECORD_NAME_MAX);

		record_name(r, retired.items[i].selector, &name);
		if (!r->dry_run)
			status = rotate_hook_run(&r->hook, "revoke", text_str(&name), REVOKED_RECORD);
		if (status == EX_OK && !r->dry_run)
			status = rotate_files_move(&r->folder, retired.items[i].selector, ROTATE_RETIRED, NULL);
		if (status == EX_OK)
			say(r, "%s key %s", r->dry_run ? "revoke" : "has revoked", retired.items[i].selector);
	}
	return status == EX_OK && !r->dry_run ? enter(r, ROTATION_AT_REST, 0) : status;
}

/* ---- a run ---- */

static int find_facts(const struct rotate *r, struct rotation_facts *ret)
{
	SLUICE_CLEANUP(rotate_keys_done) struct rotate_keys signing = { 0 }, next = { 0 };
	int status = rotate_files_list(&r->folder, ROTATE_SIGNS, &signing);

	if (status == EX_OK)
		status = rotate_files_list(&r->folder, ROTATE_NEXT, &next);
	*ret = (struct rotation_facts){ .now_s = r->now_s, .every_s = r->every_s, .at_once = r->at_once, .begun = next.len > 0, .key_age_s = -1 };
	for (size_t i = 0; i < signing.len; i++) {
		int64_t age_s = r->now_s > signing.items[i].made_s ? r->now_s - signing.items[i].made_s : 0;

		if (ret->key_age_s < 0 || age_s < ret->key_age_s)
			ret->key_age_s = age_s;
	}
	return status;
}

static int wait(const struct rotate *r)
{
	char text[32];

	printf("%s %s: %s: key %s, until %s\n", r->domain, dkim_key_words[r->type], rotation_state_words[r->rotation.state], r->rotation.selector,
		date(r->rotation.until_s, text));
	return EX_OK;
}

/* *ret_goes_on: the next step may follow at once. */
static int step(struct rotate *r, bool *ret_goes_on)
{
	struct rotation_facts facts;
	int status = find_facts(r, &facts);
	enum rotation_state before = r->rotation.state;

	*ret_goes_on = false;
	if (status)
		return status;
	switch (rotation_next(&r->rotation, &facts)) {
	case ROTATION_NOTHING:
		printf("%s %s: the key is %" PRId64 " days old; the next one is due in %" PRId64 "\n", r->domain, dkim_key_words[r->type],
			facts.key_age_s / DAY_S, (r->every_s - facts.key_age_s) / DAY_S);
		return EX_OK;
	case ROTATION_MAKE:
		status = make(r);
		r->at_once = false; /* one rotation for one --now */
		*ret_goes_on = status == EX_OK && !r->dry_run && (r->hook.program || r->hook.nsupdate_key);
		return status;
	case ROTATION_LOOK:
		status = look_at_made(r, ret_goes_on);
		break;
	case ROTATION_WAIT:
		return wait(r);
	case ROTATION_ACTIVATE:
		status = activate(r);
		break;
	case ROTATION_REVOKE:
		return revoke(r);
	}
	*ret_goes_on = status == EX_OK && !r->dry_run && r->rotation.state != before;
	return status;
}

int rotate_run(struct rotate *r)
{
	bool goes_on = true;
	int status = read_state(r);

	r->now_s = time(NULL);
	for (unsigned i = 0; status == EX_OK && goes_on && i < STEPS_MAX; i++)
		status = step(r, &goes_on);
	return status;
}
