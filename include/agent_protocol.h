/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent_protocol.h: every message between tortie's programs, in one list.
 *
 * Transport: SOCK_SEQPACKET Unix sockets, one message a datagram, file descriptors by SCM_RIGHTS.
 * RUN-DIR/cni.sock takes MSG_CNI_REQUEST (root only); RUN-DIR/alive.sock sends each visitor one
 * MSG_CNI_ALIVE (root only); RUN-DIR/agent.sock takes the rest (0660, group tortie: the group may
 * read, uid 0 may change). Each message is struct message_header, then the struct of its type, then
 * for a few types text of a stated length. All in host order except struct ip_addr; char arrays are
 * NUL-terminated and NUL-padded. The receiver checks type, length against the struct's size, and
 * every length and enum inside; a bad message closes the connection. On agent.sock descriptors are
 * taken from uid 0 and the two daemons' users alone, as far as the kernel can refuse them.
 *
 * First message on agent.sock: MSG_HELLO, answered by MSG_HELLO_REPLY (or MSG_ERROR when the
 * versions differ). A request is answered by zero or more records and one MSG_END (or MSG_ERROR),
 * all with the request's id. A long answer is made while it is read: what comes or goes meanwhile
 * may be in it or not, and the next request is read after its end.
 */
#ifndef INCLUDE_AGENT_PROTOCOL_H
#define INCLUDE_AGENT_PROTOCOL_H

#include "ip_address.h"

#define AGENT_PROTOCOL_VERSION 5
#define AGENT_MESSAGE_MAX      131072 /* octets of a whole message */
#define AGENT_FDS_MAX	       2

#define CONTAINER_ID_MAX    128 /* octets, without the NUL */
#define IFNAME_MAX	    15
#define NAME_MAX_LEN	    253 /* of a node, pool, pod, namespace */
#define NETNS_PATH_MAX	    1023
#define TEXT_MAX	    511
#define POD_ADDRESSES_MAX   8
#define CNI_POOLS_MAX	    8
#define CNI_CONFIG_MAX	    4194304 /* all annotations of a pod may be in it */
#define CNI_VALID_MAX	    7000    /* attachments that a GC names; they fit a message */
#define ROUTE_NEXT_HOPS_MAX 8	    /* of one route (equal-cost multipath) */

enum message_type {
	/* any client -> agent, on agent.sock, first */
	MSG_HELLO = 1,	 /* struct msg_hello -> MSG_HELLO_REPLY */
	MSG_HELLO_REPLY, /* struct msg_hello_reply */
	MSG_ERROR,	 /* struct msg_error: the request failed */
	MSG_END,	 /* no body: the request is answered */

	/* tortie-cni -> agent, on cni.sock; fds: pod netns, NETLINK_ROUTE socket opened in it (ADD,
	 * CHECK) */
	MSG_CNI_REQUEST = 16, /* struct msg_cni_request -> MSG_CNI_REPLY */
	MSG_CNI_REPLY,	      /* struct msg_cni_reply */
	/* agent -> tortie-cni, on alive.sock, unasked, id 0 */
	MSG_CNI_ALIVE, /* struct msg_cni_alive */

	/* tortie-bgpd -> agent (uid 0 or the user that the agent was told); idempotent */
	MSG_BGP_LISTEN = 32, /* struct msg_bgp_listen -> MSG_END with one fd: a bound, listening TCP
				socket */
	MSG_ROUTES_BEGIN, /* no body, no answer: a full replay starts, what is not repeated is stale
			   */
	MSG_ROUTE_SET,	  /* one or more struct msg_route_set, as many as fit, each with its next
			     hops behind it; replaces what the prefix had; no answer */
	MSG_ROUTE_DELETE, /* one or more struct msg_route_delete, no answer */
	MSG_ROUTES_IN_SYNC, /* no body, no answer: all sources are in, delete what is stale */
	MSG_PEER_SET,	    /* struct msg_peer, no answer: a peer's state changed */
	MSG_PEER_DELETE,    /* struct msg_peer (address only), no answer */
	MSG_BGP_PONG,	    /* struct msg_bgp_counts, the id of MSG_BGP_PING, no answer */

