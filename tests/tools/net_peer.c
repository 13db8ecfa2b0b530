/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_peer.c: both ends of the conversations that tests on a cluster hold, small and static, so
 * that a ConfigMap can carry it into any pod.
 *
 *	net_peer serve PORT NAME	TCP and UDP server, both families
 *	net_peer control		sockets by command: a line in, a line out
 *
 * The server answers each line of TCP with "NAME ADDRESS PORT", where address and port are those
 * of the client as the server sees them; "late MS" answers after that time, "GET ..." as HTTP does.
 * A datagram is answered with "NAME ADDRESS PORT TTL LENGTH"; "big N" gets N octets.
 *
 * Sockets of the commands (on_socket() and control() list them) have a number, ID; an answer is
 * "ok ...", "timeout" or "error NAME":
 *	tcp ID ADDRESS PORT LOCAL-PORT MS	ok LOCAL-PORT SEGMENTS-SENT-AGAIN
 *	recv ID MS				ok ADDRESS PORT TTL LENGTH TEXT
 *	icmp ID MS				ok TYPE CODE OFFENDER, of the error that came back
 *	ping ADDRESS LENGTH MS			ok OCTETS
 *	sctp ADDRESS MS				ok icmp TYPE CODE OFFENDER, or ok answer CHUNK
 *	source ADDRESS				ok OWN-ADDRESS
 * sctp sends one INIT by a raw socket: a kernel without SCTP says by ICMP that it has no such
 * protocol, one with it aborts; either way the packet was there, and its answer came back.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS	     64
#define OCTETS_MAX   65000
#define TEXT_SHOWN   200
#define LINE_MAX_LEN 1024

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct arrival {
	union address from;
	int ttl;
	ssize_t len;
};

static char buffer[OCTETS_MAX + 1];
static int sockets[SOCKETS];

static socklen_t address_len(const union address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

static bool address_parse(const char *text, const char *port, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons((uint16_t)atoi(port));
		return true;
	}
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_port = htons((uint16_t)atoi(port));
	return inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1;
}

/* An IPv4 address that came to an IPv6 socket is shown as IPv4. */
static const char *address_text(const union address *address, int *port)
{
	static char text[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->in.sin_addr, text, sizeof(text));
		*port = ntohs(address->in.sin_port);
		return text;
	}
	if (IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		inet_ntop(AF_INET, &address->in6.sin6_addr.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &address->in6.sin6_addr, text, sizeof(text));
	*port = ntohs(address->in6.sin6_port);
	return text;
}

static void ask_for_details(int fd, int family)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	}
}

static int bound_socket(int family, int type, int port)
{
	union address local = { .any.sa_family = (sa_family_t)family };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	ask_for_details(fd, family);
	if (family == AF_INET)
		local.in.sin_port = htons((uint16_t)port);
	else
		local.in6.sin6_port = htons((uint16_t)port);
	if (port && bind(fd, &local.any, address_len(&local))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One datagram into the buffer, ended with a zero; TTL or hop limit -1 where none is told. */
static int receive(int fd, int flags, struct arrival *ret, struct sock_extended_err *error)
{
	char control[512];
	struct iovec part = { buffer, OCTETS_MAX };
	struct msghdr message = { .msg_name = &ret->from,
				  .msg_namelen = sizeof(ret->from),
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };

	ret->ttl = -1;
	ret->len = recvmsg(fd, &message, flags);
	if (ret->len < 0)
		return -1;
	buffer[ret->len] = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP;

		if (c->cmsg_type == (v4 ? IP_TTL : IPV6_HOPLIMIT))
			memcpy(&ret->ttl, CMSG_DATA(c), sizeof(ret->ttl));
		else if (error && c->cmsg_type == (v4 ? IP_RECVERR : IPV6_RECVERR)) {
			memcpy(error, CMSG_DATA(c), sizeof(*error));
			memset(&ret->from, 0, sizeof(ret->from));
			memcpy(&ret->from, SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(c)),
			       v4 ? sizeof(ret->from.in) : sizeof(ret->from.in6));
		}
	}
	return 0;
}

/* --- the server --- */

