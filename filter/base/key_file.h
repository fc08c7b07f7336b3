/* SPDX-License-Identifier: BSD-2-Clause */
/* key_file.h - the file of a private key, in PEM, which nobody else may read. */
#ifndef BASE_KEY_FILE_H
#define BASE_KEY_FILE_H

#include <openssl/types.h>

#include "filter/base/err.h"

#define KEY_FILE_MAX_BYTES 16384

/*
 * Its key, for EVP_PKEY_free(). The file is a regular one of root's, of the process's user or of `user`'s (whom the daemon will run as; "": nobody
 * else), that nobody else may read. missing: what to do where there is no key in it. NULL with *reterr, which names file and remedy.
 */
EVP_PKEY *key_file_load(const char *path, const char *user, const char *missing, struct err *reterr) SLUICE_MUST_USE;

#endif
