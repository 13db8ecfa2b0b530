/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.c: what must happen to a packet, told from the rules and the RFCs, not from bpf/.
 *
 * It works on octets at fixed places, walks lists where the programs use maps, and shares no code
 * or header with them but the numbers of the drop reasons. Speed is nothing here; being easy to
 * check against docs/packet-path.md is all.
 */
#include "tests/bpf/reference.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_REASON DROP_NONE

struct view {
	const struct frame *frame;
	uint32_t gso_size;
	int family; /* 4 or 6 */
	struct in6_addr from, to;
	uint8_t protocol, ttl;
	size_t at;   /* transport header */
	size_t left; /* octets from there to the end of the packet */
	size_t transport_len;
	bool options;
	bool fragment, later_fragment, overwrites_tcp;
};

static uint16_t get_16(const struct frame *frame, size_t offset)
{
	return frame->data[offset] << 8 | frame->data[offset + 1];
}

static struct in6_addr from_text(const char *text)
{
	struct in6_addr addr;
	char mapped[64];

	if (!strchr(text, ':')) {
		snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
		text = mapped;
	}
	if (inet_pton(AF_INET6, text, &addr) != 1)
		abort();
	return addr;
}

static struct in6_addr from_ipv4(const uint8_t *octets)
{
	struct in6_addr addr = { { { [10] = 0xff, [11] = 0xff } } };

	memcpy(addr.s6_addr + 12, octets, 4);
	return addr;
}

static bool is_mapped(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_V4MAPPED(addr);
}

static bool same(const struct in6_addr *a, const struct in6_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool has_text(const struct in6_addr *addr, const char *text)
{
	struct in6_addr other = from_text(text);

	return same(addr, &other);
}

static const struct world_endpoint *find_endpoint(const struct in6_addr *addr)
{
	for (size_t i = 0; i < world_endpoint_count; i++) {
		if (has_text(addr, world_endpoint[i].addr))
			return &world_endpoint[i];
	}
	return NULL;
}

/* The pod that owns @addr, NOWHERE if none does. */
static enum place find_pod(const struct in6_addr *addr)
{
	const struct world_endpoint *endpoint = find_endpoint(addr);

	return endpoint ? endpoint->place : NOWHERE;
}

static bool block_holds(const char *block, const struct in6_addr *addr, int *ret_bits)
{
	char text[64];
	struct in6_addr base;
	int bits;

	snprintf(text, sizeof(text), "%s", block);
	bits = atoi(strchr(text, '/') + 1);
	*strchr(text, '/') = '\0';
	base = from_text(text);
	if (is_mapped(&base))
		bits += 96;
	for (int i = 0; i < bits; i++) {
		int mask = 0x80 >> i % 8;

		if ((base.s6_addr[i / 8] & mask) != (addr->s6_addr[i / 8] & mask))
			return false;
	}
	*ret_bits = bits;
	return true;
}

static const struct world_route *find_route(const struct in6_addr *addr)
{
	const struct world_route *best = NULL;
	int best_bits = -1;
	int bits;

	for (size_t i = 0; i < world_route_count; i++) {
		if (block_holds(world_route[i].block, addr, &bits) && bits > best_bits) {
			best = &world_route[i];
			best_bits = bits;
		}
	}
	return best;
}

static bool route_usable(const struct world_route *route, int family)
{
	if (route && route->how == ROUTE_GROUP)
		return true;
	if (!route || route->how != ROUTE_DIRECT)
		return false;
	return family == 4 || strchr(route->next_hop, ':');
}

/* RFC 791 section 3.1. */
static enum drop_reason read_ipv4(struct view *v)
{
	const uint8_t *ip = v->frame->data + 14;
	size_t room = v->frame->len - 14;
	size_t head, total;
	uint16_t fragment;

	if (room < 20)
		return DROP_TRUNCATED;
	head = (ip[0] & 0x0f) * 4;
	total = get_16(v->frame, 16);
	if (total == 0 && v->gso_size)
		total = room;
	if (ip[0] >> 4 != 4 || head < 20 || total < head || total > room)
		return DROP_IPV4_HEADER;
	fragment = get_16(v->frame, 20);
	v->family = 4;
	v->from = from_ipv4(ip + 12);
	v->to = from_ipv4(ip + 16);
	v->protocol = ip[9];
	v->ttl = ip[8];
	v->at = 14 + head;
	v->left = total - head;
	v->options = head > 20;
	v->later_fragment = fragment & 0x1fff;
	v->fragment = v->later_fragment || fragment & 0x2000;
	v->overwrites_tcp = (fragment & 0x1fff) == 1 && v->protocol == 6;
	return NO_REASON;
}

static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135;
}

