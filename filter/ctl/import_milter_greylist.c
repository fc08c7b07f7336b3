/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * import_milter_greylist.c - greylist.conf(5) of milter-greylist: its times, its lists, and those of its access rules that say who is greylisted and
 * who is not. There the first rule that matches decides; here each rule says that none of those before it does.
 */
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/import.h"
#include "filter/policy/list_items.h"

#define STATEMENT_MAX (1u << 20)
#define EXEMPT_MAX    (1u << 16)
#define LIST_NAME_MAX 40

struct greylist {
	struct text statement; /* lines are joined while braces are open, or where a backslash is at the end */
	unsigned begins;       /* its first line */
	int open;
	struct text settings; /* within greylist { } */
	struct text exempt;   /* " and not (...)" of each rule that lets pass */
	size_t rules;
};

static struct greylist *of(const struct import *i)
{
	return i->own;
}

/* The next word of the statement, of whose quotes and commas nothing is left. NULL: there are no more. */
static char *next_word(char **rest)
{
	char *word;

	while ((word = strsep(rest, " ")) && !*word)
		;
	return word;
}

/* ---- times ---- */

/* "15m", "3d", as they are here, too; a number alone is of seconds. */
static bool add_time(struct import *i, const char *setting, const char *value)
{
	size_t digits = value ? strspn(value, "0123456789") : 0;

	if (!digits || (value[digits] && (!strchr("smhd", value[digits]) || value[digits + 1])))
		return false;
	return import_greylist_time(&of(i)->settings, setting, value, digits, value[digits] ? value[digits] : 's');
}

/* ---- lists ---- */

static const char *type_of(const char *kind)
{
	static const struct { const char *kind, *type; } types[] = { { "addr", "network" }, { "domain", "domain" }, { "from", "address" }, { "rcpt", "address" } };

	for (size_t k = 0; kind && k < ARRAY_LEN(types); k++)
		if (!strcmp(types[k].kind, kind))
			return types[k].type;
	return NULL;
}

static bool fits(const char *type, const char *word)
{
	enum sluice_list_type kind = !strcmp(type, "network") ? SLUICE_LIST_NETWORK : !strcmp(type, "address") ? SLUICE_LIST_ADDRESS : SLUICE_LIST_DOMAIN;

	return import_is_plain(word) && list_item_valid(kind, word, strlen(word));
}

/* Under which it stands here: its own might be one of the shipped configuration's, and have characters that names have not. */
static void name_list(struct text *out, const char *name)
{
	text_adds(out, "milter-greylist-");
	for (size_t k = 0; name[k] && k < LIST_NAME_MAX; k++)
		text_addc(out, ascii_is_alnum(name[k]) || strchr("-_.", name[k]) ? name[k] : '_');
}

static void take_list(struct import *i, char *rest)
{
	SLUICE_CLEANUP(text_done) struct text items = TEXT_INIT(STATEMENT_MAX), list = TEXT_INIT(100);
	const char *name = next_word(&rest), *type = type_of(next_word(&rest));

	if (!name || !type) {
		import_left(i, name ? name : "list", "a list of another kind than addr, domain, from and rcpt");
		return;
	}
	for (const char *word; (word = next_word(&rest));) {
		if (*word == '{' || *word == '}')
			continue;
		if (fits(type, word))
			text_addf(&items, "%s \"%s\"", items.len ? "" : "[", word);
		else
			import_left(i, word, "no item of a list: patterns and names of another kind are written into a rule");
	}
	text_adds(&items, items.len ? " ]" : "[ ]");
	name_list(&list, name);
	(void)import_list(i, text_str(&list), type, text_str(&items));
}

/* ---- access rules ---- */

static const char *fact_of(const char *kind)
{
	static const struct { const char *kind, *fact; } facts[] = {
		{ "addr", "client.ip" }, { "domain", "client.name" }, { "from", "mail.from" }, { "rcpt", "rcpt.address" },
	};

	for (size_t k = 0; k < ARRAY_LEN(facts); k++)
		if (!strcmp(facts[k].kind, kind))
			return facts[k].fact;
	return NULL;
}

