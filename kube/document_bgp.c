/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_bgp.c: bgp, from BGPConfiguration and the nodes.
 *
 * As with Calico: without any object all nodes are a mesh in AS 64512. BGPConfiguration "default"
 * speaks for all nodes, "node.NAME" for one, and there only of its listening port and its log. The
 * mesh runs between the first InternalIPs of the family of this node's first; one session carries
 * both families. Where nodes listen elsewhere than on port 179, the list bgp.mesh cannot say so,
 * and the nodes are written as peers. A node that reflects routes is in no mesh, as with Calico.
 *
 * A node without IPv4 address needs a router id: it is made from the node's name, so that it
 * stays the same and differs between nodes.
 */
#include "kube/document_bgp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/sha1.h"

#define AS_TRANS 23456 /* RFC 6793: no AS of anyone */

/* The kubelet waits up to 5 minutes before it starts a container again that has ended often,
 * and tortie-bgpd may have to wait so for tortied before its own turn comes. For as long nodes keep
 * each other's routes: nobody else can have these pods. */
#define RESTART_TIME_NODES_S 900

static const struct doc_field config_rows[] = {
	{ "asNumber", true, NULL, NULL },
	{ "nodeToNodeMeshEnabled", true, NULL, NULL },
	{ "listenPort", true, NULL, NULL },
	{ "nodeMeshMaxRestartTime", true, NULL, NULL },
	{ "logSeverityScreen", true, NULL, NULL },
	{ "serviceClusterIPs", true, NULL, NULL },
	{ "serviceExternalIPs", true, NULL, NULL },
	{ "serviceLoadBalancerIPs", true, NULL, NULL },
	{ "serviceLoadBalancerAggregation", true, NULL, NULL },
	{ "communities", true, NULL, NULL },
	{ "prefixAdvertisements", true, NULL, NULL },
	{ "nodeMeshPassword", true, NULL, NULL },
	{ "bindMode", false, NULL, "BGP listens on the node's addresses" },
};

static const struct doc_fields config_fields = {
	CLUSTER_BGP_CONFIGS,
	config_rows,
	sizeof(config_rows) / sizeof(config_rows[0]),
};

/* --- values --- */

static bool read_decimal(const char **at, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9' && number <= max; (*at)++)
		number = number * 10 + (uint64_t)(**at - '0');
	*ret = number;
	return *at > start && number <= max;
}

static bool as_from_text(const char *text, uint64_t *ret)
{
	uint64_t high, low;

	if (!read_decimal(&text, UINT32_MAX, &high))
		return false;
	*ret = high;
	if (*text == '\0')
		return true;
	if (*text++ != '.' || high > UINT16_MAX || !read_decimal(&text, UINT16_MAX, &low))
		return false;
	*ret = high << 16 | low;
	return *text == '\0';
}

bool bgp_as_read(struct json_object *value, uint32_t *ret)
{
	const char *text = json_text(value);
	uint64_t as = 0;
	int64_t number;

	if (text) {
		if (!as_from_text(text, &as))
			return false;
	} else {
		if (!value || !json_object_is_type(value, json_type_int))
			return false;
		number = json_object_get_int64(value);
		as = number > 0 && number <= UINT32_MAX ? (uint64_t)number : 0;
	}
	if (as == 0 || as == AS_TRANS)
		return false;
	*ret = (uint32_t)as;
	return true;
}

