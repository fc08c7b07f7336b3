/* SPDX-License-Identifier: BSD-2-Clause */
/* headers - is the message what RFC 5322 wants one to be, and does it show its readers what it is? */
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "filter/base/shortage.h"
#include "filter/mail/address.h"
#include "filter/mail/domain.h"
#include "plugins/headers/headers_eval.h"
#include "plugins/plugin.h"

static const struct sluice_list_use lists[] = {
	{ "local-domains", SLUICE_LIST_DOMAIN, false, "domains of ours, that a stranger has no business to write from" },
	{ "trusted", SLUICE_LIST_NETWORK, false, "clients that may" },
	{ .name = NULL },
};

enum { MISSING, REPEATED, MALFORMED, DATE_OFFSET, RECEIVED, RECEIVED_BY_US, SHOWN_ADDRESS, SHOWS_OTHER, REPLY_TO, REPLIES_ELSEWHERE, FROM_OURS, TO_NOBODY,
	EIGHT_BIT, CONTROL, LONG_LINE, BARE_CR, BARE_LF, HIDDEN_END, EMPTY_BODY };
static const struct sluice_fact facts[] = {
	[MISSING] = { "headers.missing", SLUICE_TEXTS, NULL, "of Date, From, To, Message-ID and Subject those that are not there" },
	[REPEATED] = { "headers.repeated", SLUICE_TEXTS, NULL, "fields that may be there once, and are there more often" },
	[MALFORMED] = { "headers.malformed", SLUICE_TEXTS, NULL, "of Date, Message-ID and the fields with addresses those whose value is none" },
	[DATE_OFFSET] = { "headers.date_offset", SLUICE_INT, NULL, "seconds that Date is ahead of now; less than 0: it is behind" },
	[RECEIVED] = { "headers.received", SLUICE_INT, NULL, "fields Received: how many servers it has come through" },
	[RECEIVED_BY_US] = { "headers.received_by_us", SLUICE_INT, NULL, "those that say it was received by our own name" },
	[SHOWN_ADDRESS] = { "headers.shown_address", SLUICE_ADDRESS, NULL, "an address that the display name of From shows, and that is another one" },
	[SHOWS_OTHER] = { "headers.shows_other", SLUICE_BOOL, NULL, "there is such an address" },
	[REPLY_TO] = { "headers.reply_to", SLUICE_ADDRESS, NULL, "the first address in Reply-To" },
	[REPLIES_ELSEWHERE] = { "headers.replies_elsewhere", SLUICE_BOOL, NULL, "its domain and that of From have nothing to do with each other" },
	[FROM_OURS] = { "headers.from_ours", SLUICE_BOOL, NULL, "a stranger writes in the name of a domain of ours" },
	[TO_NOBODY] = { "headers.to_nobody", SLUICE_BOOL, NULL, "neither To nor Cc has an address" },
	[EIGHT_BIT] = { "headers.eight_bit", SLUICE_BOOL, NULL, "octets that are not ASCII in the header, and the message is no SMTPUTF8" },
	[CONTROL] = { "headers.control", SLUICE_BOOL, NULL, "control characters in the header" },
	[LONG_LINE] = { "headers.long_line", SLUICE_BOOL, NULL, "a line of more than 998 octets" },
	[BARE_CR] = { "headers.bare_cr", SLUICE_BOOL, NULL, "a carriage return that ends no line" },
	[BARE_LF] = { "headers.bare_lf", SLUICE_BOOL, NULL, "a line feed without its carriage return" },
	[HIDDEN_END] = { "headers.hidden_end", SLUICE_BOOL, NULL, "a lone dot between such ends of lines: some servers take what follows for another message" },
	[EMPTY_BODY] = { "headers.empty_body", SLUICE_BOOL, NULL, "nothing but white space in the body" },
	{ .name = NULL },
};

static void feed(struct sluice_check_ctx *c, const struct sluice_part *part)
{
	void **memory = sluice_memory(c);

	if (!*memory) {
		*memory = shortage_zalloc(sizeof(struct headers));
		if (*memory)
			headers_init(*memory, sluice_our_name(c));
	}
	if (*memory && part->type == SLUICE_PART_HEADER)
		headers_see_field(*memory, part->name, part->name_len, part->bytes, part->len);
	else if (*memory && part->type == SLUICE_PART_BODY)
		headers_see_body(*memory, part->bytes, part->len);
}

