/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/services/store_state.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "filter/base/hash.h"

#define SET_BITS      11 /* 2048 registers: 2.3 % standard error, and next to none below some hundred members */
#define SET_REGISTERS (1u << SET_BITS)
#define US_PER_MS     1000

/* What is kept of each verb. All begin with the verb's tag. */
enum tag { TAG_GREYLIST = 'g', TAG_RATE = 'r', TAG_COUNT = 'c', TAG_SET = 's', TAG_VALUE = 'v', TAG_TALLY = 't' };

struct greylist {
	unsigned char tag, passed;
	int64_t first_ms, passes;
};
struct rate {
	unsigned char tag;
	int64_t full_us; /* the theoretical arrival time of GCRA: when the limit will be unused again */
};
struct count {
	unsigned char tag;
	int64_t window, number, before;
};
struct set {
	unsigned char tag;
	int64_t window;
	unsigned char registers[SET_REGISTERS];
};
struct tally {
	unsigned char tag;
	struct sluice_store_tally tally;
};

static bool load(const struct store_state *state, int64_t now_ms, enum tag tag, void *ret, size_t size)
{
	if (state->len != size || state->bytes[0] != tag || state->expires_ms <= now_ms)
		return false;
	memcpy(ret, state->bytes, size);
	return true;
}

static void save(struct store_state *state, const void *entry, size_t size, int64_t expires_ms)
{
	memcpy(state->bytes, entry, size);
	state->len = size;
	state->expires_ms = expires_ms;
}

static bool greylist(const struct sluice_store_op *op, int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	struct greylist g = { .tag = TAG_GREYLIST };
	int64_t waited;

	if (!load(state, now_ms, TAG_GREYLIST, &g, sizeof g)) {
		memset(&g, 0, sizeof g);
		g.tag = TAG_GREYLIST;
		g.first_ms = now_ms;
		ret->greylist = SLUICE_STORE_GREYLIST_NEW;
		ret->wait_ms = op->greylist.delay_ms;
		save(state, &g, sizeof g, now_ms + op->greylist.window_ms);
		return !op->greylist.look;
	}
	if (g.first_ms > now_ms) { /* the clock has gone back */
		g.first_ms = now_ms;
		save(state, &g, sizeof g, now_ms + op->greylist.window_ms);
	}
	waited = now_ms - g.first_ms;
	if (!g.passed && waited < op->greylist.delay_ms) {
		ret->greylist = SLUICE_STORE_GREYLIST_EARLY;
		ret->wait_ms = op->greylist.delay_ms - waited;
		return g.first_ms == now_ms && !op->greylist.look;
	}
	ret->greylist = g.passed ? SLUICE_STORE_GREYLIST_KNOWN : SLUICE_STORE_GREYLIST_PASS;
	ret->number = g.passes;
	if (op->greylist.look)
		return false;
	g.passed = 1;
	ret->number = ++g.passes;
	save(state, &g, sizeof g, now_ms + op->greylist.lifetime_ms);
	return true;
}

/* GCRA: one time a key. cost units may be taken when full_us would then lie no more than burst units ahead. */
static bool rate(const struct sluice_store_op *op, int64_t now_us, struct store_state *state, struct sluice_store_answer *ret)
{
	struct rate r;
	int64_t interval = op->rate.interval_us, room = op->rate.burst * interval, want, full;
	int64_t most = op->rate.count_blocked ? 2 * room : room; /* debt that a key can have */
	bool gone_back = false;

	memset(&r, 0, sizeof r);
	if (!load(state, now_us / US_PER_MS, TAG_RATE, &r, sizeof r) || r.full_us < now_us)
		r.full_us = now_us;
	if (r.full_us > now_us + most) { /* the clock has gone back: it is written down, or all would begin anew each time */
		r.full_us = now_us + most;
		gone_back = true;
	}
	r.tag = TAG_RATE;
	want = r.full_us + op->rate.cost * interval;
	ret->allowed = want - now_us <= room;
	ret->wait_ms = ret->allowed ? 0 : (want - now_us - room + US_PER_MS - 1) / US_PER_MS;
	full = ret->allowed || op->rate.count_blocked ? want : r.full_us;
	if (full < now_us)
		full = now_us;
	if (full > now_us + most)
		full = now_us + most;
	ret->number = (now_us + room - full) / interval;
	if (ret->number < 0)
		ret->number = 0;
	if (full == r.full_us && !gone_back)
		return false;
	r.full_us = full;
	save(state, &r, sizeof r, full / US_PER_MS + 1);
	return true;
}

static bool count(const struct sluice_store_op *op, int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	struct count c;
	int64_t window = now_ms / op->count.window_ms;

	memset(&c, 0, sizeof c);
	if (!load(state, now_ms, TAG_COUNT, &c, sizeof c))
		c.window = window;
	c.tag = TAG_COUNT;
	if (window < c.window) /* the clock has gone back */
		c.window = window;
	if (window > c.window) {
		c.before = window == c.window + 1 ? c.number : 0;
		c.number = 0;
		c.window = window;
	}
	c.number += op->count.add;
	ret->number = c.number;
	ret->before = c.before;
	if (op->count.add == 0)
		return false;
	save(state, &c, sizeof c, (c.window + 2) * op->count.window_ms);
	return true;
}

