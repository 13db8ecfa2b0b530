/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h: three veth pairs between a namespace of the node and one of "the pods", programs attached
 * to the node's ends, packet sockets on the others.
 */
#ifndef TESTS_BPF_WIRE_H
#define TESTS_BPF_WIRE_H

#include "tests/bpf/frame.h"
#include "tests/bpf/world.h"

struct wire {
	int node_ns, pods_ns;	       /* of the two namespaces */
	bool has_hook[PLACE_COUNT];    /* clsact is there */
	uint32_t ifindex[PLACE_COUNT]; /* node's ends: ttA, ttB, ttU */
	int socket[PLACE_COUNT];       /* on the other ends */
	int stats;		       /* keeps run counts of programs going */
};

/** wire_open() - make namespaces, devices and neighbours of the next hops; the caller's thread
 * stays in the node's namespace. 0 or -errno. */
int wire_open(struct wire *ret);
void wire_close(struct wire *wire);

/** wire_attach() - run @program_fd on the node's end of @place, instead of what ran there. */
int wire_attach(struct wire *wire, enum place place, bool is_egress, int program_fd);

int wire_detach(struct wire *wire, enum place place, bool is_egress);

/** wire_send() - send @frame from the other end of @place. 0 or -errno. */
int wire_send(struct wire *wire, enum place place, const struct frame *frame);

/** wire_send_through() - the same, and wait until @program_fd has run. -ETIME after two seconds. */
int wire_send_through(struct wire *wire, enum place place, const struct frame *frame,
		      int program_fd);

/** wire_receive() - next frame that arrives at the other end of @place, addressed to it (packet
 * type HOST). 0, or -ETIME after two seconds. */
int wire_receive(struct wire *wire, enum place place, struct frame *ret);

#endif /* TESTS_BPF_WIRE_H */
