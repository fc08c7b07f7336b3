/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_bayes [--report] - how well the classifier tells made-up spam from made-up ham after so many messages were learned, and what it costs.
 *
 * The mail is made by a generator with a fixed seed. Ten topics of ham and six of spam have 300 words each, of which a third belongs to a topic of the other kind as
 * well; three words of four are of the 3000 that all share, and come as often as words do (Zipf). A fifth of the messages of either kind take
 * half of their topical words from a topic of the other kind: the newsletter of a shop, the letter that pretends. One word of twenty was never seen before. Some
 * phrases, of words that all share, are of one kind only. Spam comes from ever new senders, and so does a third of the ham. Messages have 15 to 480 words.
 * No such corpus says how well it does on yours: only that it learns, what it makes of noise, and whether a change makes it worse.
 *
 * Exit status 1 when a goal is not reached: of the quality in any case, of the time but for --report (fewer tokens in the store then); 77 in a build with
 * sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "filter/base/text.h"
#include "filter/mail/tokens.h"
#include "filter/services/store_lmdb.h"
#include "plugins/bayes/bayes_eval.h"

#define SHARED_WORDS 3000
#define TOPIC_WORDS  300
#define HAM_TOPICS   10
#define SPAM_TOPICS  6
#define PHRASES      60 /* of each kind */
#define TESTED       1000 /* of each kind */
#define SURE_MILLI   950
#define BODY_BYTES   20000
#define ROUNDS       200
#define LOOKUPS      50
#define STORE_TOKENS 1000000u
#define REPORT_TOKENS 20000u

#define GOAL_TOKENS_US 250.0 /* of text; of HTML as much again, as it has to be read first */
#define GOAL_HAM_LOST  0.002 /* of ham that is held to be spam for sure, ... */
#define GOAL_SPAM_LOST 0.035 /* ... and spam for ham, after the largest training */

/* ---- made-up mail ---- */

struct maker {
	uint64_t seed;
	unsigned fresh; /* words and senders that were never seen before */
};

static unsigned pick(struct maker *m, unsigned below)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (unsigned)(m->seed >> 33) % below;
}

/* A word of syllables for a number. */
static void add_word(struct text *out, unsigned n)
{
	static const char *const syllables[] = { "ba", "ko", "ri", "tu", "men", "sal", "vo", "dir", "pe", "gan", "lo", "fis", "ju", "ter", "ha", "nik" };

	for (unsigned left = n * 2654435761u >> 8, i = 0; i < 2 + n % 2 || left % 7 == 0; left /= 16, i++) {
		text_adds(out, syllables[(left ^ n >> (4 * i)) % ARRAY_LEN(syllables)]);
		if (i > 4)
			break;
	}
	text_addf(out, "%c", 'a' + (int)(n % 26));
	text_addc(out, (char)('a' + n / 26 % 26));
}

/* One of count, the first far more often than the last. */
static unsigned pick_common(struct maker *m, unsigned count)
{
	double u = (double)pick(m, 1000000) / 1e6;

	return (unsigned)(u * u * u * (double)count);
}

static unsigned topic_word(struct maker *m, bool spam, unsigned topic)
{
	unsigned word = pick_common(m, TOPIC_WORDS);

	if (word % 3 == 0) /* it is of both kinds */
		return SHARED_WORDS + topic % SPAM_TOPICS * TOPIC_WORDS + word;
	return SHARED_WORDS + (SPAM_TOPICS + topic + (spam ? HAM_TOPICS : 0)) * TOPIC_WORDS + word;
}

struct plan {
	bool spam, disguised;
	unsigned topic, other;
};

static void add_text_word(struct maker *m, struct text *out, const struct plan *p)
{
	unsigned kind = pick(m, 100);

	if (kind < 5) {
		text_addf(out, "q%ux", m->fresh++);
	} else if (kind < 8) { /* a phrase: words that all use, in an order that only one kind has */
		unsigned phrase = pick(m, PHRASES) * 2 + p->spam;

		add_word(out, phrase * 7 % SHARED_WORDS);
		text_addc(out, ' ');
		add_word(out, phrase * 13 % SHARED_WORDS);
	} else if (kind < 75) {
		add_word(out, pick_common(m, SHARED_WORDS));
	} else if (p->disguised && pick(m, 2)) {
		add_word(out, topic_word(m, !p->spam, p->other));
	} else {
		add_word(out, topic_word(m, p->spam, p->topic));
	}
}

