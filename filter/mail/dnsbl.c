/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/mail/dnsbl.h"

#include <string.h>

#include "filter/mail/domain.h"

static const struct net listings = { .ip = { 4, { 127 } }, .prefix_len = 8 };
/*
 * No listing, whatever the rows say. Spamhaus and others answer 127.255.255.0/24 to who may not ask, URIBL 127.0.0.1,
 * which RFC 5782 2.1 and 5 leave free of entries.
 */
static const struct net refusals[] = {
	{ .ip = { 4, { 127, 255, 255 } }, .prefix_len = 24 },
	{ .ip = { 4, { 127, 0, 0, 1 } }, .prefix_len = 32 },
};

static enum dnsbl_kind kind_of(const struct sluice_ip *record)
{
	if (!net_contains(&listings, record))
		return DNSBL_NO_LIST;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (net_contains(&refusals[i], record))
			return DNSBL_REFUSED;
	}
	return DNSBL_LISTED;
}

static bool row_matches(const struct dnsbl_row *row, const struct sluice_ip *record)
{
	if (!row->bits)
		return net_contains(&row->net, record);
	for (size_t i = 0; i < ip_octets(record); i++) {
		if (row->net.ip.bytes[i] & record->bytes[i])
			return true;
	}
	return false;
}

static enum dnsbl_kind read_records(const struct sluice_dns_answer *answer, const struct dnsbl_row *rows, size_t count,
	uint64_t *matched, struct sluice_ip *ret_record)
{
	uint64_t found = 0;

	for (size_t i = 0; i < answer->count && i < DNSBL_MAX_RECORDS; i++) {
		struct sluice_ip record = { .family = 4 };
		enum dnsbl_kind kind;

		if (answer->records[i].len != 4)
			continue;
		memcpy(record.bytes, answer->records[i].data, 4);
		kind = kind_of(&record);
		if (kind != DNSBL_LISTED) {
			*ret_record = record;
			return kind;
		}
		for (size_t r = 0; r < count && r < DNSBL_MAX_ROWS; r++) {
			if (row_matches(&rows[r], &record))
				found |= UINT64_C(1) << r;
		}
	}
	*matched |= found;
	return DNSBL_LISTED;
}

enum dnsbl_kind dnsbl_read(const struct sluice_dns_answer *answer, const struct dnsbl_row *rows, size_t count,
	uint64_t *matched, struct sluice_ip *ret_record)
{
	switch (answer->status) {
	case SLUICE_DNS_OK:
		return read_records(answer, rows, count, matched, ret_record);
	case SLUICE_DNS_NODATA:
	case SLUICE_DNS_NXDOMAIN:
		return DNSBL_NOT_LISTED;
	case SLUICE_DNS_FAILED:
	case SLUICE_DNS_TIMEOUT:
		break;
	}
	return DNSBL_UNANSWERED;
}

int64_t dnsbl_weight(const struct dnsbl_row *rows, size_t count, uint64_t matched)
{
	int64_t sum = 0;

	for (size_t r = 0; r < count && r < DNSBL_MAX_ROWS; r++) {
		if (matched & UINT64_C(1) << r)
			sum += rows[r].weight_milli;
	}
	return sum;
}

bool dnsbl_may_ask_domain(const char *name, size_t len)
{
	struct sluice_ip ip;

	return len > 0 && name[len - 1] != '.' && domain_valid(name, len, 2) && !ip_parse(name, len, &ip);
}
