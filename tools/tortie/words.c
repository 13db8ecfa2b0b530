/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c: the agent's numbers as words (pure).
 *
 * Names of drop reasons and explain steps come from the lists of dataplane_abi.h, those of BGP
 * states from RFC 4271 section 8.2.2, those of peer types from what calicoctl prints.
 */

#include "tools/tortie/words.h"

#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#include "agent_protocol.h"
#include "dataplane_abi.h"

#define WORD(table, index)                                                               \
	((index) < sizeof(table) / sizeof((table)[0]) && (table)[index] ? (table)[index] \
									: "unknown")

const char *words_peer_state(uint32_t state)
{
	static const char *const names[] = {
		[PEER_IDLE] = "Idle",
		[PEER_CONNECT] = "Connect",
		[PEER_ACTIVE] = "Active",
		[PEER_OPEN_SENT] = "OpenSent",
		[PEER_OPEN_CONFIRM] = "OpenConfirm",
		[PEER_ESTABLISHED] = "Established",
	};

	return WORD(names, state);
}

const char *words_bfd_state(uint32_t state)
{
	static const char *const names[] = {
		[BGP_BFD_NONE] = "-",	 [BGP_BFD_ADMIN_DOWN] = "AdminDown",
		[BGP_BFD_DOWN] = "Down", [BGP_BFD_INIT] = "Init",
		[BGP_BFD_UP] = "Up",
	};

	return WORD(names, state);
}

const char *words_peer_kind(uint32_t kind)
{
	static const char *const names[] = {
		[PEER_NODE_MESH] = "node-to-node mesh",
		[PEER_CONFIGURED] = "global",
		[PEER_DYNAMIC] = "dynamic",
	};

	return WORD(names, kind);
}

const char *words_route_source(uint32_t source)
{
	static const char *const names[] = {
		[ROUTE_SOURCE_CONFIG] = "config",
		[ROUTE_SOURCE_BGP] = "bgp",
		[ROUTE_SOURCE_LOCAL] = "pod",
		[ROUTE_SOURCE_BLOCK] = "block",
	};

	return WORD(names, source);
}

const char *words_route_state(uint32_t state)
{
	static const char *const names[] = {
		[ROUTE_ACTIVE] = "active",
		[ROUTE_STALE] = "stale",
		[ROUTE_KERNEL_ONLY] = "kernel-only",
		[ROUTE_NO_UPLINK] = "no-uplink",
	};

	return WORD(names, state);
}

const char *words_hook(uint32_t hook)
{
	static const char *const names[] = {
		[HOOK_FROM_POD] = "from_pod",	      [HOOK_TO_POD] = "to_pod",
		[HOOK_FROM_NETWORK] = "from_network", [HOOK_NONE] = "-",
		[HOOK_TO_NETWORK] = "to_network",
	};

	return WORD(names, hook);
}

const char *words_drop_name(uint32_t reason)
{
#define NAME_ROW(name, text) [DROP_##name] = #name,
	static const char *const names[] = { DROP_REASON_LIST(NAME_ROW) };
#undef NAME_ROW

	return WORD(names, reason);
}

const char *words_drop_text(uint32_t reason)
{
#define TEXT_ROW(name, text) [DROP_##name] = text,
	static const char *const texts[] = { DROP_REASON_LIST(TEXT_ROW) };
#undef TEXT_ROW

	return WORD(texts, reason);
}

const char *words_step_name(uint32_t id)
{
#define NAME_ROW(name, text) [EXPLAIN_##name] = #name,
	static const char *const names[] = { EXPLAIN_STEP_LIST(NAME_ROW) };
#undef NAME_ROW

	return WORD(names, id);
}

const char *words_step_text(uint32_t id)
{
#define TEXT_ROW(name, text) [EXPLAIN_##name] = text,
	static const char *const texts[] = { EXPLAIN_STEP_LIST(TEXT_ROW) };
#undef TEXT_ROW

	return WORD(texts, id);
}

const char *words_protocol(uint32_t protocol)
{
	switch (protocol) {
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return "ip";
	}
}

const char *words_duration(uint64_t seconds, char *buf, size_t size)
{
	unsigned long long s = seconds % 60, m = seconds / 60 % 60, h = seconds / 3600 % 24,
			   d = seconds / 86400;

	if (seconds < 60)
		snprintf(buf, size, "%llus", s);
	else if (seconds < 3600)
		snprintf(buf, size, "%llum%02llus", m, s);
	else if (d == 0)
		snprintf(buf, size, "%lluh%02llum", h, m);
	else
		snprintf(buf, size, "%llud%02lluh", d, h);
	return buf;
}

const char *words_octets(uint64_t octets, char *buf, size_t size)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)octets / 1024;
	size_t unit = 0;

	if (octets < 1024) {
		snprintf(buf, size, "%llu B", (unsigned long long)octets);
		return buf;
	}
	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, size, "%.1f %s", value, units[unit]);
	return buf;
}

const char *words_time(int64_t seconds, char *buf, size_t size)
{
	time_t at = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(buf, size, "-");
	return buf;
}
