/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_CAPABILITY_H
#define BGP_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/wire.h"

/* The address families we speak, unicast each; the index into every per-family array. */
enum bgp_family {
	FAMILY_IPV4 = 0,
	FAMILY_IPV6 = 1,
	FAMILY_COUNT = 2,
};

#define AFI_IPV4     1 /* IANA address family numbers */
#define AFI_IPV6     2
#define SAFI_UNICAST 1

#define RESTART_TIME_MAX 4095 /* seconds, 12 bits on the wire (RFC 4724 section 3) */

/* What one speaker says about itself in its OPEN. */
struct capabilities {
	bool has_multiprotocol;	   /* any multiprotocol capability; without: IPv4 only */
	bool family[FAMILY_COUNT]; /* RFC 4760 */
	bool extended_next_hop;	   /* RFC 8950: IPv4 routes may have IPv6 next hops */
	bool route_refresh;	   /* RFC 2918 */
	bool enhanced_refresh;	   /* RFC 7313 */
	bool four_octet_as;	   /* RFC 6793 */
	uint32_t as;		   /* valid with four_octet_as */
	bool graceful_restart;	   /* RFC 4724 */
	bool restarting;	   /* R bit */
	uint16_t restart_time_s;
	bool restart_family[FAMILY_COUNT]; /* families named in the capability */
	bool forwarding[FAMILY_COUNT];	   /* F bit */
};

/** capability_family() - the family of (@afi, @safi), or -1 when we do not speak it. */
int capability_family(uint16_t afi, uint8_t safi);
uint16_t capability_afi(enum bgp_family family);

/**
 * capability_parse() - read one capabilities parameter (RFC 5492 section 4) and add it to @caps.
 * Unknown capabilities, and known ones whose inner length makes no sense, are passed over. 0, or
 * -EPROTO when one overruns the parameter or the four-octet AS capability has a wrong length (its
 * sender's AS would be a guess).
 */
int capability_parse(struct wire_reader *reader, struct capabilities *caps);

/** capability_write() - append one capabilities parameter, with its type and length, to @writer. */
void capability_write(struct wire_writer *writer, const struct capabilities *caps);

#define CAPABILITY_FAMILY_LEN 6
/** capability_write_family() - append the multiprotocol capability of @family alone. */
void capability_write_family(struct wire_writer *writer, enum bgp_family family);

#endif /* BGP_CAPABILITY_H */
