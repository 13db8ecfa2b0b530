/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_alias.c: the record of a pod's attachment, in and out of a link's alias.
 *
 * The link is the only record of an attachment that survives the agent, so its alias carries all
 * that cannot be read elsewhere: container id, interface name and MAC in the pod, addresses. It is
 * one line for people too, as `ip link` shows it:
 *
 *	tortie:1 CONTAINER-ID IFNAME 0a:1b:2c:3d:4e:5f 10.244.1.7 fd00:10:244:1::7
 *
 * The number is the format's version. Fields have one space between them. The kernel keeps 255
 * octets: 128 of container id, 15 of name, 17 of MAC, one address of each family and the fixed
 * parts are 220; more addresses fit when the id is shorter, and format says so when they do not.
 *
 * Parsing is strict, because a stranger's link may carry one of our groups by accident: a record
 * counts only when formatting it again gives the same octets.
 */
#include "loader/endpoint_alias.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "lib/mac.h"
#include "lib/pod_ifname.h"

#define ALIAS_MARK "tortie:1"

int endpoint_alias_format(const struct endpoint *endpoint, char ret_alias[ENDPOINT_ALIAS_MAX + 1])
{
	char text[IP_ADDR_TEXT_MAX], mac[MAC_TEXT_MAX];
	size_t len;
	int n;

	n = snprintf(ret_alias, ENDPOINT_ALIAS_MAX + 1, ALIAS_MARK " %s %s %s",
		     endpoint->container_id, endpoint->ifname, mac_format(endpoint->pod_mac, mac));
	if (n < 0 || n > ENDPOINT_ALIAS_MAX)
		return -E2BIG;
	len = (size_t)n;
	for (size_t i = 0; i < endpoint->address_count; i++) {
		ip_addr_format(&endpoint->address[i], text, sizeof(text));
		n = snprintf(ret_alias + len, ENDPOINT_ALIAS_MAX + 1 - len, " %s", text);
		if (n < 0 || (size_t)n > ENDPOINT_ALIAS_MAX - len)
			return -E2BIG;
		len += (size_t)n;
	}
	return 0;
}

/* The next field of @at into @buf; false when there is none or it is too long. */
static bool take_field(const char **at, char *buf, size_t size)
{
	size_t len = strcspn(*at, " ");

	if (len == 0 || len >= size)
		return false;
	memcpy(buf, *at, len);
	buf[len] = '\0';
	*at += len;
	if (**at == ' ')
		(*at)++;
	return true;
}

static bool parse_addresses(const char *at, struct endpoint *endpoint)
{
	char field[IP_ADDR_TEXT_MAX];

	while (*at != '\0') {
		if (endpoint->address_count == POD_ADDRESSES_MAX)
			return false;
		if (!take_field(&at, field, sizeof(field)) ||
		    ip_addr_parse(field, &endpoint->address[endpoint->address_count]) < 0)
			return false;
		endpoint->address_count++;
	}
	return true;
}

int endpoint_alias_parse(const char *alias, struct endpoint *ret_endpoint)
{
	char again[ENDPOINT_ALIAS_MAX + 1], mark[sizeof(ALIAS_MARK)], mac[MAC_TEXT_MAX];
	struct endpoint endpoint = { 0 };
	const char *at = alias;

	if (!take_field(&at, mark, sizeof(mark)) || strcmp(mark, ALIAS_MARK) != 0)
		return -EINVAL;
	if (!take_field(&at, endpoint.container_id, sizeof(endpoint.container_id)) ||
	    !container_id_is_valid(endpoint.container_id))
		return -EINVAL;
	if (!take_field(&at, endpoint.ifname, sizeof(endpoint.ifname)) ||
	    !ifname_is_valid(endpoint.ifname))
		return -EINVAL;
	if (!take_field(&at, mac, sizeof(mac)) || mac_parse(mac, endpoint.pod_mac) < 0)
		return -EINVAL;
	if (!parse_addresses(at, &endpoint))
		return -EINVAL;
	if (endpoint_alias_format(&endpoint, again) < 0 || strcmp(alias, again) != 0)
		return -EINVAL;
	pod_ifname(endpoint.container_id, endpoint.ifname, endpoint.host_ifname);
	*ret_endpoint = endpoint;
	return 0;
}
