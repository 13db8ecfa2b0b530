/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * node_objects.h: how tortie's objects on a node are told from everybody else's.
 *
 * The agent makes them under these names and numbers, and `tortie reset` finds and removes them by
 * the same, also when no agent is left to ask. Whatever does not match is somebody else's and is
 * never touched.
 */
#ifndef INCLUDE_NODE_OBJECTS_H
#define INCLUDE_NODE_OBJECTS_H

/* Pods' links: cali and 11 hex digits, in one of three link groups (`groups:` of the file), with an
 * alias that starts with a mark of ours (loader/endpoint_alias.c). */
#define POD_LINK_PREFIX	    "cali"
#define POD_LINK_HEX_DIGITS 11
#define POD_ALIAS_MARK	    "tortie:"

/* Our filters' fixed place on clsact: preference and handle (with the program's name they are
 * recognised). */
#define ATTACH_PREFERENCE   2
#define ATTACH_HANDLE	    0x74 /* 't' */
#define UPLINK_PROGRAM_NAME "from_network"
#define UPLINK_EGRESS_NAME  "to_network"

/* Kernel routes of ours, and next hops: rtm_protocol, nh_protocol. */
#define ROUTE_PROTOCOL 116

/* Numbers of our next hops in the kernel: from here on, as far as nobody has them. */
#define NEXT_HOP_ID_FIRST 0x74000000u /* 't' */

/* The nftables table of ours. */
#define NFT_TABLE_FAMILY "inet"
#define NFT_TABLE_NAME	 "tortie"

/* Our rules in others' nftables chains (forwarding.accept): comments, with a pool behind them. */
#define NFT_COMMENT_FROM "tortie: from "
#define NFT_COMMENT_TO	 "tortie: to "

/* Written into cni.dir; while it is being written, under a dot in front. */
#define CONFLIST_NAME "10-tortie.conflist"

/* Behind the name of another's conflist that the agent moved out of the way (cni.exclusive). */
#define CONFLIST_OFF_SUFFIX ".tortie-off"

/* In RUN-DIR. */
#define AGENT_SOCKET_NAME "agent"
#define BGP_SOCKET_NAME	  "bgp" /* tortie-bgpd's, for questions */
#define CNI_SOCKET_NAME	  "cni"
#define ALIVE_SOCKET_NAME "alive" /* says that the agent works, while cni.sock is slow */
#define READY_FILE_NAME	  "ready"
#define DELETES_DIR_NAME  "deletes" /* DELs that the plugin could not hand over */

#endif /* INCLUDE_NODE_OBJECTS_H */