	/* agent -> tortie-bgpd, unasked, id 0: with `kubernetes:` in the file, after
	 * MSG_HELLO_REPLY and at each change; one fd: a sealed memfd with the cluster's document
	 * (docs/configuration.md, "The cluster's document") */
	MSG_BGP_CONFIG = 40, /* no body, no answer */
	/* agent -> tortie-bgpd, unasked, with an id of its own: is your loop alive? */
	MSG_BGP_PING, /* no body -> MSG_BGP_PONG */
	/* the answer of MSG_BGP_TAKE: one fd, a session, in the order in which they were kept */
	MSG_BGP_SESSION, /* no body */
	/* tortie-bgpd -> agent, no body: which next hops can this node send to? The answer, with
	 * the same id, and again at each change, with id 0: any number of struct ip_prefix, the
	 * subnets of its uplinks. Who has not asked, as speakers of before this message, is not
	 * told */
	MSG_BGP_SUBNETS,
	/* tortie-bgpd -> agent: a socket for people's questions, RUN-DIR/bgp.sock */
	MSG_BGP_SOCKET = 44, /* no body -> MSG_END with one fd: bound, listening */
	/* the same, when it ends in order: its sessions, for the next one to take. Any number of
	 * KEEP, then KEEP_ALL, after which they are kept for a time; a speaker that is gone before
	 * it has handed over nothing. The agent looks into none of it */
	MSG_BGP_KEEP,	  /* no body, no answer; one fd: the TCP connection of a session */
	MSG_BGP_KEEP_ALL, /* struct msg_bgp_keep; one fd: a sealed memfd, what is to be known of
			     them (bgp/handover.h) -> MSG_END */
	/* when it begins: what was kept, which is forgotten then */
	MSG_BGP_TAKE, /* no body -> MSG_BGP_SESSION..., MSG_END with one fd: the memfd; or
			 MSG_ERROR with ENOENT: nothing is kept */

	/* tortie-kubed -> agent (uid 0 or the user that the agent was told): what the cluster says,
	 * whole each time; idempotent. One transaction: BEGIN, any number of NOTICE and OBJECT,
	 * COMMIT. A second BEGIN starts anew. */
	MSG_CLUSTER_BEGIN = 48, /* no body, no answer */
	MSG_CLUSTER_NOTICE,	/* struct msg_status_line, no answer: an object and its fault */
	MSG_CLUSTER_OBJECT,	/* struct msg_cluster_object and json_len octets of JSON, no answer;
				   also     the answer of MSG_GET_OBJECTS */
	MSG_CLUSTER_COMMIT, /* struct msg_cluster_commit; one fd: a sealed memfd with the document
			       -> MSG_END; MSG_ERROR when it is refused: what was in force stays.
			       No fd: there is no document, and the struct says why; what was in
			       force stays, the notices and objects are taken */

