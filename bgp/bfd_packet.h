/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_BFD_PACKET_H
#define BGP_BFD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BFD_VERSION    1
#define BFD_PACKET_LEN 24 /* without authentication, which is not served */

/* The numbers are the wire's (RFC 5880 section 4.1). */
enum bfd_state {
	BFD_ADMIN_DOWN = 0,
	BFD_DOWN = 1,
	BFD_INIT = 2,
	BFD_UP = 3,
};

enum bfd_diagnostic {
	BFD_DIAG_NONE = 0,
	BFD_DIAG_DETECTION_EXPIRED = 1,
	BFD_DIAG_ECHO_FAILED = 2,
	BFD_DIAG_NEIGHBOR_DOWN = 3,
	BFD_DIAG_FORWARDING_RESET = 4,
	BFD_DIAG_PATH_DOWN = 5,
	BFD_DIAG_CONCATENATED_PATH_DOWN = 6,
	BFD_DIAG_ADMIN_DOWN = 7,
	BFD_DIAG_REVERSE_PATH_DOWN = 8,
};

/* Why a packet was discarded. The first group is bfd_packet_parse()'s, the second bfd.c's. */
enum bfd_discard {
	BFD_DISCARD_VERSION,
	BFD_DISCARD_LENGTH, /* below 24 (26 with the A bit), or above the payload */
	BFD_DISCARD_MULTIPLIER,
	BFD_DISCARD_MULTIPOINT,
	BFD_DISCARD_DISCRIMINATOR, /* My Discriminator is zero */
	BFD_DISCARD_STATE,	   /* no Your Discriminator, and neither Down nor AdminDown */
	BFD_DISCARD_HOPS,	   /* it came from further away than it may (RFC 5881 section 5) */
	BFD_DISCARD_NO_SESSION,
	BFD_DISCARD_AUTHENTICATED, /* the A bit: we have no key */
	BFD_DISCARD_COUNT,
};

/* A control packet; intervals in microseconds. */
struct bfd_packet {
	enum bfd_diagnostic diagnostic;
	enum bfd_state state;
	bool poll, final, control_plane_independent, authenticated, demand;
	uint8_t multiplier;
	uint32_t my_discriminator, your_discriminator;
	uint32_t desired_min_tx_us, required_min_rx_us, required_min_echo_rx_us;
};

/**
 * bfd_packet_parse() - read the @len octets of a UDP payload. The checks are those of RFC 5880
 * section 6.8.6 that need no session, in its order. 0, or -EBADMSG with the check that failed.
 */
int bfd_packet_parse(const uint8_t *data, size_t len, struct bfd_packet *ret,
		     enum bfd_discard *ret_why);
/** bfd_packet_write() - @packet as it goes out, without authentication, into @buf. */
void bfd_packet_write(uint8_t buf[BFD_PACKET_LEN], const struct bfd_packet *packet);

const char *bfd_state_name(enum bfd_state state);
/** bfd_discard_text() - in words, with the mend where there is one; static. */
const char *bfd_discard_text(enum bfd_discard why);
/** bfd_diagnostic_text() - in words; static, never NULL. */
const char *bfd_diagnostic_text(enum bfd_diagnostic diagnostic);

#endif /* BGP_BFD_PACKET_H */
