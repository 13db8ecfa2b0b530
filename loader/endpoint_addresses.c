/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_addresses.c: the addresses of a pod that is being attached, or why it gets none.
 *
 * ipam.c decides; here its answer becomes an endpoint's addresses, or the code and words of a
 * refusal: who holds an address that was asked for, and which pods are there for longest when a
 * pool is full. A link that is being deleted still holds its addresses, so before anything is
 * refused for lack of one these links are waited for.
 *
 * Addresses of another IPAM plugin are taken as they come, when a pod can have them. Those that lie
 * in a block of this node are marked as taken there, so that nobody else gets them.
 */
#include "loader/endpoint_addresses.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <utlist.h>

#include "lib/config.h"
#include "lib/ip_prefix.h"
#include "lib/text.h"
#include "loader/agent.h"
#include "loader/cluster.h"
#include "loader/endpoint_alias.h"
#include "loader/endpoint_store_internal.h"
#include "loader/ipam.h"
#include "loader/link_reaper.h"
#include "loader/pool_wish.h"

#define HOLDERS_TOLD 3

bool endpoint_flush_doomed(struct agent *agent)
{
	if (!endpoint_store_has_doomed(agent->endpoints) ||
	    link_reaper_flush(agent->netlink, agent->config) < 0)
		return false;
	endpoint_store_doomed_gone(agent->endpoints);
	return true;
}

static int refuse(struct endpoint_error *error, enum cni_code code, const char *msg,
		  const char *details)
{
	error->code = code;
	snprintf(error->msg, sizeof(error->msg), "%s", msg);
	snprintf(error->details, sizeof(error->details), "%s", details);
	return -ECANCELED;
}

static void say_pod(const struct endpoint *endpoint, char *text, size_t size)
{
	if (endpoint->pod_name[0] != '\0')
		text_append(text, size, "%s/%s", endpoint->pod_namespace, endpoint->pod_name);
	else
		text_append(text, size, "container %.12s", endpoint->container_id);
}

/* Could one of @endpoint's addresses have been the one that is missing? */
static const struct ip_addr *find_held(const struct agent *agent,
				       const struct ipam_request *request, bool v4,
				       const struct endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->address_count; i++)
		if (ip_addr_is_v4(&endpoint->address[i]) == v4 &&
		    ipam_allows(agent->ipam, request, &endpoint->address[i]))
			return &endpoint->address[i];
	return NULL;
}

/* The pods that hold addresses for longest: people look at them first when a pool is full. */
static void say_holders(const struct agent *agent, const struct ipam_request *request,
			struct ipam_answer *answer)
{
	const struct endpoint_entry *entry;
	char addr[IP_ADDR_TEXT_MAX];
	int told = 0;

	DL_FOREACH(agent->endpoints->list, entry)
	{
		const struct endpoint *endpoint = &entry->endpoint;
		const struct ip_addr *held = find_held(agent, request, answer->lacks_v4, endpoint);

		if (held == NULL)
			continue;
		text_append(answer->error, sizeof(answer->error), "%s %s ",
			    told == 0 ? "; oldest:" : ",",
			    ip_addr_format(held, addr, sizeof(addr)));
		say_pod(endpoint, answer->error, sizeof(answer->error));
		if (++told == HOLDERS_TOLD)
			break;
	}
}

static void say_holder(const struct agent *agent, struct ipam_answer *answer)
{
	const struct endpoint *holder =
		endpoint_find_by_address(agent->endpoints, &answer->refused);

	if (holder == NULL) {
		text_append(answer->error, sizeof(answer->error),
			    " by this node itself, or by a link that is being deleted; try again, "
			    "or ask for another one");
		return;
	}
	text_append(answer->error, sizeof(answer->error), " by ");
	say_pod(holder, answer->error, sizeof(answer->error));
	text_append(answer->error, sizeof(answer->error),
		    " (link %s); delete that pod, or ask "
		    "for another one",
		    holder->host_ifname);
}

static int refuse_addresses(struct agent *agent, const struct ipam_request *request, int err,
			    struct ipam_answer *answer, struct endpoint_error *error)
{
	switch (err) {
	case -ENOENT:
		return refuse(error, CNI_CODE_CONFIGURATION, "no such pool", answer->error);
	case -EINVAL:
		if (cluster_lacks_block(agent, answer->error, sizeof(answer->error)))
			break;
		return refuse(error, CNI_CODE_CONFIGURATION, "the requested address cannot be had",
			      answer->error);
	case -EADDRINUSE:
		say_holder(agent, answer);
		return refuse(error, CNI_CODE_TRY_LATER, "the address is taken", answer->error);
	default:
		if (cluster_lacks_block(agent, answer->error, sizeof(answer->error)))
			break;
		say_holders(agent, request, answer);
		return refuse(error, CNI_CODE_TRY_LATER, "no address is free", answer->error);
	}
	return refuse(error, CNI_CODE_TRY_LATER, "the node has no addresses", answer->error);
}

/* --- of another IPAM plugin --- */

/* Why no pod of this node can have @addr, or NULL. */
static const char *fault_of(const struct config *config, const struct ip_addr *addr)
{
	if (ip_addr_is_zero(addr) || ip_addr_is_multicast(addr) || ip_addr_is_loopback(addr) ||
	    ip_addr_is_link_local(addr))
		return "is not an address that a pod can have";
	for (size_t i = 0; i < config->node_address_count; i++)
		if (ip_addr_equal(addr, &config->node_address[i]))
			return "is this node's own";
	return NULL;
}

