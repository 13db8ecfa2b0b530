/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_EXPLAIN_PACKET_H
#define LOADER_EXPLAIN_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"

/* BPF_PROG_TEST_RUN takes what fits into a page beside the kernel's own needs. */
#define EXPLAIN_PACKET_MAX  3600 /* octets of the IP packet */
#define EXPLAIN_FRAME_MAX   (14 + EXPLAIN_PACKET_MAX)
#define EXPLAIN_SOURCE_PORT 40000
#define EXPLAIN_TTL_DEFAULT 64

struct explain_packet {
	struct ip_addr source, dest; /* of one family */
	uint8_t source_mac[6], dest_mac[6];
	uint8_t protocol;     /* IP protocol number; ICMP stands for ICMPv6 with IPv6 */
	uint8_t ttl;	      /* 0: EXPLAIN_TTL_DEFAULT */
	uint16_t port;	      /* destination port where the protocol has ports */
	uint16_t source_port; /* 0: EXPLAIN_SOURCE_PORT */
	uint32_t length;      /* of the IP packet; 0 or less than the headers: smallest */
};

/**
 * explain_packet_build() - the frame (TCP SYN, UDP, ICMP echo request, SCTP INIT, else bare IP)
 * with right checksums into @buf. Returns its octets, -EINVAL (families differ) or -EMSGSIZE. Pure.
 */
int explain_packet_build(const struct explain_packet *packet, uint8_t *buf, size_t size);

#endif /* LOADER_EXPLAIN_PACKET_H */