	/* tortie -> agent: each answered by records and MSG_END */
	MSG_GET_STATUS = 64, /* no body -> MSG_STATUS, MSG_STATUS_LINE... */
	MSG_STATUS,	     /* struct msg_status */
	MSG_STATUS_LINE,     /* struct msg_status_line: one condition, good or bad */
	MSG_GET_ENDPOINTS,   /* no body -> MSG_ENDPOINT... */
	MSG_ENDPOINT,	     /* struct msg_endpoint, with its counters */
	MSG_GET_ROUTES,	     /* no body -> MSG_ROUTE... */
	MSG_ROUTE,	     /* struct msg_route and its next hops */
	MSG_GET_NODES,	     /* no body -> MSG_NODE... */
	MSG_NODE,	     /* struct msg_node */
	MSG_GET_POOLS,	     /* no body -> MSG_POOL..., each followed by its MSG_BLOCK... */
	MSG_POOL,	     /* struct msg_pool */
	MSG_BLOCK,	     /* struct msg_block */
	MSG_GET_PEERS,	     /* no body -> MSG_PEER... */
	MSG_PEER,	     /* struct msg_peer */
	MSG_GET_DROPS,	     /* no body -> MSG_DROP_COUNT... */
	MSG_DROP_COUNT,	     /* struct msg_drop_count */
	MSG_FOLLOW_DROPS,    /* no body -> MSG_DROP... until the client hangs up */
	MSG_DROP,	     /* struct msg_drop */
	MSG_EXPLAIN,	     /* struct msg_explain -> MSG_EXPLAIN_STEP... */
	MSG_EXPLAIN_STEP,    /* struct msg_explain_step */
	MSG_GET_OBJECTS,     /* struct msg_get_objects -> MSG_CLUSTER_OBJECT... */
	MSG_GET_ADDRESS,     /* struct msg_get_address -> MSG_ADDRESS */
	MSG_ADDRESS,	     /* struct msg_address */

	/* tortie -> agent, uid 0 only */
	MSG_SHUTDOWN = 96, /* struct msg_shutdown -> MSG_END, then the agent ends */

	/* tortie -> tortie-bgpd, on bgp.sock, after MSG_HELLO as with the agent; answers are as
	 * long as the table of routes, and wait for who reads them */
	MSG_BGP_GET_PEERS = 112, /* no body -> MSG_BGP_PEER... */
	MSG_BGP_PEER,		 /* struct msg_bgp_peer */
	MSG_BGP_GET_ROUTES,	 /* struct msg_bgp_get_routes -> MSG_BGP_ROUTE..., in no order */
	MSG_BGP_ROUTE,		 /* struct msg_bgp_route and its two texts */
	/* the same, uid 0 only, or the user that tortie-bgpd runs as */
	MSG_BGP_ACT, /* struct msg_bgp_act -> MSG_END */
	/* the whole table for a program: this node and its peers, then every route of each prefix
	 * in a row */
	MSG_BGP_GET_DUMP,   /* no body -> MSG_BGP_DUMP_PEER..., MSG_BGP_DUMP_ROUTE... */
	MSG_BGP_DUMP_PEER,  /* struct msg_bgp_dump_peer; the first one is this node */
	MSG_BGP_DUMP_ROUTE, /* struct msg_bgp_dump_route and its path attributes */
};

struct message_header {
	__u32 type;	/* enum message_type */
	__u32 length;	/* octets of the whole message, header included */
	__u32 id;	/* chosen by the client, repeated in the answer */
	__u32 reserved; /* zero */
};

enum hello_role {
	ROLE_TOOL = 1,
	ROLE_BGPD = 2,
	ROLE_KUBED = 3, /* may send MSG_CLUSTER_* and ask */
};

struct msg_hello {
	__u32 protocol_version;
	__u32 role; /* enum hello_role */
	char program_version[64];
};

struct msg_hello_reply {
	__u32 protocol_version;
	__u32 abi_version; /* DATAPLANE_ABI_VERSION of the agent */
	char program_version[64];
	char kernel_release[64];
	char node_name[NAME_MAX_LEN + 1];
};

struct msg_error {
	__s32 error; /* positive errno */
	__u32 pad;
	char text[TEXT_MAX + 1]; /* one line: object, cause, mend */
};

/* --- CNI --- */

enum cni_verb {
	CNI_ADD = 1,
	CNI_DEL = 2,
	CNI_CHECK = 3,
	CNI_STATUS = 4,
	CNI_GC = 5,
};

/* What was asked for a pod and is not served: bits. */
enum cni_asked {
	CNI_ASKED_BANDWIDTH = 1,
};

/* The two families where something is told for each. */
enum {
	CNI_POOLS_V4,
	CNI_POOLS_V6,
	CNI_POOLS_FAMILIES,
};

