/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFIG_H
#define LIB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "ip_address.h"
#include "lib/config_filter.h"
#include "lib/log.h"
#include "lib/next_hops.h"

/*
 * /etc/tortie/tortie.yaml, read and checked whole (docs/configuration.md lists every key). tortied
 * and tortie-bgpd read the same file; each uses its parts. Text is owned by struct config.
 */

#define CONFIG_FILE_DEFAULT    "/etc/tortie/tortie.yaml"
#define CONFIG_RUN_DIR_DEFAULT "/run/tortie"
#define CONFIG_BPF_DIR_DEFAULT "/sys/fs/bpf/tortie"
#define CONFIG_CNI_DIR_DEFAULT "/etc/cni/net.d"
#define CONFIG_CNI_BIN_DEFAULT "/opt/cni/bin"
#define CONFIG_STATE_DEFAULT   "/var/lib/tortie/cluster.yaml"

/* Link groups that carry the state of a pod's link. */
#define CONFIG_GROUP_CREATING_DEFAULT 11601
#define CONFIG_GROUP_LIVE_DEFAULT     11602
#define CONFIG_GROUP_DYING_DEFAULT    11603

#define CONFIG_BYTES_MAX	  1048576 /* of the file */
#define CONFIG_DOCUMENT_MAX	  4194304 /* octets of the cluster's document */
#define CONFIG_UPLINKS_MAX	  8
#define CONFIG_NODE_ADDRESSES_MAX 8
#define CONFIG_POOLS_MAX	  8192
#define CONFIG_BLOCKS_MAX	  64 /* in all pools */
#define CONFIG_ROUTES_MAX	  16384
#define CONFIG_PEERS_MAX	  1024
#define CONFIG_MESH_MAX		  5000
#define CONFIG_LISTEN_MAX	  8
#define CONFIG_CLUSTER_NODES_MAX  5000
#define CONFIG_NODE_BLOCKS_MAX	  64 /* of one node of the cluster */
#define CONFIG_RESERVED_MAX	  256
#define CONFIG_ANNOUNCE_MAX	  16384
#define CONFIG_SERVICE_RANGES_MAX 256
#define CONFIG_METRICS_PORT	  9099
#define CONFIG_PASSWORD_MAX	  80 /* octets, as the kernel takes it (TCP_MD5SIG_MAXKEYLEN) */
#define CONFIG_OWN_AS_ALLOWED_MAX 100
#define CONFIG_RESTART_TIME_MAX	  4095 /* seconds: 12 bits (RFC 4724) */

/* A range of pod addresses. Several entries of one name are one pool of several ranges. */
struct config_pool {
	char name[NAME_MAX_LEN + 1];
	struct ip_prefix cidr;
	bool nat_outgoing;	 /* default false */
	struct ip_prefix *block; /* this node's, inside cidr, no overlap */
	size_t block_count;
};

/* Addresses of one family, from first to last. */
struct config_range {
	struct ip_addr first, last;
};

struct config_route {
	struct ip_prefix prefix;
	struct next_hops via; /* at least one */
};

enum config_import {
	IMPORT_POOLS = 0, /* prefixes inside configured pools; the default */
	IMPORT_ALL,
	IMPORT_NONE,
};

enum config_export {
	EXPORT_OWN = 0, /* this node's blocks; the default */
	EXPORT_ALL,
	EXPORT_NONE,
};

enum config_connect {
	CONNECT_FROM_ROUTE = 0, /* the address that the route to the peer gives */
	CONNECT_FROM_NODE,	/* the node's first address of the peer's family */
};

enum config_next_hop {
	NEXT_HOP_AUTO = 0, /* external peers: ours; internal ones: as told */
	NEXT_HOP_SELF,	   /* ours */
	NEXT_HOP_KEEP,	   /* as told */
};

/* BFD towards a peer (RFC 5880). */
struct config_bfd {
	bool present;
	bool multihop;		  /* RFC 5883; else RFC 5881; default: a peer of our AS */
	uint16_t min_interval_ms; /* 50..60000, default 300 */
	uint16_t multiplier;	  /* 1..255, default 3 */
};

enum config_extended_next_hop {
	EXTENDED_NEXT_HOP_AUTO = 0, /* on sessions over IPv6; used when there is no IPv4 address */
	EXTENDED_NEXT_HOP_ALWAYS,   /* on all, and used whenever the peer has it */
	EXTENDED_NEXT_HOP_NEVER,
};