/* RFC 8200 section 3; jumbo payloads as the kernel makes them, RFC 2675. */
static enum drop_reason read_ipv6(struct view *v)
{
	static const uint8_t jumbo[4] = { 6, 0, 0xc2, 4 };
	const uint8_t *ip = v->frame->data + 14;
	size_t room = v->frame->len - 14;
	size_t payload;
	bool big;

	if (room < 40)
		return DROP_TRUNCATED;
	payload = get_16(v->frame, 18);
	big = payload == 0 && v->gso_size;
	if (big)
		payload = room - 40;
	if (ip[0] >> 4 != 6 || payload + 40 > room)
		return DROP_IPV6_HEADER;
	v->family = 6;
	memcpy(&v->from, ip + 8, 16);
	memcpy(&v->to, ip + 24, 16);
	if (is_mapped(&v->from) || is_mapped(&v->to))
		return DROP_MARTIAN;
	v->protocol = ip[6];
	v->ttl = ip[7];
	v->at = 54;
	v->left = payload;
	if (big && v->protocol == 0 && payload >= 8 && !memcmp(ip + 40, jumbo, 4)) {
		v->protocol = 6;
		v->at += 8;
		v->left -= 8;
	}
	v->options = is_extension(v->protocol);
	return NO_REASON;
}

/* Ethernet type and IP header; ARP leaves family 0. */
static enum drop_reason read_frame(struct view *v)
{
	if (v->frame->len < 14)
		return DROP_TRUNCATED;
	switch (get_16(v->frame, 12)) {
	case 0x0800:
		return read_ipv4(v);
	case 0x86dd:
		return read_ipv6(v);
	case 0x0806:
		return NO_REASON;
	default:
		return DROP_ETHERTYPE;
	}
}

/* RFC 8200 section 4, RFC 4302 for the length of AH. */
static enum drop_reason skip_extensions(struct view *v)
{
	for (int n = 0; is_extension(v->protocol) && !v->later_fragment; n++) {
		const uint8_t *header = v->frame->data + v->at;
		size_t len;

		if (n == 8 || v->left < 8)
			return DROP_IPV6_EXTENSION;
		len = header[1] * 8 + 8;
		if (v->protocol == 51)
			len = header[1] * 4 + 8;
		if (v->protocol == 44) {
			len = 8;
			v->later_fragment = (header[2] << 8 | header[3]) & 0xfff8;
		}
		if (len > v->left)
			return DROP_IPV6_EXTENSION;
		v->protocol = header[0];
		v->at += len;
		v->left -= len;
	}
	return NO_REASON;
}

static enum drop_reason check_transport(struct view *v)
{
	enum drop_reason reason = NO_REASON;
	size_t least = 0;

	if (v->family == 6 && v->options)
		reason = skip_extensions(v);
	if (reason)
		return reason;
	if (v->later_fragment)
		return v->overwrites_tcp ? DROP_TRANSPORT_HEADER : NO_REASON;
	if (v->protocol == 17 || v->protocol == 1 || v->protocol == 58)
		least = 8;
	if (v->protocol == 132)
		least = 12;
	if (v->protocol == 6)
		least = 20;
	if (v->left < least)
		return DROP_TRANSPORT_HEADER;
	if (v->protocol == 6) {
		least = (v->frame->data[v->at + 12] >> 4) * 4;
		if (least < 20 || least > v->left)
			return DROP_TRANSPORT_HEADER;
	}
	v->transport_len = least;
	return NO_REASON;
}

/* Does the frame come from the pod at @place, that owns @addr? */
static bool is_sent_by(const struct frame *frame, enum place place, const struct in6_addr *addr)
{
	return place != NOWHERE && find_pod(addr) == place &&
	       !memcmp(frame->data + 6, pod_mac[place], 6);
}

