/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket_address.c: addresses between tortie's one form and the kernel's two.
 *
 * A socket is IPv4 or IPv6 by the address that it is made for, never both: an IPv4-mapped address
 * becomes a sockaddr_in.
 */
#include "bgp/socket_address.h"

#include <string.h>

#include "lib/ip_prefix.h"

socklen_t socket_address_fill(const struct ip_addr *addr, uint16_t port, union socket_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ip_addr_is_v4(addr)) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		ret->v4.sin_addr = ip_addr_to_v4(addr);
		return sizeof(ret->v4);
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons(port);
	ret->v6.sin6_addr = ip_addr_to_v6(addr);
	return sizeof(ret->v6);
}

struct ip_addr socket_address_read(const union socket_address *address)
{
	struct ip_addr none = {};

	if (address->any.sa_family == AF_INET)
		return ip_addr_from_v4(address->v4.sin_addr);
	if (address->any.sa_family == AF_INET6)
		return ip_addr_from_v6(&address->v6.sin6_addr);
	return none;
}
