/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_SOCKET_ADDRESS_H
#define BGP_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ip_address.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage storage;
};

/** socket_address_fill() - @addr and @port (host order) as the kernel takes them; the length. */
socklen_t socket_address_fill(const struct ip_addr *addr, uint16_t port, union socket_address *ret);
/** socket_address_read() - the address; zero when it is of another family. */
struct ip_addr socket_address_read(const union socket_address *address);

#endif /* BGP_SOCKET_ADDRESS_H */