static void add_words(struct maker *m, struct text *out, const struct plan *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		add_text_word(m, out, p);
		text_addc(out, i % 10 == 9 ? '\n' : ' ');
	}
}

static void make_message(struct maker *m, bool spam, struct text *out)
{
	struct plan p = { spam, pick(m, 5) == 0, pick(m, spam ? SPAM_TOPICS : HAM_TOPICS), pick(m, spam ? HAM_TOPICS : SPAM_TOPICS) };
	unsigned words = 15u << pick(m, 5), sender = spam || pick(m, 3) == 0 ? 100000 + m->fresh++ : pick(m, 200);

	text_clear(out);
	text_addf(out, "From: <u%u@d%u.example>\nTo: a@example.org\nContent-Type: text/plain; charset=utf-8\nSubject: ", sender, sender);
	for (unsigned i = 3 + pick(m, 5); i; i--) {
		add_text_word(m, out, &p);
		text_addc(out, ' ');
	}
	text_adds(out, "\n\n");
	add_words(m, out, &p, words + pick(m, words));
	if (pick(m, 2))
		text_addf(out, "https://w%u.example/%s\n", spam ? 200000 + m->fresh++ : pick(m, 500), pick(m, 2) ? "view" : "open");
}

/* ---- counts in memory ---- */

#define COUNT_SLOTS (1u << 23)
struct count {
	uint64_t id;
	struct sluice_store_tally tally;
};

static struct count *count_of(struct count *counts, uint64_t id)
{
	size_t i = (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 41);

	while (counts[i].id && counts[i].id != id)
		i = (i + 1) % COUNT_SLOTS;
	return &counts[i];
}

static bool is_pair(const struct tokens *t, size_t i)
{
	size_t len;
	const char *shown = tokens_shown(t, i, &len);

	return memchr(shown, ' ', len) != NULL;
}

static void learn(struct count *counts, const struct tokens *t, bool spam)
{
	size_t n;
	const uint64_t *ids = tokens_ids(t, &n);

	for (size_t i = 0; i < n; i++) {
		struct count *c = count_of(counts, ids[i]);

		c->id = ids[i];
		c->tally.counts[spam ? BAYES_SPAM : BAYES_HAM]++;
	}
}

static unsigned how_many(const struct count *counts, bool once)
{
	unsigned n = 0;

	for (size_t i = 0; i < COUNT_SLOTS; i++)
		n += once ? counts[i].tally.counts[0] + counts[i].tally.counts[1] == 1 : counts[i].id != 0;
	return n;
}

static struct bayes_judgement judge(struct count *counts, const struct tokens *t, const struct sluice_store_tally *learned, bool pairs)
{
	struct sluice_store_tally tallies[TOKENS_MAX];
	struct bayes_judgement j;
	size_t n, used = 0;
	const uint64_t *ids = tokens_ids(t, &n);

	for (size_t i = 0; i < n; i++)
		if (pairs || !is_pair(t, i))
			tallies[used++] = count_of(counts, ids[i])->tally;
	bayes_judge(learned, tallies, used, &j);
	return j;
}

/* ---- how well ---- */

struct quality {
	unsigned lost[2]; /* of spam: below 0.5; of ham: for sure spam */
	unsigned unsure[2];
};

static void note(struct quality *q, bool spam, int64_t milli)
{
	if (spam ? milli < 500 : milli >= SURE_MILLI)
		q->lost[spam]++;
	else if (milli >= 500 && milli < SURE_MILLI)
		q->unsure[spam]++;
}

