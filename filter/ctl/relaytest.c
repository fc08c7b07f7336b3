/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relaytest.c - sluicectl relaytest: try a mail server as those would who look for one to abuse. No recipient is given a message, unless an address
 * is named that takes those which try the ends of lines.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/listing.h"
#include "filter/ctl/paint.h"
#include "filter/ctl/shown.h"
#include "filter/ctl/smtp_link.h"
#include "filter/policy/option.h"

#define LINES_BYTES  65536
#define WHY_BYTES    1000
#define SHOWN_COLUMN 38

/* What an answer says of the server. */
enum finding { GOOD, BAD, UNSURE, FINDINGS };
static const char *const finding_words[FINDINGS] = { "good", "BAD", "unsure" };
static const enum paint colours[FINDINGS] = { PAINT_GOOD, PAINT_BAD, PAINT_LOOK };

struct relaytest {
	const char *host, *port;
	const char *helo;
	const char *client;    /* as whom we come, by XCLIENT; NULL: as ourselves */
	const char *domain;    /* of the server's: where it takes mail for; NULL: its own name */
	const char *outside;   /* an address that it has nothing to do with */
	const char *recipient; /* who gets what tries the ends of lines; NULL: these are not tried */
	const char *user;      /* within outside: before the @ */
	int user_len;
	const char *outside_domain;
	int64_t timeout_ms;
	bool ours; /* the server is, so it is said */
	bool json;
	struct listing listing; /* of json */

	char peer[IP_TEXT_MAX + 2]; /* as an address literal */
	struct text name;           /* how the server greets */
	size_t counts[FINDINGS], relays; /* the latter: forms that are taken */
};

/*
 * How a stranger writes a recipient elsewhere so that a server takes it for its own, or passes it on: U is the user outside, O his domain, D a domain of
 * the server's, L its address as a literal. Those of RFC 5321 (appendix C, source routes) and of the mail of other networks (percent, bang), and of
 * servers that look at another @ than they go by.
 */
static const struct form { const char *from, *to, *what; } forms[] = {
	{ "a@O", "<U@O>", "plain" },
	{ "", "<U@O>", "from the null sender" },
	{ "postmaster@D", "<U@O>", "from the server's own domain" },
	{ "postmaster@L", "<U@O>", "from the server's own address" },
	{ "postmaster", "<U@O>", "from a name without a domain" },
	{ "postmaster@localhost", "<U@O>", "from localhost" },
	{ "U@O", "<U@O>", "from the recipient himself" },
	{ "a@O", "U@O", "without brackets" },
	{ "a@O", "<U@O.>", "a dot at the end" },
	{ "a@O", "<\"U@O\">", "quoted as a whole" },
	{ "a@O", "<\"U\"@O>", "the local part quoted" },
	{ "a@O", "<U%O>", "percent, no domain" },
	{ "a@O", "<U%O@D>", "percent" },
	{ "a@O", "<U%O@L>", "percent, to the server's address" },
	{ "a@O", "<U%O%D@D>", "percent twice" },
	{ "a@O", "<\"U%O\">", "percent, quoted" },
	{ "a@O", "<\"U%O\"@D>", "percent, quoted local part" },
	{ "a@O", "<O!U>", "bang, no domain" },
	{ "a@O", "<O!U@D>", "bang" },
	{ "a@O", "<O!U@L>", "bang, to the server's address" },
	{ "a@O", "<D!O!U@D>", "bang twice" },
	{ "a@O", "<\"O!U\"@D>", "bang, quoted" },
	{ "a@O", "<@D:U@O>", "source route" },
	{ "a@O", "<@L:U@O>", "source route by the server's address" },
	{ "a@O", "<@D,@O:U@O>", "source route of two" },
	{ "a@O", "<@O:U@D>", "source route that begins elsewhere" },
	{ "a@O", "<U@O@D>", "two @" },
	{ "a@O", "<U@O@L>", "two @, to the server's address" },
	{ "a@O", "<\"U@O\"@D>", "@ in a quoted local part" },
	{ "a@O", "<\"U@O\"@L>", "@ in a quoted local part, to the server's address" },
	{ "a@O", "<U\\@O@D>", "@ behind a backslash" },
	{ "a@O", "<U@O(D)>", "a comment with the server's domain" },
	{ "a@O", "<U(@D)@O>", "a comment in the local part" },
	{ "a@O", "<U@D@O>", "the server's domain in the local part" },
	{ "a@O", "<D:U@O>", "a colon without a route" },
};

