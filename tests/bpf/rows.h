/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h: the hand-written table: packet in, hook, place, and what must happen to it.
 */
#ifndef TESTS_BPF_ROWS_H
#define TESTS_BPF_ROWS_H

#include "tests/bpf/reference.h"

enum row_mode {
	ANY_MODE,
	ONLY_NONE,   /* without kube-proxy beside us */
	ONLY_BESIDE, /* with it */
};

struct row {
	const char *name; /* a sentence, without spaces */
	enum dataplane_hook hook;
	enum place place;
	struct frame_spec spec;
	uint32_t gso_size;
	enum row_mode mode;
	bool is_host_made, is_redirected; /* with HOOK_TO_NETWORK, see struct injection */
	bool records;			  /* on egress: the flow becomes the host stack's */
	enum verdict verdict;
	enum drop_reason reason;
	enum place to; /* pod or device, with TO_POD and TO_NEXT_HOP */
	const char *next_hop;
	struct octets out; /* whole frame out, where written by hand */
};

extern const struct row rows_hop_group[];
extern const size_t rows_hop_group_count;
extern const struct row rows_from_pod[];
extern const size_t rows_from_pod_count;
extern const struct row rows_refused[];
extern const size_t rows_refused_count;
extern const struct row rows_from_network[];
extern const size_t rows_from_network_count;
extern const struct row rows_stack_flows[];
extern const size_t rows_stack_flows_count;

/** row_is_for_mode() - is the row about programs in the mode of world_is_beside? */
bool row_is_for_mode(const struct row *row);

/** row_frame() - the frame of a row as it enters, with its Ethernet addresses. */
void row_frame(const struct row *row, struct frame *ret);

#endif /* TESTS_BPF_ROWS_H */
