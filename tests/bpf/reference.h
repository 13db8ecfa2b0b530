/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.h: the rules of docs/packet-path.md in plain C, to judge the programs by.
 */
#ifndef TESTS_BPF_REFERENCE_H
#define TESTS_BPF_REFERENCE_H

#include <netinet/in.h>

#include "tests/bpf/frame.h"
#include "tests/bpf/world.h"

enum verdict {
	TO_STACK,
	DROP,
	TO_POD,	     /* by redirect_peer */
	TO_NEXT_HOP, /* by redirect_neigh */
	ANSWER,	     /* back to the pod */
};

struct reference_flow {
	struct in6_addr from, to;
	uint16_t from_port, to_port;
	uint8_t protocol;
};

struct judgement {
	enum verdict verdict;
	enum drop_reason reason; /* with DROP */
	enum place place;	 /* pod, or device of the next hop */
	struct ip_addr next_hop; /* with TO_NEXT_HOP */
	struct frame out;	 /* the frame as it leaves */
	bool records;		 /* the flow below becomes the host stack's, if it is not yet */
	struct reference_flow flow;
};

/** reference_judge() - what must happen to @in, that enters at @place and meets @hook.
 * @gso_size: 0, or octets of payload in each segment of a super-packet. */
void reference_judge(enum dataplane_hook hook, enum place place, const struct frame *in,
		     uint32_t gso_size, struct judgement *ret);

/** reference_choose() - the next hop of @group that a flow of this number takes, NULL when none is
 * usable. */
const struct world_hop *reference_choose(const struct world_group *group, uint64_t flow);

/** reference_is_stack_flow() - is it one of world_flow? */
bool reference_is_stack_flow(const struct reference_flow *flow);

#endif /* TESTS_BPF_REFERENCE_H */
