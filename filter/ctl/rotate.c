/* SPDX-License-Identifier: BSD-2-Clause */
/* rotate.c - sluicectl dkim rotate: its options. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "filter/base/ascii.h"
#include "filter/base/ip.h"
#include "filter/ctl/rotate.h"
#include "filter/engine/snapshot.h"
#include "filter/policy/option.h"

#define DEFAULT_KEYS    SLUICE_SYSCONFDIR "/keys"
#define DEFAULT_BITS    2048
#define DAY_S           INT64_C(86400)

static int usage(FILE *out, int status)
{
	fputs("usage: sluicectl dkim rotate DOMAIN [OPTION...]\n"
	      "One step to the next key, if it is time for one; to be run daily. A key signs when each name server of the domain shows it\n"
	      "and what resolvers have kept has run out; the old one stays published while mail that it signed may be on its way.\n"
	      "  -c FILE | -s SOCKET  configuration (" CTL_DEFAULT_CONFIG "), or control socket, of the daemon\n"
	      "  --keys DIR           where the keys are (of the configuration: sign { keys DIR }; " DEFAULT_KEYS ")\n"
	      "  --type rsa|ed25519   which key of the domain (rsa)\n"
	      "  --bits N             of a new RSA key (2048)\n"
	      "  --selector NAME      of the new key; default: type and month\n"
	      "  --every DURATION     how old a key may become (180d)\n"
	      "  --keep DURATION      how long the old one stays published (7d)\n"
	      "  --now                begin, however old the key is\n"
	      "  --program PATH       publishes: PATH publish|revoke NAME TTL RECORD; without one the record is printed for you\n"
	      "  --nsupdate KEYFILE   publishes by nsupdate (RFC 2136) with this TSIG key\n"
	      "  --ttl DURATION       of records that are published so (1h)\n"
	      "  --server ADDR[@PORT] asked, and updated, in the place of the domain's name servers; may come more than once\n"
	      "  --dry-run            say what would be done, and change nothing\n"
	      "exit status: 0 all is as it should be or on its way, 75 the DNS does not show a key for three days, others as sysexits(3)\n", out);
	return status;
}

/* ---- options ---- */

enum { KEYS = 256, TYPE, BITS, SELECTOR, EVERY, KEEP, AT_ONCE, PROGRAM, NSUPDATE, TTL, SERVER, DRY_RUN };
static const struct option options[] = {
	{ "keys", required_argument, NULL, KEYS }, { "type", required_argument, NULL, TYPE }, { "bits", required_argument, NULL, BITS },
	{ "selector", required_argument, NULL, SELECTOR }, { "every", required_argument, NULL, EVERY }, { "keep", required_argument, NULL, KEEP },
	{ "now", no_argument, NULL, AT_ONCE }, { "program", required_argument, NULL, PROGRAM }, { "nsupdate", required_argument, NULL, NSUPDATE },
	{ "ttl", required_argument, NULL, TTL }, { "server", required_argument, NULL, SERVER }, { "dry-run", no_argument, NULL, DRY_RUN },
	{ NULL, 0, NULL, 0 },
};

static bool take_duration(const char *option, int64_t min_s, int64_t *ret_s)
{
	int64_t ms;

	if (option_duration(optarg, strlen(optarg), &ms) && ms / 1000 >= min_s) {
		*ret_s = ms / 1000;
		return true;
	}
	fprintf(stderr, "sluicectl: %s %s: write a duration such as 12h or 90d, of %" PRId64 " seconds at least\n", option, optarg, min_s);
	return false;
}

static bool take_type(struct rotate *r)
{
	for (r->type = DKIM_KEY_RSA; r->type < DKIM_KEY_UNKNOWN; r->type++)
		if (!strcmp(optarg, dkim_key_words[r->type]))
			return true;
	fprintf(stderr, "sluicectl: '%s' is no type of key: it is rsa or ed25519\n", optarg);
	return false;
}

static bool take_bits(struct rotate *r)
{
	uint64_t bits;

	if (ascii_to_u64(optarg, strlen(optarg), DKIM_RSA_MAX_BITS, &bits) && bits >= DKIM_RSA_MIN_BITS) {
		r->bits = (unsigned)bits;
		return true;
	}
	fprintf(stderr, "sluicectl: '%s' bits: an RSA key has %d to %d\n", optarg, DKIM_RSA_MIN_BITS, DKIM_RSA_MAX_BITS);
	return false;
}

