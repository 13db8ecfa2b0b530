/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h: run one frame through the live and the dry-run copy of a program, in a network
 * namespace of our own, and tell all that could be observed.
 */
#ifndef TESTS_BPF_HARNESS_H
#define TESTS_BPF_HARNESS_H

#include "tests/bpf/reference.h"

struct harness;
struct wire;

/** harness_new() - enter a new network namespace, make devices, load both copies (for kube-proxy
 * beside us where world_is_beside), fill the maps.
 * NULL with one line on stderr that says what is missing. */
struct harness *harness_new(void);
/** harness_new_on_one_cpu() - the same, and stay on one CPU: each remembers and limits by itself.
 */
struct harness *harness_new_on_one_cpu(void);
void harness_free(struct harness *harness);

struct observation {
	int verdict; /* TC_ACT_* */
	bool is_from_wire;
	struct frame out;
	uint64_t drops[DROP_REASON_COUNT]; /* counted for this frame */
	struct endpoint_counter counted[PLACE_COUNT];
	struct explain_trace trace;	    /* after the run of the dry-run copy */
	struct drop_event event;	    /* last sample of this run */
	unsigned int events;		    /* samples of this run */
	uint32_t mark;			    /* of redirected packets, as the packet left */
	uint64_t recorded[STACK_MAP_COUNT]; /* flows of this run */
};

struct injection {
	enum dataplane_hook hook;
	enum place place;
	const struct frame *frame;
	uint32_t gso_size;
	bool is_host_made;  /* with HOOK_TO_NETWORK: never entered by a device, */
	bool is_redirected; /* or redirected by from_pod */
};

/** Run the frame through one copy. 0, or -errno of BPF_PROG_TEST_RUN. */
int harness_run(struct harness *harness, const struct injection *in, bool is_dry_run,
		struct observation *ret);

/** The devices, for tests that send real frames; borrowed. */
struct wire *harness_wire(struct harness *harness);
/** Tell the programs that the maps have changed. 0 or -errno. */
int harness_raise_generation(struct harness *harness);
/** Descriptor of a live program, for tests that attach it. */
int harness_program_fd(const struct harness *harness, enum dataplane_hook hook);

/** What the live copy's map @addr says; 0 or -errno. */
int harness_get_endpoint(struct harness *harness, const char *addr, struct endpoint_value *ret);
int harness_set_endpoint(struct harness *harness, const char *addr,
			 const struct endpoint_value *value);
/** Write a group of next hops; nobody is told. 0 or -errno. */
int harness_set_group(struct harness *harness, const struct world_group *from);
int harness_put_group(struct harness *harness, uint32_t number, const struct hop_group *value);
/** Let the programs ask the other bitmap of the filter of flows. 0 or -errno. */
int harness_swap_filter(struct harness *harness);
/** The number of the host stack's flows. */
unsigned int harness_count_flows(struct harness *harness);

/** harness_check() - run both copies and compare with @want; NULL when all agrees, else what does
 * not (static text, valid until the next call). */
const char *harness_check(struct harness *harness, const struct injection *in,
			  const struct judgement *want);

#endif /* TESTS_BPF_HARNESS_H */
