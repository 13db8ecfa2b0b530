/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_injector: time a BGP daemon between two neighbours, or between a neighbour and the kernel.
 *
 *   bgp_injector REMOTE PIDS through COUNT          all of COUNT in one side and out the other
 *   bgp_injector REMOTE PIDS change  COUNT HELD     one announced, one withdrawn, COUNT times
 *   bgp_injector REMOTE PIDS kernel  COUNT NETNS    one announced until RTM_NEWROUTE in NETNS
 *   bgp_injector REMOTE PIDS fill    COUNT NETNS    all of COUNT told until as many RTM_NEWROUTE
 *   bgp_injector REMOTE PIDS map     COUNT PIN      one announced until it is in the pinned map
 *
 * Two external neighbours of REMOTE: 10.98.0.2 (AS 65001) tells, 10.98.0.3 (AS 65002) counts. All
 * octets are written before the clock starts, and the same whatever daemon is measured. PIDS are
 * its processes, separated by commas, whose CPU time and memory are read. One line of JSON.
 *
 * `through` ends with the first neighbour's connection closed, and the time until all is withdrawn.
 * `map` looks into the map again and again, as there is nothing to wait on, and yields its CPU
 * after each look: the daemon may have been woken on it.
 *
 * links: tests/tools/bgp/bgp_link.c tests/tools/bgp/bgp_daemon.c
 * libs: -lbpf
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dataplane_abi.h"
#include "tests/tools/bgp/bgp_link.h"

#define TELLER	    "10.98.0.2"
#define LISTENER    "10.98.0.3"
#define HOLD_S	    240
#define UP_LIMIT_S  60
#define LIMIT_NS    120000000000ull
#define QUIET_MS    300
#define PAUSE_NS    1000000 /* between two changes */
#define CHANGES_MAX 10000
#define NEIGHBOURS  100

struct bench {
	struct in_addr remote;
	struct bgp_daemon daemon;
	uint32_t count;
	struct bgp_link link[2]; /* teller, listener */
	uint64_t *sample[2];	 /* nanoseconds of announcements, of withdrawals */
};

