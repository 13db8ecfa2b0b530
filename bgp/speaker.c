/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speaker.c: the program's state, and what goes on between its parts.
 *
 * The way of a route: session.c reads an UPDATE, peer.c puts its routes into the table (rib.c), and
 * when the handler is through speaker_work_off() empties the queue of changes into two leaves: the
 * agent (agent_feed.c), which puts the route into the kernel and the maps, and the peers
 * (advertise.c). This node's own blocks are routes like others, from the source `own`.
 *
 * After a start we are a restarting speaker (RFC 4724 section 4.1): our OPENs say so, and neither
 * the agent nor peers that get routes of others from us sweep what they kept before every
 * configured peer has told its routes, or the deferral timer ran out. Unlike the RFC we do not hold
 * back the routes themselves: what is kept stays until the sweep, so an early route does no harm,
 * and one dead node must not keep another's blocks out of the network for two minutes.
 *
 * A connection from an address that belongs to no peer is closed before an octet is read.
 */
#include "bgp/speaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/peer.h"
#include "bgp/tcp.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"

#define ACCEPT_BATCH	32 /* connections a round */
#define ACCEPT_PAUSE_MS 1000
#define REPORT_MS	1000
#define REFUSED_LOG_MS	10000

/* --- changes --- */

static void feed_entry(struct speaker *speaker, const struct rib_entry *entry)
{
	const struct rib_path *best = entry->best;

	if (best && best->source->kind != SOURCE_LOCAL)
		agent_feed_route(speaker->feed, &entry->prefix, &best->attributes->values.next_hop);
	else
		agent_feed_route(speaker->feed, &entry->prefix, NULL);
}

void speaker_work_off(struct speaker *speaker)
{
	struct rib_entry *entry;
	bool any = false;

	while ((entry = rib_next_changed(speaker->rib))) {
		any = true;
		feed_entry(speaker, entry);
		if (advertise_change(speaker->advertise, entry) < 0)
			log_error("routes: no memory to advertise a change; peers miss it");
		rib_put_changed(speaker->rib, entry);
	}
	if (any) {
		advertise_flush(speaker->advertise);
		speaker_report_soon(speaker);
	}
}

void speaker_finish_round(struct speaker *speaker)
{
	speaker_work_off(speaker);
	session_flush_all(&speaker->session_shared);
}

static void on_flush(void *arg)
{
	speaker_finish_round(arg);
}

/* Not at once: what several peers said in this round of the loop goes out in common messages. */
static void on_round_done(void *arg)
{
	struct speaker *speaker = arg;

	if (!event_timer_is_armed(&speaker->flush_timer) &&
	    event_timer_set(speaker->loop, &speaker->flush_timer, 0) < 0)
		speaker_finish_round(speaker); /* no memory to wait */
}

void speaker_report_soon(struct speaker *speaker)
{
	if (!event_timer_is_armed(&speaker->report_timer))
		event_timer_set(speaker->loop, &speaker->report_timer, REPORT_MS);
}

static void on_report(void *arg)
{
	struct speaker *speaker = arg;
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	peer_report(peer, false);
}

void speaker_replay(struct speaker *speaker)
{
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	peer_report(peer, true);
}

/* --- in sync --- */

static bool is_anyone_awaited(const struct speaker *speaker, bool for_agent)
{
	struct peer *peer, *next;

	HASH_ITER(hh, speaker->peers, peer, next)
	if (peer_holds_up(peer, for_agent))
		return true;
	return false;
}

static void end_restart(struct speaker *speaker)
{
	struct peer *peer, *next;

	speaker->is_restarting = false;
	speaker_work_off(speaker); /* End-of-RIB comes after the routes */
	HASH_ITER(hh, speaker->peers, peer, next)
	peer_send_end_of_rib(peer);
}

static void declare_sync(struct speaker *speaker, const char *why)
{
	speaker->is_in_sync = true;
	event_timer_cancel(speaker->loop, &speaker->deferral_timer);
	log_info("routes: in sync: %s", why);
	speaker_work_off(speaker); /* the agent hears of the last routes first */
	agent_feed_in_sync(speaker->feed);
}

static void on_sync(void *arg)
{
	struct speaker *speaker = arg;

	if (speaker->is_restarting && !is_anyone_awaited(speaker, false))
		end_restart(speaker);
	if (!speaker->is_in_sync && !is_anyone_awaited(speaker, true))
		declare_sync(speaker, "every peer told all its routes");
	speaker_finish_round(speaker);
}

/* Looked at when the round is over: a thousand peers may say the same in it. */
void speaker_check_sync(struct speaker *speaker)
{
	if (speaker->is_restarting || !speaker->is_in_sync)
		event_timer_set(speaker->loop, &speaker->sync_timer, 0);
}

static void on_deferral(void *arg)
{
	struct speaker *speaker = arg;

	if (speaker->is_restarting)
		end_restart(speaker);
	if (!speaker->is_in_sync)
		declare_sync(speaker, "waited long enough for peers that are not there");
	speaker_finish_round(speaker);
}

