/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook_watch.c: keep our programs where they belong.
 *
 * Anyone with CAP_NET_ADMIN can take a filter or its qdisc away. Two ways to hear of it:
 *
 *   at once       notifications of tc (a deleted clsact is told as DELQDISC and DELCHAIN only, a
 *                 filter put in our place as a NEWTFILTER with another program id): look at that
 *                 link, put back what is missing; measured: 0.2 ms after the deleting call;
 *   every second  all links in slices of SLICE_LINKS, for tcx programs: they run before any filter,
 *                 and no message at all tells of them. Pins are looked after in the same round.
 *                 Filters cost twice as much to read, so that only every FILTER_ROUNDS-th link
 *                 has its turn, and those with a stranger. When notifications were lost
 *                 (monitor.c), and every minute, all have.
 *
 * A stranger in front of ours can decide without us. It is told once in the log and as long as it
 * lasts in `tortie status`; it is not fought: whoever put it there may do it again, and an endless
 * contest of two agents is worse than either. Reset ends all of this (agent->resetting).
 */
#include "loader/hook_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/attach.h"
#include "loader/attach_internal.h"
#include "loader/dataplane.h"
#include "loader/endpoint_store.h"
#include "loader/monitor.h"
#include "loader/netlink_attr.h"
#include "loader/status_lines.h"
#include "loader/uplink.h"

#define ROUND_MS      1000
#define SLICE_LINKS   32 /* an ADD that comes meanwhile waits for a slice: 0.5 ms */
#define FILTER_ROUNDS 8
#define STRANGERS_MAX 64

/* A program in front of ours; @seen_round tells when it was there last. */
struct stranger {
	uint32_t ifindex;
	bool is_egress;
	bool is_tcx;
	uint32_t program_id;
	uint64_t seen_round;
};

struct hook_watch {
	struct agent *agent;
	struct event_timer timer;
	uint32_t *links; /* of the running round */
	size_t link_count, link_size, next_link;
	uint64_t round;
	bool wants_all; /* of the next round: all links' filters are read */
	bool reads_all;
	struct stranger stranger[STRANGERS_MAX];
	size_t stranger_count;
};

static const char *link_name(const struct agent *agent, uint32_t ifindex)
{
	const struct endpoint *endpoint = endpoint_find_by_ifindex(agent->endpoints, ifindex);

	return endpoint ? endpoint->host_ifname : "a pod's link";
}

/* --- strangers --- */

static void note_stranger(struct hook_watch *watch, struct stranger found)
{
	found.seen_round = watch->round;
	for (size_t i = 0; i < watch->stranger_count; i++) {
		struct stranger *known = &watch->stranger[i];

		if (known->ifindex == found.ifindex && known->is_egress == found.is_egress &&
		    known->is_tcx == found.is_tcx && known->program_id == found.program_id) {
			known->seen_round = watch->round;
			return;
		}
	}
	if (watch->stranger_count == STRANGERS_MAX)
		return;
	watch->stranger[watch->stranger_count++] = found;
	log_warning("%s: %s program %u runs before ours %s the pod and can pass by it",
		    link_name(watch->agent, found.ifindex), found.is_tcx ? "tcx" : "tc filter",
		    found.program_id, found.is_egress ? "to" : "from");
}

static void note_strangers(struct hook_watch *watch, uint32_t ifindex,
			   const struct hook_state *state, bool is_egress)
{
	if (state->tcx_before)
		note_stranger(watch, (struct stranger){ .ifindex = ifindex,
							.is_egress = is_egress,
							.is_tcx = true,
							.program_id = state->tcx_before });
	if (state->filter_before)
		note_stranger(watch, (struct stranger){ .ifindex = ifindex,
							.is_egress = is_egress,
							.program_id = state->filter_before });
}

/* After a round: who was not seen in it nor in the one before has left. */
static void forget_strangers(struct hook_watch *watch)
{
	for (size_t i = 0; i < watch->stranger_count;) {
		if (watch->stranger[i].seen_round + 1 >= watch->round)
			i++;
		else
			watch->stranger[i] = watch->stranger[--watch->stranger_count];
	}
}

/* --- looking at one link --- */

static const char *missing_words(const struct pod_hooks *hooks)
{
	if (!hooks->from_pod.is_ours && !hooks->to_pod.is_ours)
		return "both programs were";
	return hooks->from_pod.is_ours ? "to_pod was" : "from_pod was";
}

