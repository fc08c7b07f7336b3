/* SPDX-License-Identifier: BSD-2-Clause */
/* dkim.c - sluicectl dkim keygen: keys to sign with. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "filter/base/ascii.h"
#include "filter/ctl/ctl.h"
#include "filter/mail/dkim_record.h"

#define DEFAULT_KEYS    SLUICE_SYSCONFDIR "/keys"
#define DEFAULT_BITS    2048
#define ZONE_STRING_MAX 255 /* octets of one string of a TXT record (RFC 1035 3.3.14) */
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
	      "  --out DIR        what the setting 'keys' names (" DEFAULT_KEYS ")\n", out);
	return status;
}

static void lower(char out[NAME_MAX_BYTES], const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i <= len; i++)
		out[i] = ascii_lower(name[i]);
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

static bool take_domain(struct keygen *k, const char *domain)
{
	if (dkim_domain_valid(domain, strlen(domain))) {
		lower(k->domain, domain);
		return true;
	}
	fprintf(stderr, "sluicectl: '%s' is no domain: write one such as example.org, with its labels in ASCII\n", domain);
	return false;
}

static void name_by_month(struct keygen *k)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	(void)snprintf(k->selector, sizeof k->selector, "%s-%04d%02d", dkim_key_words[k->type], tm.tm_year + 1900, tm.tm_mon + 1);
}

static EVP_PKEY *make_key(const struct keygen *k)
{
	return k->type == DKIM_KEY_RSA ? EVP_RSA_gen(k->bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

static int cannot_write(const char *path)
{
	if (errno == EEXIST)
		fprintf(stderr, "sluicectl: %s is there already, and is left as it is: choose another --selector\n", path);
	else
		fprintf(stderr, "sluicectl: %s cannot be written: %s\n", path, strerror(errno));
	return EX_CANTCREAT;
}

/* The folder of the domain, made when it is not there. It and the key belong to whoever owns the folder of all keys: the daemon. */
static int open_folder(const struct keygen *k, struct stat *ret)
{
	int all = open(k->out, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1, saved;
	bool made;

	if (all < 0)
		return -1;
	if (fstat(all, ret) == 0) {
		made = mkdirat(all, k->domain, 0700) == 0;
		fd = openat(all, k->domain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (made && fd >= 0)
			(void)!fchown(fd, ret->st_uid, ret->st_gid);
	}
	saved = errno;
	(void)close(all);
	errno = saved;
	return fd;
}

static int write_key(const struct keygen *k, const char *pem, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096), name = TEXT_INIT(NAME_MAX_BYTES + 8);
	struct stat owner;
	int folder = open_folder(k, &owner), fd, status = EX_OK;

	if (folder < 0) {
		fprintf(stderr, "sluicectl: %s/%s: %s; the folder of all keys is made with: install -d -m 700 -o sluice %s\n", k->out, k->domain,
			strerror(errno), k->out);
		return EX_CANTCREAT;
	}
	text_addf(&name, "%s.pem", k->selector);
	text_addf(&path, "%s/%s/%s", k->out, k->domain, text_str(&name));
	fd = openat(folder, text_str(&name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		status = cannot_write(text_str(&path));
	} else if (fchmod(fd, 0600) < 0 || (geteuid() == 0 && fchown(fd, owner.st_uid, owner.st_gid) < 0) || !write_all(fd, pem, len)) {
		status = cannot_write(text_str(&path));
		(void)unlinkat(folder, text_str(&name), 0);
	}
	if (fd >= 0)
		(void)close(fd);
	(void)close(folder);
	if (status == EX_OK)
		printf("; the key is in %s\n", text_str(&path));
	return status;
}

/* As a zone file has it: a long record is several strings. */
static void print_record(const struct keygen *k, const struct text *record)
{
	SLUICE_CLEANUP(text_done) struct text name = TEXT_INIT(2 * NAME_MAX_BYTES + 16);

	dkim_record_name(&name, k->selector, k->domain);
	printf("%s. IN TXT (", text_str(&name));
	for (size_t at = 0; at < record->len; at += ZONE_STRING_MAX)
		printf("\n\t\"%.*s\"", ZONE_STRING_MAX, record->bytes + at);
	fputs(" )\n", stdout);
}

static int make(const struct keygen *k)
{
	SLUICE_CLEANUP(text_done) struct text record = TEXT_INIT(DKIM_RECORD_MAX_BYTES);
	EVP_PKEY *key = make_key(k);
	BIO *bio = BIO_new(BIO_s_secmem());
	int status = EX_SOFTWARE;
	char *pem;
	long len;

	if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && dkim_record_write(&record, key)) {
		len = BIO_get_mem_data(bio, &pem);
		status = write_key(k, pem, (size_t)len);
	} else {
		fputs("sluicectl: OpenSSL could not make a key\n", stderr);
	}
	if (status == EX_OK)
		print_record(k, &record);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return status;
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
	if (optind + 1 != argc || !take_domain(&k, argv[optind]))
		return usage(stderr, EX_USAGE);
	if (!*k.selector)
		name_by_month(&k);
	return make(&k);
}

int ctl_dkim(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "-h"))
		return usage(stdout, EX_OK);
	if (argc >= 2 && !strcmp(argv[1], "keygen"))
		return keygen(argc - 1, argv + 1);
	return usage(stderr, EX_USAGE);
}
