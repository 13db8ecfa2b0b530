/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dataplane_hops.c: map hop_group, written while packets read it.
 *
 * A packet may read a group at any moment, so no write may show it half of something: the elements
 * are mapped here, and each word that changes is stored whole. What belongs together needs no more
 * than that: addresses and seeds are written before anybody can know the number, and the bits that
 * say who is usable after all else.
 */
#include <errno.h>
#include <sys/mman.h>

#include "loader/dataplane_internal.h"

#define PAGE_OCTETS 4096u
/* The kernel rounds an element up to eight octets, and the map up to pages. */
#define MAP_OCTETS \
	((HOP_GROUPS * sizeof(struct hop_group) + PAGE_OCTETS - 1) / PAGE_OCTETS * PAGE_OCTETS)

_Static_assert(sizeof(struct hop_group) % 8 == 0, "elements lie one behind the other");

int dataplane_hop_groups_map(struct dataplane *dataplane)
{
	void *groups = mmap(NULL, MAP_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED,
			    dataplane->known_fd[MAP_HOP_GROUP], 0);

	if (groups == MAP_FAILED)
		return -errno;
	dataplane->hop_groups = groups;
	return 0;
}

void dataplane_hop_groups_unmap(struct dataplane *dataplane)
{
	if (dataplane->hop_groups)
		munmap(dataplane->hop_groups, MAP_OCTETS);
	dataplane->hop_groups = NULL;
}

struct hop_group *dataplane_hop_groups(struct dataplane *dataplane)
{
	return dataplane->hop_groups;
}

static unsigned int write_word(__u32 *to, __u32 value)
{
	if (__atomic_load_n(to, __ATOMIC_RELAXED) == value)
		return 0;
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
	return 1;
}

static unsigned int write_hop(struct hop_group_hop *to, const struct hop_group_hop *from)
{
	unsigned int changed = 0;

	for (int i = 0; i < 4; i++)
		changed += write_word(&to->addr.word[i], from->addr.word[i]);
	if (__atomic_load_n(&to->seed, __ATOMIC_RELAXED) != from->seed) {
		__atomic_store_n(&to->seed, from->seed, __ATOMIC_RELEASE);
		changed++;
	}
	changed += write_word(&to->mtu, from->mtu);
	return changed + write_word(&to->ifindex, from->ifindex);
}

unsigned int dataplane_write_hop_group(struct hop_group *to, const struct hop_group *from)
{
	unsigned int changed = 0;

	for (int i = 0; i < HOP_GROUP_HOPS; i++)
		changed += write_hop(&to->hop[i], &from->hop[i]);
	changed += write_word(&to->usable, from->usable);
	return changed + write_word(&to->count, from->count);
}
