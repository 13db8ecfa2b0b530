/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_FREED_ADDRESSES_H
#define LOADER_FREED_ADDRESSES_H

#include <stdint.h>

#include "ip_address.h"

struct freed_addresses;

/** freed_addresses_open() - take over or make the pinned map in @bpf_dir. Never fails for want of a
 * map: then nothing outlives the agent, said in the log. NULL: out of memory. */
struct freed_addresses *freed_addresses_open(const char *bpf_dir);
void freed_addresses_close(struct freed_addresses *freed); /* the map stays; NULL is fine */
/** freed_addresses_restore_pin() - as kept_map_restore_pin(). */
int freed_addresses_restore_pin(const struct freed_addresses *freed, const char *bpf_dir);
/** freed_addresses_note() - @addr was given back at @now_ms (event_loop_now_ms()). What is older
 * than @keep_ms gives way when the map is full. */
void freed_addresses_note(struct freed_addresses *freed, const struct ip_addr *addr,
			  uint64_t keep_ms, uint64_t now_ms);

typedef void freed_addresses_fn(const struct ip_addr *addr, uint64_t freed_ms, void *arg);
/** freed_addresses_for_each() - all of them, oldest first. 0 or -ENOMEM. */
int freed_addresses_for_each(struct freed_addresses *freed, uint64_t now_ms, freed_addresses_fn *fn,
			     void *arg);

#endif /* LOADER_FREED_ADDRESSES_H */
