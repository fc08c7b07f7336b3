/* SPDX-License-Identifier: BSD-2-Clause */
/* show.c - a case for people. What came from the network is printed by shown.h. */
#include "filter/ctl/show.h"

#include <string.h>

#include "filter/ctl/paint.h"
#include "filter/ctl/shown.h"

static const char *str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static long long num(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void put_value(FILE *out, const json_t *value)
{
	size_t i;
	json_t *item;

	switch (json_typeof(value)) {
	case JSON_STRING:
		shown_put(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		fprintf(out, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		fprintf(out, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		fputs("yes", out);
		break;
	case JSON_FALSE:
		fputs("no", out);
		break;
	case JSON_NULL:
		fputs("unknown", out);
		break;
	case JSON_ARRAY:
		json_array_foreach(value, i, item) {
			fputs(i ? ", " : "", out);
			put_value(out, item);
		}
		break;
	case JSON_OBJECT:
		break;
	}
}

static void line(FILE *out, const char *label, const char *value)
{
	if (!*value)
		return;
	fprintf(out, "%-11s ", label);
	shown_put(out, value);
	fputc('\n', out);
}

static void show_envelope(FILE *out, const json_t *c)
{
	const json_t *client = json_object_get(c, "client"), *recipient;
	size_t i;

	fprintf(out, "%-11s ", "client");
	shown_put(out, str(client, "ip"));
	fputs(*str(client, "name") ? " " : "", out);
	shown_put(out, str(client, "name"));
	fputs(", HELO ", out);
	shown_put(out, str(client, "helo"));
	if (*str(client, "user")) {
		fputs(", authenticated as ", out);
		shown_put(out, str(client, "user"));
	}
	fputc('\n', out);
	if (json_object_get(c, "from")) {
		fprintf(out, "%-11s <", "from");
		shown_put(out, str(c, "from"));
		fputs(">\n", out);
	}
	json_array_foreach(json_object_get(c, "recipients"), i, recipient) {
		fprintf(out, "%-11s <", "to");
		shown_put(out, str(recipient, "address"));
		fprintf(out, ">%s\n", json_is_true(json_object_get(recipient, "refused"))	  ? " (refused)"
			     : json_is_true(json_object_get(recipient, "removed")) ? " (does not get it)"
										   : "");
	}
	json_array_foreach(json_object_get(c, "added"), i, recipient) {
		fprintf(out, "%-11s <", "added");
		shown_put(out, json_string_value(recipient));
		fputs(">\n", out);
	}
	line(out, "queue id", str(c, "queue_id"));
	line(out, "message id", str(c, "message_id"));
}

static enum paint colour_of(const char *action)
{
	if (!strcmp(action, "accept"))
		return PAINT_GOOD;
	return !strcmp(action, "hold") || !strcmp(action, "tempfail") ? PAINT_LOOK : PAINT_BAD;
}

static void show_verdict(FILE *out, const json_t *c)
{
	const json_t *v = json_object_get(c, "verdict");

	fprintf(out, "%-11s ", "verdict");
	paint_word(out, colour_of(str(v, "action")), str(v, "action"), 0);
	fprintf(out, " at %s", str(v, "stage"));
	if (*str(v, "rule"))
		fprintf(out, ", by rule %s (%s:%lld)", str(v, "rule"), str(v, "file"), num(v, "line"));
	fputc('\n', out);
	if (num(v, "code")) {
		fprintf(out, "%-11s %lld %s ", "reply", num(v, "code"), str(v, "dsn"));
		shown_put(out, str(v, "text"));
		fputc('\n', out);
	} else {
		line(out, "reason", str(v, "text"));
	}
	fprintf(out, "%-11s %g\n", "score", real(c, "score"));
}

static void show_rules(FILE *out, const json_t *c)
{
	const json_t *rule;
	const char *name;
	json_t *fact;
	size_t i;

	fputs("\nrules that matched\n", out);
	json_array_foreach(json_object_get(c, "rules"), i, rule) {
		fprintf(out, "  %s  %s:%lld\n    ", str(rule, "stage"), str(rule, "file"), num(rule, "line"));
		shown_put(out, str(rule, "text"));
		fputs(json_is_true(json_object_get(rule, "shadow")) ? "\n      in the shadow: nothing was done\n" : "\n", out);
		if (*str(rule, "recipient")) {
			fputs("      for <", out);
			shown_put(out, str(rule, "recipient"));
			fputs(">\n", out);
		}
		json_object_foreach(json_object_get(rule, "facts"), name, fact) {
			fprintf(out, "      %s is ", name);
			put_value(out, fact);
			fputc('\n', out);
		}
	}
	if (i == 0)
		fputs("  none\n", out);
}

/* What it failed on, as "spf.result is pass"; a limit and a sample have no facts. */
static void show_why(FILE *out, const json_t *missed)
{
	const char *name, *why = str(missed, "why");
	bool first = true;
	json_t *fact;

	fputs(!strcmp(why, "sample") ? "not in the sample" : !strcmp(why, "limit") && !json_object_size(json_object_get(missed, "facts")) ? "under its limit" : !strcmp(why, "check") ? "its check let it pass: " : "", out);
	json_object_foreach(json_object_get(missed, "facts"), name, fact) {
		fprintf(out, "%s%s is ", first ? "" : ", ", name);
		put_value(out, fact);
		first = false;
	}
}

static void show_missed(FILE *out, const json_t *c)
{
	const json_t *missed;
	size_t i;

	if (!json_array_size(json_object_get(c, "missed")))
		return;
	fputs("\nrules that did not\n", out);
	json_array_foreach(json_object_get(c, "missed"), i, missed) {
		fprintf(out, "  %-8s %-20s ", str(missed, "stage"), str(missed, "name"));
		show_why(out, missed);
		if (*str(missed, "recipient")) {
			fputs(", for <", out);
			shown_put(out, str(missed, "recipient"));
			fputc('>', out);
		}
		fprintf(out, "  (%s:%lld)\n", str(missed, "file"), num(missed, "line"));
	}
}

static void show_facts(FILE *out, const json_t *c)
{
	const char *name;
	json_t *fact;

	fputs("\nfacts\n", out);
	json_object_foreach(json_object_get(c, "facts"), name, fact) {
		fprintf(out, "  %-24s ", name);
		put_value(out, fact);
		fputc('\n', out);
	}
}

static void show_answers(FILE *out, const json_t *c)
{
	const json_t *answer, *record;
	size_t i, k;

	fputs("\nanswers\n", out);
	json_array_foreach(json_object_get(c, "answers"), i, answer) {
		fputs("  ", out);
		shown_put(out, str(answer, "name"));
		fprintf(out, " %s: %s, from %s", str(answer, "type"), str(answer, "status"), str(answer, "source"));
		if (num(answer, "age"))
			fprintf(out, ", %lld s old", num(answer, "age"));
		if (real(answer, "ms") > 0)
			fprintf(out, ", %g ms", real(answer, "ms"));
		fprintf(out, " (%s)\n", str(answer, "checks"));
		json_array_foreach(json_object_get(answer, "records"), k, record) {
			fputs("    ", out);
			shown_put(out, json_string_value(record));
			fputc('\n', out);
		}
	}
	if (i == 0)
		fputs("  nothing was asked\n", out);
}

static void show_times(FILE *out, const json_t *c)
{
	const char *name;
	json_t *value;

	fputs("\ntime\n", out);
	json_object_foreach(json_object_get(c, "stages"), name, value)
		fprintf(out, "  %-24s %g ms\n", name, json_number_value(value));
	json_object_foreach(json_object_get(c, "checks"), name, value)
		fprintf(out, "  check %-18s %g ms, %s\n", name, real(value, "ms"), str(value, "outcome"));
}

json_t *show_read(const char *json)
{
	json_error_t error;
	json_t *c = json_loads(json, 0, &error);

	if (!c)
		fprintf(stderr, "sluicectl: this is no case: %s\n", error.text);
	return c;
}

void show_summary(FILE *out, const json_t *c)
{
	fprintf(out, "%-11s %s, %s\n", "case", str(c, "case"), str(c, "time"));
	show_envelope(out, c);
	show_verdict(out, c);
}

void show_details(FILE *out, const json_t *c)
{
	show_rules(out, c);
	show_missed(out, c);
	show_facts(out, c);
	show_answers(out, c);
	show_times(out, c);
	if (!*str(c, "authentication_results"))
		return;
	fputs("\nAuthentication-Results\n  ", out);
	for (const char *s = str(c, "authentication_results"); *s; s += *s == '\n') {
		size_t len = strcspn(s, "\n");

		shown_lines(out, s, len);
		fputs(s[len] ? "\n  " : "", out);
		s += len;
	}
	fputc('\n', out);
}