struct config_peer {
	struct ip_addr addr;	/* zero when range is used */
	struct ip_prefix range; /* dynamic neighbours; bits of addr otherwise unused */
	bool is_range;
	bool is_mesh; /* from bgp.mesh */
	uint32_t as;
	uint32_t local_as;     /* ours towards it; default bgp.as */
	uint32_t allow_own_as; /* how often our AS may stand in a path that it tells */
	enum config_next_hop next_hop;
	enum config_extended_next_hop extended_next_hop; /* RFC 8950 */
	uint32_t max_routes;				 /* taken of each family; 0: not said */
	bool max_routes_close; /* more end the session; else they are refused */
	uint16_t port;	       /* default 179 */
	bool passive;
	bool ipv4, ipv6; /* families; both by default */
	bool reflector_client;
	enum config_import import;
	enum config_export export;
	enum config_connect source; /* default: node in the mesh and with kubernetes:, else route */
	uint16_t hold_time_s;	    /* 0 or 3..65535; default bgp.hold_time, else 90 */
	uint16_t restart_time_s;    /* told to this peer; 0: bgp.restart_time */
	uint16_t ttl_security;	    /* hops that it may be away (RFC 5082); 0: not asked for */
	struct config_bfd bfd;
	char *password_file; /* NULL: none */
	char *password;	     /* the secret itself, of the cluster; NULL: none */
	uint16_t *filter;    /* indexes into bgp.filter, in order; NULL: none */
	size_t filter_count;
};

/* What of a peer may change while its session goes on, with its filters: the one list of it. */
#define CONFIG_PEER_POLICY(field)                                                         \
	field(import) field(export) field(next_hop) field(allow_own_as) field(max_routes) \
		field(max_routes_close)

struct config_listen {
	struct ip_addr addr;
	uint16_t port;
};

/* A node of the cluster, this one too. */
struct config_cluster_node {
	char *name;
	struct ip_addr *address; /* may be NULL when there are none, as block */
	size_t address_count;
	struct ip_prefix *block; /* its pod ranges */
	size_t block_count;
};

struct config_kubernetes {
	char *kubeconfig;	     /* NULL: the service account in the container */
	char node[NAME_MAX_LEN + 1]; /* this node's Node; default: $NODE_NAME, else host name */
	char *state;		     /* the document's file, default /var/lib/tortie/cluster.yaml */
	char *user;		     /* who may speak as tortie-kubed besides root */
};

struct config_bgp {
	bool present;		      /* the file has bgp: */
	uint32_t as;		      /* default 64512 */
	uint32_t router_id_be;	      /* network order; default: first IPv4 node address */
	uint32_t cluster_id_be;	      /* as reflector; default: the router id */
	struct config_listen *listen; /* default: node addresses, port 179; `listen: []`: none */
	size_t listen_count;
	uint16_t restart_time_s;   /* graceful restart, 1..4095, default 120 */
	uint16_t send_hold_time_s; /* RFC 9687, 5..65535, default 480 */
	uint32_t max_paths;	   /* next hops of a route, 1..8, default 8; 1: no multipath */
	bool has_log_level;	   /* else that of the whole file */
	enum log_level log_level;  /* of tortie-bgpd */
	struct config_peer *peer;  /* mesh first (own addresses left out), then peers */
	size_t peer_count;
	char *mesh_password; /* of all of the mesh; NULL: none */
	/* Announced beside the blocks: by address, then length (ip_prefix_compare()), each once. */
	struct ip_prefix *announce;
	size_t announce_count;
	struct ip_prefix *service_range; /* whose addresses others on the nodes translate */
	size_t service_range_count;
	struct config_filter *filter; /* all that are named */
	size_t filter_count;
};

enum config_big_tcp {
	BIG_TCP_AUTO = 0, /* not where an uplink is a veth, behind which nobody knows what is */
	BIG_TCP_ALWAYS,
	BIG_TCP_NONE,
};

enum config_kube_proxy {
	KUBE_PROXY_BESIDE = 0, /* it, portmap or Docker translate in the host stack; the default */
	KUBE_PROXY_NONE,       /* nobody does for pods */
};

enum config_mtu {
	CONFIG_MTU_AUTO = 0, /* any other value: octets, 1280..65535 */
};

