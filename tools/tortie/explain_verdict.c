/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_verdict.c: is the packet delivered, and what to look at next.
 *
 * The last step says where the packet ends: handed to a pod, sent to the next node, dropped, or,
 * for what the data plane gives to the host stack, what the kernel's routes do with it (the agent
 * asks them with source and link). There explain_ground adds what the agent knows of the network:
 * an address of this node's blocks without a pod, a next hop that is on no uplink, and an address
 * of a pool that no node announces. The last would leave by a default route and get lost elsewhere,
 * so it is not called delivered.
 */
#include "tools/tortie/explain_verdict.h"

#include <stdio.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "tools/tortie/words.h"

static bool steps_have(const struct msg_explain_step *steps, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (steps[i].id == id)
			return true;
	}
	return false;
}

static const char *step_words(const struct msg_explain_step *step)
{
	return step->text[0] ? step->text : words_step_text(step->id);
}

/* What the step is about, with the colon that the agent writes before it; "" when there is none. */
static const char *step_subject(const struct msg_explain_step *step)
{
	const char *colon = strstr(step->text, ": ");

	return colon ? colon : "";
}

static void verdict_set(struct explain_verdict *verdict, bool is_delivered, const char *text,
			const char *next)
{
	verdict->is_delivered = is_delivered;
	snprintf(verdict->text, sizeof(verdict->text), "%s", text);
	snprintf(verdict->next, sizeof(verdict->next), "%s", next);
}

/* What a person can do about each drop reason. */
static const char *drop_mend(uint32_t reason)
{
	switch (reason) {
	case DROP_SOURCE_UNKNOWN:
	case DROP_SOURCE_LINK:
	case DROP_SOURCE_MAC:
		return "a pod may send only from its own address and MAC: compare `ip addr` in the "
		       "pod with `tortie get workloadendpoint -o wide`";
	case DROP_NETWORK_SPOOF:
		return "two nodes use one block: compare `tortie ipam show --blocks` on both";
	case DROP_ARP:
	case DROP_ND:
		return "pods ask for the gateway only: look at `ip route` in the pod";
	default:
		return "`tortie drops --follow` shows such packets as they come";
	}
}

/* The host stack has the packet; @last is what it does, or that it was given to it. */
static void stack_judge(const struct msg_explain_step *steps, size_t count,
			const struct msg_explain_step *last, struct explain_verdict *ret)
{
	if (steps_have(steps, count, EXPLAIN_HOST_ADDRESS) || last->id == EXPLAIN_STACK_LOCAL) {
		verdict_set(ret, true, "delivered to this node itself",
			    "the node's own firewall and services decide from here");
	} else if (steps_have(steps, count, EXPLAIN_TTL_ONE)) {
		verdict_set(ret, false, "not forwarded: TTL or hop limit ends at this node",
			    "the node answers with time exceeded, as traceroute wants it");
	} else if (steps_have(steps, count, EXPLAIN_TOO_LARGE)) {
		verdict_set(ret, false, "too large for the route in one piece",
			    "the node answers with the MTU, or fragments IPv4 without DF");
	} else if (last->id == EXPLAIN_STACK_REFUSES) {
		verdict_set(ret, false, step_words(last), "`ip route get` on the node");
		ret->asks_ground = true;
	} else if (steps_have(steps, count, EXPLAIN_FIREWALL)) {
		verdict_set(ret, true, step_words(last),
			    "if it does not arrive: the firewall named above drops what none of "
			    "its rules accepts");
		ret->asks_ground = true;
	} else {
		verdict_set(ret, true, step_words(last),
			    "the host's firewall decides from here; the other end must know a way "
			    "back: nat_outgoing of the pool, or a route");
		ret->asks_ground = true;
	}
}

void explain_verdict_judge(const struct msg_explain_step *steps, size_t count,
			   struct explain_verdict *ret)
{
	const struct msg_explain_step *last;
	char text[TEXT_MAX + 1];

