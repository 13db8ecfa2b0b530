/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c: both copies of the programs on the devices of wire.c, and BPF_PROG_TEST_RUN.
 *
 * The programs see the ifindex of the node's ends; nothing is attached and nothing sent for
 * BPF_PROG_TEST_RUN. New kernels refuse frames there that end inside the IP header: those few take
 * the wire, with the program attached for the purpose, and what it returned is told from what it
 * counted.
 *
 * Counters only grow; what a frame added is told by the difference to the sums of the run before.
 */
#include "tests/bpf/harness.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "lib/ip_prefix.h"
#include "loader/flow_key.h"
#include "tests/bpf/wire.h"
#include "tortie.skel.h"

#define CPUS_MAX	1024
#define MARK_WORD	3 /* of the skb's control block, see bpf/packet.h */
#define MARK_REDIRECTED 0xfff5fff3u
#define TCP		6
#define ENTERED_BY	1 /* ifindex of any device that a forwarded packet came from */

struct harness {
	struct tortie_bpf *live, *dry;
	struct ring_buffer *events;
	struct observation *current; /* where samples go */
	struct wire wire;
	unsigned int cpus;
	uint32_t generation;
	uint64_t drops[DROP_REASON_COUNT];	      /* sums so far */
	struct endpoint_counter counted[PLACE_COUNT]; /* sums so far */
	uint64_t recorded[STACK_MAP_COUNT];	      /* sums so far */
	uint8_t per_cpu[CPUS_MAX * sizeof(struct endpoint_counter)];
	char complaint[1024];
};

static int load_live(struct harness *harness)
{
	harness->live = tortie_bpf__open();
	if (!harness->live)
		return -errno;
	harness->live->rodata->beside_kube_proxy = world_is_beside;
	return tortie_bpf__load(harness->live);
}

/* The copy that explains uses the live copy's maps, as in the agent. */
static int load_dry(struct harness *harness)
{
	struct bpf_map *map, *live;

	harness->dry = tortie_bpf__open();
	if (!harness->dry)
		return -errno;
	harness->dry->rodata->dry_run = 1;
	harness->dry->rodata->beside_kube_proxy = world_is_beside;
	bpf_object__for_each_map(map, harness->dry->obj) {
		if (bpf_map__is_internal(map))
			continue;
		live = bpf_object__find_map_by_name(harness->live->obj, bpf_map__name(map));
		if (!live || bpf_map__reuse_fd(map, bpf_map__fd(live)))
			return -ENOENT;
	}
	return tortie_bpf__load(harness->dry);
}

/* 0, nobody's, for what is no pod. */
static uint32_t counter_number(enum place place)
{
	return place == POD_A || place == POD_B ? 1 + (uint32_t)place - POD_A : 0;
}

static int put_endpoint(struct harness *harness, const struct world_endpoint *from)
{
	struct endpoint_value value = { .ifindex = harness->wire.ifindex[from->place],
					.counter = counter_number(from->place) };
	struct ip_addr key;

	if (from->place == NOWHERE)
		value.flags = ENDPOINT_HOST;
	memcpy(value.mac, pod_mac[from->place], sizeof(value.mac));
	if (ip_addr_parse(from->addr, &key))
		return -EINVAL;
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.endpoint), &key, &value, 0);
}

static int put_route(struct harness *harness, const struct world_route *from)
{
	struct route_value value = {
		.how = from->how,
		.ifindex = harness->wire.ifindex[from->place],
		.mtu = from->mtu,
		.node_id = from->node_id,
	};
	struct ip_prefix key;

	if (ip_prefix_parse(from->block, &key) ||
	    (from->next_hop && ip_addr_parse(from->next_hop, &value.next_hop)))
		return -EINVAL;
	if (from->how == ROUTE_GROUP)
		value.ifindex = from->group;
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.route), &key, &value, 0);
}

int harness_put_group(struct harness *harness, uint32_t number, const struct hop_group *value)
{
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.hop_group), &number, value, 0);
}

int harness_set_group(struct harness *harness, const struct world_group *from)
{
	const size_t most = sizeof(from->hop) / sizeof(from->hop[0]);
	struct hop_group value = {};

	for (size_t i = 0; i < most && from->hop[i].addr; i++) {
		struct hop_group_hop *hop = &value.hop[value.count++];

		if (ip_addr_parse(from->hop[i].addr, &hop->addr))
			return -EINVAL;
		hop->seed = from->hop[i].seed;
		hop->ifindex = harness->wire.ifindex[from->hop[i].place];
		hop->mtu = from->hop[i].mtu;
		value.usable |= (uint32_t)from->hop[i].is_usable << i;
	}
	return harness_put_group(harness, from->number, &value);
}