/* RFC 826, request for 169.254.1.1 and its answer. */
static void judge_arp(enum place place, const struct frame *in, struct judgement *ret)
{
	static const uint8_t request[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	static const uint8_t gateway[4] = { 169, 254, 1, 1 };
	struct in6_addr sender;

	ret->verdict = DROP;
	ret->reason = DROP_TRUNCATED;
	if (in->len < 42)
		return;
	ret->reason = DROP_ARP;
	sender = from_ipv4(in->data + 28);
	if (memcmp(in->data + 14, request, 8) || memcmp(in->data + 38, gateway, 4) ||
	    memcmp(in->data + 22, in->data + 6, 6) || !is_sent_by(in, place, &sender))
		return;
	ret->verdict = ANSWER;
	ret->place = place;
	memcpy(ret->out.data, pod_mac[place], 6);
	memcpy(ret->out.data + 6, gateway_mac, 6);
	ret->out.data[21] = 2;
	memcpy(ret->out.data + 22, gateway_mac, 6);
	memcpy(ret->out.data + 28, gateway, 4);
	memcpy(ret->out.data + 32, pod_mac[place], 6);
	memcpy(ret->out.data + 38, in->data + 28, 4);
}

/* RFC 4861 section 4.4: router, solicited, override; with the target's link-layer address. */
static void write_advertisement(enum place place, const struct in6_addr *gateway, struct frame *out)
{
	struct in6_addr pod;
	uint16_t sum;

	memcpy(&pod, out->data + 22, 16);
	memcpy(out->data, pod_mac[place], 6);
	memcpy(out->data + 6, gateway_mac, 6);
	out->data[18] = 0;
	out->data[19] = 32;
	memcpy(out->data + 22, gateway, 16);
	memcpy(out->data + 38, &pod, 16);
	memset(out->data + 54, 0, 32);
	out->data[54] = 136;
	out->data[58] = 0xe0;
	memcpy(out->data + 62, gateway, 16);
	out->data[78] = 2;
	out->data[79] = 1;
	memcpy(out->data + 80, gateway_mac, 6);
	out->len = 86;
	sum = ~frame_sum(out->data + 22, 64, 32 + 58);
	out->data[56] = sum >> 8;
	out->data[57] = sum & 0xff;
}

/* RFC 4861 sections 4.3 and 7.1.1. */
static void judge_solicitation(struct view *v, enum place place, struct judgement *ret)
{
	struct in6_addr gateway = from_text("fe80::ecee:eeff:feee:eeee");

	ret->verdict = DROP;
	ret->reason = DROP_ND;
	if (v->options || v->left < 24 || v->ttl != 255 || v->frame->data[55] != 0 ||
	    memcmp(v->frame->data + 62, &gateway, 16) || !is_sent_by(v->frame, place, &v->from))
		return;
	ret->verdict = ANSWER;
	ret->place = place;
	write_advertisement(place, &gateway, &ret->out);
}

/* --- flows of the host stack, with kube-proxy beside us --- */

/*
 * The ports of @ret, whose addresses and protocol are known, from the transport header at @at with
 * @left octets: as conntrack takes them (an echo's identifier for both). False when the packet ends
 * before.
 */
static bool read_ports(const struct view *v, size_t at, size_t left, struct reference_flow *ret)
{
	uint8_t type = v->frame->data[at];

	switch (ret->protocol) {
	case 6:
	case 17:
	case 33:
	case 132:
	case 136:
		ret->from_port = get_16(v->frame, at);
		ret->to_port = get_16(v->frame, at + 2);
		return left >= 4;
	case 1:
	case 58:
		if ((ret->protocol == 1) != (v->family == 4))
			return true;
		if (ret->protocol == 1 ? type == 0 || type == 8 : type == 128 || type == 129)
			ret->from_port = ret->to_port = get_16(v->frame, at + 4);
		return left >= 8;
	default:
		return true;
	}
}

bool reference_is_stack_flow(const struct reference_flow *flow)
{
	for (size_t i = 0; i < world_flow_count; i++) {
		const struct world_flow *one = &world_flow[i];

		if (one->protocol != flow->protocol)
			continue;
		if (has_text(&flow->from, one->from) && has_text(&flow->to, one->to) &&
		    flow->from_port == one->from_port && flow->to_port == one->to_port)
			return true;
		if (has_text(&flow->to, one->from) && has_text(&flow->from, one->to) &&
		    flow->to_port == one->from_port && flow->from_port == one->to_port)
			return true;
	}
	return false;
}

/* The flow that an ICMP error is about. False when the quotation does not tell. */
static bool read_quoted_flow(const struct view *v, struct reference_flow *ret)
{
	const uint8_t *quoted = v->frame->data + v->at + 8;
	size_t head = 40;

	*ret = (struct reference_flow){ 0 };
	if (v->family == 4) {
		head = (quoted[0] & 0x0f) * 4;
		if (v->left < 8 + 20 || quoted[0] >> 4 != 4 || head < 20 || v->left < 8 + head ||
		    (get_16(v->frame, v->at + 8 + 6) & 0x3fff))
			return false;
		ret->from = from_ipv4(quoted + 12);
		ret->to = from_ipv4(quoted + 16);
		ret->protocol = quoted[9];
	} else {
		if (v->left < 8 + 40 || quoted[0] >> 4 != 6 || is_extension(quoted[6]))
			return false;
		memcpy(&ret->from, quoted + 8, 16);
		memcpy(&ret->to, quoted + 24, 16);
		if (is_mapped(&ret->to))
			return false;
		ret->protocol = quoted[6];
	}
	return read_ports(v, v->at + 8 + head, v->left - 8 - head, ret);
}

static bool is_icmp_error_type(const struct view *v)
{
	uint8_t type = v->frame->data[v->at];

	if (v->left < 8)
		return false;
	if (v->family == 4)
		return v->protocol == 1 && (type == 3 || type == 4 || type == 11 || type == 12);
	return v->protocol == 58 && type < 128;
}

static bool is_icmp_error(const struct view *v)
{
	return !v->fragment && is_icmp_error_type(v);
}

/* Must the stack have it, since it has the flow, or since nobody can tell? */
static bool belongs_to_stack(const struct view *v)
{
	struct reference_flow flow = { .from = v->from, .to = v->to, .protocol = v->protocol };
	bool is_told;

	if (!world_is_beside)
		return false;
	if (v->fragment)
		return true;
	is_told = is_icmp_error(v) ? read_quoted_flow(v, &flow)
				   : read_ports(v, v->at, v->left, &flow);
	return !is_told || reference_is_stack_flow(&flow);
}

static bool is_pod_somewhere(const struct in6_addr *addr)
{
	return find_pod(addr) != NOWHERE || find_route(addr);
}

/* What the stack lets out: which flow is it? */
static void judge_egress(struct view *v, bool to_network, struct judgement *ret)
{
	if (!world_is_beside || read_frame(v) || !v->family || !is_pod_somewhere(&v->from) ||
	    (to_network && !is_pod_somewhere(&v->to)))
		return;
	if (v->family == 6 && v->options && skip_extensions(v))
		return;
	if (v->later_fragment || is_icmp_error_type(v))
		return;
	ret->flow =
		(struct reference_flow){ .from = v->from, .to = v->to, .protocol = v->protocol };
	ret->records = read_ports(v, v->at, v->left, &ret->flow);
}

/* True when the packet's way ends here. */
static bool judge_gateway(struct view *v, enum place place, struct judgement *ret)
{
	uint8_t type = v->frame->data[v->at];

	if (v->later_fragment)
		return false;
	ret->verdict = DROP;
	if (v->protocol == 17) {
		uint16_t source = get_16(v->frame, v->at);
		uint16_t dest = get_16(v->frame, v->at + 2);

		ret->reason = DROP_DHCP_SERVER;
		return v->family == 4 ? source == 67 && dest == 68 : source == 547 && dest == 546;
	}
	if (v->family == 4 && v->protocol == 1) {
		ret->reason = DROP_ROUTER_ADVERTISEMENT;
		return type == 5 || type == 9;
	}
	if (v->family == 4 || v->protocol != 58)
		return false;
	if (type == 135) {
		judge_solicitation(v, place, ret);
		return true;
	}
	ret->reason = type == 134 || type == 137 ? DROP_ROUTER_ADVERTISEMENT : DROP_ND;
	return type >= 133 && type <= 137;
}

static enum drop_reason check_source(const struct view *v, enum place place)
{
	enum place owner = find_pod(&v->from);

	if (owner == NOWHERE && (has_text(&v->from, "::") || has_text(&v->from, "0.0.0.0")))
		return DROP_SOURCE_UNSPECIFIED;
	if (owner == NOWHERE)
		return DROP_SOURCE_UNKNOWN;
	if (owner != place)
		return DROP_SOURCE_LINK;
	return memcmp(v->frame->data + 6, pod_mac[place], 6) ? DROP_SOURCE_MAC : NO_REASON;
}

static bool is_martian(const struct view *v)
{
	if (v->family == 4)
		return v->to.s6_addr[12] == 127 || v->to.s6_addr[12] == 0;
	return has_text(&v->to, "::") || has_text(&v->to, "::1");
}

static bool is_too_large(const struct view *v, const struct world_route *route)
{
	/* The segments' headers; a jumbo option is gone when the packet is cut (RFC 2675 section 3:
	 * no use below 64 KiB). */
	if (v->gso_size == 0xffff) /* GSO_BY_FRAGS: parts of SCTP, which no test has longer */
		return false;
	if (v->gso_size)
		return (v->family == 4 ? 20 : 40) + v->transport_len + v->gso_size > route->mtu;
	return v->frame->len - 14 > route->mtu;
}

/* RFC 1812 section 5.3.1, RFC 8200: one hop less; RFC 1624: the checksum follows. */
static void write_hop(const struct view *v, struct frame *out)
{
	uint32_t sum;

	if (v->family == 6) {
		out->data[21]--;
		return;
	}
	out->data[22]--;
	/* Equation 3: HC' = ~(~HC + ~m + m'), m the word of TTL and protocol. */
	sum = (uint16_t)~get_16(v->frame, 24) + (uint16_t)~get_16(v->frame, 22) + get_16(out, 22);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	out->data[24] = (uint8_t)(~sum >> 8);
	out->data[25] = ~sum & 0xff;
}

static void deliver_to_pod(const struct view *v, enum place pod, struct judgement *ret)
{
	ret->verdict = TO_POD;
	ret->place = pod;
	write_hop(v, &ret->out);
	memcpy(ret->out.data, pod_mac[pod], 6);
	memcpy(ret->out.data + 6, gateway_mac, 6);
}

static void deliver_to_next_hop(const struct view *v, const struct world_route *route,
				struct judgement *ret)
{
	struct in6_addr next_hop = from_text(route->next_hop);

	ret->verdict = TO_NEXT_HOP;
	ret->place = route->place;
	memcpy(&ret->next_hop, &next_hop, sizeof(next_hop));
	write_hop(v, &ret->out);
}

/* As include/dataplane_abi.h says it, with numbers twice as long that are cut. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = (uint64_t)((unsigned __int128)(a ^ b) * 11400714819323198485ull);

	return x ^ x >> 32;
}

static uint64_t octets_as_number(const uint8_t *octets, size_t count)
{
	uint64_t number = 0;

	memcpy(&number, octets, count); /* of a machine of either kind: a whole word */
	return number;
}

