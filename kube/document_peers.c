/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_peers.c: bgp.peers, from BGPPeer.
 *
 * A BGPPeer says who peers (node, nodeSelector, or neither: all nodes) and with whom (peerIP and
 * asNumber, or peerSelector: nodes). Peering with nodes works both ways, as with Calico: a node
 * that the peerSelector names peers with those of the first half too. One session between two
 * nodes carries both families, so nodes are spoken to on their mesh address.
 *
 * Each address stands once: own addresses, the mesh, then peers by age.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "kube/selector.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

#define NOT_YET "not in this version"

/* As Calico's. A router may have other ways to what this node announces (Services), so it must not
 * hold on to a dead one for as long as nodes do (document_bgp.c). */
#define RESTART_TIME_OUTSIDE_S 120

static const struct doc_field peer_rows[] = {
	{ "node", true, NULL, NULL },
	{ "nodeSelector", true, NULL, NULL },
	{ "peerIP", true, NULL, NULL },
	{ "asNumber", true, NULL, NULL },
	{ "peerSelector", true, NULL, NULL },
	{ "sourceAddress", true, NULL, NULL },
	{ "password", true, NULL, NULL },
	{ "keepOriginalNextHop", true, NULL, NULL },
	{ "maxRestartTime", true, NULL, NULL },
	{ "keepaliveTime", true, NULL, NULL },
	{ "numAllowedLocalASNumbers", true, NULL, NULL },
	{ "localASNumber", true, NULL, NULL },
	{ "ttlSecurity", true, NULL, NULL },
	{ "filters", true, NULL, NULL },
	{ "reachableBy", false, NULL, NOT_YET },
	{ "localWorkloadSelector", false, NULL, NOT_YET },
	{ "reversePeering", false, "Auto", NOT_YET },
	{ "nextHopMode", true, NULL, NULL },
};

static const struct doc_fields peer_fields = {
	CLUSTER_BGP_PEERS,
	peer_rows,
	sizeof(peer_rows) / sizeof(peer_rows[0]),
};

struct peer_spec {
	const struct cluster_object *object;
	const char *node, *node_selector, *peer_ip, *peer_selector; /* NULL: not given */
	struct bgp_peer line; /* address, AS and port follow */
};

static const char *text_of(struct json_object *spec, const char *key)
{
	const char *text = json_get_text(spec, key);

	return text && *text ? text : NULL;
}

/* --- who --- */

static bool matches(const char *selector, const struct doc_node *node)
{
	const char *why;
	bool holds = false;

	selector_match(selector, node->object->labels, node->object->label_count, &holds, &why);
	return holds;
}

static bool is_peering(const struct peer_spec *peer, const struct doc_node *node)
{
	if (peer->node)
		return strcmp(peer->node, node->name) == 0;
	return !peer->node_selector || matches(peer->node_selector, node);
}

static bool is_good_selector(struct bgp_draft *draft, const struct peer_spec *peer,
			     const char *field, const char *text)
{
	const char *why;

	if (!text || selector_check(text, &why) == 0)
		return true;
	document_warn(draft->builder, CLUSTER_BGP_PEERS, peer->object->name,
		      "spec.%s: %.100s: %s: left out", field, text, why);
	return false;
}

static bool is_good_spec(struct bgp_draft *draft, const struct peer_spec *peer)
{
	const char *fault = NULL;

	if (peer->node && peer->node_selector)
		fault = "spec.node and spec.nodeSelector exclude each other: left out";
	else if (!peer->peer_ip == !peer->peer_selector)
		fault = "needs exactly one of spec.peerIP and spec.peerSelector: left out";
	if (!fault)
		return is_good_selector(draft, peer, "nodeSelector", peer->node_selector) &&
		       is_good_selector(draft, peer, "peerSelector", peer->peer_selector);
	document_warn(draft->builder, CLUSTER_BGP_PEERS, peer->object->name, "%s", fault);
	return false;
}

/* --- how --- */

/* Whose routes come in and what they look like. What is wrong is returned. */
static const char *read_policy(struct json_object *spec, struct peer_spec *peer)
{
	const char *mode = json_get_text(spec, "nextHopMode"), *fault = NULL;
	bool keeps = false;
	int64_t allowed = 0;

	json_get_bool(spec, "keepOriginalNextHop", &keeps);
	peer->line.next_hop = keeps ? "keep" : NULL;
	if (mode && *mode) /* it replaces the older field */
		peer->line.next_hop = strcmp(mode, "Self") == 0	  ? "self"
				      : strcmp(mode, "Keep") == 0 ? "keep"
								  : NULL;
	if (mode && *mode && !peer->line.next_hop && strcmp(mode, "Auto") != 0)
		fault = "spec.nextHopMode: neither Auto, Self nor Keep: Auto is used";
	if (json_get(spec, "numAllowedLocalASNumbers") &&
	    !json_get_number(spec, "numAllowedLocalASNumbers", 0, CONFIG_OWN_AS_ALLOWED_MAX,
			     &allowed))
		fault = "spec.numAllowedLocalASNumbers: not 0 to 100: 0 is used";
	peer->line.allow_own_as = (unsigned int)allowed;
	if (!json_get(spec, "localASNumber"))
		return fault;
	if (peer->peer_selector)
		return "spec.localASNumber: towards nodes it is that of bgpconfiguration default";
	return bgp_as_read(json_get(spec, "localASNumber"), &peer->line.local_as)
		       ? fault
		       : "spec.localASNumber: no AS number: that of the nodes is used";
}

