/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_feed.c: tortie-bgpd's side of the agent: listening sockets out, routes and peers in.
 *
 * tortie-bgpd has no capability, so the agent binds port 179 for it and hands the socket over. Only
 * the addresses and ports of the agent's own configuration are bound: a speaker that was taken over
 * must not get any other privileged port. The agent keeps no copy: while no speaker lives, a
 * connection attempt shall be refused at once and not wait in a queue that nobody serves, because
 * the peers' graceful restart begins with what they notice. Sessions of a speaker that ends in
 * order are kept for the next one, though not for long (bgp_keep.c).
 *
 * Way of data: MSG_ROUTES_BEGIN opens a full replay (what is there becomes stale), MSG_ROUTE_SET
 * and MSG_ROUTE_DELETE follow, MSG_ROUTES_IN_SYNC drops what was not repeated; after it, changes
 * alone. The peers' states come beside and are kept for those who ask.
 *
 * When the speaker goes away its routes stay, stale, until the next one is in sync, without a limit
 * in time: they are the best that is known, deleting them would send pods' packets to the default
 * route (and masquerade them), and a dead daemon is said loudly instead (RFC 4724 section 4.1 keeps
 * the forwarding state in the same way; its timer is the speaker's, which says in-sync when it has
 * run out).
 *
 * One speaker at a time: a second one is refused while the first is connected.
 *
 * A speaker that hangs keeps its connection, and its peers notice only when their hold timers run
 * out. So it is asked every PING_MS whether its loop goes round; one that has said nothing at all
 * for HANGS_MS after a question is told, and whoever watches the process may end it (`tortie bgp
 * alive`). Its connection and its routes stay: it may only be slow.
 */
#include "loader/bgp_feed.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uthash.h>

#include "lib/config.h"
#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "lib/next_hops.h"
#include "loader/agent.h"
#include "loader/bgp_keep.h"
#include "loader/bgp_subnets.h"
#include "loader/remote_routes.h"
#include "loader/status_lines.h"
#include "node_objects.h"

#define SOCKET_PATH_SIZE 108 /* unix(7): sun_path; server_paths_fit() looked */

#define PING_MS	       5000
#define HANGS_MS       15000
#define LISTEN_BACKLOG 1024				    /* all nodes may restart at once */
#define PEERS_MAX      (CONFIG_MESH_MAX + CONFIG_PEERS_MAX) /* dynamic ones are among them */

struct feed_peer {
	struct msg_peer msg;
	UT_hash_handle hh; /* by msg.addr */
};

struct bgp_feed {
	struct agent *agent;
	struct client *speaker; /* NULL: none connected */
	struct feed_peer *peers;
	struct bgp_keep *keep; /* sessions on their way from one speaker to the next */
	bool is_in_sync;
	bool is_overdue;	    /* no speaker in sync for restart_time, told */
	struct event_timer overdue; /* since start, or since the speaker went */
	struct event_timer ping;
	uint32_t ping_id;   /* of the question that is not answered yet, 0: none */
	uint32_t last_id;   /* of questions */
	uint64_t looked_ms; /* when the timer ran last */
	uint64_t silent_ms; /* since when nothing came, or the question was put */
	bool hangs;	    /* told */
	bool has_counts;    /* the speaker that is connected has told them */
	struct msg_bgp_counts counts;
	bool wants_subnets; /* the speaker has asked, and hears of others */
	struct bgp_subnets subnets;
};

/* --- one speaker --- */

static void forget_peers(struct bgp_feed *feed)
{
	struct feed_peer *peer, *next;

	HASH_ITER(hh, feed->peers, peer, next)
	{
		HASH_DEL(feed->peers, peer);
		free(peer);
	}
}

static void await_speaker(struct bgp_feed *feed)
{
	const struct config_bgp *bgp = &feed->agent->config->bgp;

	if (bgp->present)
		event_timer_set(feed->agent->loop, &feed->overdue,
				(uint64_t)bgp->restart_time_s * 1000);
}

static void on_overdue(void *arg)
{
	struct bgp_feed *feed = arg;

	feed->is_overdue = true;
	log_warning("tortie-bgpd: %s for %u s; its routes are kept, the other nodes may have "
		    "withdrawn ours (systemctl status tortie-bgpd)",
		    feed->speaker == NULL ? "not connected" : "not in sync",
		    feed->agent->config->bgp.restart_time_s);
}

