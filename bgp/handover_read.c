/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover_read.c: the file that the speaker before us has left (handover.h), record by record.
 *
 * It comes from a program that speaks to strangers, by way of the agent, so it is read as what
 * comes from a stranger: lengths are checked against what is there, flags are 0 or 1, what was an
 * OPEN or an UPDATE goes through their parsers. handover_check() says of a file whether it is whole
 * before anything of it is used; what it means, handover_take.c knows. Pure.
 */
#include "bgp/handover.h"

#include <errno.h>
#include <string.h>

static const char magic[] = "tortie-bgpd handover\n";

int handover_open(struct wire_reader *reader, const uint8_t *data, size_t len)
{
	const uint8_t *start;
	uint16_t version;

	wire_reader_init(reader, data, len);
	start = wire_read_bytes(reader, sizeof(magic) - 1);
	version = wire_read_u16(reader);
	if (!wire_reader_ok(reader) || memcmp(start, magic, sizeof(magic) - 1) != 0)
		return -EPROTO;
	return version == HANDOVER_VERSION ? 0 : -EPROTONOSUPPORT;
}

int handover_next(struct wire_reader *reader, struct handover_record *ret)
{
	uint8_t type = wire_read_u8(reader);

	ret->body = wire_read_sub(reader, wire_read_u32(reader));
	if (!wire_reader_ok(reader) || type < HANDOVER_SPEAKER || type > HANDOVER_END)
		return -EPROTO;
	ret->type = type;
	return 0;
}

static bool read_flag(struct wire_reader *reader)
{
	uint8_t value = wire_read_u8(reader);

	if (value > 1)
		reader->failed = true;
	return value;
}

static uint64_t read_u64(struct wire_reader *reader)
{
	uint64_t high = wire_read_u32(reader);

	return high << 32 | wire_read_u32(reader);
}

static void read_text(struct wire_reader *reader, char *ret, size_t size)
{
	size_t len = wire_read_u8(reader);
	const uint8_t *text = wire_read_bytes(reader, len);

	ret[0] = '\0';
	if (!text)
		return;
	if (len >= size || memchr(text, '\0', len)) {
		reader->failed = true;
		return;
	}
	memcpy(ret, text, len);
	ret[len] = '\0';
}

/* The body is read to its end, and nothing was missing. */
static int is_whole(const struct wire_reader *body)
{
	return wire_reader_ok(body) && wire_reader_left(body) == 0 ? 0 : -EPROTO;
}

int handover_read_speaker(struct wire_reader body, struct handover_speaker *ret)
{
	ret->is_restarting = read_flag(&body);
	ret->is_in_sync = read_flag(&body);
	return is_whole(&body);
}

int handover_read_password(struct wire_reader body, uint32_t *ret_index, const char **ret_text,
			   size_t *ret_len)
{
	*ret_index = wire_read_u32(&body);
	*ret_len = wire_reader_left(&body);
	*ret_text = (const char *)wire_read_bytes(&body, *ret_len);
	if (*ret_len == 0 || !*ret_text || memchr(*ret_text, '\0', *ret_len))
		return -EPROTO;
	return is_whole(&body);
}

static void read_flags(struct wire_reader *body, struct handover_peer *ret)
{
	ret->is_incoming = read_flag(body);
	ret->is_restarting = read_flag(body);
	ret->is_restart_by_us = read_flag(body);
	ret->end_of_rib_out = read_flag(body);
	ret->is_rewritten = read_flag(body);
	ret->is_limit_logged = read_flag(body);
	for (int i = 0; i < FAMILY_COUNT; i++) {
		ret->end_of_rib_in[i] = read_flag(body);
		ret->is_refused[i] = read_flag(body);
		ret->is_refreshing[i] = read_flag(body);
		ret->is_asked[i] = read_flag(body);
		ret->is_beyond[i] = read_flag(body);
	}
}