/*
 * What the plugin read and checked (cni/netconf.c). Idempotent: DEL, CHECK, STATUS, GC. ADD for a
 * live (container_id, ifname) is refused. netns is the path as given, for words and results only:
 * the agent works through the two descriptors. Behind the struct, of GC only: valid_count times
 * struct msg_cni_attachment.
 */
struct msg_cni_request {
	__u32 verb; /* enum cni_verb */
	__u32 mtu;  /* from the configuration, 0: the node's */
	__u32 pool_count;
	__u32 address_count; /* CHECK: of prevResult, on our interface; ADD: of another IPAM */
	__u32 want_count;    /* ADD: addresses that are asked for, exactly these */
	__u32 family_pool_count[CNI_POOLS_FAMILIES];
	__u32 valid_count; /* GC: attachments of the network that are to stay */
	__u32 asked;	   /* enum cni_asked */
	__u32 delegated;   /* 1: addresses are another IPAM plugin's; ADD takes address as it is */
	__u8 mac[6];	   /* ADD: asked for; zero: none */
	__u8 pad[2];
	char container_id[CONTAINER_ID_MAX + 1];
	char ifname[IFNAME_MAX + 1];
	char netns[NETNS_PATH_MAX + 1];
	char network[NAME_MAX_LEN + 1];	 /* name in the configuration */
	char pod_name[NAME_MAX_LEN + 1]; /* K8S_POD_NAME, empty when none */
	char pod_namespace[NAME_MAX_LEN + 1];
	char pod_uid[64];
	char pool[CNI_POOLS_MAX][NAME_MAX_LEN + 1]; /* names or CIDRs, in order of preference */
	/* the same for one family; a family that has some does not use pool */
	char family_pool[CNI_POOLS_FAMILIES][CNI_POOLS_MAX][NAME_MAX_LEN + 1];
	struct ip_addr address[POD_ADDRESSES_MAX];
	struct ip_addr want[POD_ADDRESSES_MAX];
};

struct msg_cni_attachment {
	char host_ifname[IFNAME_MAX + 1]; /* pod_ifname() of container id and interface */
};

/* code 0: done. Else a CNI error code (SPEC 1.1.0, "Error") with its words. */
struct msg_cni_reply {
	__u32 code;
	__u32 mtu;
	__u32 address_count; /* ADD, CHECK: the pod's addresses, each /32 or /128 */
	__u8 host_mac[6];
	__u8 pod_mac[6];
	char host_ifname[IFNAME_MAX + 1];
	struct ip_addr address[POD_ADDRESSES_MAX];
	char msg[TEXT_MAX + 1];
	char details[TEXT_MAX + 1];
};

/* Sent by a thread that nothing holds up: is a request that waits for its answer in good hands? */
struct msg_cni_alive {
	__u32 silence_ms; /* since the agent last made progress; 0: idle, or the kernel holds it */
	__u32 pad;
};

/* --- BGP --- */

struct msg_bgp_listen {
	struct ip_addr addr;
	__u32 port; /* host order */
};

struct msg_bgp_keep {
	__u32 session_count; /* MSG_BGP_KEEP before */
	__u32 keep_ms;	     /* the sessions are closed when nobody takes them in this time */
};

/* What this run of tortie-bgpd has counted, of all peers, also of those that are gone. */
struct msg_bgp_counts {
	__u64 updates_in; /* UPDATE messages */
	__u64 updates_out;
	__u64 bad_updates; /* of those that came, read as RFC 7606 says */
	__u64 times_up;	   /* sessions that were established */
};

enum route_source {
	ROUTE_SOURCE_CONFIG = 1, /* routes: of the YAML file */
	ROUTE_SOURCE_BGP = 2,
	ROUTE_SOURCE_LOCAL = 3, /* a pod of this node (answers only) */
	ROUTE_SOURCE_BLOCK = 4, /* a block of this node (answers only) */
};

