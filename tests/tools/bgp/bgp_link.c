/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bgp_link.c: the bench's end of a BGP session (RFC 4271), the same for every daemon measured.
 *
 * A link connects, says OPEN (IPv4 unicast, four-octet AS, no graceful restart), answers with a
 * KEEPALIVE and is up at the peer's. From then on prefixes are counted and nothing else is looked
 * at, so that counting costs next to nothing beside the daemon. Octets to be told are written
 * before the clock starts: see bgp_write_updates(), 17.8 octets a prefix.
 */
#include "tests/tools/bgp/bgp_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BGP_PORT	  179
#define HEADER_LEN	  19
#define READ_SIZE	  262144
#define RETRY_NS	  50000000ull
#define RETRY_LAST_NS	  800000000ull
#define CONNECT_NS	  300000000ull
#define CONNECT_SPREAD_NS 400000000ull
#define AS_TRANS	  23456
#define AS_PATH_MIN	  3
#define FIRST_PREFIX	  0x10000000u /* 16.0.0.0 */

enum {
	TYPE_OPEN = 1,
	TYPE_UPDATE = 2,
	TYPE_NOTIFICATION = 3,
	TYPE_KEEPALIVE = 4,
};

uint64_t bgp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- octets --- */

static uint8_t *put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value);
}

static uint8_t *put_header(uint8_t *at, uint8_t type)
{
	memset(at, 0xff, 16);
	at[18] = type;
	return at + HEADER_LEN;
}

static size_t end_message(uint8_t *start, const uint8_t *end)
{
	put16(start + 16, (uint32_t)(end - start));
	return (size_t)(end - start);
}

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static size_t write_open(uint8_t *buf, const struct bgp_link *link)
{
	static const uint8_t multiprotocol[] = { 1, 4, 0, 1, 0, 1 };
	uint8_t *at = put_header(buf, TYPE_OPEN);

	*at++ = 4;
	at = put16(at, link->as > UINT16_MAX ? AS_TRANS : link->as);
	at = put16(at, link->hold_s);
	memcpy(at, &link->local, 4);
	at += 4;
	*at++ = 2 + sizeof(multiprotocol) + 6; /* parameters */
	*at++ = 2;			       /* capabilities */
	*at++ = sizeof(multiprotocol) + 6;
	memcpy(at, multiprotocol, sizeof(multiprotocol));
	at += sizeof(multiprotocol);
	*at++ = 65;
	*at++ = 4;
	at = put32(at, link->as);
	return end_message(buf, at);
}

struct in_addr bgp_nth_prefix(uint32_t n)
{
	return (struct in_addr){ htonl(FIRST_PREFIX + (n << 8)) };
}

static uint8_t *put_attributes(uint8_t *at, uint32_t set, struct in_addr next_hop, uint32_t as)
{
	static const uint8_t origin[] = { 0x40, 1, 1, 0 };
	uint8_t hops = as ? (uint8_t)(AS_PATH_MIN + set % 3) : 0;

	memcpy(at, origin, sizeof(origin));
	at += sizeof(origin);
	*at++ = 0x40;
	*at++ = 2;
	*at++ = hops ? (uint8_t)(2 + 4 * hops) : 0;
	if (hops) {
		*at++ = 2; /* a sequence */
		*at++ = hops;
		at = put32(at, as);
		for (unsigned int i = 1; i < hops; i++)
			at = put32(at, 100000 + (set * 7 + i * 131) % 60000);
	}
	memcpy(at, (const uint8_t[]){ 0x40, 3, 4 }, 3);
	memcpy(at + 3, &next_hop, 4);
	at += 7;
	memcpy(at, (const uint8_t[]){ 0x80, 4, 4 }, 3);
	at = put32(at + 3, set);
	if (!as) {
		memcpy(at, (const uint8_t[]){ 0x40, 5, 4 }, 3);
		at = put32(at + 3, 100);
	}
	memcpy(at, (const uint8_t[]){ 0xc0, 8, 4 }, 3);
	return put32(at + 3, 65001u << 16 | (set & 0xffff));
}

size_t bgp_updates_size(uint32_t count)
{
	return (size_t)(count / BGP_PREFIXES_A_SET + 1) * 128;
}

