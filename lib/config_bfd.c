/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_bfd.c: BFD of a peer or of the mesh: true, false, or a map with what is to be otherwise.
 *
 * One interval is for both directions; what counts is worked out with the neighbour (RFC 5880
 * section 6.8.2). Below 50 ms the speaker, which does much else, could not keep its word.
 *
 * Peers of our own AS are multihop unless it is said otherwise, others are not: BIRD and FRR take
 * it so, and the two ends must agree.
 */
#include "lib/config_parts.h"

#define MIN_INTERVAL_MS	    50
#define MAX_INTERVAL_MS	    60000
#define DEFAULT_INTERVAL_MS 300
#define DEFAULT_MULTIPLIER  3

#define BFD_FIELD(name) offsetof(struct config_bfd, name)

static const struct config_row bfd_rows[] = {
	{ "min_interval", config_read_u16, BFD_FIELD(min_interval_ms), MIN_INTERVAL_MS,
	  MAX_INTERVAL_MS, NULL },
	{ "multiplier", config_read_u16, BFD_FIELD(multiplier), 1, UINT8_MAX, NULL },
	{ "multihop", config_read_bool, BFD_FIELD(multihop) },
};

int config_read_bfd(struct config_reader *reader, const struct config_row *row,
		    const struct config_node *node, void *field)
{
	struct config_bfd bfd = { .present = true,
				  .multihop = true,
				  .min_interval_ms = DEFAULT_INTERVAL_MS,
				  .multiplier = DEFAULT_MULTIPLIER };
	int err;

	if (node->kind == CONFIG_SCALAR)
		err = config_read_bool(reader, row, node, &bfd.present);
	else
		err = config_read_map(reader, node, CONFIG_ROWS(bfd_rows), &bfd);
	if (err < 0)
		return err;
	if (!bfd.present)
		bfd = (struct config_bfd){ 0 };
	*(struct config_bfd *)field = bfd;
	return 0;
}

void config_bfd_settle(const struct config_node *bfd_node, struct config_peer *peer)
{
	if (peer->bfd.present && !config_find(bfd_node, "multihop"))
		peer->bfd.multihop = peer->as == peer->local_as;
}
