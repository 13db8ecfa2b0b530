/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack_flows.c: kube-proxy beside us: which flows are the host stack's.
 *
 * The programs record them (bpf/stack_flow.h) where the stack lets a packet out, so that answers
 * take the stack too. What they cannot know is what the stack carried before they ran: at the first
 * start of these maps, and whenever they start anew (another size or layout), conntrack is read
 * once, and what it translates from pod to pod is put into them (by the next start, when this one
 * does not come so far). Without it a connection that is
 * idle, and whose server speaks first, would be lost. Read twice: before the first program asks,
 * and again when the last hook has its recorder.
 *
 * Then the filter in front of the maps is made anew each time that many flows came: its bits never
 * go by themselves (dataplane_flows.c).
 *
 * Left to others: attaching the programs (attach.c, attach_uplink.c).
 */
#include "loader/stack_flows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/status_lines.h"

#define LOOK_MS	    10000
#define RENEW_AFTER (1u << (STACK_FILTER_BITS_LOG2 - 4)) /* flows: 6 % of the bits */
#define BATCH	    512

struct stack_flows {
	struct agent *agent;
	struct event_timer timer;
	bool is_new;	     /* nobody has filled the maps before us */
	uint64_t renewed_at; /* flows recorded when the filter was made anew */
};

/* Flows on their way from conntrack into the maps. */
struct filling {
	struct stack_flows *flows;
	struct flow_key key[BATCH];
	size_t count, total;
};

static bool is_in_pools(const struct config_pool *pools, size_t count, const struct ip_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (ip_prefix_contains(&pools[i].cidr, addr))
			return true;
	return false;
}

bool stack_flows_wants(const struct config_pool *pools, size_t pool_count,
		       const struct conntrack_entry *entry, struct flow_key *ret_key)
{
	if (!conntrack_is_translated(entry) ||
	    !is_in_pools(pools, pool_count, &entry->reply_source.addr) ||
	    !is_in_pools(pools, pool_count, &entry->reply_dest.addr))
		return false;
	conntrack_forwarded(entry, ret_key);
	return true;
}

static int flush(struct filling *filling)
{
	int err =
		dataplane_add_flows(filling->flows->agent->dataplane, filling->key, filling->count);

	filling->total += filling->count;
	filling->count = 0;
	return err;
}

static int take_entry(const struct conntrack_entry *entry, void *arg)
{
	struct filling *filling = arg;
	const struct config *config = filling->flows->agent->config;

	if (!stack_flows_wants(config->pool, config->pool_count, entry,
			       &filling->key[filling->count]))
		return 0;
	filling->count++;
	return filling->count == BATCH ? flush(filling) : 0;
}

/* 0, also where there is nothing to read, or -errno (said). */
static int fill(struct stack_flows *flows)
{
	struct filling *filling = calloc(1, sizeof(*filling));
	int err = -ENOMEM;

	if (filling) {
		filling->flows = flows;
		err = conntrack_for_each(take_entry, filling);
		if (!err)
			err = flush(filling);
	}
	/* Without conntrack in the kernel nothing is translated. */
	if (err == -EINVAL || err == -EOPNOTSUPP || err == -EPROTONOSUPPORT) {
		log_info("flows of the host stack: this kernel has no conntrack to read");
		err = 0;
	} else if (err) {
		log_warning("flows of the host stack: conntrack cannot be read: %s; idle "
			    "connections through a service may break",
			    strerror(-err));
	} else {
		log_info("flows of the host stack: %zu taken over from conntrack", filling->total);
	}
	free(filling);
	return err;
}

static int renew_filter(struct stack_flows *flows)
{
	uint64_t recorded[STACK_MAP_COUNT] = { 0 };
	int err = dataplane_count_recorded(flows->agent->dataplane, recorded);

	if (!err)
		err = dataplane_renew_filter(flows->agent->dataplane);
	if (!err)
		flows->renewed_at = recorded[STACK_TCP] + recorded[STACK_OTHER];
	return err;
}

static void on_look(void *arg)
{
	struct stack_flows *flows = arg;
	uint64_t recorded[STACK_MAP_COUNT] = { 0 };
	int err = dataplane_count_recorded(flows->agent->dataplane, recorded);

	if (!err && recorded[STACK_TCP] + recorded[STACK_OTHER] - flows->renewed_at >= RENEW_AFTER)
		err = renew_filter(flows);
	if (err)
		log_warning("map stack_filter: cannot be made anew: %s; packets are slower",
			    strerror(-err));
	event_timer_set(flows->agent->loop, &flows->timer, LOOK_MS);
}

int stack_flows_open(struct agent *agent, struct stack_flows **ret_flows)
{
	struct stack_flows *flows;
	int err;

	*ret_flows = NULL;
	if (!dataplane_is_beside(agent->dataplane))
		return 0;
	flows = calloc(1, sizeof(*flows));
	if (!flows)
		return -ENOMEM;
	flows->agent = agent;
	flows->is_new = dataplane_flows_are_new(agent->dataplane);
	event_timer_init(&flows->timer, on_look, flows);
	if (flows->is_new)
		fill(flows);
	/* The filter may be younger than the maps. */
	err = renew_filter(flows);
	if (!err)
		err = event_timer_set(agent->loop, &flows->timer, LOOK_MS);
	if (err) {
		stack_flows_close(flows);
		return err;
	}
	*ret_flows = flows;
	return 0;
}

void stack_flows_settle(struct stack_flows *flows)
{
	int err;

	if (!flows || !flows->is_new || fill(flows) < 0)
		return;
	err = dataplane_flows_settle(flows->agent->dataplane);
	if (err)
		log_warning("map stack_filter: %s; conntrack is read again at the next start",
			    strerror(-err));
}

void stack_flows_close(struct stack_flows *flows)
{
	if (!flows)
		return;
	event_timer_cancel(flows->agent->loop, &flows->timer);
	free(flows);
}

int stack_flows_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	uint64_t recorded[STACK_MAP_COUNT], present[STACK_MAP_COUNT];
	char text[TEXT_MAX + 1];
	int err;

	if (!dataplane_is_beside(agent->dataplane))
		return fn(STATUS_OK, "kube_proxy: none: no flow is looked up", arg);
	err = dataplane_count_recorded(agent->dataplane, recorded);
	if (!err)
		err = dataplane_count_flows(agent->dataplane, present);
	if (err) {
		snprintf(text, sizeof(text), "kube_proxy: beside: flows cannot be counted: %s",
			 strerror(-err));
		return fn(STATUS_WARNING, text, arg);
	}
	snprintf(text, sizeof(text),
		 "kube_proxy: beside: the host stack keeps %" PRIu64
		 " TCP flows (of %u) and %" PRIu64 " others (of %u); %" PRIu64 " and %" PRIu64
		 " were recorded so far",
		 present[STACK_TCP], agent->config->map_stack_tcp, present[STACK_OTHER],
		 agent->config->map_stack_other, recorded[STACK_TCP], recorded[STACK_OTHER]);
	return fn(STATUS_OK, text, arg);
}