enum route_state {
	ROUTE_ACTIVE = 1,  /* in map and kernel */
	ROUTE_STALE,	   /* kept until its source is in sync */
	ROUTE_KERNEL_ONLY, /* in the kernel only: map full, or prefix length left out */
	ROUTE_NO_UPLINK,   /* next hop is on no uplink's subnet: neither */
};

/*
 * A route of tortie-bgpd. Behind the struct: next_hop_count times struct ip_addr, 1 to
 * ROUTE_NEXT_HOPS_MAX of them, ascending (as ip_addr_compare() has it) and so no two alike: equal
 * sets are equal octets. An IPv4 route may have IPv6 next hops (RFC 8950), also beside IPv4 ones.
 */
struct msg_route_set {
	struct ip_prefix prefix;
	__u32 next_hop_count;
};

struct msg_route_delete {
	struct ip_prefix prefix;
};

/*
 * A route as the agent has it. Behind the struct: next_hop_count times struct msg_next_hop, 0 to
 * ROUTE_NEXT_HOPS_MAX of them.
 */
struct msg_route {
	struct ip_prefix prefix;
	__u32 source; /* enum route_source */
	__u32 state;  /* enum route_state, of the route as a whole */
	__u32 mtu;    /* the smallest of the next hops in use; 0: not in the map */
	__u32 next_hop_count;
};

struct msg_next_hop {
	struct ip_addr addr; /* zero: the destination itself is on the link */
	char ifname[IFNAME_MAX +
		    1]; /* empty: this one is not in use (it is on no uplink's subnet) */
};

enum peer_state {
	PEER_IDLE = 1, /* RFC 4271 section 8.2.2 */
	PEER_CONNECT,
	PEER_ACTIVE,
	PEER_OPEN_SENT,
	PEER_OPEN_CONFIRM,
	PEER_ESTABLISHED,
};

enum peer_kind {
	PEER_NODE_MESH = 1,
	PEER_CONFIGURED = 2,
	PEER_DYNAMIC = 3,
};

enum bgp_bfd_state {
	BGP_BFD_NONE = 0,	/* no BFD with this peer */
	BGP_BFD_ADMIN_DOWN = 1, /* and then RFC 5880 section 6.2, in the order of its numbers */
	BGP_BFD_DOWN,
	BGP_BFD_INIT,
	BGP_BFD_UP,
};

struct msg_peer {
	struct ip_addr addr;
	struct ip_addr router_id; /* 0 until OPEN */
	__u32 remote_as;
	__u32 kind;  /* enum peer_kind */
	__u32 state; /* enum peer_state */
	__u32 port;
	__s64 since_s;	   /* CLOCK_REALTIME of the last state change, seconds */
	__u32 received[2]; /* routes accepted, IPv4 and IPv6 */
	__u32 advertised[2];
	__u32 hold_time_s; /* negotiated, 0 until OPEN */
	__u32 restarting;  /* 1: graceful restart of the peer under way, its routes are kept */
	char last_error[128];
	__u32 bfd_state;      /* enum bgp_bfd_state */
	__u32 bfd_times_down; /* how often it fell from Up */
};

/* Bits of msg_bgp_peer.flags. */
enum bgp_peer_flag {
	BGP_PEER_INTERNAL = 1 << 0,
	BGP_PEER_REFLECTOR_CLIENT = 1 << 1,
	BGP_PEER_PASSIVE = 1 << 2,
	BGP_PEER_DOWN = 1 << 3, /* taken down by MSG_BGP_ACT */
	BGP_PEER_FILTERED = 1 << 4,
	/* of the last OPEN */
	BGP_PEER_GRACEFUL_RESTART = 1 << 8,
	BGP_PEER_ROUTE_REFRESH = 1 << 9,
	BGP_PEER_FOUR_OCTET_AS = 1 << 10,
	BGP_PEER_IPV4 = 1 << 11, /* the session carries it */
	BGP_PEER_IPV6 = 1 << 12,
	BGP_PEER_EXTENDED_NEXT_HOP = 1 << 13, /* RFC 8950 */
	/* of BFD */
	BGP_PEER_BFD_MULTIHOP = 1 << 16,
};