static uint64_t number_of_flow(const struct view *v)
{
	static const uint8_t with_ports[] = { 6, 17, 33, 132, 136 }; /* IANA */
	uint32_t ports = 0;
	uint64_t flow;

	for (size_t i = 0; i < sizeof(with_ports); i++) {
		if (v->protocol == with_ports[i] && !v->fragment)
			memcpy(&ports, v->frame->data + v->at, sizeof(ports));
	}
	flow = mix(0, octets_as_number(v->from.s6_addr, 8));
	flow = mix(flow, octets_as_number(v->from.s6_addr + 8, 8));
	flow = mix(flow, octets_as_number(v->to.s6_addr, 8));
	flow = mix(flow, octets_as_number(v->to.s6_addr + 8, 8));
	return mix(flow, (uint64_t)v->protocol << 32 | ports);
}

const struct world_hop *reference_choose(const struct world_group *group, uint64_t flow)
{
	const size_t most = sizeof(group->hop) / sizeof(group->hop[0]);
	const struct world_hop *best = NULL;
	uint32_t best_score = 0;

	for (size_t i = 0; i < most && group->hop[i].addr; i++) {
		const struct world_hop *hop = &group->hop[i];
		uint32_t score = mix(mix(flow, hop->seed), hop->seed) >> 32;

		if (!hop->is_usable || (best && score <= best_score))
			continue;
		best = hop;
		best_score = score;
	}
	return best;
}

