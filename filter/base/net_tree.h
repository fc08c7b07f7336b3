/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net_tree.h - a set of networks, IPv4 and IPv6, as a radix tree with compressed paths: a look-up passes at most one node for
 * each bit of an address, and in practice some twenty of a million networks. Pure but for its memory.
 */
#ifndef BASE_NET_TREE_H
#define BASE_NET_TREE_H

#include "filter/base/ip.h"
#include "filter/base/vec.h"

struct net_node;
struct net_tree { /* all zero: empty */
	struct net_node *items;
	size_t len, capacity;
	uint32_t roots[2]; /* of IPv4 and IPv6; as net_node.children */
};

void net_tree_done(struct net_tree *t);
/* Add a network; what is within one that is there already takes no room. False: no memory, and the tree is as it was. */
bool net_tree_add(struct net_tree *t, const struct net *net);
/* Is the address in one of them? Never of family 0. */
bool net_tree_has(const struct net_tree *t, const struct sluice_ip *ip);

#endif