size_t bgp_write_updates(uint8_t *buf, uint32_t n, uint32_t count, struct in_addr next_hop,
			 uint32_t as)
{
	uint32_t end = n + count;
	uint8_t *at = buf;

	while (n < end) {
		uint8_t *start = at, *length = put_header(at, TYPE_UPDATE) + 2;

		put16(length - 2, 0);
		at = put_attributes(length + 2, n / BGP_PREFIXES_A_SET, next_hop, as);
		put16(length, (uint32_t)(at - length - 2));
		do {
			struct in_addr prefix = bgp_nth_prefix(n++);

			*at++ = 24;
			memcpy(at, &prefix, 3);
			at += 3;
		} while (n < end && n % BGP_PREFIXES_A_SET != 0);
		end_message(start, at);
	}
	return (size_t)(at - buf);
}

size_t bgp_write_withdraw(uint8_t *buf, struct in_addr prefix)
{
	uint8_t *at = put16(put_header(buf, TYPE_UPDATE), 4);

	*at++ = 24;
	memcpy(at, &prefix, 3);
	return end_message(buf, put16(at + 3, 0));
}

/* --- the connection --- */

static int connect_from(struct in_addr local, struct in_addr remote)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = local };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = remote };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, err;

	if (fd < 0)
		return -errno;
	to.sin_port = htons(BGP_PORT);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int bgp_link_connect(struct bgp_link *link, struct in_addr remote)
{
	int fd = connect_from(link->local, remote);

	if (fd < 0)
		return fd;
	link->fd = fd;
	link->partial_len = 0;
	link->state = BGP_LINK_CONNECTING;
	return 0;
}

void bgp_link_close(struct bgp_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->state = BGP_LINK_CLOSED;
}

int bgp_link_send(struct bgp_link *link, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len > 0) {
		ssize_t sent = send(link->fd, at, len, MSG_NOSIGNAL);
		struct pollfd room = { .fd = link->fd, .events = POLLOUT };

		if (sent < 0 && errno != EAGAIN)
			return -errno;
		if (sent < 0) {
			poll(&room, 1, 1000);
			continue;
		}
		at += sent;
		len -= (size_t)sent;
	}
	return 0;
}

int bgp_link_send_keepalive(struct bgp_link *link)
{
	uint8_t buf[HEADER_LEN];

	return bgp_link_send(link, buf, end_message(buf, put_header(buf, TYPE_KEEPALIVE)));
}

void bgp_link_writable(struct bgp_link *link)
{
	uint8_t buf[BGP_LINK_MESSAGE_MAX];
	socklen_t len = sizeof(int);
	int err = 0;

	if (link->state != BGP_LINK_CONNECTING)
		return;
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0 ||
	    bgp_link_send(link, buf, write_open(buf, link)) < 0) {
		bgp_link_close(link);
		return;
	}
	link->state = BGP_LINK_OPENING;
}

static uint64_t count_prefixes(const struct bgp_link *link, const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	uint64_t count = 0;

	while (at < end) {
		size_t octets = (at[0] + 7u) / 8;

		if (!link->own.s_addr || octets != 3 || memcmp(at + 1, &link->own, 3) != 0)
			count++;
		at += 1 + octets;
	}
	return count;
}

static void take_update(struct bgp_link *link, const uint8_t *body, size_t len)
{
	size_t withdrawn = get16(body), attributes;

	if (withdrawn + 4 > len)
		return;
	attributes = get16(body + 2 + withdrawn);
	if (withdrawn + attributes + 4 > len)
		return;
	link->withdrawn += count_prefixes(link, body + 2, withdrawn);
	link->announced += count_prefixes(link, body + 4 + withdrawn + attributes,
					  len - 4 - withdrawn - attributes);
}

static void take_message(struct bgp_link *link, const uint8_t *message, size_t len)
{
	switch (message[18]) {
	case TYPE_OPEN:
		if (bgp_link_send_keepalive(link) < 0)
			bgp_link_close(link);
		break;
	case TYPE_UPDATE:
		take_update(link, message + HEADER_LEN, len - HEADER_LEN);
		break;
	case TYPE_KEEPALIVE:
		if (link->state == BGP_LINK_OPENING)
			link->state = BGP_LINK_UP;
		break;
	default:
		bgp_link_close(link);
		break;
	}
}