bool bgp_seconds_read(struct json_object *value, unsigned int *ret)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = { { "h", 3600000 }, { "ms", 1 }, { "m", 60000 }, { "s", 1000 } };
	const char *text = json_text(value);
	uint64_t total_ms = 0, number;

	if (!text || !*text)
		return false;
	while (*text) {
		size_t i = 0;

		if (!read_decimal(&text, CONFIG_RESTART_TIME_MAX * 1000, &number))
			return false;
		while (i < 4 && strncmp(text, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		if (i == 4)
			return false;
		text += strlen(units[i].unit);
		total_ms += number * units[i].ms;
	}
	if (total_ms < 1000 || total_ms / 1000 > CONFIG_RESTART_TIME_MAX)
		return false;
	*ret = (unsigned int)(total_ms / 1000);
	return true;
}

/* --- BGPConfiguration --- */

static struct json_object *spec_of(const struct cluster_object *object)
{
	return object ? json_get_object(object->json, "spec") : NULL;
}

static bool port_of_spec(struct json_object *spec, uint16_t *ret)
{
	int64_t port;

	if (!json_get_number(spec, "listenPort", 1, UINT16_MAX, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

uint16_t bgp_port_of(const struct bgp_draft *draft, const char *name)
{
	char own[NAME_MAX_LEN + sizeof("node.")];
	uint16_t port = draft->port;

	snprintf(own, sizeof(own), "node.%s", name);
	port_of_spec(spec_of(cluster_find(draft->builder->cluster, CLUSTER_BGP_CONFIGS, own)),
		     &port);
	return port;
}

bool bgp_is_reflector(const struct doc_node *node)
{
	return !ip_addr_is_zero(&node->object->cluster_id);
}

static void note(struct bgp_draft *draft, const struct cluster_object *object, const char *text)
{
	document_warn(draft->builder, CLUSTER_BGP_CONFIGS, object->name, "%s", text);
}

/* The speaker's level for one of Calico's; NULL: not said, or no level. */
static const char *read_log_level(struct bgp_draft *draft, const struct cluster_object *object)
{
	static const struct {
		const char *severity, *level;
	} levels[] = {
		{ "trace", "debug" },	  { "debug", "debug" }, { "info", "info" },
		{ "warning", "warning" }, { "error", "error" }, { "fatal", "error" },
	};
	const char *severity = json_get_text(spec_of(object), "logSeverityScreen");

	if (!severity || !*severity)
		return NULL;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(severity, levels[i].severity) == 0)
			return levels[i].level;
	note(draft, object, "spec.logSeverityScreen: no level of a log: not used");
	return NULL;
}

static void read_default(struct bgp_draft *draft, const struct cluster_object *object)
{
	struct json_object *spec = spec_of(object), *as = json_get(spec, "asNumber");
	struct json_object *restart = json_get(spec, "nodeMeshMaxRestartTime");

	if (as && !bgp_as_read(as, &draft->as))
		note(draft, object, "spec.asNumber: no AS number: 64512 is used");
	json_get_bool(spec, "nodeToNodeMeshEnabled", &draft->is_mesh);
	draft->log_level = read_log_level(draft, object);
	if (json_get(spec, "listenPort") && !port_of_spec(spec, &draft->port))
		note(draft, object, "spec.listenPort: no port: 179 is used");
	if (restart && !bgp_seconds_read(restart, &draft->restart_time_s))
		note(draft, object,
		     "spec.nodeMeshMaxRestartTime: not 1s to 4095s: the default is used");
}

/* These two alone are read from a node's own object, too. */
static bool is_of_nodes_too(const char *field)
{
	return strcmp(field, "listenPort") == 0 || strcmp(field, "logSeverityScreen") == 0;
}

static void check_node_config(struct bgp_draft *draft, const struct cluster_object *object)
{
	struct json_object *spec = spec_of(object);
	uint16_t port;
	char text[128];

	for (size_t i = 0; i < config_fields.count; i++) {
		const struct doc_field *field = &config_rows[i];

		if (!field->is_served || !json_get(spec, field->name) ||
		    is_of_nodes_too(field->name))
			continue;
		snprintf(text, sizeof(text), "spec.%s: is read from bgpconfiguration default alone",
			 field->name);
		note(draft, object, text);
	}
	if (json_get(spec, "listenPort") && !port_of_spec(spec, &port))
		note(draft, object, "spec.listenPort: no port: the default's is used");
	if (strcmp(object->name + strlen("node."), draft->builder->self->name) == 0)
		draft->own_log_level = read_log_level(draft, object);
}

static void read_configs(struct bgp_draft *draft)
{
	const struct cluster_object *object = draft->builder->cluster->objects[CLUSTER_BGP_CONFIGS];

	for (; object; object = object->hh.next) {
		if (strcmp(object->name, "default") == 0) {
			read_default(draft, object);
		} else if (strncmp(object->name, "node.", 5) == 0) {
			check_node_config(draft, object);
		} else {
			note(draft, object, "is neither default nor node.NAME: left out");
			continue;
		}
		document_note_fields(draft->builder, &config_fields, object);
	}
}

/* --- the mesh --- */

const struct ip_addr *bgp_mesh_address(const struct builder *builder, const struct doc_node *node)
{
	int family = ip_addr_family(&builder->self->address[0]);

	for (size_t i = 0; i < node->address_count; i++)
		if (ip_addr_family(&node->address[i]) == family)
			return &node->address[i];
	return NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	return ip_addr_compare(a, b);
}

bool bgp_take_address(struct bgp_draft *draft, const struct ip_addr *addr)
{
	if (bsearch(addr, draft->taken, draft->sorted_count, sizeof(*addr), compare_addresses))
		return false;
	for (size_t i = draft->sorted_count; i < draft->taken_count; i++)
		if (ip_addr_equal(&draft->taken[i], addr))
			return false;
	if (draft->taken_count < draft->taken_size)
		draft->taken[draft->taken_count++] = *addr;
	return true;
}

void bgp_write_peer(struct bgp_draft *draft, const struct bgp_peer *peer)
{
	FILE *out = draft->builder->out;
	char text[IP_ADDR_TEXT_MAX];

	if (draft->peers_written++ == 0)
		fprintf(out, "  peers:\n");
	fprintf(out, "    - {address: \"%s\", as: %u",
		ip_addr_format(&peer->addr, text, sizeof(text)), peer->as);
	if (peer->restart_time_s)
		fprintf(out, ", restart_time: %u", peer->restart_time_s);
	if (peer->port != BGP_PORT_DEFAULT)
		fprintf(out, ", port: %u", peer->port);
	if (peer->local_as)
		fprintf(out, ", local_as: %u", peer->local_as);
	if (peer->allow_own_as)
		fprintf(out, ", allow_own_as: %u", peer->allow_own_as);
	if (peer->next_hop)
		fprintf(out, ", next_hop: %s", peer->next_hop);
	if (peer->extended_next_hop)
		fprintf(out, ", extended_next_hop: %s", peer->extended_next_hop);
	if (peer->is_client)
		fprintf(out, ", reflector_client: true");
	if (peer->is_source_route)
		fprintf(out, ", source: route");
	/* RFC 4271 section 4.4: a keepalive each third of the hold time. */
	if (peer->keepalive_s)
		fprintf(out, ", hold_time: %u", 3 * peer->keepalive_s);
	if (peer->hops)
		fprintf(out, ", ttl_security: %u", peer->hops);
	if (peer->bfd.present) {
		fprintf(out, ", bfd: ");
		bgp_write_bfd(out, &peer->bfd);
	}
	if (peer->password[0]) {
		fprintf(out, ", password: ");
		bgp_write_password(out, peer->password);
	}
	bgp_write_peer_filters(draft, peer);
	fprintf(out, "}\n");
}

static bool is_standard_port(const struct bgp_draft *draft)
{
	const struct builder *builder = draft->builder;

	for (size_t i = 0; i < builder->node_count; i++)
		if (bgp_port_of(draft, builder->nodes[i].name) != BGP_PORT_DEFAULT)
			return false;
	return true;
}

/* As many as `nodes` has. */
static void collect_mesh(struct bgp_draft *draft, struct ip_addr *list, size_t *ret_count)
{
	struct builder *builder = draft->builder;

	for (size_t i = 0; i < builder->node_count; i++) {
		const struct doc_node *node = &builder->nodes[i];
		const struct ip_addr *addr = bgp_mesh_address(builder, node);

		if (!addr && node->address_count > 0)
			document_warn(builder, CLUSTER_NODES, node->name,
				      "has no InternalIP of the family of this node's first: not "
				      "in the mesh");
		if (bgp_is_reflector(node)) /* who peers with it a BGPPeer says */
			continue;
		if (addr && *ret_count < DOCUMENT_NODES_MAX)
			list[(*ret_count)++] = *addr;
	}
}

static void write_mesh_bfd(FILE *out, const struct doc_bfd *bfd)
{
	if (!bfd->present)
		return;
	fprintf(out, "  mesh_bfd: ");
	bgp_write_bfd(out, bfd);
	fputc('\n', out);
}

/* False: the password should be there, and cannot be had. */
static bool take_mesh_settings(struct bgp_draft *draft, struct bgp_peer *peer)
{
	const struct bgp_secret_place place = {
		.kind = CLUSTER_BGP_CONFIGS,
		.object = cluster_find(draft->builder->cluster, CLUSTER_BGP_CONFIGS, "default"),
		.field = "nodeMeshPassword",
	};

	if (place.object) {
		bgp_read_bfd(draft, place.kind, place.object, &peer->bfd);
		peer->extended_next_hop =
			bgp_read_extended_next_hop(draft, place.kind, place.object);
	}
	return !place.object ||
	       bgp_read_secret(draft, &place, peer->password) != BGP_SECRET_MISSING;
}

static void write_mesh(struct bgp_draft *draft, struct ip_addr *list, size_t count)
{
	struct builder *builder = draft->builder;
	struct bgp_peer peer = { .as = draft->as };

	if (!take_mesh_settings(draft, &peer))
		return;
	bgp_take_advertisements(draft, &peer);
	if (is_standard_port(draft)) {
		qsort(list, count, sizeof(*list), compare_addresses);
		fprintf(builder->out, "  mesh: ");
		document_write_addresses(builder->out, list, count);
		fputc('\n', builder->out);
		bgp_write_mesh_filters(draft, &peer);
		write_mesh_bfd(builder->out, &peer.bfd);
		if (peer.extended_next_hop)
			fprintf(builder->out, "  mesh_extended_next_hop: %s\n",
				peer.extended_next_hop);
		if (!peer.password[0])
			return;
		fprintf(builder->out, "  mesh_password: ");
		bgp_write_password(builder->out, peer.password);
		fputc('\n', builder->out);
		return;
	}
	for (size_t i = 0; i < builder->node_count; i++) {
		const struct doc_node *node = &builder->nodes[i];
		const struct ip_addr *addr = bgp_mesh_address(builder, node);

		if (!addr || node == builder->self || bgp_is_reflector(node))
			continue;
		if (draft->peers_written == DOCUMENT_PEERS_MAX) {
			document_problem(builder, CLUSTER_BGP_CONFIGS, "default",
					 "spec.listenPort: served for at most %d nodes: the others "
					 "are left out",
					 DOCUMENT_PEERS_MAX);
			return;
		}
		peer.addr = *addr;
		peer.port = bgp_port_of(draft, node->name);
		bgp_write_peer(draft, &peer);
	}
}

/* --- the whole --- */

static void write_router_id(struct bgp_draft *draft)
{
	const struct doc_node *self = draft->builder->self;
	uint8_t digest[SHA1_OCTETS];

	for (size_t i = 0; i < self->address_count; i++)
		if (ip_addr_is_v4(&self->address[i]))
			return;
	sha1(self->name, strlen(self->name), digest);
	/* 1.0.0.0 to 223.255.255.255: looks like an address to those who check. */
	fprintf(draft->builder->out, "  router_id: %u.%u.%u.%u\n", digest[0] % 223 + 1, digest[1],
		digest[2], digest[3]);
}

static void write_cluster_id(struct bgp_draft *draft)
{
	const struct doc_node *self = draft->builder->self;
	char text[IP_ADDR_TEXT_MAX];

	if (bgp_is_reflector(self))
		fprintf(draft->builder->out, "  cluster_id: \"%s\"\n",
			ip_addr_format(&self->object->cluster_id, text, sizeof(text)));
}

static void write_listen(struct bgp_draft *draft)
{
	const struct doc_node *self = draft->builder->self;
	uint16_t port = bgp_port_of(draft, self->name);
	FILE *out = draft->builder->out;
	char text[IP_ADDR_TEXT_MAX];

	if (port == BGP_PORT_DEFAULT)
		return;
	fprintf(out, "  listen: [");
	for (size_t i = 0; i < self->address_count; i++) {
		ip_addr_format(&self->address[i], text, sizeof(text));
		fprintf(out, ip_addr_is_v4(&self->address[i]) ? "%s\"%s:%u\"" : "%s\"[%s]:%u\"",
			i ? ", " : "", text, port);
	}
	fprintf(out, "]\n");
}

static void write_log_level(const struct bgp_draft *draft)
{
	const char *level = draft->own_log_level ? draft->own_log_level : draft->log_level;

	if (level)
		fprintf(draft->builder->out, "  log_level: %s\n", level);
}

static int take_own_and_mesh(struct bgp_draft *draft, const struct ip_addr *mesh, size_t count)
{
	const struct doc_node *self = draft->builder->self;

	draft->taken_size = self->address_count + count + DOCUMENT_PEERS_MAX;
	draft->taken = calloc(draft->taken_size, sizeof(*draft->taken));
	if (!draft->taken)
		return -ENOMEM;
	for (size_t i = 0; i < self->address_count; i++)
		draft->taken[draft->taken_count++] = self->address[i];
	for (size_t i = 0; i < count; i++)
		draft->taken[draft->taken_count++] = mesh[i];
	draft->sorted_count = draft->taken_count;
	qsort(draft->taken, draft->sorted_count, sizeof(*draft->taken), compare_addresses);
	return 0;
}

int document_write_bgp(struct builder *builder)
{
	struct bgp_draft draft = { .builder = builder,
				   .as = BGP_AS_DEFAULT,
				   .is_mesh = true,
				   .restart_time_s = RESTART_TIME_NODES_S };
	struct ip_addr *mesh = calloc(builder->node_count, sizeof(*mesh));
	size_t count = 0;
	int err;

	draft.port = BGP_PORT_DEFAULT;
	if (!mesh)
		return -ENOMEM;
	read_configs(&draft);
	if (draft.is_mesh && !bgp_is_reflector(builder->self))
		collect_mesh(&draft, mesh, &count);
	err = take_own_and_mesh(&draft, mesh, count);
	if (err == 0)
		err = bgp_read_filters(&draft);
	if (err == 0) {
		fprintf(builder->out, "bgp:\n  as: %u\n", draft.as);
		write_router_id(&draft);
		write_cluster_id(&draft);
		write_listen(&draft);
		fprintf(builder->out, "  restart_time: %u\n", draft.restart_time_s);
		write_log_level(&draft);
		err = bgp_write_services(&draft);
	}
	if (err == 0) {
		if (count > 0)
			write_mesh(&draft, mesh, count);
		bgp_write_peers(&draft);
		bgp_write_filters(&draft);
	}
	bgp_free_filters(&draft);
	free(draft.taken);
	free(mesh);
	return err;
}
