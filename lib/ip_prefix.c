/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ip_prefix.c: arithmetic, text and comparison of addresses and prefixes (include/ip_address.h).
 *
 * An IPv4 address is an IPv4-mapped IPv6 address here, so most functions know no family. Where a
 * person would be surprised they do: ::/0 is every IPv6 address and no IPv4 address, though the
 * mapped ones lie inside it as numbers. A prefix is IPv4 when its address is mapped and its length
 * at least 96 bits.
 *
 * Text follows inet_pton(3) and inet_ntop(3) (RFC 4291 section 2.2, RFC 5952). The mapped form
 * itself (::ffff:10.0.0.1) is no way to write an address: each address has one text.
 */
#include "lib/ip_prefix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_MARK 0x0000ffffu /* third word of ::ffff:0:0/96, host order */

bool ip_addr_is_v4(const struct ip_addr *addr)
{
	return addr->word[0] == 0 && addr->word[1] == 0 && addr->word[2] == htonl(MAPPED_MARK);
}

bool ip_addr_is_zero(const struct ip_addr *addr)
{
	bool high_zero = addr->word[0] == 0 && addr->word[1] == 0 && addr->word[2] == 0;

	return (high_zero || ip_addr_is_v4(addr)) && addr->word[3] == 0;
}

bool ip_addr_is_link_local(const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr))
		return ntohl(addr->word[3]) >> 16 == 0xa9fe;
	return ntohl(addr->word[0]) >> 22 == 0xfe80u >> 6;
}

bool ip_addr_is_multicast(const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr))
		return ntohl(addr->word[3]) >> 28 == 0xe;
	return ntohl(addr->word[0]) >> 24 == 0xff;
}

bool ip_addr_is_loopback(const struct ip_addr *addr)
{
	if (ip_addr_is_v4(addr))
		return ntohl(addr->word[3]) >> 24 == 127;
	return addr->word[0] == 0 && addr->word[1] == 0 && addr->word[2] == 0 &&
	       ntohl(addr->word[3]) == 1;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)); /* network order: octets compare as the number does */
}

struct ip_addr ip_addr_from_v4(struct in_addr addr)
{
	return (struct ip_addr){ .word = { 0, 0, htonl(MAPPED_MARK), addr.s_addr } };
}

struct ip_addr ip_addr_from_v6(const struct in6_addr *addr)
{
	struct ip_addr ret;

	memcpy(&ret, addr, sizeof(ret));
	return ret;
}

struct in_addr ip_addr_to_v4(const struct ip_addr *addr)
{
	return (struct in_addr){ .s_addr = addr->word[3] };
}

struct in6_addr ip_addr_to_v6(const struct ip_addr *addr)
{
	struct in6_addr ret;

	memcpy(&ret, addr, sizeof(ret));
	return ret;
}

int ip_addr_family(const struct ip_addr *addr)
{
	return ip_addr_is_v4(addr) ? AF_INET : AF_INET6;
}

const void *ip_addr_octets(const struct ip_addr *addr, size_t *ret_len)
{
	bool is_v4 = ip_addr_is_v4(addr);

	*ret_len = is_v4 ? 4 : 16;
	return is_v4 ? (const void *)&addr->word[3] : (const void *)addr;
}

int ip_addr_parse(const char *text, struct ip_addr *ret)
{
	struct in_addr v4;
	struct in6_addr v6;
	struct ip_addr addr;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret = ip_addr_from_v4(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return -EINVAL;
	addr = ip_addr_from_v6(&v6);
	if (ip_addr_is_v4(&addr))
		return -EINVAL;
	*ret = addr;
	return 0;
}

/* One to three decimal digits, no sign, no leading zero; -EINVAL for anything else. */
static int parse_length(const char *text)
{
	int length = 0;
	size_t digits = strlen(text);

	if (digits == 0 || digits > 3 || (digits > 1 && text[0] == '0'))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		length = length * 10 + (*text - '0');
	}
	return length;
}

int ip_interface_parse(const char *text, struct ip_addr *ret_addr, unsigned int *ret_bits)
{
	const char *slash = strchr(text, '/');
	char addr_text[IP_ADDR_TEXT_MAX];
	struct ip_addr addr;
	int length, base;

	if (!slash || (size_t)(slash - text) >= sizeof(addr_text))
		return -EINVAL;
	memcpy(addr_text, text, (size_t)(slash - text));
	addr_text[slash - text] = '\0';
	if (ip_addr_parse(addr_text, &addr) < 0)
		return -EINVAL;
	length = parse_length(slash + 1);
	base = ip_addr_is_v4(&addr) ? IP_ADDR_V4_BITS : 0;
	if (length < 0 || length > IP_ADDR_BITS - base)
		return -EINVAL;
	*ret_addr = addr;
	*ret_bits = (unsigned int)(base + length);
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret)
{
	struct ip_addr addr, masked;
	unsigned int bits;

	if (ip_interface_parse(text, &addr, &bits) < 0)
		return -EINVAL;
	masked = ip_addr_mask(&addr, bits);
	if (!ip_addr_equal(&masked, &addr))
		return -EINVAL;
	ret->addr = addr;
	ret->bits = bits;
	return 0;
}