static int read_open(struct wire_reader *body, struct open_message *ret)
{
	size_t len = wire_read_u16(body);
	const uint8_t *octets = wire_read_bytes(body, len);
	struct bgp_error error;

	return octets ? message_parse_open(octets, len, ret, &error) : -EPROTO;
}

/* A part of a message. */
static int read_piece(struct wire_reader *body, const uint8_t **ret_data, size_t *ret_len)
{
	*ret_len = wire_read_u16(body);
	*ret_data = wire_read_bytes(body, *ret_len);
	return *ret_data && *ret_len <= BGP_MESSAGE_MAX ? 0 : -EPROTO;
}

/* session_output.c finds its way by the lengths in the headers. */
static bool are_messages(const uint8_t *data, size_t len)
{
	struct bgp_error error;
	size_t message_len;
	uint8_t type;

	for (; len > 0; data += message_len, len -= message_len)
		if (len < BGP_HEADER_LEN ||
		    message_parse_header(data, &type, &message_len, &error) < 0 ||
		    message_len > len)
			return false;
	return true;
}

static int read_session(struct wire_reader *body, struct handover_peer *ret)
{
	if (read_open(body, &ret->own) < 0 || read_open(body, &ret->theirs) < 0)
		return -EPROTO;
	if (read_piece(body, &ret->partial, &ret->partial_len) < 0 ||
	    read_piece(body, &ret->begun, &ret->begun_len) < 0)
		return -EPROTO;
	ret->output_len = wire_reader_left(body);
	ret->output = wire_read_bytes(body, ret->output_len);
	return are_messages(ret->output, ret->output_len) ? 0 : -EPROTO;
}

static void read_bfd(struct wire_reader *body, struct bfd_remains *ret)
{
	ret->port = wire_read_u16(body);
	ret->discriminator = wire_read_u32(body);
	ret->remote_discriminator = wire_read_u32(body);
	ret->desired_min_tx_us = wire_read_u32(body);
	ret->required_min_rx_us = wire_read_u32(body);
	ret->used_min_tx_us = wire_read_u32(body);
	ret->used_min_rx_us = wire_read_u32(body);
	ret->remote_desired_min_tx_us = wire_read_u32(body);
	ret->remote_min_rx_us = wire_read_u32(body);
	ret->remote_multiplier = wire_read_u8(body);
	ret->remote_demand = read_flag(body);
	ret->is_polling = read_flag(body);
	/* A session that is Up has heard of all three, and none may be 0 (RFC 5880 6.8.6). */
	if (ret->discriminator == 0 || ret->remote_discriminator == 0 ||
	    ret->remote_multiplier == 0)
		body->failed = true;
}

int handover_read_peer(struct wire_reader body, struct handover_peer *ret)
{
	const uint8_t *addr = wire_read_bytes(&body, sizeof(ret->addr));

	memset(ret, 0, sizeof(*ret));
	if (!addr)
		return -EPROTO;
	memcpy(&ret->addr, addr, sizeof(ret->addr));
	ret->session = wire_read_u32(&body);
	ret->router_id = wire_read_u32(&body);
	read_flags(&body, ret);
	ret->stale_left_ms = wire_read_u32(&body);
	ret->since_s = read_u64(&body);
	ret->updates_in = read_u64(&body);
	ret->updates_out = read_u64(&body);
	ret->times_up = read_u64(&body);
	ret->bad_updates = read_u64(&body);
	read_text(&body, ret->last_error, sizeof(ret->last_error));
	read_text(&body, ret->sent, sizeof(ret->sent));
	read_text(&body, ret->received, sizeof(ret->received));
	ret->has_bfd = read_flag(&body);
	if (ret->has_bfd)
		read_bfd(&body, &ret->bfd);
	if (!wire_reader_ok(&body))
		return -EPROTO;
	if (ret->session != HANDOVER_NO_SESSION && read_session(&body, ret) < 0)
		return -EPROTO;
	return is_whole(&body);
}

