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

/**
 * ipam_take() - choose one free address per family that the blocks have, all or nothing: the one
 * free longest; one freed less than the quarantine ago only when nothing else is free. @pools
 * (names or CIDRs, in order of preference; count 0: all) restricts. 0; -ENOSPC exhausted, -ENOENT
 * unknown pool; both with *ret_error words (pool, used/total, mend).
 */
int ipam_take(struct ipam *ipam, const char (*pools)[NAME_MAX_LEN + 1], size_t pool_count,
	      uint64_t now_ms, struct ip_addr ret_addr[POD_ADDRESSES_MAX], size_t *ret_count,
	      char ret_error[TEXT_MAX + 1]);
/** ipam_probe() - would ipam_take() succeed? Takes nothing; same results and words. */
int ipam_probe(const struct ipam *ipam, const char (*pools)[NAME_MAX_LEN + 1], size_t pool_count,
	       uint64_t now_ms, char ret_error[TEXT_MAX + 1]);
/** ipam_adopt() - a link found at start carries @addr. 0, -EEXIST already taken, -ENOENT outside
 * our blocks (fine, only told). */
int ipam_adopt(struct ipam *ipam, const struct ip_addr *addr);
void ipam_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms);

typedef int ipam_block_fn(const struct msg_pool *pool, const struct msg_block *block, void *arg);
/** ipam_for_each_block() - pools in order of configuration, block NULL once per pool first. */
int ipam_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn, void *arg);

#endif /* LOADER_IPAM_H */
