/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c: the system calls of BGP's TCP connections, in one place.
 *
 * Addresses come and go in tortie's one form; a socket is IPv4 or IPv6 by its address, never both.
 * With an agent, listening sockets come from it and only accepting happens here; MD5 keys (RFC
 * 2385) are set on those too, which the kernel allows without a capability. A key for a range of
 * neighbours uses TCP_MD5SIG_EXT. Passwords are read from files and appear in no message.
 *
 * All that we send has TTL 255, so that a peer can ask for it (RFC 5082); what we ask for is a
 * peer's setting. On a listening socket it is not known yet who comes, so a stranger's SYN is
 * answered, and the rule is the accepted socket's. What came before it was accepted is not looked
 * at by the kernel: therefore the SYN itself is kept and its TTL checked.
 */
#include "bgp/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bgp/socket_address.h"
#include "lib/ip_prefix.h"

#define LISTEN_BACKLOG 1024 /* all nodes restart at once */
#define TTL_SENT       255  /* RFC 5082 */

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73 /* linux/in6.h, which glibc's header excludes */
#endif

static int new_socket(const struct ip_addr *addr)
{
	int family = ip_addr_is_v4(addr) ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int tcp_listen(const struct ip_addr *addr, uint16_t port)
{
	int fd = new_socket(addr), on = 1, err;
	union socket_address address;
	socklen_t len;

	if (fd < 0)
		return fd;
	len = socket_address_fill(addr, port, &address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &address.any, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int tcp_accept(int listen_fd, struct ip_addr *ret_remote)
{
	union socket_address address;
	socklen_t len = sizeof(address);
	int fd = accept4(listen_fd, &address.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_remote = socket_address_read(&address);
	return fd;
}

/* The options of the other family are refused, or mean nothing. */
int tcp_set_hops(int fd, unsigned int hops)
{
	int family = AF_UNSPEC, least = (int)(TTL_SENT + 1 - hops), ttl = TTL_SENT;
	socklen_t len = sizeof(family);
	bool is_v6;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return -errno;
	is_v6 = family == AF_INET6;
	if (setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_UNICAST_HOPS : IP_TTL,
		       &ttl, sizeof(ttl)) < 0)
		return -errno;
	if (hops == 0)
		return 0;
	return setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
			  is_v6 ? IPV6_MINHOPCOUNT : IP_MINTTL, &least, sizeof(least)) < 0
		       ? -errno
		       : 0;
}

int tcp_note_first_hops(int listen_fd)
{
	int on = 1;

	return setsockopt(listen_fd, IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof(on)) < 0 ? -errno : 0;
}

int tcp_check_first_hops(int fd, unsigned int hops)
{
	uint8_t header[128]; /* IPv4 with options, or IPv6, and TCP */
	socklen_t len = sizeof(header);
	unsigned int ttl;

	if (hops == 0)
		return 0;
	if (getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, header, &len) < 0)
		return -errno;
	if (len < sizeof(struct iphdr))
		return 0; /* a SYN flood is on, and cookies leave nothing to look at */
	ttl = header[0] >> 4 == 6 ? header[offsetof(struct ip6_hdr, ip6_hlim)]
				  : header[offsetof(struct iphdr, ttl)];
	return ttl < TTL_SENT + 1 - hops ? -EPERM : 0;
}

static int connect_socket(int fd, const struct tcp_target *target)
{
	struct ip_prefix host = ip_prefix_host(&target->remote);
	union socket_address address;
	socklen_t len;
	int err = tcp_set_hops(fd, target->hops);

	if (err == 0 && target->password)
		err = tcp_set_password(fd, &host, target->password);
	if (err == 0 && !ip_addr_is_zero(&target->local)) {
		len = socket_address_fill(&target->local, 0, &address);
		err = bind(fd, &address.any, len) < 0 ? -errno : 0;
	}
	len = socket_address_fill(&target->remote, target->port, &address);
	if (err == 0 && connect(fd, &address.any, len) < 0 && errno != EINPROGRESS)
		err = -errno;
	return err;
}

int tcp_connect(const struct tcp_target *target)
{
	int fd = new_socket(&target->remote), err;

	if (fd < 0)
		return fd;
	err = connect_socket(fd, target);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int tcp_connect_result(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

struct ip_addr tcp_local_address(int fd)
{
	union socket_address address = {};
	socklen_t len = sizeof(address);
	struct ip_addr none = {};

	return getsockname(fd, &address.any, &len) < 0 ? none : socket_address_read(&address);
}

struct ip_addr tcp_remote_address(int fd)
{
	union socket_address address = {};
	socklen_t len = sizeof(address);
	struct ip_addr none = {};

	return getpeername(fd, &address.any, &len) < 0 ? none : socket_address_read(&address);
}

void tcp_set_abort(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void tcp_wait_for(int fd, size_t octets)
{
	int count = (int)octets;

	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &count, sizeof(count));
}

static void set_quick_ack(int fd, int is_on)
{
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &is_on, sizeof(is_on));
}

void tcp_hold_ack(int fd)
{
	set_quick_ack(fd, 0);
}

void tcp_send_ack(int fd)
{
	set_quick_ack(fd, 1);
}

uint64_t tcp_silent_ms(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? UINT64_MAX
								      : info.tcpi_last_data_recv;
}

void tcp_setup(int fd)
{
	int on = 1, tos = IPTOS_CLASS_CS6;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* One of the two fits the socket's family; neither matters for being right. */
	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

int tcp_set_password(int fd, const struct ip_prefix *remote, const char *password)
{
	size_t len = password ? strlen(password) : 0;
	struct tcp_md5sig key = {};
	union socket_address address;
	socklen_t address_len;

	if (len > TCP_MD5SIG_MAXKEYLEN)
		return -EINVAL;
	address_len = socket_address_fill(&remote->addr, 0, &address);
	memcpy(&key.tcpm_addr, &address, address_len);
	key.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
	key.tcpm_prefixlen = (uint8_t)ip_prefix_family_bits(remote);
	key.tcpm_keylen = (uint16_t)len;
	if (len > 0)
		memcpy(key.tcpm_key, password, len);
	return setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &key, sizeof(key)) < 0 ? -errno : 0;
}

int tcp_read_password(const char *path, char *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[TCP_PASSWORD_MAX + 3] = {};
	ssize_t len;
	size_t end;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return (int)len;
	end = strcspn(text, "\r\n");
	text[end] = '\0';
	if (end == 0 || end > TCP_PASSWORD_MAX)
		return -EINVAL;
	memcpy(ret, text, end + 1);
	return 0;
}
