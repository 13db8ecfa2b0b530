/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * explain.h: record the steps of a packet, in the dry-run copy of the programs only.
 *
 * The copy is the same source with dry_run set, so what it tells cannot differ from what the live
 * copy does; in the live copy the verifier sees dry_run as the constant 0 and removes all of this.
 */
#ifndef BPF_EXPLAIN_H
#define BPF_EXPLAIN_H

#include "maps.h"

/* Forget the packet before: to be called first in each program. */
static __always_inline void explain_begin(void)
{
	struct explain_trace *trace;
	__u32 zero = 0;

	if (!dry_run)
		return;
	trace = bpf_map_lookup_elem(&explain_trace, &zero);
	if (trace)
		trace->count = 0;
}

/* A step about the block or next hop @addr/@bits; what @detail means see EXPLAIN_STEP_LIST. */
static __always_inline void explain_block(__u32 id, __u32 detail, const struct ip_addr *addr,
					  __u32 bits)
{
	struct explain_trace *trace;
	struct explain_step *step;
	__u32 zero = 0;
	__u32 n;

	if (!dry_run)
		return;
	trace = bpf_map_lookup_elem(&explain_trace, &zero);
	if (!trace)
		return;
	n = trace->count;
	if (n >= EXPLAIN_STEPS_MAX)
		return;
	step = &trace->step[n];
	step->id = id;
	step->detail = detail;
	step->addr = *addr;
	step->bits = bits;
	trace->count = n + 1;
}

static __always_inline void explain(__u32 id, __u32 detail)
{
	struct ip_addr none = {};

	explain_block(id, detail, &none, 0);
}

#endif /* BPF_EXPLAIN_H */
