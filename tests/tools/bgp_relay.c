/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_relay: what passing a route on costs before anybody has looked at it: the floor of the bench.
 *
 *   bgp_relay ADDRESS                 what one neighbour says goes out to all others
 *   bgp_relay ADDRESS map PIN         and to a second process, which writes it into its own map
 *   bgp_relay ADDRESS kernel VIA DEV  or into the kernel's table, via the address VIA on link DEV
 *
 * It listens at ADDRESS, port 179, and is no BGP speaker: an OPEN is answered with a fixed one,
 * and the octets of UPDATEs are passed on as they come. So it makes the system calls that no daemon
 * of this design can do without (epoll_wait, recv, send; with a second process sendmsg, epoll_wait,
 * recv and the map's or the table's own) and nothing else. The second process hears first, as with
 * tortie-bgpd; it takes the last prefix of what comes, which is the only one in a change.
 *
 * libs: -lbpf
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

#include "dataplane_abi.h"

#define BGP_PORT      179
#define HEADER_LEN    19
#define LINKS_MAX     64
#define READ_SIZE     65536
#define PREFIX_OCTETS 3	  /* of a /24 */
#define ROUTES	      512 /* in the map */

/* OPEN: version 4, AS 64512, hold time 240 s, router id 10.98.0.1, no parameters; KEEPALIVE. */
static const uint8_t greeting[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0,    29,   1,	  4,	0xfc, 0,    0,	  240,
	10,   98,   0,	  1,	0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    19,	  4,
};

struct relay {
	int epoll, listen;
	int writer; /* the second process, -1: none */
	int link[LINKS_MAX];
	bool is_open[LINKS_MAX]; /* has said OPEN */
	size_t count;
	uint8_t buf[READ_SIZE];
};

/* What the second process writes to. */
struct sink {
	int map;     /* -1: the kernel's table */
	int netlink; /* -1: the map */
	struct in_addr via;
	uint32_t ifindex;
};

static void die(const char *what)
{
	fprintf(stderr, "bgp_relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- the second process --- */

static void write_map(const struct sink *sink, const uint8_t *octets, bool is_gone)
{
	struct ip_prefix prefix = { .bits = IP_ADDR_V4_BITS + 24 };
	struct route_value value = { .how = ROUTE_DIRECT, .ifindex = sink->ifindex, .mtu = 1500 };

	prefix.addr.word[2] = htonl(0xffff);
	memcpy(&prefix.addr.word[3], octets, PREFIX_OCTETS);
	if (is_gone)
		bpf_map_delete_elem(sink->map, &prefix);
	else
		bpf_map_update_elem(sink->map, &prefix, &value, BPF_ANY);
}

static void put_attr(struct nlmsghdr *header, uint16_t type, const void *data)
{
	struct rtattr *attr = (void *)((uint8_t *)header + NLMSG_ALIGN(header->nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(4);
	memcpy(RTA_DATA(attr), data, 4);
	header->nlmsg_len = NLMSG_ALIGN(header->nlmsg_len) + attr->rta_len;
}

static void write_kernel(const struct sink *sink, const uint8_t *octets, bool is_gone)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg body;
		uint8_t attrs[64];
	} message = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			    .nlmsg_type = is_gone ? RTM_DELROUTE : RTM_NEWROUTE,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK |
					   (is_gone ? 0 : NLM_F_CREATE | NLM_F_EXCL) },
		.body = { .rtm_family = AF_INET,
			  .rtm_dst_len = 24,
			  .rtm_table = RT_TABLE_MAIN,
			  .rtm_protocol = RTPROT_STATIC,
			  .rtm_type = RTN_UNICAST },
	};
	uint8_t dst[4] = {}, answer[1024];

	memcpy(dst, octets, PREFIX_OCTETS);
	put_attr(&message.header, RTA_DST, dst);
	put_attr(&message.header, RTA_GATEWAY, &sink->via);
	put_attr(&message.header, RTA_OIF, &sink->ifindex);
	if (send(sink->netlink, &message, message.header.nlmsg_len, 0) < 0 ||
	    recv(sink->netlink, answer, sizeof(answer), 0) < 0)
		die("netlink");
}

/* A withdrawal has its prefix behind the length of the withdrawn routes, an announcement last. */
static void take_update(const struct sink *sink, const uint8_t *data, size_t len)
{
	bool is_gone = data[HEADER_LEN + 1] != 0;
	const uint8_t *octets = is_gone ? data + HEADER_LEN + 3 : data + len - PREFIX_OCTETS;

	if (sink->map >= 0)
		write_map(sink, octets, is_gone);
	else
		write_kernel(sink, octets, is_gone);
}