/* The kind of a list that was defined before: of its type, and what it is asked of. */
static const char *fact_of_list(const struct import *i, const char *name)
{
	static const struct { const char *type, *fact; } facts[] = { { "network", "client.ip" }, { "domain", "client.name" }, { "address", "mail.from" } };

	for (size_t k = 0; k < ARRAY_LEN(facts); k++) {
		SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(1000);

		text_addf(&head, "list %s %s ", name, facts[k].type);
		if (strstr(text_str(&i->lists), text_str(&head)))
			return facts[k].fact;
	}
	return NULL;
}

/* One part of a rule's condition. False: it cannot be said here. */
static bool add_part(struct import *i, struct text *condition, const char *word, char **rest)
{
	const char *between = condition->len ? " and " : "", *value, *fact;

	if (!strcmp(word, "default"))
		return true;
	if (!strcmp(word, "auth")) {
		text_addf(condition, "%sclient.authenticated", between);
		return true;
	}
	value = next_word(rest);
	if (!value)
		return false;
	if (!strcmp(word, "list")) {
		SLUICE_CLEANUP(text_done) struct text list = TEXT_INIT(100);

		name_list(&list, value);
		fact = fact_of_list(i, text_str(&list));
		text_addf(condition, "%s%s in %s", between, fact ? fact : "", text_str(&list));
		return fact != NULL;
	}
	if (!strcmp(word, "spf")) {
		text_addf(condition, "%sspf.result == %s", between, value);
		return !strcmp(value, "pass") || !strcmp(value, "fail") || !strcmp(value, "softfail");
	}
	fact = fact_of(word);
	if (!fact || !fits(type_of(word), value))
		return false;
	text_addf(condition, "%s%s in [ \"%s\" ]", between, fact, value);
	return true;
}

static void add_rule(struct import *i, const char *action, const struct text *condition, const char *line)
{
	SLUICE_CLEANUP(text_done) struct text head = TEXT_INIT(100);
	struct greylist *g = of(i);
	const char *and = condition->len && g->exempt.len ? " and " : "", *exempt = g->exempt.len ? text_str(&g->exempt) + strlen(" and ") : "";

	g->rules++;
	text_addf(&head, "rule milter-greylist-%zu", g->rules);
	import_rule(i, "rcpt in milter-greylist", line, text_str(&head), "%s%s%s%s%s",
		!strcmp(action, "greylist") ? "greylist" : "reject \"550 5.7.1 we do not take this\"", condition->len || *exempt ? " when " : "", text_str(condition), and, exempt);
}

static void take_acl(struct import *i, char *rest, const char *line)
{
	SLUICE_CLEANUP(text_done) struct text condition = TEXT_INIT(EXEMPT_MAX);
	const char *action = next_word(&rest), *word;
	bool good = action != NULL;

	while (good && (word = next_word(&rest))) {
		if (!strcmp(word, "delay") || !strcmp(word, "autowhite") || !strcmp(word, "id") || !strcmp(word, "flushaddr"))
			good = !strcmp(word, "delay") ? add_time(i, "delay", next_word(&rest)) : !strcmp(word, "autowhite") ? add_time(i, "lifetime", next_word(&rest)) :
				!strcmp(word, "flushaddr") || next_word(&rest) != NULL;
		else
			good = add_part(i, &condition, word, &rest);
	}
	if (!good)
		import_left(i, line, "write a rule with the facts that you mean");
	else if (!strcmp(action, "greylist") || !strcmp(action, "blacklist"))
		add_rule(i, action, &condition, line);
	else if (!strcmp(action, "whitelist") && condition.len)
		text_addf(&of(i)->exempt, " and not (%s)", text_str(&condition));
	else if (strcmp(action, "whitelist") != 0) /* all others pass, as they do without a rule */
		import_left(i, line, "Sluice has nothing of this kind");
}

/* ---- statements ---- */

