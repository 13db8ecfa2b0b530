/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KUBE_DOCUMENT_BGP_H
#define KUBE_DOCUMENT_BGP_H

#include "kube/document_parts.h"
#include "lib/config.h"

#define BGP_PORT_DEFAULT 179
#define BGP_AS_DEFAULT	 64512

enum doc_filter_list {
	DOC_IMPORT_V4,
	DOC_IMPORT_V6,
	DOC_EXPORT_V4,
	DOC_EXPORT_V6,
	DOC_FILTER_LISTS,
};

/* An entry of bgp.filters. */
struct doc_filter {
	const char *name;
	const struct cluster_object *object; /* NULL: it is ours */
	char *text;			     /* the entry; NULL: no memory */
	size_t count[DOC_FILTER_LISTS];	     /* of rules */
	bool is_used;
};

/* What BGPConfigurations say, and which addresses are spoken to already. */
struct bgp_draft {
	struct builder *builder;
	uint32_t as;
	bool is_mesh;
	uint16_t port;		     /* of nodes that have none of their own */
	unsigned int restart_time_s; /* of nodes */
	const char *log_level;	     /* of all nodes, NULL: not said */
	const char *own_log_level;   /* of this one */
	struct ip_addr *taken;	     /* own addresses and the mesh, sorted, then peers */
	size_t sorted_count, taken_count, taken_size;
	size_t peers_written;
	struct doc_filter *filters;
	size_t filter_count;
	size_t advertisements; /* the place of that filter; filter_count: there is none */
	size_t rule_count;     /* of filters that peers use */
};

/* BFD of a peer or of the mesh; 0: not said. */
struct doc_bfd {
	bool present;
	bool has_multihop, multihop;
	unsigned int min_interval_ms, multiplier;
};

/* A line of bgp.peers. */
struct bgp_peer {
	struct ip_addr addr;
	uint32_t as;
	uint16_t port;
	uint32_t local_as;			/* 0: ours */
	unsigned int allow_own_as;		/* how often it may stand in a path */
	const char *next_hop;			/* "self", "keep"; NULL: not said */
	char password[CONFIG_PASSWORD_MAX + 1]; /* "": none */
	bool is_client;				/* we reflect routes to it */
	bool is_source_route;			/* else the node's address is the source */
	unsigned int restart_time_s;		/* 0: not said */
	unsigned int keepalive_s;		/* 0: not said */
	unsigned int hops;			/* of TTL security, 0: not said */
	struct doc_bfd bfd;
	const char *extended_next_hop;		  /* as the file has it; NULL: not said */
	uint16_t filter[CONFIG_PEER_FILTERS_MAX]; /* places in the draft's */
	size_t filter_count;
};

/** bgp_as_read() - an AS number as Calico writes it: 64512, "64512" or "1.10". false: it is none.
 */
bool bgp_as_read(struct json_object *value, uint32_t *ret);
/** bgp_port_of() - where node @name listens: its own BGPConfiguration, else the default's. */
uint16_t bgp_port_of(const struct bgp_draft *draft, const char *name);
/** bgp_is_reflector() - does @node reflect routes, by its annotation? */
bool bgp_is_reflector(const struct doc_node *node);
/** bgp_mesh_address() - the address of @node on which nodes speak to each other: its first of the
 * family of this node's first. NULL: it has none. */
const struct ip_addr *bgp_mesh_address(const struct builder *builder, const struct doc_node *node);
/** bgp_take_address() - false: @addr is spoken to already. */
bool bgp_take_address(struct bgp_draft *draft, const struct ip_addr *addr);
/** bgp_seconds_read() - a duration as Go writes it, "2m0s", of 1 to 4095 whole seconds. */
bool bgp_seconds_read(struct json_object *value, unsigned int *ret);
/** bgp_write_peer() - one line of bgp.peers. */
void bgp_write_peer(struct bgp_draft *draft, const struct bgp_peer *peer);
/** bgp_write_peers() - all BGPPeers that are for this node. */
void bgp_write_peers(struct bgp_draft *draft);

