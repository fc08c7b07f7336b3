/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim.c - sluicectl dkim keygen | check | rotate: keys to sign with, and what the DNS says of them. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "filter/base/ascii.h"
#include "filter/base/json.h"
#include "filter/ctl/ctl.h"
#include "filter/ctl/dkim_file.h"
#include "filter/ctl/listing.h"
#include "filter/engine/dkim_published.h"
#include "filter/engine/snapshot.h"
#include "filter/mail/dkim_record.h"

#define DEFAULT_KEYS    SLUICE_SYSCONFDIR "/keys"
#define DEFAULT_BITS    2048
#define NAME_MAX_BYTES  256

struct keygen {
	char domain[NAME_MAX_BYTES], selector[NAME_MAX_BYTES];
	enum dkim_key_type type;
	unsigned bits;
	const char *out;
};

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl dkim keygen DOMAIN [--selector NAME] [--type rsa | ed25519] [--bits N] [--out DIR]\n"
	      "                                make a key in DIR/DOMAIN/NAME.pem and print its DNS record\n"
	      "  --selector NAME  default: type and month, such as rsa-202611\n"
	      "  --bits N         of an RSA key, 1024 to 4096 (2048)\n"
	      "  --out DIR        what the setting 'keys' names (" DEFAULT_KEYS ")\n"
	      "       sluicectl dkim check DOMAIN [-c FILE] [--zone FILE] [--json]\n"
	      "                                compare the keys that sign for a domain with the DNS\n"
	      "  -c FILE          configuration (" CTL_DEFAULT_CONFIG ")\n"
	      "  --zone FILE      answer DNS from this file, and ask no network\n"
	      "       sluicectl dkim rotate DOMAIN [OPTION...]\n"
	      "                                take a key that has become old to its successor; its -h has the options\n"
	      "exit status of check: 0 all are good, 1 one is not, 66 there is no key, 75 the DNS does not answer\n", out);
	return status;
}

static void lower(char out[NAME_MAX_BYTES], const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i <= len; i++)
		out[i] = ascii_lower(name[i]);
}

static bool domain_or_complain(const char *domain)
{
	if (dkim_domain_valid(domain, strlen(domain)))
		return true;
	fprintf(stderr, "sluicectl: '%s' is no domain: write one such as example.org, with its labels in ASCII\n", domain);
	return false;
}

/* ---- keygen ---- */

enum { SELECTOR = 256, TYPE, BITS, OUT };
static const struct option keygen_options[] = {
	{ "selector", required_argument, NULL, SELECTOR }, { "type", required_argument, NULL, TYPE }, { "bits", required_argument, NULL, BITS },
	{ "out", required_argument, NULL, OUT }, { NULL, 0, NULL, 0 },
};

static bool take_option(struct keygen *k, int option)
{
	uint64_t bits;

	switch (option) {
	case SELECTOR:
		if (dkim_selector_valid(optarg, strlen(optarg))) {
			lower(k->selector, optarg);
			return true;
		}
		fprintf(stderr, "sluicectl: '%s' is no selector: it has letters, digits and hyphens\n", optarg);
		return false;
	case TYPE:
		for (k->type = DKIM_KEY_RSA; k->type < DKIM_KEY_UNKNOWN; k->type++)
			if (!strcmp(optarg, dkim_key_words[k->type]))
				return true;
		fprintf(stderr, "sluicectl: '%s' is no type of key: it is rsa or ed25519\n", optarg);
		return false;
	case BITS:
		if (ascii_to_u64(optarg, strlen(optarg), DKIM_RSA_MAX_BITS, &bits) && bits >= DKIM_RSA_MIN_BITS) {
			k->bits = (unsigned)bits;
			return true;
		}
		fprintf(stderr, "sluicectl: '%s' bits: an RSA key has %d to %d\n", optarg, DKIM_RSA_MIN_BITS, DKIM_RSA_MAX_BITS);
		return false;
	case OUT:
		k->out = optarg;
		return true;
	default:
		return false;
	}
}

static void name_by_month(struct keygen *k)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	(void)snprintf(k->selector, sizeof k->selector, "%s-%04d%02d", dkim_key_words[k->type], tm.tm_year + 1900, tm.tm_mon + 1);
}

