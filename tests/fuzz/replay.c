/* SPDX-License-Identifier: BSD-2-Clause */
/* replay - runs a fuzz target over the files of a folder: the seeds, and what once made it crash. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define SEED_MAX_BYTES (1 << 20)

static int run_file(const char *path)
{
	SLUICE_CLEANUP(text_done) struct text t = TEXT_INIT(SEED_MAX_BYTES);
	int r = text_read_file(&t, path);
	uint8_t *exact;

	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	/* A copy of its very size: reading beyond it is then seen. */
	exact = malloc(t.len > 0 ? t.len : 1);
	if (!exact)
		return 1;
	if (t.len > 0)
		memcpy(exact, t.bytes, t.len);
	(void)LLVMFuzzerTestOneInput(exact, t.len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0, files = 0;
	struct dirent *e;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		(void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	while ((e = readdir(dir))) {
		SLUICE_CLEANUP(text_done) struct text path = TEXT_INIT(4096);

		if (e->d_name[0] == '.')
			continue;
		text_addf(&path, "%s/%s", argv[1], e->d_name);
		failed |= run_file(text_str(&path));
		files++;
	}
	(void)closedir(dir);
	(void)printf("%d files\n", files);
	return failed || files == 0;
}
