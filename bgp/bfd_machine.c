/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfd_machine.c: one BFD session without its socket and its clock (RFC 5880 section 6).
 *
 * Asynchronous mode, both sides active. What is sent and when, and when the neighbour counts as
 * dead, follows from the state variables of section 6.8.1, which are kept under their names in this
 * project's style. Events change them and answer with what is to be done; the owner (bfd.c) sends,
 * sets timers and tells the client.
 *
 * Two intervals of ours exist twice, once as told and once as they count: a slower transmission, or
 * less patience, counts only when the neighbour has confirmed by Final that it knows (section
 * 6.8.3). Below Up we tell a transmit interval of at least one second.
 *
 * A neighbour that has gone silent is forgotten whole, its intervals too: section 6.8.1 asks for
 * that of its discriminator, and nothing of the rest holds for what comes next from its address.
 *
 * Demand mode is not asked for; a neighbour that asks is obeyed. No Echo, no authentication. The
 * bit "control plane independent" is never set: this process speaks BGP too. Pure.
 */
#include "bgp/bfd_machine.h"

#include <string.h>

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* --- Poll Sequences --- */

static void begin_poll(struct bfd_machine *machine)
{
	if (machine->kept.remote_discriminator == 0)
		return; /* nobody is there to answer; what we send says it all the same */
	if (machine->kept.is_polling) {
		machine->is_poll_due = true;
		return;
	}
	machine->kept.is_polling = true;
	machine->is_sent_in_poll = false;
}

static void take_final(struct bfd_machine *machine)
{
	if (!machine->kept.is_polling || !machine->is_sent_in_poll)
		return;
	machine->kept.is_polling = false;
	if (machine->is_poll_due) { /* it may not have carried the last change */
		machine->is_poll_due = false;
		begin_poll(machine);
		return;
	}
	machine->kept.used_min_tx_us = machine->kept.desired_min_tx_us;
	machine->kept.used_min_rx_us = machine->kept.required_min_rx_us;
}

/* The intervals that settings and state ask for (section 6.8.3). */
static void settle_intervals(struct bfd_machine *machine)
{
	bool is_up = machine->state == BFD_UP;
	uint32_t rx_us = machine->settings.min_interval_us;
	uint32_t tx_us = is_up ? rx_us : larger(rx_us, BFD_SLOW_US);
	bool is_other = tx_us != machine->kept.desired_min_tx_us ||
			rx_us != machine->kept.required_min_rx_us;

	machine->kept.desired_min_tx_us = tx_us;
	machine->kept.required_min_rx_us = rx_us;
	if (is_other)
		begin_poll(machine);
	if (!is_up || !machine->kept.is_polling || tx_us < machine->kept.used_min_tx_us)
		machine->kept.used_min_tx_us = tx_us;
	if (!is_up || !machine->kept.is_polling || rx_us > machine->kept.used_min_rx_us)
		machine->kept.used_min_rx_us = rx_us;
}

/* --- states --- */

static unsigned int enter(struct bfd_machine *machine, enum bfd_state state,
			  enum bfd_diagnostic diagnostic)
{
	machine->state = state;
	machine->diagnostic = diagnostic;
	settle_intervals(machine);
	return BFD_CHANGED | BFD_SEND | BFD_TIMES;
}

static void forget_neighbour(struct bfd_machine *machine)
{
	machine->remote_state = BFD_DOWN;
	machine->remote_diagnostic = BFD_DIAG_NONE;
	machine->kept.remote_discriminator = 0;
	machine->kept.remote_desired_min_tx_us = 0;
	machine->kept.remote_min_rx_us = 1; /* section 6.8.1 */
	machine->kept.remote_multiplier = 0;
	machine->kept.remote_demand = false;
	machine->kept.is_polling = machine->is_poll_due = false;
	machine->heard_us = machine->grace_us = 0;
}

void bfd_machine_init(struct bfd_machine *machine, const struct bfd_settings *settings,
		      uint32_t discriminator)
{
	memset(machine, 0, sizeof(*machine));
	machine->settings = *settings;
	machine->state = BFD_DOWN;
	machine->kept.discriminator = discriminator;
	forget_neighbour(machine);
	settle_intervals(machine);
}

bool bfd_machine_leave(const struct bfd_machine *machine, struct bfd_remains *ret)
{
	if (machine->state != BFD_UP || machine->remote_state != BFD_UP)
		return false;
	*ret = machine->kept;
	return true;
}

/* A Poll Sequence that was under way begins anew. */
void bfd_machine_resume(struct bfd_machine *machine, const struct bfd_remains *remains,
			uint64_t now_us)
{
	machine->state = machine->remote_state = BFD_UP;
	machine->kept = *remains;
	machine->heard_us = machine->both_up_us = now_us;
}

unsigned int bfd_machine_configure(struct bfd_machine *machine, const struct bfd_settings *settings)
{
	machine->settings = *settings;
	settle_intervals(machine);
	return BFD_TIMES;
}

unsigned int bfd_machine_set_down(struct bfd_machine *machine)
{
	if (machine->state == BFD_ADMIN_DOWN)
		return 0;
	return enter(machine, BFD_ADMIN_DOWN, BFD_DIAG_ADMIN_DOWN);
}

