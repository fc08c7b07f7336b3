/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/ctl/rotate_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "filter/base/cleanup.h"
#include "filter/mail/dkim_record.h"

const char *const rotation_state_words[] = { "at-rest", "made", "published", "retiring", NULL };

bool rotation_parse(const char *text, size_t len, struct rotation *ret)
{
	char copy[ROTATION_TEXT_MAX + 1], word[16], end;
	struct rotation r = { .state = ROTATION_AT_REST };

	*ret = r;
	if (len > ROTATION_TEXT_MAX || memchr(text, '\0', len))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy, "%15s %253s %" SCNd64 " %" SCNd64 "%c", word, r.selector, &r.since_s, &r.until_s, &end) != 4)
		return false;
	while (rotation_state_words[r.state] && strcmp(word, rotation_state_words[r.state]) != 0)
		r.state++;
	if (!rotation_state_words[r.state] || !dkim_selector_valid(r.selector, strlen(r.selector)) || r.since_s < 0 || r.until_s < 0)
		return false;
	*ret = r;
	return true;
}

void rotation_print(struct text *out, const struct rotation *r)
{
	text_addf(out, "%s %s %" PRId64 " %" PRId64, rotation_state_words[r->state], r->selector, r->since_s, r->until_s);
}

enum rotation_step rotation_next(const struct rotation *r, const struct rotation_facts *facts)
{
	switch (r->state) {
	case ROTATION_AT_REST:
		return facts->at_once || facts->begun || facts->key_age_s < 0 || facts->key_age_s >= facts->every_s ? ROTATION_MAKE : ROTATION_NOTHING;
	case ROTATION_MADE:
		return ROTATION_LOOK;
	case ROTATION_PUBLISHED:
		return facts->now_s < r->until_s ? ROTATION_WAIT : ROTATION_ACTIVATE;
	case ROTATION_RETIRING:
		return facts->now_s < r->until_s ? ROTATION_WAIT : ROTATION_REVOKE;
	}
	return ROTATION_NOTHING;
}
