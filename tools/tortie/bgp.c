/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp.c: `tortie get bgpconfiguration`, `bgppeer`, `bgpfilter`, `ipreservation`: Calico's kinds.
 *
 * Columns are calicoctl's. Nodes that have no BGPConfiguration called default work by defaults; a
 * Calico user looks for it under that name, so it is shown all the same, and the line above says
 * that there is no such object. A node without Kubernetes has no objects: AS number, mesh and peers
 * are shown as they run, the latter two while tortie-bgpd is there, who alone knows them; what
 * nobody tells us (the port, the log's level) is left out. Of its file's filters and reserved
 * addresses the line above says that they are not listed.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"

#define API_VERSION "projectcalico.org/v3"
#define API_PATH    "/apis/projectcalico.org/v3/"
#define BGP_PORT    179
#define DEFAULT	    "default"

/* The value at @path as a cell called @key; @absent when there is none. */
static void cell_set(struct json_object *row, const char *key, struct json_object *object,
		     const char *path, const char *absent)
{
	const char *text = document_words_at(object, path);

	document_set_words(row, key, text[0] ? text : absent);
}

/* --- BGPConfiguration --- */

static const struct output_column configuration_columns[] = {
	{ "NAME", "name", false, false },
	{ "LOGSEVERITY", "log_severity", false, false },
	{ "MESHENABLED", "mesh_enabled", false, false },
	{ "ASNUMBER", "as", false, false },
	{ "LISTENPORT", "port", true, false },
};

static void configuration_row(const struct get_source *source, struct json_object *object,
			      struct json_object *row)
{
	cell_set(row, "name", object, "metadata.name", "");
	cell_set(row, "log_severity", object, "spec.logSeverityScreen", "");
	cell_set(row, "mesh_enabled", object, "spec.nodeToNodeMeshEnabled", "");
	cell_set(row, "as", object, "spec.asNumber", "");
	cell_set(row, "port", object, "spec.listenPort", "");
}

struct running {
	uint32_t cluster; /* enum cluster_state */
	uint32_t bgp;	  /* enum bgp_condition */
	uint32_t as;	  /* 0: no BGP */
	bool has_mesh;
};

static int running_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_status *status = body;
	const struct msg_node *node = body;
	const struct msg_peer *peer = body;
	struct running *running = arg;

	if (type == MSG_STATUS) {
		running->cluster = status->cluster;
		running->bgp = status->bgp;
	} else if (type == MSG_NODE && node->is_self) {
		running->as = node->as;
	} else if (type == MSG_PEER && peer->kind == PEER_NODE_MESH) {
		running->has_mesh = true;
	}
	return 0;
}

static int running_ask(struct get_source *source, struct running *running)
{
	static const uint32_t requests[] = { MSG_GET_STATUS, MSG_GET_NODES, MSG_GET_PEERS };
	int err = 0;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && !err; i++)
		err = request_list(source->request, requests[i], running_record, running);
	return err;
}

/* Has the node that is asked no cluster, so that there are no objects? */
static int alone_ask(struct get_source *source, bool *ret_alone, bool *ret_has_speaker)
{
	struct running running = { .cluster = CLUSTER_IN_SYNC };
	int err = 0;

	if (!source->cluster)
		err = request_list(source->request, MSG_GET_STATUS, running_record, &running);
	*ret_alone = running.cluster == CLUSTER_NONE;
	*ret_has_speaker = running.bgp != BGP_NO_SPEAKER;
	return err;
}

/* For kinds of which the agent tells nothing else. */
static int unlisted_collect(struct get_source *source, struct json_object *objects)
{
	bool is_alone, has_speaker;
	int err = alone_ask(source, &is_alone, &has_speaker);

	if (err == 0 && is_alone)
		snprintf(source->note, sizeof(source->note),
			 "no Kubernetes: what its file says of them is not listed");
	return err;
}

static bool has_default(struct json_object *objects)
{
	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		if (strcmp(document_words_at(json_object_array_get_idx(objects, i),
					     "metadata.name"),
			   DEFAULT) == 0)
			return true;
	}
	return false;
}

