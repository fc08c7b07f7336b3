/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "filter/policy/list_file.h"
#include "tests/fuzz/fuzz.h"

static int add(void *arg, const struct list_line *line, struct err *reterr)
{
	MUST(line->len > 0 && line->len <= LIST_LINE_MAX && line->place.line > 0 && line->place.column > 0);
	return list_items_add(arg, line->item, line->len, line->place, reterr);
}

/* The first octet says which type of list it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/sluice-fuzz-list-XXXXXX";
	struct list_items *items;
	struct err err = { "" };
	int fd, r;

	if (size == 0)
		return 0;
	items = list_items_new((enum sluice_list_type)(data[0] % 4));
	fd = mkstemp(path);
	MUST(items && fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
	r = list_file_each(path, add, items, &err);
	MUST(r == 0 || err.text[0]);
	(void)list_items_domain(items, (const char *)data, size);
	(void)list_items_match(items, (const char *)data, size);
	list_items_free(items);
	(void)close(fd);
	(void)unlink(path);
	return 0;
}
