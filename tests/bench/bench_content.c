/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_content [--report] - what each check of the content costs, for a mail of 20 KB of text: whole messages through the engine, in the policy one rule that
 * reads a fact of it. CPU time of all threads (the store has one of its own), the least of some rounds, beside a policy that reads none, of which nothing is kept to
 * be looked at. bayes asks a store in a folder of its own, in which the message's tokens are, and 100,000 others. Exit status 1 when all together are above
 * their goal, but for --report; 77 in a build with sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "filter/base/text.h"
#include "filter/mail/tokens.h"
#include "tests/bench/engine_load.h"

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
	{ "bayes", "words.probability > 2" },
	{ "all", "words.probability > 2 or headers.empty_body or mime.junk or mime.sha256 contains x or url.idn or pattern.money or pattern.link or pattern.file or files.executable" },
};

/* Lines of words, most of them once, an address and a link now and then. */
static void write_body(struct text *out)
{
	static const char *const words[] = { "the", "offer", "that", "we", "have", "sent", "you", "last", "week", "holds", "until", "Friday", "please", "answer" };

	for (unsigned i = 0; out->len < BODY_BYTES; i++) {
		text_adds(out, i % 400 == 399 ? "https://www.example.org/offers?n=" : i % 700 == 699 ? "sales@example.org" : words[i * 5 % ARRAY_LEN(words)]);
		if (i % 3 == 1)
			text_addf(out, "%c%c", 'a' + (int)(i * 7 % 26), 'a' + (int)(i * 7 / 26 % 26));
		text_adds(out, i % 11 == 10 ? "\r\n" : " ");
	}
}

static struct snapshot *load(const struct content *c, struct reactor *reactor, const char *folder)
{
	bool stored = strstr(c->condition, "words.");
	SLUICE_CLEANUP(text_done) struct text conf = TEXT_INIT(10000);
	const struct snapshot_options options = { .reactor = stored ? reactor : NULL, .no_store = !stored };

	if (stored)
		text_addf(&conf, "state { lmdb %s }\nbayes words { min_learned 1 }\n", folder);
	text_addf(&conf, "authentication_results no\n%sat message { rule r score 1 when %s }\n", patterns, c->condition);
	return engine_load_policy(text_str(&conf), &options);
}

static bool tally(struct store *s, const uint64_t *items, size_t count, int spam, int ham)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_TALLY, .key = "bayes|words|1", .key_len = 13,
		.tally = { .items = items, .count = count, .add = { spam, ham }, .lifetime_ms = 1000000000 } };

	return store_call(s, &op, 10000, NULL).status == SLUICE_STORE_OK;
}

/* The tokens of the body, half of them as spam, and others. */
static bool learn(struct store *s, const struct text *body)
{
	static uint64_t others[1000];
	const uint64_t messages = 0, *ids;
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(2 * BODY_BYTES);
	psl_ctx_t *psl = psl_latest(NULL);
	struct tokens *t = tokens_new(psl);
	size_t count;
	bool good;

	text_addf(&mail, "\r\n%s", text_str(body));
	good = t && tokens_of_message(t, mail.bytes, mail.len) && tally(s, &messages, 1, 100, 100);
	if (good) {
		ids = tokens_ids(t, &count);
		good = tally(s, ids, count / 2, 5, 0) && tally(s, ids + count / 2, count - count / 2, 0, 5);
	}
	for (uint64_t i = 0; good && i < 100; i++) {
		for (size_t k = 0; k < ARRAY_LEN(others); k++)
			others[k] = (i * ARRAY_LEN(others) + k + 1) * UINT64_C(0x9e3779b97f4a7c15);
		good = tally(s, others, ARRAY_LEN(others), 1, 1);
	}
	tokens_free(t);
	psl_free(psl);
	return good;
}

int main(int argc, char **argv)
{
	bool report = argc > 1 && !strcmp(argv[1], "--report");
	SLUICE_CLEANUP(text_done) struct text body = TEXT_INIT(2 * BODY_BYTES);
	struct engine engine = { .health = NULL };
	double none_us = 0, cost_us = 0;
	char folder[] = "/tmp/sluice-bench-store-XXXXXX";
	struct reactor *reactor = NULL;
	bool good, learned = false;

#ifdef SANITIZED
	(void)puts("skipped: a build with sanitizers is no measure");
	return 77;
#endif
	write_body(&body);
	engine.health = health_new(NULL, NULL);
	reactor = reactor_new();
	good = engine.health != NULL && reactor && mkdtemp(folder);
	for (size_t i = 0; good && i < ARRAY_LEN(contents); i++) {
		struct snapshot *s = load(&contents[i], reactor, folder);
		const struct engine_load load_of_it = { &engine, s, &body, 1, MESSAGES, ROUNDS };
		double best_us = 0;

		good = s && s->plan.keeps_body == (i > 1); /* headers are looked at as they come */
		if (good && s->store && !learned)
			good = learned = learn(s->store, &body);
		if (good)
			best_us = engine_load_us(&load_of_it);
		good = good && best_us >= 0;
		snapshot_unref(s);
		none_us = i ? none_us : best_us;
		cost_us = best_us - none_us;
		if (good)
			(void)printf("%-14s %7.1f us a message, %7.1f more than with none\n", contents[i].name, best_us, cost_us);
	}
	reactor_free(reactor);
	health_free(engine.health);
	engine_load_forget(folder);
	return !good || (cost_us > GOAL_US && !report);
}