const char *ip_addr_format(const struct ip_addr *addr, char *buf, size_t size)
{
	size_t len;
	const void *octets = ip_addr_octets(addr, &len);

	if (!inet_ntop(ip_addr_family(addr), octets, buf, (socklen_t)size) && size)
		buf[0] = '\0';
	return buf;
}

/* Only these are IPv4: a mapped address with a shorter length is an odd IPv6 prefix. */
static bool prefix_is_v4(const struct ip_prefix *prefix)
{
	return prefix->bits >= IP_ADDR_V4_BITS && ip_addr_is_v4(&prefix->addr);
}

unsigned int ip_prefix_family_bits(const struct ip_prefix *prefix)
{
	return prefix_is_v4(prefix) ? prefix->bits - IP_ADDR_V4_BITS : prefix->bits;
}

const char *ip_prefix_format(const struct ip_prefix *prefix, char *buf, size_t size)
{
	char addr[IP_ADDR_TEXT_MAX];

	snprintf(buf, size, "%s/%u", ip_addr_format(&prefix->addr, addr, sizeof(addr)),
		 ip_prefix_family_bits(prefix));
	return buf;
}

struct ip_addr ip_addr_mask(const struct ip_addr *addr, unsigned int bits)
{
	struct ip_addr ret;
	unsigned int i;

	for (i = 0; i < 4; i++, bits -= bits < 32 ? bits : 32) {
		uint32_t mask = bits >= 32 ? 0xffffffffu : bits ? 0xffffffffu << (32 - bits) : 0;

		ret.word[i] = addr->word[i] & htonl(mask);
	}
	return ret;
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	struct ip_addr masked = ip_addr_mask(addr, prefix->bits);

	return prefix_is_v4(prefix) == ip_addr_is_v4(addr) && ip_addr_equal(&masked, &prefix->addr);
}

bool ip_prefix_covers(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	return inner->bits >= outer->bits && prefix_is_v4(inner) == prefix_is_v4(outer) &&
	       ip_prefix_contains(outer, &inner->addr);
}

bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_covers(a, b) || ip_prefix_covers(b, a);
}

bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return a->bits == b->bits && ip_addr_equal(&a->addr, &b->addr);
}

int ip_prefix_compare(const struct ip_prefix *a, const struct ip_prefix *b)
{
	int order = ip_addr_compare(&a->addr, &b->addr);

	return order ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

struct ip_prefix ip_prefix_make(const struct ip_addr *addr, unsigned int bits)
{
	return (struct ip_prefix){ .addr = ip_addr_mask(addr, bits), .bits = bits };
}

struct ip_prefix ip_prefix_host(const struct ip_addr *addr)
{
	return ip_prefix_make(addr, IP_ADDR_BITS);
}

bool ip_prefix_is_valid(const struct ip_prefix *prefix)
{
	struct ip_addr masked;

	if (prefix->bits > IP_ADDR_BITS)
		return false;
	if (ip_addr_is_v4(&prefix->addr) && prefix->bits < IP_ADDR_V4_BITS)
		return false;
	masked = ip_addr_mask(&prefix->addr, prefix->bits);
	return ip_addr_equal(&masked, &prefix->addr);
}

struct ip_addr ip_prefix_last(const struct ip_prefix *prefix)
{
	static const struct ip_addr ones = { { 0xffffffffu, 0xffffffffu, 0xffffffffu,
					       0xffffffffu } };
	struct ip_addr network = ip_addr_mask(&ones, prefix->bits), ret = prefix->addr;

	for (int i = 0; i < 4; i++)
		ret.word[i] |= ~network.word[i];
	return ret;
}

struct ip_addr ip_addr_add(const struct ip_addr *addr, __u64 offset)
{
	uint64_t low = (uint64_t)ntohl(addr->word[2]) << 32 | ntohl(addr->word[3]);
	uint64_t high = (uint64_t)ntohl(addr->word[0]) << 32 | ntohl(addr->word[1]);
	uint64_t sum = low + offset;

	high += sum < low;
	return (struct ip_addr){ .word = { htonl((uint32_t)(high >> 32)), htonl((uint32_t)high),
					   htonl((uint32_t)(sum >> 32)), htonl((uint32_t)sum) } };
}
