/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h: write test frames from short descriptions, and the arithmetic of their checksums.
 */
#ifndef TESTS_BPF_FRAME_H
#define TESTS_BPF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX     8192
#define ETHERNET_LEN  14
#define IPV4_LEN      20
#define IPV6_LEN      40
#define FRAME_PATCHES 8
#define TTL_ZERO      (-1)

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
};

/* Octets given as a string literal; embedded zeros count. */
struct octets {
	const char *text;
	size_t len;
};
#define OCTETS(literal)                      \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

struct frame_patch {
	uint16_t offset; /* in the frame; 0 ends the list (octet 0 is set by eth_dest) */
	uint8_t value;
};

/* What is zero takes a usual value: TTL 64, UDP, 32 octets behind the transport header. */
struct frame_spec {
	const char *from, *to;	   /* addresses; the family is theirs. None: @raw is the frame */
	const uint8_t *eth_source; /* NULL: what the place's device sends */
	const uint8_t *eth_dest;
	int ttl;
	uint8_t protocol;
	uint16_t source_port, dest_port;
	uint8_t icmp_type;		 /* with ICMP; 0 is an echo request */
	uint16_t payload;		 /* octets behind the transport header */
	uint16_t fragment;		 /* IPv4: flags and offset as in the header */
	struct octets options;		 /* IPv4: a multiple of four octets */
	uint8_t next;			 /* IPv6: type of the first header in @extensions */
	struct octets extensions;	 /* IPv6: extension headers; the last names the transport */
	struct octets body;		 /* instead of transport header and payload */
	const struct frame_spec *quoted; /* ICMP error: the packet quoted */
	struct frame_patch
		patch[FRAME_PATCHES]; /* octets set at the very end, checksum untouched */
	uint16_t cut;		      /* length to cut the frame to; 0: whole */
	uint16_t pad;		      /* octets put behind the packet */
	struct octets raw;	      /* behind the Ethernet addresses: type and rest */
};

void frame_build(const struct frame_spec *spec, const uint8_t *eth_source, const uint8_t *eth_dest,
		 struct frame *ret);

/** frame_sum() - ones' complement sum of @len octets, folded; 0xffff over a right IPv4 header. */
uint16_t frame_sum(const uint8_t *data, size_t len, uint32_t start);

#endif /* TESTS_BPF_FRAME_H */
