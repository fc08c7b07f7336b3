/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/rotate_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "filter/base/text.h"

#define PATH_BYTES 4096

static void add_path(struct text *out, const struct rotate_folder *folder, const char *selector, const char *suffix)
{
	text_addf(out, "%s/%s/%s%s", folder->keys, folder->domain, selector, suffix);
}

/* A key of another type is passed over; a file that is no key is said to be none. */
static int add(const struct rotate_folder *folder, const char *selector, const char *suffix, struct rotate_keys *keys)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_BYTES);
	struct rotate_key found = { 0 };
	struct sign_key key;
	struct stat st;
	struct err err;

	add_path(&path, folder, selector, suffix);
	if (sign_key_load(text_str(&path), folder->domain, selector, folder->user, &key, &err) < 0 || stat(text_str(&path), &st) < 0) {
		fprintf(stderr, "sluicectl: %s\n", err.text);
		return EX_NOINPUT;
	}
	if (key.type == folder->type) {
		found = (struct rotate_key){ strdup(selector), st.st_mtime, strdup(key.record) };
		if (!found.selector || !found.record || !vec_push(keys, found)) {
			free(found.selector);
			free(found.record);
			sign_key_done(&key);
			return EX_OSERR;
		}
	}
	sign_key_done(&key);
	return EX_OK;
}

int rotate_files_list(const struct rotate_folder *folder, const char *suffix, struct rotate_keys *ret)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_BYTES);
	size_t suffix_len = strlen(suffix);
	int status = EX_OK;
	struct dirent *entry;
	DIR *dir;

	text_addf(&path, "%s/%s", folder->keys, folder->domain);
	dir = opendir(text_str(&path));
	if (!dir && errno == ENOENT)
		return EX_OK;
	if (!dir) {
		fprintf(stderr, "sluicectl: %s: %s\n", text_str(&path), strerror(errno));
		return EX_NOINPUT;
	}
	while (status == EX_OK && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len <= suffix_len || strcmp(entry->d_name + len - suffix_len, suffix) != 0)
			continue;
		entry->d_name[len - suffix_len] = '\0';
		if (dkim_selector_valid(entry->d_name, len - suffix_len))
			status = add(folder, entry->d_name, suffix, ret);
	}
	(void)closedir(dir);
	return status;
}

void rotate_keys_done(struct rotate_keys *keys)
{
	for (size_t i = 0; i < keys->len; i++) {
		free(keys->items[i].selector);
		free(keys->items[i].record);
	}
	vec_done(keys);
}

const struct rotate_key *rotate_keys_find(const struct rotate_keys *keys, const char *selector)
{
	for (size_t i = 0; i < keys->len; i++)
		if (!strcmp(keys->items[i].selector, selector))
			return &keys->items[i];
	return NULL;
}

bool rotate_files_taken(const struct rotate_folder *folder, const char *selector)
{
	static const char *const suffixes[] = { ROTATE_SIGNS, ROTATE_NEXT, ROTATE_RETIRED };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_BYTES);

		add_path(&path, folder, selector, suffixes[i]);
		if (access(text_str(&path), F_OK) == 0)
			return true;
	}
	return false;
}

/* A name that is not on the disk is another after a power cut. */
static bool sync_folder(const struct rotate_folder *folder)
{
	SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(PATH_BYTES);
	int fd;
	bool done;

	text_addf(&path, "%s/%s", folder->keys, folder->domain);
	fd = open(text_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	done = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return done;
}

int rotate_files_move(const struct rotate_folder *folder, const char *selector, const char *from, const char *to)
{
	SLUICE_CLEANUP(text_done) struct text old = TEXT_INIT(PATH_BYTES), new = TEXT_INIT(PATH_BYTES);
	int r;

	add_path(&old, folder, selector, from);
	add_path(&new, folder, selector, to ? to : "");
	r = to ? rename(text_str(&old), text_str(&new)) : unlink(text_str(&old));
	if (r == 0 && sync_folder(folder))
		return EX_OK;
	fprintf(stderr, "sluicectl: %s cannot be %s: %s\n", text_str(&old), to ? "renamed" : "deleted", strerror(errno));
	return EX_CANTCREAT;
}