/* As a zone file has it: a comment that says where the key is, and its record. */
static int make(const struct keygen *k)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES), name = TEXT_INIT(2 * NAME_MAX_BYTES + 16);
	const struct dkim_file file = { k->out, k->domain, k->selector, ".pem", k->type, k->bits };
	int status = dkim_file_make(&file, &record);

	dkim_record_name(&name, k->selector, k->domain);
	if (status != EX_OK)
		return status;
	printf("; the key is in %s/%s/%s.pem\n", k->out, k->domain, k->selector);
	dkim_print_record(text_str(&name), text_str(&record));
	return EX_OK;
}

static int keygen(int argc, char **argv)
{
	struct keygen k = { .type = DKIM_KEY_RSA, .bits = DEFAULT_BITS, .out = DEFAULT_KEYS };
	int option;

	while ((option = getopt_long(argc, argv, "h", keygen_options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (!take_option(&k, option))
			return usage(stderr, EX_USAGE);
	}
	if (optind + 1 != argc || !domain_or_complain(argv[optind]))
		return usage(stderr, EX_USAGE);
	lower(k.domain, argv[optind]);
	if (!*k.selector)
		name_by_month(&k);
	return make(&k);
}

/* ---- check ---- */

struct checking {
	struct listing *listing; /* of --json; NULL: for people */
	int status;              /* the worst so far */
};

static void put_key(struct text *out, const struct dkim_published *p)
{
	json_open(out, NULL, '{');
	json_str(out, "name", p->name);
	json_str(out, "found", dkim_found_texts[p->found]);
	json_bool(out, "good", p->found <= DKIM_FOUND_TESTING);
	json_str(out, "record", p->record);
	json_close(out, '}');
}

static void show_key(const struct dkim_published *p)
{
	printf("%s: %s\n", p->name, dkim_found_texts[p->found]);
	if (p->found == DKIM_FOUND_MISSING || p->found == DKIM_FOUND_OTHER)
		dkim_print_record(p->name, p->record);
}

static void on_key(void *arg, const struct dkim_published *p)
{
	struct checking *c = arg;

	if (c->listing)
		put_key(listing_next(c->listing), p);
	else
		show_key(p);
	if (p->found == DKIM_FOUND_UNANSWERED && c->status == EX_OK)
		c->status = EX_TEMPFAIL;
	else if (dkim_found_is_bad(p->found))
		c->status = CTL_DIFFERS;
}

static int check_domain(const struct snapshot *s, const char *config, const char *domain, bool json)
{
	struct listing listing;
	struct checking c = { json ? &listing : NULL, EX_OK };
	int count;

	if (json)
		listing_begin(&listing);
	count = dkim_published_each(s, domain, on_key, &c);
	if (json)
		listing_end(&listing);
	if (count == 0)
		fprintf(stderr, "sluicectl: %s has no key that signs for %s: make one with sluicectl dkim keygen\n", config, domain);
	return count > 0 ? c.status : count == 0 ? EX_NOINPUT : EX_OSERR;
}

static int load_and_check(const char *config, const char *zone, const char *domain, bool json)
{
	struct reactor *reactor = zone ? NULL : reactor_new();
	struct snapshot_options options = { .reactor = reactor, .zone = zone };
	struct snapshot *s = NULL;
	int status = EX_CONFIG;
	struct err err;

	if (!zone && !reactor)
		return EX_OSERR;
	if (snapshot_load(config, &options, &s, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	else
		status = check_domain(s, config, domain, json);
	snapshot_unref(s);
	reactor_free(reactor);
	return status;
}

static int check(int argc, char **argv)
{
	static const struct option check_options[] = { { "zone", required_argument, NULL, 'z' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	const char *config = CTL_DEFAULT_CONFIG, *zone = NULL;
	char domain[NAME_MAX_BYTES];
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", check_options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (option == 'c')
			config = optarg;
		else if (option == 'z')
			zone = optarg;
		else if (option == 'j')
			json = true;
		else
			return usage(stderr, EX_USAGE);
	}
	if (optind + 1 != argc || !domain_or_complain(argv[optind]))
		return usage(stderr, EX_USAGE);
	lower(domain, argv[optind]);
	return load_and_check(config, zone, domain, json);
}

int ctl_dkim(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc >= 2 && !strcmp(argv[1], "keygen"))
		return keygen(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "check"))
		return check(argc - 1, argv + 1);
	if (argc >= 2 && !strcmp(argv[1], "rotate"))
		return ctl_dkim_rotate(argc - 1, argv + 1);
	return usage(stderr, EX_USAGE);
}