/* What a session has besides its ends. A field that says nothing sensible is named, and not used.
 */
static void read_settings(struct bgp_draft *draft, struct json_object *spec, struct peer_spec *peer)
{
	const char *source = json_get_text(spec, "sourceAddress"), *fault;
	struct json_object *restart = json_get(spec, "maxRestartTime");
	struct json_object *keepalive = json_get(spec, "keepaliveTime");
	int64_t hops = 0;

	bgp_read_bfd(draft, CLUSTER_BGP_PEERS, peer->object, &peer->line.bfd);
	peer->line.extended_next_hop =
		bgp_read_extended_next_hop(draft, CLUSTER_BGP_PEERS, peer->object);
	fault = read_policy(spec, peer);
	peer->line.is_source_route = source && strcmp(source, "None") == 0;
	if (source && !peer->line.is_source_route && strcmp(source, "UseNodeIP") != 0)
		fault = "spec.sourceAddress: neither UseNodeIP nor None: UseNodeIP is used";
	if (json_get(spec, "ttlSecurity") && !json_get_number(spec, "ttlSecurity", 0, 255, &hops))
		fault = "spec.ttlSecurity: not 0 to 255: not used";
	peer->line.hops = (unsigned int)hops;
	if (restart && !bgp_seconds_read(restart, &peer->line.restart_time_s))
		fault = "spec.maxRestartTime: not 1s to 4095s: the default is used";
	if (keepalive && !bgp_seconds_read(keepalive, &peer->line.keepalive_s))
		fault = "spec.keepaliveTime: not 1s to 4095s: the default is used";
	if (fault)
		document_warn(draft->builder, CLUSTER_BGP_PEERS, peer->object->name, "%s", fault);
}

static bool take_password(struct bgp_draft *draft, struct peer_spec *peer)
{
	const struct bgp_secret_place place = { CLUSTER_BGP_PEERS, peer->object, "password" };

	return bgp_read_secret(draft, &place, peer->line.password) != BGP_SECRET_MISSING;
}

/* --- with whom --- */

static bool is_full(struct bgp_draft *draft, const struct peer_spec *peer)
{
	if (draft->peers_written < DOCUMENT_PEERS_MAX)
		return false;
	document_problem(draft->builder, CLUSTER_BGP_PEERS, peer->object->name,
			 "more than %d peers of this node: left out", DOCUMENT_PEERS_MAX);
	return true;
}

/* The node that has @addr; NULL: none. */
static const struct doc_node *find_node(const struct builder *builder, const struct ip_addr *addr)
{
	for (size_t i = 0; i < builder->node_count; i++)
		for (size_t k = 0; k < builder->nodes[i].address_count; k++)
			if (ip_addr_equal(&builder->nodes[i].address[k], addr))
				return &builder->nodes[i];
	return NULL;
}

/* Is the peer at @addr (a node's, or not) a client of this node, should it reflect? Reflectors of
 * one cluster are none of each other. */
static bool is_client(const struct bgp_draft *draft, const struct ip_addr *addr)
{
	const struct doc_node *self = draft->builder->self;
	const struct doc_node *node;

	if (!bgp_is_reflector(self))
		return false;
	node = find_node(draft->builder, addr);
	return !node || !ip_addr_equal(&node->object->cluster_id, &self->object->cluster_id);
}

static void write_line(struct bgp_draft *draft, const struct peer_spec *peer,
		       const struct ip_addr *addr, uint32_t as, uint16_t port)
{
	struct bgp_peer line = peer->line;

	if (!line.restart_time_s && !find_node(draft->builder, addr))
		line.restart_time_s = RESTART_TIME_OUTSIDE_S;
	line.is_client =
		as == (line.local_as ? line.local_as : draft->as) && is_client(draft, addr);
	line.addr = *addr;
	line.as = as;
	line.port = port;
	bgp_write_peer(draft, &line);
}

static void peer_with_nodes(struct bgp_draft *draft, const struct peer_spec *peer)
{
	struct builder *builder = draft->builder;
	bool is_here = is_peering(peer, builder->self);
	bool is_there = matches(peer->peer_selector, builder->self);

	for (size_t i = 0; i < builder->node_count; i++) {
		const struct doc_node *node = &builder->nodes[i];
		const struct ip_addr *addr = bgp_mesh_address(builder, node);

		if (node == builder->self || !addr)
			continue;
		if (!(is_here && matches(peer->peer_selector, node)) &&
		    !(is_there && is_peering(peer, node)))
			continue;
		if (is_full(draft, peer))
			return;
		if (bgp_take_address(draft, addr))
			write_line(draft, peer, addr, draft->as, bgp_port_of(draft, node->name));
	}
}