static void run_writer(const struct sink *sink, int from)
{
	struct epoll_event event = { .events = EPOLLIN };
	static uint8_t buf[READ_SIZE];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event) < 0)
		die("epoll");
	for (;;) {
		ssize_t len;

		if (epoll_wait(epoll, &event, 1, -1) <= 0)
			continue;
		len = recv(from, buf, sizeof(buf), 0);
		if (len <= 0)
			exit(0);
		if ((size_t)len > HEADER_LEN + 2 + PREFIX_OCTETS)
			take_update(sink, buf, (size_t)len);
	}
}

static int start_writer(const struct sink *sink)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	switch (fork()) {
	case -1:
		die("fork");
		break;
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		run_writer(sink, pair[1]);
		break;
	default:
		close(pair[1]);
	}
	return pair[0];
}

static struct sink open_map(const char *pin)
{
	struct sink sink = { .netlink = -1 };

	sink.map = bpf_map_create(BPF_MAP_TYPE_HASH, "relay_route", sizeof(struct ip_prefix),
				  sizeof(struct route_value), ROUTES, NULL);
	if (sink.map < 0 || bpf_obj_pin(sink.map, pin) < 0)
		die(pin);
	return sink;
}

static struct sink open_kernel(const char *via, const char *dev)
{
	struct sink sink = { .map = -1, .ifindex = if_nametoindex(dev) };

	sink.netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (sink.netlink < 0 || sink.ifindex == 0 || inet_pton(AF_INET, via, &sink.via) != 1)
		die(dev);
	return sink;
}

/* --- the relay --- */

static void watch(const struct relay *relay, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

static void accept_link(struct relay *relay)
{
	int fd = accept4(relay->listen, NULL, NULL, SOCK_CLOEXEC), on = 1;

	if (fd < 0 || relay->count == LINKS_MAX)
		die("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	relay->is_open[relay->count] = false;
	relay->link[relay->count++] = fd;
	watch(relay, fd);
}

static void send_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		data += sent;
		len -= (size_t)sent;
	}
}

/* A KEEPALIVE is nobody else's. */
static void pass_on(struct relay *relay, size_t from, size_t len)
{
	if (len <= HEADER_LEN)
		return;
	if (relay->writer >= 0)
		send(relay->writer, relay->buf, len, MSG_NOSIGNAL);
	for (size_t i = 0; i < relay->count; i++)
		if (i != from)
			send_all(relay->link[i], relay->buf, len);
}

static void read_link(struct relay *relay, int fd)
{
	ssize_t len = recv(fd, relay->buf, sizeof(relay->buf), 0);
	size_t i = 0;

	if (len <= 0)
		exit(0); /* the bench is over */
	while (relay->link[i] != fd)
		i++;
	if (relay->is_open[i]) {
		pass_on(relay, i, (size_t)len);
		return;
	}
	relay->is_open[i] = true;
	send_all(fd, greeting, sizeof(greeting));
}

static int listen_at(const char *address)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(BGP_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, LINKS_MAX) < 0)
		die(address);
	return fd;
}

static void run(struct relay *relay)
{
	for (;;) {
		struct epoll_event event[LINKS_MAX];
		int count = epoll_wait(relay->epoll, event, LINKS_MAX, -1);

		for (int i = 0; i < count; i++) {
			if (event[i].data.fd == relay->listen)
				accept_link(relay);
			else
				read_link(relay, event[i].data.fd);
		}
	}
}

int main(int argc, char **argv)
{
	static struct relay relay = { .writer = -1 };
	bool is_map = argc == 4 && strcmp(argv[2], "map") == 0;
	bool is_kernel = argc == 5 && strcmp(argv[2], "kernel") == 0;
	struct sink sink;

	if (argc != 2 && !is_map && !is_kernel) {
		fprintf(stderr, "usage: bgp_relay ADDRESS [map PIN | kernel VIA DEV]\n");
		return 2;
	}
	if (is_map || is_kernel) {
		sink = is_map ? open_map(argv[3]) : open_kernel(argv[3], argv[4]);
		relay.writer = start_writer(&sink);
	}
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	relay.listen = listen_at(argv[1]);
	watch(&relay, relay.listen);
	run(&relay);
	return 0;
}
