/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_WIRE_H
#define LIB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A bounded reader over borrowed octets. Every getter checks the bound; after the first failure the
 * reader is failed for good, getters answer 0 or NULL, and wire_reader_ok() says false.
 */
struct wire_reader {
	const uint8_t *data;
	size_t len; /* octets in data */
	size_t at;  /* next octet to read */
	bool failed;
};

void wire_reader_init(struct wire_reader *reader, const void *data, size_t len_bytes);
bool wire_reader_ok(const struct wire_reader *reader);
size_t wire_reader_left(const struct wire_reader *reader);
/* Numbers are in network order on the wire, host order when returned. */
uint8_t wire_read_u8(struct wire_reader *reader);
uint16_t wire_read_u16(struct wire_reader *reader);
uint32_t wire_read_u32(struct wire_reader *reader);
/** wire_read_bytes() - the next @len octets, borrowed from the reader's data; NULL when fewer are
 * left. */
const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t len);
/** wire_read_sub() - take the next @len octets as a reader of their own (failed when fewer are
 * left). */
struct wire_reader wire_read_sub(struct wire_reader *reader, size_t len);
void wire_skip(struct wire_reader *reader, size_t len);

/* A bounded writer into a borrowed buffer; a write that does not fit fails the writer for good. */
struct wire_writer {
	uint8_t *data;
	size_t size; /* octets in data */
	size_t len;  /* octets written */
	bool failed;
};

void wire_writer_init(struct wire_writer *writer, void *data, size_t size_bytes);
bool wire_writer_ok(const struct wire_writer *writer);
size_t wire_writer_left(const struct wire_writer *writer);
void wire_write_u8(struct wire_writer *writer, uint8_t value);
void wire_write_u16(struct wire_writer *writer, uint16_t value);
void wire_write_u32(struct wire_writer *writer, uint32_t value);
void wire_write_bytes(struct wire_writer *writer, const void *data, size_t len);
/** wire_write_u16_at() - overwrite two octets at @at, which must have been written (length fields).
 */
void wire_write_u16_at(struct wire_writer *writer, size_t at, uint16_t value);
void wire_write_u8_at(struct wire_writer *writer, size_t at, uint8_t value);

#endif /* LIB_WIRE_H */