static void on_speaker_gone(struct client *client, void *arg)
{
	struct bgp_feed *feed = arg;

	if (feed->speaker != client)
		return;
	feed->speaker = NULL;
	feed->is_in_sync = false;
	feed->hangs = feed->wants_subnets = feed->has_counts = false;
	event_timer_cancel(feed->agent->loop, &feed->ping);
	forget_peers(feed);
	if (feed->agent->routes != NULL)
		remote_routes_begin(feed->agent->routes, ROUTE_SOURCE_BGP);
	bgp_keep_speaker_gone(feed->keep);
	if (bgp_keep_is_whole(feed->keep))
		log_info("tortie-bgpd: has ended; its routes are kept until it is back");
	else
		log_warning("tortie-bgpd: connection lost; its routes are kept until it is back");
	await_speaker(feed);
}

/* --- is it alive? --- */

static void hear(struct bgp_feed *feed)
{
	feed->silent_ms = event_loop_now_ms();
	if (feed->hangs)
		log_info("tortie-bgpd: answers again");
	feed->hangs = false;
}

static void ask(struct bgp_feed *feed, uint64_t now)
{
	if (++feed->last_id == 0)
		feed->last_id = 1;
	feed->ping_id = feed->last_id;
	feed->silent_ms = now;
	client_send(feed->speaker, MSG_BGP_PING, feed->ping_id, NULL, 0);
}

static void on_ping(void *arg)
{
	struct bgp_feed *feed = arg;
	uint64_t now = event_loop_now_ms();

	/* Who stood still ourselves has not read the answer yet. */
	if (now - feed->looked_ms > 2 * PING_MS)
		feed->silent_ms = now;
	feed->looked_ms = now;
	event_timer_set(feed->agent->loop, &feed->ping, PING_MS);
	if (feed->ping_id == 0) {
		ask(feed, now);
	} else if (!feed->hangs && now - feed->silent_ms >= HANGS_MS) {
		feed->hangs = true;
		log_warning("tortie-bgpd: has not answered for %u s: it hangs; its routes are "
			    "kept, the other nodes will withdraw ours (restart it)",
			    HANGS_MS / 1000);
	}
}

static void begin_pings(struct bgp_feed *feed)
{
	feed->ping_id = 0;
	feed->looked_ms = event_loop_now_ms();
	event_timer_set(feed->agent->loop, &feed->ping, PING_MS);
}

/* --- who speaks --- */

/* Is @client the speaker, or can it become it? 0 or -errno, with the answer sent. */
static int check_speaker(struct agent *agent, struct client *client, uint32_t id)
{
	struct bgp_feed *feed = agent->bgp;
	int err;

	if (!client_is_bgpd(client)) {
		client_send_error(client, id, EPERM,
				  "routes: only tortie-bgpd may send them (user %s or root)",
				  agent->config->bgpd_user);
		return -EPERM;
	}
	if (feed->speaker == client) {
		hear(feed);
		return 0;
	}
	if (feed->speaker != NULL) {
		client_send_error(client, id, EBUSY,
				  "tortie-bgpd: another one is connected; stop it first");
		return -EBUSY;
	}
	err = client_on_gone(client, on_speaker_gone, feed);
	if (err < 0)
		return err;
	feed->speaker = client;
	client_keep(client);
	log_info("tortie-bgpd: connected");
	begin_pings(feed);
	return 0;
}

int bgp_feed_handle_pong(struct agent *agent, struct client *client, const struct request *request)
{
	int err = check_speaker(agent, client, request->id);
	struct bgp_feed *feed = agent->bgp;

	if (err < 0)
		return err;
	memcpy(&feed->counts, request->body, sizeof(feed->counts));
	feed->has_counts = true;
	if (request->id == feed->ping_id)
		feed->ping_id = 0;
	return 0;
}

/* --- sockets --- */

static bool is_configured(const struct config_bgp *bgp, const struct msg_bgp_listen *listen)
{
	for (size_t i = 0; i < bgp->listen_count; i++)
		if (bgp->listen[i].port == listen->port &&
		    ip_addr_equal(&bgp->listen[i].addr, &listen->addr))
			return true;
	return false;
}