/* What ends a message for some servers, and is content for others: who relies on the others writes a second message behind it. */
static const struct ending { const char *bytes, *what; } endings[] = {
	{ "\n.\n", "LF . LF" },
	{ "\n.\r\n", "LF . CRLF" },
	{ "\r\n.\n", "CRLF . LF" },
	{ "\r.\r", "CR . CR" },
	{ "\r\n.\r", "CRLF . CR" },
	{ "\r.\r\n", "CR . CRLF" },
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl relaytest [option ...] HOST[:PORT]\n"
	      "  --yes-this-host-is-mine  try a server that is not on this machine\n"
	      "  --client IP              come as this client, where the server lets us say so (XCLIENT)\n"
	      "  --domain NAME            a domain whose mail it takes (the name that it greets with)\n"
	      "  --outside ADDRESS        an address that it must not take mail for (relaytest@example.com)\n"
	      "  --to ADDRESS             try ends of lines that smuggle messages, too: this address may get six short ones\n"
	      "  --helo NAME              how we introduce ourselves (relaytest.example)\n"
	      "  --timeout TIME           for each answer (30s)\n"
	      "  --json                   what was tried as an array of JSON\n"
	      "exit status: 0 nothing bad was found, 1 something was, 64 usage, 69 the server does not answer\n", out);
	return status;
}

/* ---- what was found ---- */

static void put(struct text *out, enum finding finding, const char *what, const char *tried, const char *answer)
{
	json_open(out, NULL, '{');
	json_str(out, "finding", finding_words[finding]);
	json_str(out, "what", what);
	json_str(out, "tried", tried);
	json_str(out, "answer", answer);
	json_close(out, '}');
}

static void tell(struct relaytest *t, enum finding finding, const char *what, const char *tried, const char *answer)
{
	SLUICE_CLEANUP(text_done) struct text shown = TEXT_INIT(LINES_BYTES);

	t->counts[finding]++;
	if (t->json) {
		put(listing_next(&t->listing), finding, what, tried, answer);
		return;
	}
	text_addf(&shown, "%s%s", what, *tried ? "  " : "");
	shown_add(&shown, tried, strlen(tried)); /* how the server calls itself may be in it */
	paint_word(stdout, colours[finding], finding_words[finding], 6);
	printf("  %-*s  %s\n", SHOWN_COLUMN, text_str(&shown), answer);
}

/* ---- a session ---- */

/* XCLIENT, where a client is to be played; it begins the session anew. */
static bool become_client(const struct relaytest *t, struct smtp_link *l, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES);
	const char *v6 = t->client && strchr(t->client, ':') ? "IPV6:" : "";

	if (!t->client)
		return true;
	if (smtp_link_ask(l, &lines, why, "XCLIENT ADDR=%s%s NAME=[UNAVAILABLE]", v6, t->client) == 220)
		return smtp_link_ask(l, &lines, why, "EHLO %s", t->helo) / 100 == 2;
	text_clear(why);
	text_adds(why, "the server does not let us play another client (XCLIENT): see smtpd_authorized_xclient_hosts of Postfix, or leave --client out");
	return false;
}

/* Up to the answer to EHLO, whose lines are added to ret_ehlo. NULL: why says so. */
static struct smtp_link *begin(struct relaytest *t, struct text *ret_ehlo, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES);
	struct smtp_link *l = smtp_link_open(t->host, t->port, t->timeout_ms, why);
	unsigned code = l ? smtp_link_get(l, &lines, why) : 0;

	if (code / 100 == 2) {
		if (!t->name.len)
			text_add(&t->name, text_str(&lines), strcspn(text_str(&lines), " \n"));
		text_clear(&lines);
		code = smtp_link_ask(l, &lines, why, "EHLO %s", t->helo);
		text_adds(ret_ehlo, text_str(&lines));
	}
	if (code / 100 == 2 && become_client(t, l, why))
		return l;
	if (code && !why->len)
		smtp_link_show(why, code, &lines);
	smtp_link_close(l);
	return NULL;
}

static void end(struct smtp_link *l)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES), why = TEXT_INIT(WHY_BYTES);

	(void)smtp_link_ask(l, &lines, &why, "QUIT");
	smtp_link_close(l);
}

