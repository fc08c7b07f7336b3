/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/dkim_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/fd.h"

#define NAME_MAX_BYTES  300
#define ZONE_STRING_MAX 255 /* octets of one string of a TXT record (RFC 1035 3.3.14) */

static EVP_PKEY *make_key(const struct dkim_file *f)
{
	return f->type == DKIM_KEY_RSA ? EVP_RSA_gen(f->bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
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
static int open_folder(const struct dkim_file *f, struct stat *ret)
{
	int all = open(f->keys, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1, saved;
	bool made;

	if (all < 0)
		return -1;
	if (fstat(all, ret) == 0) {
		made = mkdirat(all, f->domain, 0700) == 0;
		fd = openat(all, f->domain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (made && fd >= 0)
			(void)!fchown(fd, ret->st_uid, ret->st_gid);
	}
	saved = errno;
	(void)close(all);
	errno = saved;
	return fd;
}

static int write_key(const struct dkim_file *f, const char *pem, size_t len)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096), name = TEXT_INIT(NAME_MAX_BYTES + 8);
	struct stat owner;
	int folder = open_folder(f, &owner), fd, status = EX_OK;

	if (folder < 0) {
		fprintf(stderr, "sluicectl: %s/%s: %s; the folder of all keys is made with: install -d -m 700 -o sluice %s\n", f->keys, f->domain,
			strerror(errno), f->keys);
		return EX_CANTCREAT;
	}
	text_addf(&name, "%s%s", f->selector, f->suffix);
	text_addf(&path, "%s/%s/%s", f->keys, f->domain, text_str(&name));
	fd = openat(folder, text_str(&name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		status = cannot_write(text_str(&path));
	} else if (fchmod(fd, 0600) < 0 || (geteuid() == 0 && fchown(fd, owner.st_uid, owner.st_gid) < 0) || !fd_write_durably(fd, pem, len)) {
		status = cannot_write(text_str(&path));
		(void)unlinkat(folder, text_str(&name), 0);
	}
	if (fd >= 0)
		(void)close(fd);
	(void)close(folder);
	return status;
}

void dkim_print_record(const char *name, const char *record)
{
	printf("%s. IN TXT (", name);
	for (size_t at = 0, len = strlen(record); at < len; at += ZONE_STRING_MAX)
		printf("\n\t\"%.*s\"", ZONE_STRING_MAX, record + at);
	fputs(" )\n", stdout);
}

int dkim_file_make(const struct dkim_file *f, struct text *record)
{
	EVP_PKEY *key = make_key(f);
	BIO *bio = BIO_new(BIO_s_secmem());
	int status = EX_SOFTWARE;
	char *pem;
	long len;

	if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && dkim_record_write(record, key)) {
		len = BIO_get_mem_data(bio, &pem);
		status = write_key(f, pem, (size_t)len);
	} else {
		fputs("sluicectl: OpenSSL could not make a key\n", stderr);
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	return status;
}