static socklen_t fill_address(const struct msg_bgp_listen *listen, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (ip_addr_is_v4(&listen->addr)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)listen->port);
		v4->sin_addr = ip_addr_to_v4(&listen->addr);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)listen->port);
	v6->sin6_addr = ip_addr_to_v6(&listen->addr);
	return sizeof(*v6);
}

/* A bound, listening, non-blocking TCP socket, or -errno. */
static int open_listener(const struct msg_bgp_listen *listen_at)
{
	struct sockaddr_storage address;
	socklen_t len = fill_address(listen_at, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		goto err_close;
	if (address.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		goto err_close;
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, LISTEN_BACKLOG) < 0)
		goto err_close;
	return fd;

err_close:
	err = -errno;
	close(fd);
	return err;
}

static const char *listen_fault(int err)
{
	switch (-err) {
	case EADDRNOTAVAIL:
		return "no link of this node carries the address (set bgp.listen or "
		       "node.addresses)";
	case EADDRINUSE:
		return "another program listens there (bird, or another BGP daemon: stop it, or "
		       "set bgp.listen)";
	case EACCES:
	case EPERM:
		return "not allowed (tortied needs CAP_NET_BIND_SERVICE)";
	default:
		return strerror(-err);
	}
}

int bgp_feed_handle_listen(struct agent *agent, struct client *client,
			   const struct request *request)
{
	struct msg_bgp_listen listen_at;
	char addr[IP_ADDR_TEXT_MAX];
	int fd, err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	memcpy(&listen_at, request->body, sizeof(listen_at));
	ip_addr_format(&listen_at.addr, addr, sizeof(addr));
	if (!is_configured(&agent->config->bgp, &listen_at))
		return client_send_error(
			client, request->id, EPERM,
			"bgp.listen %s port %u: not in tortied's configuration%s", addr,
			listen_at.port,
			agent->config->kubernetes ? "" : " (restart tortied after a change)");
	fd = open_listener(&listen_at);
	if (fd < 0)
		return client_send_error(client, request->id, -fd, "bgp.listen %s port %u: %s",
					 addr, listen_at.port, listen_fault(fd));
	err = client_send_fd(client, request->id, fd);
	close(fd);
	return err;
}

/* --- which next hops are within reach --- */

static int send_subnets(struct bgp_feed *feed, uint32_t id)
{
	struct ip_prefix prefix[BGP_SUBNETS_MAX];
	size_t count = bgp_subnets_list(&feed->subnets, prefix);

	return client_send(feed->speaker, MSG_BGP_SUBNETS, id, prefix, count * sizeof(*prefix));
}

int bgp_feed_handle_subnets(struct agent *agent, struct client *client,
			    const struct request *request)
{
	struct bgp_feed *feed = agent->bgp;
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	feed->wants_subnets = true;
	bgp_subnets_look(&feed->subnets, agent->uplinks);
	return send_subnets(feed, request->id);
}

void bgp_feed_uplinks_changed(struct bgp_feed *feed)
{
	if (bgp_subnets_look(&feed->subnets, feed->agent->uplinks) && feed->wants_subnets)
		send_subnets(feed, 0);
}

/* --- the socket for questions --- */

int bgp_feed_handle_socket(struct agent *agent, struct client *client,
			   const struct request *request)
{
	int fd, err = check_speaker(agent, client, request->id);
	char path[SOCKET_PATH_SIZE];

	if (err < 0)
		return err;
	snprintf(path, sizeof(path), "%s/%s.sock", agent->run_dir, BGP_SOCKET_NAME);
	fd = server_listen(path);
	if (fd < 0)
		return client_send_error(client, request->id, -fd, "%s: %s", path, strerror(-fd));
	err = client_send_fd(client, request->id, fd);
	close(fd);
	return err;
}

/* --- from one speaker to the next --- */

int bgp_feed_handle_keep(struct agent *agent, struct client *client, const struct request *request)
{
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	if (request->fd_count != 1)
		return -EPROTO;
	err = bgp_keep_add(agent->bgp->keep, request->fds[0]);
	if (err == 0)
		request->fds[0] = -1;
	return err;
}