static struct flow_key flow_key(const struct reference_flow *flow)
{
	struct flow_end from = { .port_be = htons(flow->from_port) };
	struct flow_end to = { .port_be = htons(flow->to_port) };
	struct flow_key key;

	memcpy(&from.addr, &flow->from, sizeof(from.addr));
	memcpy(&to.addr, &flow->to, sizeof(to.addr));
	flow_key_make(&from, &to, flow->protocol, &key);
	return key;
}

static int flow_map(const struct harness *harness, uint8_t protocol)
{
	return bpf_map__fd(protocol == TCP ? harness->live->maps.stack_tcp
					   : harness->live->maps.stack_other);
}

static int set_bit(struct harness *harness, const struct flow_key *key)
{
	int fd = bpf_map__fd(harness->live->maps.stack_filter);
	uint32_t bit = flow_key_bit(key);
	static struct stack_filter filter;
	const uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &filter))
		return -errno;
	filter.bits[filter.active][bit / 64] |= 1ull << bit % 64;
	return bpf_map_update_elem(fd, &zero, &filter, 0) ? -errno : 0;
}

static int put_flow(struct harness *harness, const struct world_flow *from)
{
	struct reference_flow flow = {
		.from_port = from->from_port,
		.to_port = from->to_port,
		.protocol = from->protocol,
	};
	const uint32_t now_s = 1;
	struct ip_addr addr[2];
	struct flow_key key;

	if (ip_addr_parse(from->from, &addr[0]) || ip_addr_parse(from->to, &addr[1]))
		return -EINVAL;
	memcpy(&flow.from, &addr[0], sizeof(flow.from));
	memcpy(&flow.to, &addr[1], sizeof(flow.to));
	key = flow_key(&flow);
	if (bpf_map_update_elem(flow_map(harness, flow.protocol), &key, &now_s, 0))
		return -errno;
	return set_bit(harness, &key);
}

static int put_flows(struct harness *harness)
{
	for (size_t i = 0; i < world_flow_count; i++) {
		if (put_flow(harness, &world_flow[i]))
			return -EINVAL;
	}
	return 0;
}

static unsigned int count_keys(int fd)
{
	struct flow_key key, *previous = NULL;
	unsigned int count = 0;

	while (bpf_map_get_next_key(fd, previous, &key) == 0) {
		previous = &key;
		count++;
	}
	return count;
}

int harness_swap_filter(struct harness *harness)
{
	int fd = bpf_map__fd(harness->live->maps.stack_filter);
	static struct stack_filter filter;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &filter))
		return -errno;
	filter.active = !filter.active;
	return bpf_map_update_elem(fd, &zero, &filter, 0) ? -errno : 0;
}

unsigned int harness_count_flows(struct harness *harness)
{
	return count_keys(bpf_map__fd(harness->live->maps.stack_tcp)) +
	       count_keys(bpf_map__fd(harness->live->maps.stack_other));
}

int harness_raise_generation(struct harness *harness)
{
	const uint32_t zero = 0;

	harness->generation++;
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.generation), &zero,
				   &harness->generation, 0);
}

static int fill_maps(struct harness *harness)
{
	/* The lengths of world_route, longest first, in bits of the mapped address. */
	const struct dataplane_settings settings = {
		.v4_count = 2,
		.v6_count = 2,
		.v4_bits = { 122, 120 },
		.v6_bits = { 106, 64 },
	};
	const uint32_t zero = 0;

	for (size_t i = 0; i < world_endpoint_count; i++) {
		if (put_endpoint(harness, &world_endpoint[i]))
			return -EINVAL;
	}
	for (size_t i = 0; i < world_route_count; i++) {
		if (put_route(harness, &world_route[i]))
			return -EINVAL;
	}
	for (size_t i = 0; i < world_group_count; i++) {
		if (harness_set_group(harness, &world_group[i]))
			return -EINVAL;
	}
	for (enum place place = POD_A; place <= POD_B; place++) {
		uint32_t number = counter_number(place);

		if (bpf_map_update_elem(bpf_map__fd(harness->live->maps.ep_slot),
					&harness->wire.ifindex[place], &number, 0))
			return -errno;
	}
	if (harness_raise_generation(harness) || put_flows(harness))
		return -errno;
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.settings), &zero, &settings, 0);
}

