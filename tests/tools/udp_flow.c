/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_flow.c: one end of a two-way UDP flow with sequence numbers, for tests that must know whether
 * a single packet was lost.
 *
 *	udp_flow LOCAL REMOTE PORT [PACKETS-PER-SECOND [SECONDS [OCTETS]]]
 *
 * Both ends run the same program with the addresses swapped. They first say hello until they hear
 * each other (hellos are not counted), then both send data at the given rate; "running" is printed
 * at that instant. SIGTERM, or the end of the time, stops the sending: an end then tells how many
 * packets it sent, goes on receiving until the other's number is known and either all of it has
 * arrived or nothing came for a second, and prints one line of JSON. SIGUSR1 prints such a line in
 * between. An end that hears nothing at all gives up after 30 seconds: exit status 2.
 *
 * A lost packet is a sequence number below the peer's count that never arrived; longest_loss is the
 * longest run of them, so longest_loss / rate is how long forwarding was broken.  longest_gap_ms is
 * the longest time between two arrivals by the kernel's time stamp. The program bounds its own life
 * (SECONDS, at most 3600) and its memory (a bit per packet).
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOW_MAGIC	   0x74746631u
#define SECONDS_MAX	   3600
#define RATE_MAX	   200000
#define OCTETS_MAX	   65000
#define BURST_MAX	   64
#define CONTROL_PERIOD_NS  10000000ull
#define HELLO_PATIENCE_NS  30000000000ull
#define END_PATIENCE_NS	   10000000000ull
#define QUIET_NS	   1000000000ull
#define SECOND_NS	   1000000000ull
#define RECEIVE_BUFFER_MAX (8 << 20)

enum datagram_kind {
	KIND_HELLO = 1,
	KIND_DATA = 2,
	KIND_END = 3,
};

/* All big-endian; number is the sequence number of data, the count of data in an end. */
struct datagram {
	uint32_t magic;
	uint16_t kind;
	uint16_t heard; /* in an end: the sender knows the receiver's count */
	uint64_t number;
};

struct flow {
	int fd;
	struct sockaddr_storage remote;
	socklen_t remote_len;
	uint64_t rate, seconds;
	size_t octets;
	uint64_t sent, send_errors;
	uint64_t received, duplicates, reordered, socket_drops;
	uint64_t highest;    /* sequence number + 1 */
	uint64_t peer_count; /* valid when peer_ended */
	bool peer_heard, peer_ended, peer_knows;
	uint64_t last_arrival_ns, longest_gap_ns; /* kernel time stamps */
	uint64_t last_data_ns;			  /* our clock */
	uint64_t bit_count;
	uint8_t *seen;
};

static volatile sig_atomic_t stop_asked, report_asked;

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		report_asked = 1;
	else
		stop_asked = 1;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static bool flow_has_seen(const struct flow *flow, uint64_t number)
{
	return flow->seen[number / 8] & (1u << (number % 8));
}

static void flow_send(struct flow *flow, enum datagram_kind kind, uint64_t number)
{
	static const uint8_t zeros[OCTETS_MAX];
	struct datagram head = {
		.magic = htobe32(FLOW_MAGIC),
		.kind = htobe16((uint16_t)kind),
		.heard = htobe16(flow->peer_ended),
		.number = htobe64(number),
	};
	struct iovec part[2] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)zeros, kind == KIND_DATA ? flow->octets - sizeof(head) : 0 },
	};
	struct msghdr message = { .msg_name = &flow->remote,
				  .msg_namelen = flow->remote_len,
				  .msg_iov = part,
				  .msg_iovlen = 2 };

	if (sendmsg(flow->fd, &message, MSG_DONTWAIT) < 0 && kind == KIND_DATA)
		flow->send_errors++;
}

static void flow_note_arrival(struct flow *flow, uint64_t number, uint64_t stamp_ns)
{
	flow->last_data_ns = now_ns();
	if (number >= flow->bit_count)
		return;
	if (flow_has_seen(flow, number)) {
		flow->duplicates++;
		return;
	}
	flow->seen[number / 8] |= (uint8_t)(1u << (number % 8));
	flow->received++;
	if (number < flow->highest)
		flow->reordered++;
	else
		flow->highest = number + 1;
	if (flow->last_arrival_ns && stamp_ns > flow->last_arrival_ns &&
	    stamp_ns - flow->last_arrival_ns > flow->longest_gap_ns)
		flow->longest_gap_ns = stamp_ns - flow->last_arrival_ns;
	flow->last_arrival_ns = stamp_ns;
}

