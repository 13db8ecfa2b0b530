/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfd_socket.c: the system calls of BFD over UDP, in one place (RFC 5881, 5883).
 *
 * Packets come to one socket for each family and kind of session, bound to the well-known port and
 * to no address: the kernel tells of each datagram where it was sent to and with which TTL it
 * arrived. All ports are above 1023, so no capability is needed.
 *
 * Each session sends from a socket of its own, for its source port is its own and stays the same.
 * Nobody reads that socket: its receive buffer is as small as the kernel lets it be.
 */
#include "bgp/bfd_socket.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <unistd.h>

#include "bgp/socket_address.h"
#include "lib/ip_prefix.h"

#define ROUTE_PORT 9 /* of a datagram that is never sent */

static int new_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	return fd;
}

static int set_all(int fd, int family, const int options_v4[2], const int options_v6[2])
{
	const int *option = family == AF_INET ? options_v4 : options_v6;
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, on = 1;

	for (size_t i = 0; i < 2; i++)
		if (setsockopt(fd, level, option[i], &on, sizeof(on)) < 0)
			return -errno;
	return 0;
}

int bfd_socket_listen(int family, bool is_multihop)
{
	static const int told_v4[] = { IP_RECVTTL, IP_PKTINFO };
	static const int told_v6[] = { IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO };
	uint16_t port = is_multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP;
	union socket_address any = {};
	int fd = new_socket(family), err;

	if (fd < 0)
		return fd;
	any.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		any.v4.sin_port = htons(port);
	else
		any.v6.sin6_port = htons(port);
	err = set_all(fd, family, told_v4, told_v6);
	if (err == 0 && bind(fd, &any.any, family == AF_INET ? sizeof(any.v4) : sizeof(any.v6)) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int set_header(int fd, int family)
{
	int ttl = BFD_TTL, tos = IPTOS_CLASS_CS6, least = 1;
	bool is_v6 = family == AF_INET6;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
	setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS, &tos,
		   sizeof(tos));
	return setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_UNICAST_HOPS : IP_TTL,
			  &ttl, sizeof(ttl)) < 0
		       ? -errno
		       : 0;
}

int bfd_socket_open(const struct ip_addr *remote, const struct ip_addr *local, uint16_t port)
{
	int family = ip_addr_family(remote), fd = new_socket(family), err;
	union socket_address address;
	socklen_t len;

	if (fd < 0)
		return fd;
	len = socket_address_fill(local, port, &address);
	err = set_header(fd, family);
	if (err == 0 && bind(fd, &address.any, len) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int bfd_socket_send(int fd, const struct ip_addr *remote, bool is_multihop, const uint8_t *data,
		    size_t len)
{
	union socket_address address;
	socklen_t address_len = socket_address_fill(
		remote, is_multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP, &address);

	return sendto(fd, data, len, MSG_NOSIGNAL, &address.any, address_len) < 0 ? -errno : 0;
}

int bfd_socket_route(const struct ip_addr *remote, struct ip_addr *ret_local)
{
	union socket_address address;
	socklen_t len = socket_address_fill(remote, ROUTE_PORT, &address);
	int fd = new_socket(ip_addr_family(remote)), err = 0;

	if (fd < 0)
		return fd;
	if (connect(fd, &address.any, len) < 0)
		err = -errno;
	len = sizeof(address);
	if (err == 0 && getsockname(fd, &address.any, &len) < 0)
		err = -errno;
	close(fd);
	if (err == 0)
		*ret_local = socket_address_read(&address);
	return err;
}

/* --- receiving --- */

static void read_control(struct msghdr *header, struct bfd_datagram *ret)
{
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		int level = control->cmsg_level, type = control->cmsg_type, ttl = 0;

		if (level == IPPROTO_IP && type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			ret->local = ip_addr_from_v4(info.ipi_addr);
		} else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(control), sizeof(info));
			ret->local = ip_addr_from_v6(&info.ipi6_addr);
		} else if ((level == IPPROTO_IP && type == IP_TTL) ||
			   (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT)) {
			memcpy(&ttl, CMSG_DATA(control), sizeof(ttl));
			ret->ttl = (unsigned int)ttl;
		}
	}
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
};

int bfd_socket_receive(int fd, struct bfd_datagram datagram[BFD_BATCH])
{
	union socket_address address[BFD_BATCH];
	union control control[BFD_BATCH];
	struct mmsghdr message[BFD_BATCH];
	struct iovec octets[BFD_BATCH];
	int count;

	memset(message, 0, sizeof(message));
	for (size_t i = 0; i < BFD_BATCH; i++) {
		octets[i] = (struct iovec){ datagram[i].data, sizeof(datagram[i].data) };
		message[i].msg_hdr = (struct msghdr){ .msg_name = &address[i],
						      .msg_namelen = sizeof(address[i]),
						      .msg_iov = &octets[i],
						      .msg_iovlen = 1,
						      .msg_control = &control[i],
						      .msg_controllen = sizeof(control[i]) };
	}
	count = recvmmsg(fd, message, BFD_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		datagram[i].remote = socket_address_read(&address[i]);
		datagram[i].local = (struct ip_addr){};
		datagram[i].ttl = 0;
		datagram[i].len = message[i].msg_len;
		read_control(&message[i].msg_hdr, &datagram[i]);
	}
	return count;
}
