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
 * speaker_listen.c has the listening sockets, speaker_config.c what comes from the configuration.
 */
#include "bgp/speaker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "bgp/agent_feed.h"
#include "bgp/bfd.h"
#include "bgp/multipath.h"
#include "bgp/peer.h"
#include "bgp/reach.h"
#include "bgp/speaker_internal.h"
#include "lib/log.h"

#define REPORT_MS      1000
#define OUTPUT_ALL_MAX (256u << 20) /* octets that wait for all peers together */
#define CHANGES_A_LOOK 256	    /* whether neighbours must hear from us meanwhile */

/* --- changes --- */

static void feed_entry(struct speaker *speaker, struct rib_entry *entry)
{
	const struct rib_path *best = rib_best(entry);
	struct next_hops hops;

	if (!best || best->source->kind == SOURCE_LOCAL ||
	    import_is_service(&speaker->filter, &entry->prefix)) {
		agent_feed_route_delete(speaker->feed, &entry->prefix);
		return;
	}
	multipath_next_hops(entry, speaker->config->bgp.max_paths, &hops);
	agent_feed_route(speaker->feed, &entry->prefix, &hops);
}

static void feed_walked(struct rib_entry *entry, void *arg)
{
	feed_entry(arg, entry);
}

void speaker_feed_again(struct speaker *speaker)
{
	rib_follow_multipath(speaker->rib, speaker->feed && speaker->config->bgp.max_paths > 1);
	if (speaker->feed)
		rib_walk(speaker->rib, feed_walked, speaker);
	agent_feed_flush(speaker->feed);
}

void speaker_work_off(struct speaker *speaker)
{
	struct rib_change change;
	size_t count = 0;

	while (rib_next_changed(speaker->rib, &change)) {
		if (++count % CHANGES_A_LOOK == 0)
			bfd_keep_up(speaker->bfd);
		feed_entry(speaker, change.entry);
		if (!rib_has_changed(speaker->rib))
			agent_feed_flush(speaker->feed); /* it is at work while we tell the peers */
		if (change.is_best_changed && advertise_change(speaker->advertise, &change) < 0)
			log_error("routes: no memory to advertise a change; peers miss it");
		rib_put_changed(speaker->rib, &change);
	}
	if (rib_take_lost_changes(speaker->rib) > 0)
		log_error("routes: no memory to note changes; peers and agent miss them");
	if (count > 0) {
		agent_feed_flush(speaker->feed);
		advertise_flush(speaker->advertise);
		speaker_report_soon(speaker);
	}
}

void speaker_finish_round(struct speaker *speaker)
{
	speaker_work_off(speaker);
	session_flush_all(&speaker->session_shared);
}

void speaker_look_at_reach(struct speaker *speaker)
{
	rib_set_reach(speaker->rib, reach_has, speaker->reach);
	speaker_finish_round(speaker);
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

static int fill(struct speaker *speaker)
{
	int err = attribute_table_init(&speaker->attributes);

	if (err < 0)
		return err;
	speaker->rib = rib_new(&speaker->attributes);
	if (!speaker->rib)
		return -ENOMEM;
	if (speaker->feed) /* else nothing is sent anywhere */
		rib_set_reach(speaker->rib, reach_has, speaker->reach);
	speaker_feed_again(speaker);
	speaker->advertise = advertise_new(speaker->rib, &speaker->attributes,
					   ntohl(speaker->config->bgp.cluster_id_be));
	speaker->bfd = bfd_new(speaker->loop);
	if (!speaker->advertise || !speaker->bfd)
		return -ENOMEM;
	return speaker_set_up(speaker);
}

int speaker_new(const struct speaker_params *params, struct speaker **ret_speaker)
{
	const struct config *config = params->config;
	struct speaker *speaker = calloc(1, sizeof(*speaker));
	int err;

	if (!speaker) {
		speaker_free_passwords(config, params->password);
		return -ENOMEM;
	}
	speaker->loop = params->loop;
	speaker->config = config;
	speaker->feed = params->feed;
	speaker->reach = params->reach;
	speaker->password = params->password;
	speaker->router_id = ntohl(config->bgp.router_id_be);
	speaker->own.kind = SOURCE_LOCAL;
	speaker->own.router_id = speaker->router_id;
	speaker->is_restarting = true;
	speaker->session_shared.loop = params->loop;
	speaker->session_shared.lingering = params->lingering;
	speaker->session_shared.output.octets_max = OUTPUT_ALL_MAX;
	speaker->session_shared.round_done = on_round_done;
	speaker->session_shared.round_arg = speaker;
	speaker_init_listening(speaker);
	event_timer_init(&speaker->flush_timer, on_flush, speaker);
	event_timer_init(&speaker->deferral_timer, on_deferral, speaker);
	event_timer_init(&speaker->report_timer, on_report, speaker);
	event_timer_init(&speaker->sync_timer, on_sync, speaker);
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
	speaker_fini_listening(speaker);
	/* Routes point to peers, groups to routes: groups, routes, peers. */
	HASH_ITER(hh, speaker->peers, peer, next)
	advertise_leave(speaker->advertise, &peer->member);
	advertise_free(speaker->advertise);
	rib_free(speaker->rib);
	HASH_ITER(hh, speaker->peers, peer, next)
	peer_free(peer);
	bfd_free(speaker->bfd);
	attribute_table_fini(&speaker->attributes);
	speaker_free_passwords(speaker->config, speaker->password);
	speaker_free_filters(speaker->config, speaker->peer_filter);
	import_filter_fini(&speaker->filter);
	link_table_unref(speaker->links);
	free(speaker);
}