static void drop(void *memory)
{
	headers_done(memory);
	free(memory);
}

static void add_name(struct sluice_result *res, unsigned fact, const char *name)
{
	sluice_add_text(res, fact, name, strlen(name));
}

static void report_fields(const struct headers *h, struct sluice_result *res)
{
	for (unsigned i = 0; i < HEADERS_FIELDS; i++) {
		if (i < HEADERS_WANTED && !h->count[i])
			add_name(res, MISSING, headers_names[i]);
		if (h->count[i] > 1)
			add_name(res, REPEATED, headers_names[i]);
		if (h->malformed[i])
			add_name(res, MALFORMED, headers_names[i]);
	}
	sluice_set_int(res, RECEIVED, h->received);
	sluice_set_int(res, RECEIVED_BY_US, h->received_by_us);
	sluice_set_bool(res, TO_NOBODY, !h->addressees);
}

static bool is_stranger(const struct sluice_check_ctx *c)
{
	const struct sluice_ip *ip = sluice_client_ip(c);

	return ip->family && !sluice_authenticated(c) && !sluice_list_has_ip(c, "trusted", ip);
}

static bool are_related(const struct sluice_address *a, const struct sluice_address *b)
{
	return domain_within(a->domain, a->domain_len, b->domain, b->domain_len) || domain_within(b->domain, b->domain_len, a->domain, a->domain_len);
}

static void report_addresses(struct sluice_check_ctx *c, const struct headers *h, struct sluice_result *res)
{
	SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(4096);
	struct sluice_address from = address_split(text_str(&h->from), h->from.len), reply_to = address_split(text_str(&h->reply_to), h->reply_to.len);

	if (h->count[HEADERS_FROM])
		sluice_set_bool(res, SHOWS_OTHER, headers_shown_address(h, &shown));
	if (shown.len)
		sluice_set_text(res, SHOWN_ADDRESS, shown.bytes, shown.len);
	if (reply_to.len)
		sluice_set_text(res, REPLY_TO, reply_to.text, reply_to.len);
	if (reply_to.len && from.len)
		sluice_set_bool(res, REPLIES_ELSEWHERE, !are_related(&from, &reply_to));
	if (from.len)
		sluice_set_bool(res, FROM_OURS, is_stranger(c) && sluice_list_has_domain(c, "local-domains", from.domain, from.domain_len));
}

static void report_octets(struct sluice_check_ctx *c, const struct headers *h, struct sluice_result *res)
{
	sluice_set_bool(res, EIGHT_BIT, h->eight_bit && !sluice_smtputf8(c));
	sluice_set_bool(res, CONTROL, h->control);
	sluice_set_bool(res, LONG_LINE, h->long_line);
	sluice_set_bool(res, BARE_CR, h->bare_cr || h->after_cr);
	sluice_set_bool(res, BARE_LF, h->bare_lf);
	sluice_set_bool(res, HIDDEN_END, h->hidden_end);
	sluice_set_bool(res, EMPTY_BODY, !h->has_body);
}

static enum sluice_outcome run(struct sluice_check_ctx *c, struct sluice_result *res)
{
	const struct headers *h = *sluice_memory(c);

	if (!h)
		return SLUICE_TEMPERROR; /* no memory: even an empty message has an end of its header */
	report_fields(h, res);
	report_addresses(c, h, res);
	report_octets(c, h, res);
	if (h->has_date)
		sluice_set_int(res, DATE_OFFSET, h->date_s - sluice_now_s(c));
	return SLUICE_DONE;
}

/* GMime decodes display names; its tables are made once, before there are threads. */
static int configure(const struct sluice_block *blocks, size_t count, void **ret_state, struct sluice_config_error *reterr)
{
	(void)blocks;
	(void)count;
	(void)reterr;
	*ret_state = NULL;
	g_mime_init();
	return 0;
}

static const struct sluice_check checks[] = {
	{ .name = "headers", .stage = SLUICE_STAGE_MESSAGE, .run = run, .first_fact = MISSING, .last_fact = EMPTY_BODY, .feed = feed, .drop = drop },
	{ .name = NULL },
};
SLUICE_PLUGIN(headers) = {
	.abi = SLUICE_PLUGIN_ABI,
	.name = "headers",
	.help = "is the message what RFC 5322 wants one to be, and does it show its readers what it is?",
	.facts = facts,
	.checks = checks,
	.lists = lists,
	.configure = configure,
};