/* The table of section 6.8.6, which is the diagram of section 6.2. */
static unsigned int step(struct bfd_machine *machine, enum bfd_state heard)
{
	switch (machine->state) {
	case BFD_DOWN:
		if (heard == BFD_DOWN)
			return enter(machine, BFD_INIT, machine->diagnostic);
		if (heard == BFD_INIT)
			return enter(machine, BFD_UP, BFD_DIAG_NONE);
		return 0;
	case BFD_INIT:
		if (heard == BFD_ADMIN_DOWN)
			return enter(machine, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN);
		if (heard == BFD_INIT || heard == BFD_UP)
			return enter(machine, BFD_UP, BFD_DIAG_NONE);
		return 0;
	case BFD_UP:
		if (heard == BFD_ADMIN_DOWN || heard == BFD_DOWN)
			return enter(machine, BFD_DOWN, BFD_DIAG_NEIGHBOR_DOWN);
		return 0;
	default:
		return 0;
	}
}

unsigned int bfd_machine_receive(struct bfd_machine *machine, const struct bfd_packet *packet,
				 uint64_t now_us)
{
	uint64_t interval_us = bfd_machine_interval_us(machine);
	uint64_t detection_us = bfd_machine_detection_us(machine);
	unsigned int effects;

	machine->kept.remote_discriminator = packet->my_discriminator;
	machine->remote_state = packet->state;
	machine->remote_diagnostic = packet->diagnostic;
	machine->kept.remote_demand = packet->demand;
	machine->kept.remote_min_rx_us = packet->required_min_rx_us;
	machine->kept.remote_desired_min_tx_us = packet->desired_min_tx_us;
	machine->kept.remote_multiplier = packet->multiplier;
	if (packet->final)
		take_final(machine);
	if (machine->state == BFD_ADMIN_DOWN)
		return 0;
	effects = step(machine, packet->state);
	if (packet->poll)
		effects |= BFD_SEND_FINAL;
	machine->heard_us = now_us;
	machine->grace_us = 0;
	if (machine->state == BFD_UP && packet->state == BFD_UP)
		machine->both_up_us = now_us;
	if (bfd_machine_interval_us(machine) != interval_us ||
	    bfd_machine_detection_us(machine) != detection_us)
		effects |= BFD_TIMES;
	return effects;
}

/* --- the clock --- */

uint64_t bfd_machine_detection_us(const struct bfd_machine *machine)
{
	return (uint64_t)machine->kept.remote_multiplier *
	       larger(machine->kept.used_min_rx_us, machine->kept.remote_desired_min_tx_us);
}

uint64_t bfd_machine_interval_us(const struct bfd_machine *machine)
{
	bool is_silenced = machine->kept.remote_demand && machine->state == BFD_UP &&
			   machine->remote_state == BFD_UP && !machine->kept.is_polling;

	if (machine->kept.remote_min_rx_us == 0 || is_silenced)
		return 0;
	return larger(machine->kept.used_min_tx_us, machine->kept.remote_min_rx_us);
}

uint64_t bfd_machine_deadline_us(const struct bfd_machine *machine)
{
	uint64_t deadline_us = machine->heard_us + bfd_machine_detection_us(machine);

	if (machine->heard_us == 0 || machine->state == BFD_ADMIN_DOWN)
		return UINT64_MAX;
	return machine->grace_us > deadline_us ? machine->grace_us : deadline_us;
}

unsigned int bfd_machine_look(struct bfd_machine *machine, uint64_t now_us)
{
	uint64_t deadline_us = bfd_machine_deadline_us(machine), interval_us;
	bool is_alive = machine->state == BFD_INIT || machine->state == BFD_UP;

	if (now_us < deadline_us)
		return 0;
	interval_us = bfd_machine_detection_us(machine) / machine->kept.remote_multiplier;
	if (machine->grace_us == 0 && now_us - deadline_us > interval_us) {
		machine->grace_us = now_us + interval_us;
		return BFD_TIMES;
	}
	forget_neighbour(machine);
	if (!is_alive)
		return BFD_TIMES;
	return enter(machine, BFD_DOWN, BFD_DIAG_DETECTION_EXPIRED);
}

uint64_t bfd_machine_jitter(const struct bfd_machine *machine, uint64_t interval_us,
			    uint32_t random)
{
	uint64_t least_us = interval_us - interval_us / 4;
	uint64_t most_us =
		machine->settings.multiplier == 1 ? interval_us - interval_us / 10 : interval_us;

	return least_us + random % (most_us - least_us + 1);
}

void bfd_machine_fill(struct bfd_machine *machine, bool is_final, struct bfd_packet *ret)
{
	*ret = (struct bfd_packet){
		.diagnostic = machine->diagnostic,
		.state = machine->state,
		.poll = machine->kept.is_polling && !is_final,
		.final = is_final,
		.multiplier = machine->settings.multiplier,
		.my_discriminator = machine->kept.discriminator,
		.your_discriminator = machine->kept.remote_discriminator,
		.desired_min_tx_us = machine->kept.desired_min_tx_us,
		.required_min_rx_us = machine->kept.required_min_rx_us,
	};
	if (ret->poll)
		machine->is_sent_in_poll = true;
}
