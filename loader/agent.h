/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_AGENT_H
#define LOADER_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/file_mark.h"

struct bgp_feed;
struct cluster;
struct dataplane;
struct drops;
struct endpoint_store;
struct file_watch;
struct forward_accept;
struct hook_watch;
struct ipam;
struct link_reaper;
struct masquerade;
struct monitor;
struct namespace_claim;
struct netlink;
struct plugin_version;
struct pulse;
struct readiness;
struct remote_routes;
struct server;
struct stack_flows;
struct uplinks;

/*
 * The whole state of tortied, in one place. agent.c makes the parts in this order and frees them in
 * reverse; every part gets the agent and uses the others through their headers.
 */
struct agent {
	const struct config *config; /* in force; cluster.c replaces it */
	const char *base;	     /* text of the configuration file, borrowed */
	size_t base_len;
	const char *run_dir; /* borrowed */
	const char *bpf_dir;
	struct event_loop *loop;
	struct namespace_claim *claim;	 /* no other agent in this network namespace */
	struct netlink *netlink;	 /* requests in the node's own namespace */
	struct dataplane *dataplane;	 /* programs and maps */
	struct cluster *cluster;	 /* what Kubernetes says */
	struct stack_flows *stack_flows; /* with kube-proxy beside us: flows that are the stack's */
	struct monitor *monitor;	 /* what the kernel tells */
	struct uplinks *uplinks;	 /* links to the other nodes, node MTU */
	struct ipam *ipam;		 /* which address is taken */
	struct link_reaper *reaper;	 /* deletes links without making anyone wait */
	struct endpoint_store *endpoints; /* the pods */
	struct remote_routes *routes;	  /* the other nodes' blocks */
	struct masquerade *masquerade;
	struct forward_accept *forward_accept; /* our rules in firewalls that drop */
	struct bgp_feed *bgp;
	struct hook_watch *hooks;
	struct drops *drops;
	struct server *server;
	struct pulse *pulse; /* tells plugins that we work */
	struct readiness *readiness;
	struct file_watch *files; /* sockets and files of ours stay */
	uint64_t started_ms;	  /* event_loop_now_ms() */
	uint64_t repairs;	  /* hooks, routes, neighbours, rules put back */
	uint64_t map_differences; /* map entries that an audit found missing, wrong or nobody's */
	bool is_running; /* all parts are made; else only the sockets, and the cluster is waited for
			  */
	bool has_failed; /* to make them */
	bool ready;	 /* the data plane serves, the conflist is written */
	unsigned int conflist_chain;	/* enum conflist_chain of the file that was written */
	struct file_mark conflist_mark; /* of that file */
	struct plugin_version *portmap; /* what it knows; NULL: it was never chained */
	bool resetting;			/* MSG_SHUTDOWN with reset: put nothing back */
};

/** agent_open() - make the parts, in the order above; config, base, run_dir, bpf_dir and loop are
 * set. While the cluster is waited for, only those up to cluster, and server. 0 or -errno (said in
 * the log); what was made is freed by agent_close() in either case. */
int agent_open(struct agent *agent);
/** agent_start() - the cluster has spoken: make the other parts. 0 or -errno (said in the log). */
int agent_start(struct agent *agent);
/** agent_close() - free the parts in reverse. Maps, programs, links and routes stay. */
void agent_close(struct agent *agent);

#endif /* LOADER_AGENT_H */
