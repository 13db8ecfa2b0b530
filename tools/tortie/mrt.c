/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mrt.c: a table of routes in the format that other BGP tools read (RFC 6396, TABLE_DUMP_V2).
 *
 * One PEER_INDEX_TABLE, then a RIB_IPV4_UNICAST or RIB_IPV6_UNICAST for each prefix with all of its
 * routes, which name their peers by number. A route of this node names number 0, the collector,
 * with address 0.0.0.0 as FRR and OpenBGPD have it. Attributes are an UPDATE's with AS numbers of
 * four octets; of MP_REACH_NLRI only the next hop is written (section 4.3.4).
 *
 * What does not fit the format is told as an error or counted, never cut.
 */
#include "tools/tortie/mrt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"
#include "lib/wire.h"

#define HEADER_LEN	 12
#define TABLE_DUMP_V2	 13 /* types and subtypes: RFC 6396 sections 4 and 4.3 */
#define PEER_INDEX_TABLE 1
#define RIB_IPV4_UNICAST 2
#define RIB_IPV6_UNICAST 4
#define PEER_IPV6	 1 /* bits of a peer's type */
#define PEER_AS4	 2
#define PEER_LEN_MAX	 25 /* type, router id, IPv6 address, AS */
#define ENTRY_HEAD	 8  /* peer, time, length of attributes */
#define ENTRIES_MAX	 65535
#define ENTRIES_OCTETS	 (1u << 24) /* of one record: then another one of the prefix begins */
#define MP_REACH	 14
#define MP_REACH_FLAGS	 0x80 /* optional */
#define MP_REACH_LEN	 20   /* flags, type, length, length of the next hop, next hop */

/* --- records --- */

static int write_octets(struct mrt_dump *dump, const void *data, size_t len)
{
	errno = EIO;
	return len == 0 || fwrite(data, len, 1, dump->file) == 1 ? 0 : -errno;
}

/* The common header (section 2), then @head and @body. */
static int write_record(struct mrt_dump *dump, uint16_t subtype, const struct wire_writer *head,
			const uint8_t *body, size_t body_len)
{
	uint8_t buf[HEADER_LEN];
	struct wire_writer writer;
	int err;

	if (!wire_writer_ok(head))
		return -ERANGE;
	wire_writer_init(&writer, buf, sizeof(buf));
	wire_write_u32(&writer, dump->time_s);
	wire_write_u16(&writer, TABLE_DUMP_V2);
	wire_write_u16(&writer, subtype);
	wire_write_u32(&writer, (uint32_t)(head->len + body_len));
	err = write_octets(dump, buf, sizeof(buf));
	if (err == 0)
		err = write_octets(dump, head->data, head->len);
	return err < 0 ? err : write_octets(dump, body, body_len);
}

/* --- peers --- */

