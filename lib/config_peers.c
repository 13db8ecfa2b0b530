/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_peers.c: the lists bgp.mesh and bgp.peers.
 *
 * Both end in one array of struct config_peer, the mesh first. The mesh is a list of the addresses
 * of all nodes, the same on every node: this node's own are left out here. A mesh peer has the
 * speaker's AS and no keys of its own, but for those that bgp.mesh_* gives to all of them. A
 * configured peer starts from the same values, then its keys are read; what does not go together (a
 * range that is connected to, a reflector client in another AS) is refused. The secret in
 * password_file is read by tortie-bgpd, never kept in the configuration; that of a cluster comes
 * with its document.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

static int read_peer_address(struct config_reader *reader, const struct config_row *row,
			     const struct config_node *node, void *field)
{
	struct ip_addr *addr = field;
	int err = config_read_addr(reader, row, node, field);

	if (err < 0)
		return err;
	if (ip_addr_is_zero(addr) || ip_addr_is_multicast(addr) || ip_addr_is_link_local(addr))
		return config_fail(reader, node, "%s: no peer can have this address", node->text);
	return 0;
}

static int read_families(struct config_reader *reader, const struct config_row *row,
			 const struct config_node *node, void *field)
{
	const struct config_row item = { .read = config_read_choice, .choices = "ipv4 ipv6" };
	struct config_peer *peer = field;
	unsigned int family[2] = { 0, 0 };
	int err = config_check_list(reader, node, 2);

	if (err < 0)
		return err;
	if (node->count == 0)
		return config_fail(reader, node, "is empty; name ipv4, ipv6 or both");
	err = config_read_list(reader, &item, node, family, sizeof(family[0]));
	if (err < 0)
		return err;
	if (node->count == 2 && family[0] == family[1])
		return config_fail(reader, node, "names a family twice");
	peer->ipv4 = family[0] == 0 || (node->count == 2 && family[1] == 0);
	peer->ipv6 = family[0] == 1 || (node->count == 2 && family[1] == 1);
	return 0;
}

/* A secret: what is wrong with it is said without it. */
int config_read_password(struct config_reader *reader, const struct config_row *row,
			 const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);
	char *copy;

	if (!text)
		return -EINVAL;
	if (strlen(text) > CONFIG_PASSWORD_MAX)
		return config_fail(reader, node, "longer than %d octets", CONFIG_PASSWORD_MAX);
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int read_limit_action(struct config_reader *reader, const struct config_row *row,
			     const struct config_node *node, void *field)
{
	unsigned int choice = 0;
	int err = config_read_choice(reader, row, node, &choice);

	((struct config_peer *)field)->max_routes_close = choice == 1;
	return err;
}

#define HOPS_MAX 255 /* RFC 5082 */

#define PEER_FIELD(name) offsetof(struct config_peer, name)

static const struct config_row peer_rows[] = {
	{ "address", read_peer_address, PEER_FIELD(addr) },
	{ "range", config_read_prefix, PEER_FIELD(range) },
	{ "as", config_read_as, PEER_FIELD(as) },
	{ "local_as", config_read_as, PEER_FIELD(local_as) },
	{ "allow_own_as", config_read_u32, PEER_FIELD(allow_own_as), 0, CONFIG_OWN_AS_ALLOWED_MAX,
	  NULL },
	{ "port", config_read_u16, PEER_FIELD(port), 1, UINT16_MAX, NULL },
	{ "passive", config_read_bool, PEER_FIELD(passive) },
	{ "families", read_families, 0 },
	{ "reflector_client", config_read_bool, PEER_FIELD(reflector_client) },
	{ "import", config_read_choice, PEER_FIELD(import), .choices = "pools all none" },
	{ "export", config_read_choice, PEER_FIELD(export), .choices = "own all none" },
	{ "next_hop", config_read_choice, PEER_FIELD(next_hop), .choices = "auto self keep" },
	{ "extended_next_hop", config_read_choice, PEER_FIELD(extended_next_hop),
	  .choices = CONFIG_EXTENDED_NEXT_HOP_CHOICES },
	{ "max_routes", config_read_u32, PEER_FIELD(max_routes), 1, ROUTES_OF_PEER_MAX, NULL },
	{ "max_routes_action", read_limit_action, 0, .choices = "refuse close" },
	{ "source", config_read_choice, PEER_FIELD(source), .choices = "route node" },
	{ "hold_time", config_read_hold_time, PEER_FIELD(hold_time_s) },
	{ "restart_time", config_read_u16, PEER_FIELD(restart_time_s), 1, CONFIG_RESTART_TIME_MAX,
	  NULL },
	{ "ttl_security", config_read_u16, PEER_FIELD(ttl_security), 1, HOPS_MAX, NULL },
	{ "bfd", config_read_bfd, PEER_FIELD(bfd) },
	{ "password_file", config_read_path, PEER_FIELD(password_file) },
	{ "password", config_read_password, PEER_FIELD(password) },
	{ "filters", NULL, 0 }, /* config_peer_filters_read() */
};

