/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c: the parts of the agent, put together and taken apart.
 *
 * The order is that of struct agent and has reasons: the claim on the network namespace before
 * anything in it is touched; programs and maps before anything is attached; the monitor before
 * uplinks and pods, so that no change between a dump and the first notification is missed; uplinks
 * before pods, which need the node's MTU; the store of endpoints before deletes that were noted
 * while the agent was away; routes after uplinks. Once uplinks and pods run the new programs, the
 * predecessors' pins go. The sockets come last: who can connect gets whole answers.
 *
 * On Kubernetes the configuration is completed by the cluster (cluster.c). Before anything is known
 * of it, the first parts and the sockets are made, which say what is waited for; programs and links
 * of an agent before go on as they are. The others are made when the cluster has spoken.
 *
 * CAP_PERFMON is given up as soon as both copies of the programs are loaded, which waits for
 * nobody.
 */
#include "loader/agent.h"

#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "loader/attach.h"
#include "loader/bgp_feed.h"
#include "loader/cluster.h"
#include "loader/cni_requests.h"
#include "loader/dataplane.h"
#include "loader/drops.h"
#include "loader/endpoint_store.h"
#include "loader/file_watch.h"
#include "loader/forward_accept.h"
#include "loader/hook_watch.h"
#include "loader/ipam.h"
#include "loader/link_reaper.h"
#include "loader/masquerade.h"
#include "loader/monitor.h"
#include "loader/namespace_claim.h"
#include "loader/netlink.h"
#include "loader/plugin_version.h"
#include "loader/privileges.h"
#include "loader/pulse.h"
#include "loader/readiness.h"
#include "loader/remote_routes.h"
#include "loader/server.h"
#include "loader/stack_flows.h"
#include "loader/uplink.h"

#define UPLINKS_KEPT_MAX 64

struct part {
	const char *name;
	int (*open)(struct agent *agent);
	bool says_why; /* in the log, when it fails */
};

static int open_claim(struct agent *agent)
{
	int err = namespace_claim_open(agent, &agent->claim);

	if (err && err != -EADDRINUSE)
		log_error("cannot start: network namespace: %s", strerror(-err));
	return err;
}

static int open_netlink(struct agent *agent)
{
	return netlink_open(&agent->netlink);
}

static int open_dataplane(struct agent *agent)
{
	int err = dataplane_open(agent->config, agent->bpf_dir, &agent->dataplane);

	return err ? err : privileges_drop_loading();
}

static int open_stack_flows(struct agent *agent)
{
	return stack_flows_open(agent, &agent->stack_flows);
}

static int open_cluster(struct agent *agent)
{
	return cluster_open(agent, &agent->cluster);
}

static int open_monitor(struct agent *agent)
{
	return monitor_open(agent, &agent->monitor);
}

static int open_uplinks(struct agent *agent)
{
	uint32_t keep[UPLINKS_KEPT_MAX];
	size_t count = 0;
	int err = uplinks_open(agent, &agent->uplinks);

	if (err)
		return err;
	for (size_t i = 0; i < uplinks_count(agent->uplinks) && count < UPLINKS_KEPT_MAX; i++)
		keep[count++] = uplinks_get(agent->uplinks, i)->ifindex;
	attach_drop_stale_uplinks(agent->dataplane, agent->bpf_dir, keep, count);
	return 0;
}

static int open_ipam(struct agent *agent)
{
	return ipam_local_new(agent->config, &agent->ipam);
}

static int open_reaper(struct agent *agent)
{
	return link_reaper_open(agent, &agent->reaper);
}

static int open_endpoints(struct agent *agent)
{
	int err = endpoint_store_load(agent, &agent->endpoints);

	if (err)
		return err;
	/* All hooks run the new programs now. What cannot be added is a statistic. */
	err = dataplane_drop_old_pins(agent->dataplane);
	if (err)
		log_warning("counters of the programs before: cannot be added: %s", strerror(-err));
	stack_flows_settle(agent->stack_flows);
	return 0;
}

static int open_routes(struct agent *agent)
{
	return remote_routes_open(agent, &agent->routes);
}

