/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover_write.c: the file that a speaker leaves to the next one (handover.h), record by record.
 *
 * It goes into a memfd by pieces of 64 KiB, so that a table of a million routes is not there twice.
 * What was told in OPEN is written as the OPEN that it was, routes as UPDATEs: for both there is a
 * parser that is used to the worst.
 */
#include "bgp/handover.h"

#include <errno.h>
#include <string.h>

#include "lib/sealed_text.h"

#define PEER_FIXED_MAX (4 * BGP_MESSAGE_MAX) /* a PEER without its output */

static const char magic[] = "tortie-bgpd handover\n";

static void flush(struct handover_writer *writer)
{
	if (writer->err == 0 && writer->len > 0)
		writer->err = sealed_text_write(writer->fd, writer->buf, writer->len);
	writer->len = 0;
}

static void put(struct handover_writer *writer, const void *data, size_t len)
{
	if (len == 0)
		return;
	writer->total += len;
	if (writer->total > HANDOVER_OCTETS_MAX && writer->err == 0)
		writer->err = -EFBIG;
	if (writer->err < 0)
		return;
	if (writer->len + len > sizeof(writer->buf))
		flush(writer);
	if (len > sizeof(writer->buf)) {
		if (writer->err == 0)
			writer->err = sealed_text_write(writer->fd, data, len);
		return;
	}
	memcpy(writer->buf + writer->len, data, len);
	writer->len += len;
}

/* A record whose body is @head and then @tail. */
static void put_record(struct handover_writer *writer, enum handover_type type,
		       const struct wire_writer *head, const void *tail, size_t tail_len)
{
	uint8_t start[5];
	struct wire_writer out;

	if (!wire_writer_ok(head) && writer->err == 0)
		writer->err = -EMSGSIZE;
	wire_writer_init(&out, start, sizeof(start));
	wire_write_u8(&out, (uint8_t)type);
	wire_write_u32(&out, (uint32_t)(head->len + tail_len));
	put(writer, start, sizeof(start));
	put(writer, head->data, head->len);
	put(writer, tail, tail_len);
}

static void write_u64(struct wire_writer *out, uint64_t value)
{
	wire_write_u32(out, (uint32_t)(value >> 32));
	wire_write_u32(out, (uint32_t)value);
}

static void write_text(struct wire_writer *out, const char *text)
{
	size_t len = strlen(text);

	wire_write_u8(out, (uint8_t)len);
	wire_write_bytes(out, text, len);
}

static void write_block(struct wire_writer *out, const uint8_t *data, size_t len)
{
	wire_write_u16(out, (uint16_t)len);
	if (len > 0)
		wire_write_bytes(out, data, len);
}

static void write_open(struct wire_writer *out, const struct open_message *open_message)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	size_t len = message_write_open(buf, open_message);

	write_block(out, buf + BGP_HEADER_LEN, len - BGP_HEADER_LEN);
}

void handover_begin(struct handover_writer *writer, int fd)
{
	uint8_t version[2] = { HANDOVER_VERSION >> 8, HANDOVER_VERSION & 255 };

	writer->fd = fd;
	writer->err = 0;
	writer->total = 0;
	writer->len = 0;
	put(writer, magic, sizeof(magic) - 1);
	put(writer, version, sizeof(version));
}

void handover_write_speaker(struct handover_writer *writer, const struct handover_speaker *speaker)
{
	uint8_t buf[2];
	struct wire_writer out;

	wire_writer_init(&out, buf, sizeof(buf));
	wire_write_u8(&out, speaker->is_restarting);
	wire_write_u8(&out, speaker->is_in_sync);
	put_record(writer, HANDOVER_SPEAKER, &out, NULL, 0);
}

void handover_write_text(struct handover_writer *writer, enum handover_type type, const void *text,
			 size_t len)
{
	struct wire_writer none;

	wire_writer_init(&none, NULL, 0);
	put_record(writer, type, &none, text, len);
}

void handover_write_password(struct handover_writer *writer, uint32_t index, const char *password)
{
	uint8_t buf[4];
	struct wire_writer out;

	wire_writer_init(&out, buf, sizeof(buf));
	wire_write_u32(&out, index);
	put_record(writer, HANDOVER_PASSWORD, &out, password, strlen(password));
}

