/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freed_addresses.c: when pods' addresses were given back, kept in a pinned BPF map.
 *
 * A link that is gone leaves no trace, so an agent that starts anew could hand out an address whose
 * last pod ended a second ago. No BPF program reads this map: like pod_names.c's it is a table in
 * the kernel's memory that outlives the agent and goes with a reboot, when old connections are gone
 * as well. The time is CLOCK_MONOTONIC, which goes on over a restart of the agent.
 *
 * The map is not preallocated, an entry is some 80 octets. It is never read while the agent runs;
 * entries of addresses that pods have again stay, since at a start the links come first. A full map
 * loses what rested long enough, at most one sweep in SWEEP_MS; without room an address is simply
 * not noted.
 */
#include "loader/freed_addresses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane_abi.h"
#include "lib/log.h"

#define MAP_NAME	"freed_address"
#define ENTRIES_MAX	4096
#define SWEEP_MS	1000
#define PATH_MAX_OCTETS 4096

struct freed_addresses {
	int map_fd; /* -1: none */
	uint64_t swept_ms;
};

struct freed_address {
	struct ip_addr addr;
	uint64_t freed_ms;
};

static int make_map(const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
	int fd, err;

	fd = bpf_map_create(BPF_MAP_TYPE_HASH, MAP_NAME, sizeof(struct ip_addr), sizeof(uint64_t),
			    ENTRIES_MAX, &options);
	if (fd < 0)
		return fd;
	err = bpf_obj_pin(fd, path);
	if (err < 0)
		log_warning("map %s: cannot be pinned at %s: %s; after a restart addresses may be "
			    "handed out again at once",
			    MAP_NAME, path, strerror(-err));
	return fd;
}

static bool map_fits(int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_MAP_TYPE_HASH &&
	       info.key_size == sizeof(struct ip_addr) && info.value_size == sizeof(uint64_t);
}

struct freed_addresses *freed_addresses_open(const char *bpf_dir)
{
	struct freed_addresses *freed = calloc(1, sizeof(*freed));
	char path[PATH_MAX_OCTETS];

	if (freed == NULL)
		return NULL;
	/* The layout's version is in all pins' names; this map's own layout never changed with it:
	 * another version's map is one restart's loss. */
	snprintf(path, sizeof(path), "%s/" MAP_NAME "_v%d", bpf_dir, DATAPLANE_ABI_VERSION);
	freed->map_fd = bpf_obj_get(path);
	if (freed->map_fd >= 0 && !map_fits(freed->map_fd)) {
		close(freed->map_fd);
		unlink(path);
		freed->map_fd = -1;
	}
	if (freed->map_fd < 0)
		freed->map_fd = make_map(path);
	if (freed->map_fd < 0) {
		log_warning("map %s: cannot be made: %s; after a restart addresses may be handed "
			    "out again at once",
			    MAP_NAME, strerror(-freed->map_fd));
		freed->map_fd = -1;
	}
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
