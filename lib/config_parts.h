/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFIG_PARTS_H
#define LIB_CONFIG_PARTS_H

#include "lib/config_reader.h"

/*
 * How the parts of the configuration parser call each other, in this order. For the files config*.c
 * only. Each returns 0, -ENOMEM, or -EINVAL with the reader's error filled.
 */

/** config_keys_read() - all keys but bgp, from the top of the file. */
int config_keys_read(struct config_reader *reader, const struct config_node *top,
		     struct config *config);
/** config_bgp_read() - the part bgp; the node's part must have been read. */
int config_bgp_read(struct config_reader *reader, const struct config_node *bgp,
		    struct config *config);
#define BGP_PORT 179

/* What is read before the peers. */
struct bgp_draft {
	struct config_bgp *bgp;
	uint32_t as;
	uint16_t restart_time_s;
	uint16_t hold_time_s;
	struct ip_addr router_id; /* zero: not given */
};

config_read_fn config_read_as;	      /* uint32_t, 1..4294967295 but 23456 */
config_read_fn config_read_hold_time; /* uint16_t, 0 or 3..65535 */
/** config_peers_read() - mesh and peers of the map @bgp into draft->bgp. */
int config_peers_read(struct config_reader *reader, const struct config_node *bgp,
		      const struct bgp_draft *draft, const struct config *config);
/** config_check() - what must hold between the values of different keys. */
int config_check(struct config_reader *reader, const struct config_node *top,
		 const struct config *config);

#endif /* LIB_CONFIG_PARTS_H */