#define BGP_SHUTDOWN_TEXT_MAX 128 /* octets: what RFC 8203 allows, which RFC 9003 widened */

struct msg_bgp_peer {
	struct msg_peer peer;
	__u32 local_as;
	__u32 flags;	  /* enum bgp_peer_flag */
	__u64 updates_in; /* UPDATE messages since the peer is known */
	__u64 updates_out;
	__u64 bad_updates;  /* of those that came, read as RFC 7606 says */
	__u64 times_up;	    /* how often a session was established */
	char sent[192];	    /* our last NOTIFICATION in words, "": none yet */
	char received[192]; /* the peer's */
	/* Of BFD; all zero without. */
	__u32 bfd_remote_state; /* enum bgp_bfd_state, as the peer says */
	__u32 bfd_interval_ms;	/* between packets that we send */
	__u32 bfd_detection_ms; /* of silence that end it; 0: nothing heard yet */
	__u32 bfd_pad;
	__u64 bfd_received;
	__u64 bfd_sent;
	__u64 bfd_discarded;	 /* from its address */
	char bfd_diagnostic[64]; /* why its state is what it is, in words */
	char bfd_discard[128];	 /* why the last one was discarded; "": none was */
};

enum bgp_routes_which {
	BGP_ROUTES_ALL = 0, /* every route in the table, also this node's */
	BGP_ROUTES_BEST,    /* those in use: the best ones, and what is as good beside them */
	BGP_ROUTES_IN,	    /* what peers told and was let in */
	BGP_ROUTES_OUT,	    /* what peers are told, a record for each peer */
};

enum bgp_routes_match {
	BGP_MATCH_ALL = 0,
	BGP_MATCH_INSIDE,   /* prefixes in `prefix`, itself too */
	BGP_MATCH_COVERING, /* prefixes that hold `prefix` */
};

struct msg_bgp_get_routes {
	__u32 which; /* enum bgp_routes_which */
	__u32 match; /* enum bgp_routes_match */
	struct ip_prefix prefix;
	struct ip_addr peer; /* of this one alone; zero: of all */
	__u32 pad;
};

/* Bits of msg_bgp_route.flags. */
enum bgp_route_flag {
	BGP_ROUTE_BEST = 1 << 0,
	BGP_ROUTE_STALE = 1 << 1, /* kept through a restart of its peer */
	BGP_ROUTE_OWN = 1 << 2,
	BGP_ROUTE_HAS_MED = 1 << 3,
	BGP_ROUTE_HAS_LOCAL_PREF = 1 << 4,
	BGP_ROUTE_INTERNAL = 1 << 5,	/* the peer is */
	BGP_ROUTE_MULTIPATH = 1 << 6,	/* in use beside the best one */
	BGP_ROUTE_UNREACHABLE = 1 << 7, /* the node cannot send to its next hop */
};

struct msg_bgp_route {
	struct ip_prefix prefix;
	struct ip_addr next_hop;
	struct ip_addr peer; /* that told it; with BGP_ROUTES_OUT: that is told */
	__u32 flags;	     /* enum bgp_route_flag */
	__u32 origin;	     /* 0 IGP, 1 EGP, 2 incomplete */
	__u32 med;
	__u32 local_pref;
	__u32 path_len;	       /* octets of text behind the struct: "64512 {65001 65002}" */
	__u32 communities_len; /* and behind that: "65000:1 65000:1:2" */
};

struct msg_bgp_dump_peer {
	struct ip_addr addr; /* zero: this node */
	__u32 router_id;     /* host order; 0: its OPEN has not come yet */
	__u32 as;
};

