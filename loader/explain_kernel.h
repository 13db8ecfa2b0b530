/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_EXPLAIN_KERNEL_H
#define LOADER_EXPLAIN_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

struct agent;

struct kernel_way {
	int error;		/* the kernel's refusal, 0: none */
	uint8_t type;		/* RTN_UNICAST, RTN_LOCAL, ... */
	uint32_t ifindex;	/* out of, 0: none */
	struct ip_addr gateway; /* zero: on link */
};

/**
 * explain_kernel_way() - what the node's routing does with a packet from @source to @dest that came
 * in on @in_ifindex (0: the node sends it itself). 0 or -errno when it could not be asked at all.
 */
int explain_kernel_way(struct agent *agent, const struct ip_addr *source,
		       const struct ip_addr *dest, uint32_t in_ifindex, struct kernel_way *ret_way);
/** explain_kernel_step() - EXPLAIN_STACK_LOCAL, _SENDS or _REFUSES. */
uint32_t explain_kernel_step(const struct kernel_way *way);
void explain_kernel_words(const struct agent *agent, const struct kernel_way *way, char *buf,
			  size_t size);

#endif /* LOADER_EXPLAIN_KERNEL_H */