int bgp_feed_handle_keep_all(struct agent *agent, struct client *client,
			     const struct request *request)
{
	struct msg_bgp_keep what;
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	if (request->fd_count != 1)
		return -EPROTO;
	memcpy(&what, request->body, sizeof(what));
	err = bgp_keep_finish(agent->bgp->keep, &what, request->fds[0]);
	if (err < 0)
		return err;
	request->fds[0] = -1;
	return client_send_end(client, request->id);
}

int bgp_feed_handle_take(struct agent *agent, struct client *client, const struct request *request)
{
	struct bgp_feed *feed = agent->bgp;
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	if (!bgp_keep_is_whole(feed->keep))
		return client_send_error(client, request->id, ENOENT,
					 "tortie-bgpd: no sessions are kept");
	log_info("tortie-bgpd: takes over the sessions of the one before");
	return bgp_keep_give(feed->keep, client, request->id);
}

/* --- routes --- */

int bgp_feed_handle_routes_begin(struct agent *agent, struct client *client,
				 const struct request *request)
{
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	agent->bgp->is_in_sync = false;
	remote_routes_begin(agent->routes, ROUTE_SOURCE_BGP);
	return 0;
}

int bgp_feed_handle_route_set(struct agent *agent, struct client *client,
			      const struct request *request)
{
	int taken, err = check_speaker(agent, client, request->id);
	const uint8_t *body = request->body;
	struct ip_prefix prefix;
	struct next_hops hops;

	for (size_t at = 0; err == 0 && at < request->len; at += (size_t)taken) {
		taken = route_set_read(body + at, request->len - at, &prefix, &hops);
		if (taken < 0)
			return taken;
		/* What cannot be taken is told by remote_routes.c; the speaker goes on. */
		remote_routes_set(agent->routes, ROUTE_SOURCE_BGP, &prefix, &hops);
	}
	return err;
}

int bgp_feed_handle_route_delete(struct agent *agent, struct client *client,
				 const struct request *request)
{
	int taken, err = check_speaker(agent, client, request->id);
	const uint8_t *body = request->body;
	struct ip_prefix prefix;

	for (size_t at = 0; err == 0 && at < request->len; at += (size_t)taken) {
		taken = route_delete_read(body + at, request->len - at, &prefix);
		if (taken < 0)
			return taken;
		remote_routes_delete(agent->routes, ROUTE_SOURCE_BGP, &prefix);
	}
	return err;
}

int bgp_feed_handle_routes_in_sync(struct agent *agent, struct client *client,
				   const struct request *request)
{
	struct bgp_feed *feed = agent->bgp;
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	event_timer_cancel(agent->loop, &feed->overdue);
	feed->is_overdue = false;
	if (!feed->is_in_sync)
		log_info("tortie-bgpd: in sync");
	feed->is_in_sync = true;
	remote_routes_in_sync(agent->routes, ROUTE_SOURCE_BGP);
	return 0;
}

/* --- peers --- */

static bool is_peer_valid(const struct msg_peer *peer)
{
	return peer->state >= PEER_IDLE && peer->state <= PEER_ESTABLISHED &&
	       peer->kind >= PEER_NODE_MESH && peer->kind <= PEER_DYNAMIC;
}

static struct feed_peer *find_peer(struct bgp_feed *feed, const struct ip_addr *addr)
{
	struct feed_peer *peer;

	HASH_FIND(hh, feed->peers, addr, sizeof(*addr), peer);
	return peer;
}

static int take_peer(struct agent *agent, struct client *client, const struct request *request,
		     struct msg_peer *ret_peer)
{
	int err = check_speaker(agent, client, request->id);

	if (err < 0)
		return err;
	memcpy(ret_peer, request->body, sizeof(*ret_peer));
	ret_peer->last_error[sizeof(ret_peer->last_error) - 1] = '\0';
	return 0;
}

int bgp_feed_handle_peer_set(struct agent *agent, struct client *client,
			     const struct request *request)
{
	struct bgp_feed *feed = agent->bgp;
	struct feed_peer *peer;
	struct msg_peer msg;
	int err = take_peer(agent, client, request, &msg);

	if (err < 0)
		return err;
	if (!is_peer_valid(&msg))
		return -EPROTO;
	peer = find_peer(feed, &msg.addr);
	if (peer == NULL) {
		if (HASH_COUNT(feed->peers) >= PEERS_MAX)
			return -ENOSPC;
		peer = calloc(1, sizeof(*peer));
		if (peer == NULL)
			return -ENOMEM;
		peer->msg.addr = msg.addr;
		HASH_ADD(hh, feed->peers, msg.addr, sizeof(peer->msg.addr), peer);
	}
	peer->msg = msg;
	return 0;
}