static bool test(struct maker m, struct count *counts, struct tokens *t, unsigned learned, bool pairs, struct quality *ret)
{
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(1 << 20);
	const struct sluice_store_tally both = { { learned, learned } };

	*ret = (struct quality){ .lost = { 0 } };
	m.seed ^= UINT64_C(0x123456789abcdef); /* others than those that were learned */
	m.fresh += 10000000;
	for (unsigned i = 0; i < 2 * TESTED; i++) {
		make_message(&m, i % 2, &mail);
		if (!tokens_of_message(t, mail.bytes, mail.len))
			return false;
		note(ret, i % 2, judge(counts, t, &both, pairs).probability_milli);
	}
	return true;
}

static void print(const char *what, unsigned learned, const struct quality *q)
{
	(void)printf("%5u + %5u learned, %-15s ham lost %5.2f %%, spam missed %5.2f %%, unsure %5.2f %% of ham and %5.2f %% of spam\n", learned, learned, what,
		100.0 * q->lost[0] / TESTED, 100.0 * q->lost[1] / TESTED, 100.0 * q->unsure[0] / TESTED, 100.0 * q->unsure[1] / TESTED);
}

static bool measure_quality(struct tokens *t, struct count *counts, bool *ret_reached)
{
	static const unsigned sizes[] = { 50, 200, 1000, 4000 };
	SLUICE_CLEANUP(text_done) struct text mail = TEXT_INIT(1 << 20);
	struct maker m = { UINT64_C(0x5bd1e995a7c15f39), 0 };
	struct quality q;
	unsigned learned = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (; learned < sizes[i]; learned++)
			for (unsigned spam = 0; spam < 2; spam++) {
				make_message(&m, spam, &mail);
				if (!tokens_of_message(t, mail.bytes, mail.len))
					return false;
				learn(counts, t, spam);
			}
		(void)printf("%u tokens known, %u of them of one message\n", how_many(counts, false), how_many(counts, true));
		if (!test(m, counts, t, learned, false, &q))
			return false;
		print("words", learned, &q);
		if (!test(m, counts, t, learned, true, &q))
			return false;
		print("words and pairs", learned, &q);
	}
	*ret_reached = q.lost[0] <= GOAL_HAM_LOST * TESTED && q.lost[1] <= GOAL_SPAM_LOST * TESTED;
	return true;
}

/* ---- how fast ---- */

