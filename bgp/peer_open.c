/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_open.c: what we say of ourselves in OPEN, and whether the peer's OPEN suits.
 *
 * A family is offered when it is configured and this node has an address to be the next hop in it:
 * the session's own, or, for the family that the session does not run over, the node's first one
 * (node.addresses). So one session carries both families without RFC 8950. With it, on sessions
 * over IPv6 or where the settings say so, a node without an IPv4 address is the next hop of IPv4
 * routes by its IPv6 one. A reflector offers families in which it is no next hop itself, for it
 * passes on those of others.
 *
 * The F bit of graceful restart is always set: forwarding is done by the maps and the kernel, which
 * stay whatever becomes of this program (RFC 4724 section 3).
 *
 * RFC 4271 6.2; 4724 3; 5492; 6286; 8950 4.
 */
#include <errno.h>
#include <string.h>

#include "bgp/peer_internal.h"
#include "lib/log.h"

bool peer_is_ebgp(const struct peer *peer)
{
	return peer->config.as != peer->config.local_as;
}

bool peer_may_log_attempt(const struct peer *peer)
{
	return peer->kind != PEER_DYNAMIC || speaker_may_log_stranger(peer->speaker);
}

const char *peer_family_name(enum bgp_family family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

/* Our address of @family towards this peer; zero: none. */
static struct ip_addr own_address(const struct peer *peer, const struct ip_addr *local,
				  enum bgp_family family)
{
	const struct config *config = peer->speaker->config;
	struct ip_addr none = {};

	if (!ip_addr_is_zero(local) && ip_addr_is_v4(local) == (family == FAMILY_IPV4) &&
	    !ip_addr_is_link_local(local))
		return *local;
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_is_v4(&config->node_address[i]) == (family == FAMILY_IPV4))
			return config->node_address[i];
	return none;
}

struct ip_addr peer_own_next_hop(const struct peer *peer, const struct ip_addr *local,
				 enum bgp_family family, bool extended)
{
	struct ip_addr addr = own_address(peer, local, family), v6;

	if (family != FAMILY_IPV4 || !extended)
		return addr;
	v6 = own_address(peer, local, FAMILY_IPV6);
	if (ip_addr_is_zero(&addr) ||
	    (peer->config.extended_next_hop == EXTENDED_NEXT_HOP_ALWAYS && !ip_addr_is_zero(&v6)))
		return v6;
	return addr;
}

/* Do we offer IPv6 next hops of IPv4 routes? */
static bool offers_extended_next_hop(const struct peer *peer)
{
	if (!peer->config.ipv4 || peer->config.extended_next_hop == EXTENDED_NEXT_HOP_NEVER)
		return false;
	return peer->config.extended_next_hop == EXTENDED_NEXT_HOP_ALWAYS ||
	       !ip_addr_is_v4(&peer->addr);
}

/* Do we offer @family: wanted, and we can be a next hop in it (a reflector need not be one). */
static bool offers_family(const struct peer *peer, const struct ip_addr *local,
			  enum bgp_family family)
{
	bool wanted = family == FAMILY_IPV4 ? peer->config.ipv4 : peer->config.ipv6;
	struct ip_addr next_hop =
		peer_own_next_hop(peer, local, family, offers_extended_next_hop(peer));

	return wanted && (!ip_addr_is_zero(&next_hop) || peer->speaker->is_reflector);
}

void peer_log_left_out(const struct peer *peer)
{
	struct ip_addr none = {};

	for (int i = 0; i < FAMILY_COUNT; i++)
		if ((i == FAMILY_IPV4 ? peer->config.ipv4 : peer->config.ipv6) &&
		    !offers_family(peer, &none, i))
			log_info("peer %s: %s is left out: this node has no %s address; set "
				 "node.addresses",
				 peer->name, peer_family_name(i), peer_family_name(i));
}

void peer_fill_open(const struct peer *peer, const struct ip_addr *local, struct open_message *ret)
{
	struct capabilities *caps = &ret->capabilities;

	memset(ret, 0, sizeof(*ret));
	ret->as = peer->config.local_as;
	ret->hold_time_s = peer->config.hold_time_s;
	ret->router_id = peer->speaker->router_id;
	caps->extended_next_hop = offers_extended_next_hop(peer);
	caps->route_refresh = true;
	caps->enhanced_refresh = true;
	caps->four_octet_as = true;
	caps->as = peer->config.local_as;
	caps->graceful_restart = true;
	caps->restarting = peer->speaker->is_restarting;
	caps->restart_time_s = peer_restart_time_s(peer);
	for (int i = 0; i < FAMILY_COUNT; i++) {
		caps->family[i] = offers_family(peer, local, i);
		caps->restart_family[i] = caps->family[i];
		/* The maps and the kernel's routes stay whatever happens to us. */
		caps->forwarding[i] = true;
	}
}

static int check_identity(const struct peer *peer, const struct open_message *open_message,
			  struct bgp_error *ret_error)
{
	if (open_message->as != peer->config.as) {
		if (peer_may_log_attempt(peer))
			log_warning("peer %s: it says AS %u, configured is %u; set bgp.peers.as",
				    peer->name, open_message->as, peer->config.as);
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_PEER_AS, NULL, 0);
		return -EPROTO;
	}
	if (!peer_is_ebgp(peer) && open_message->router_id == peer->speaker->router_id) {
		if (peer_may_log_attempt(peer))
			log_warning("peer %s: it has our router id; set bgp.router_id", peer->name);
		message_error_set(ret_error, ERROR_OPEN, OPEN_BAD_IDENTIFIER, NULL, 0);
		return -EPROTO;
	}
	return 0;
}

/* RFC 5492 section 5: the capabilities that are missed, one of which would do. */
static int check_families(const struct session *session, const struct open_message *open_message,
			  struct bgp_error *ret_error)
{
	const struct capabilities *own = &session->params.open_message.capabilities;
	uint8_t missed[FAMILY_COUNT * CAPABILITY_FAMILY_LEN];
	struct wire_writer writer;

	wire_writer_init(&writer, missed, sizeof(missed));
	for (int i = 0; i < FAMILY_COUNT; i++) {
		if (!own->family[i])
			continue;
		if (open_message->capabilities.family[i])
			return 0;
		capability_write_family(&writer, i);
	}
	message_error_set(ret_error, ERROR_OPEN, OPEN_UNSUPPORTED_CAPABILITY, missed, writer.len);
	return -EPROTO;
}

int peer_check_open(const struct peer *peer, const struct session *session,
		    const struct open_message *open_message, struct bgp_error *ret_error)
{
	int err = check_identity(peer, open_message, ret_error);

	return err < 0 ? err : check_families(session, open_message, ret_error);
}