static int take_event(void *context, void *data, size_t size)
{
	struct harness *harness = context;

	if (harness->current && size >= sizeof(harness->current->event)) {
		memcpy(&harness->current->event, data, sizeof(harness->current->event));
		harness->current->events++;
	}
	return 0;
}

struct harness *harness_new(void)
{
	struct harness *harness = calloc(1, sizeof(*harness));
	const char *what = "memory";
	int err = -ENOMEM;

	if (!harness)
		goto out;
	harness->cpus = libbpf_num_possible_cpus();
	what = "network namespace with veth devices (root, iproute2)";
	err = wire_open(&harness->wire);
	if (err)
		goto out;
	what = "loading the BPF programs (CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON)";
	err = load_live(harness);
	if (!err)
		err = load_dry(harness);
	if (err)
		goto out;
	what = "filling the maps";
	err = fill_maps(harness);
	if (err)
		goto out;
	what = "ring buffer";
	harness->events = ring_buffer__new(bpf_map__fd(harness->live->maps.drop_event), take_event,
					   harness, NULL);
	err = harness->events ? 0 : -errno;
out:
	if (!err)
		return harness;
	fprintf(stderr, "packet tests need %s: %s\n", what, strerror(-err));
	harness_free(harness);
	return NULL;
}

struct harness *harness_new_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	return harness_new();
}

void harness_free(struct harness *harness)
{
	if (!harness)
		return;
	ring_buffer__free(harness->events);
	tortie_bpf__destroy(harness->dry);
	tortie_bpf__destroy(harness->live);
	wire_close(&harness->wire);
	free(harness);
}

static int program_fd(const struct tortie_bpf *copy, enum dataplane_hook hook)
{
	switch (hook) {
	case HOOK_FROM_POD:
		return bpf_program__fd(copy->progs.from_pod);
	case HOOK_TO_POD:
		return bpf_program__fd(copy->progs.to_pod);
	case HOOK_TO_NETWORK:
		return bpf_program__fd(copy->progs.to_network);
	default:
		return bpf_program__fd(copy->progs.from_network);
	}
}

int harness_program_fd(const struct harness *harness, enum dataplane_hook hook)
{
	return program_fd(harness->live, hook);
}

int harness_get_endpoint(struct harness *harness, const char *addr, struct endpoint_value *ret)
{
	struct ip_addr key;

	if (ip_addr_parse(addr, &key))
		return -EINVAL;
	return bpf_map_lookup_elem(bpf_map__fd(harness->live->maps.endpoint), &key, ret);
}

int harness_set_endpoint(struct harness *harness, const char *addr,
			 const struct endpoint_value *value)
{
	struct ip_addr key;

	if (ip_addr_parse(addr, &key))
		return -EINVAL;
	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.endpoint), &key, value, 0);
}

struct wire *harness_wire(struct harness *harness)
{
	return &harness->wire;
}

static int read_drops(struct harness *harness, struct observation *ret)
{
	int fd = bpf_map__fd(harness->live->maps.drop_counter);
	const uint64_t *value = (const void *)harness->per_cpu;

	for (uint32_t reason = 0; reason < DROP_REASON_COUNT; reason++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(fd, &reason, harness->per_cpu))
			return -errno;
		for (unsigned int cpu = 0; cpu < harness->cpus; cpu++)
			sum += value[cpu];
		ret->drops[reason] = sum - harness->drops[reason];
		harness->drops[reason] = sum;
	}
	return 0;
}

static int read_counters(struct harness *harness, enum place place, struct observation *ret)
{
	int fd = bpf_map__fd(harness->live->maps.ep_counter);
	const struct endpoint_counter *value = (const void *)harness->per_cpu;
	struct endpoint_counter *before = &harness->counted[place];
	struct endpoint_counter sum = {};
	uint32_t number = counter_number(place);

	if (bpf_map_lookup_elem(fd, &number, harness->per_cpu))
		return -errno;
	for (unsigned int cpu = 0; cpu < harness->cpus; cpu++) {
		sum.tx_packets += value[cpu].tx_packets;
		sum.tx_octets += value[cpu].tx_octets;
		sum.rx_packets += value[cpu].rx_packets;
		sum.rx_octets += value[cpu].rx_octets;
	}
	ret->counted[place] = (struct endpoint_counter){
		.tx_packets = sum.tx_packets - before->tx_packets,
		.tx_octets = sum.tx_octets - before->tx_octets,
		.rx_packets = sum.rx_packets - before->rx_packets,
		.rx_octets = sum.rx_octets - before->rx_octets,
	};
	*before = sum;
	return 0;
}

