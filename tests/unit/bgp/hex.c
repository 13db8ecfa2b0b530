/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hex.c: messages as text, so that a test shows the octets of the RFC and nothing else.
 *
 * Used by the tests of bgp/. Spaces are for the reader; a repeat count is decimal: "300*41".
 */
#include "tests/unit/bgp/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define OCTETS_MAX 8192

static unsigned int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, tolower(c)) : NULL;

	if (!at) {
		fprintf(stderr, "hex: '%c' is no digit\n", c);
		abort();
	}
	return (unsigned int)(at - digits);
}

/* A repeat count in front of @text: 1 without. Moves *text behind the '*'. */
static unsigned long repeat_count(const char **text)
{
	const char *star = *text;
	unsigned long count;

	while (isdigit((unsigned char)*star))
		star++;
	if (*star != '*')
		return 1;
	count = strtoul(*text, NULL, 10);
	*text = star + 1;
	return count;
}

size_t hex_parse(const char *text, uint8_t *buf, size_t size)
{
	size_t len = 0;

	while (*text) {
		unsigned long count;
		uint8_t octet;

		if (*text == ' ') {
			text++;
			continue;
		}
		count = repeat_count(&text);
		octet = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
		if (count > size - len)
			abort();
		memset(buf + len, octet, count);
		len += count;
	}
	return len;
}

static void print_octets(const char *what, const uint8_t *data, size_t len)
{
	fprintf(stderr, "%s (%zu):", what, len);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, " %02x", data[i]);
	fprintf(stderr, "\n");
}

int hex_equal(const char *text, const uint8_t *data, size_t len)
{
	uint8_t expected[OCTETS_MAX];
	size_t expected_len = hex_parse(text, expected, sizeof(expected));

	if (expected_len == len && memcmp(expected, data, len) == 0)
		return 1;
	print_octets("expected", expected, expected_len);
	print_octets("got", data, len);
	return 0;
}

struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix prefix = {};

	if (ip_prefix_parse(text, &prefix) < 0)
		abort();
	return prefix;
}

struct ip_addr addr_of(const char *text)
{
	struct ip_addr addr = {};

	if (ip_addr_parse(text, &addr) < 0)
		abort();
	return addr;
}