	/* to_network only records: where it goes was said before. */
	while (count && steps[count - 1].hook == HOOK_TO_NETWORK)
		count--;
	last = count ? &steps[count - 1] : NULL;
	*ret = (struct explain_verdict){ 0 };
	if (!last) {
		verdict_set(ret, false, "the data plane took no step",
			    "look at `tortie status` and the agent's log");
		return;
	}
	switch (last->id) {
	case EXPLAIN_TO_PEER:
	case EXPLAIN_PASSED:
		snprintf(text, sizeof(text), "delivered to the pod%.400s", step_subject(last));
		verdict_set(ret, true, text,
			    "what is missing now is inside the pod: is the port open there?");
		return;
	case EXPLAIN_TO_NEIGHBOUR:
		snprintf(text, sizeof(text), "sent to the next node%.400s", step_subject(last));
		verdict_set(ret, true, text, "run the same command on that node for the rest");
		return;
	case EXPLAIN_INSIDE_POD:
		verdict_set(ret, true, "stays inside the pod", "");
		return;
	case EXPLAIN_ANSWERED:
		verdict_set(ret, true, "answered for the gateway", "");
		return;
	case EXPLAIN_NEEDS_ENCAPSULATION:
		snprintf(text, sizeof(text), "unreachable: %.400s", step_words(last));
		verdict_set(ret, false, text,
			    "a router on an uplink's subnet that announces the block, or nodes on "
			    "one subnet");
		return;
	case EXPLAIN_DROPPED:
		snprintf(text, sizeof(text), "dropped: %s (%s)", words_drop_text(last->detail),
			 words_drop_name(last->detail));
		verdict_set(ret, false, text, drop_mend(last->detail));
		return;
	default:
		stack_judge(steps, count, last, ret);
	}
}

void explain_verdict_judge_ground(const struct explain_ground *ground,
				  struct explain_verdict *verdict)
{
	char to[IP_ADDR_TEXT_MAX], text[TEXT_MAX + 1], stack[TEXT_MAX + 1];

	ip_addr_format(&ground->to, to, sizeof(to));
	snprintf(stack, sizeof(stack), "%s", verdict->text);
	verdict->asks_ground = false;
	if (ground->has_no_uplink) {
		snprintf(text, sizeof(text),
			 "unreachable: the next hop to %s is on no uplink (%.300s)", to, stack);
		verdict_set(verdict, false, text, "`tortie get route`; node.uplinks in the file");
	} else if (ground->in_own_block) {
		snprintf(text, sizeof(text),
			 "unreachable: %s is in this node's block, but no pod has it", to);
		verdict_set(verdict, false, text, "`tortie get workloadendpoint`");
	} else if (ground->in_pool && !ground->is_announced) {
		snprintf(text, sizeof(text),
			 "unreachable: %s is in a pool, but no node announces it (%.300s)", to,
			 stack);
		verdict_set(verdict, false, text, "`tortie node status`, `tortie get route`");
	}
}

static int ground_record(uint32_t type, const void *body, void *arg)
{
	struct explain_ground *ground = arg;

	if (type == MSG_ROUTE) {
		const struct msg_route *route = body;

		if (!ip_prefix_contains(&route->prefix, &ground->to))
			return 0;
		if (route->source == ROUTE_SOURCE_BLOCK)
			ground->in_own_block = true;
		else if (route->state == ROUTE_NO_UPLINK)
			ground->has_no_uplink = true;
		else
			ground->is_announced = true;
	} else if (type == MSG_POOL) {
		const struct msg_pool *pool = body;

		ground->in_pool = ground->in_pool || ip_prefix_contains(&pool->cidr, &ground->to);
	} else if (type == MSG_BLOCK) {
		const struct msg_block *block = body;

		ground->in_own_block =
			ground->in_own_block || ip_prefix_contains(&block->cidr, &ground->to);
	}
	return 0;
}

int explain_ground_ask(struct request *request, const struct ip_addr *to,
		       struct explain_ground *ret)
{
	int err;

	*ret = (struct explain_ground){ .to = *to };
	err = request_list(request, MSG_GET_ROUTES, ground_record, ret);
	if (err < 0)
		return err;
	return request_list(request, MSG_GET_POOLS, ground_record, ret);
}