static uint64_t flow_read_ancillary(struct flow *flow, struct msghdr *message)
{
	struct cmsghdr *item;
	struct timespec stamp = { 0 };
	uint32_t drops;

	for (item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
		if (item->cmsg_level != SOL_SOCKET)
			continue;
		if (item->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&stamp, CMSG_DATA(item), sizeof(stamp));
		if (item->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&drops, CMSG_DATA(item), sizeof(drops));
			flow->socket_drops = drops;
		}
	}
	return (uint64_t)stamp.tv_sec * SECOND_NS + (uint64_t)stamp.tv_nsec;
}

/* Take one datagram. False when none is waiting. */
static bool flow_receive(struct flow *flow)
{
	struct datagram head;
	char control[128];
	struct iovec part = { &head, sizeof(head) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(flow->fd, &message, MSG_DONTWAIT);
	uint64_t stamp_ns;

	if (len < 0)
		return errno != EAGAIN && errno != EINTR;
	stamp_ns = flow_read_ancillary(flow, &message);
	if ((size_t)len < sizeof(head) || be32toh(head.magic) != FLOW_MAGIC)
		return true;
	flow->peer_heard = true;
	if (be16toh(head.kind) == KIND_DATA)
		flow_note_arrival(flow, be64toh(head.number), stamp_ns);
	if (be16toh(head.kind) == KIND_END) {
		flow->peer_ended = true;
		flow->peer_count = be64toh(head.number);
		if (be16toh(head.heard))
			flow->peer_knows = true;
	}
	return true;
}

static uint64_t flow_longest_loss(const struct flow *flow, uint64_t limit)
{
	uint64_t number, run = 0, longest = 0;

	for (number = 0; number < limit && number < flow->bit_count; number++) {
		run = flow_has_seen(flow, number) ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	return longest;
}

static void flow_report(const struct flow *flow)
{
	uint64_t known = flow->peer_ended ? flow->peer_count : flow->highest;

	printf("{\"sent\": %llu, \"send_errors\": %llu, \"received\": %llu, ",
	       (unsigned long long)flow->sent, (unsigned long long)flow->send_errors,
	       (unsigned long long)flow->received);
	if (flow->peer_ended)
		printf("\"peer_sent\": %llu, ", (unsigned long long)flow->peer_count);
	else
		printf("\"peer_sent\": null, ");
	printf("\"lost\": %lld, \"duplicates\": %llu, \"reordered\": %llu, ",
	       (long long)(known - flow->received), (unsigned long long)flow->duplicates,
	       (unsigned long long)flow->reordered);
	printf("\"longest_loss\": %llu, \"longest_gap_ms\": %.1f, \"socket_drops\": %llu}\n",
	       (unsigned long long)flow_longest_loss(flow, known),
	       (double)flow->longest_gap_ns / 1e6, (unsigned long long)flow->socket_drops);
	fflush(stdout);
}

/* Receive until @until_ns, or until something was received when @once is set. */
static void flow_wait(struct flow *flow, uint64_t until_ns)
{
	struct pollfd pollfd = { .fd = flow->fd, .events = POLLIN };
	uint64_t now = now_ns();
	struct timespec left = { 0 };

	if (until_ns > now) {
		left.tv_sec = (time_t)((until_ns - now) / SECOND_NS);
		left.tv_nsec = (long)((until_ns - now) % SECOND_NS);
	}
	if (ppoll(&pollfd, 1, &left, NULL) > 0)
		while (flow_receive(flow))
			;
	if (report_asked) {
		report_asked = 0;
		flow_report(flow);
	}
}

static int flow_say_hello(struct flow *flow)
{
	uint64_t start = now_ns();

	while (!flow->peer_heard) {
		if (stop_asked || now_ns() - start > HELLO_PATIENCE_NS)
			return -ETIMEDOUT;
		flow_send(flow, KIND_HELLO, 0);
		flow_wait(flow, now_ns() + CONTROL_PERIOD_NS);
	}
	/* The other may not have heard yet; data says the same as a hello. */
	flow_send(flow, KIND_HELLO, 0);
	return 0;
}

static void flow_send_data(struct flow *flow)
{
	uint64_t start = now_ns(), now = start, due;
	unsigned int burst;

	while (!stop_asked && now - start < flow->seconds * SECOND_NS) {
		due = (now - start) * flow->rate / SECOND_NS + 1;
		for (burst = 0; flow->sent < due && burst < BURST_MAX; burst++)
			flow_send(flow, KIND_DATA, flow->sent++);
		flow_wait(flow, flow->sent < due ? 0 : start + flow->sent * SECOND_NS / flow->rate);
		now = now_ns();
	}
}

static bool flow_is_complete(const struct flow *flow, uint64_t ended_ns)
{
	uint64_t now = now_ns();

	if (now - ended_ns > END_PATIENCE_NS)
		return true;
	if (!flow->peer_ended)
		return false;
	if (flow->received < flow->peer_count && now - flow->last_data_ns < QUIET_NS)
		return false;
	return flow->peer_knows || now - flow->last_data_ns > 2 * QUIET_NS;
}

static void flow_finish(struct flow *flow)
{
	uint64_t ended = now_ns();
	unsigned int goodbye;

	if (!flow->last_data_ns)
		flow->last_data_ns = ended;
	while (!flow_is_complete(flow, ended)) {
		flow_send(flow, KIND_END, flow->sent);
		flow_wait(flow, now_ns() + CONTROL_PERIOD_NS);
	}
	for (goodbye = 0; goodbye < 5; goodbye++)
		flow_send(flow, KIND_END, flow->sent);
}

static int address_parse(const char *text, uint16_t port, struct sockaddr_storage *ret_addr,
			 socklen_t *ret_len)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
		memcpy(ret_addr, &in4, sizeof(in4));
		*ret_len = sizeof(in4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
		memcpy(ret_addr, &in6, sizeof(in6));
		*ret_len = sizeof(in6);
		return 0;
	}
	return -EINVAL;
}

static int flow_open(struct flow *flow, const char *local, const char *remote, uint16_t port)
{
	struct sockaddr_storage addr;
	socklen_t len;
	int one = 1, size = RECEIVE_BUFFER_MAX;

	if (address_parse(remote, port, &flow->remote, &flow->remote_len) ||
	    address_parse(local, port, &addr, &len))
		return -EINVAL;
	flow->fd = socket(addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (flow->fd < 0)
		return -errno;
	setsockopt(flow->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	setsockopt(flow->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	/* a receiver that waits for its CPU must not be taken for a network that loses packets */
	if (setsockopt(flow->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(flow->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(flow->fd, (struct sockaddr *)&addr, len))
		return -errno;
	return 0;
}

static uint64_t argument(int argc, char **argv, int index, uint64_t standard)
{
	return index < argc ? strtoull(argv[index], NULL, 10) : standard;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct flow flow = { .fd = -1 };
	uint16_t port = (uint16_t)argument(argc, argv, 3, 0);
	int err;

	flow.rate = argument(argc, argv, 4, 1000);
	flow.seconds = argument(argc, argv, 5, 600);
	flow.octets = argument(argc, argv, 6, 64);
	if (argc < 4 || !port || !flow.rate || flow.rate > RATE_MAX || flow.seconds > SECONDS_MAX ||
	    flow.octets < sizeof(struct datagram) || flow.octets > OCTETS_MAX) {
		fprintf(stderr, "usage: udp_flow LOCAL REMOTE PORT [RATE [SECONDS [OCTETS]]]\n");
		return 2;
	}
	flow.bit_count = flow.rate * (flow.seconds + 60);
	flow.seen = calloc(1, flow.bit_count / 8 + 1);
	err = flow.seen ? flow_open(&flow, argv[1], argv[2], port) : -ENOMEM;
	if (err) {
		fprintf(stderr, "udp_flow: %s port %u: %s\n", argv[1], port, strerror(-err));
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	if (flow_say_hello(&flow)) {
		fprintf(stderr, "udp_flow: %s hears nothing from %s\n", argv[1], argv[2]);
		return 2;
	}
	printf("running\n");
	fflush(stdout);
	flow_send_data(&flow);
	flow_finish(&flow);
	flow_report(&flow);
	free(flow.seen);
	close(flow.fd);
	return 0;
}