/* ---- relaying ---- */

static void expand(const struct relaytest *t, const char *form, struct text *out)
{
	const char *domain = t->domain ? t->domain : text_str(&t->name);

	for (; *form; form++) {
		if (*form == 'U')
			text_add(out, t->user, (size_t)t->user_len);
		else if (*form == 'O')
			text_adds(out, t->outside_domain);
		else if (*form == 'D')
			text_adds(out, domain);
		else if (*form == 'L')
			text_adds(out, t->peer);
		else
			text_addc(out, *form);
	}
}

/* False: the server does not answer. */
static bool try_form(struct relaytest *t, const struct form *form, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text from = TEXT_INIT(2000), to = TEXT_INIT(2000), lines = TEXT_INIT(LINES_BYTES), answer = TEXT_INIT(WHY_BYTES);
	struct smtp_link *l = begin(t, &lines, why);
	unsigned code;
	bool at_mail;

	if (!l)
		return false;
	expand(t, form->from, &from);
	expand(t, form->to, &to);
	text_clear(&lines);
	code = smtp_link_ask(l, &lines, why, "MAIL FROM:<%s>", text_str(&from));
	at_mail = code / 100 != 2;
	if (!at_mail) {
		text_clear(&lines);
		code = smtp_link_ask(l, &lines, why, "RCPT TO:%s", text_str(&to));
	}
	if (code) {
		smtp_link_show(&answer, code, &lines);
		t->relays += code / 100 == 2;
		tell(t, code / 100 == 2 ? BAD : code / 100 == 5 ? GOOD : UNSURE, form->what, at_mail ? text_str(&from) : text_str(&to), text_str(&answer));
	} else { /* it hangs up on what it does not like */
		tell(t, GOOD, form->what, text_str(&to), text_str(why));
		text_clear(why);
	}
	if (code)
		end(l);
	else
		smtp_link_close(l);
	return true;
}

/* ---- what it tells, and takes, in the clear ---- */

static bool has_word(const char *line, size_t len, const char *word)
{
	for (size_t at = 0; at < len;) {
		size_t n = strcspn(line + at, " =\n");

		if (at + n > len)
			n = len - at;
		if (ascii_equals(line + at, n, word))
			return true;
		at += n + 1;
	}
	return false;
}

/* "AUTH PLAIN LOGIN" (RFC 4954), or "AUTH=LOGIN" as it was before that. */
static bool offers(const char *ehlo, const char *mechanism)
{
	for (const char *line = ehlo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n");

		if (len > 4 && ascii_equals(line, 4, "AUTH") && has_word(line, len, mechanism))
			return true;
	}
	return false;
}

/* Mechanisms that show the password to whoever listens. */
static void look_at_auth(struct relaytest *t, const char *ehlo)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN" };
	SLUICE_CLEANUP(text_done) struct text found = TEXT_INIT(WHY_BYTES);

	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (offers(ehlo, mechanisms[i]))
			text_addf(&found, "%s%s", found.len ? " " : "", mechanisms[i]);
	tell(t, found.len ? BAD : GOOD, "passwords without TLS", "", found.len ? text_str(&found) : "none are taken");
}

/* Does a command tell users from others? */
static void look_at_names(struct relaytest *t, struct smtp_link *l, const char *verb)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES), why = TEXT_INIT(WHY_BYTES), answer = TEXT_INIT(WHY_BYTES);
	unsigned known = smtp_link_ask(l, &lines, &why, "%s postmaster", verb), unknown;

	if (known)
		smtp_link_show(&answer, known, &lines);
	text_clear(&lines);
	unknown = known ? smtp_link_ask(l, &lines, &why, "%s no-such-user-4711", verb) : 0;
	if (!unknown)
		tell(t, UNSURE, verb, "", text_str(&why));
	else /* 252: it says neither (RFC 5321 3.5.3) */
		tell(t, (known == 250 || known == 251) && unknown / 100 == 5 ? BAD : GOOD, verb, "", text_str(&answer));
}

