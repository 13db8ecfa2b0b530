/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netbench: one measurement of one path between two network namespaces.
 *
 *   netbench MODE SERVER-NS CLIENT-NS ADDRESS SECONDS
 *
 * MODE is tcp_rr, udp_rr (one octet there and back), crr (connect, one octet there and back,
 * close), udp_pps (64-octet UDP flood) or tcp_stream. The namespaces are paths (/run/netns/x). One
 * process becomes two: the server enters SERVER-NS, the client CLIENT-NS. For rr, crr and
 * tcp_stream both ends are pinned to the same CPU, so that cross-CPU wake-ups do not hide the path
 * and throughput is throughput per CPU; for udp_pps the sender has CPU 0 and the receiver CPU 1,
 * and the cost of a packet is the sender's busy time, in which the kernel carries it as far as the
 * receiving socket. TCP uses cubic, because a pacing congestion control would hide the path too.
 *
 * One line of JSON on stdout: p50_us and p99_us, or kpps and cpu_ns, or gbps. Exit 1 with a line on
 * stderr when anything fails. Time is bounded: SECONDS and a margin of ten, then SIGALRM ends both.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT	    7077
#define SAMPLES_MAX 4000000
#define PPS_OCTETS  22		  /* with UDP, IPv4 and Ethernet headers: a 64-octet frame */
#define STREAM_BUF  (1024 * 1024) /* large writes: the path decides how a stream is cut */
#define PPS_BATCH   32

struct bench {
	const char *mode;
	const char *server_ns;
	const char *client_ns;
	struct sockaddr_storage addr;
	socklen_t addr_len;
	double seconds;
	int ready[2];  /* the server writes one octet when it listens */
	int result[2]; /* the server writes its count (udp_pps, tcp_stream) */
};

static void die(const char *what)
{
	fprintf(stderr, "netbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void pin_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("pin to CPU");
}

static void enter_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static int make_socket(const struct bench *bench, int type)
{
	int one = 1;
	int fd = socket(bench->addr.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (type == SOCK_STREAM) {
		if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5))
			die("congestion control cubic");
		if (strcmp(bench->mode, "tcp_stream"))
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	return fd;
}

static bool mode_is(const struct bench *bench, const char *name)
{
	return !strcmp(bench->mode, name);
}

static void echo_stream(int fd)
{
	char octet;

	while (recv(fd, &octet, 1, 0) == 1)
		if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1)
			break;
	close(fd);
}

static void serve_stream(int listen_fd, int result_fd)
{
	static char buf[STREAM_BUF];
	uint64_t octets = 0;
	int fd = accept(listen_fd, NULL, NULL);
	ssize_t n;

	if (fd < 0)
		die("accept");
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		octets += (uint64_t)n;
	if (write(result_fd, &octets, sizeof(octets)) != sizeof(octets))
		die("report");
}

static void serve_tcp(const struct bench *bench)
{
	int fd = make_socket(bench, SOCK_STREAM);

	if (bind(fd, (const struct sockaddr *)&bench->addr, bench->addr_len) || listen(fd, 128))
		die("listen");
	if (write(bench->ready[1], "r", 1) != 1)
		die("ready");
	if (mode_is(bench, "tcp_stream")) {
		serve_stream(fd, bench->result[1]);
		return;
	}
	for (;;) {
		int one = 1;
		int conn = accept(fd, NULL, NULL);

		if (conn < 0)
			die("accept");
		setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		echo_stream(conn);
	}
}

/* Counts the flood until it has been silent for 200 ms; the client stops after its time. */
static void count_flood(int fd, int result_fd)
{
	struct timeval silence = { .tv_usec = 200000 };
	char buf[PPS_BATCH][64];
	struct mmsghdr msgs[PPS_BATCH];
	struct iovec iov[PPS_BATCH];
	uint64_t packets = 0;
	int n;

	memset(msgs, 0, sizeof(msgs));
	for (int i = 0; i < PPS_BATCH; i++) {
		iov[i] = (struct iovec){ buf[i], sizeof(buf[i]) };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	if (recv(fd, buf[0], sizeof(buf[0]), 0) > 0)
		packets++;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	while ((n = recvmmsg(fd, msgs, PPS_BATCH, MSG_WAITFORONE, NULL)) > 0)
		packets += (uint64_t)n;
	if (write(result_fd, &packets, sizeof(packets)) != sizeof(packets))
		die("report");
}

static void serve_udp(const struct bench *bench)
{
	int size = 4 << 20;
	int fd = make_socket(bench, SOCK_DGRAM);
	struct sockaddr_storage peer;
	socklen_t peer_len;
	char octet[64];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&bench->addr, bench->addr_len))
		die("bind");
	if (write(bench->ready[1], "r", 1) != 1)
		die("ready");
	if (mode_is(bench, "udp_pps")) {
		count_flood(fd, bench->result[1]);
		return;
	}
	for (;;) {
		ssize_t n;

		peer_len = sizeof(peer);
		n = recvfrom(fd, octet, sizeof(octet), 0, (struct sockaddr *)&peer, &peer_len);
		if (n < 0)
			die("recvfrom");
		sendto(fd, octet, (size_t)n, 0, (struct sockaddr *)&peer, peer_len);
	}
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

static void print_latency(uint32_t *samples, size_t count)
{
	if (count < 100) {
		fprintf(stderr, "netbench: %zu transactions are too few\n", count);
		exit(1);
	}
	qsort(samples, count, sizeof(*samples), compare_u32);
	printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"count\": %zu}\n", samples[count / 2] / 1e3,
	       samples[count * 99 / 100] / 1e3, count);
}

