/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_listen.c: lists of addresses and ports to listen on.
 *
 * ADDRESS, IPV4:PORT or [IPV6]:PORT (RFC 3986 section 3.2.2 has the brackets), each once. Whether
 * an address is of this node is left to the program that binds it.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

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
	listen->port = (uint16_t)row->min;
	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy) ||
	    split_listen(copy, &addr, &port) < 0 || ip_addr_parse(addr, &listen->addr) < 0 ||
	    (port && parse_port(port, &listen->port) < 0) || listen->port == 0 ||
	    ip_addr_is_multicast(&listen->addr))
		return config_fail(reader, node, "must be %sIPV4:PORT or [IPV6]:PORT of this node",
				   row->min ? "ADDRESS, " : "");
	return 0;
}

static int check_doubles(struct config_reader *reader, const struct config_node *node,
			 const struct config_listen *list)
{
	size_t i, k;

	for (i = 0; i < node->count; i++) {
		for (k = 0; k < i; k++) {
			if (list[i].port == list[k].port &&
			    ip_addr_equal(&list[i].addr, &list[k].addr))
				return config_fail(reader, config_item(node, i),
						   "stands here twice");
		}
	}
	return 0;
}

int config_listen_read(struct config_reader *reader, const struct config_node *node,
		       uint16_t default_port, struct config_listen **ret_list, size_t *ret_count)
{
	const struct config_row item = { .read = read_listen_item, .min = default_port };
	struct config_listen *list;
	int err = config_check_list(reader, node, CONFIG_LISTEN_MAX);

	if (err < 0)
		return err;
	list = calloc(node->count ? node->count : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	err = config_read_list(reader, &item, node, list, sizeof(*list));
	if (err == 0)
		err = check_doubles(reader, node, list);
	if (err < 0) {
		free(list);
		return err;
	}
	free(*ret_list);
	*ret_list = list;
	*ret_count = node->count;
	return 0;
}
