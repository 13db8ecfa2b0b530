/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bgp_bfd.c: any octets as BFD control packets, and what packets do to a session.
 *
 * The input is a row of records of 29 octets: what happens (a packet, silence, other settings, a
 * handover to the next process), how far the clock goes on, and the packet. Whatever comes, a
 * session has a state of the four, tells intervals that the RFC allows, what it sends can be read,
 * and one that is handed over goes on with the same intervals under the same discriminators.
 *
 * links: bgp/bfd_packet.c bgp/bfd_machine.c lib/wire.c
 * covers: bgp/bfd_packet.c:bfd_packet_parse bgp/bfd_packet.c:bfd_packet_write bgp/bfd_machine.c
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bgp/bfd_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD_LEN 29 /* event, clock, length and as much of a packet as there may be */

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct bfd_machine *machine, uint64_t now_us)
{
	uint64_t interval_us = bfd_machine_interval_us(machine), jittered_us;
	uint8_t octets[BFD_PACKET_LEN];
	enum bfd_discard why;
	struct bfd_packet packet, again;

	bfd_machine_fill(machine, now_us & 1, &packet);
	bfd_packet_write(octets, &packet);
	require(bfd_packet_parse(octets, sizeof(octets), &again, &why) == 0);
	require(again.state == machine->state && again.my_discriminator == 1);
	require(!(again.poll && again.final) && !again.demand && !again.authenticated);
	require(machine->state == BFD_UP || again.desired_min_tx_us >= BFD_SLOW_US);
	require(interval_us == 0 || machine->state == BFD_UP || interval_us >= BFD_SLOW_US);
	jittered_us = bfd_machine_jitter(machine, interval_us, (uint32_t)now_us);
	require(jittered_us <= interval_us && jittered_us >= interval_us - interval_us / 4);
	require(machine->state != BFD_UP || bfd_machine_deadline_us(machine) != UINT64_MAX);
}

static bool says_the_same(struct bfd_machine *a, struct bfd_machine *b)
{
	uint8_t said[2][BFD_PACKET_LEN];
	struct bfd_packet packet;

	bfd_machine_fill(a, false, &packet);
	bfd_packet_write(said[0], &packet);
	bfd_machine_fill(b, false, &packet);
	bfd_packet_write(said[1], &packet);
	return memcmp(said[0], said[1], BFD_PACKET_LEN) == 0;
}

/* What a process leaves is what bfd.c takes, and the neighbour sees no other session. */
static void hand_over(struct bfd_machine *machine, uint64_t now_us)
{
	struct bfd_machine next;
	struct bfd_remains remains;

	if (!bfd_machine_leave(machine, &remains)) {
		require(machine->state != BFD_UP || machine->remote_state != BFD_UP);
		return;
	}
	require(remains.discriminator != 0 && remains.remote_discriminator != 0);
	require(remains.remote_multiplier != 0);
	bfd_machine_init(&next, &machine->settings, 2);
	bfd_machine_resume(&next, &remains, now_us);
	require(next.state == BFD_UP && next.remote_state == BFD_UP);
	require(next.both_up_us == now_us);
	require(bfd_machine_interval_us(&next) == bfd_machine_interval_us(machine));
	require(bfd_machine_detection_us(&next) == bfd_machine_detection_us(machine));
	require(bfd_machine_deadline_us(&next) == now_us + bfd_machine_detection_us(machine));
	require(says_the_same(&next, machine));
	bfd_machine_init(machine, &next.settings, 2);
	bfd_machine_resume(machine, &remains, now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bfd_settings settings = { .min_interval_us = 300000, .multiplier = 3 };
	struct bfd_machine machine;
	uint64_t now_us = 1;

	bfd_machine_init(&machine, &settings, 1);
	for (; size >= RECORD_LEN; data += RECORD_LEN, size -= RECORD_LEN) {
		struct bfd_packet packet;
		enum bfd_discard why;

		now_us += (uint64_t)data[1] * 50000 + 1;
		if (data[0] == 'c') {
			settings.min_interval_us = (data[2] + 1u) * 10000;
			settings.multiplier = data[3] | 1;
			bfd_machine_configure(&machine, &settings);
		} else if (data[0] == 'd') {
			bfd_machine_set_down(&machine);
		} else if (data[0] == 's') {
			bfd_machine_look(&machine, now_us);
		} else if (data[0] == 'h') {
			hand_over(&machine, now_us);
		} else if (bfd_packet_parse(data + 3, data[2] % 27, &packet, &why) == 0) {
			bfd_machine_receive(&machine, &packet, now_us);
		} else {
			require(why < BFD_DISCARD_HOPS);
		}
		check(&machine, now_us);
	}
	return 0;
}
