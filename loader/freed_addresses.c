/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freed_addresses.c: when pods' addresses were given back, kept in a pinned BPF map.
 *
 * A link that is gone leaves no trace, so an agent that starts anew could hand out an address whose
 * last pod ended a second ago. So it is noted in a map that outlives the agent (kept_map.c) and
 * goes with a reboot, when old connections are gone as well. The time is CLOCK_MONOTONIC, which
 * goes on over a restart of the agent.
 *
 * An entry is some 80 octets. The map is read at start, and when the node's blocks change. Entries
 * of addresses that pods have again stay, since links are told first. A full map loses what rested
 * long enough, at most one sweep in SWEEP_MS; without room an address is simply not noted.
 */
#include "loader/freed_addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "loader/kept_map.h"

#define MAP_NAME    "freed_address"
#define ENTRIES_MAX 4096
#define SWEEP_MS    1000

struct freed_addresses {
	int map_fd; /* -1: none */
	uint64_t swept_ms;
};

struct freed_address {
	struct ip_addr addr;
	uint64_t freed_ms;
};

struct freed_addresses *freed_addresses_open(const char *bpf_dir)
{
	static const struct kept_map map = { .name = MAP_NAME,
					     .key_size = sizeof(struct ip_addr),
					     .value_size = sizeof(uint64_t),
					     .max_entries = ENTRIES_MAX,
					     .loss = "addresses may be handed out again at once" };
	struct freed_addresses *freed = calloc(1, sizeof(*freed));

	if (freed != NULL)
		freed->map_fd = kept_map_open(bpf_dir, &map);
	return freed;
}

void freed_addresses_close(struct freed_addresses *freed)
{
	if (freed == NULL)
		return;
	if (freed->map_fd >= 0)
		close(freed->map_fd);
	free(freed);
}

int freed_addresses_restore_pin(const struct freed_addresses *freed, const char *bpf_dir)
{
	return kept_map_restore_pin(bpf_dir, MAP_NAME, freed->map_fd);
}

/* All entries, at most ENTRIES_MAX, into @ret; how many. */
static size_t read_all(const struct freed_addresses *freed, struct freed_address *ret)
{
	struct ip_addr *at = NULL;
	size_t count = 0;

	while (count < ENTRIES_MAX &&
	       bpf_map_get_next_key(freed->map_fd, at, &ret[count].addr) == 0) {
		at = &ret[count].addr;
		ret[count].freed_ms = 0;
		bpf_map_lookup_elem(freed->map_fd, at, &ret[count].freed_ms);
		count++;
	}
	return count;
}

static void sweep(struct freed_addresses *freed, uint64_t keep_ms, uint64_t now_ms)
{
	struct freed_address *list = calloc(ENTRIES_MAX, sizeof(*list));
	size_t count;

	if (list == NULL)
		return;
	count = read_all(freed, list);
	for (size_t i = 0; i < count; i++)
		if (list[i].freed_ms <= now_ms && now_ms - list[i].freed_ms >= keep_ms)
			bpf_map_delete_elem(freed->map_fd, &list[i].addr);
	freed->swept_ms = now_ms;
	free(list);
}

void freed_addresses_note(struct freed_addresses *freed, const struct ip_addr *addr,
			  uint64_t keep_ms, uint64_t now_ms)
{
	if (freed->map_fd < 0 ||
	    bpf_map_update_elem(freed->map_fd, addr, &now_ms, BPF_ANY) != -E2BIG)
		return;
	if (now_ms - freed->swept_ms < SWEEP_MS)
		return;
	sweep(freed, keep_ms, now_ms);
	bpf_map_update_elem(freed->map_fd, addr, &now_ms, BPF_ANY);
}

static int compare_times(const void *a, const void *b)
{
	const struct freed_address *x = a, *y = b;

	return x->freed_ms > y->freed_ms ? 1 : x->freed_ms < y->freed_ms ? -1 : 0;
}

int freed_addresses_for_each(struct freed_addresses *freed, uint64_t now_ms, freed_addresses_fn *fn,
			     void *arg)
{
	struct freed_address *list;
	size_t count;

	if (freed->map_fd < 0)
		return 0;
	list = calloc(ENTRIES_MAX, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	count = read_all(freed, list);
	qsort(list, count, sizeof(*list), compare_times);
	for (size_t i = 0; i < count; i++)
		fn(&list[i].addr, list[i].freed_ms < now_ms ? list[i].freed_ms : now_ms, arg);
	free(list);
	return 0;
}