static bool look_at_greeting(struct relaytest *t, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text ehlo = TEXT_INIT(LINES_BYTES);
	struct smtp_link *l = begin(t, &ehlo, why);
	struct sluice_ip peer;
	char ip[IP_TEXT_MAX];

	if (!l)
		return false;
	peer = smtp_link_peer(l);
	(void)snprintf(t->peer, sizeof t->peer, "[%s%s]", peer.family == 6 ? "IPv6:" : "", ip_format(&peer, ip));
	if (!t->json) {
		shown_put(stdout, text_str(&t->name));
		printf(", %s\n", ip);
	}
	look_at_auth(t, text_str(&ehlo));
	look_at_names(t, l, "VRFY");
	look_at_names(t, l, "EXPN");
	end(l);
	return true;
}

/* ---- ends of lines ---- */

/* How many answers come up to that of QUIT: one for the message, more when it ended before its end. 0: none came. */
static unsigned count_answers(struct smtp_link *l, struct text *first)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES), why = TEXT_INIT(WHY_BYTES);
	unsigned count = 0, code;

	while (count < 10 && (code = smtp_link_get(l, &lines, &why)) && code != 221) {
		if (!count++)
			smtp_link_show(first, code, &lines);
		text_clear(&lines);
	}
	if (!count)
		text_adds(first, text_str(&why));
	return count;
}

static bool try_ending(struct relaytest *t, const struct ending *ending, struct text *why)
{
	SLUICE_CLEANUP(text_done) struct text lines = TEXT_INIT(LINES_BYTES), message = TEXT_INIT(4000), answer = TEXT_INIT(WHY_BYTES);
	struct smtp_link *l = begin(t, &lines, why);
	unsigned code, count;

	if (!l)
		return false;
	text_clear(&lines);
	code = smtp_link_ask(l, &lines, why, "MAIL FROM:<%s>", t->outside);
	if (code / 100 == 2)
		code = smtp_link_ask(l, &lines, why, "RCPT TO:<%s>", t->recipient);
	if (code / 100 == 2)
		code = smtp_link_ask(l, &lines, why, "DATA");
	if (code != 354) {
		if (code)
			smtp_link_show(&answer, code, &lines);
		tell(t, UNSURE, "the end of a message", ending->what, code ? text_str(&answer) : text_str(why));
		text_clear(why);
		smtp_link_close(l);
		return true;
	}
	text_addf(&message, "From: <%s>\r\nTo: <%s>\r\nSubject: sluicectl relaytest: %s\r\n\r\nIf this is all of the message, it went well.%sNOOP\r\nThe rest.\r\n.\r\nQUIT\r\n",
		t->outside, t->recipient, ending->what, ending->bytes);
	count = smtp_link_put(l, text_str(&message), message.len, why) ? count_answers(l, &answer) : 0;
	tell(t, count > 1 ? BAD : GOOD, "the end of a message", ending->what, count > 1 ? "a second message could follow" : text_str(&answer));
	text_clear(why);
	smtp_link_close(l);
	return true;
}

/* ---- all of it ---- */

static int summary(const struct relaytest *t)
{
	if (!t->json)
		printf("%zu good, %zu bad, %zu unsure\n", t->counts[GOOD], t->counts[BAD], t->counts[UNSURE]);
	if (!t->json && t->relays)
		puts("Each form of address that is BAD lets strangers send through this server: see mynetworks and smtpd_relay_restrictions of Postfix,\n"
		     "access_db and the relay features of Sendmail, and rule no-relay of the shipped policy.");
	return t->counts[BAD] ? CTL_DIFFERS : EX_OK;
}

static bool run(struct relaytest *t, struct text *why)
{
	bool ok = look_at_greeting(t, why);

	for (size_t i = 0; ok && i < ARRAY_LEN(forms); i++)
		ok = try_form(t, &forms[i], why);
	for (size_t i = 0; ok && t->recipient && i < ARRAY_LEN(endings); i++)
		ok = try_ending(t, &endings[i], why);
	return ok;
}

/* Whoever tries a server that is not his own is taken for what he plays. */
static bool may_try(const struct relaytest *t, struct text *why)
{
	static const struct net loopback[] = { { { 4, { 127 } }, 8 }, { { 6, { [15] = 1 } }, 128 } };
	struct smtp_link *l;
	struct sluice_ip peer;

	if (t->ours)
		return true;
	l = smtp_link_open(t->host, t->port, t->timeout_ms, why);
	if (!l)
		return false;
	peer = smtp_link_peer(l);
	smtp_link_close(l);
	if (net_contains(&loopback[0], &peer) || net_contains(&loopback[1], &peer))
		return true;
	text_adds(why, "it is not on this machine: whoever is tried like this may block you, or complain; say --yes-this-host-is-mine if it is");
	return false;
}

