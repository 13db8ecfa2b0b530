/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c: bounded reading and writing of octets in network order.
 *
 * Whatever comes from a peer is read through struct wire_reader and nothing else: a getter that
 * would pass the end fails the reader for good and answers 0 or NULL. A parser can therefore read
 * a whole structure and ask wire_reader_ok() once. The writer is the mirror: what does not fit
 * fails it, and nothing is written beyond the buffer.
 *
 * Numbers are put together octet by octet, so neither alignment nor the machine's byte order
 * matters. What the octets mean is left to the callers (bgp/).
 */
#include "lib/wire.h"

#include <string.h>

void wire_reader_init(struct wire_reader *reader, const void *data, size_t len_bytes)
{
	reader->data = data;
	reader->len = len_bytes;
	reader->at = 0;
	reader->failed = false;
}

bool wire_reader_ok(const struct wire_reader *reader)
{
	return !reader->failed;
}

size_t wire_reader_left(const struct wire_reader *reader)
{
	return reader->failed ? 0 : reader->len - reader->at;
}

const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t len)
{
	const uint8_t *octets;

	if (reader->failed || len > reader->len - reader->at) {
		reader->failed = true;
		return NULL;
	}
	/* An empty reader may have no data at all, and NULL would read as a failure. */
	octets = reader->data ? reader->data + reader->at : (const uint8_t *)"";
	reader->at += len;
	return octets;
}

uint8_t wire_read_u8(struct wire_reader *reader)
{
	const uint8_t *octets = wire_read_bytes(reader, 1);

	return octets ? octets[0] : 0;
}

uint16_t wire_read_u16(struct wire_reader *reader)
{
	const uint8_t *octets = wire_read_bytes(reader, 2);

	return octets ? (uint16_t)(octets[0] << 8 | octets[1]) : 0;
}

uint32_t wire_read_u32(struct wire_reader *reader)
{
	const uint8_t *octets = wire_read_bytes(reader, 4);

	if (!octets)
		return 0;
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
	       octets[3];
}

struct wire_reader wire_read_sub(struct wire_reader *reader, size_t len)
{
	const uint8_t *octets = wire_read_bytes(reader, len);
	struct wire_reader sub;

	wire_reader_init(&sub, octets, octets ? len : 0);
	sub.failed = !octets;
	return sub;
}

void wire_skip(struct wire_reader *reader, size_t len)
{
	wire_read_bytes(reader, len);
}

void wire_writer_init(struct wire_writer *writer, void *data, size_t size_bytes)
{
	writer->data = data;
	writer->size = size_bytes;
	writer->len = 0;
	writer->failed = false;
}

bool wire_writer_ok(const struct wire_writer *writer)
{
	return !writer->failed;
}

size_t wire_writer_left(const struct wire_writer *writer)
{
	return writer->failed ? 0 : writer->size - writer->len;
}

void wire_write_bytes(struct wire_writer *writer, const void *data, size_t len)
{
	if (writer->failed || len > writer->size - writer->len) {
		writer->failed = true;
		return;
	}
	if (len)
		memcpy(writer->data + writer->len, data, len);
	writer->len += len;
}

void wire_write_u8(struct wire_writer *writer, uint8_t value)
{
	wire_write_bytes(writer, &value, 1);
}

void wire_write_u16(struct wire_writer *writer, uint16_t value)
{
	uint8_t octets[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	wire_write_bytes(writer, octets, sizeof(octets));
}

void wire_write_u32(struct wire_writer *writer, uint32_t value)
{
	uint8_t octets[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			      (uint8_t)value };

	wire_write_bytes(writer, octets, sizeof(octets));
}

void wire_write_u8_at(struct wire_writer *writer, size_t at, uint8_t value)
{
	if (writer->failed || at >= writer->len) {
		writer->failed = true;
		return;
	}
	writer->data[at] = value;
}

void wire_write_u16_at(struct wire_writer *writer, size_t at, uint16_t value)
{
	if (writer->failed || writer->len < 2 || at > writer->len - 2) {
		writer->failed = true;
		return;
	}
	writer->data[at] = (uint8_t)(value >> 8);
	writer->data[at + 1] = (uint8_t)value;
}
