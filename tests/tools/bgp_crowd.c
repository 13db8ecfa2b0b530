/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_crowd: be many internal neighbours of one BGP daemon, and time it.
 *
 *   bgp_crowd REMOTE PIDS COUNT SECONDS
 *
 * COUNT neighbours (AS 64512) at 10.98.1.1 and up connect to REMOTE at once; each tells one /24 of
 * its own. What is measured, in this order: time until all are up; time and CPU until the daemon,
 * their route reflector, has told each the routes of all others; its memory with all of that held;
 * its CPU in SECONDS of nothing but keepalives (hold time 9 s, one each 3 s from either side); time
 * until all are up again after all connections closed at once. One line of JSON.
 *
 * links: tests/tools/bgp/bgp_link.c tests/tools/bgp/bgp_daemon.c
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/tools/bgp/bgp_link.h"

#define FIRST_ADDRESS 0x0a620101u /* 10.98.1.1 */
#define OWN_AS	      64512
#define HOLD_S	      9
#define KEEPALIVE_NS  3000000000ull
#define UP_LIMIT_S    60
#define LIMIT_NS      60000000000ull
#define COUNT_MAX     4000
#define EVENTS	      256

struct crowd {
	struct in_addr remote;
	struct bgp_daemon daemon;
	struct bgp_link *link;
	uint64_t *due_ns; /* next keepalive */
	size_t count;
	int epoll;
};

static void die(const char *what)
{
	fprintf(stderr, "bgp_crowd: %s: %s\n", what, errno ? strerror(errno) : "no success");
	exit(1);
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void make_links(struct crowd *crowd)
{
	crowd->link = calloc(crowd->count, sizeof(*crowd->link));
	crowd->due_ns = calloc(crowd->count, sizeof(*crowd->due_ns));
	if (!crowd->link || !crowd->due_ns)
		die("links");
	for (uint32_t i = 0; i < crowd->count; i++) {
		struct bgp_link *link = &crowd->link[i];

		link->local.s_addr = htonl(FIRST_ADDRESS + i);
		link->as = OWN_AS;
		link->hold_s = HOLD_S;
		link->fd = -1;
		link->own = bgp_nth_prefix(i);
	}
}

static uint64_t bring_up(struct crowd *crowd)
{
	uint64_t took = bgp_link_bring_up(crowd->link, crowd->count, crowd->remote, UP_LIMIT_S);
	uint64_t now = bgp_now_ns();

	/* Spread, as they are with daemons that add jitter. */
	for (size_t i = 0; i < crowd->count; i++)
		crowd->due_ns[i] = now + KEEPALIVE_NS * i / crowd->count;
	return took;
}

static void watch(struct crowd *crowd)
{
	crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < crowd->count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, crowd->link[i].fd, &event) < 0)
			die("epoll");
	}
}

static void send_keepalives(struct crowd *crowd)
{
	uint64_t now = bgp_now_ns();

	for (size_t i = 0; i < crowd->count; i++) {
		if (now < crowd->due_ns[i])
			continue;
		crowd->due_ns[i] += KEEPALIVE_NS;
		bgp_link_send_keepalive(&crowd->link[i]);
	}
}

/* One round of reading. */
static void turn(struct crowd *crowd)
{
	struct epoll_event event[EVENTS];
	int count = epoll_wait(crowd->epoll, event, EVENTS, 5);

	for (int i = 0; i < count; i++) {
		struct bgp_link *link = &crowd->link[event[i].data.u32];

		bgp_link_read(link);
		errno = 0;
		if (link->fd < 0)
			die("a session was lost");
	}
	send_keepalives(crowd);
}

static uint64_t heard(const struct crowd *crowd)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < crowd->count; i++)
		sum += crowd->link[i].announced;
	return sum;
}

static void reflect(struct crowd *crowd)
{
	uint64_t all = (uint64_t)crowd->count * (crowd->count - 1);
	uint64_t cpu = bgp_daemon_settle(&crowd->daemon), start = bgp_now_ns(), took;
	uint8_t buf[BGP_LINK_MESSAGE_MAX];

	for (uint32_t i = 0; i < crowd->count; i++) {
		struct bgp_link *link = &crowd->link[i];
		size_t len = bgp_write_updates(buf, i, 1, link->local, 0);

		if (bgp_link_send(link, buf, len) < 0)
			die("send");
	}
	while (heard(crowd) < all) {
		turn(crowd);
		errno = 0;
		if (bgp_now_ns() - start > LIMIT_NS)
			die("not all routes came");
	}
	took = bgp_now_ns() - start;
	printf("\"reflect_ms\": %.3f, \"reflect_cpu_ms\": %.3f, ", ms(took),
	       ms(bgp_daemon_settle(&crowd->daemon) - cpu));
	printf("\"rss_kib\": %lu, \"pss_kib\": %lu, ", bgp_daemon_kib(&crowd->daemon, "Rss:"),
	       bgp_daemon_kib(&crowd->daemon, "Pss:"));
}

static void idle(struct crowd *crowd, unsigned long seconds)
{
	uint64_t cpu = bgp_daemon_cpu_ns(&crowd->daemon), start = bgp_now_ns(), now = start;

	while (now - start < seconds * 1000000000ull) {
		turn(crowd);
		now = bgp_now_ns();
	}
	cpu = bgp_daemon_cpu_ns(&crowd->daemon) - cpu;
	printf("\"idle_ms_per_s\": %.3f, ", ms(cpu) / ((double)(now - start) / 1e9));
}

int main(int argc, char **argv)
{
	static struct crowd crowd;
	uint64_t took;

	if (argc != 5 || inet_pton(AF_INET, argv[1], &crowd.remote) != 1 ||
	    !bgp_daemon_parse(argv[2], &crowd.daemon)) {
		fprintf(stderr, "usage: bgp_crowd REMOTE PIDS COUNT SECONDS\n");
		return 2;
	}
	crowd.count = strtoul(argv[3], NULL, 10);
	errno = EINVAL;
	if (crowd.count < 2 || crowd.count > COUNT_MAX)
		die(argv[3]);
	make_links(&crowd);
	took = bring_up(&crowd);
	errno = 0;
	if (took == 0)
		die("sessions did not come up");
	printf("{\"up_ms\": %.3f, ", ms(took));
	watch(&crowd);
	reflect(&crowd);
	idle(&crowd, strtoul(argv[4], NULL, 10));
	for (size_t i = 0; i < crowd.count; i++)
		bgp_link_close(&crowd.link[i]);
	took = bring_up(&crowd);
	if (took > 0)
		printf("\"again_ms\": %.3f}\n", ms(took));
	else
		printf("\"again_ms\": null}\n"); /* not in UP_LIMIT_S */
	return 0;
}