/* The route with the next hop that the packet's flow takes; false where there is none. */
static bool choose_hop(const struct view *v, const struct world_route *route,
		       struct world_route *ret)
{
	const struct world_hop *hop = NULL;

	*ret = *route;
	if (route->how != ROUTE_GROUP)
		return true;
	for (size_t i = 0; i < world_group_count; i++) {
		if (world_group[i].number == route->group)
			hop = reference_choose(&world_group[i], number_of_flow(v));
	}
	if (!hop || (v->family == 6 && !strchr(hop->addr, ':')))
		return false;
	ret->next_hop = hop->addr;
	ret->place = hop->place;
	ret->mtu = hop->mtu;
	return true;
}

static void drop(struct judgement *ret, enum drop_reason reason)
{
	ret->verdict = DROP;
	ret->reason = reason;
}

static void judge_destination(struct view *v, enum place place, struct judgement *ret)
{
	const struct world_endpoint *endpoint = find_endpoint(&v->to);
	const struct world_route *route = NULL;
	struct world_route chosen;

	ret->verdict = TO_STACK;
	if (endpoint && endpoint->place == NOWHERE)
		return;
	if (endpoint && endpoint->place == place) {
		drop(ret, DROP_MARTIAN);
		return;
	}
	if (!endpoint) {
		route = find_route(&v->to);
		if (!route && is_martian(v))
			drop(ret, DROP_MARTIAN);
		if (!route_usable(route, v->family) || !choose_hop(v, route, &chosen))
			return;
		route = &chosen;
	}
	if (v->options || v->ttl <= 1 || (route && is_too_large(v, route)) || belongs_to_stack(v))
		return;
	if (endpoint) {
		deliver_to_pod(v, endpoint->place, ret);
		return;
	}
	if (route->place == NOWHERE) {
		drop(ret, DROP_INTERNAL);
		return;
	}
	deliver_to_next_hop(v, route, ret);
}