static void serve_datagram(int fd, const char *name)
{
	struct arrival arrival;
	char answer[512];
	int port, size;

	if (receive(fd, 0, &arrival, NULL))
		return;
	if (sscanf(buffer, "big %d", &size) == 1 && size > 0 && size <= OCTETS_MAX) {
		memset(buffer, 'y', (size_t)size);
		sendto(fd, buffer, (size_t)size, 0, &arrival.from.any, address_len(&arrival.from));
		return;
	}
	size = snprintf(answer, sizeof(answer), "%s %s ", name, address_text(&arrival.from, &port));
	size += snprintf(answer + size, sizeof(answer) - (size_t)size, "%d %d %zd", port,
			 arrival.ttl, arrival.len);
	sendto(fd, answer, (size_t)size, 0, &arrival.from.any, address_len(&arrival.from));
}

static void serve_connection(int fd, const char *name)
{
	FILE *in = fdopen(fd, "r");
	union address peer;
	socklen_t len = sizeof(peer);
	char line[LINE_MAX_LEN];
	int port, ms;

	if (!in || getpeername(fd, &peer.any, &len))
		return;
	while (fgets(line, sizeof(line), in)) {
		const char *text = address_text(&peer, &port);

		if (!strncmp(line, "GET ", 4)) {
			dprintf(fd, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
			shutdown(fd, SHUT_WR);
			continue;
		}
		if (sscanf(line, "late %d", &ms) == 1)
			poll(NULL, 0, ms);
		if (line[0] >= 'a' && line[0] <= 'z')
			dprintf(fd, "%s %s %d\n", name, text, port);
	}
}

static int serve(int port, const char *name)
{
	int udp = bound_socket(AF_INET6, SOCK_DGRAM, port);
	int tcp = bound_socket(AF_INET6, SOCK_STREAM, port);
	struct pollfd fds[2] = { { tcp, POLLIN, 0 }, { udp, POLLIN, 0 } };

	if (udp < 0 || tcp < 0 || listen(tcp, 128)) {
		perror("net_peer: serve");
		return 1;
	}
	signal(SIGCHLD, SIG_IGN);
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		int fd;

		if (fds[1].revents)
			serve_datagram(udp, name);
		if (!fds[0].revents || (fd = accept(tcp, NULL, NULL)) < 0)
			continue;
		if (!fork()) {
			serve_connection(fd, name);
			_exit(0);
		}
		close(fd);
	}
	return 1;
}

/* --- commands --- */

static void say_error(void)
{
	printf("error %s\n", strerrorname_np(errno));
}

/* Writes "timeout" or the error when nothing is there within MS. */
static bool wait_for(int fd, short events, int ms)
{
	struct pollfd pfd = { fd, events, 0 };
	int count = poll(&pfd, 1, ms);

	if (count > 0)
		return true;
	if (count == 0)
		printf("timeout\n");
	else
		say_error();
	return false;
}

static void do_tcp(int *slot, char **argv)
{
	struct tcp_info info;
	union address remote, local;
	socklen_t len = sizeof(local), info_len = sizeof(info), error_len = sizeof(int);
	int port, error = 0, fd;

	if (!address_parse(argv[2], argv[3], &remote)) {
		printf("error EINVAL\n");
		return;
	}
	fd = bound_socket(remote.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK, atoi(argv[4]));
	*slot = fd;
	if (fd < 0 || (connect(fd, &remote.any, address_len(&remote)) && errno != EINPROGRESS)) {
		say_error();
		return;
	}
	if (!wait_for(fd, POLLOUT, atoi(argv[5])))
		return;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
	errno = error;
	if (error || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) ||
	    getsockname(fd, &local.any, &len)) {
		say_error();
		return;
	}
	address_text(&local, &port);
	printf("ok %d %u\n", port, info.tcpi_total_retrans);
}

static void do_udp(int *slot, char **argv)
{
	int family = atoi(argv[2]) == 6 ? AF_INET6 : AF_INET;

	*slot = bound_socket(family, SOCK_DGRAM, atoi(argv[3]));
	if (*slot < 0)
		say_error();
	else
		printf("ok\n");
}

static void say_result(ssize_t result)
{
	if (result < 0)
		say_error();
	else
		printf("ok\n");
}

