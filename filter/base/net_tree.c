/* SPDX-License-Identifier: BSD-2-Clause */
#include "filter/base/net_tree.h"

#include <string.h>

#define INDEX_BITS 16

/* The bits of an address, the first one the highest of high. IPv4 has the upper half of high. */
struct bits {
	uint64_t high, low;
};

struct net_node {
	struct bits bits;     /* zero behind len */
	uint32_t children[2]; /* by the bit behind len: 1 + index of the node; 0: none */
	uint8_t len;
	bool whole; /* all below it is in the set; it has no children. Else it is a fork, and has both */
};

static struct bits bits_of(const struct sluice_ip *ip)
{
	struct bits b = { 0, 0 };
	size_t octets = ip_octets(ip);

	for (size_t i = 0; i < octets && i < 8; i++)
		b.high |= (uint64_t)ip->bytes[i] << (56 - 8 * i);
	for (size_t i = 8; i < octets; i++)
		b.low |= (uint64_t)ip->bytes[i] << (120 - 8 * i);
	return b;
}

static unsigned bit_at(struct bits b, unsigned i)
{
	return (i < 64 ? b.high >> (63 - i) : b.low >> (127 - i)) & 1;
}

/* How many of the first max bits are the same. */
static unsigned common(struct bits a, struct bits b, unsigned max)
{
	uint64_t high = a.high ^ b.high, low = a.low ^ b.low;
	unsigned same = high ? (unsigned)__builtin_clzll(high) : low ? 64 + (unsigned)__builtin_clzll(low) : 128;

	return same < max ? same : max;
}

static struct bits cut(struct bits b, unsigned len)
{
	b.high &= len == 0 ? 0 : len >= 64 ? UINT64_MAX : UINT64_MAX << (64 - len);
	b.low &= len <= 64 ? 0 : UINT64_MAX << (128 - len);
	return b;
}

static uint32_t push(struct net_tree *t, struct net_node node)
{
	t->items[t->len++] = node;
	return (uint32_t)t->len;
}

void net_tree_done(struct net_tree *t)
{
	vec_done(t);
	free(t->index);
	t->index = NULL;
	memset(t->roots, 0, sizeof t->roots);
}

static uint32_t *root_of(struct net_tree *t, const struct net_node *node, int family)
{
	if (family == 6 || node->len < INDEX_BITS)
		return &t->roots[family == 6];
	if (!t->index)
		t->index = calloc((size_t)1 << INDEX_BITS, sizeof *t->index); /* pages that nothing is put into take no memory */
	return t->index ? &t->index[node->bits.high >> (64 - INDEX_BITS)] : NULL;
}

bool net_tree_add(struct net_tree *t, const struct net *net)
{
	const struct net_node fresh = { .bits = bits_of(&net->ip), .len = net->prefix_len, .whole = true };
	uint32_t *at = root_of(t, &fresh, net->ip.family);

	/* A fork and a leaf are the most that one network adds; none of the pointers below moves then. */
	if (!at || t->len >= UINT32_MAX - 2 || !vec_grow((void **)&t->items, &t->capacity, t->len + 1, sizeof *t->items))
		return false;
	while (*at) {
		struct net_node *node = &t->items[*at - 1];
		unsigned same = common(node->bits, fresh.bits, node->len < fresh.len ? node->len : fresh.len);

		if (same == fresh.len && same <= node->len) {
			*node = fresh; /* covers all that is there */
			return true;
		}
		if (same < node->len) {
			struct net_node fork = { .bits = cut(fresh.bits, same), .len = (uint8_t)same };

			fork.children[bit_at(node->bits, same)] = *at;
			fork.children[bit_at(fresh.bits, same)] = push(t, fresh);
			*at = push(t, fork);
			return true;
		}
		if (node->whole)
			return true;
		at = &node->children[bit_at(fresh.bits, same)];
	}
	*at = push(t, fresh);
	return true;
}

static bool search(const struct net_tree *t, uint32_t root, struct bits bits)
{
	for (uint32_t at = root; at;) {
		const struct net_node *node = &t->items[at - 1];

		if (common(node->bits, bits, node->len) < node->len)
			return false;
		if (node->whole)
			return true;
		at = node->children[bit_at(bits, node->len)];
	}
	return false;
}

bool net_tree_has(const struct net_tree *t, const struct sluice_ip *ip)
{
	struct bits bits = bits_of(ip);

	if (ip->family == 0)
		return false;
	if (ip->family == 4 && t->index && search(t, t->index[bits.high >> (64 - INDEX_BITS)], bits))
		return true;
	return search(t, t->roots[ip->family == 6], bits);
}