struct msg_bgp_dump_route {
	struct ip_prefix prefix;
	struct ip_addr peer; /* that told it; zero: this node */
	struct ip_addr next_hop;
	__u32 pad;
	__u64 since_s;	      /* since the epoch: the peer's session, no route's time is kept */
	__u32 attributes_len; /* octets behind the struct: path attributes as an UPDATE has them,
				 with AS numbers of four octets; a next hop of IPv6 is not in */
	__u32 pad2;
};

enum bgp_act {
	BGP_ACT_RESET = 1, /* the session ends, and begins again */
	BGP_ACT_REFRESH,   /* both sides tell all their routes again, within the session */
	BGP_ACT_DOWN,	   /* the session ends, and none begins until BGP_ACT_UP */
	BGP_ACT_UP,
};

struct msg_bgp_act {
	struct ip_addr peer;
	__u32 act; /* enum bgp_act */
	__u32 pad;
	char text[BGP_SHUTDOWN_TEXT_MAX + 1]; /* told the peer with RESET and DOWN, may be "" */
	char pad2[7];
};

/* --- the cluster --- */

#define OBJECT_KIND_MAX 63    /* octets of a kind, as in "IPPool" */
#define OBJECT_JSON_MAX 65536 /* octets of one object */
#define OBJECTS_JSON_MAX \
	262144 /* of all that the agent keeps; what does not fit is told as a notice */

/* An object as the API server gave it, without managedFields; for `tortie get` on a node. */
struct msg_cluster_object {
	char kind[OBJECT_KIND_MAX + 1];
	char name[NAME_MAX_LEN + 1];
	__u32 json_len; /* octets of text behind the struct */
	__u32 pad;
};

struct msg_get_objects {
	char kind[OBJECT_KIND_MAX + 1];
	char name[NAME_MAX_LEN + 1]; /* empty: all of the kind */
};

struct msg_cluster_commit {
	__u32 policies; /* network policies that exist and are not enforced */
	__u32 pad;
	char why_none[TEXT_MAX + 1]; /* empty with a document; else one line */
};

enum cluster_state {
	CLUSTER_NONE = 0,    /* no `kubernetes:` in the file */
	CLUSTER_WAITING = 1, /* no document yet: no addresses to give */
	CLUSTER_KEPT = 2,    /* the document of before is in force; tortie-kubed is not there, or
				has none for this node */
	CLUSTER_IN_SYNC = 3,
};

/* --- people --- */

enum status_level {
	STATUS_OK = 1,
	STATUS_WARNING = 2,
	STATUS_PROBLEM = 3,
};

enum bgp_condition {
	BGP_NOT_IN_SYNC = 0,
	BGP_IN_SYNC = 1,       /* every peer sent End-of-RIB, or the timer ran out */
	BGP_NO_SPEAKER = 2,    /* no tortie-bgpd is connected */
	BGP_SPEAKER_HANGS = 3, /* it is connected and does not answer */
};

struct msg_status {
	__u32 ready; /* 1: the data plane serves, ADD would work */
	__u32 pods;
	__u32 remote_routes;
	__u32 peers_total;
	__u32 peers_established;
	__u32 bgp; /* enum bgp_condition */
	__u32 mtu;
	__u32 gso_max_size;	 /* given to pods, 0: left alone */
	__u32 gso_ipv4_max_size; /* read back: 0 where the kernel has no IPv4 BIG TCP */
	__u32 uplink_hook;	 /* 1 tcx, 2 clsact */
	__u64 uptime_s;
	__u64 repairs;	       /* hooks and routes put back */
	__u64 map_differences; /* map entries found other than they must be, since start */
	__u64 map_octets;      /* kernel memory of all maps, computed */
	__u32 cluster;	       /* enum cluster_state */
	__u32 policies;	       /* network policies of the cluster, none of which is enforced */
	__u32 has_bgp_counts;  /* 1: the speaker that is connected has told them */
	__u32 pad;
	struct msg_bgp_counts bgp_counts;
	char node_name[NAME_MAX_LEN + 1];
	char config_file[TEXT_MAX + 1];
	char kernel_release[64];
};