int mrt_add_peer(struct mrt_dump *dump, const struct msg_bgp_dump_peer *peer)
{
	size_t size = dump->peer_size ? dump->peer_size * 2 : 64;
	struct msg_bgp_dump_peer *grown;

	if (dump->peer_count == MRT_PEERS_MAX)
		return -ERANGE;
	if (dump->peer_count == dump->peer_size) {
		grown = reallocarray(dump->peer, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		dump->peer = grown;
		dump->peer_size = size;
	}
	dump->peer[dump->peer_count++] = *peer;
	return 0;
}

static int compare_peers(const void *a, const void *b, void *arg)
{
	const struct mrt_dump *dump = arg;

	return ip_addr_compare(&dump->peer[*(const uint32_t *)a].addr,
			       &dump->peer[*(const uint32_t *)b].addr);
}

static int sort_peers(struct mrt_dump *dump)
{
	dump->order = calloc(dump->peer_count, sizeof(*dump->order));
	if (!dump->order)
		return -ENOMEM;
	for (size_t i = 0; i < dump->peer_count; i++)
		dump->order[i] = (uint32_t)i;
	qsort_r(dump->order, dump->peer_count, sizeof(*dump->order), compare_peers, dump);
	return 0;
}

static bool find_peer(const struct mrt_dump *dump, const struct ip_addr *addr, uint16_t *ret_number)
{
	size_t low = 0, high = dump->peer_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint32_t number = dump->order[middle];
		int order = ip_addr_compare(addr, &dump->peer[number].addr);

		if (order == 0) {
			*ret_number = (uint16_t)number;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static void write_peer(struct wire_writer *writer, const struct msg_bgp_dump_peer *peer)
{
	bool is_v6 = !ip_addr_is_zero(&peer->addr) && !ip_addr_is_v4(&peer->addr);
	const struct ip_addr *addr = &peer->addr;
	size_t skip = is_v6 ? 0 : 12;

	wire_write_u8(writer, is_v6 ? PEER_AS4 | PEER_IPV6 : PEER_AS4);
	wire_write_u32(writer, peer->router_id);
	wire_write_bytes(writer, (const uint8_t *)addr + skip, sizeof(*addr) - skip);
	wire_write_u32(writer, peer->as);
}

/* Section 4.3.1, with an empty name of the view. */
static int write_peers(struct mrt_dump *dump)
{
	size_t size = 8 + dump->peer_count * PEER_LEN_MAX;
	struct wire_writer writer;
	uint8_t *buf;
	int err;

	if (dump->peer_count == 0)
		return -ERANGE;
	buf = malloc(size);
	if (!buf)
		return -ENOMEM;
	wire_writer_init(&writer, buf, size);
	wire_write_u32(&writer, dump->peer[0].router_id);
	wire_write_u16(&writer, 0);
	wire_write_u16(&writer, (uint16_t)dump->peer_count);
	for (size_t i = 0; i < dump->peer_count; i++)
		write_peer(&writer, &dump->peer[i]);
	err = write_record(dump, PEER_INDEX_TABLE, &writer, NULL, 0);
	free(buf);
	return err < 0 ? err : sort_peers(dump);
}

/* --- routes --- */

/* Section 4.3.2. */
static int write_rib(struct mrt_dump *dump)
{
	bool is_v4 = ip_addr_is_v4(&dump->prefix.addr);
	size_t skip = is_v4 ? 12 : 0;
	unsigned int bits = ip_prefix_family_bits(&dump->prefix);
	struct wire_writer writer;
	uint8_t head[32];
	int err;

	if (dump->entry_count == 0)
		return 0;
	wire_writer_init(&writer, head, sizeof(head));
	wire_write_u32(&writer, dump->sequence++);
	wire_write_u8(&writer, (uint8_t)bits);
	wire_write_bytes(&writer, (const uint8_t *)&dump->prefix.addr + skip, (bits + 7) / 8);
	wire_write_u16(&writer, (uint16_t)dump->entry_count);
	err = write_record(dump, is_v4 ? RIB_IPV4_UNICAST : RIB_IPV6_UNICAST, &writer,
			   dump->entries, dump->entries_len);
	dump->written += dump->entry_count;
	dump->entry_count = dump->entries_len = 0;
	return err;
}

/* Room for @len more octets in the record under way; a new one of the prefix when it is full. */
static int reserve(struct mrt_dump *dump, size_t len)
{
	size_t size = dump->entries_size ? dump->entries_size : 4096;
	uint8_t *grown;
	int err = 0;

	if (dump->entry_count == ENTRIES_MAX || dump->entries_len + len > ENTRIES_OCTETS)
		err = write_rib(dump);
	while (size < dump->entries_len + len)
		size *= 2;
	if (err < 0 || size == dump->entries_size)
		return err;
	grown = realloc(dump->entries, size);
	if (!grown)
		return -ENOMEM;
	dump->entries = grown;
	dump->entries_size = size;
	return 0;
}

/* RFC 6396 section 4.3.4: the rest of MP_REACH_NLRI is in the record already. */
static void write_next_hop(struct wire_writer *writer, const struct ip_addr *next_hop)
{
	wire_write_u8(writer, MP_REACH_FLAGS);
	wire_write_u8(writer, MP_REACH);
	wire_write_u8(writer, sizeof(*next_hop) + 1);
	wire_write_u8(writer, sizeof(*next_hop));
	wire_write_bytes(writer, next_hop, sizeof(*next_hop));
}

static int add_entry(struct mrt_dump *dump, uint16_t peer, const struct msg_bgp_dump_route *route,
		     const uint8_t *attributes)
{
	bool is_v4 = ip_addr_is_v4(&route->prefix.addr) &&
		     (ip_addr_is_v4(&route->next_hop) || ip_addr_is_zero(&route->next_hop));
	size_t len = route->attributes_len + (is_v4 ? 0 : MP_REACH_LEN);
	struct wire_writer writer;
	int err;

	if (len > UINT16_MAX)
		return -ERANGE;
	err = reserve(dump, ENTRY_HEAD + len);
	if (err < 0)
		return err;
	wire_writer_init(&writer, dump->entries + dump->entries_len, ENTRY_HEAD + len);
	wire_write_u16(&writer, peer);
	wire_write_u32(&writer, route->since_s ? (uint32_t)route->since_s : dump->time_s);
	wire_write_u16(&writer, (uint16_t)len);
	wire_write_bytes(&writer, attributes, route->attributes_len);
	if (!is_v4)
		write_next_hop(&writer, &route->next_hop);
	dump->entries_len += writer.len;
	dump->entry_count++;
	return 0;
}

int mrt_add_route(struct mrt_dump *dump, const struct msg_bgp_dump_route *route,
		  const uint8_t *attributes)
{
	uint16_t peer;
	int err = 0;

	if (!dump->order)
		err = write_peers(dump);
	if (err == 0 && !ip_prefix_equal(&dump->prefix, &route->prefix))
		err = write_rib(dump);
	if (err < 0)
		return err;
	dump->prefix = route->prefix;
	if (find_peer(dump, &route->peer, &peer))
		return add_entry(dump, peer, route, attributes);
	dump->left_out++;
	return 0;
}

int mrt_finish(struct mrt_dump *dump)
{
	int err = dump->order ? 0 : write_peers(dump);

	return err < 0 ? err : write_rib(dump);
}

void mrt_free(struct mrt_dump *dump)
{
	free(dump->peer);
	free(dump->order);
	free(dump->entries);
}