int handover_read_routes(struct wire_reader body, bool *ret_is_stale, struct update *ret)
{
	/* As from an internal peer: nothing that a filter has set is left out. */
	static const struct attribute_context context = { .four_octet_as = true,
							  .extended_next_hop = true };
	const uint8_t *octets;
	struct bgp_error error;
	size_t len;

	*ret_is_stale = read_flag(&body);
	len = wire_reader_left(&body);
	octets = wire_read_bytes(&body, len);
	if (!wire_reader_ok(&body) || !octets ||
	    update_parse(octets, len, &context, ret, &error) < 0)
		return -EPROTO;
	if (ret->reaction != REACTION_NONE || ret->withdrawn_count > 0 || ret->announced_count == 0)
		return -EPROTO;
	return 0;
}

int handover_read_peer_end(struct wire_reader body, struct handover_peer_end *ret)
{
	ret->told = read_u64(&body);
	return is_whole(&body);
}

/* --- the whole --- */

struct check {
	struct update *scratch;
	uint32_t sessions; /* so far */
	bool is_in_peer, is_behind_passwords;
};

static int check_peer(struct check *check, const struct handover_record *record)
{
	struct handover_peer peer;

	if (check->is_in_peer || handover_read_peer(record->body, &peer) < 0)
		return -EPROTO;
	check->is_in_peer = check->is_behind_passwords = true;
	if (peer.session == HANDOVER_NO_SESSION)
		return 0;
	return peer.session == check->sessions++ ? 0 : -EPROTO;
}

/* 1, or -EPROTO. */
static int check_end(const struct check *check, struct wire_reader body)
{
	if (wire_read_u32(&body) != check->sessions || check->is_in_peer || is_whole(&body) < 0)
		return -EPROTO;
	return 1;
}

/* 0; 1: the end; -EPROTO. */
static int check_record(struct check *check, const struct handover_record *record)
{
	struct handover_peer_end end;
	const char *text;
	uint32_t index;
	bool is_stale;
	size_t len;

	switch (record->type) {
	case HANDOVER_PASSWORD:
		return check->is_behind_passwords
			       ? -EPROTO
			       : handover_read_password(record->body, &index, &text, &len);
	case HANDOVER_PEER:
		return check_peer(check, record);
	case HANDOVER_ROUTES:
		return !check->is_in_peer
			       ? -EPROTO
			       : handover_read_routes(record->body, &is_stale, check->scratch);
	case HANDOVER_PEER_END:
		if (!check->is_in_peer)
			return -EPROTO;
		check->is_in_peer = false;
		return handover_read_peer_end(record->body, &end);
	case HANDOVER_END:
		return check_end(check, record->body);
	default:
		return -EPROTO;
	}
}

/* SPEAKER, BASE, and DOCUMENT where there is one; *ret_first: the record behind. */
static int check_head(struct wire_reader *reader, struct handover_record *ret_first)
{
	struct handover_speaker speaker;

	if (handover_next(reader, ret_first) < 0 || ret_first->type != HANDOVER_SPEAKER ||
	    handover_read_speaker(ret_first->body, &speaker) < 0)
		return -EPROTO;
	if (handover_next(reader, ret_first) < 0 || ret_first->type != HANDOVER_BASE)
		return -EPROTO;
	if (handover_next(reader, ret_first) < 0)
		return -EPROTO;
	return ret_first->type == HANDOVER_DOCUMENT ? handover_next(reader, ret_first) : 0;
}

int handover_check(const uint8_t *data, size_t len, struct update *scratch, uint32_t *ret_sessions)
{
	struct check check = { .scratch = scratch };
	struct handover_record record;
	struct wire_reader reader;
	int err = handover_open(&reader, data, len), result;

	if (err == 0)
		err = check_head(&reader, &record);
	while (err == 0) {
		result = check_record(&check, &record);
		*ret_sessions = check.sessions;
		if (result == 1)
			return wire_reader_left(&reader) == 0 ? 0 : -EPROTO;
		err = result < 0 ? result : handover_next(&reader, &record);
	}
	return err;
}
