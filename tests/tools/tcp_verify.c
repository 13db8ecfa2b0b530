/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_verify.c: one TCP stream whose every octet is known beforehand, for tests that must know
 * whether a stream lived through what was done to the network, and whether it was damaged.
 *
 *	tcp_verify listen  ADDRESS PORT [OCTETS-PER-SECOND [SECONDS]]
 *	tcp_verify connect ADDRESS PORT [OCTETS-PER-SECOND [SECONDS]]
 *
 * Both ends send and check at once: octet i of a direction is a fixed function of i and of the
 * direction. Rate 0 means as fast as it goes (the throughput figure of the demo). SIGTERM or the
 * end of the time at the connecting end closes its direction; the listening end answers by closing
 * its own, so that both have read to the other's end. Each prints "running" when the stream stands
 * and in the end one line of JSON: octets sent and received, mismatching octets, retransmissions
 * as TCP_INFO counts them and how many of them the other end had already (spurious), alive (both
 * directions ended in order, no error), seconds, and the longest time without a received octet.
 * SIGUSR1 prints such a line in between. A stream that stands still for 30 seconds is given up:
 * alive is false, exit status 1.
 *
 * The congestion control is cubic: bbr would pace the stream and hide what the path can do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
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

#define PATTERN_LEN    65521 /* prime: a shift by any power of two is seen */
#define CHUNK_LEN      65536
#define SECOND_NS      1000000000ull
#define PATIENCE_NS    (30 * SECOND_NS)
#define SECONDS_MAX    3600
#define PACE_PERIOD_NS 1000000ull

struct stream {
	int fd;
	bool is_connecting;
	uint64_t rate, seconds;
	uint64_t start_ns, last_progress_ns, last_receive_ns, longest_gap_ns;
	uint64_t sent, received, mismatches;
	bool sent_end, received_end;
	int error;
	uint8_t send_pattern[PATTERN_LEN + CHUNK_LEN];
	uint8_t receive_pattern[PATTERN_LEN + CHUNK_LEN];
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

/* A xorshift sequence of PATTERN_LEN octets, repeated; long enough to take any chunk from. */
static void pattern_fill(uint8_t *pattern, uint32_t seed)
{
	uint32_t state = seed;
	size_t i;

	for (i = 0; i < PATTERN_LEN; i++) {
		state ^= state << 13;
		state ^= state >> 17;
		state ^= state << 5;
		pattern[i] = (uint8_t)(state >> 24);
	}
	for (i = PATTERN_LEN; i < PATTERN_LEN + CHUNK_LEN; i++)
		pattern[i] = pattern[i - PATTERN_LEN];
}

static void stream_report(const struct stream *stream)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	bool is_alive =
		!stream->error && (!stop_asked || (stream->sent_end && stream->received_end));

