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
/** config_document_read() - all keys but bgp, from the top of the cluster's document. */
int config_document_read(struct config_reader *reader, const struct config_node *top,
			 struct config *config);
/** config_kubernetes_settle() - with kubernetes: what the file may not say, and this node's name.
 */
int config_kubernetes_settle(struct config_reader *reader, const struct config_node *top,
			     struct config *config);
/** config_bgp_read() - the part bgp; the node's part must have been read. */
int config_bgp_read(struct config_reader *reader, const struct config_node *bgp,
		    struct config *config);

/* Read by config_keys.c, used by config_cluster.c too. The field is struct config. */
config_read_fn config_read_node_addresses, config_read_pools;
config_read_fn config_read_user;    /* char *, new */
config_read_fn config_read_unicast; /* struct ip_addr, one that a host can have */
/* By config_routes.c; the field is struct config. */
config_read_fn config_read_routes;
/* By config_cluster.c; the field is struct config. */
config_read_fn config_read_kubernetes, config_read_nodes, config_read_reserved;

/** config_listen_read() - a list of ADDRESS, IPV4:PORT, [IPV6]:PORT; @default_port 0: a port is
 * needed. What was in *ret_list is freed. */
int config_listen_read(struct config_reader *reader, const struct config_node *node,
		       uint16_t default_port, struct config_listen **ret_list, size_t *ret_count);

#define CONFIG_USER_NAME_MAX 32 /* useradd(8) */
#define BGP_PORT	     179
#define ROUTES_OF_PEER_MAX   2000000

/* What is read before the peers. */
struct bgp_draft {
	struct config_bgp *bgp;
	uint32_t as;
	uint16_t restart_time_s;
	uint16_t hold_time_s;
	uint16_t send_hold_time_s;
	uint32_t max_paths;
	unsigned int log_level; /* enum log_level */
	bool is_cluster;
	struct config_bfd mesh_bfd;
	unsigned int mesh_extended_next_hop; /* enum config_extended_next_hop */
	struct ip_addr router_id;	     /* zero: not given */
	struct ip_addr cluster_id;
};

#define CONFIG_EXTENDED_NEXT_HOP_CHOICES "auto always never"

config_read_fn config_read_bfd;	      /* struct config_bfd */
config_read_fn config_read_as;	      /* uint32_t, 1..4294967295 but 23456 */
config_read_fn config_read_password;  /* char *, new; never shown */
config_read_fn config_read_hold_time; /* uint16_t, 0 or 3..65535 */
/** config_bfd_settle() - what the value of the peer's key bfd, if it has one, leaves open. */
void config_bfd_settle(const struct config_node *bfd_node, struct config_peer *peer);
/** config_peers_read() - mesh and peers of the map @bgp into draft->bgp. */
int config_peers_read(struct config_reader *reader, const struct config_node *bgp,
		      const struct bgp_draft *draft, const struct config *config);
/** config_announce_read() - announce and service_ranges of the map @bgp; the pools must have been
 * read. */
int config_announce_read(struct config_reader *reader, const struct config_node *bgp,
			 struct config *config);
/** config_rules_read() - a list of rules for routes of one family. */
int config_rules_read(struct config_reader *reader, const struct config_node *node, bool is_v6,
		      struct config_rule_list *list);
/** config_filters_read() - bgp.filters, before the peers that name them. */
int config_filters_read(struct config_reader *reader, const struct config_node *bgp_node,
			struct config_bgp *bgp);
void config_filters_free(struct config_bgp *bgp);
/** config_peer_filters_read() - a list of their names, into @peer. */
int config_peer_filters_read(struct config_reader *reader, const struct config_node *list,
			     const struct config_bgp *bgp, struct config_peer *peer);
/** config_check() - what must hold between the values of different keys. */
int config_check(struct config_reader *reader, const struct config_node *top,
		 const struct config *config);
/** config_check_nodes() - the list nodes: names, addresses and blocks differ. */
int config_check_nodes(struct config_reader *reader, const struct config_node *list,
		       const struct config *config);

/* A prefix and its place in a list (of lists), for sorting. */
struct config_entry {
	struct ip_prefix prefix;
	size_t index, sub_index;
};

/** config_entries_find_overlap() - sorts @entries; true with the pair that overlaps, the one that
 * stands later in its list second. */
bool config_entries_find_overlap(struct config_entry *entries, size_t count,
				 const struct config_entry **ret_first,
				 const struct config_entry **ret_second);

#endif /* LIB_CONFIG_PARTS_H */
