/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.bpf.c: the one definition of each map and of each setting fixed before load.
 *
 * The types, and who writes and reads what, are in maps.h. The programs of the other files see
 * them as externs, and `bpftool gen object` joins all into one object, so that every map exists
 * once without being pinned. Three settings lie in .rodata: the kernel freezes it before it
 * verifies the programs, and takes out the branches that they close.
 */
#include "maps.h"

struct endpoint_map endpoint SEC(".maps");
struct route_map route SEC(".maps");
struct hop_group_map hop_group SEC(".maps");
struct settings_map settings SEC(".maps");
struct generation_map generation SEC(".maps");
struct decision_map decision SEC(".maps");
struct ep_counter_map ep_counter SEC(".maps");
struct ep_slot_map ep_slot SEC(".maps");
struct drop_counter_map drop_counter SEC(".maps");
struct drop_event_map drop_event SEC(".maps");
struct drop_sample_map drop_sample SEC(".maps");
struct stack_tcp_map stack_tcp SEC(".maps");
struct stack_other_map stack_other SEC(".maps");
struct stack_filter_map stack_filter SEC(".maps");
struct stack_counter_map stack_counter SEC(".maps");
struct explain_trace_map explain_trace SEC(".maps");

const __u32 dry_run = 0;
const __u32 beside_kube_proxy = 0;
const __u32 abi_version = DATAPLANE_ABI_VERSION;

char LICENSE[] SEC("license") = "Dual BSD/GPL";
