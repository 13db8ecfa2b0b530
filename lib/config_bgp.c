/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_bgp.c: the keys below bgp.
 *
 * The speaker's own values are read first (whatever their order in the file), because peers take
 * defaults from them: AS, hold time. The mesh and the peers are read by config_peers.c. Ranges of
 * numbers follow RFC 4271 (hold time 0 or at least 3 s, section 4.2), RFC 6793 (four-octet
 * AS), RFC 7607 (AS 0 is none), RFC 4724 (restart time of 12 bits).
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define SEND_HOLD_TIME_MIN 5
#define AS_TRANS	   23456 /* RFC 6793: stands for AS numbers that do not fit */

int config_read_as(struct config_reader *reader, const struct config_row *row,
		   const struct config_node *node, void *field)
{
	const struct config_row number = { .min = 1, .max = UINT32_MAX };
	int err = config_read_u32(reader, &number, node, field);

	if (err == 0 && *(uint32_t *)field == AS_TRANS)
		return config_fail(reader, node, "23456 is reserved (AS_TRANS) and nobody's AS");
	return err;
}

int config_read_hold_time(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	const struct config_row number = { .min = 0, .max = UINT16_MAX };
	uint16_t value;
	int err = config_read_u16(reader, &number, node, &value);

	if (err < 0)
		return err;
	if (value == 1 || value == 2)
		return config_fail(reader, node, "%u: must be 0 (no keepalives) or 3 to 65535",
				   value);
	*(uint16_t *)field = value;
	return 0;
}

static int read_router_id(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	struct ip_addr addr;
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (ip_addr_parse(text, &addr) < 0 || !ip_addr_is_v4(&addr) || ip_addr_is_zero(&addr))
		return config_fail(reader, node,
				   "not a router id (four numbers like an IPv4 address, not "
				   "0.0.0.0)");
	*(struct ip_addr *)field = addr;
	return 0;
}

/* --- listen --- */

static int read_listen(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	struct config_bgp *bgp = ((struct bgp_draft *)field)->bgp;

	return config_listen_read(reader, node, BGP_PORT, &bgp->listen, &bgp->listen_count);
}

static int default_listen(const struct config *config, struct config_bgp *bgp)
{
	size_t i;

	bgp->listen = calloc(config->node_address_count, sizeof(*bgp->listen));
	if (!bgp->listen)
		return -ENOMEM;
	bgp->listen_count = config->node_address_count;
	for (i = 0; i < bgp->listen_count; i++) {
		bgp->listen[i].addr = config->node_address[i];
		bgp->listen[i].port = BGP_PORT;
	}
	return 0;
}

static int read_mesh_password(struct config_reader *reader, const struct config_row *row,
			      const struct config_node *node, void *field)
{
	struct bgp_draft *draft = field;

	if (!draft->is_cluster)
		return config_fail(reader, node,
				   "only the cluster's document has it; list the nodes as peers "
				   "with password_file");
	return config_read_password(reader, row, node, &draft->bgp->mesh_password);
}

/* --- bgp --- */

#define DRAFT_FIELD(name) offsetof(struct bgp_draft, name)

static const struct config_row bgp_rows[] = {
	{ "as", config_read_as, DRAFT_FIELD(as) },
	{ "router_id", read_router_id, DRAFT_FIELD(router_id) },
	{ "cluster_id", read_router_id, DRAFT_FIELD(cluster_id) },
	{ "listen", read_listen, 0 },
	{ "restart_time", config_read_u16, DRAFT_FIELD(restart_time_s), 1, CONFIG_RESTART_TIME_MAX,
	  NULL },
	{ "hold_time", config_read_hold_time, DRAFT_FIELD(hold_time_s) },
	{ "send_hold_time", config_read_u16, DRAFT_FIELD(send_hold_time_s), SEND_HOLD_TIME_MIN,
	  UINT16_MAX, NULL },
	{ "max_paths", config_read_u32, DRAFT_FIELD(max_paths), 1, ROUTE_NEXT_HOPS_MAX, NULL },
	{ "log_level", config_read_choice, DRAFT_FIELD(log_level),
	  .choices = "error warning info debug" },
	{ "filters", NULL, 0 },	 /* config_filters_read() */
	{ "announce", NULL, 0 }, /* config_announce_read() */
	{ "service_ranges", NULL, 0 },
	{ "mesh", NULL, 0 }, /* config_peers_read() */
	{ "mesh_filters", NULL, 0 },
	{ "mesh_password", read_mesh_password, 0 },
	{ "mesh_bfd", config_read_bfd, DRAFT_FIELD(mesh_bfd) },
	{ "mesh_extended_next_hop", config_read_choice, DRAFT_FIELD(mesh_extended_next_hop),
	  .choices = CONFIG_EXTENDED_NEXT_HOP_CHOICES },
	{ "peers", NULL, 0 },
};

static int settle_router_id(struct config_reader *reader, const struct config_node *node,
			    const struct bgp_draft *draft, const struct config *config)
{
	size_t i;

	if (config_find(node, "router_id")) {
		draft->bgp->router_id_be = ip_addr_to_v4(&draft->router_id).s_addr;
		return 0;
	}
	for (i = 0; i < config->node_address_count; i++) {
		if (!ip_addr_is_v4(&config->node_address[i]))
			continue;
		draft->bgp->router_id_be = ip_addr_to_v4(&config->node_address[i]).s_addr;
		return 0;
	}
	return config_fail(reader, node,
			   "router_id: missing, and node.addresses has no IPv4 address to take");
}

int config_bgp_read(struct config_reader *reader, const struct config_node *node,
		    struct config *config)
{
	struct config_bgp *bgp = &config->bgp;
	struct bgp_draft draft = { .bgp = bgp,
				   .as = bgp->as,
				   .restart_time_s = bgp->restart_time_s,
				   .hold_time_s = 90,
				   .send_hold_time_s = bgp->send_hold_time_s,
				   .max_paths = bgp->max_paths,
				   .is_cluster = config->kubernetes };
	size_t mark = config_enter_key(reader, "bgp");
	int err = config_read_map(reader, node, CONFIG_ROWS(bgp_rows), &draft);

	if (err < 0)
		return err;
	bgp->present = true;
	bgp->as = draft.as;
	bgp->restart_time_s = draft.restart_time_s;
	bgp->send_hold_time_s = draft.send_hold_time_s;
	bgp->max_paths = draft.max_paths;
	bgp->has_log_level = config_find(node, "log_level") != NULL;
	bgp->log_level = (enum log_level)draft.log_level;
	err = settle_router_id(reader, node, &draft, config);
	bgp->cluster_id_be = config_find(node, "cluster_id")
				     ? ip_addr_to_v4(&draft.cluster_id).s_addr
				     : bgp->router_id_be;
	if (err == 0 && !config_find(node, "listen"))
		err = default_listen(config, bgp);
	if (err == 0)
		err = config_announce_read(reader, node, config);
	if (err == 0)
		err = config_filters_read(reader, node, bgp);
	if (err == 0)
		err = config_peers_read(reader, node, &draft, config);
	if (err == 0)
		config_leave(reader, mark);
	return err;
}
