/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c: real devices for the packet tests.
 *
 *	 namespace of the node		  namespace of the pods
 *	POD_A	ttA   ee:ee:ee:ee:ee:ee ---- ttA-p
 *	POD_B	ttB   ee:ee:ee:ee:ee:ee ---- ttB-p
 *	UPLINK	ttU ------------------------ ttU-p
 *
 * Two namespaces, because redirect_peer wants its target in another one. Both go with the process.
 * The next hops of world_route have permanent neighbour entries with the router's MAC.
 */
#include "tests/bpf/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define DEADLINE_MS 2000
#define HANDLE	    1
#define PRIORITY    1

static const char *const device[PLACE_COUNT] = {
	[POD_A] = "ttA", [POD_B] = "ttB", [UPLINK] = "ttU"
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

static int run(const char *command)
{
	return system(command) ? -EIO : 0;
}

static void format_mac(const uint8_t *mac, char *text, size_t size)
{
	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
}

static int make_device(const struct wire *wire, const char *name, const uint8_t *mac,
		       const uint8_t *peer_mac)
{
	char command[512], mac_text[18], peer_text[18];

	format_mac(mac, mac_text, sizeof(mac_text));
	format_mac(peer_mac, peer_text, sizeof(peer_text));
	snprintf(command, sizeof(command),
		 "ip link add %s mtu 9000 address %s type veth"
		 " peer name %s-p mtu 9000 address %s netns /proc/%d/fd/%d"
		 " && ip link set %s addrgenmode none && ip link set %s up",
		 name, mac_text, name, peer_text, getpid(), wire->pods_ns, name, name);
	return run(command);
}

static int make_neighbour(const char *addr)
{
	char command[256], mac_text[18];

	if (!addr)
		return 0;
	format_mac(router_mac, mac_text, sizeof(mac_text));
	snprintf(command, sizeof(command), "ip neigh replace %s lladdr %s dev ttU nud permanent",
		 addr, mac_text);
	return run(command);
}

static int make_neighbours(void)
{
	int err = 0;

	for (size_t i = 0; i < world_route_count && !err; i++)
		err = make_neighbour(world_route[i].next_hop);
	for (size_t i = 0; i < world_group_count && !err; i++) {
		for (size_t j = 0; world_group[i].hop[j].addr && !err; j++)
			err = make_neighbour(world_group[i].hop[j].addr);
	}
	return err;
}

static int open_socket(enum place place)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_ALL) };
	char name[IFNAMSIZ];
	int fd;

	snprintf(name, sizeof(name), "%s-p", device[place]);
	to.sll_ifindex = if_nametoindex(name);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -errno : fd;
}

/* In the pods' namespace: devices up, without words of their own, and a socket on each. */
static int open_pods_side(struct wire *wire)
{
	char command[256];
	int err = 0;

	for (enum place place = POD_A; place < PLACE_COUNT && !err; place++) {
		snprintf(
			command, sizeof(command),
			"echo 1 > /proc/sys/net/ipv6/conf/%s-p/disable_ipv6 && ip link set %s-p up",
			device[place], device[place]);
		err = run(command);
		if (err)
			break;
		wire->socket[place] = open_socket(place);
		if (wire->socket[place] < 0)
			err = wire->socket[place];
	}
	return err;
}

static int open_namespaces(struct wire *wire)
{
	if (unshare(CLONE_NEWNET))
		return -errno;
	wire->pods_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (wire->pods_ns < 0 || unshare(CLONE_NEWNET))
		return -errno;
	wire->node_ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return wire->node_ns < 0 ? -errno : 0;
}

int wire_open(struct wire *ret)
{
	int err;

	*ret = (struct wire){ -1, -1, .socket = { -1, -1, -1, -1 }, .stats = -1 };
	err = open_namespaces(ret);
	if (err)
		return err;
	if (make_device(ret, "ttA", gateway_mac, pod_mac[POD_A]) ||
	    make_device(ret, "ttB", gateway_mac, pod_mac[POD_B]) ||
	    make_device(ret, "ttU", uplink_mac, router_mac) || make_neighbours())
		return -EIO;
	for (enum place place = POD_A; place < PLACE_COUNT; place++)
		ret->ifindex[place] = if_nametoindex(device[place]);
	if (setns(ret->pods_ns, CLONE_NEWNET))
		return -errno;
	err = open_pods_side(ret);
	if (setns(ret->node_ns, CLONE_NEWNET))
		return -errno;
	ret->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void wire_close(struct wire *wire)
{
	for (enum place place = POD_A; place < PLACE_COUNT; place++)
		close_fd(wire->socket[place]);
	close_fd(wire->stats);
	close_fd(wire->node_ns);
	close_fd(wire->pods_ns);
}

int wire_attach(struct wire *wire, enum place place, bool is_egress, int program_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = wire->ifindex[place],
		    .attach_point = is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program_fd, .handle = HANDLE,
		    .priority = PRIORITY, .flags = BPF_TC_F_REPLACE);
	int err;

	if (!wire->has_hook[place]) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		err = bpf_tc_hook_create(&hook);
		if (err)
			return err;
		wire->has_hook[place] = true;
		hook.attach_point = is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
	}
	return bpf_tc_attach(&hook, &opts);
}

int wire_detach(struct wire *wire, enum place place, bool is_egress)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = wire->ifindex[place],
		    .attach_point = is_egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

int wire_send(struct wire *wire, enum place place, const struct frame *frame)
{
	ssize_t sent = send(wire->socket[place], frame->data, frame->len, 0);

	if (sent < 0)
		return -errno;
	return (size_t)sent == frame->len ? 0 : -EIO;
}

static uint64_t run_count(int program_fd)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(program_fd, &info, &len) ? 0 : info.run_cnt;
}

int wire_send_through(struct wire *wire, enum place place, const struct frame *frame,
		      int program_fd)
{
	uint64_t before = run_count(program_fd);
	int64_t deadline = now_ms() + DEADLINE_MS;
	int err = wire_send(wire, place, frame);

	while (!err && run_count(program_fd) == before) {
		if (now_ms() > deadline)
			err = -ETIME;
		sched_yield();
	}
	return err;
}

int wire_receive(struct wire *wire, enum place place, struct frame *ret)
{
	struct pollfd wait = { .fd = wire->socket[place], .events = POLLIN };
	int64_t deadline = now_ms() + DEADLINE_MS;
	struct sockaddr_ll from;
	socklen_t from_len;
	ssize_t len;

	for (;;) {
		from_len = sizeof(from);
		len = recvfrom(wire->socket[place], ret->data, sizeof(ret->data), 0,
			       (struct sockaddr *)&from, &from_len);
		if (len >= 0 && from.sll_pkttype == PACKET_HOST) {
			ret->len = len;
			return 0;
		}
		if (len >= 0)
			continue; /* our own, or for others */
		if (errno != EAGAIN)
			return -errno;
		if (now_ms() > deadline)
			return -ETIME;
		poll(&wait, 1, 100);
	}
}