static void judge_from_pod(struct view *v, enum place place, struct judgement *ret)
{
	enum drop_reason reason = read_frame(v);

	if (!reason && !v->family) {
		judge_arp(place, v->frame, ret);
		return;
	}
	if (!reason)
		reason = check_transport(v);
	if (reason) {
		drop(ret, reason);
		return;
	}
	if (judge_gateway(v, place, ret))
		return;
	ret->reason = NO_REASON;
	reason = check_source(v, place);
	if (reason)
		drop(ret, reason);
	else
		judge_destination(v, place, ret);
}

/* Destination of the packet that an ICMP error quotes, if the receiver of the error sent it. */
static bool read_quoted(const struct view *v, struct in6_addr *ret)
{
	const uint8_t *quoted = v->frame->data + v->at + 8;
	struct in6_addr from;

	if (v->family == 4) {
		if (v->left < 8 + 20 || quoted[0] >> 4 != 4)
			return false;
		from = from_ipv4(quoted + 12);
		*ret = from_ipv4(quoted + 16);
	} else {
		if (v->left < 8 + 40 || quoted[0] >> 4 != 6)
			return false;
		memcpy(&from, quoted + 8, 16);
		memcpy(ret, quoted + 24, 16);
		if (is_mapped(ret))
			return false;
	}
	return same(&from, &v->to);
}

static void judge_from_network(struct view *v, struct judgement *ret)
{
	struct in6_addr other;
	enum place pod;

	ret->verdict = TO_STACK;
	if (v->frame->len < 14 || memcmp(v->frame->data, uplink_mac, 6) || read_frame(v) ||
	    !v->family)
		return;
	if (find_pod(&v->from) != NOWHERE) {
		drop(ret, DROP_NETWORK_SPOOF);
		return;
	}
	pod = find_pod(&v->to);
	if (pod == NOWHERE)
		return;
	other = v->from;
	if (is_icmp_error(v) && !read_quoted(v, &other))
		return;
	if (!route_usable(find_route(&other), v->family) || v->options || v->ttl <= 1 ||
	    belongs_to_stack(v))
		return;
	deliver_to_pod(v, pod, ret);
}

void reference_judge(enum dataplane_hook hook, enum place place, const struct frame *in,
		     uint32_t gso_size, struct judgement *ret)
{
	struct view v = { .frame = in, .gso_size = gso_size };

	memset(ret, 0, sizeof(*ret));
	ret->verdict = TO_STACK;
	ret->out = *in;
	if (hook == HOOK_FROM_POD)
		judge_from_pod(&v, place, ret);
	else if (hook == HOOK_FROM_NETWORK)
		judge_from_network(&v, ret);
	else
		judge_egress(&v, hook == HOOK_TO_NETWORK, ret);
	if (ret->verdict != DROP)
		ret->reason = NO_REASON;
}
