/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_BYTES 256

static const char *user_name(uid_t uid, char out[USER_BYTES])
{
	char buf[1024];
	struct passwd pw, *found;

	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found)
		(void)snprintf(out, USER_BYTES, "%s", pw.pw_name);
	else
		(void)snprintf(out, USER_BYTES, "user %u", (unsigned)uid);
	return out;
}

static bool is_user(uid_t uid, const char *name)
{
	char buf[1024];
	struct passwd pw, *found;

	return *name && getpwnam_r(name, &pw, buf, sizeof buf, &found) == 0 && found && pw.pw_uid == uid;
}

/* Root reads what belongs to the daemon's user; the daemon, which reads it again at a reload, is that user. */
static int check_file(int fd, const char *path, const char *user, struct err *reterr)
{
	char owner[USER_BYTES], us[USER_BYTES];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(reterr, -EINVAL, "%s cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(reterr, -EINVAL, "%s is no file: name the file of a key", path);
	if (st.st_uid != 0 && st.st_uid != geteuid() && !is_user(st.st_uid, user))
		return err_set(reterr, -EINVAL, "%s belongs to %s: chown %s %s", path, user_name(st.st_uid, owner),
			*user ? user : user_name(geteuid(), us), path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(reterr, -EINVAL, "%s is open to others (mode %03o): chmod 600 %s", path, (unsigned)st.st_mode & 0777, path);
	if (st.st_size > KEY_FILE_MAX_BYTES)
		return err_set(reterr, -EINVAL, "%s is larger than a key: at most %d octets", path, KEY_FILE_MAX_BYTES);
	return 0;
}

static int read_file(const char *path, const char *user, char buf[KEY_FILE_MAX_BYTES], size_t *ret_len, struct err *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0 && errno == EACCES)
		return err_set(reterr, -EINVAL, "%s cannot be read: it has to belong to the user that the daemon runs as, or a reload fails", path);
	if (fd < 0)
		return err_set(reterr, -EINVAL, "%s cannot be read: %s", path, strerror(errno));
	r = check_file(fd, path, user, reterr);
	while (r == 0 && len < KEY_FILE_MAX_BYTES && (n = read(fd, buf + len, KEY_FILE_MAX_BYTES - len)) > 0)
		len += (size_t)n;
	if (r == 0 && n < 0)
		r = err_set(reterr, -EINVAL, "%s cannot be read: %s", path, strerror(errno));
	(void)close(fd);
	*ret_len = len;
	return r;
}

static int no_passphrase(char *buf, int size, int writing, void *encrypted)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)encrypted = true;
	return -1;
}

static EVP_PKEY *parse(const char *path, const char *bytes, size_t len, const char *missing, struct err *reterr)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	bool encrypted = false;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted) : NULL;

	BIO_free(bio);
	if (!key && encrypted)
		(void)err_set(reterr, -EINVAL, "%s is encrypted, and nobody is there to ask: take the passphrase off with openssl pkey", path);
	else if (!key)
		(void)err_set(reterr, -EINVAL, len ? "%s has no private key in it (PEM): %s" : "%s is empty: %s", path, missing);
	ERR_clear_error();
	return key;
}

EVP_PKEY *key_file_load(const char *path, const char *user, const char *missing, struct err *reterr)
{
	char buf[KEY_FILE_MAX_BYTES];
	EVP_PKEY *key = NULL;
	size_t len = 0;

	if (read_file(path, user, buf, &len, reterr) == 0)
		key = parse(path, buf, len, missing, reterr);
	explicit_bzero(buf, sizeof buf);
	return key;
}
