/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_IPAM_H
#define LOADER_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct config;

/*
 * Which address of this node's blocks is taken. Pure: no I/O, time is an argument. It mirrors the
 * links (endpoint_store.c tells it), it is no record of its own. Network and broadcast address of
 * an IPv4 block are usable but the all-zeros address of a pool's block is not handed out when that
 * is the subnet-router anycast (IPv6).
 */
struct ipam;

int ipam_new(const struct config *config, struct ipam **ret_ipam);
void ipam_free(struct ipam *ipam);
/** ipam_update() - the pools, blocks and reserved addresses of another configuration. Blocks that
 * stay keep what is known of their addresses; the caller adopts what links carry. 0, or -ENOMEM and
 * nothing is changed. */
int ipam_update(struct ipam *ipam, const struct config *config);
size_t ipam_block_count(const struct ipam *ipam);
/** ipam_holds() - is @addr in a block of this node? */
bool ipam_holds(const struct ipam *ipam, const struct ip_addr *addr);

struct ipam_request {
	const char (*pools)[NAME_MAX_LEN + 1]; /* names or CIDRs, in order of preference */
	size_t pool_count;		       /* 0: all pools */
	uint64_t now_ms;
};

struct ipam_answer {
	struct ip_addr addr[POD_ADDRESSES_MAX];
	size_t count;
	char error[TEXT_MAX + 1]; /* pool, used/total, mend */
};

/**
 * ipam_take() - choose one free address per family that the blocks have, all or nothing: the one
 * free longest; one freed less than the quarantine ago only when nothing else is free. 0; -ENOSPC
 * exhausted, -ENOENT unknown pool, -ENOMEM; each with words in ret_answer->error.
 */
int ipam_take(struct ipam *ipam, const struct ipam_request *request,
	      struct ipam_answer *ret_answer);
/** ipam_probe() - would ipam_take() succeed? Takes nothing; same results and words. */
int ipam_probe(const struct ipam *ipam, const struct ipam_request *request,
	       struct ipam_answer *ret_answer);
/** ipam_adopt() - a link found at start carries @addr. 0, -EEXIST already taken, -ENOENT outside
 * our blocks (fine, only told). */
int ipam_adopt(struct ipam *ipam, const struct ip_addr *addr);
void ipam_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms);

typedef int ipam_block_fn(const struct msg_pool *pool, const struct msg_block *block, void *arg);
/** ipam_for_each_block() - pools in order of configuration, block NULL once per pool first. */
int ipam_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn, void *arg);

#endif /* LOADER_IPAM_H */