static int open_masquerade(struct agent *agent)
{
	return masquerade_open(agent, &agent->masquerade);
}

static int open_forward_accept(struct agent *agent)
{
	return forward_accept_open(agent, &agent->forward_accept);
}

static int open_bgp(struct agent *agent)
{
	return bgp_feed_open(agent, &agent->bgp);
}

static int open_hooks(struct agent *agent)
{
	return hook_watch_open(agent, &agent->hooks);
}

static int open_drops(struct agent *agent)
{
	return drops_open(agent, &agent->drops);
}

/* They are open already where the cluster was waited for. */
static int open_server(struct agent *agent)
{
	int err = agent->server ? 0 : server_open(agent, &agent->server);

	return err || agent->pulse ? err : pulse_open(agent, &agent->pulse);
}

/*
 * A plugin that finds no listener leaves its note first and then tries again: reading the notes
 * after listening has begun misses none.
 */
static int open_deletes(struct agent *agent)
{
	agent->is_running = true;
	cni_replay_deletes(agent);
	return 0;
}

static int open_readiness(struct agent *agent)
{
	return readiness_open(agent, &agent->readiness);
}

static int open_files(struct agent *agent)
{
	return agent->files ? 0 : file_watch_open(agent, &agent->files);
}

static const struct part first_parts[] = {
	{ "network namespace", open_claim, true },
	{ "netlink", open_netlink, false },
	{ "data plane", open_dataplane, true },
	{ "cluster", open_cluster, false },
};

static const struct part waiting_parts[] = {
	{ "sockets", open_server, true },
	{ "files", open_files, false },
};

static const struct part parts[] = {
	{ "flows of the host stack", open_stack_flows, false },
	{ "monitor", open_monitor, false },
	{ "uplinks", open_uplinks, false },
	{ "addresses", open_ipam, false },
	{ "link reaper", open_reaper, false },
	{ "pods", open_endpoints, false },
	{ "routes", open_routes, false },
	{ "masquerade", open_masquerade, false },
	{ "firewall", open_forward_accept, false },
	{ "BGP feed", open_bgp, false },
	{ "hook watch", open_hooks, false },
	{ "drops", open_drops, true },
	{ "sockets", open_server, true },
	{ "deletes", open_deletes, false },
	{ "readiness", open_readiness, false },
	{ "files", open_files, false },
};

static int open_parts(struct agent *agent, const struct part *part, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int err = part[i].open(agent);

		if (err && !part[i].says_why)
			log_error("cannot start: %s: %s", part[i].name, strerror(-err));
		if (err)
			return err;
	}
	return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int agent_open(struct agent *agent)
{
	int err = open_parts(agent, first_parts, COUNT(first_parts));

	if (err)
		return err;
	if (!cluster_waits(agent->cluster))
		return agent_start(agent);
	log_info("waits for the cluster: %s", cluster_wait_words(agent));
	return open_parts(agent, waiting_parts, COUNT(waiting_parts));
}

int agent_start(struct agent *agent)
{
	return open_parts(agent, parts, COUNT(parts));
}

void agent_close(struct agent *agent)
{
	file_watch_close(agent->files);
	readiness_close(agent->readiness);
	plugin_version_free(agent->portmap);
	pulse_close(agent->pulse);
	server_close(agent->server); /* first: its clients' farewells need the parts below */
	drops_close(agent->drops);
	hook_watch_close(agent->hooks);
	if (agent->bgp)
		bgp_feed_close(agent->bgp);
	forward_accept_close(agent->forward_accept);
	if (agent->masquerade)
		masquerade_close(agent->masquerade);
	if (agent->routes)
		remote_routes_close(agent->routes);
	if (agent->endpoints)
		endpoint_store_free(agent->endpoints);
	if (agent->reaper)
		link_reaper_close(agent->reaper);
	ipam_free(agent->ipam);
	if (agent->uplinks)
		uplinks_close(agent->uplinks);
	if (agent->monitor)
		monitor_close(agent->monitor);
	cluster_close(agent->cluster);
	stack_flows_close(agent->stack_flows);
	dataplane_close(agent->dataplane);
	netlink_close(agent->netlink);
	namespace_claim_close(agent->claim);
}