static void do_sendto(int fd, char **argv)
{
	union address remote;
	size_t len = (size_t)atoi(argv[4]), text_len = strlen(argv[5]);

	if (!address_parse(argv[2], argv[3], &remote) || len > OCTETS_MAX) {
		printf("error EINVAL\n");
		return;
	}
	if (len < text_len)
		len = text_len;
	memset(buffer, ' ', len);
	memcpy(buffer, argv[5], text_len);
	say_result(sendto(fd, buffer, len, 0, &remote.any, address_len(&remote)));
}

static void do_recv(int fd, char **argv)
{
	struct arrival arrival;
	int port = 0;

	memset(&arrival, 0, sizeof(arrival));
	arrival.from.any.sa_family = AF_INET;
	if (!wait_for(fd, POLLIN, atoi(argv[2])))
		return;
	if (receive(fd, MSG_DONTWAIT, &arrival, NULL)) {
		say_error();
		return;
	}
	buffer[strcspn(buffer, "\r\n")] = 0;
	printf("ok %s", address_text(&arrival.from, &port));
	printf(" %d %d %zd %.*s\n", port, arrival.ttl, arrival.len, TEXT_SHOWN, buffer);
}

static void do_icmp(int fd, char **argv)
{
	struct sock_extended_err error;
	struct arrival arrival;
	int port;

	memset(&error, 0, sizeof(error));
	if (!wait_for(fd, POLLERR, atoi(argv[2])))
		return;
	if (receive(fd, MSG_ERRQUEUE | MSG_DONTWAIT, &arrival, &error)) {
		say_error();
		return;
	}
	printf("ok %d %d %s\n", error.ee_type, error.ee_code, address_text(&arrival.from, &port));
}

static void do_ttl(int fd, char **argv)
{
	int ttl = atoi(argv[2]), family;
	socklen_t len = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
	if (family == AF_INET)
		say_result(setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
	else
		say_result(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof(ttl)));
}