static void init_peer(struct config_peer *peer, const struct bgp_draft *draft)
{
	*peer = (struct config_peer){
		.as = draft->as,
		.local_as = draft->as,
		.port = BGP_PORT,
		.ipv4 = true,
		.ipv6 = true,
		.source = draft->is_cluster ? CONNECT_FROM_NODE : CONNECT_FROM_ROUTE,
		.hold_time_s = draft->hold_time_s,
	};
}

static int check_peer(struct config_reader *reader, const struct config_node *node,
		      const struct bgp_draft *draft, const struct config_peer *peer)
{
	const struct config_node *passive = config_find(node, "passive");
	const struct config_node *port = config_find(node, "port");
	const struct config_node *source = config_find(node, "source");

	if (!config_find(node, "address") == !config_find(node, "range"))
		return config_fail(reader, node, "needs exactly one of address and range");
	if (!config_find(node, "as"))
		return config_fail(reader, node, "needs as, the peer's AS number");
	if (peer->password && !draft->is_cluster)
		return config_fail(
			reader, config_find(node, "password"),
			"password: only the cluster's document has it; set password_file");
	if (peer->password && peer->password_file)
		return config_fail(reader, node, "needs one of password and password_file");
	if (peer->is_range && port)
		return config_fail(reader, port, "port: a range is never connected to");
	if (peer->is_range && source)
		return config_fail(reader, source, "source: a range is never connected to");
	if (peer->is_range && passive && !peer->passive)
		return config_fail(reader, passive, "passive: a range is always passive");
	if (peer->reflector_client && peer->as != peer->local_as)
		return config_fail(reader, config_find(node, "reflector_client"),
				   "reflector_client: only a peer of the same AS (%u) can be one",
				   peer->local_as);
	return 0;
}

/* The list called @key of the map @node, if it is there. */
static int read_filters(struct config_reader *reader, const struct config_node *node,
			const char *key, const struct config_bgp *bgp, struct config_peer *peer)
{
	const struct config_node *list = config_find(node, key);
	size_t mark;
	int err;

	if (!list)
		return 0;
	mark = config_enter_key(reader, key);
	err = config_peer_filters_read(reader, list, bgp, peer);
	if (err == 0)
		config_leave(reader, mark);
	return err;
}

static int read_peer(struct config_reader *reader, const struct bgp_draft *draft,
		     const struct config_node *node, struct config_peer *peer)
{
	int err;

	init_peer(peer, draft);
	err = config_read_map(reader, node, CONFIG_ROWS(peer_rows), peer);
	if (err == 0)
		err = read_filters(reader, node, "filters", draft->bgp, peer);
	if (err < 0)
		return err;
	peer->is_range = config_find(node, "range") != NULL;
	config_bfd_settle(config_find(node, "bfd"), peer);
	err = check_peer(reader, node, draft, peer);
	if (peer->is_range)
		peer->passive = true;
	return err;
}