	getsockopt(stream->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	printf("{\"sent\": %llu, \"received\": %llu, \"mismatches\": %llu, ",
	       (unsigned long long)stream->sent, (unsigned long long)stream->received,
	       (unsigned long long)stream->mismatches);
	printf("\"retransmissions\": %u, \"spurious\": %u, \"alive\": %s, \"error\": \"%s\", ",
	       info.tcpi_total_retrans, info.tcpi_dsack_dups, is_alive ? "true" : "false",
	       stream->error ? strerror(stream->error) : "");
	printf("\"seconds\": %.3f, \"longest_gap_ms\": %.1f, \"rtt_us\": %u}\n",
	       (double)(now_ns() - stream->start_ns) / 1e9, (double)stream->longest_gap_ns / 1e6,
	       info.tcpi_rtt);
	fflush(stdout);
}

/* Octets that the rate allows now, at most a chunk. */
static size_t stream_allowance(const struct stream *stream, uint64_t now)
{
	uint64_t due;

	if (!stream->rate)
		return CHUNK_LEN;
	due = (now - stream->start_ns) / 1000 * stream->rate / 1000000;
	if (due <= stream->sent)
		return 0;
	return due - stream->sent < CHUNK_LEN ? (size_t)(due - stream->sent) : CHUNK_LEN;
}

static void stream_send(struct stream *stream, uint64_t now)
{
	size_t len = stream_allowance(stream, now);
	ssize_t done;

	if (!len)
		return;
	done = send(stream->fd, stream->send_pattern + stream->sent % PATTERN_LEN, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done > 0) {
		stream->sent += (uint64_t)done;
		stream->last_progress_ns = now;
	} else if (errno != EAGAIN && errno != EINTR) {
		stream->error = errno;
	}
}

static void stream_check(struct stream *stream, const uint8_t *data, size_t len)
{
	const uint8_t *want = stream->receive_pattern + stream->received % PATTERN_LEN;
	size_t i;

	if (!memcmp(data, want, len))
		return;
	for (i = 0; i < len; i++)
		stream->mismatches += data[i] != want[i];
}

static void stream_receive(struct stream *stream, uint64_t now)
{
	static uint8_t chunk[CHUNK_LEN];
	ssize_t len = recv(stream->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (len < 0) {
		if (errno != EAGAIN && errno != EINTR)
			stream->error = errno;
		return;
	}
	stream->last_progress_ns = now;
	if (!len) {
		stream->received_end = true;
		return;
	}
	stream_check(stream, chunk, (size_t)len);
	stream->received += (uint64_t)len;
	if (now - stream->last_receive_ns > stream->longest_gap_ns)
		stream->longest_gap_ns = now - stream->last_receive_ns;
	stream->last_receive_ns = now;
}

static void stream_end_sending(struct stream *stream)
{
	shutdown(stream->fd, SHUT_WR);
	stream->sent_end = true;
}

static void stream_turn(struct stream *stream)
{
	bool may_send = !stream->sent_end && stream_allowance(stream, now_ns());
	bool must_pace = !stream->sent_end && !may_send;
	struct pollfd pollfd = { .fd = stream->fd };
	struct timespec wait = { .tv_nsec = must_pace ? PACE_PERIOD_NS : 100000000 };
	uint64_t now;

	pollfd.events = (short)((stream->received_end ? 0 : POLLIN) | (may_send ? POLLOUT : 0));
	ppoll(&pollfd, 1, &wait, NULL);
	now = now_ns();
	if (!stream->received_end && (pollfd.revents & (POLLIN | POLLERR | POLLHUP)))
		stream_receive(stream, now);
	if (!stream->sent_end && (pollfd.revents & POLLOUT))
		stream_send(stream, now);
	if (stream->is_connecting &&
	    (stop_asked || now - stream->start_ns > stream->seconds * SECOND_NS) &&
	    !stream->sent_end)
		stream_end_sending(stream);
	if (!stream->is_connecting && stream->received_end && !stream->sent_end)
		stream_end_sending(stream);
	if (now - stream->last_progress_ns > PATIENCE_NS)
		stream->error = ETIMEDOUT;
	if (report_asked) {
		report_asked = 0;
		stream_report(stream);
	}
}

static int stream_run(struct stream *stream)
{
	stream->start_ns = now_ns();
	stream->last_progress_ns = stream->start_ns;
	stream->last_receive_ns = stream->start_ns;
	pattern_fill(stream->send_pattern, stream->is_connecting ? 0x2545f491 : 0x6c078965);
	pattern_fill(stream->receive_pattern, stream->is_connecting ? 0x6c078965 : 0x2545f491);
	printf("running\n");
	fflush(stdout);
	while (!stream->error && !(stream->sent_end && stream->received_end))
		stream_turn(stream);
	stop_asked = 1;
	stream_report(stream);
	return stream->error || stream->mismatches ? 1 : 0;
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

static int socket_open(const struct sockaddr_storage *addr)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int stream_listen(struct stream *stream, const struct sockaddr_storage *addr, socklen_t len)
{
	struct pollfd pollfd = { .events = POLLIN };
	int listener = socket_open(addr);

	if (listener < 0)
		return listener;
	pollfd.fd = listener;
	if (bind(listener, (const struct sockaddr *)addr, len) || listen(listener, 1))
		goto err_close;
	printf("listening\n");
	fflush(stdout);
	if (poll(&pollfd, 1, PATIENCE_NS / 1000000) != 1) {
		errno = stop_asked ? EINTR : ETIMEDOUT;
		goto err_close;
	}
	stream->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (stream->fd < 0)
		goto err_close;
	close(listener);
	return 0;

err_close:
	close(listener);
	return -errno;
}

static int stream_connect(struct stream *stream, const struct sockaddr_storage *addr, socklen_t len)
{
	stream->fd = socket_open(addr);
	if (stream->fd < 0)
		return stream->fd;
	return connect(stream->fd, (const struct sockaddr *)addr, len) ? -errno : 0;
}

int main(int argc, char **argv)
{
	static struct stream stream = { .fd = -1 };
	struct sigaction action = { .sa_handler = on_signal };
	struct sockaddr_storage addr;
	socklen_t len;
	int err;

	stream.rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000000;
	stream.seconds = argc > 5 ? strtoull(argv[5], NULL, 10) : 600;
	if (argc < 4 || (strcmp(argv[1], "listen") && strcmp(argv[1], "connect")) ||
	    stream.seconds > SECONDS_MAX ||
	    address_parse(argv[2], (uint16_t)strtoul(argv[3], NULL, 10), &addr, &len)) {
		fprintf(stderr, "usage: tcp_verify listen|connect ADDRESS PORT [RATE [SECONDS]]\n");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	stream.is_connecting = !strcmp(argv[1], "connect");
	err = stream.is_connecting ? stream_connect(&stream, &addr, len)
				   : stream_listen(&stream, &addr, len);
	if (err) {
		fprintf(stderr, "tcp_verify: %s port %s: %s\n", argv[2], argv[3], strerror(-err));
		return 1;
	}
	err = stream_run(&stream);
	close(stream.fd);
	return err;
}
