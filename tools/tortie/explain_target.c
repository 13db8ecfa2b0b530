/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_target.c: what people write behind `tortie explain` (pure).
 *
 *   10.244.2.20            address, icmp
 *   10.244.2.20:80         tcp to port 80
 *   [fd00:244::5]:53/udp   IPv6 with a port needs the brackets of RFC 3986 section 3.2.2
 *   shop/web:8080          pod web of namespace shop
 *
 * FROM may have a port too: with kube-proxy beside us a flow is known by both.
 *
 * A slash separates a namespace from a pod as well as a protocol from the rest: the word after the
 * last slash is a protocol when it is the name of one, which no pod in a namespace then can be.
 */

#include "tools/tortie/explain_target.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "lib/ip_prefix.h"

static uint32_t protocol_parse(const char *word)
{
	static const struct {
		const char *name;
		uint32_t number;
	} names[] = {
		{ "tcp", IPPROTO_TCP },	  { "udp", IPPROTO_UDP },	{ "icmp", IPPROTO_ICMP },
		{ "sctp", IPPROTO_SCTP }, { "icmpv6", IPPROTO_ICMPV6 }, { "icmp6", IPPROTO_ICMPV6 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(word, names[i].name) == 0)
			return names[i].number;
	}
	return 0;
}

static int port_parse(const char *text, uint32_t *ret_port)
{
	uint32_t port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (uint32_t)(*text - '0');
	}
	if (port == 0 || port > 65535)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

/* Cut "/PROTOCOL" off the end of @name. */
static void protocol_cut(char *name, uint32_t *ret_protocol)
{
	char *slash = strrchr(name, '/');
	uint32_t protocol = slash ? protocol_parse(slash + 1) : 0;

	if (protocol == 0)
		return;
	*slash = '\0';
	*ret_protocol = protocol;
}

/* Cut ":PORT" and brackets; *ret_port points at the port's text within @name, NULL: none. */
static int port_cut(char *name, const char **ret_port, const char **ret_error)
{
	char *bracket = strchr(name, ']'), *colon = strchr(name, ':');
	struct ip_addr addr;

	*ret_port = NULL;
	if (name[0] == '[') {
		if (!bracket || (bracket[1] != '\0' && bracket[1] != ':')) {
			*ret_error = "brackets without their end; write [ADDRESS]:PORT";
			return -EINVAL;
		}
		*ret_port = bracket[1] == ':' ? bracket + 2 : NULL;
		*bracket = '\0';
		memmove(name, name + 1, strlen(name + 1) + 1);
		if (ip_addr_parse(name, &addr) == 0 && !ip_addr_is_v4(&addr))
			return 0;
		*ret_error = "no IPv6 address in the brackets";
		return -EINVAL;
	}
	if (!colon || ip_addr_parse(name, &addr) == 0)
		return 0;
	if (strchr(colon + 1, ':')) {
		*ret_error = "not an address; IPv6 with a port is [ADDRESS]:PORT";
		return -EINVAL;
	}
	*colon = '\0';
	*ret_port = colon + 1;
	return 0;
}

int explain_target_parse(const char *text, struct explain_target *ret, const char **ret_error)
{
	struct explain_target target = { 0 };
	const char *port;
	int err;

	if (strlen(text) > NAME_MAX_LEN) {
		*ret_error = "is too long (253 characters)";
		return -EINVAL;
	}
	strcpy(target.name, text);
	protocol_cut(target.name, &target.protocol);
	err = port_cut(target.name, &port, ret_error);
	if (err < 0)
		return err;
	if (port && port_parse(port, &target.port) < 0) {
		*ret_error = strchr(port, '/') ? "unknown protocol (tcp, udp, icmp, sctp)"
					       : "not a port (1 to 65535)";
		return -EINVAL;
	}
	if (target.name[0] == '\0') {
		*ret_error = "neither an address nor a pod's name";
		return -EINVAL;
	}
	target.is_address = ip_addr_parse(target.name, &target.addr) == 0;
	if (!target.is_address && (unsigned char)(target.name[0] - '0') < 10 &&
	    strchr(target.name, '.') && strchr(target.name, '/')) {
		*ret_error = "a packet goes to one address, or the protocol is unknown (tcp, udp, "
			     "icmp, sctp)";
		return -EINVAL;
	}
	*ret = target;
	return 0;
}

int explain_target_settle(const struct explain_target *from, struct explain_target *to,
			  const char **ret_error)
{
	bool is_v6 = (from->is_address && !ip_addr_is_v4(&from->addr)) ||
		     (to->is_address && !ip_addr_is_v4(&to->addr));

	if (from->protocol) {
		*ret_error = "the protocol belongs to TO, the second word";
		return -EINVAL;
	}
	if (from->port && !to->port) {
		*ret_error = "a port of FROM needs one of TO";
		return -EINVAL;
	}
	if (from->is_address && to->is_address &&
	    ip_addr_is_v4(&from->addr) != ip_addr_is_v4(&to->addr)) {
		*ret_error = "one address is IPv4, the other IPv6: no packet has both";
		return -EINVAL;
	}
	if (to->protocol == 0)
		to->protocol = to->port ? IPPROTO_TCP : IPPROTO_ICMP;
	if (to->protocol == IPPROTO_ICMP && is_v6)
		to->protocol = IPPROTO_ICMPV6;
	if (to->port && (to->protocol == IPPROTO_ICMP || to->protocol == IPPROTO_ICMPV6)) {
		*ret_error = "icmp has no ports";
		return -EINVAL;
	}
	return 0;
}