/* --- document_rules.c --- */

#define BGP_RULE_FAULT_MAX 160

/** bgp_write_rule() - the rule @json of a BGPFilter as an item of a list of bgp.filters. False: it
 * cannot be read, and @fault says why. */
bool bgp_write_rule(FILE *out, struct json_object *json, bool is_v6,
		    char fault[BGP_RULE_FAULT_MAX]);

/* --- document_filters.c --- */

/** bgp_read_filters() - draft->filters, of all BGPFilters. 0 or -ENOMEM. */
int bgp_read_filters(struct bgp_draft *draft);
void bgp_free_filters(struct bgp_draft *draft);
/** bgp_take_filters() - those that the BGPPeer @object names, into @peer. False: it has too many
 * rules, which was said. */
bool bgp_take_filters(struct bgp_draft *draft, const struct cluster_object *object,
		      struct bgp_peer *peer);
/** bgp_take_advertisements() - the filter of prefixAdvertisements, for @peer. */
void bgp_take_advertisements(const struct bgp_draft *draft, struct bgp_peer *peer);
/** bgp_write_peer_filters() - "filters: [...]" inside a line of bgp.peers. */
void bgp_write_peer_filters(struct bgp_draft *draft, const struct bgp_peer *peer);
/** bgp_write_mesh_filters() - bgp.mesh_filters. */
void bgp_write_mesh_filters(struct bgp_draft *draft, const struct bgp_peer *peer);
/** bgp_write_filters() - bgp.filters, those that peers use. */
void bgp_write_filters(struct bgp_draft *draft);

/* --- document_secrets.c --- */

enum bgp_secret {
	BGP_SECRET_NONE, /* none is named, or none is needed */
	BGP_SECRET_TAKEN,
	BGP_SECRET_MISSING, /* it was said */
};

/* Where a secret is named: spec.FIELD of an object. */
struct bgp_secret_place {
	enum cluster_kind kind;
	const struct cluster_object *object;
	const char *field;
};

/** bgp_read_secret() - into @ret, of CONFIG_PASSWORD_MAX + 1 octets. */
enum bgp_secret bgp_read_secret(struct bgp_draft *draft, const struct bgp_secret_place *place,
				char *ret);
void bgp_write_password(FILE *out, const char *password); /* quoted */
bool bgp_wants_secrets(const struct cluster *cluster);

/* --- document_services.c --- */

/** bgp_write_services() - bgp.announce and bgp.service_ranges. 0 or -ENOMEM. */
int bgp_write_services(struct bgp_draft *draft);
/** bgp_wants_services() - does BGPConfiguration ask for any range? bgp_wants_slices() - and does it
 * depend on endpoints what is announced? */
bool bgp_wants_services(const struct cluster *cluster);
bool bgp_wants_slices(const struct cluster *cluster);

/* --- document_bfd.c --- */

/** bgp_read_extended_next_hop() - "auto", "always" or "never", as the annotation of @object says;
 * NULL: it does not, or has a fault, which is told. */
const char *bgp_read_extended_next_hop(struct bgp_draft *draft, enum cluster_kind kind,
				       const struct cluster_object *object);
/** bgp_read_bfd() - what the annotation of @object says; a fault is told, and means none. */
void bgp_read_bfd(struct bgp_draft *draft, enum cluster_kind kind,
		  const struct cluster_object *object, struct doc_bfd *ret);
/** bgp_write_bfd() - the map that the configuration has for it, "{...}". */
void bgp_write_bfd(FILE *out, const struct doc_bfd *bfd);

/* --- document_communities.c --- */

/** bgp_read_advertisements() - the filter that adds communities, text NULL when there are none. 0
 * or -ENOMEM. */
int bgp_read_advertisements(struct bgp_draft *draft, struct doc_filter *ret_filter);

#endif /* KUBE_DOCUMENT_BGP_H */
