/* SPDX-License-Identifier: BSD-2-Clause */
/* What an MTA sends, as it comes over the wire: with a policy that listens to all of it, and no services. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "filter/milter/conn.h"
#include "tests/fuzz/fuzz.h"

static const char policy[] =
	"authserv_id mx.example.org\n"
	"list local-domains domain [example.org]\n"
	"at connect { rule c reject \"no\" when client.ip == 192.0.2.66 }\n"
	"at helo { rule h tempfail \"no\" when helo.name == \"[192.0.2.66]\" }\n"
	"at mail { rule m reject \"no\" when mail.from == \"bad@example.net\" rule u score 1 when client.unknown_commands > 3 }\n"
	"at rcpt { rule r reject \"no {rcpt.address}\" when not rcpt.local }\n"
	"at data { rule d reject \"no\" when rcpt.count > 3 }\n"
	"at message { rule t tag \"{message.size}\" rule l hold \"why\" when header.count > 3 rule x redirect x@example.org when message.size > 100 }\n";

static struct snapshot *loaded;

static struct snapshot *current(void *arg)
{
	(void)arg;
	return snapshot_ref(loaded);
}

static void load(void)
{
	const struct snapshot_options options = { .no_services = true };
	char path[] = "/tmp/fuzz-milter-XXXXXX";
	struct err err;
	int fd = mkstemp(path);

	MUST(fd >= 0 && write(fd, policy, sizeof policy - 1) == sizeof policy - 1);
	if (snapshot_load(path, &options, &loaded, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
	(void)close(fd);
	(void)unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SLUICE_CLEANUP(text_done) struct text out = TEXT_INIT(1 << 20);
	struct engine engine = { .offline = true, .now_ms = INT64_C(1700000000000) };
	struct edge edge = { .engine = &engine, .metrics = metrics_new(), .log = log_new("fuzz"), .snapshot = current };
	struct conn *conn = conn_new(&edge);
	const char *at = (const char *)data;
	size_t used;
	struct packet p;

	if (!loaded)
		load();
	MUST(conn && edge.metrics && edge.log);
	while (packet_find(at, size, &p, &used) == PACKET_WHOLE && conn_hear(conn, &p, &out)) {
		at += used;
		size -= used;
	}
	conn_free(conn);
	MUST(metrics_get(edge.metrics, METRIC_CONNECTIONS_OPEN) == 0 && metrics_get(edge.metrics, METRIC_MESSAGES_OPEN) == 0);
	for (size_t begun = 0; begun < out.len; begun += used) /* all that is said is whole packets */
		MUST(packet_find(out.bytes + begun, out.len - begun, &p, &used) == PACKET_WHOLE);
	metrics_free(edge.metrics);
	log_free(edge.log);
	return 0;
}