static bool take_server(struct rotate *r)
{
	size_t len = strcspn(optarg, "@");
	uint64_t port = 53;
	struct sluice_ip ip;

	if (r->dns.server_count == ROTATE_SERVERS_MAX || !ip_parse(optarg, len, &ip) ||
		(optarg[len] && !ascii_to_u64(optarg + len + 1, strlen(optarg + len + 1), UINT16_MAX, &port))) {
		fprintf(stderr, "sluicectl: '%s' is no server, or one too many: write 192.0.2.53 or 192.0.2.53@5353\n", optarg);
		return false;
	}
	r->hook.server = r->hook.server ? r->hook.server : optarg;
	r->dns.servers[r->dns.server_count++] = optarg;
	return true;
}

static bool take(struct rotate *r, int option)
{
	switch (option) {
	case 'c':
		r->target.config = optarg;
		return true;
	case 's':
		r->target.socket = optarg;
		return true;
	case KEYS:
		r->keys = optarg;
		return true;
	case TYPE:
		return take_type(r);
	case BITS:
		return take_bits(r);
	case SELECTOR:
		r->selector = optarg;
		if (dkim_selector_valid(optarg, strlen(optarg)) && strlen(optarg) <= ROTATION_SELECTOR_MAX)
			return true;
		fprintf(stderr, "sluicectl: '%s' is no selector: it has letters, digits and hyphens\n", optarg);
		return false;
	case EVERY:
		return take_duration("--every", 1, &r->every_s);
	case KEEP:
		return take_duration("--keep", 0, &r->keep_s);
	case TTL:
		return take_duration("--ttl", 1, &r->hook.ttl_s);
	case AT_ONCE:
		r->at_once = true;
		return true;
	case PROGRAM:
		r->hook.program = optarg;
		return true;
	case NSUPDATE:
		r->hook.nsupdate_key = optarg;
		return true;
	case SERVER:
		return take_server(r);
	case DRY_RUN:
		r->dry_run = true;
		return true;
	default:
		return false;
	}
}

/* Of its keys. Where it names none, as it does not sign yet, they are where keygen makes them. */
static const char *keys_of(const struct policy *p)
{
	const struct sluice_setting *keys = policy_setting(p, "sign", "keys");

	return keys ? keys->text : DEFAULT_KEYS;
}

/* The configuration says as whom the daemon runs, where its keys are, and whom it asks. With -s nothing is known of it but its socket. */
static int load_and_run(struct rotate *r)
{
	struct snapshot_options no_services = { .no_services = true };
	struct snapshot *s = NULL;
	struct err err;
	int status;

	if (!r->target.config && !r->target.socket)
		r->target.config = CTL_DEFAULT_CONFIG;
	if (r->target.config && snapshot_load(r->target.config, &no_services, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EX_CONFIG;
	}
	if (!r->keys)
		r->keys = s ? keys_of(s->policy) : DEFAULT_KEYS;
	r->folder = (struct rotate_folder){ r->keys, r->domain, r->type, s ? s->policy->settings.user : "" };
	if (s) {
		r->dns.forwarders = s->policy->settings.dns.forward.items;
		r->dns.forwarder_count = s->policy->settings.dns.forward.len;
	}
	status = rotate_run(r);
	snapshot_unref(s);
	return status;
}

int ctl_dkim_rotate(int argc, char **argv)
{
	struct rotate r = { .bits = DEFAULT_BITS, .every_s = 180 * DAY_S, .keep_s = 7 * DAY_S, .hook = { .ttl_s = 3600 } };
	int option;

	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout, EX_OK);
		if (!take(&r, option))
			return usage(stderr, EX_USAGE);
	}
	if (optind + 1 != argc || (r.hook.program && r.hook.nsupdate_key))
		return usage(stderr, EX_USAGE);
	if (!dkim_domain_valid(argv[optind], strlen(argv[optind])) || strlen(argv[optind]) >= sizeof r.domain) {
		fprintf(stderr, "sluicectl: '%s' is no domain: write one such as example.org, with its labels in ASCII\n", argv[optind]);
		return EX_USAGE;
	}
	for (size_t i = 0; argv[optind][i]; i++)
		r.domain[i] = ascii_lower(argv[optind][i]);
	return load_and_run(&r);
}