static void write_flags(struct wire_writer *out, const struct handover_peer *peer)
{
	wire_write_u8(out, peer->is_incoming);
	wire_write_u8(out, peer->is_restarting);
	wire_write_u8(out, peer->is_restart_by_us);
	wire_write_u8(out, peer->end_of_rib_out);
	wire_write_u8(out, peer->is_rewritten);
	wire_write_u8(out, peer->is_limit_logged);
	for (int i = 0; i < FAMILY_COUNT; i++) {
		wire_write_u8(out, peer->end_of_rib_in[i]);
		wire_write_u8(out, peer->is_refused[i]);
		wire_write_u8(out, peer->is_refreshing[i]);
		wire_write_u8(out, peer->is_asked[i]);
		wire_write_u8(out, peer->is_beyond[i]);
	}
}

static void write_bfd(struct wire_writer *out, const struct bfd_remains *bfd)
{
	wire_write_u16(out, bfd->port);
	wire_write_u32(out, bfd->discriminator);
	wire_write_u32(out, bfd->remote_discriminator);
	wire_write_u32(out, bfd->desired_min_tx_us);
	wire_write_u32(out, bfd->required_min_rx_us);
	wire_write_u32(out, bfd->used_min_tx_us);
	wire_write_u32(out, bfd->used_min_rx_us);
	wire_write_u32(out, bfd->remote_desired_min_tx_us);
	wire_write_u32(out, bfd->remote_min_rx_us);
	wire_write_u8(out, bfd->remote_multiplier);
	wire_write_u8(out, bfd->remote_demand);
	wire_write_u8(out, bfd->is_polling);
}

void handover_write_peer(struct handover_writer *writer, const struct handover_peer *peer)
{
	uint8_t buf[PEER_FIXED_MAX];
	struct wire_writer out;

	wire_writer_init(&out, buf, sizeof(buf));
	wire_write_bytes(&out, &peer->addr, sizeof(peer->addr));
	wire_write_u32(&out, peer->session);
	wire_write_u32(&out, peer->router_id);
	write_flags(&out, peer);
	wire_write_u32(&out, peer->stale_left_ms);
	write_u64(&out, peer->since_s);
	write_u64(&out, peer->updates_in);
	write_u64(&out, peer->updates_out);
	write_u64(&out, peer->times_up);
	write_u64(&out, peer->bad_updates);
	write_text(&out, peer->last_error);
	write_text(&out, peer->sent);
	write_text(&out, peer->received);
	wire_write_u8(&out, peer->has_bfd);
	if (peer->has_bfd)
		write_bfd(&out, &peer->bfd);
	if (peer->session == HANDOVER_NO_SESSION) {
		put_record(writer, HANDOVER_PEER, &out, NULL, 0);
		return;
	}
	write_open(&out, &peer->own);
	write_open(&out, &peer->theirs);
	write_block(&out, peer->partial, peer->partial_len);
	write_block(&out, peer->begun, peer->begun_len);
	put_record(writer, HANDOVER_PEER, &out, peer->output, peer->output_len);
}

void handover_write_routes(struct handover_writer *writer, bool is_stale, const uint8_t *update,
			   size_t len)
{
	uint8_t flag = is_stale;
	struct wire_writer out;

	wire_writer_init(&out, &flag, sizeof(flag));
	out.len = sizeof(flag);
	put_record(writer, HANDOVER_ROUTES, &out, update + BGP_HEADER_LEN, len - BGP_HEADER_LEN);
}

void handover_write_peer_end(struct handover_writer *writer, const struct handover_peer_end *end)
{
	uint8_t buf[8];
	struct wire_writer out;

	wire_writer_init(&out, buf, sizeof(buf));
	write_u64(&out, end->told);
	put_record(writer, HANDOVER_PEER_END, &out, NULL, 0);
}

int handover_finish(struct handover_writer *writer, uint32_t session_count)
{
	uint8_t buf[4];
	struct wire_writer out;

	wire_writer_init(&out, buf, sizeof(buf));
	wire_write_u32(&out, session_count);
	put_record(writer, HANDOVER_END, &out, NULL, 0);
	flush(writer);
	return writer->err;
}