/* --- listening --- */

static void log_refused(struct speaker *speaker, const struct ip_addr *addr)
{
	uint64_t now_ms = event_loop_now_ms();
	char text[IP_ADDR_TEXT_MAX];

	if (speaker->refused_logged_ms && now_ms - speaker->refused_logged_ms < REFUSED_LOG_MS)
		return;
	speaker->refused_logged_ms = now_ms;
	log_info("connection from %s refused: no peer has this address; set bgp.peers or bgp.mesh",
		 ip_addr_format(addr, text, sizeof(text)));
}

static void watch_listening(struct speaker *speaker, uint32_t events)
{
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		if (speaker->listen_fd[i] >= 0)
			event_loop_modify_fd(speaker->loop, speaker->listen_fd[i], events);
}

static void on_accept_again(void *arg)
{
	watch_listening(arg, EPOLLIN);
}

/* The connection stays in the queue and would wake us for ever. */
static void pause_accepting(struct speaker *speaker, int err)
{
	log_error("listening sockets: %s; accepting waits for %u ms", strerror(-err),
		  ACCEPT_PAUSE_MS);
	watch_listening(speaker, 0);
	event_timer_set(speaker->loop, &speaker->accept_timer, ACCEPT_PAUSE_MS);
}

static void on_connection(int listen_fd, uint32_t events, void *arg)
{
	struct speaker *speaker = arg;
	struct ip_addr remote;
	struct peer *peer;
	int fd;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		fd = tcp_accept(listen_fd, &remote);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM)
			pause_accepting(speaker, fd);
		if (fd < 0)
			break;
		peer = peer_for_connection(speaker, &remote);
		if (peer) {
			peer_accept(peer, fd);
			continue;
		}
		log_refused(speaker, &remote);
		close(fd);
	}
}

/* Keys of all who may connect to @fd. */
static void set_passwords(struct speaker *speaker, size_t index, int fd)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	bool is_v4 = ip_addr_is_v4(&bgp->listen[index].addr);
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix who;
	int err;

	for (size_t i = 0; i < bgp->peer_count; i++) {
		who = bgp->peer[i].is_range ? bgp->peer[i].range
					    : ip_prefix_host(&bgp->peer[i].addr);
		if (!speaker->password[i] || ip_addr_is_v4(&who.addr) != is_v4)
			continue;
		err = tcp_set_password(fd, &who, speaker->password[i]);
		if (err < 0)
			log_error("peer %s: password cannot be set, it cannot connect: %s",
				  ip_prefix_format(&who, text, sizeof(text)), strerror(-err));
	}
}

void speaker_take_listen_fd(struct speaker *speaker, size_t index, int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* whoever made it */
	set_passwords(speaker, index, fd);
	speaker->listen_fd[index] = fd;
	if (event_loop_add_fd(speaker->loop, fd, EPOLLIN, on_connection, speaker) < 0)
		log_error("listening socket %zu: no memory; peers cannot connect to it", index);
}

static const char *listen_mend(int err)
{
	switch (-err) {
	case EACCES:
		return "; start with CAP_NET_BIND_SERVICE, or set bgp.listen to a port above 1023";
	case EADDRINUSE:
		return "; stop the other BGP daemon, or set bgp.listen";
	case EADDRNOTAVAIL:
		return "; no link carries the address: set bgp.listen or node.addresses";
	default:
		return "";
	}
}

int speaker_listen(struct speaker *speaker)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < bgp->listen_count; i++) {
		int fd = tcp_listen(&bgp->listen[i].addr, bgp->listen[i].port);

		if (fd < 0) {
			log_error("bgp.listen %s port %u: %s%s",
				  ip_addr_format(&bgp->listen[i].addr, text, sizeof(text)),
				  bgp->listen[i].port, strerror(-fd), listen_mend(fd));
			return fd;
		}
		speaker_take_listen_fd(speaker, i, fd);
	}
	return 0;
}

/* --- life --- */

void speaker_start(struct speaker *speaker)
{
	struct peer *peer, *next;

	event_timer_set(speaker->loop, &speaker->deferral_timer,
			speaker->config->bgp.restart_time_s * 1000ull);
	HASH_ITER(hh, speaker->peers, peer, next)
	peer_start(peer);
	speaker_check_sync(speaker); /* with no peer to wait for it is so at once */
}

/* This node's blocks: routes whose next hop is written for each peer. */
static int add_own_blocks(struct speaker *speaker)
{
	struct attribute_draft *draft = &speaker->session_shared.update.draft;
	const struct config *config = speaker->config;
	struct attribute_set *attributes;
	int err = 0;

	attributes_start(draft);
	draft->values.present = HAS_EMPTY_NEXT_HOP;
	draft->values.origin = ORIGIN_IGP;
	attributes = attribute_set_intern(&speaker->attributes, draft);
	if (!attributes)
		return -ENOMEM;
	for (size_t i = 0; i < config->pool_count; i++)
		for (size_t k = 0; k < config->pool[i].block_count && err == 0; k++)
			err = rib_set_path(speaker->rib, &config->pool[i].block[k], &speaker->own,
					   attributes);
	attribute_set_unref(&speaker->attributes, attributes);
	return err;
}