static void die(const char *what)
{
	fprintf(stderr, "bgp_injector: %s: %s\n", what, errno ? strerror(errno) : "no success");
	exit(1);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void bring_up(struct bench *bench)
{
	static const char *const address[] = { TELLER, LISTENER };
	struct pollfd quiet;

	for (uint32_t i = 0; i < 2; i++) {
		bench->link[i] = (struct bgp_link){ .as = 65001 + i, .hold_s = HOLD_S, .fd = -1 };
		inet_pton(AF_INET, address[i], &bench->link[i].local);
	}
	errno = 0;
	if (bgp_link_bring_up(bench->link, 2, bench->remote, UP_LIMIT_S) == 0)
		die("sessions did not come up");
	/* What the daemon has to say at first. */
	for (quiet = (struct pollfd){ .fd = bench->link[1].fd, .events = POLLIN };
	     poll(&quiet, 1, QUIET_MS) > 0 && bench->link[1].fd >= 0;)
		bgp_link_read(&bench->link[1]);
	bench->link[1].announced = bench->link[1].withdrawn = 0;
}

static void check_links(const struct bench *bench, uint64_t start)
{
	errno = 0;
	if (bench->link[1].fd < 0 || bgp_now_ns() - start > LIMIT_NS)
		die("a session was lost, or routes did not come");
}

static void wait_count(struct bench *bench, const uint64_t *counter, uint64_t target)
{
	uint64_t start = bgp_now_ns();

	while (*counter < target) {
		struct pollfd wait = { .fd = bench->link[1].fd, .events = POLLIN };

		if (poll(&wait, 1, 1000) > 0)
			bgp_link_read(&bench->link[1]);
		check_links(bench, start);
	}
}

/* --- through --- */

/* Write @data at the teller and count at the listener until all is out. */
static void pour(struct bench *bench, const uint8_t *data, size_t len)
{
	uint64_t start = bgp_now_ns();
	size_t at = 0;

	while (bench->link[1].announced < bench->count) {
		struct pollfd wait[2] = {
			{ .fd = bench->link[1].fd, .events = POLLIN },
			{ .fd = bench->link[0].fd, .events = POLLIN | (at < len ? POLLOUT : 0) },
		};

		if (poll(wait, 2, 1000) > 0) {
			if (wait[0].revents)
				bgp_link_read(&bench->link[1]);
			if (wait[1].revents & POLLOUT) {
				ssize_t sent = send(wait[1].fd, data + at, len - at,
						    MSG_NOSIGNAL | MSG_DONTWAIT);

				at += sent > 0 ? (size_t)sent : 0;
			}
			if (wait[1].revents & ~POLLOUT)
				bgp_link_read(&bench->link[0]);
		}
		check_links(bench, start);
		if (bench->link[0].fd < 0)
			die("the telling session was lost");
	}
}

static void run_through(struct bench *bench)
{
	uint8_t *data = malloc(bgp_updates_size(bench->count));
	uint64_t idle_kib = bgp_daemon_kib(&bench->daemon, "Rss:"), start, all, lost, cpu[3];
	size_t len;

	if (!data)
		die("octets");
	len = bgp_write_updates(data, 0, bench->count, bench->link[0].local, 65001);
	cpu[0] = bgp_daemon_settle(&bench->daemon);
	start = bgp_now_ns();
	pour(bench, data, len);
	all = bgp_now_ns() - start;
	cpu[1] = bgp_daemon_settle(&bench->daemon);
	printf("{\"idle_rss_kib\": %lu, \"all_ms\": %.3f, \"cpu_ms\": %.3f, \"rss_kib\": %lu, "
	       "\"pss_kib\": %lu, ",
	       idle_kib, ms(all), ms(cpu[1] - cpu[0]), bgp_daemon_kib(&bench->daemon, "Rss:"),
	       bgp_daemon_kib(&bench->daemon, "Pss:"));
	start = bgp_now_ns();
	bgp_link_close(&bench->link[0]);
	wait_count(bench, &bench->link[1].withdrawn, bench->count);
	lost = bgp_now_ns() - start;
	cpu[2] = bgp_daemon_settle(&bench->daemon);
	printf("\"lost_ms\": %.3f, \"lost_cpu_ms\": %.3f}\n", ms(lost), ms(cpu[2] - cpu[1]));
	free(data);
}

/* --- single changes --- */

static void make_samples(struct bench *bench)
{
	for (int i = 0; i < 2; i++) {
		bench->sample[i] = calloc(bench->count, sizeof(uint64_t));
		if (!bench->sample[i])
			die("samples");
	}
}

static void print_samples(const struct bench *bench, const char *name, const uint64_t *sample)
{
	printf("\"%s\": [", name);
	for (uint32_t i = 0; i < bench->count; i++)
		printf("%s%.1f", i ? ", " : "", (double)sample[i] / 1e3);
	printf("]");
}

static void pause_a_little(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	nanosleep(&pause, NULL);
}

static uint64_t tell(struct bench *bench, const uint8_t *data, size_t len)
{
	uint64_t start = bgp_now_ns();

	if (bgp_link_send(&bench->link[0], data, len) < 0)
		die("send");
	return start;
}

static void run_change(struct bench *bench, uint32_t held)
{
	size_t len, size = bgp_updates_size(held);
	uint8_t *data = malloc(size), one[BGP_LINK_MESSAGE_MAX];
	struct in_addr prefix = bgp_nth_prefix(held);
	struct bgp_link *listener = &bench->link[1];
	uint64_t start, cpu;

	if (!data)
		die("octets");
	len = bgp_write_updates(data, 0, held, bench->link[0].local, 65001);
	tell(bench, data, len);
	wait_count(bench, &listener->announced, held);
	free(data);
	cpu = bgp_daemon_settle(&bench->daemon);
	for (uint32_t i = 0; i < bench->count; i++) {
		len = bgp_write_updates(one, held, 1, bench->link[0].local, 65001);
		pause_a_little();
		start = tell(bench, one, len);
		wait_count(bench, &listener->announced, held + i + 1);
		bench->sample[0][i] = bgp_now_ns() - start;
		len = bgp_write_withdraw(one, prefix);
		pause_a_little();
		start = tell(bench, one, len);
		wait_count(bench, &listener->withdrawn, i + 1);
		bench->sample[1][i] = bgp_now_ns() - start;
	}
	cpu = bgp_daemon_settle(&bench->daemon) - cpu;
	printf("{\"cpu_us\": %.1f, ", (double)cpu / 1e3 / (2.0 * bench->count));
	print_samples(bench, "announce_us", bench->sample[0]);
	printf(", ");
	print_samples(bench, "withdraw_us", bench->sample[1]);
	printf("}\n");
}

/* --- into the kernel's table --- */

/* Routes that stay, so that the one that comes and goes is not the only one of its length. */
static void tell_neighbours(struct bench *bench)
{
	uint8_t data[BGP_LINK_MESSAGE_MAX];

	tell(bench, data, bgp_write_updates(data, 1, NEIGHBOURS, bench->link[0].local, 65001));
	wait_count(bench, &bench->link[1].announced, NEIGHBOURS);
	bgp_daemon_settle(&bench->daemon);
}

static int listen_routes(const char *netns)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE };
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC), fd, size = 8 << 20;

	if (own < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		die(netns);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setns(own, CLONE_NEWNET) < 0)
		die("netlink");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	close(own);
	close(there);
	return fd;
}

