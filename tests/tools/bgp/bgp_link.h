/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TOOLS_BGP_BGP_LINK_H
#define TESTS_TOOLS_BGP_BGP_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bench's own end of BGP sessions: just enough to bring one up, tell routes, and count. */

#define BGP_LINK_MESSAGE_MAX 4096

enum bgp_link_state {
	BGP_LINK_CLOSED,
	BGP_LINK_CONNECTING,
	BGP_LINK_OPENING, /* connected, OPEN is sent */
	BGP_LINK_UP,
};

struct bgp_link {
	struct in_addr local; /* our address and router id */
	uint32_t as;
	uint16_t hold_s;
	int fd; /* -1: none */
	enum bgp_link_state state;
	struct in_addr own; /* prefixes with this address are not counted, when told back */
	uint64_t announced, withdrawn; /* prefixes heard */
	size_t partial_len;
	uint8_t partial[BGP_LINK_MESSAGE_MAX]; /* start of a message */
};

uint64_t bgp_now_ns(void);

/** bgp_link_connect() - begin to connect to @remote, port 179, from link->local. 0 or -errno. */
int bgp_link_connect(struct bgp_link *link, struct in_addr remote);
/** bgp_link_writable() - the connection came about (OPEN goes out), or failed: closed then. */
void bgp_link_writable(struct bgp_link *link);
/** bgp_link_read() - take what is there, answer OPEN, count prefixes; closed when the peer ended.
 */
void bgp_link_read(struct bgp_link *link);
void bgp_link_close(struct bgp_link *link);
/** bgp_link_send() - all of it; waits for room. 0 or -errno. */
int bgp_link_send(struct bgp_link *link, const void *data, size_t len);
int bgp_link_send_keepalive(struct bgp_link *link);
/** bgp_link_bring_up() - connect until all @count links are up; those that are refused or cut come
 * again after 50 ms, doubling to 0.8 s. Nanoseconds from the first attempt, or 0 when @limit_s
 * passed. */
uint64_t bgp_link_bring_up(struct bgp_link *links, size_t count, struct in_addr remote,
			   unsigned int limit_s);

/* --- what is told --- */

#define BGP_PREFIXES_A_SET 5

/** bgp_nth_prefix() - the network of the /24 number @n, 16.0.0.0/24 being number 0. */
struct in_addr bgp_nth_prefix(uint32_t n);
/**
 * bgp_write_updates() - UPDATEs for the /24 number @n and the @count - 1 behind it, five to an
 * attribute set of their own: AS path of 3 to 5 from @as, MED, a community; an internal one (@as
 * 0): no path, LOCAL_PREF. Octets written into @buf, which has bgp_updates_size(@count) octets.
 */
size_t bgp_write_updates(uint8_t *buf, uint32_t n, uint32_t count, struct in_addr next_hop,
			 uint32_t as);
size_t bgp_updates_size(uint32_t count);
/** bgp_write_withdraw() - an UPDATE that withdraws one /24. */
size_t bgp_write_withdraw(uint8_t *buf, struct in_addr prefix);

/* --- the daemon's processes --- */

#define BGP_PIDS_MAX 8

struct bgp_daemon {
	int pid[BGP_PIDS_MAX];
	size_t count;
};

/** bgp_daemon_parse() - process ids separated by commas. False: they are none. */
bool bgp_daemon_parse(const char *text, struct bgp_daemon *ret_daemon);
uint64_t bgp_daemon_cpu_ns(const struct bgp_daemon *daemon); /* of all its threads */
/** bgp_daemon_settle() - wait until it uses no more CPU, at most 5 s; then as cpu_ns(). */
uint64_t bgp_daemon_settle(const struct bgp_daemon *daemon);
/** bgp_daemon_kib() - sum of a line of smaps_rollup, "Rss:" or "Pss:". */
uint64_t bgp_daemon_kib(const struct bgp_daemon *daemon, const char *key);

#endif /* TESTS_TOOLS_BGP_BGP_LINK_H */
