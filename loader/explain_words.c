/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_words.c: the data plane's steps in a person's words.
 *
 * The text of each step comes from EXPLAIN_STEP_LIST, that of each drop reason from
 * DROP_REASON_LIST: a new one needs nothing here. What a step is about (link, pod, block, next hop,
 * size) is put behind it.
 */
#include "loader/explain_words.h"

#include <net/if.h>
#include <stdio.h>

#include "lib/ip_prefix.h"
#include "loader/agent.h"
#include "loader/endpoint_store.h"

static const char *const step_text[EXPLAIN_STEP_COUNT] = { [EXPLAIN_NONE] = "",
#define STEP_TEXT(name, text) [EXPLAIN_##name] = text,
							   EXPLAIN_STEP_LIST(STEP_TEXT)
#undef STEP_TEXT
};

static const char *const drop_text[DROP_REASON_COUNT] = { [DROP_NONE] = "no reason",
#define DROP_TEXT(name, text) [DROP_##name] = #name ": " text,
							  DROP_REASON_LIST(DROP_TEXT)
#undef DROP_TEXT
};

const char *explain_drop_words(uint32_t reason)
{
	return reason < DROP_REASON_COUNT ? drop_text[reason] : "a reason this agent does not know";
}

void explain_link_words(const struct agent *agent, uint32_t ifindex, char *buf, size_t size)
{
	const struct endpoint *endpoint = endpoint_find_by_ifindex(agent->endpoints, ifindex);
	char name[IF_NAMESIZE];

	if (endpoint && endpoint->pod_name[0])
		snprintf(buf, size, "%s (%s/%s)", endpoint->host_ifname, endpoint->pod_namespace,
			 endpoint->pod_name);
	else if (endpoint)
		snprintf(buf, size, "%s (container %.13s)", endpoint->host_ifname,
			 endpoint->container_id);
	else if (if_indextoname(ifindex, name))
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "link number %u", ifindex);
}

static void block_words(const struct explain_step *step, char *buf, size_t size)
{
	const struct ip_prefix block = ip_prefix_make(&step->addr, step->bits);

	ip_prefix_format(&block, buf, size);
}

void explain_step_words(const struct agent *agent, const struct explain_step *step, char *buf,
			size_t size)
{
	const char *text = step->id < EXPLAIN_STEP_COUNT ? step_text[step->id] : "unknown step";
	char link[300], addr[IP_PREFIX_TEXT_MAX];

	switch (step->id) {
	case EXPLAIN_SOURCE_OK:
	case EXPLAIN_LOCAL_POD:
	case EXPLAIN_TO_PEER:
	case EXPLAIN_PASSED:
	case EXPLAIN_LEAVES:
		explain_link_words(agent, step->detail, link, sizeof(link));
		snprintf(buf, size, "%s: %s", text, link);
		break;
	case EXPLAIN_REMOTE_BLOCK:
	case EXPLAIN_SOURCE_REMOTE:
		block_words(step, addr, sizeof(addr));
		snprintf(buf, size, "%s: %s", text, addr);
		break;
	case EXPLAIN_TO_NEIGHBOUR:
		explain_link_words(agent, step->detail, link, sizeof(link));
		ip_addr_format(&step->addr, addr, sizeof(addr));
		snprintf(buf, size, "%s: %s on %s", text, addr, link);
		break;
	case EXPLAIN_ONE_OF_HOPS:
		snprintf(buf, size, "%s: there are %u", text, step->detail);
		break;
	case EXPLAIN_TOO_LARGE:
		snprintf(buf, size, "%s: %u octets", text, step->detail);
		break;
	case EXPLAIN_DROPPED:
		snprintf(buf, size, "%s: %s", text, explain_drop_words(step->detail));
		break;
	default:
		snprintf(buf, size, "%s", text);
		break;
	}
}