static bool is_route(const struct nlmsghdr *header, uint16_t type, struct in_addr prefix)
{
	const struct rtmsg *body = NLMSG_DATA(header);
	const struct rtattr *attr = RTM_RTA(body);
	int len = (int)RTM_PAYLOAD(header);

	if (header->nlmsg_type != type || body->rtm_dst_len != 24)
		return false;
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if (attr->rta_type == RTA_DST)
			return memcmp(RTA_DATA(attr), &prefix, sizeof(prefix)) == 0;
	return false;
}

static void wait_route(int fd, uint16_t type, struct in_addr prefix)
{
	static uint8_t buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	for (;;) {
		struct nlmsghdr *header = (struct nlmsghdr *)buf;
		ssize_t got;
		int len;

		errno = 0;
		if (poll(&wait, 1, 10000) <= 0)
			die("no route came");
		got = recv(fd, buf, sizeof(buf), 0);
		for (len = (int)got; got > 0 && NLMSG_OK(header, len);
		     header = NLMSG_NEXT(header, len))
			if (is_route(header, type, prefix))
				return;
	}
}

static void run_kernel(struct bench *bench, const char *netns)
{
	struct in_addr prefix = bgp_nth_prefix(0);
	uint8_t one[BGP_LINK_MESSAGE_MAX];
	int fd = listen_routes(netns);
	uint64_t start;
	size_t len;

	tell_neighbours(bench);
	for (uint32_t i = 0; i < bench->count; i++) {
		len = bgp_write_updates(one, 0, 1, bench->link[0].local, 65001);
		pause_a_little();
		start = tell(bench, one, len);
		wait_route(fd, RTM_NEWROUTE, prefix);
		bench->sample[0][i] = bgp_now_ns() - start;
		len = bgp_write_withdraw(one, prefix);
		pause_a_little();
		start = tell(bench, one, len);
		wait_route(fd, RTM_DELROUTE, prefix);
		bench->sample[1][i] = bgp_now_ns() - start;
	}
	printf("{");
	print_samples(bench, "announce_us", bench->sample[0]);
	printf(", ");
	print_samples(bench, "withdraw_us", bench->sample[1]);
	printf("}\n");
}

static uint64_t count_routes(int fd, uint16_t type)
{
	static uint8_t buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint64_t count = 0;
	ssize_t got;

	while ((got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *header = (struct nlmsghdr *)buf;
		int len = (int)got;

		for (; NLMSG_OK(header, len); header = NLMSG_NEXT(header, len)) {
			const struct rtmsg *body = NLMSG_DATA(header);

			count += header->nlmsg_type == type && body->rtm_dst_len == 24;
		}
	}
	if (errno == ENOBUFS)
		die("the kernel dropped notifications");
	return count;
}

static void wait_routes(const struct bench *bench, int fd, uint16_t type)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t count = 0;

	while (count < bench->count) {
		errno = 0;
		if (poll(&wait, 1, 10000) <= 0)
			die("no route came");
		count += count_routes(fd, type);
	}
}