static int check_given(const struct agent *agent, const struct endpoint *endpoint,
		       struct endpoint_error *error)
{
	char alias[ENDPOINT_ALIAS_MAX + 1], addr[IP_ADDR_TEXT_MAX], text[TEXT_MAX + 1] = "";

	for (size_t i = 0; i < endpoint->address_count; i++) {
		const char *fault = fault_of(agent->config, &endpoint->address[i]);

		for (size_t k = 0; k < i && fault == NULL; k++)
			if (ip_addr_equal(&endpoint->address[i], &endpoint->address[k]))
				fault = "came twice";
		if (fault == NULL)
			continue;
		text_append(text, sizeof(text), "%s %s; see the ipam part of the configuration",
			    ip_addr_format(&endpoint->address[i], addr, sizeof(addr)), fault);
		return refuse(error, CNI_CODE_CONFIGURATION,
			      "an address of the IPAM plugin is unusable", text);
	}
	if (endpoint->address_count == 0 || endpoint_alias_format(endpoint, alias) < 0)
		return refuse(error, CNI_CODE_CONFIGURATION,
			      "the addresses of the IPAM plugin are none or too many",
			      "what the link keeps as its record is 255 octets: container id, "
			      "interface and addresses");
	return 0;
}

/* 0, or -EADDRINUSE with answer->refused; what was marked before stays so. */
static int hold_given(struct agent *agent, const struct endpoint *endpoint, size_t *ret_held,
		      struct ipam_answer *answer)
{
	for (*ret_held = 0; *ret_held < endpoint->address_count; (*ret_held)++) {
		const struct ip_addr *addr = &endpoint->address[*ret_held];
		int err = ipam_adopt(agent->ipam, addr);

		if (err != -EEXIST && endpoint_find_by_address(agent->endpoints, addr) == NULL &&
		    err != -ENOMEM)
			continue;
		if (err == 0)
			ipam_release(agent->ipam, addr, event_loop_now_ms());
		answer->refused = *addr;
		return err == -ENOMEM ? err : -EADDRINUSE;
	}
	return 0;
}

static int take_given(struct agent *agent, const struct msg_cni_request *request,
		      struct endpoint *endpoint, struct endpoint_error *error)
{
	struct ipam_request wish = { .now_ms = event_loop_now_ms() };
	struct ipam_answer answer = { 0 };
	char addr[IP_ADDR_TEXT_MAX];
	size_t held = 0;
	int err;

	memcpy(endpoint->address, request->address, sizeof(endpoint->address));
	endpoint->address_count = request->address_count;
	err = check_given(agent, endpoint, error);
	if (err < 0)
		return err;
	for (int tries = 0; tries < 2; tries++) {
		err = hold_given(agent, endpoint, &held, &answer);
		if (err == 0)
			return 0;
		endpoint->address_count = held;
		endpoint_release_addresses(agent, endpoint);
		endpoint->address_count = request->address_count;
		if (tries > 0 || !endpoint_flush_doomed(agent))
			break;
	}
	text_append(answer.error, sizeof(answer.error), "address %s of the IPAM plugin is taken",
		    ip_addr_format(&answer.refused, addr, sizeof(addr)));
	return refuse_addresses(agent, &wish, err, &answer, error);
}

typedef int ipam_ask_fn(struct ipam *ipam, const struct ipam_request *request,
			struct ipam_answer *ret_answer);

/* Take, or only try to. */
static int ask_ipam(struct agent *agent, const struct msg_cni_request *request, ipam_ask_fn *ask,
		    struct ipam_answer *answer, struct endpoint_error *error)
{
	struct pool_wish pools;
	struct ipam_request wish = { .pools = pools.pool,
				     .want = request->want,
				     .want_count = request->want_count,
				     .now_ms = event_loop_now_ms() };
	int err;

	if (pool_wish_make(agent->ipam, request, &pools, answer->error) < 0)
		return refuse(error, CNI_CODE_CONFIGURATION, "no such pool", answer->error);
	wish.pool_count = pools.count;
	err = ask(agent->ipam, &wish, answer);
	if ((err == -ENOSPC || err == -EADDRINUSE) && endpoint_flush_doomed(agent))
		err = ask(agent->ipam, &wish, answer);
	return err < 0 ? refuse_addresses(agent, &wish, err, answer, error) : 0;
}

int endpoint_take_addresses(struct agent *agent, const struct msg_cni_request *request,
			    struct endpoint *endpoint, struct endpoint_error *ret_error)
{
	struct ipam_answer answer;
	int err;

	if (request->delegated)
		return take_given(agent, request, endpoint, ret_error);
	err = ask_ipam(agent, request, ipam_take, &answer, ret_error);
	if (err < 0)
		return err;
	memcpy(endpoint->address, answer.addr, sizeof(endpoint->address));
	endpoint->address_count = answer.count;
	return 0;
}

int endpoint_probe_addresses(struct agent *agent, const struct msg_cni_request *request,
			     struct endpoint_error *ret_error)
{
	struct ipam_answer answer;

	/* Whether there are addresses the other plugin says. */
	return request->delegated ? 0 : ask_ipam(agent, request, ipam_probe, &answer, ret_error);
}

void endpoint_release_addresses(struct agent *agent, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < endpoint->address_count; i++)
		ipam_release(agent->ipam, &endpoint->address[i], event_loop_now_ms());
}
