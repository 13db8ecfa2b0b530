/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CONFIG_FILTER_H
#define LIB_CONFIG_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent_protocol.h"
#include "ip_address.h"

/* bgp.filters: rules in order, by direction and family (docs/configuration.md). */

#define CONFIG_FILTERS_MAX	 1024 /* of the file, or of the document */
#define CONFIG_PEER_FILTERS_MAX	 64
#define CONFIG_RULES_MAX	 256 /* of a list; of all lists of a peer together */
#define CONFIG_ALL_RULES_MAX	 4096
#define CONFIG_OPERATIONS_MAX	 10
#define CONFIG_RULE_PATH_MAX	 10 /* AS numbers in a rule's prefix, and in what is prepended */
#define CONFIG_PRIORITY_MAX	 2147483646u
#define CONFIG_INTERFACE_MAX_LEN 15

enum filter_direction {
	FILTER_IMPORT = 0,
	FILTER_EXPORT,
	FILTER_DIRECTIONS,
};

enum rule_operator {
	RULE_ANY_PREFIX = 0, /* no cidr */
	RULE_IN,	     /* inside, or equal */
	RULE_NOT_IN,
	RULE_EQUAL,
	RULE_NOT_EQUAL,
};

enum rule_source {
	RULE_ANY_SOURCE = 0,
	RULE_FROM_PEERS, /* told by a peer */
	RULE_OWN,	 /* this node's */
};

enum rule_peer_type {
	RULE_ANY_PEER = 0,
	RULE_EBGP,
	RULE_IBGP,
};

enum rule_action {
	RULE_ACCEPT = 0,
	RULE_REJECT,
	RULE_NEXT, /* do the operations and look at the next rule */
};

enum rule_operation_kind {
	RULE_ADD_COMMUNITY = 0,
	RULE_PREPEND,
	RULE_SET_PRIORITY,
	RULE_SET_LOCAL_PREF,
	RULE_SET_MED,
};

/* Of RFC 1997 (two parts of 16 bits in part[0] and part[1]) or RFC 8092 (three of 32). */
struct config_community {
	uint32_t is_large;
	uint32_t part[3];
};

struct config_operation {
	uint32_t kind;			   /* enum rule_operation_kind */
	struct config_community community; /* RULE_ADD_COMMUNITY */
	uint32_t value;			   /* RULE_SET_* */
	uint32_t as_count;		   /* RULE_PREPEND: the path begins with these then */
	uint32_t as[CONFIG_RULE_PATH_MAX];
};

/* All conditions that are there must hold. No padding: rules compare as octets. */
struct config_rule {
	uint32_t prefix_operator; /* enum rule_operator */
	struct ip_prefix cidr;
	uint32_t length_min, length_max; /* of the route's prefix, as struct ip_prefix counts */
	uint32_t source;		 /* enum rule_source */
	uint32_t peer_type;		 /* enum rule_peer_type */
	uint32_t has_community;
	struct config_community community;
	uint32_t as_count; /* 0: not asked */
	uint32_t as[CONFIG_RULE_PATH_MAX];
	uint32_t priority;			      /* 0: not asked */
	char interface[CONFIG_INTERFACE_MAX_LEN + 1]; /* "": not asked; `*` and `?` as in a shell */
	uint32_t action;			      /* enum rule_action */
	uint32_t operation_count;
	struct config_operation operation[CONFIG_OPERATIONS_MAX];
};

struct config_rule_list {
	struct config_rule *rule;
	size_t count;
};

struct config_filter {
	char name[NAME_MAX_LEN + 1];
	struct config_rule_list list[FILTER_DIRECTIONS][2]; /* by enum bgp_family: IPv4, IPv6 */
};

/** config_community_parse() - "A:B" or "A:B:C". False: it is none. */
bool config_community_parse(const char *text, struct config_community *ret);

#endif /* LIB_CONFIG_FILTER_H */
