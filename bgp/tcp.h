/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_TCP_H
#define BGP_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

#define TCP_PASSWORD_MAX 80 /* octets (RFC 2385 section 4.5: the kernel's bound) */

/*
 * Sockets of BGP sessions. All are non-blocking and close-on-exec; descriptors are the caller's.
 * Ports are in host order.
 */

/** tcp_listen() - bind and listen; fd or -errno. */
int tcp_listen(const struct ip_addr *addr, uint16_t port);
/**
 * tcp_set_hops() - send with TTL 255, and take only from those who do and are at most @hops away
 * (RFC 5082); 0: from everyone. 0 or -errno.
 */
int tcp_set_hops(int fd, unsigned int hops);
/** tcp_note_first_hops() - let the kernel keep each SYN for tcp_check_first_hops(). 0 or -errno. */
int tcp_note_first_hops(int listen_fd);
/** tcp_check_first_hops() - did the SYN of this accepted connection hold to @hops, as in
 * tcp_set_hops()? Once a connection. 0, -EPERM or another -errno. */
int tcp_check_first_hops(int fd, unsigned int hops);
/** tcp_accept() - next connection of @listen_fd and whence it comes; fd or -errno (-EAGAIN). */
int tcp_accept(int listen_fd, struct ip_addr *ret_remote);

/* How to connect. */
struct tcp_target {
	struct ip_addr remote;
	uint16_t port;
	struct ip_addr local; /* zero: the kernel chooses */
	const char *password; /* NULL: none */
	unsigned int hops;    /* as in tcp_set_hops() */
};

/** tcp_connect() - begin to connect; writable when done, see tcp_connect_result(). fd or -errno. */
int tcp_connect(const struct tcp_target *target);
int tcp_connect_result(int fd); /* 0 or -errno */
/** tcp_local_address() - our address on the connection; zero when there is none. */
struct ip_addr tcp_local_address(int fd);
/** tcp_remote_address() - the other end's; zero when @fd is no connection that is up. */
struct ip_addr tcp_remote_address(int fd);
/** tcp_set_abort() - closing @fd resets the connection: what was not taken is given up. */
void tcp_set_abort(int fd);
/** tcp_wait_for() - @fd counts as readable once @octets wait, or at its end. */
void tcp_wait_for(int fd, size_t octets);
/** tcp_hold_ack() - recv() does not acknowledge what it takes: what we send next does, or
 * tcp_send_ack(), or the kernel after 40 ms. Holds until then. */
void tcp_hold_ack(int fd);
/** tcp_send_ack() - acknowledge now what has not been. */
void tcp_send_ack(int fd);
/** tcp_silent_ms() - since the peer's last octets came, read or not; UINT64_MAX: not known. */
uint64_t tcp_silent_ms(int fd);
/** tcp_setup() - options of every session: no delay, DSCP CS6 (RFC 4271 appendix E). */
void tcp_setup(int fd);
/** tcp_set_password() - MD5 signatures (RFC 2385) with everyone in @remote; NULL removes them. 0 or
 * -errno. */
int tcp_set_password(int fd, const struct ip_prefix *remote, const char *password);
/**
 * tcp_read_password() - first line of @path into @ret (TCP_PASSWORD_MAX + 1 octets). 0 or -errno:
 * -EINVAL when it is empty or too long.
 */
int tcp_read_password(const char *path, char *ret);

#endif /* BGP_TCP_H */