struct config {
	char *file; /* as given */
	enum log_level log_level;
	char node_name[NAME_MAX_LEN + 1]; /* default: host name */
	struct ip_addr node_address[CONFIG_NODE_ADDRESSES_MAX];
	size_t node_address_count; /* at least one; 0: kubernetes, and no document yet */
	char uplink[CONFIG_UPLINKS_MAX][IFNAME_MAX + 1];
	size_t uplink_count; /* 0: the links that carry the node addresses */
	struct config_pool *pool;
	size_t pool_count;
	struct config_cluster_node *node; /* all nodes of the cluster, where they are known */
	size_t node_count;
	struct config_range *reserved; /* never handed out */
	size_t reserved_count;
	struct config_route *route;
	size_t route_count;
	uint32_t mtu;
	enum config_big_tcp big_tcp;
	uint32_t quarantine_s;				  /* default 60 */
	uint32_t group_creating, group_live, group_dying; /* link groups */
	uint32_t map_endpoints;			 /* entries of map endpoint, default 1024 */
	uint32_t map_routes;			 /* entries of map route, default 10240 */
	uint32_t map_stack_tcp, map_stack_other; /* entries of the flow maps, default 16384 */
	enum config_kube_proxy kube_proxy;
	bool forwarding_accept; /* keep accept rules where a FORWARD chain drops; default false */
	char *cni_dir;		/* default /etc/cni/net.d */
	bool cni_conflist;	/* auto: true, none: false */
	bool cni_exclusive;	/* default: true with kubernetes: */
	bool cni_portmap;	/* auto with kubernetes: true, where the program is there */
	char *cni_bin_dir;	/* default /opt/cni/bin */
	char *bgpd_user; /* who may speak as tortie-bgpd besides root, default "tortie-bgpd" */
	struct config_listen *metrics_listen; /* of tortie-kubed */
	size_t metrics_listen_count;
	bool kubernetes; /* the file has kubernetes: */
	struct config_kubernetes kube;
	struct config_bgp bgp;
};

struct config_error {
	bool in_document;  /* line and column are of the cluster's document, not of the file */
	unsigned int line; /* 1-based; 0: the file as a whole */
	unsigned int column;
	char text[1024]; /* key, what is wrong, what is allowed; one line */
};

/** config_error_text() - "FILE:LINE:COLUMN: what is wrong", or "FILE: what is wrong", in @buf,
 * which is returned. */
#define CONFIG_ERROR_TEXT_MAX 2048
const char *config_error_text(const struct config_error *error, const char *file, char *buf,
			      size_t size);

/* What a configuration is made of. */
struct config_source {
	const char *file; /* name of the file, for messages */
	const char *base; /* its text */
	size_t base_len;
	const char *document; /* the cluster's document; NULL: none yet, or no cluster */
	size_t document_len;
};

/** config_read_file() - the text of @path, at most CONFIG_BYTES_MAX + 1 octets (so that the parser
 * says that it is too large). 0 and *ret_data (the caller's), or -errno with *ret_error filled. */
int config_read_file(const char *path, char **ret_data, size_t *ret_len,
		     struct config_error *ret_error);
/**
 * config_load() - read and check @path. 0 and *ret_config (free with config_free()); or -errno with
 * *ret_error filled: -EINVAL for content, else what open(2)/read(2) said. Unknown and repeated keys
 * are refused. With `kubernetes:` it is the file alone: no addresses, pools, nodes, bgp.
 */
int config_load(const char *path, struct config **ret_config, struct config_error *ret_error);
/**
 * config_load_cluster() - the same, with the cluster's document of @document_len octets (NULL: the
 * file alone). The document may only hold node, nodes, pools, reserved and bgp, and needs a file
 * with `kubernetes:`. What is wrong in it has in_document set.
 */
int config_load_cluster(const char *path, const char *document, size_t document_len,
			struct config **ret_config, struct config_error *ret_error);
/** config_parse() - config_load() from @len octets at @data (pure; a fuzz target); @file is for
 * messages. */
int config_parse(const char *data, size_t len, const char *file, struct config **ret_config,
		 struct config_error *ret_error);
/** config_parse_cluster() - config_load_cluster() from two texts (pure; a fuzz target). */
int config_parse_cluster(const struct config_source *source, struct config **ret_config,
			 struct config_error *ret_error);
void config_free(struct config *config); /* NULL is fine */
/** config_special_range() - the range that @prefix overlaps in which no host's address can lie
 * (loopback, multicast, link-local, ...), as text; NULL: none. */
const char *config_special_range(const struct ip_prefix *prefix);

#endif /* LIB_CONFIG_H */