static int read_peers(struct config_reader *reader, const struct bgp_draft *draft,
		      const struct config_node *list)
{
	const struct config_node *node;
	size_t i = 0;

	for (node = list->first; node; node = node->next) {
		size_t mark = config_enter_item(reader, i++);
		int err =
			read_peer(reader, draft, node, &draft->bgp->peer[draft->bgp->peer_count++]);

		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	return 0;
}

static bool is_own_address(const struct config *config, const struct ip_addr *addr)
{
	size_t i;

	for (i = 0; i < config->node_address_count; i++) {
		if (ip_addr_equal(&config->node_address[i], addr))
			return true;
	}
	return false;
}

static int set_mesh_password(struct config_peer *peer, const struct bgp_draft *draft)
{
	if (!draft->bgp->mesh_password)
		return 0;
	peer->password = strdup(draft->bgp->mesh_password);
	return peer->password ? 0 : -ENOMEM;
}

static int read_mesh(struct config_reader *reader, const struct bgp_draft *draft,
		     const struct config_node *list, const struct config *config)
{
	const struct config_node *node;
	size_t i = 0;

	for (node = list->first; node; node = node->next) {
		size_t mark = config_enter_item(reader, i++);
		struct config_peer *peer = &draft->bgp->peer[draft->bgp->peer_count];
		struct ip_addr addr;
		int err = read_peer_address(reader, NULL, node, &addr);

		if (err < 0)
			return err;
		config_leave(reader, mark);
		if (is_own_address(config, &addr))
			continue;
		init_peer(peer, draft);
		draft->bgp->peer_count++;
		peer->is_mesh = true;
		peer->addr = addr;
		peer->source = CONNECT_FROM_NODE;
		peer->bfd = draft->mesh_bfd;
		peer->extended_next_hop =
			(enum config_extended_next_hop)draft->mesh_extended_next_hop;
		if (set_mesh_password(peer, draft) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* All of the mesh have the same filters: read once, then copied. */
static int read_mesh_filters(struct config_reader *reader, const struct config_node *top,
			     struct config_bgp *bgp)
{
	struct config_peer model = { 0 };
	int err = read_filters(reader, top, "mesh_filters", bgp, &model);
	size_t octets = model.filter_count * sizeof(*model.filter);

	for (size_t i = 0; i < bgp->peer_count && octets > 0 && err == 0; i++) {
		bgp->peer[i].filter = malloc(octets);
		if (!bgp->peer[i].filter) {
			err = -ENOMEM;
			break;
		}
		memcpy(bgp->peer[i].filter, model.filter, octets);
		bgp->peer[i].filter_count = model.filter_count;
	}
	free(model.filter);
	return err;
}

/* Room for both lists, then each in turn. */
int config_peers_read(struct config_reader *reader, const struct config_node *top,
		      const struct bgp_draft *draft, const struct config *config)
{
	const struct config_node *mesh = config_find(top, "mesh");
	const struct config_node *peers = config_find(top, "peers");
	size_t mark, count = (mesh ? mesh->count : 0) + (peers ? peers->count : 0);
	int err = 0;

	draft->bgp->peer = calloc(count ? count : 1, sizeof(*draft->bgp->peer));
	if (!draft->bgp->peer)
		return -ENOMEM;
	if (mesh) {
		mark = config_enter_key(reader, "mesh");
		err = config_check_list(reader, mesh, CONFIG_MESH_MAX);
		if (err == 0)
			err = read_mesh(reader, draft, mesh, config);
		if (err < 0)
			return err;
		config_leave(reader, mark);
	}
	err = read_mesh_filters(reader, top, draft->bgp);
	if (err < 0 || !peers)
		return err;
	mark = config_enter_key(reader, "peers");
	err = config_check_list(reader, peers, CONFIG_PEERS_MAX);
	if (err == 0)
		err = read_peers(reader, draft, peers);
	if (err == 0)
		config_leave(reader, mark);
	return err;
}