int bgp_feed_handle_peer_delete(struct agent *agent, struct client *client,
				const struct request *request)
{
	struct bgp_feed *feed = agent->bgp;
	struct feed_peer *peer;
	struct msg_peer msg;
	int err = take_peer(agent, client, request, &msg);

	if (err < 0)
		return err;
	peer = find_peer(feed, &msg.addr);
	if (peer != NULL) {
		HASH_DEL(feed->peers, peer);
		free(peer);
	}
	return 0;
}

int bgp_feed_for_each_peer(const struct bgp_feed *feed, bgp_peer_fn *fn, void *arg)
{
	int err = 0;

	for (const struct feed_peer *peer = feed->peers; peer != NULL && err == 0;
	     peer = peer->hh.next)
		err = fn(&peer->msg, arg);
	return err;
}

/* --- the rest --- */

int bgp_feed_open(struct agent *agent, struct bgp_feed **ret_feed)
{
	struct bgp_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		return -ENOMEM;
	if (bgp_keep_open(agent->loop, &feed->keep) < 0) {
		free(feed);
		return -ENOMEM;
	}
	feed->agent = agent;
	event_timer_init(&feed->overdue, on_overdue, feed);
	event_timer_init(&feed->ping, on_ping, feed);
	await_speaker(feed);
	*ret_feed = feed;
	return 0;
}

void bgp_feed_close(struct bgp_feed *feed)
{
	if (feed == NULL)
		return;
	event_timer_cancel(feed->agent->loop, &feed->overdue);
	event_timer_cancel(feed->agent->loop, &feed->ping);
	forget_peers(feed);
	bgp_keep_close(feed->keep);
	free(feed);
}

void bgp_feed_config_changed(struct bgp_feed *feed, const struct config *before)
{
	bool is_present = feed->agent->config->bgp.present;

	if (is_present == before->bgp.present)
		return;
	event_timer_cancel(feed->agent->loop, &feed->overdue);
	feed->is_overdue = false;
	if (is_present) {
		await_speaker(feed);
		return;
	}
	/* Nobody will ever say that they are in sync. */
	remote_routes_begin(feed->agent->routes, ROUTE_SOURCE_BGP);
	remote_routes_in_sync(feed->agent->routes, ROUTE_SOURCE_BGP);
}

bool bgp_feed_is_in_sync(const struct bgp_feed *feed)
{
	return feed->is_in_sync;
}

enum bgp_condition bgp_feed_condition(const struct bgp_feed *feed)
{
	if (feed->speaker == NULL)
		return BGP_NO_SPEAKER;
	if (feed->hangs)
		return BGP_SPEAKER_HANGS;
	return feed->is_in_sync ? BGP_IN_SYNC : BGP_NOT_IN_SYNC;
}

bool bgp_feed_counts(const struct bgp_feed *feed, struct msg_bgp_counts *ret_counts)
{
	if (feed->has_counts)
		*ret_counts = feed->counts;
	return feed->has_counts;
}

int bgp_feed_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct bgp_feed *feed = agent->bgp;
	enum status_level level = feed->is_overdue ? STATUS_PROBLEM : STATUS_WARNING;

	if (!agent->config->bgp.present)
		return 0;
	if (feed->speaker == NULL)
		return fn(level,
			  "tortie-bgpd: not connected, routes learnt before are kept "
			  "(systemctl start tortie-bgpd)",
			  arg);
	if (feed->hangs)
		return fn(
			STATUS_PROBLEM,
			"tortie-bgpd: connected, and does not answer: it hangs; routes learnt "
			"before are kept (systemctl restart tortie-bgpd; on Kubernetes the kubelet "
			"does so)",
			arg);
	if (!feed->is_in_sync)
		return fn(level,
			  "tortie-bgpd: connected, not in sync yet (waits for its peers' "
			  "End-of-RIB)",
			  arg);
	return fn(STATUS_OK, "tortie-bgpd: connected and in sync", arg);
}
