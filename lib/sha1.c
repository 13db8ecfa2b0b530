/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha1.c: SHA-1 (RFC 3174), for the names of links.
 *
 * The host end of a pod's link is named after a digest of its attachment (lib/pod_ifname.c), so
 * that agent and plugin find the name with nothing but the container's id. Calico's users know such
 * names, and SHA-1 is what they are made of; nothing secret depends on it. The static plugin would
 * grow by a megabyte with a cryptographic library, so the 80 rounds are here.
 *
 * Way of data: whole 64-octet blocks are mixed straight from the caller's octets, the rest with its
 * padding (0x80, zeros, length in bits) from one or two blocks on the stack.
 */
#include "lib/sha1.h"

#include <string.h>

#define BLOCK_OCTETS 64

static uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

/* RFC 3174 section 5: function and constant of round @t. */
static uint32_t round_value(unsigned int t, uint32_t b, uint32_t c, uint32_t d)
{
	if (t < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (t < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (t < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

static void mix_block(uint32_t state[5], const uint8_t *block)
{
	uint32_t word[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (unsigned int t = 0; t < 16; t++)
		word[t] = (uint32_t)block[t * 4] << 24 | (uint32_t)block[t * 4 + 1] << 16 |
			  (uint32_t)block[t * 4 + 2] << 8 | block[t * 4 + 3];
	for (unsigned int t = 16; t < 80; t++)
		word[t] = rotate(word[t - 3] ^ word[t - 8] ^ word[t - 14] ^ word[t - 16], 1);
	for (unsigned int t = 0; t < 80; t++) {
		uint32_t next = rotate(a, 5) + round_value(t, b, c, d) + e + word[t];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sha1(const void *data, size_t len, uint8_t ret_digest[SHA1_OCTETS])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t tail[2 * BLOCK_OCTETS] = { 0 };
	const uint8_t *octets = data;
	uint64_t bits = (uint64_t)len * 8;
	size_t rest = len % BLOCK_OCTETS, tail_len;

	for (size_t at = 0; at + BLOCK_OCTETS <= len; at += BLOCK_OCTETS)
		mix_block(state, octets + at);
	if (rest > 0)
		memcpy(tail, octets + (len - rest), rest);
	tail[rest] = 0x80;
	tail_len = rest + 9 <= BLOCK_OCTETS ? BLOCK_OCTETS : 2 * BLOCK_OCTETS;
	for (unsigned int i = 0; i < 8; i++)
		tail[tail_len - 1 - i] = (uint8_t)(bits >> (8 * i));
	for (size_t at = 0; at < tail_len; at += BLOCK_OCTETS)
		mix_block(state, tail + at);
	for (unsigned int i = 0; i < SHA1_OCTETS; i++)
		ret_digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