void bgp_link_read(struct bgp_link *link)
{
	static uint8_t buf[BGP_LINK_MESSAGE_MAX + READ_SIZE];
	size_t have = link->partial_len, at = 0, len;
	ssize_t got;

	memcpy(buf, link->partial, have);
	got = recv(link->fd, buf + have, READ_SIZE, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		bgp_link_close(link);
		return;
	}
	have += (size_t)got;
	while (have - at >= HEADER_LEN && link->fd >= 0) {
		len = get16(buf + at + 16);
		if (len < HEADER_LEN || len > BGP_LINK_MESSAGE_MAX) {
			bgp_link_close(link);
			return;
		}
		if (len > have - at)
			break;
		take_message(link, buf + at, len);
		at += len;
	}
	link->partial_len = have - at;
	memcpy(link->partial, buf + at, have - at);
}

/* --- bringing up --- */

struct bring_up {
	struct bgp_link *links;
	size_t count;
	struct in_addr remote;
	struct pollfd *poll;
	uint64_t *due_ns;  /* when a closed one tries again, one that is up sends a keepalive */
	uint64_t *wait_ns; /* how long the next closed one waits: doubles */
};

/* What each link waits for; how many are not up. */
static size_t prepare(struct bring_up *up)
{
	uint64_t now = bgp_now_ns();
	size_t missing = 0;

	for (size_t i = 0; i < up->count; i++) {
		struct bgp_link *link = &up->links[i];

		if (link->state == BGP_LINK_CONNECTING && now >= up->due_ns[i])
			bgp_link_close(link); /* its queue is full: not until the kernel tries */
		if (link->state == BGP_LINK_CLOSED && now >= up->due_ns[i]) {
			up->due_ns[i] = now + CONNECT_NS + CONNECT_SPREAD_NS * i / up->count;
			bgp_link_connect(link, up->remote);
		} else if (link->state == BGP_LINK_UP && now >= up->due_ns[i]) {
			up->due_ns[i] = now + link->hold_s * 1000000000ull / 3;
			bgp_link_send_keepalive(link);
		}
		missing += link->state != BGP_LINK_UP;
		up->poll[i].fd = link->fd;
		up->poll[i].events = link->state == BGP_LINK_CONNECTING ? POLLOUT : POLLIN;
	}
	return missing;
}

static void take_events(struct bring_up *up)
{
	for (size_t i = 0; i < up->count; i++) {
		struct bgp_link *link = &up->links[i];

		if (link->fd < 0 || !up->poll[i].revents)
			continue;
		if (link->state == BGP_LINK_CONNECTING)
			bgp_link_writable(link);
		else
			bgp_link_read(link);
		if (link->fd >= 0)
			continue;
		up->wait_ns[i] = up->wait_ns[i] ? up->wait_ns[i] * 2 : RETRY_NS;
		if (up->wait_ns[i] > RETRY_LAST_NS)
			up->wait_ns[i] = RETRY_LAST_NS;
		up->due_ns[i] = bgp_now_ns() + up->wait_ns[i];
	}
}

uint64_t bgp_link_bring_up(struct bgp_link *links, size_t count, struct in_addr remote,
			   unsigned int limit_s)
{
	struct bring_up up = { .links = links, .count = count, .remote = remote };
	uint64_t start = bgp_now_ns(), took = 0;

	up.poll = calloc(count, sizeof(*up.poll));
	up.due_ns = calloc(count, sizeof(*up.due_ns));
	up.wait_ns = calloc(count, sizeof(*up.wait_ns));
	while (up.poll && up.due_ns && up.wait_ns &&
	       bgp_now_ns() - start < limit_s * 1000000000ull) {
		if (prepare(&up) == 0) {
			took = bgp_now_ns() - start;
			break;
		}
		if (poll(up.poll, count, 10) > 0)
			take_events(&up);
	}
	free(up.poll);
	free(up.due_ns);
	free(up.wait_ns);
	return took;
}