static const struct get_objects configuration_objects;

static void spec_fill_running(struct json_object *spec, const struct running *running)
{
	document_set_number(spec, "asNumber", running->as);
	if (running->bgp != BGP_NO_SPEAKER)
		document_set_flag(spec, "nodeToNodeMeshEnabled", running->has_mesh);
}

/* What tortie-kubed tells the nodes without an object; the log's level is then each node's own. */
static void spec_fill_defaults(struct json_object *spec)
{
	document_set_number(spec, "asNumber", AS_DEFAULT);
	document_set_number(spec, "listenPort", BGP_PORT);
	document_set_flag(spec, "nodeToNodeMeshEnabled", true);
}

static int configuration_collect(struct get_source *source, struct json_object *objects)
{
	struct running running = { .cluster = CLUSTER_IN_SYNC };
	struct json_object *object, *spec;
	bool is_alone;
	int err = 0;

	if (has_default(objects))
		return 0;
	if (!source->cluster)
		err = running_ask(source, &running);
	if (err < 0)
		return err;
	is_alone = running.cluster == CLUSTER_NONE;
	if (is_alone && running.as == 0) {
		snprintf(source->note, sizeof(source->note), "no bgp: in its file");
		return 0;
	}
	snprintf(source->note, sizeof(source->note), "%s",
		 is_alone ? "no Kubernetes: what is known of its file"
			  : "no BGPConfiguration is called default: these are the defaults in "
			    "force");
	spec = document_new_map();
	if (is_alone)
		spec_fill_running(spec, &running);
	else
		spec_fill_defaults(spec);
	object = get_object(&configuration_objects, DEFAULT);
	document_set(object, "spec", spec);
	document_add(objects, object);
	return 0;
}

static const struct get_objects configuration_objects = {
	.kind = "BGPConfiguration",
	.api_version = API_VERSION,
	.path = API_PATH "bgpconfigurations",
	.view = { .kind = "BGPConfigurationList",
		  .empty = "No BGP configuration.",
		  .columns = configuration_columns,
		  .column_count =
			  sizeof(configuration_columns) / sizeof(configuration_columns[0]) },
	.row = configuration_row,
	.collect = configuration_collect,
};

static const char *const configuration_names[] = { "bgpconfiguration", "bgpconfigurations",
						   "bgpconfig", "bgpconfigs", NULL };

const struct get_kind get_bgp_configurations = {
	.names = configuration_names,
	.objects = &configuration_objects,
};

/* --- BGPPeer --- */

static const struct output_column peer_columns[] = {
	{ "NAME", "name", false, false },
	{ "PEERIP", "peer_ip", false, false },
	{ "NODE", "node", false, false },
	{ "ASN", "as", false, false },
	{ "PEERSELECTOR", "peer_selector", true, false },
};

static void peer_row(const struct get_source *source, struct json_object *object,
		     struct json_object *row)
{
	const char *selector = document_words_at(object, "spec.nodeSelector");

	cell_set(row, "name", object, "metadata.name", "");
	cell_set(row, "peer_ip", object, "spec.peerIP", "");
	cell_set(row, "node", object, "spec.node", selector[0] ? selector : "(global)");
	cell_set(row, "as", object, "spec.asNumber", "0");
	cell_set(row, "peer_selector", object, "spec.peerSelector", "");
}

static const struct get_objects peer_objects;

/* A peer of bgp.peers, or that connected from a range of it. */
static int alone_peer_record(uint32_t type, const void *body, void *arg)
{
	const struct msg_peer *peer = body;
	struct json_object *object, *spec;
	char text[IP_ADDR_TEXT_MAX];

	if (type != MSG_PEER || peer->kind == PEER_NODE_MESH)
		return 0;
	ip_addr_format(&peer->addr, text, sizeof(text));
	spec = document_new_map();
	document_set_words(spec, "peerIP", text);
	document_set_number(spec, "asNumber", peer->remote_as);
	object = get_object(&peer_objects, text);
	document_set(object, "spec", spec);
	document_add(arg, object);
	return 0;
}