static void run_fill(struct bench *bench, const char *netns)
{
	uint8_t *data = malloc(bgp_updates_size(bench->count));
	uint64_t start, all, cpu = bgp_daemon_settle(&bench->daemon);
	int fd = listen_routes(netns);
	size_t len;

	if (!data)
		die("octets");
	len = bgp_write_updates(data, 0, bench->count, bench->link[0].local, 65001);
	start = tell(bench, data, len);
	wait_routes(bench, fd, RTM_NEWROUTE);
	all = bgp_now_ns() - start;
	cpu = bgp_daemon_settle(&bench->daemon) - cpu;
	printf("{\"fill_ms\": %.3f, \"fill_cpu_ms\": %.3f, ", ms(all), ms(cpu));
	start = bgp_now_ns();
	bgp_link_close(&bench->link[0]);
	wait_routes(bench, fd, RTM_DELROUTE);
	printf("\"empty_ms\": %.3f}\n", ms(bgp_now_ns() - start));
	free(data);
}

/* --- into the map --- */

static uint64_t wait_map(int fd, const struct ip_prefix *prefix, bool is_there)
{
	uint64_t start = bgp_now_ns(), now;
	struct route_value value;

	do {
		bool found = bpf_map_lookup_elem(fd, prefix, &value) == 0;

		now = bgp_now_ns();
		if (found == is_there)
			return now;
		sched_yield();
	} while (now - start < 10000000000ull);
	errno = 0;
	die("no route came");
	return 0;
}

static void run_map(struct bench *bench, const char *pin)
{
	struct in_addr first = bgp_nth_prefix(0);
	struct ip_prefix prefix = { .bits = IP_ADDR_V4_BITS + 24 };
	uint8_t one[BGP_LINK_MESSAGE_MAX];
	int fd = bpf_obj_get(pin);
	uint64_t start;
	size_t len;

	if (fd < 0)
		die(pin);
	tell_neighbours(bench);
	prefix.addr.word[2] = htonl(0xffff);
	prefix.addr.word[3] = first.s_addr;
	for (uint32_t i = 0; i < bench->count; i++) {
		len = bgp_write_updates(one, 0, 1, bench->link[0].local, 65001);
		pause_a_little();
		start = tell(bench, one, len);
		bench->sample[0][i] = wait_map(fd, &prefix, true) - start;
		len = bgp_write_withdraw(one, first);
		pause_a_little();
		start = tell(bench, one, len);
		bench->sample[1][i] = wait_map(fd, &prefix, false) - start;
	}
	printf("{");
	print_samples(bench, "announce_us", bench->sample[0]);
	printf(", ");
	print_samples(bench, "withdraw_us", bench->sample[1]);
	printf("}\n");
}

int main(int argc, char **argv)
{
	static struct bench bench;
	bool is_through = argc == 5 && strcmp(argv[3], "through") == 0;

	if ((argc != 6 && !is_through) || inet_pton(AF_INET, argv[1], &bench.remote) != 1 ||
	    !bgp_daemon_parse(argv[2], &bench.daemon)) {
		fprintf(stderr,
			"usage: bgp_injector REMOTE PIDS through|change|kernel|fill|map COUNT "
			"[HELD|NETNS|PIN]\n");
		return 2;
	}
	bench.count = (uint32_t)strtoul(argv[4], NULL, 10);
	bring_up(&bench);
	if (is_through || strcmp(argv[3], "fill") == 0) {
		if (is_through)
			run_through(&bench);
		else
			run_fill(&bench, argv[5]);
		return 0;
	}
	errno = EINVAL;
	if (bench.count > CHANGES_MAX)
		die(argv[4]);
	make_samples(&bench);
	if (strcmp(argv[3], "change") == 0)
		run_change(&bench, (uint32_t)strtoul(argv[5], NULL, 10));
	else if (strcmp(argv[3], "kernel") == 0)
		run_kernel(&bench, argv[5]);
	else
		run_map(&bench, argv[5]);
	return 0;
}