static int read_recorded(struct harness *harness, struct observation *ret)
{
	int fd = bpf_map__fd(harness->live->maps.stack_counter);
	const uint64_t *value = (const void *)harness->per_cpu;

	for (uint32_t index = 0; index < STACK_MAP_COUNT; index++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(fd, &index, harness->per_cpu))
			return -errno;
		for (unsigned int cpu = 0; cpu < harness->cpus; cpu++)
			sum += value[cpu];
		ret->recorded[index] = sum - harness->recorded[index];
		harness->recorded[index] = sum;
	}
	return 0;
}

/* So that a drop gives its sample, however many came before it in this second. */
static void forget_samples(struct harness *harness)
{
	static const uint8_t none[CPUS_MAX * 16];

	for (uint32_t reason = 0; reason < DROP_REASON_COUNT; reason++)
		bpf_map_update_elem(bpf_map__fd(harness->live->maps.drop_sample), &reason, none, 0);
}

static int run_by_test_run(struct harness *harness, const struct injection *in, int program_fd_,
			   struct observation *ret)
{
	struct __sk_buff context = {
		.ifindex = harness->wire.ifindex[in->place],
		.gso_size = in->gso_size,
		.ingress_ifindex = in->is_host_made ? 0 : ENTERED_BY,
		.cb[MARK_WORD] = in->is_redirected ? MARK_REDIRECTED : 0,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->frame->data,
		    .data_size_in = in->frame->len, .data_out = ret->out.data,
		    .data_size_out = sizeof(ret->out.data), .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .ctx_out = &context,
		    .ctx_size_out = sizeof(context), .repeat = 1);
	int err = bpf_prog_test_run_opts(program_fd_, &opts);

	ret->verdict = (int)opts.retval;
	ret->out.len = opts.data_size_out;
	ret->mark = context.cb[MARK_WORD];
	return err;
}

static int run_by_wire(struct harness *harness, const struct injection *in, int program_fd_,
		       struct observation *ret)
{
	bool is_egress = in->hook == HOOK_TO_POD;
	int err = wire_attach(&harness->wire, in->place, is_egress, program_fd_);

	if (err)
		return err;
	ret->is_from_wire = true;
	ret->out = *in->frame;
	err = wire_send_through(&harness->wire, in->place, in->frame, program_fd_);
	wire_detach(&harness->wire, in->place, is_egress);
	return err;
}

static bool ends_inside_ip_header(const struct frame *frame)
{
	size_t header = frame->data[12] == 0x86 ? IPV6_LEN : IPV4_LEN;

	return frame->len < ETHERNET_LEN + header;
}

/* On the wire the verdict is what the program did: told a drop, or counted one. */
static int verdict_from_wire(const struct observation *seen)
{
	const struct explain_trace *trace = &seen->trace;

	for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
		if (seen->drops[reason])
			return TC_ACT_SHOT;
	}
	if (trace->count && trace->step[trace->count - 1].id == EXPLAIN_DROPPED)
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

static int forget_trace(struct harness *harness)
{
	const struct explain_trace none = {};
	const uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(harness->live->maps.explain_trace), &zero, &none, 0);
}

int harness_run(struct harness *harness, const struct injection *in, bool is_dry_run,
		struct observation *ret)
{
	int fd = program_fd(is_dry_run ? harness->dry : harness->live, in->hook);
	const uint32_t zero = 0;
	int err;

	memset(ret, 0, sizeof(*ret));
	err = forget_trace(harness);
	if (!err)
		err = run_by_test_run(harness, in, fd, ret);
	if (err == -EINVAL && ends_inside_ip_header(in->frame))
		err = run_by_wire(harness, in, fd, ret);
	if (err)
		return err;
	harness->current = ret;
	ring_buffer__consume(harness->events);
	harness->current = NULL;
	err = read_drops(harness, ret);
	if (!err)
		err = read_counters(harness, POD_A, ret);
	if (!err)
		err = read_counters(harness, POD_B, ret);
	if (!err)
		err = read_recorded(harness, ret);
	if (!err)
		err = bpf_map_lookup_elem(bpf_map__fd(harness->live->maps.explain_trace), &zero,
					  &ret->trace);
	if (ret->is_from_wire)
		ret->verdict = verdict_from_wire(ret);
	return err;
}