static int peers_collect(struct get_source *source, struct json_object *objects)
{
	bool is_alone, has_speaker;
	int err = alone_ask(source, &is_alone, &has_speaker);

	if (err < 0 || !is_alone)
		return err;
	snprintf(source->note, sizeof(source->note), "%s",
		 has_speaker
			 ? "no Kubernetes: the peers that tortie-bgpd has of its file"
			 : "no Kubernetes, and no tortie-bgpd that knows the peers of its file");
	return request_list(source->request, MSG_GET_PEERS, alone_peer_record, objects);
}

static const struct get_objects peer_objects = {
	.kind = "BGPPeer",
	.api_version = API_VERSION,
	.path = API_PATH "bgppeers",
	.view = { .kind = "BGPPeerList",
		  .empty = "No BGPPeer to show (tortie node status has a node's sessions).",
		  .columns = peer_columns,
		  .column_count = sizeof(peer_columns) / sizeof(peer_columns[0]) },
	.row = peer_row,
	.collect = peers_collect,
};

static const char *const peer_names[] = {
	"bgppeer", "bgppeers", "bgpp", "bgpps", "bp", "bps", NULL
};

const struct get_kind get_bgp_peers = { .names = peer_names, .objects = &peer_objects };

/* --- BGPFilter --- */

static const struct output_column filter_columns[] = {
	{ "NAME", "name", false, false },
	{ "NUMEXPORTV4", "export_v4", false, true },
	{ "NUMIMPORTV4", "import_v4", false, true },
	{ "NUMEXPORTV6", "export_v6", false, true },
	{ "NUMIMPORTV6", "import_v6", false, true },
};

static void filter_row(const struct get_source *source, struct json_object *object,
		       struct json_object *row)
{
	static const char *const lists[][2] = {
		{ "export_v4", "spec.exportV4" },
		{ "import_v4", "spec.importV4" },
		{ "export_v6", "spec.exportV6" },
		{ "import_v6", "spec.importV6" },
	};

	cell_set(row, "name", object, "metadata.name", "");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct json_object *list = document_at(object, lists[i][1]);
		bool is_list = json_object_is_type(list, json_type_array);

		document_set_number(row, lists[i][0], is_list ? json_object_array_length(list) : 0);
	}
}

static const struct get_objects filter_objects = {
	.kind = "BGPFilter",
	.api_version = API_VERSION,
	.path = API_PATH "bgpfilters",
	.view = { .kind = "BGPFilterList",
		  .empty = "No BGPFilter objects.",
		  .columns = filter_columns,
		  .column_count = sizeof(filter_columns) / sizeof(filter_columns[0]) },
	.row = filter_row,
	.collect = unlisted_collect,
};

static const char *const filter_names[] = { "bgpfilter", "bgpfilters", "bgpf", "bgpfs",
					    "bf",	 "bfs",	       NULL };

const struct get_kind get_bgp_filters = { .names = filter_names, .objects = &filter_objects };

/* --- IPReservation --- */

static const struct output_column reservation_columns[] = {
	{ "NAME", "name", false, false },
	{ "CIDRS", "cidrs", true, false },
};

static void reservation_row(const struct get_source *source, struct json_object *object,
			    struct json_object *row)
{
	struct json_object *cidrs = document_at(object, "spec.reservedCIDRs");

	cell_set(row, "name", object, "metadata.name", "");
	if (json_object_is_type(cidrs, json_type_array))
		document_set(row, "cidrs", json_object_get(cidrs));
}

static const struct get_objects reservation_objects = {
	.kind = "IPReservation",
	.api_version = API_VERSION,
	.path = API_PATH "ipreservations",
	.view = { .kind = "IPReservationList",
		  .empty = "No IPReservation objects.",
		  .columns = reservation_columns,
		  .column_count = sizeof(reservation_columns) / sizeof(reservation_columns[0]) },
	.row = reservation_row,
	.collect = unlisted_collect,
};

static const char *const reservation_names[] = { "ipreservation", "ipreservations", "reservation",
						 "reservations", NULL };

const struct get_kind get_reservations = { .names = reservation_names,
					   .objects = &reservation_objects };
