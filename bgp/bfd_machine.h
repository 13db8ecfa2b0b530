/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_BFD_MACHINE_H
#define BGP_BFD_MACHINE_H

#include "bgp/bfd_packet.h"

#define BFD_SLOW_US 1000000 /* RFC 5880 section 6.8.3: at most a packet a second until Up */

struct bfd_settings {
	uint32_t min_interval_us; /* both ways: Desired Min TX and Required Min RX */
	uint8_t multiplier;	  /* 1..255 */
};

/* Of a session that is Up on both sides, what a new process must know to go on with it; then
 * neither discriminator is 0, nor the multiplier. */
struct bfd_remains {
	uint16_t port; /* that we send from: one for a session's life (RFC 5881 section 4) */
	uint32_t discriminator, remote_discriminator;
	uint32_t desired_min_tx_us, required_min_rx_us;	     /* as we tell them */
	uint32_t used_min_tx_us, used_min_rx_us;	     /* as they count, see section 6.8.3 */
	uint32_t remote_desired_min_tx_us, remote_min_rx_us; /* as the neighbour tells them */
	uint8_t remote_multiplier;			     /* 0: nothing heard yet */
	bool remote_demand;
	bool is_polling; /* a Poll Sequence is under way */
};

/* What the owner is to do after an event: bits. */
enum bfd_effect {
	BFD_SEND = 1 << 0,	 /* now: what the packet says has changed */
	BFD_SEND_FINAL = 1 << 1, /* now: the answer to a Poll */
	BFD_CHANGED = 1 << 2,	 /* the state is another */
	BFD_TIMES = 1 << 3,	 /* transmit interval or detection time may be others */
};

/* The state variables of one session (RFC 5880 section 6.8.1), and what is negotiated. */
struct bfd_machine {
	struct bfd_settings settings;
	enum bfd_state state, remote_state;
	enum bfd_diagnostic diagnostic, remote_diagnostic;
	struct bfd_remains kept; /* the port is the owner's */
	bool is_poll_due;	 /* another one begins when it is over */
	bool is_sent_in_poll;	 /* a packet with P went out, so that F can be its answer */
	uint64_t heard_us;	 /* last packet that was not discarded; 0: none */
	uint64_t both_up_us;	 /* last one when both sides were Up; 0: none */
	uint64_t grace_us;	 /* nobody is declared dead before it, see bfd_machine_look() */
};

/** bfd_machine_init() - Down. @discriminator is not zero and no other session's. */
void bfd_machine_init(struct bfd_machine *machine, const struct bfd_settings *settings,
		      uint32_t discriminator);
/** bfd_machine_leave() - fill @ret but for the port. False: the session is not Up. */
bool bfd_machine_leave(const struct bfd_machine *machine, struct bfd_remains *ret);
/** bfd_machine_resume() - @machine, which is new, goes on Up; the neighbour has a Detection Time
 * from
 * @now_us on to say something. */
void bfd_machine_resume(struct bfd_machine *machine, const struct bfd_remains *remains,
			uint64_t now_us);
/** bfd_machine_configure() - other intervals, by a Poll Sequence where it takes one. Effects. */
unsigned int bfd_machine_configure(struct bfd_machine *machine,
				   const struct bfd_settings *settings);
/** bfd_machine_set_down() - by people: AdminDown with BFD_DIAG_ADMIN_DOWN. Effects. */
unsigned int bfd_machine_set_down(struct bfd_machine *machine);
/** bfd_machine_receive() - @packet belongs to this session and passed all checks (RFC 5880 section
 * 6.8.6, from "Set bfd.RemoteDiscr" on). @now_us is a monotonic clock. Effects. */
unsigned int bfd_machine_receive(struct bfd_machine *machine, const struct bfd_packet *packet,
				 uint64_t now_us);
/**
 * bfd_machine_look() - what the clock says; to be called at bfd_machine_deadline_us() or at any
 * time, with all packets that wait read before. When it comes much too late this process stood
 * still, and what was sent to it meanwhile may not even be in the socket: nobody is declared dead
 * before another transmit interval of the neighbour. Effects.
 */
unsigned int bfd_machine_look(struct bfd_machine *machine, uint64_t now_us);
/** bfd_machine_deadline_us() - when to call bfd_machine_look(); UINT64_MAX: nothing to wait for. */
uint64_t bfd_machine_deadline_us(const struct bfd_machine *machine);
/** bfd_machine_detection_us() - Detection Time (section 6.8.4); 0: nothing heard yet. */
uint64_t bfd_machine_detection_us(const struct bfd_machine *machine);
/** bfd_machine_interval_us() - between two packets, before jitter; 0: none is sent by the clock. */
uint64_t bfd_machine_interval_us(const struct bfd_machine *machine);
/** bfd_machine_jitter() - @interval_us less 0 to 25 %, 10 to 25 % with a multiplier of 1 (section
 * 6.8.7), by @random, any number. */
uint64_t bfd_machine_jitter(const struct bfd_machine *machine, uint64_t interval_us,
			    uint32_t random);
/** bfd_machine_fill() - the packet to send now; @is_final: in answer to a Poll. */
void bfd_machine_fill(struct bfd_machine *machine, bool is_final, struct bfd_packet *ret);

#endif /* BGP_BFD_MACHINE_H */
