/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_handover.c: any octets as the file that one speaker leaves to the next.
 *
 * Whether the file is whole must be said without reading beyond it, and each record of it that can
 * be read must hold what its struct promises. What handover_check() lets pass must be readable
 * record by record: handover_take.c does not look again.
 *
 * links: bgp/handover_read.c bgp/message.c bgp/capability.c bgp/update.c bgp/attributes.c
 * links: bgp/as_path.c lib/wire.c lib/ip_prefix.c
 * covers: bgp/handover_read.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct update update;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static unsigned int sum(const uint8_t *data, size_t len)
{
	unsigned int total = 0;

	for (size_t i = 0; i < len; i++)
		total += data[i];
	return total;
}

static bool read_peer(struct wire_reader body)
{
	struct handover_peer peer;

	if (handover_read_peer(body, &peer) < 0)
		return false;
	require(strlen(peer.last_error) < sizeof(peer.last_error));
	require(strlen(peer.sent) < sizeof(peer.sent));
	require(strlen(peer.received) < sizeof(peer.received));
	require(!peer.has_bfd || (peer.bfd.discriminator && peer.bfd.remote_discriminator &&
				  peer.bfd.remote_multiplier));
	if (peer.session == HANDOVER_NO_SESSION) {
		require(!peer.partial && !peer.output);
		return true;
	}
	require(peer.partial_len <= BGP_MESSAGE_MAX && peer.begun_len <= BGP_MESSAGE_MAX);
	require(peer.own.as != 0 && peer.theirs.as != 0);
	sum(peer.partial, peer.partial_len);
	sum(peer.begun, peer.begun_len);
	sum(peer.output, peer.output_len);
	return true;
}

static bool read_routes(struct wire_reader body)
{
	struct ip_prefix prefix;
	bool is_stale;

	if (handover_read_routes(body, &is_stale, &update) < 0)
		return false;
	require(update.announced_count > 0);
	for (unsigned int i = 0; i < update.announced_count; i++)
		while (update_next_prefix(&update.announced[i], &prefix))
			require(prefix.bits <= IP_ADDR_V4_BITS + 32);
	return true;
}

static bool read_record(const struct handover_record *record)
{
	struct handover_peer_end end;
	struct handover_speaker speaker;
	const char *text;
	uint32_t index;
	size_t len;

	switch (record->type) {
	case HANDOVER_SPEAKER:
		return handover_read_speaker(record->body, &speaker) == 0;
	case HANDOVER_PASSWORD:
		if (handover_read_password(record->body, &index, &text, &len) < 0)
			return false;
		require(len > 0 && strnlen(text, len) == len);
		return true;
	case HANDOVER_PEER:
		return read_peer(record->body);
	case HANDOVER_ROUTES:
		return read_routes(record->body);
	case HANDOVER_PEER_END:
		return handover_read_peer_end(record->body, &end) == 0;
	default:
		return true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t sessions = 0;
	bool is_whole = handover_check(data, size, &update, &sessions) == 0;
	struct handover_record record;
	struct wire_reader reader;

	if (handover_open(&reader, data, size) < 0) {
		require(!is_whole);
		return 0;
	}
	while (handover_next(&reader, &record) == 0)
		require(read_record(&record) || !is_whole);
	require(!is_whole || wire_reader_left(&reader) == 0);
	return 0;
}
