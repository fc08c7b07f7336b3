/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "filter/policy/list_sendmail.h"
#include "tests/fuzz/fuzz.h"

static int add(void *arg, const struct list_line *line, struct err *reterr)
{
	MUST(line->place.line > 0 && line->place.column > 0);
	return list_items_add(arg, line->item, line->len, line->place, reterr);
}

/* The first octet says which class, and as what; of the access map makemap would have to be run. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const classes[] = { "w", "R", "VirtHost" };
	char path[] = "/tmp/sluice-fuzz-sendmail-XXXXXX";
	struct list_sendmail what = { .cf = path };
	struct list_files files = { 0 };
	struct list_items *items;
	struct err err = { "" };
	int fd, r;

	if (size == 0)
		return 0;
	what.what = classes[data[0] % 3];
	what.type = data[0] & 8 ? SLUICE_LIST_NETWORK : SLUICE_LIST_DOMAIN;
	items = list_items_new(what.type);
	fd = mkstemp(path);
	MUST(items && fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	r = list_sendmail_each(&what, add, items, &files, &err);
	MUST(r == 0 || err.text[0]);
	MUST(files.paths.len > 0);
	list_files_done(&files);
	list_items_free(items);
	(void)close(fd);
	(void)unlink(path);
	return 0;
}
