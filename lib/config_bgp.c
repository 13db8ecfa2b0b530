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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define AS_TRANS	 23456 /* RFC 6793: stands for AS numbers that do not fit */
#define RESTART_TIME_MAX 4095

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

/* "ADDR", "ADDR:PORT", "[ADDR]:PORT" cut into address and port text (NULL: none). */
static int split_listen(char *text, const char **ret_addr, const char **ret_port)
{
	char *end, *colon = strchr(text, ':');

	*ret_addr = text;
	*ret_port = NULL;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		*end = '\0';
		*ret_addr = text + 1;
		*ret_port = end[1] ? end + 2 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) { /* one colon: an IPv4 address has a port */
		*colon = '\0';
		*ret_port = colon + 1;
	}
	return 0;
}

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && p - text < 6; p++)
		port = port * 10 + (unsigned long)(*p - '0');
	if (*p || text[0] == '0' || port < 1 || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int read_listen_item(struct config_reader *reader, const struct config_row *row,
			    const struct config_node *node, void *field)
{
	struct config_listen *listen = field;
	const char *addr, *port, *text = config_text(reader, node);
	char copy[IP_ADDR_TEXT_MAX + sizeof("[]:65535")];

	if (!text)
		return -EINVAL;
	listen->port = BGP_PORT;
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy) ||
	    split_listen(copy, &addr, &port) < 0 || ip_addr_parse(addr, &listen->addr) < 0 ||
	    (port && parse_port(port, &listen->port) < 0) || ip_addr_is_multicast(&listen->addr))
		return config_fail(reader, node,
				   "must be ADDRESS, IPV4:PORT or [IPV6]:PORT of this node");
	return 0;
}

static int read_listen(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const struct config_row item = { .read = read_listen_item };
	struct config_bgp *bgp = ((struct bgp_draft *)field)->bgp;
	int err = config_check_list(reader, node, CONFIG_LISTEN_MAX);
	size_t i, k;

	if (err < 0 || node->count == 0)
		return err;
	bgp->listen = calloc(node->count, sizeof(*bgp->listen));
	if (!bgp->listen)
		return -ENOMEM;
	bgp->listen_count = node->count;
	err = config_read_list(reader, &item, node, bgp->listen, sizeof(*bgp->listen));
	for (i = 0; err == 0 && i < node->count; i++) {
		for (k = 0; k < i; k++) {
			if (bgp->listen[i].port == bgp->listen[k].port &&
			    ip_addr_equal(&bgp->listen[i].addr, &bgp->listen[k].addr))
				return config_fail(reader, config_item(node, i),
						   "stands here twice");
		}
	}
	return err;
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

/* --- bgp --- */

#define DRAFT_FIELD(name) offsetof(struct bgp_draft, name)

static const struct config_row bgp_rows[] = {
	{ "as", config_read_as, DRAFT_FIELD(as) },
	{ "router_id", read_router_id, DRAFT_FIELD(router_id) },
	{ "listen", read_listen, 0 },
	{ "restart_time", config_read_u16, DRAFT_FIELD(restart_time_s), 1, RESTART_TIME_MAX, NULL },
	{ "hold_time", config_read_hold_time, DRAFT_FIELD(hold_time_s) },
	{ "mesh", NULL, 0 }, /* config_peers_read() */
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
	struct bgp_draft draft = {
		.bgp = bgp, .as = bgp->as, .restart_time_s = bgp->restart_time_s, .hold_time_s = 90
	};
	size_t mark = config_enter_key(reader, "bgp");
	int err = config_read_map(reader, node, CONFIG_ROWS(bgp_rows), &draft);

	if (err < 0)
		return err;
	bgp->present = true;
	bgp->as = draft.as;
	bgp->restart_time_s = draft.restart_time_s;
	err = settle_router_id(reader, node, &draft, config);
	if (err == 0 && !config_find(node, "listen"))
		err = default_listen(config, bgp);
	if (err == 0)
		err = config_peers_read(reader, node, &draft, config);
	if (err == 0)
		config_leave(reader, mark);
	return err;
}