static int relaytest(struct relaytest *t)
{
	SLUICE_CLEANUP(text_done) struct text why = TEXT_INIT(WHY_BYTES);
	bool ok = may_try(t, &why);

	if (ok && t->json)
		listing_begin(&t->listing);
	if (ok) {
		ok = run(t, &why);
		if (t->json)
			listing_end(&t->listing);
	}
	if (ok)
		return summary(t);
	fprintf(stderr, "sluicectl: %s port %s: %s\n", t->host, t->port, text_str(&why));
	return EX_UNAVAILABLE;
}

/* ---- arguments ---- */

enum { OURS = 256, CLIENT, DOMAIN, OUTSIDE, TO, HELO, TIMEOUT, JSON };
static const struct option options[] = {
	{ "yes-this-host-is-mine", no_argument, NULL, OURS }, { "client", required_argument, NULL, CLIENT }, { "domain", required_argument, NULL, DOMAIN },
	{ "outside", required_argument, NULL, OUTSIDE }, { "to", required_argument, NULL, TO }, { "helo", required_argument, NULL, HELO },
	{ "timeout", required_argument, NULL, TIMEOUT }, { "json", no_argument, NULL, JSON }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
};

/* What goes into a command has no end of line in it, and is not a second argument. */
static bool is_plain(const char *s)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '<' || *p == '>')
			return false;
	return *s != '\0' && strlen(s) < 300;
}

static bool set(struct relaytest *t, int option)
{
	struct sluice_ip ip;

	switch (option) {
	case OURS:
		t->ours = true;
		return true;
	case CLIENT:
		t->client = optarg;
		return ip_parse(optarg, strlen(optarg), &ip);
	case DOMAIN:
		t->domain = optarg;
		return is_plain(optarg);
	case OUTSIDE:
		t->outside = optarg;
		return is_plain(optarg) && strchr(optarg, '@') && optarg[0] != '@' && strchr(optarg, '@')[1];
	case TO:
		t->recipient = optarg;
		return is_plain(optarg);
	case HELO:
		t->helo = optarg;
		return is_plain(optarg);
	case JSON:
		t->json = true;
		return true;
	case TIMEOUT:
		return option_duration(optarg, strlen(optarg), &t->timeout_ms) && t->timeout_ms >= 100;
	default:
		return false;
	}
}

/* HOST, HOST:PORT, [IPV6]:PORT; an IPv6 address alone has more than one colon. */
static void split(char *where, struct relaytest *t)
{
	char *bracket = *where == '[' ? strchr(where, ']') : NULL, *colon = strrchr(bracket ? bracket : where, ':');

	t->host = where;
	t->port = "25";
	if (colon && (bracket || strchr(where, ':') == colon)) {
		*colon = '\0';
		t->port = colon + 1;
	}
	if (bracket) {
		*bracket = '\0';
		t->host = where + 1;
	}
}

int ctl_relaytest(int argc, char **argv)
{
	struct relaytest t = { .helo = "relaytest.example", .outside = "relaytest@example.com", .timeout_ms = 30000, .name = TEXT_INIT(300) };
	int option, status;
	uint64_t port;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (option == '?')
			return usage(stderr, EX_USAGE);
		if (!set(&t, option)) {
			fprintf(stderr, "sluicectl: '%s' is not what this option takes\n", optarg);
			return usage(stderr, EX_USAGE);
		}
	}
	if (optind + 1 != argc || !*argv[optind])
		return usage(stderr, EX_USAGE);
	split(argv[optind], &t);
	if (!ascii_to_u64(t.port, strlen(t.port), UINT16_MAX, &port) || !port) {
		fprintf(stderr, "sluicectl: '%s' is no port: write HOST:PORT, such as %s:25\n", t.port, t.host);
		return EX_USAGE;
	}
	t.user = t.outside;
	t.user_len = (int)(strrchr(t.outside, '@') - t.outside);
	t.outside_domain = strrchr(t.outside, '@') + 1;
	status = relaytest(&t);
	text_done(&t.name);
	return status;
}
