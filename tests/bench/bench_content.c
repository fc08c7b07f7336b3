/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_content [--report] - what each check of the content costs, for a mail of 20 KB of text: whole messages through the engine, in the policy one rule that
 * reads a fact of it. CPU time of the thread, the least of some rounds, beside a policy that reads none, of which nothing is kept to be looked at. Exit status 1
 * when all together are above their goal, but for --report; 77 in a build with sanitizers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "filter/base/text.h"
#include "filter/engine/dialogue.h"

#define BODY_BYTES 20000
#define MESSAGES   100
#define ROUNDS     7
#define GOAL_US    1000.0

static const char patterns[] = "pattern money \"(?i)\\bfree\\s+money\\b\" in subject, text\npattern link \"(?i)casino\" in url\npattern file \"(?i)\\.exe$\" in filename\n";
static const struct content {
	const char *name, *condition;
} contents[] = {
	{ "none", "message.size > 0" },
	{ "headers", "headers.empty_body" },
	{ "mime", "mime.junk" },
	{ "mime, SHA-256", "mime.sha256 contains x" },
	{ "url", "url.idn" },
	{ "patterns", "pattern.money or pattern.link or pattern.file" },
	{ "files", "files.executable" },
	{ "all", "headers.empty_body or mime.junk or mime.sha256 contains x or url.idn or pattern.money or pattern.link or pattern.file or files.executable" },
};

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lines of words, an address and a link now and then. */
static void write_body(struct text *out)
{
	static const char *const words[] = { "the", "offer", "that", "we", "have", "sent", "you", "last", "week", "holds", "until", "Friday", "please", "answer" };

	for (unsigned i = 0; out->len < BODY_BYTES; i++) {
		text_adds(out, i % 400 == 399 ? "https://www.example.org/offers?n=" : i % 700 == 699 ? "sales@example.org" : words[i * 7 % ARRAY_LEN(words)]);
		text_adds(out, i % 11 == 10 ? "\r\n" : " ");
	}
}

static struct snapshot *load(const struct content *c)
{
	char path[] = "/tmp/sluice-bench-content-XXXXXX";
	int fd = mkstemp(path);
	SLUICE_CLEANUP(text_done) struct text conf = TEXT_INIT(10000);
	const struct snapshot_options options = { .no_store = true };
	struct snapshot *s = NULL;
	struct err err;

	text_addf(&conf, "authentication_results no\n%sat message { rule r score 1 when %s }\n", patterns, c->condition);
	if (fd < 0 || write(fd, conf.bytes, conf.len) != (ssize_t)conf.len || snapshot_load(path, &options, &s, &err) < 0)
		(void)fprintf(stderr, "%s\n", fd < 0 ? strerror(errno) : err.text);
	(void)close(fd);
	(void)unlink(path);
	return s;
}

static bool send_messages(struct engine *engine, struct snapshot *s, const struct text *body)
{
	const struct dialogue_client client = { .ip = { 4, { 192, 0, 2, 1 } } };
	const struct dialogue_mail mail = { .argument = "<a@example.net>" };
	const struct dialogue_rcpt rcpt = { .argument = "<u@example.org>" };
	struct dialogue *d = dialogue_new(engine, s);
	bool good = d != NULL;

	if (!d)
		return false;
	(void)dialogue_connect(d, &client);
	(void)dialogue_helo(d, "mail.example.net");
	for (unsigned i = 0; i < MESSAGES; i++) {
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
		dialogue_body(d, body->bytes, body->len);
		good &= dialogue_message(d, "", &edits).action == VERDICT_CONTINUE;
	}
	dialogue_free(d);
	return good;
}

int main(int argc, char **argv)
{
	bool report = argc > 1 && !strcmp(argv[1], "--report");
	SLUICE_CLEANUP(text_done) struct text body = TEXT_INIT(2 * BODY_BYTES);
	struct engine engine = { .health = NULL };
	double none_us = 0, cost_us = 0;
	bool good;

#ifdef SANITIZED
	(void)puts("skipped: a build with sanitizers is no measure");
	return 77;
#endif
	write_body(&body);
	engine.health = health_new(NULL, NULL);
	good = engine.health != NULL;
	for (size_t i = 0; good && i < ARRAY_LEN(contents); i++) {
		struct snapshot *s = load(&contents[i]);
		double best_us = 1e9;

		good = s && s->plan.keeps_body == (i > 1); /* headers are looked at as they come */
		for (unsigned round = 0; good && round < ROUNDS; round++) {
			double began = now_s(), took_us;

			good = send_messages(&engine, s, &body);
			took_us = (now_s() - began) * 1e6 / MESSAGES;
			best_us = took_us < best_us ? took_us : best_us;
		}
		snapshot_unref(s);
		none_us = i ? none_us : best_us;
		cost_us = best_us - none_us;
		if (good)
			(void)printf("%-14s %7.1f us a message, %7.1f more than with none\n", contents[i].name, best_us, cost_us);
	}
	health_free(engine.health);
	return !good || (cost_us > GOAL_US && !report);
}