static void check_pod_link(struct hook_watch *watch, uint32_t ifindex)
{
	struct agent *agent = watch->agent;
	struct pod_hooks hooks = { 0 };
	int err = attach_inspect_pod(agent->dataplane, agent->netlink, ifindex, &hooks);

	/* Without clsact the dump says EINVAL, without the link ENODEV; the latter is on its way
	 * out. */
	if (err == -ENODEV)
		return;
	if (!err) {
		note_strangers(watch, ifindex, &hooks.from_pod, false);
		note_strangers(watch, ifindex, &hooks.to_pod, true);
		if (hooks.from_pod.is_ours && hooks.to_pod.is_ours)
			return;
	}
	err = attach_pod(agent->dataplane, agent->netlink, ifindex);
	if (err == -ENODEV)
		return;
	if (err) {
		log_error("%s: %s removed by someone and cannot be put back: %s",
			  link_name(agent, ifindex), missing_words(&hooks), strerror(-err));
		watch->wants_all = true; /* so that it is tried again in a second */
		return;
	}
	agent->repairs++;
	log_warning("%s: %s removed by someone; put back", link_name(agent, ifindex),
		    missing_words(&hooks));
}

static void check_uplinks(struct hook_watch *watch)
{
	struct agent *agent = watch->agent;

	for (size_t i = 0; i < uplinks_count(agent->uplinks); i++) {
		const struct uplink *uplink = uplinks_get(agent->uplinks, i);
		enum uplink_hook hook;
		int err;

		if (!uplink->ifindex || !uplink->has_hook ||
		    attach_uplink_is_whole(agent->dataplane, agent->netlink, agent->bpf_dir,
					   uplink->ifindex) != 0)
			continue;
		err = attach_uplink(agent->dataplane, agent->netlink, agent->bpf_dir,
				    uplink->ifindex, &hook);
		if (err == -ENODEV)
			continue;
		if (err) {
			log_error("uplink %s: a program of ours or its pin was removed by someone "
				  "and cannot be put back: %s",
				  uplink->name, strerror(-err));
			continue;
		}
		agent->repairs++;
		log_warning("uplink %s: a program of ours or its pin was removed by someone; put "
			    "back",
			    uplink->name);
	}
}

/* --- rounds --- */

