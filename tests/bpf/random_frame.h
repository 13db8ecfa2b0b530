/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_frame.h: frames that are nearly right, from a seed.
 */
#ifndef TESTS_BPF_RANDOM_FRAME_H
#define TESTS_BPF_RANDOM_FRAME_H

#include "tests/bpf/reference.h"

struct random_packet {
	enum dataplane_hook hook;
	enum place place;
	uint32_t gso_size;
	struct frame frame;
};

/** random_packet() - the next packet of the sequence that *@seed (not 0) stands for. */
void random_packet(uint64_t *seed, struct random_packet *ret);

#endif /* TESTS_BPF_RANDOM_FRAME_H */
