/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_BFD_SOCKET_H
#define BGP_BFD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

#define BFD_PORT_SINGLE_HOP 3784 /* RFC 5881 section 4 */
#define BFD_PORT_MULTIHOP   4784 /* RFC 5883 section 5 */
#define BFD_SOURCE_FIRST    49152
#define BFD_SOURCE_COUNT    16384
#define BFD_TTL		    255
#define BFD_DATAGRAM_MAX    256 /* the Length field has an octet */
#define BFD_BATCH	    32

struct bfd_datagram {
	struct ip_addr remote, local; /* where it came from, what it was sent to */
	unsigned int ttl;	      /* as it arrived; 0: not told */
	size_t len;
	uint8_t data[BFD_DATAGRAM_MAX];
};

/** bfd_socket_listen() - a socket for what neighbours of the family (AF_INET, AF_INET6) send, any
 * local address. The descriptor, or -errno. */
int bfd_socket_listen(int family, bool is_multihop);
/** bfd_socket_open() - a socket to send to @remote from, at @local and
 * @port; nobody reads it. The descriptor, or -errno (-EADDRINUSE: try another port). */
int bfd_socket_open(const struct ip_addr *remote, const struct ip_addr *local, uint16_t port);
/** bfd_socket_send() - 0 or -errno. */
int bfd_socket_send(int fd, const struct ip_addr *remote, bool is_multihop, const uint8_t *data,
		    size_t len);
/** bfd_socket_receive() - up to BFD_BATCH datagrams that wait. How many, or -errno. */
int bfd_socket_receive(int fd, struct bfd_datagram datagram[BFD_BATCH]);
/** bfd_socket_route() - the local address that the route to @remote gives. 0 or -errno. */
int bfd_socket_route(const struct ip_addr *remote, struct ip_addr *ret_local);

#endif /* BGP_BFD_SOCKET_H */