static int collect_link(const struct endpoint *endpoint, void *arg)
{
	struct hook_watch *watch = arg;

	if (watch->link_count == watch->link_size) {
		size_t size = watch->link_size ? watch->link_size * 2 : SLICE_LINKS;
		uint32_t *bigger = realloc(watch->links, size * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		watch->links = bigger;
		watch->link_size = size;
	}
	watch->links[watch->link_count++] = endpoint->ifindex;
	return 0;
}

static void restore_pins(struct hook_watch *watch)
{
	int restored = dataplane_restore_pins(watch->agent->dataplane);
	int kept = endpoint_store_restore_pins(watch->agent->endpoints);

	restored = (restored > 0 ? restored : 0) + (kept > 0 ? kept : 0);
	if (restored == 0)
		return;
	watch->agent->repairs++;
	log_warning("bpf-dir %s: %d pinned maps were removed by someone; put back",
		    watch->agent->bpf_dir, restored);
}

static void start_round(struct hook_watch *watch)
{
	watch->round++;
	watch->reads_all = watch->wants_all;
	watch->wants_all = false;
	watch->link_count = watch->next_link = 0;
	forget_strangers(watch);
	endpoint_for_each(watch->agent->endpoints, collect_link, watch);
	restore_pins(watch);
	check_uplinks(watch);
}

static bool has_stranger(const struct hook_watch *watch, uint32_t ifindex)
{
	for (size_t i = 0; i < watch->stranger_count; i++)
		if (watch->stranger[i].ifindex == ifindex)
			return true;
	return false;
}

/* Is more to be read of this link in this round than who is on tcx? */
static bool link_is_due(const struct hook_watch *watch, uint32_t ifindex)
{
	return watch->reads_all || (ifindex + watch->round) % FILTER_ROUNDS == 0 ||
	       has_stranger(watch, ifindex) || attach_first_tcx(ifindex, TCX_INGRESS) ||
	       attach_first_tcx(ifindex, TCX_EGRESS);
}

/* Every slice its share of the second, so that a thousand pods do not come in one lump. */
static void on_slice(void *arg)
{
	struct hook_watch *watch = arg;
	size_t slices, last;

	if (watch->agent->resetting)
		return;
	if (watch->next_link >= watch->link_count)
		start_round(watch);
	last = watch->next_link + SLICE_LINKS;
	for (; watch->next_link < watch->link_count && watch->next_link < last;
	     watch->next_link++) {
		uint32_t ifindex = watch->links[watch->next_link];

		/* A pod that left since the round began has no hooks to keep. */
		if (endpoint_find_by_ifindex(watch->agent->endpoints, ifindex) &&
		    link_is_due(watch, ifindex))
			check_pod_link(watch, ifindex);
	}
	slices = watch->link_count / SLICE_LINKS + 1;
	event_timer_set(watch->agent->loop, &watch->timer, ROUND_MS / slices);
}

/* --- notifications --- */

static bool is_our_own_attach(const struct hook_watch *watch, const struct nlmsghdr *header)
{
	const struct dataplane *dataplane = watch->agent->dataplane;
	bool is_place;
	uint32_t id;

	if (header->nlmsg_type != RTM_NEWTFILTER)
		return header->nlmsg_type == RTM_NEWQDISC || header->nlmsg_type == RTM_NEWCHAIN;
	id = attach_filter_program_id(header, &is_place);
	return is_place && (id == dataplane_program_id(dataplane, PROGRAM_FROM_POD) ||
			    id == dataplane_program_id(dataplane, PROGRAM_TO_POD) ||
			    id == dataplane_program_id(dataplane, PROGRAM_FROM_NETWORK) ||
			    id == dataplane_program_id(dataplane, PROGRAM_TO_NETWORK));
}

static void check_changed(struct hook_watch *watch, uint32_t ifindex)
{
	if (endpoint_find_by_ifindex(watch->agent->endpoints, ifindex)) {
		check_pod_link(watch, ifindex);
		return;
	}
	for (size_t i = 0; i < uplinks_count(watch->agent->uplinks); i++)
		if (uplinks_get(watch->agent->uplinks, i)->ifindex == ifindex)
			check_uplinks(watch);
}

static void check_all(struct hook_watch *watch)
{
	watch->wants_all = true;
	watch->next_link = watch->link_count = 0;
	event_timer_set(watch->agent->loop, &watch->timer, 0);
}

static void on_message(const struct nlmsghdr *header, void *arg)
{
	struct hook_watch *watch = arg;
	const struct tcmsg *tcm;

	if (watch->agent->resetting)
		return;
	if (!header) {
		check_all(watch);
		return;
	}
	switch (header->nlmsg_type) {
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_NEWCHAIN:
	case RTM_DELCHAIN:
		tcm = netlink_body(header, sizeof(*tcm));
		if (tcm && !is_our_own_attach(watch, header))
			check_changed(watch, (uint32_t)tcm->tcm_ifindex);
		break;
	default:
		break;
	}
}

int hook_watch_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct hook_watch *watch = agent->hooks;
	int result = 0;

	for (size_t i = 0; i < watch->stranger_count && !result; i++) {
		const struct stranger *stranger = &watch->stranger[i];
		char text[TEXT_MAX + 1];

		snprintf(text, sizeof(text),
			 "%s: %s program %u runs before ours %s the pod (bpftool prog show id %u "
			 "says whose it is)",
			 link_name(agent, stranger->ifindex),
			 stranger->is_tcx ? "tcx" : "tc filter", stranger->program_id,
			 stranger->is_egress ? "to" : "from", stranger->program_id);
		result = fn(STATUS_WARNING, text, arg);
	}
	if (!watch->stranger_count && watch->link_count) {
		char text[TEXT_MAX + 1];

		snprintf(text, sizeof(text), "hooks: our programs come first on %zu pods' links",
			 watch->link_count);
		result = fn(STATUS_OK, text, arg);
	}
	return result;
}

int hook_watch_open(struct agent *agent, struct hook_watch **ret_watch)
{
	struct hook_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->agent = agent;
	watch->wants_all = true;
	event_timer_init(&watch->timer, on_slice, watch);
	err = monitor_listen(agent->monitor, on_message, watch);
	if (!err)
		err = event_timer_set(agent->loop, &watch->timer, ROUND_MS);
	if (err) {
		hook_watch_close(watch);
		return err;
	}
	*ret_watch = watch;
	return 0;
}

void hook_watch_close(struct hook_watch *watch)
{
	if (!watch)
		return;
	monitor_unlisten(watch->agent->monitor, on_message, watch);
	event_timer_cancel(watch->agent->loop, &watch->timer);
	free(watch->links);
	free(watch);
}
