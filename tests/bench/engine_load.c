/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/bench/engine_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct snapshot *engine_load_policy(const char *conf, const struct snapshot_options *options)
{
	char path[] = "/tmp/sluice-bench-conf-XXXXXX";
	int fd = mkstemp(path);
	struct snapshot *s = NULL;
	struct err err;

	if (fd < 0 || write(fd, conf, strlen(conf)) != (ssize_t)strlen(conf))
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	else if (snapshot_load(path, options, &s, &err) < 0)
		(void)fprintf(stderr, "%s\n", err.text);
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(path);
	}
	return s;
}

void engine_load_forget(const char *folder)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	char path[100];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

static bool send_connection(const struct engine_load *l)
{
	const struct dialogue_client client = { .ip = { 4, { 192, 0, 2, 1 } } };
	const struct dialogue_mail mail = { .argument = "<a@example.net>" };
	const struct dialogue_rcpt rcpt = { .argument = "<u@example.org>" };
	struct dialogue *d = dialogue_new(l->engine, l->snapshot);
	bool good = d != NULL;

	if (!d)
		return false;
	(void)dialogue_connect(d, &client);
	(void)dialogue_helo(d, "mail.example.net");
	for (unsigned i = 0; i < l->messages; i++) {
		const struct edits *edits;

		(void)dialogue_mail(d, &mail);
		(void)dialogue_rcpt(d, &rcpt);
		(void)dialogue_data(d, "");
		dialogue_header(d, "Date", "Thu, 26 Nov 2026 09:00:00 +0100", false);
		dialogue_header(d, "From", "A <a@example.net>", false);
		dialogue_header(d, "To", "u@example.org", false);
		dialogue_header(d, "Message-ID", "<1@example.net>", false);
		dialogue_header(d, "Subject", "=?utf-8?q?An_offer?=", false);
		dialogue_header(d, "MIME-Version", "1.0", false);
		dialogue_header(d, "Content-Type", "text/plain; charset=utf-8", false);
		dialogue_body(d, l->body->bytes, l->body->len);
		good &= dialogue_message(d, "", &edits).action == VERDICT_CONTINUE;
	}
	dialogue_free(d);
	return good;
}

bool engine_load_send(const struct engine_load *l)
{
	bool good = true;

	for (unsigned i = 0; i < l->connections; i++)
		good &= send_connection(l);
	return good;
}

double engine_load_cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double engine_load_us(const struct engine_load *l)
{
	double least = -1;

	for (unsigned round = 0; round < l->rounds; round++) {
		double began = engine_load_cpu_s(), took;

		if (!engine_load_send(l))
			return -1;
		took = (engine_load_cpu_s() - began) * 1e6 / (l->connections * l->messages);
		least = round == 0 || took < least ? took : least;
	}
	return least;
}