static unsigned leading_zeros(uint64_t n)
{
	return n ? (unsigned)__builtin_clzll(n) : 64;
}

/* HyperLogLog (Flajolet et al. 2007): its estimate, and linear counting where that is nearer. */
static int64_t estimate(const struct set *s)
{
	double sum = 0, m = SET_REGISTERS, raw;
	unsigned zero = 0;

	for (unsigned i = 0; i < SET_REGISTERS; i++) {
		sum += ldexp(1, -s->registers[i]);
		zero += s->registers[i] == 0;
	}
	raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (raw <= 2.5 * m && zero)
		raw = m * log(m / zero);
	return (int64_t)(raw + 0.5);
}

static bool set_add(const struct sluice_store_op *op, int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	/* not a secret: an entry must mean the same after a restart, and what it counts does no harm when guessed */
	static const struct hash_key key = { UINT64_C(0x736c756963652d73), UINT64_C(0x6574732d66697865) };
	struct set s;
	int64_t window = now_ms / op->set.window_ms;
	uint64_t hash = hash_bytes(&key, op->set.member, op->set.member_len);
	unsigned i = (unsigned)(hash >> (64 - SET_BITS));
	unsigned char rank = (unsigned char)(leading_zeros(hash << SET_BITS | UINT64_C(1) << (SET_BITS - 1)) + 1);
	bool changed;

	memset(&s, 0, sizeof s);
	if (!load(state, now_ms, TAG_SET, &s, sizeof s) || s.window != window)
		memset(&s, 0, sizeof s);
	s.tag = TAG_SET;
	s.window = window;
	changed = rank > s.registers[i];
	if (changed)
		s.registers[i] = rank;
	ret->number = estimate(&s);
	if (changed)
		save(state, &s, sizeof s, (window + 1) * op->set.window_ms);
	return changed;
}

static bool get(int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	if (state->len < 1 || state->bytes[0] != TAG_VALUE || state->expires_ms <= now_ms) {
		ret->status = SLUICE_STORE_ABSENT;
		return false;
	}
	ret->value = (const char *)state->bytes + 1;
	ret->value_len = state->len - 1;
	return false;
}

static bool put(const struct sluice_store_op *op, int64_t now_ms, struct store_state *state)
{
	state->bytes[0] = TAG_VALUE;
	if (op->put.value_len)
		memcpy(state->bytes + 1, op->put.value, op->put.value_len);
	state->len = 1 + op->put.value_len;
	state->expires_ms = now_ms + op->put.lifetime_ms;
	return true;
}

static uint32_t add_count(uint32_t count, int32_t add)
{
	int64_t sum = (int64_t)count + add;

	return sum < 0 ? 0 : sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static bool tally(const struct sluice_store_op *op, int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	int64_t expires_ms = now_ms + op->tally.lifetime_ms;
	struct tally t;
	bool there;

	memset(&t, 0, sizeof t);
	there = load(state, now_ms, TAG_TALLY, &t, sizeof t);
	/* words that come in many messages would else be written anew to the index for each of them */
	if (there && state->expires_ms <= expires_ms && state->expires_ms >= expires_ms - op->tally.lifetime_ms / 8)
		expires_ms = state->expires_ms;
	t.tag = TAG_TALLY;
	for (size_t i = 0; i < 2; i++)
		t.tally.counts[i] = add_count(t.tally.counts[i], op->tally.add[i]);
	save(state, &t, sizeof t, expires_ms);
	ret->value = (const char *)state->bytes + offsetof(struct tally, tally);
	ret->value_len = sizeof t.tally;
	if (!t.tally.counts[0] && !t.tally.counts[1])
		state->len = 0;
	return (op->tally.add[0] || op->tally.add[1]) && (there || state->len);
}

static bool delete(int64_t now_ms, struct store_state *state, struct sluice_store_answer *ret)
{
	bool there = state->len && state->expires_ms > now_ms;

	ret->status = there ? SLUICE_STORE_OK : SLUICE_STORE_ABSENT;
	state->len = 0;
	return there;
}

void store_state_apply(const struct sluice_store_op *op, int64_t now_us, struct store_state *state, struct sluice_store_answer *ret, bool *ret_changed)
{
	int64_t now_ms = now_us / US_PER_MS;

	*ret = (struct sluice_store_answer){ .status = SLUICE_STORE_OK };
	*ret_changed = false;
	switch (op->verb) {
	case SLUICE_STORE_GREYLIST:
		*ret_changed = greylist(op, now_ms, state, ret);
		break;
	case SLUICE_STORE_RATE:
		*ret_changed = rate(op, now_us, state, ret);
		break;
	case SLUICE_STORE_COUNT:
		*ret_changed = count(op, now_ms, state, ret);
		break;
	case SLUICE_STORE_SET:
		*ret_changed = set_add(op, now_ms, state, ret);
		break;
	case SLUICE_STORE_GET:
		*ret_changed = get(now_ms, state, ret);
		break;
	case SLUICE_STORE_PUT:
		*ret_changed = put(op, now_ms, state);
		break;
	case SLUICE_STORE_DELETE:
		*ret_changed = delete(now_ms, state, ret);
		break;
	case SLUICE_STORE_TALLY:
		*ret_changed = tally(op, now_ms, state, ret);
		break;
	}
}
