/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_IPAM_H
#define LOADER_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"

struct config;

/*
 * Which address is taken, and which one a pod gets. The record is the links; this is their mirror,
 * told of each by endpoint_store.c, and never asked for anything that it alone knows. Time is an
 * argument, nothing here does I/O.
 *
 * One table of functions stands for a source of addresses; ipam_local.c, blocks that the
 * configuration or the cluster's document gives this node, is the one there is.
 */
struct ipam {
	const struct ipam_ops *ops;
};

struct ipam_request {
	const char (*pools)[NAME_MAX_LEN + 1]; /* names or CIDRs, in order of preference */
	size_t pool_count;		       /* 0: all pools */
	const struct ip_addr *want;	       /* exactly these; a family without one is chosen */
	size_t want_count;
	uint64_t now_ms;
};

struct ipam_answer {
	struct ip_addr addr[POD_ADDRESSES_MAX];
	size_t count;
	struct ip_addr refused;	  /* with -EADDRINUSE: the wanted address that is taken */
	bool lacks_v4;		  /* with -ENOSPC: the family that has none */
	char error[TEXT_MAX + 1]; /* pool, used/total, mend */
};

typedef int ipam_block_fn(const struct msg_pool *pool, const struct msg_block *block, void *arg);

struct ipam_ops {
	int (*take)(struct ipam *ipam, const struct ipam_request *request,
		    struct ipam_answer *ret_answer);
	int (*probe)(struct ipam *ipam, const struct ipam_request *request,
		     struct ipam_answer *ret_answer);
	int (*adopt)(struct ipam *ipam, const struct ip_addr *addr);
	void (*rest)(struct ipam *ipam, const struct ip_addr *addr, uint64_t freed_ms);
	void (*release)(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms);
	bool (*holds)(const struct ipam *ipam, const struct ip_addr *addr);
	bool (*allows)(const struct ipam *ipam, const struct ipam_request *request,
		       const struct ip_addr *addr);
	int (*for_each_block)(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn,
			      void *arg);
	void (*describe)(const struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms,
			 struct msg_address *ret);
	int (*update)(struct ipam *ipam, const struct config *config);
	void (*free)(struct ipam *ipam);
};

/** ipam_local_new() - addresses from this node's blocks, as @config lists them. Network and
 * broadcast address of an IPv4 block are usable, the subnet-router anycast address of an IPv6 one
 * is not. 0 or -ENOMEM. */
int ipam_local_new(const struct config *config, struct ipam **ret_ipam);

/** ipam_pool_is_named() - does @text, a name or a CIDR as people write it, mean the pool of @name
 * and
 * @cidr? Pure. */
bool ipam_pool_is_named(const char *name, const struct ip_prefix *cidr, const char *text);

void ipam_free(struct ipam *ipam); /* NULL is fine */
/** ipam_update() - the pools, blocks and reserved addresses of another configuration. Blocks that
 * stay keep what is known of their addresses; the caller adopts what links carry. 0, or -ENOMEM and
 * nothing is changed. */
int ipam_update(struct ipam *ipam, const struct config *config);
/** ipam_holds() - is @addr in a block of this node? */
bool ipam_holds(const struct ipam *ipam, const struct ip_addr *addr);
/** ipam_allows() - is it in a block of a pool that @request may take from? */
bool ipam_allows(const struct ipam *ipam, const struct ipam_request *request,
		 const struct ip_addr *addr);

/**
 * ipam_take() - one free address per family that the pools have blocks for, all or nothing: the
 * wanted one, else the one free longest; one freed less than the quarantine ago only when nothing
 * else is free. 0, or with words in ret_answer->error: -ENOSPC exhausted; -ENOENT unknown pool;
 * -EINVAL a wanted address cannot be had: outside the blocks or pools, reserved, the second of its
 * family; -EADDRINUSE it is taken; -ENOMEM.
 */
int ipam_take(struct ipam *ipam, const struct ipam_request *request,
	      struct ipam_answer *ret_answer);
/** ipam_probe() - would ipam_take() succeed? Takes nothing; same results and words. */
int ipam_probe(struct ipam *ipam, const struct ipam_request *request,
	       struct ipam_answer *ret_answer);
/** ipam_adopt() - a link carries @addr. 0, -EEXIST already taken, -ENOENT outside our blocks (fine,
 * only told), -ENOMEM. */
int ipam_adopt(struct ipam *ipam, const struct ip_addr *addr);
/** ipam_rest() - @addr was given back at @freed_ms, before this run; oldest first. Of one that is
 * taken, known or outside our blocks nothing is noted. */
void ipam_rest(struct ipam *ipam, const struct ip_addr *addr, uint64_t freed_ms);
void ipam_release(struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms);
/** ipam_for_each_block() - pools in order of configuration, block NULL once per pool first. */
int ipam_for_each_block(const struct ipam *ipam, uint64_t now_ms, ipam_block_fn *fn, void *arg);
/** ipam_describe() - all that is known of one address. */
void ipam_describe(const struct ipam *ipam, const struct ip_addr *addr, uint64_t now_ms,
		   struct msg_address *ret);

#endif /* LOADER_IPAM_H */
