/* SPDX-License-Identifier: BSD-2-Clause */
/* import_postgrey.c - postgrey(8): its options, as /etc/default/postgrey has them, and its lists of those who are not greylisted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/ascii.h"
#include "filter/ctl/import.h"
#include "filter/mail/domain.h"

#define OPTIONS "POSTGREY_OPTS="
#define TEXT    "POSTGREY_TEXT="

/* ---- options ---- */

/* False: it is no number, or greylist { } takes none so large. */
static bool add_passes(struct text *settings, const char *value)
{
	uint64_t n;

	if (!ascii_to_u64(value, strlen(value), 1000, &n) || strstr(text_str(settings), "client_passes"))
		return false;
	text_addf(settings, "  client_passes %u", (unsigned)n);
	return true;
}

static void take_option(struct import *i, const char *option, struct text *settings)
{
	static const struct { const char *name, *setting; char unit; } times[] = {
		{ "delay", "delay", 's' }, { "max-age", "lifetime", 'd' }, { "retry-window", "window", 'd' },
	};
	size_t len = strcspn(option, "=");
	const char *value = option[len] ? option + len + 1 : "";
	bool known = ascii_equals(option, len, "auto-whitelist-clients"), good = known && add_passes(settings, *value ? value : "5");

	for (size_t k = 0; k < ARRAY_LEN(times); k++)
		if (ascii_equals(option, len, times[k].name)) {
			known = true;
			good = import_greylist_time(settings, times[k].setting, value, strlen(value), times[k].unit);
		}
	if (known && !good)
		import_left(i, option, "write it into greylist { } yourself");
	if (ascii_equals(option, len, "lookup-by-host"))
		import_left(i, option, "clients are known by their network (client_net), so that a pool of servers passes together");
	else if (ascii_equals(option, len, "greylist-text") || ascii_equals(option, len, "whitelist-clients") || ascii_equals(option, len, "whitelist-recipients"))
		import_left(i, option, "name the file as an argument, or write the text into the rule postgrey");
	/* the others are of how it runs */
}

static void take_options(struct import *i, char *value)
{
	SLUICE_CLEANUP(text_done) struct text settings = TEXT_INIT(10000);

	for (char *word; (word = strsep(&value, " \t\"'"));)
		if (!strncmp(word, "--", 2))
			take_option(i, word + 2, &settings);
	import_setting(i, OPTIONS, "greylist {", "greylist {%s }\n", text_str(&settings));
	import_rule(i, "rcpt in postgrey", "postgrey asks this of everybody who is not in one of its lists", "rule postgrey", "greylist");
}

static void on_default_line(struct import *i, const void *arg, char *line)
{
	(void)arg;
	if (!strncmp(line, OPTIONS, strlen(OPTIONS)))
		take_options(i, line + strlen(OPTIONS));
	else if (!strncmp(line, TEXT, strlen(TEXT)))
		import_left(i, TEXT, "write it into the rule: rule postgrey greylist \"451 4.7.1 ...\"");
	else
		import_left(i, line, "no option of postgrey; its lists are known by their names: whitelist_clients, whitelist_recipients");
}

/* ---- lists ---- */

static void add_item(struct text *items, const char *item)
{
	text_addf(items, "%s \"%s\"", items->len ? "" : "[", item);
}

struct items {
	struct text clients, recipients;
};

/* "192.0.2", as postgrey writes a network of whole octets. */
static bool as_network(const char *line, char out[64])
{
	size_t dots = 0, len = strlen(line);

	for (size_t k = 0; k < len; k++) {
		if (!ascii_is_digit(line[k]) && line[k] != '.')
			return false;
		dots += line[k] == '.';
	}
	if (len > 20 || dots < 1 || dots > 2 || line[len - 1] == '.')
		return false;
	(void)snprintf(out, 64, "%s%s/%zu", line, dots == 1 ? ".0.0" : ".0", 8 * (dots + 1));
	return import_is_network(out);
}

static void on_client(struct import *i, const void *arg, char *line)
{
	struct items *items = i->own;
	char network[64];

	(void)arg;
	if (import_is_network(line))
		add_item(&items->clients, line);
	else if (as_network(line, network))
		add_item(&items->clients, network);
	else
		import_left(i, line, "names of clients: write 'list postgrey-names domain [...]', and 'when not client.name in postgrey-names' into the rule postgrey");
}

static void on_recipient(struct import *i, const void *arg, char *line)
{
	struct items *items = i->own;
	size_t len = strlen(line);

	(void)arg;
	if (line[len - 1] == '@')
		import_left(i, line, "of a local part everywhere: write it with each of your domains");
	else if (import_is_address(line))
		add_item(&items->recipients, line);
	else if (domain_valid(line, len, 1))
		text_addf(&items->recipients, "%s \"@%s\"", items->recipients.len ? "" : "[", line);
	else
		import_left(i, line, "no address or domain: write 'not rcpt.address matches \"...\"' into the rule postgrey");
}

static void add_list(struct import *i, const char *name, const char *type, struct text *items)
{
	if (!items->len)
		return;
	text_adds(items, " ]");
	(void)import_list(i, name, type, text_str(items));
}

/* Which of them it is, its name says: whitelist_clients, whitelist_recipients; else it is that of options. */
void import_postgrey(struct import *i)
{
	struct items items = { TEXT_INIT(1u << 20), TEXT_INIT(1u << 20) };

	i->own = &items;
	if (strstr(i->path, "whitelist_client"))
		import_lines(i, on_client, NULL);
	else if (strstr(i->path, "whitelist_recipient"))
		import_lines(i, on_recipient, NULL);
	else
		import_lines(i, on_default_line, NULL);
	add_list(i, "greylist-exempt-clients", "network", &items.clients);
	add_list(i, "greylist-exempt-recipients", "address", &items.recipients);
	text_done(&items.clients);
	text_done(&items.recipients);
}

void import_postgrey_end(struct import *i)
{
	import_role(i, "postgrey", "not client.trusted and not client.authenticated", NULL, NULL);
}