static uint16_t internet_checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void do_ping(char **argv)
{
	union address remote, any_from;
	static uint16_t number;
	size_t len = (size_t)atoi(argv[2]) + 8;
	int ms = atoi(argv[3]), fd;
	bool v4;

	if (!address_parse(argv[1], "0", &remote) || len > OCTETS_MAX) {
		printf("error EINVAL\n");
		return;
	}
	v4 = remote.any.sa_family == AF_INET;
	fd = socket(remote.any.sa_family, SOCK_RAW, v4 ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
	if (fd < 0) {
		say_error();
		return;
	}
	number++;
	memset(buffer, 'p', len);
	memset(buffer, 0, 8);
	buffer[0] = (char)(v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
	memcpy(buffer + 4, &(uint16_t){ (uint16_t)getpid() }, 2);
	memcpy(buffer + 6, &number, 2);
	if (v4)
		memcpy(buffer + 2, &(uint16_t){ internet_checksum((uint8_t *)buffer, len) }, 2);
	if (sendto(fd, buffer, len, 0, &remote.any, address_len(&remote)) < 0)
		say_error();
	else
		while (wait_for(fd, POLLIN, ms)) {
			ssize_t got = recvfrom(fd, buffer, OCTETS_MAX, 0, &any_from.any,
					       &(socklen_t){ sizeof(any_from) });
			const uint8_t *head = (uint8_t *)buffer + (v4 ? (buffer[0] & 15) * 4 : 0);

			if (got >= (ssize_t)len &&
			    head[0] == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
			    !memcmp(head + 6, &number, 2)) {
				printf("ok %zd\n", got);
				break;
			}
		}
	close(fd);
}

/* RFC 9260, appendix A: CRC32c, reflected, in little-endian order. */
static uint32_t sctp_checksum(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return htole32(~crc);
}

static void do_sctp(char **argv)
{
	/* ports 5000 and 9, tag, checksum; INIT: tag, window, streams, first number */
	uint8_t packet[32] = { 0x13, 0x88, 0, 9, [12] = 1, 0, 0, 20, 0, 0, 0, 1,
			       0,    1,	   0, 0, 0,	   1, 0, 1,  0, 0, 0, 1 };
	struct sock_extended_err error;
	struct arrival arrival;
	union address remote;
	uint32_t sum;
	int fd, port;

	if (!address_parse(argv[1], "0", &remote)) {
		printf("error EINVAL\n");
		return;
	}
	fd = socket(remote.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);
	ask_for_details(fd, remote.any.sa_family);
	sum = sctp_checksum(packet, sizeof(packet));
	memcpy(packet + 8, &sum, sizeof(sum));
	if (sendto(fd, packet, sizeof(packet), 0, &remote.any, address_len(&remote)) < 0)
		say_error();
	else if (wait_for(fd, POLLIN, atoi(argv[2]))) {
		memset(&error, 0, sizeof(error));
		if (!receive(fd, MSG_ERRQUEUE | MSG_DONTWAIT, &arrival, &error))
			printf("ok icmp %d %d %s\n", error.ee_type, error.ee_code,
			       address_text(&arrival.from, &port));
		else if (!receive(fd, MSG_DONTWAIT, &arrival, NULL))
			printf("ok answer %d\n",
			       buffer[(remote.any.sa_family == AF_INET ? (buffer[0] & 15) * 4 : 0) +
				      12]);
		else
			say_error();
	}
	close(fd);
}

static void do_source(char **argv)
{
	union address address;
	socklen_t len = sizeof(address);
	int fd, port;

	if (!address_parse(argv[1], "9", &address)) {
		printf("error EINVAL\n");
		return;
	}
	fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(fd, &address.any, address_len(&address)) || getsockname(fd, &address.any, &len))
		say_error();
	else
		printf("ok %s\n", address_text(&address, &port));
	close(fd);
}

static void do_connect(int fd, char **argv)
{
	union address remote;

	if (!address_parse(argv[2], argv[3], &remote))
		printf("error EINVAL\n");
	else
		say_result(connect(fd, &remote.any, address_len(&remote)));
}

/* The commands that use one of the numbered sockets. */
static void on_socket(int *slot, int argc, char **argv)
{
	const char *verb = argv[0];

	if (!strcmp(verb, "udp") && argc == 4)
		do_udp(slot, argv);
	else if (!strcmp(verb, "tcp") && argc == 6)
		do_tcp(slot, argv);
	else if (!strcmp(verb, "ttl") && argc == 3)
		do_ttl(*slot, argv);
	else if (!strcmp(verb, "connect") && argc == 4)
		do_connect(*slot, argv);
	else if (!strcmp(verb, "send") && argc == 3)
		say_result(dprintf(*slot, "%s\n", argv[2]) < 0 ? -1 : 0);
	else if (!strcmp(verb, "sendto") && argc == 6)
		do_sendto(*slot, argv);
	else if (!strcmp(verb, "recv") && argc == 3)
		do_recv(*slot, argv);
	else if (!strcmp(verb, "icmp") && argc == 3)
		do_icmp(*slot, argv);
	else if (!strcmp(verb, "close") && argc == 2)
		say_result(close(*slot));
	else
		printf("error ENOSYS\n");
}

/* Words are parted by one space; the last of a command that takes TEXT holds the rest. */
static int split(char *line, char **argv)
{
	int argc = 0, max = 6;

	line[strcspn(line, "\n")] = 0;
	if (!strncmp(line, "send ", 5))
		max = 3;
	while (argc < max - 1 && strchr(line, ' ')) {
		argv[argc++] = line;
		line = strchr(line, ' ');
		*line++ = 0;
	}
	argv[argc++] = line;
	return argc;
}

static int control(void)
{
	static char line[LINE_MAX_LEN];
	char *argv[8];

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	printf("ok ready\n");
	while (fgets(line, sizeof(line), stdin)) {
		int argc = split(line, argv);
		int id = argc > 1 ? atoi(argv[1]) : 0;

		if (!strcmp(argv[0], "ping") && argc == 4)
			do_ping(argv);
		else if (!strcmp(argv[0], "sctp") && argc == 3)
			do_sctp(argv);
		else if (!strcmp(argv[0], "source") && argc == 2)
			do_source(argv);
		else if (argc > 1 && id >= 0 && id < SOCKETS)
			on_socket(&sockets[id], argc, argv);
		else
			printf("error EINVAL\n");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]), argv[3]);
	if (argc == 2 && !strcmp(argv[1], "control"))
		return control();
	fprintf(stderr, "usage: net_peer serve PORT NAME | net_peer control\n");
	return 2;
}
