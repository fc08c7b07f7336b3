/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_list [--report] [--items=N] - how long a list of a million items takes to load from its file, and one look-up in it, found
 * or not: networks of both families, domains (asked for four labels deep), addresses; the same of a database, which is not read. CPU time of the thread. Exit status 1 when
 * one is above its goal, but for --report; 77 in a build with sanitizers.
 */
#include <cdb.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "filter/mail/address.h"
#include "filter/policy/list.h"

#define LOAD_GOAL_S    2.0
#define LOOKUP_GOAL_NS 1000.0
#define ITEMS          LIST_MAX_ITEMS
#define LOOKUPS        1000000u
#define STRIDE         2654435761u /* numbers in no order, each once */

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned mix(unsigned i)
{
	return i * STRIDE;
}

static int name_item(enum sluice_list_type type, unsigned i, char *buf, size_t size)
{
	unsigned m = mix(i);

	switch (type) {
	case SLUICE_LIST_NETWORK:
		if (i % 4)
			return snprintf(buf, size, "%u.%u.%u.%u", m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
		return snprintf(buf, size, "2001:%x:%x::/48", m >> 16, m & 0xffff);
	case SLUICE_LIST_ADDRESS:
		return snprintf(buf, size, "user%u@host-%u.example.org", m, i % 1000);
	case SLUICE_LIST_DOMAIN:
	case SLUICE_LIST_PATTERN:
		break;
	}
	return snprintf(buf, size, "%shost-%u.example.org", i % 2 ? "." : "", m);
}

static bool look(const struct list *l, enum sluice_list_type type, unsigned i)
{
	char buf[100];
	size_t len;
	struct sluice_ip ip = { .family = i % 4 ? 4 : 6 };
	struct sluice_address a;
	unsigned m = mix(i);

	switch (type) {
	case SLUICE_LIST_NETWORK:
		if (i % 4 == 0)
			memcpy(ip.bytes, (const uint8_t[]){ 0x20, 0x01 }, 2);
		for (int k = 0; k < 4; k++)
			ip.bytes[(i % 4 ? 0 : 2) + k] = (uint8_t)(m >> (24 - 8 * k));
		return list_has_ip(l, &ip);
	case SLUICE_LIST_ADDRESS:
		len = (size_t)name_item(type, i, buf, sizeof buf);
		a = address_split(buf, len);
		return list_has_address(l, &a);
	case SLUICE_LIST_DOMAIN:
	case SLUICE_LIST_PATTERN:
		break;
	}
	len = (size_t)snprintf(buf, sizeof buf, "%shost-%u.example.org", i % 2 ? "a.b." : "", m);
	return list_has_domain(l, buf, len);
}

/* What looking up costs without the list: making the question. */
static double empty_ns(enum sluice_list_type type, unsigned lookups)
{
	struct list *none = list_new("none", type == SLUICE_LIST_PATTERN ? SLUICE_LIST_DOMAIN : SLUICE_LIST_PATTERN, (struct place){ 0 });
	double begin = now_s();

	for (unsigned i = 0; none && i < lookups; i++)
		(void)look(none, type, i);
	begin = now_s() - begin;
	list_free(none);
	return begin / lookups * 1e9;
}

static bool write_file(const char *path, enum sluice_list_type type, unsigned items)
{
	FILE *out = fopen(path, "w");
	char item[100];

	for (unsigned i = 0; out && i < items; i++)
		if (name_item(type, i, item, sizeof item) < 0 || fprintf(out, "%s\n", item) < 0)
			break;
	return out && fclose(out) == 0;
}

static bool write_cdb(const char *path, enum sluice_list_type type, unsigned items)
{
	int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
	struct cdb_make made;
	char item[100];
	bool good = fd >= 0 && cdb_make_start(&made, fd) == 0;

	for (unsigned i = 0; good && i < items; i++)
		good = cdb_make_add(&made, item, (unsigned)name_item(type, i, item, sizeof item), "", 0) == 0;
	good = good && cdb_make_finish(&made) == 0;
	return close(fd) == 0 && good;
}

static bool measure(const char *path, enum list_kind kind, enum sluice_list_type type, unsigned items)
{
	struct list *l = list_new("bench", type, (struct place){ 0 });
	unsigned found = 0;
	struct err err;
	double load_s, lookup_ns;

	if (!l || !(kind == LIST_CDB ? write_cdb(path, type, items) : write_file(path, type, items)))
		exit(EXIT_FAILURE);
	load_s = now_s();
	if (list_add_source(l, kind, path, NULL, false, (struct place){ 0 }, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(EXIT_FAILURE);
	}
	load_s = now_s() - load_s;
	lookup_ns = now_s();
	for (unsigned i = 0; i < LOOKUPS; i++) /* half of them are in it */
		found += look(l, type, mix(i) % (2 * items));
	lookup_ns = (now_s() - lookup_ns) / LOOKUPS * 1e9 - empty_ns(type, LOOKUPS);
	printf("%-4s %-8s %zu items loaded in %.2f s, looked up in %.0f ns (%u%% found)\n", kind == LIST_CDB ? "cdb" : "file", list_type_words[type], list_len(l), load_s, lookup_ns,
		found / (LOOKUPS / 100));
	list_free(l);
	return load_s < LOAD_GOAL_S && lookup_ns < LOOKUP_GOAL_NS;
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/sluice-bench-list-XXXXXX";
	unsigned items = ITEMS;
	bool report = false, good = true;
	int fd;

	for (int i = 1; i < argc; i++) {
		report |= !strcmp(argv[i], "--report");
		if (!strncmp(argv[i], "--items=", 8))
			items = (unsigned)atoi(argv[i] + 8);
	}
#ifdef SANITIZED
	if (!report)
		return 77;
#endif
	fd = items && items <= ITEMS ? mkstemp(path) : -1;
	if (fd < 0)
		return EXIT_FAILURE;
	(void)close(fd);
	for (enum sluice_list_type type = SLUICE_LIST_DOMAIN; type <= SLUICE_LIST_ADDRESS; type++)
		good &= measure(path, LIST_FILE, type, items);
	good &= measure(path, LIST_CDB, SLUICE_LIST_DOMAIN, items);
	good &= measure(path, LIST_CDB, SLUICE_LIST_ADDRESS, items);
	(void)unlink(path);
	return good || report ? EXIT_SUCCESS : EXIT_FAILURE;
}