static double now_us(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void make_long(struct text *out, bool html)
{
	struct maker m = { 77, 0 };
	const struct plan p = { false, true, 1, 1 };

	text_addf(out, "From: A <a@example.net>\nSubject: An offer\nContent-Type: text/%s; charset=utf-8\n\n", html ? "html" : "plain");
	while (out->len < BODY_BYTES) {
		if (html)
			text_addf(out, "<p class=\"text\"><a href=\"https://www.example.org/offers/%u\">here</a> ", pick(&m, 1000));
		add_words(&m, out, &p, 30);
	}
}

static bool measure_tokens(struct tokens *t, const struct text *mail, const char *what, double *ret_us)
{
	double best = 1e9;
	size_t count;

	for (unsigned i = 0; i < ROUNDS; i++) {
		double began = now_us(CLOCK_THREAD_CPUTIME_ID), took;

		if (!tokens_of_message(t, mail->bytes, mail->len))
			return false;
		took = now_us(CLOCK_THREAD_CPUTIME_ID) - began;
		best = took < best ? took : best;
	}
	(void)tokens_ids(t, &count);
	(void)printf("tokens of %zu octets of %-5s %6.1f us, %zu tokens\n", mail->len, what, best, count);
	*ret_us = best;
	return true;
}

static void measure_judging(struct tokens *t, struct count *counts)
{
	const struct sluice_store_tally learned = { { 4000, 4000 } };
	double best = 1e9;

	for (unsigned i = 0; i < ROUNDS; i++) {
		double began = now_us(CLOCK_THREAD_CPUTIME_ID), took;

		(void)judge(counts, t, &learned, true);
		took = now_us(CLOCK_THREAD_CPUTIME_ID) - began;
		best = took < best ? took : best;
	}
	(void)printf("judging by counts in memory    %6.1f us\n", best);
}

static bool tally(struct store *s, const uint64_t *items, size_t count, int add)
{
	const struct sluice_store_op op = { .verb = SLUICE_STORE_TALLY, .key = "bayes|bench|1", .key_len = 13,
		.tally = { .items = items, .count = count, .add = { add, 0 }, .lifetime_ms = 1000000000 } };

	return store_call(s, &op, 60000, NULL).status == SLUICE_STORE_OK;
}

static bool fill(struct store *s, unsigned count)
{
	static uint64_t items[SLUICE_STORE_TALLY_MAX];
	struct maker m = { 99, 0 };

	for (unsigned done = 0; done < count; done += SLUICE_STORE_TALLY_MAX) {
		for (size_t i = 0; i < ARRAY_LEN(items); i++) {
			(void)pick(&m, 2);
			items[i] = m.seed * UINT64_C(0x9e3779b97f4a7c15);
		}
		if (!tally(s, items, ARRAY_LEN(items), 1))
			return false;
	}
	return true;
}

/* Of all threads, as another one does the work: to hand it over is part of it. */
static bool measure_store(struct tokens *t, unsigned tokens)
{
	char folder[] = "/tmp/sluice-bench-bayes-XXXXXX", path[60];
	const struct store_lmdb_settings settings = { .path = folder, .max_bytes = (size_t)1 << 30 };
	struct err err = { .text = "" };
	struct store *s = mkdtemp(folder) ? store_lmdb_open(&settings, &err) : NULL;
	double began, best = 1e9;
	struct stat st;
	size_t count;
	const uint64_t *ids = tokens_ids(t, &count);
	bool good = s && tally(s, ids, count, 1) && fill(s, tokens);

	for (unsigned i = 0; good && i < LOOKUPS; i++) {
		double took;

		began = now_us(CLOCK_PROCESS_CPUTIME_ID);
		good = tally(s, ids, count, 0);
		took = now_us(CLOCK_PROCESS_CPUTIME_ID) - began;
		best = took < best ? took : best;
	}
	store_free(s);
	(void)snprintf(path, sizeof path, "%s/data.mdb", folder);
	good = good && stat(path, &st) == 0;
	if (good)
		(void)printf("looking %zu tokens up among %u in LMDB %6.1f us; %.0f octets each on the disk\n", count, tokens, best, (double)st.st_size / tokens);
	else
		(void)fprintf(stderr, "the store fails: %s\n", err.text);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, i ? "lock.mdb" : "data.mdb");
		(void)unlink(path);
	}
	(void)rmdir(folder);
	return good;
}

int main(int argc, char **argv)
{
	bool report = argc > 1 && !strcmp(argv[1], "--report"), reached = false, good;
	SLUICE_CLEANUP(text_done) struct text plain = TEXT_INIT(2 * BODY_BYTES), html = TEXT_INIT(2 * BODY_BYTES);
	psl_ctx_t *psl;
	struct tokens *t;
	struct count *counts;
	double plain_us = 0, html_us = 0;

#ifdef SANITIZED
	(void)puts("skipped: a build with sanitizers is no measure");
	return 77;
#endif
	psl = psl_latest(NULL);
	t = tokens_new(psl);
	counts = calloc(COUNT_SLOTS, sizeof *counts);
	make_long(&plain, false);
	make_long(&html, true);
	good = psl && t && counts && measure_quality(t, counts, &reached) && measure_tokens(t, &html, "HTML", &html_us) &&
		measure_tokens(t, &plain, "text", &plain_us);
	if (good)
		measure_judging(t, counts);
	good = good && measure_store(t, report ? REPORT_TOKENS : STORE_TOKENS);
	free(counts);
	tokens_free(t);
	psl_free(psl);
	if (!good)
		return 1;
	(void)printf("quality: %s\n", reached ? "good" : "worse than its goal");
	return !reached || ((plain_us > GOAL_TOKENS_US || html_us > 2 * GOAL_TOKENS_US) && !report);
}
