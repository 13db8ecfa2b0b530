/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BGP_HEX_H
#define TESTS_UNIT_BGP_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

/*
 * Octets as people write them: pairs of hexadecimal digits, spaces between anywhere. "N*xx" is
 * N times the octet xx, for what is long and dull.
 */

/** hex_parse() - at most @size octets of @text into @buf; how many. Aborts on bad text. */
size_t hex_parse(const char *text, uint8_t *buf, size_t size);
/** hex_equal() - are the @len octets at @data what @text says? Prints both when not. */
int hex_equal(const char *text, const uint8_t *data, size_t len);
/** prefix_of() - "10.1.0.0/16" as a struct; aborts on bad text. */
struct ip_prefix prefix_of(const char *text);
struct ip_addr addr_of(const char *text);

#endif /* TESTS_UNIT_BGP_HEX_H */