static const char *complain(struct harness *harness, const char *what, long got, long want)
{
	snprintf(harness->complaint, sizeof(harness->complaint), "%s: got %ld, want %ld", what, got,
		 want);
	return harness->complaint;
}

static const char *compare_frames(struct harness *harness, const char *copy,
				  const struct frame *got, const struct frame *want)
{
	if (got->len != want->len)
		return complain(harness, "length of the frame out", got->len, want->len);
	for (size_t i = 0; i < want->len; i++) {
		if (got->data[i] == want->data[i])
			continue;
		snprintf(harness->complaint, sizeof(harness->complaint),
			 "%s copy: octet %zu of the frame out: got %02x, want %02x", copy, i,
			 got->data[i], want->data[i]);
		return harness->complaint;
	}
	return NULL;
}

static int verdict_code(enum verdict verdict)
{
	switch (verdict) {
	case TO_STACK:
		return TC_ACT_UNSPEC;
	case DROP:
		return TC_ACT_SHOT;
	default:
		return TC_ACT_REDIRECT;
	}
}

static const char *check_event(struct harness *harness, const struct injection *in,
			       const struct judgement *want, const struct observation *got)
{
	size_t head = in->frame->len < DROP_HEAD_LEN ? in->frame->len : DROP_HEAD_LEN;
	const struct drop_event *event = &got->event;

	if (got->events != (want->verdict == DROP))
		return complain(harness, "samples", got->events, want->verdict == DROP);
	if (!got->events)
		return NULL;
	if (event->reason != want->reason || event->hook != in->hook ||
	    event->ifindex != harness->wire.ifindex[in->place] || !event->time_ns)
		return complain(harness, "reason in the sample", event->reason, want->reason);
	if (event->packet_len != in->frame->len || event->head_len != head ||
	    memcmp(event->head, in->frame->data, head))
		return complain(harness, "head in the sample", event->head_len, head);
	return NULL;
}

/* Wanted counters of one pod for this frame. */
static struct endpoint_counter want_counted(const struct injection *in,
					    const struct judgement *want, enum place pod)
{
	struct endpoint_counter counter = {};

	if (in->hook == HOOK_FROM_POD && in->place == pod && want->verdict != DROP) {
		counter.tx_packets = 1;
		/* An answer grows or shrinks the frame before it is counted. */
		counter.tx_octets = want->verdict == ANSWER ? want->out.len : in->frame->len;
	}
	if ((want->verdict == TO_POD && want->place == pod) ||
	    (in->hook == HOOK_TO_POD && in->place == pod)) {
		counter.rx_packets = 1;
		counter.rx_octets = in->frame->len;
	}
	return counter;
}

/* Flows: what is wanted is there and was counted; nothing else was. */
static const char *check_recorded(struct harness *harness, const struct judgement *want,
				  const struct observation *got)
{
	uint64_t sum = got->recorded[STACK_TCP] + got->recorded[STACK_OTHER];
	enum stack_map map = want->flow.protocol == TCP ? STACK_TCP : STACK_OTHER;
	bool is_new = want->records && !reference_is_stack_flow(&want->flow);
	struct flow_key key = flow_key(&want->flow);
	uint32_t value;

	if (sum != is_new || got->recorded[map] != sum)
		return complain(harness, "flows recorded", sum, is_new);
	if (want->records &&
	    bpf_map_lookup_elem(flow_map(harness, want->flow.protocol), &key, &value))
		return complain(harness, "the flow is recorded", 0, 1);
	if (is_new && bpf_map_delete_elem(flow_map(harness, want->flow.protocol), &key))
		return complain(harness, "the flow can be deleted", 0, 1);
	return NULL;
}