static int read_passwords(struct speaker *speaker)
{
	const struct config_bgp *bgp = &speaker->config->bgp;
	int err;

	speaker->password = calloc(bgp->peer_count + 1, sizeof(char *));
	if (!speaker->password)
		return -ENOMEM;
	for (size_t i = 0; i < bgp->peer_count; i++) {
		if (!bgp->peer[i].password_file)
			continue;
		speaker->password[i] = calloc(1, TCP_PASSWORD_MAX + 1);
		if (!speaker->password[i])
			return -ENOMEM;
		err = tcp_read_password(bgp->peer[i].password_file, speaker->password[i]);
		if (err == 0)
			continue;
		log_error("bgp.peers password_file %s: %s", bgp->peer[i].password_file,
			  err == -EINVAL ? "the first line must have 1 to 80 octets"
					 : strerror(-err));
		return err;
	}
	return 0;
}

static int add_peers(struct speaker *speaker)
{
	const struct config_bgp *bgp = &speaker->config->bgp;

	for (size_t i = 0; i < bgp->peer_count; i++) {
		if (bgp->peer[i].reflector_client)
			speaker->is_reflector = true;
		if (!bgp->peer[i].is_range && !peer_new(speaker, i, &bgp->peer[i].addr))
			return -ENOMEM;
	}
	return 0;
}

static int fill(struct speaker *speaker)
{
	int err = attribute_table_init(&speaker->attributes);

	if (err < 0)
		return err;
	speaker->rib = rib_new(&speaker->attributes);
	if (!speaker->rib)
		return -ENOMEM;
	speaker->advertise = advertise_new(speaker->rib, &speaker->attributes,
					   speaker->config->bgp.as, speaker->router_id);
	if (!speaker->advertise)
		return -ENOMEM;
	err = read_passwords(speaker);
	if (err == 0)
		err = add_peers(speaker);
	if (err == 0)
		err = add_own_blocks(speaker);
	return err;
}

int speaker_new(struct event_loop *loop, const struct config *config, struct agent_feed *feed,
		struct speaker **ret_speaker)
{
	struct speaker *speaker = calloc(1, sizeof(*speaker));
	int err;

	if (!speaker)
		return -ENOMEM;
	speaker->loop = loop;
	speaker->config = config;
	speaker->feed = feed;
	speaker->router_id = ntohl(config->bgp.router_id_be);
	speaker->own.kind = SOURCE_LOCAL;
	speaker->own.router_id = speaker->router_id;
	speaker->is_restarting = true;
	speaker->session_shared.loop = loop;
	speaker->session_shared.round_done = on_round_done;
	speaker->session_shared.round_arg = speaker;
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++)
		speaker->listen_fd[i] = -1;
	event_timer_init(&speaker->flush_timer, on_flush, speaker);
	event_timer_init(&speaker->deferral_timer, on_deferral, speaker);
	event_timer_init(&speaker->report_timer, on_report, speaker);
	event_timer_init(&speaker->sync_timer, on_sync, speaker);
	event_timer_init(&speaker->accept_timer, on_accept_again, speaker);
	err = fill(speaker);
	if (err < 0) {
		if (err == -ENOMEM)
			log_error("tortie-bgpd: no memory");
		speaker_free(speaker);
		return err;
	}
	speaker_work_off(speaker);
	*ret_speaker = speaker;
	return 0;
}

void speaker_free(struct speaker *speaker)
{
	struct peer *peer, *next;

	if (!speaker)
		return;
	event_timer_cancel(speaker->loop, &speaker->flush_timer);
	event_timer_cancel(speaker->loop, &speaker->deferral_timer);
	event_timer_cancel(speaker->loop, &speaker->report_timer);
	event_timer_cancel(speaker->loop, &speaker->sync_timer);
	event_timer_cancel(speaker->loop, &speaker->accept_timer);
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++) {
		if (speaker->listen_fd[i] < 0)
			continue;
		event_loop_remove_fd(speaker->loop, speaker->listen_fd[i]);
		close(speaker->listen_fd[i]);
	}
	/* Routes point to peers, groups to routes: groups, routes, peers. */
	HASH_ITER(hh, speaker->peers, peer, next)
	advertise_leave(speaker->advertise, &peer->member);
	advertise_free(speaker->advertise);
	rib_free(speaker->rib);
	HASH_ITER(hh, speaker->peers, peer, next)
	peer_free(peer);
	attribute_table_fini(&speaker->attributes);
	for (size_t i = 0; speaker->password && i < speaker->config->bgp.peer_count; i++)
		free(speaker->password[i]);
	free(speaker->password);
	free(speaker);
}