static void take_subnet(struct import *i, const char *key, const char *value)
{
	uint64_t bits;

	if (ascii_to_u64(value, strlen(value), 32, &bits) && bits >= 8)
		import_setting(i, key, "client_net_v4 ", "client_net_v4 %u\n", (unsigned)bits);
	else
		import_left(i, key, "client_net_v4 has 8 to 32 bits");
}

static bool is_of_running(const char *word)
{
	static const char *const words[] = { "dumpfile", "dumpfreq", "pidfile", "nodetach", "verbose", "quiet", "stat", "report", "logexpired", "geoipdb", "lazyaw", "syncaddr",
		"syncsrcaddr", "extendedregex", "maxpeek", "testmode", "noauth", "noaccessdb", "nospf", "drac", "socket", "user" };

	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (!strcmp(words[k], word))
			return true;
	return false;
}

static void take_statement(struct import *i, char *statement)
{
	char *rest = statement, *line = strdup(statement);
	const char *word = next_word(&rest), *value;

	if (!word || !line) {
		free(line);
		return;
	}
	if (!strcmp(word, "list"))
		take_list(i, rest);
	else if (!strcmp(word, "acl") || !strcmp(word, "racl"))
		take_acl(i, rest, line);
	else if (!strcmp(word, "socket") && (value = next_word(&rest)))
		import_socket(i, word, value);
	else if (!strcmp(word, "user") && (value = next_word(&rest)))
		import_user(i, word, value);
	else if (!strcmp(word, "greylist") || !strcmp(word, "autowhite") || !strcmp(word, "timeout")) {
		if (!add_time(i, *word == 'g' ? "delay" : *word == 'a' ? "lifetime" : "window", next_word(&rest)))
			import_left(i, line, "this is no time that greylist { } takes, or a second one");
	} else if (!strcmp(word, "subnetmatch") && (value = next_word(&rest))) {
		take_subnet(i, word, value + strspn(value, "/"));
	} else if (!strcmp(word, "peer")) {
		import_left(i, line, "gateways share what they know by a Redis: state { redis HOST:PORT }");
	} else if (!is_of_running(word)) {
		import_left(i, line, "Sluice has nothing of this kind");
	}
	free(line);
}

static void add_brace(struct greylist *g, char brace)
{
	g->open += brace == '{' ? 1 : -1;
	text_addf(&g->statement, " %c ", brace);
}

/* Braces become words, what is between words one blank, and a blank in a string no blank. */
static void add_cleaned(struct greylist *g, const char *line)
{
	bool quoted = false;

	for (; *line; line++) {
		quoted ^= *line == '"';
		if (quoted && (*line == ' ' || *line == '\t'))
			text_addc(&g->statement, '_');
		else if (*line == '{' || *line == '}')
			add_brace(g, *line);
		else
			text_addc(&g->statement, strchr(" \t,;\"", *line) ? ' ' : *line);
	}
}

static void on_line(struct import *i, const void *arg, char *line)
{
	struct greylist *g = of(i);
	size_t len = strlen(line);
	bool goes_on = len && line[len - 1] == '\\';
	unsigned here = i->line;

	(void)arg;
	if (goes_on)
		line[len - 1] = ' ';
	if (!g->statement.len)
		g->begins = i->line;
	add_cleaned(g, line);
	if (goes_on || g->open > 0 || g->statement.failed)
		return;
	i->line = g->begins;
	if (g->statement.len)
		take_statement(i, g->statement.bytes);
	i->line = here;
	g->open = 0;
	text_clear(&g->statement);
}

void import_milter_greylist(struct import *i)
{
	struct greylist g = { .statement = TEXT_INIT(STATEMENT_MAX), .settings = TEXT_INIT(EXEMPT_MAX), .exempt = TEXT_INIT(EXEMPT_MAX) };

	i->own = &g;
	import_lines(i, on_line, NULL);
	if (g.settings.len)
		import_setting(i, "greylist", "greylist {", "greylist {%s }\n", text_str(&g.settings));
	text_done(&g.statement);
	text_done(&g.settings);
	text_done(&g.exempt);
}

void import_milter_greylist_end(struct import *i)
{
	import_role(i, "milter-greylist", "not client.trusted and not client.authenticated", NULL, NULL);
}