struct msg_status_line {
	__u32 level; /* enum status_level */
	__u32 pad;
	char text[TEXT_MAX + 1]; /* object: state (mend) */
};

struct msg_endpoint {
	__u32 ifindex;
	__u32 address_count;
	struct ip_addr address[POD_ADDRESSES_MAX];
	__u8 mac[6];
	__u8 pad[2];
	char host_ifname[IFNAME_MAX + 1];
	char ifname[IFNAME_MAX + 1];
	char container_id[CONTAINER_ID_MAX + 1];
	char pod_name[NAME_MAX_LEN + 1];
	char pod_namespace[NAME_MAX_LEN + 1];
	char network[NAME_MAX_LEN + 1];
	__u64 tx_packets; /* sent by the pod */
	__u64 tx_octets;
	__u64 rx_packets;
	__u64 rx_octets;
};

struct msg_node {
	char name[NAME_MAX_LEN + 1]; /* empty when only the address is known */
	struct ip_addr addr;
	__u32 is_self;
	__u32 block_count; /* prefixes reached through it */
	__u32 peer_state;  /* enum peer_state, 0: no session */
	__u32 as;
};

struct msg_pool {
	char name[NAME_MAX_LEN + 1];
	struct ip_prefix cidr;
	__u32 nat_outgoing;
	__u32 block_count; /* MSG_BLOCK that follow */
	__u64 capacity;	   /* addresses of this node's blocks, at most 2^64-1 */
	__u64 used;
};

struct msg_block {
	struct ip_prefix cidr;
	__u64 capacity;
	__u64 used;
	__u64 quarantined; /* freed less than quarantine seconds ago */
};

struct msg_get_address {
	struct ip_addr addr;
};

enum address_state {
	ADDRESS_NOT_OURS = 0, /* in no block of this node */
	ADDRESS_FREE,
	ADDRESS_RESTING, /* given back less than the quarantine ago */
	ADDRESS_IN_USE,
	ADDRESS_RESERVED,
	ADDRESS_ANYCAST, /* the subnet-router anycast address of the block */
};

struct msg_address {
	struct ip_addr addr;
	struct ip_prefix block; /* and pool: when it is in a block of this node */
	__u32 state;		/* enum address_state */
	__u64 freed_s;		/* seconds since it was given back; 0: not known */
	char pool[NAME_MAX_LEN + 1];
};

struct msg_drop_count {
	__u32 reason; /* enum drop_reason */
	__u32 pad;
	__u64 count;
};

struct msg_drop {
	__s64 time_ns; /* CLOCK_REALTIME */
	__u32 ifindex;
	__u32 reason;
	__u32 hook; /* enum dataplane_hook */
	__u32 packet_len;
	__u32 head_len;
	char ifname[IFNAME_MAX + 1];
	__u8 head[128];
};

/* FROM and TO: address, or [NAMESPACE/]POD name known to this node. */
struct msg_explain {
	char from[NAME_MAX_LEN + 1];
	char to[NAME_MAX_LEN + 1];
	__u32 protocol;	   /* IP protocol number: TCP, UDP, ICMP (ICMPv6 for IPv6), SCTP */
	__u32 port;	   /* TO's, 0: none */
	__u32 source_port; /* FROM's, 0: any */
	__u32 length;	   /* of the IP packet, 0: smallest */
	__u32 ttl;	   /* 0: 64 */
};

struct msg_explain_step {
	__u32 hook; /* enum dataplane_hook */
	__u32 id;   /* enum explain_step_id */
	__u32 detail;
	__u32 bits;
	struct ip_addr addr;
	char text[TEXT_MAX + 1]; /* the step in words, with names of links and pods */
};

struct msg_shutdown {
	__u32 reset; /* 1: remove nothing now, put nothing back, remove the ready file and conflist
		      */
};

#endif /* INCLUDE_AGENT_PROTOCOL_H */