static const char *check_live(struct harness *harness, const struct injection *in,
			      const struct judgement *want, const struct observation *got)
{
	struct endpoint_counter counter;
	const char *wrong;
	uint64_t count;

	if (got->verdict == TC_ACT_SHOT && want->verdict != DROP)
		return complain(harness, "dropped for reason", got->event.reason, want->reason);
	if (got->verdict != verdict_code(want->verdict))
		return complain(harness, "verdict", got->verdict, verdict_code(want->verdict));
	for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
		count = want->verdict == DROP && want->reason == (enum drop_reason)reason;
		if (got->drops[reason] != count)
			return complain(harness, "drop counted under another reason", reason,
					want->reason);
	}
	for (enum place pod = POD_A; pod <= POD_B; pod++) {
		counter = want_counted(in, want, pod);
		if (memcmp(&got->counted[pod], &counter, sizeof(counter)))
			return complain(harness, "counters of pod", got->counted[pod].rx_packets,
					counter.rx_packets);
	}
	if (!got->is_from_wire &&
	    got->mark != (want->verdict == TO_NEXT_HOP && world_is_beside ? MARK_REDIRECTED : 0))
		return complain(harness, "mark of redirected packets", got->mark, 0);
	wrong = check_recorded(harness, want, got);
	return wrong ? wrong : check_event(harness, in, want, got);
}

static bool has_step(const struct explain_trace *trace, uint32_t id)
{
	for (uint32_t i = 0; i < trace->count && i < EXPLAIN_STEPS_MAX; i++) {
		if (trace->step[i].id == id)
			return true;
	}
	return false;
}

static const char *check_last_step(struct harness *harness, const struct injection *in,
				   const struct judgement *want, const struct explain_trace *trace)
{
	static const uint32_t id_of[] = {
		[TO_STACK] = EXPLAIN_TO_STACK, [DROP] = EXPLAIN_DROPPED,
		[TO_POD] = EXPLAIN_TO_PEER,    [TO_NEXT_HOP] = EXPLAIN_TO_NEIGHBOUR,
		[ANSWER] = EXPLAIN_ANSWERED,
	};
	uint32_t id = in->hook == HOOK_TO_POD	    ? EXPLAIN_PASSED
		      : in->hook == HOOK_TO_NETWORK ? EXPLAIN_LEAVES
						    : id_of[want->verdict];
	const struct explain_step *last;

	if (!trace->count || trace->count > EXPLAIN_STEPS_MAX)
		return complain(harness, "steps told", trace->count, 1);
	last = &trace->step[trace->count - 1];
	if (last->id != id)
		return complain(harness, "last step told", last->id, id);
	if (want->verdict == DROP && last->detail != want->reason)
		return complain(harness, "reason told", last->detail, want->reason);
	if ((want->verdict == TO_POD || want->verdict == TO_NEXT_HOP) &&
	    last->detail != harness->wire.ifindex[want->place])
		return complain(harness, "device told", last->detail,
				harness->wire.ifindex[want->place]);
	if (has_step(trace, EXPLAIN_RECORDED) != want->records)
		return complain(harness, "recording told", !want->records, want->records);
	if (want->verdict == TO_NEXT_HOP && !ip_addr_equal(&last->addr, &want->next_hop))
		return complain(harness, "last word of the next hop told", last->addr.word[3],
				want->next_hop.word[3]);
	return NULL;
}

static const char *check_dry(struct harness *harness, const struct injection *in,
			     const struct judgement *want, const struct observation *got)
{
	static const struct observation nothing;

	if (got->verdict != verdict_code(want->verdict))
		return complain(harness, "verdict of the dry-run copy", got->verdict,
				verdict_code(want->verdict));
	if (got->events || memcmp(got->drops, nothing.drops, sizeof(got->drops)) ||
	    memcmp(got->counted, nothing.counted, sizeof(got->counted)) ||
	    memcmp(got->recorded, nothing.recorded, sizeof(got->recorded)))
		return complain(harness, "the dry-run copy counted", 1, 0);
	return check_last_step(harness, in, want, &got->trace);
}

const char *harness_check(struct harness *harness, const struct injection *in,
			  const struct judgement *want)
{
	struct observation got;
	const char *wrong;
	int err;

	if (want->verdict == DROP)
		forget_samples(harness);
	err = harness_run(harness, in, false, &got);
	if (err)
		return complain(harness, "BPF_PROG_TEST_RUN", err, 0);
	wrong = check_live(harness, in, want, &got);
	if (!wrong)
		wrong = compare_frames(harness, "live", &got.out, &want->out);
	if (wrong)
		return wrong;
	err = harness_run(harness, in, true, &got);
	if (err)
		return complain(harness, "BPF_PROG_TEST_RUN of the dry-run copy", err, 0);
	wrong = check_dry(harness, in, want, &got);
	if (!wrong)
		wrong = compare_frames(harness, "dry-run", &got.out, in->frame);
	return wrong;
}
