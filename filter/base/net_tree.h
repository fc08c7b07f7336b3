/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_tree.h - a set of networks, IPv4 and IPv6, as radix trees with compressed paths: a look-up passes at most one node for
 * each bit of an address. IPv4 networks of 16 bits and more have a tree for each value of these: of a million, a look-up passes some
 * five nodes in the place of twenty, each of them a wait for memory. Pure but for its memory.
 */
#ifndef BASE_NET_TREE_H
#define BASE_NET_TREE_H

#include "filter/base/ip.h"
#include "filter/base/vec.h"

struct net_node;
struct net_tree { /* all zero: empty */
	struct net_node *items;
	size_t len, capacity;
	uint32_t roots[2]; /* of IPv4 networks of less than 16 bits, and of IPv6; as net_node.children */
	uint32_t *index;   /* of the others, by their first 16 bits; NULL: there are none */
};

void net_tree_done(struct net_tree *t);
/* Add a network, not of family 0; what is within one that is there already may take no room. False: no memory, and the tree is as it was. */
bool net_tree_add(struct net_tree *t, const struct net *net);
/* Is the address in one of them? Never of family 0. */
bool net_tree_has(const struct net_tree *t, const struct sluice_ip *ip);

#endif