static int connect_server(const struct bench *bench, int type)
{
	int fd = make_socket(bench, type);

	if (connect(fd, (const struct sockaddr *)&bench->addr, bench->addr_len))
		die("connect");
	return fd;
}

static void transact(int fd)
{
	char octet = 'x';

	if (send(fd, &octet, 1, MSG_NOSIGNAL) != 1 || recv(fd, &octet, 1, 0) != 1)
		die("transaction");
}

/* A connection that closes first would leave the port in TIME_WAIT: reset it instead. */
static void transact_connection(const struct bench *bench)
{
	struct linger reset = { .l_onoff = 1 };
	int fd = connect_server(bench, SOCK_STREAM);

	transact(fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static void measure_latency(const struct bench *bench)
{
	bool each_connects = mode_is(bench, "crr");
	uint32_t *samples = calloc(SAMPLES_MAX, sizeof(*samples));
	uint64_t end = now_ns() + (uint64_t)(bench->seconds * 1e9);
	size_t count = 0;
	int fd = -1;

	if (!samples)
		die("memory");
	if (!each_connects) {
		fd = connect_server(bench, mode_is(bench, "tcp_rr") ? SOCK_STREAM : SOCK_DGRAM);
		for (int i = 0; i < 100; i++)
			transact(fd); /* neighbours and caches are warm before the first sample */
	}
	for (uint64_t start = now_ns(); start < end && count < SAMPLES_MAX;) {
		uint64_t done;

		if (each_connects)
			transact_connection(bench);
		else
			transact(fd);
		done = now_ns();
		samples[count++] = (uint32_t)(done - start);
		start = done;
	}
	print_latency(samples, count);
	free(samples);
}

static uint64_t read_result(const struct bench *bench)
{
	uint64_t value;

	if (read(bench->result[0], &value, sizeof(value)) != sizeof(value))
		die("result of the server");
	return value;
}

static void measure_flood(const struct bench *bench)
{
	char payload[PPS_OCTETS] = { 0 };
	int fd = connect_server(bench, SOCK_DGRAM);
	uint64_t start = now_ns(), end = start + (uint64_t)(bench->seconds * 1e9);
	uint64_t sent = 0, elapsed;

	while (now_ns() < end)
		for (int i = 0; i < PPS_BATCH; i++)
			sent += send(fd, payload, sizeof(payload), 0) > 0;
	elapsed = now_ns() - start;
	if (!sent)
		die("send");
	printf("{\"kpps\": %.2f, \"cpu_ns\": %.1f, \"sent\": %llu}\n",
	       (double)read_result(bench) / ((double)elapsed / 1e6), (double)elapsed / (double)sent,
	       (unsigned long long)sent);
}

static void measure_stream(const struct bench *bench)
{
	static char buf[STREAM_BUF];
	int fd = connect_server(bench, SOCK_STREAM);
	uint64_t start = now_ns(), end = start + (uint64_t)(bench->seconds * 1e9);
	uint64_t elapsed;

	while (now_ns() < end)
		if (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) < 0)
			die("send");
	shutdown(fd, SHUT_WR);
	elapsed = now_ns() - start;
	printf("{\"gbps\": %.3f}\n", (double)read_result(bench) * 8 / (double)elapsed);
}

static void run_server(const struct bench *bench)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_namespace(bench->server_ns);
	pin_cpu(mode_is(bench, "udp_pps") ? 1 : 0);
	if (!strncmp(bench->mode, "udp", 3))
		serve_udp(bench);
	else
		serve_tcp(bench);
	exit(0);
}

static void run_client(const struct bench *bench)
{
	char octet;

	enter_namespace(bench->client_ns);
	pin_cpu(0);
	if (read(bench->ready[0], &octet, 1) != 1)
		die("server did not start");
	if (mode_is(bench, "udp_pps"))
		measure_flood(bench);
	else if (mode_is(bench, "tcp_stream"))
		measure_stream(bench);
	else
		measure_latency(bench);
}

static int parse_arguments(struct bench *bench, int argc, char **argv)
{
	static const char *const modes[] = { "tcp_rr", "udp_rr", "crr", "udp_pps", "tcp_stream" };
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&bench->addr;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&bench->addr;
	bool known = false;

	if (argc != 6)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		known |= !strcmp(argv[1], modes[i]);
	bench->mode = argv[1];
	bench->server_ns = argv[2];
	bench->client_ns = argv[3];
	bench->seconds = atof(argv[5]);
	if (inet_pton(AF_INET, argv[4], &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(PORT);
		bench->addr_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, argv[4], &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(PORT);
		bench->addr_len = sizeof(*v6);
	} else {
		return -EINVAL;
	}
	return known && bench->seconds > 0 && bench->seconds <= 60 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	pid_t pid;

	if (parse_arguments(&bench, argc, argv)) {
		fprintf(stderr,
			"usage: netbench tcp_rr|udp_rr|crr|udp_pps|tcp_stream SERVER-NS CLIENT-NS "
			"ADDRESS SECONDS\n");
		return 2;
	}
	if (pipe(bench.ready) || pipe(bench.result))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	alarm((unsigned int)bench.seconds + 10);
	if (!pid)
		run_server(&bench);
	close(bench.ready[1]);
	close(bench.result[1]);
	run_client(&bench);
	fflush(stdout);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}
