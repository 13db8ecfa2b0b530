/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_AS_PATH_H
#define BGP_AS_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

/*
 * AS paths are kept as on the wire with four-octet ASNs: segments of type, count, count ASNs.
 */
enum as_segment {
	AS_SET = 1,
	AS_SEQUENCE = 2,
	AS_CONFED_SEQUENCE = 3, /* RFC 5065; these two are in no path that is kept */
	AS_CONFED_SET = 4,
};

/**
 * as_path_parse() - read an AS_PATH of @asn_size (2 or 4) octets an ASN into @path (four octets an
 * ASN) of @size octets. 0, or -EPROTO: unknown or confederation segment, empty segment, overrun,
 * AS 0 (RFC 7607), or more than @size octets.
 */
int as_path_parse(struct wire_reader *value, size_t asn_size, uint8_t *path, size_t size,
		  size_t *ret_len);
/** as_path_parse_as4() - the same for an AS4_PATH, in which segments of confederations are no error
 * but left out (RFC 6793 section 6). */
int as_path_parse_as4(struct wire_reader *value, uint8_t *path, size_t size, size_t *ret_len);
/** as_path_hops() - length for the decision: a sequence counts its ASNs, a set one. */
unsigned int as_path_hops(const uint8_t *path, size_t len);
/** as_path_count() - how often @as stands in the path. */
unsigned int as_path_count(const uint8_t *path, size_t len, uint32_t as);
/** as_path_begins() - are the path's first ASNs, all in sequences, these @count? */
bool as_path_begins(const uint8_t *path, size_t len, const uint32_t *as, size_t count);
/** as_path_first() - first AS of a leading sequence, else 0. */
uint32_t as_path_first(const uint8_t *path, size_t len);
/** as_path_has_wide() - is there an ASN that two octets cannot hold? */
bool as_path_has_wide(const uint8_t *path, size_t len);
/** as_path_prepend() - put @as in front, in place; new length, or 0 when @size is too small. */
size_t as_path_prepend(uint8_t *path, size_t len, size_t size, uint32_t as);
/**
 * as_path_merge() - RFC 6793 section 4.2.3: @path (from AS_PATH, with AS_TRANS in it) takes the
 * tail that @as4_path tells. Left alone when AS4_PATH is longer than AS_PATH. New length.
 */
size_t as_path_merge(uint8_t *path, size_t len, size_t size, const uint8_t *as4_path,
		     size_t as4_len);
/** as_path_format() - "64512 {65001 65002}" into @text of @size octets, cut to it. */
void as_path_format(const uint8_t *path, size_t len, char *text, size_t size);
/** as_path_write() - append @path with ASNs of @asn_size octets (wide ones become AS_TRANS). */
void as_path_write(struct wire_writer *writer, const uint8_t *path, size_t len, size_t asn_size);

#endif /* BGP_AS_PATH_H */