/* "ADDRESS", "IPV4:PORT" or "[IPV6]:PORT"; *ret_port stays when none is given. */
static bool read_place(const char *text, struct ip_addr *ret_addr, uint16_t *ret_port)
{
	char addr[IP_ADDR_TEXT_MAX];
	const char *colon = strrchr(text, ':'), *end = colon;
	char *rest;
	unsigned long port;

	if (ip_addr_parse(text, ret_addr) == 0)
		return true;
	if (!colon)
		return false;
	if (text[0] == '[') {
		text++;
		if (end == text || *--end != ']')
			return false;
	}
	if ((size_t)(end - text) >= sizeof(addr) || colon[1] < '0' || colon[1] > '9')
		return false;
	memcpy(addr, text, (size_t)(end - text));
	addr[end - text] = '\0';
	port = strtoul(colon + 1, &rest, 10);
	if (*rest || port == 0 || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return ip_addr_parse(addr, ret_addr) == 0;
}

/* Why this node cannot speak to @addr; NULL: it can. */
static const char *address_fault(const struct bgp_draft *draft, const struct ip_addr *addr)
{
	const struct doc_node *self = draft->builder->self;

	if (ip_addr_is_zero(addr) || ip_addr_is_multicast(addr) || ip_addr_is_loopback(addr) ||
	    ip_addr_is_link_local(addr))
		return "no peer can have this address";
	for (size_t i = 0; i < self->address_count; i++)
		if (ip_addr_family(&self->address[i]) == ip_addr_family(addr))
			return NULL;
	return "this node has no InternalIP of its family";
}

/* Without a port in peerIP: the one that the address's node listens on, else 179. */
static uint16_t port_of_node(const struct bgp_draft *draft, const struct ip_addr *addr)
{
	const struct doc_node *node = find_node(draft->builder, addr);

	return node ? bgp_port_of(draft, node->name) : BGP_PORT_DEFAULT;
}

static bool is_own_address(const struct builder *builder, const struct ip_addr *addr)
{
	for (size_t i = 0; i < builder->self->address_count; i++)
		if (ip_addr_equal(&builder->self->address[i], addr))
			return true;
	return false;
}

static void peer_with_address(struct bgp_draft *draft, const struct peer_spec *peer)
{
	struct builder *builder = draft->builder;
	const char *name = peer->object->name, *fault;
	struct json_object *spec = json_get_object(peer->object->json, "spec");
	struct ip_addr addr;
	uint16_t port = 0;
	uint32_t as;

	if (!is_peering(peer, builder->self))
		return;
	if (!read_place(peer->peer_ip, &addr, &port)) {
		document_warn(builder, CLUSTER_BGP_PEERS, name,
			      "spec.peerIP: %.60s: neither ADDRESS nor ADDRESS:PORT: left out",
			      peer->peer_ip);
		return;
	}
	if (is_own_address(builder, &addr))
		return; /* a peer of all other nodes */
	fault = address_fault(draft, &addr);
	if (!fault && !bgp_as_read(json_get(spec, "asNumber"), &as))
		fault = "spec.asNumber is missing, or no AS number";
	if (!fault && is_full(draft, peer))
		return;
	if (!fault && !bgp_take_address(draft, &addr))
		fault = "the mesh or an older peer has this address";
	if (fault)
		document_warn(builder, CLUSTER_BGP_PEERS, name, "spec.peerIP: %.60s: %s: left out",
			      peer->peer_ip, fault);
	else
		write_line(draft, peer, &addr, as, port ? port : port_of_node(draft, &addr));
}

void bgp_write_peers(struct bgp_draft *draft)
{
	struct cluster_object *object = draft->builder->cluster->objects[CLUSTER_BGP_PEERS];

	for (; object; object = object->hh.next) {
		struct json_object *spec = json_get_object(object->json, "spec");
		struct peer_spec peer = {
			.object = object,
			.node = text_of(spec, "node"),
			.node_selector = text_of(spec, "nodeSelector"),
			.peer_ip = text_of(spec, "peerIP"),
			.peer_selector = text_of(spec, "peerSelector"),
		};

		document_note_fields(draft->builder, &peer_fields, object);
		if (!is_good_spec(draft, &peer))
			continue;
		read_settings(draft, spec, &peer);
		if (!take_password(draft, &peer) || !bgp_take_filters(draft, object, &peer.line))
			continue;
		if (peer.peer_ip)
			peer_with_address(draft, &peer);
		else
			peer_with_nodes(draft, &peer);
	}
}
