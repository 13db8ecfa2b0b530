/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handover_give.c: which sessions a speaker leaves when some end in its last round.
 *
 * The speaker is this test's: what its parts do is said by the functions below, whose names are
 * theirs.
 *
 * links: bgp/handover_give.c bgp/handover_write.c bgp/handover_read.c bgp/update.c
 * links: bgp/attribute_set.c bgp/attributes.c bgp/as_path.c bgp/message.c bgp/capability.c
 * links: lib/wire.c lib/ip_prefix.c lib/sealed_text.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/handover.h"
#include "bgp/handover_give.h"
#include "bgp/peer.h"
#include "lib/sealed_text.h"
#include "tests/unit/bgp/hex.h"

#define PEERS 3

static struct speaker speaker;
static struct config config;
static struct peer peer[PEERS];
static struct session session[PEERS];
static unsigned int rounds, overflows; /* so many sessions overflow, one in each round */

void speaker_finish_round(struct speaker *unused)
{
	if (rounds++ < overflows)
		session[rounds - 1].is_overflowed = true;
}

bool session_end_overflowed(struct session *ended)
{
	struct peer *owner = ended->owner;

	if (!ended->is_overflowed)
		return false;
	owner->established = NULL;
	return true;
}

bool peer_leave(struct peer *left, uint32_t number, struct handover_peer *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!left->established)
		return false;
	assert_false(left->established->is_overflowed);
	ret->addr = left->addr;
	ret->session = number;
	ret->own.as = ret->theirs.as = 64512;
	ret->own.router_id = ret->theirs.router_id = 1;
	return true;
}

uint64_t advertise_digest(struct advertise *advertise, const struct advertise_member *member)
{
	return 1;
}

void rib_walk(struct rib *rib, void (*fn)(struct rib_entry *entry, void *arg), void *arg)
{
}

struct rib_path *rib_best(struct rib_entry *entry)
{
	return NULL;
}

static void make_peers(void)
{
	memset(&speaker, 0, sizeof(speaker));
	speaker.config = &config;
	for (unsigned int i = 0; i < PEERS; i++) {
		char text[] = "192.0.2.1";

		text[8] += (char)i;
		memset(&peer[i], 0, sizeof(peer[i]));
		peer[i].speaker = &speaker;
		peer[i].addr = addr_of(text);
		session[i] = (struct session){ .owner = &peer[i], .fd = (int)(100 + i) };
		peer[i].established = &session[i];
		HASH_ADD(hh, speaker.peers, addr, sizeof(peer[i].addr), &peer[i]);
	}
	rounds = 0;
}

static void what_ends_in_the_last_round_ends_before_anything_is_left(void **state)
{
	const struct config_source source = { .base = "base: 1\n", .base_len = 8 };
	static struct update scratch;

	for (overflows = 0; overflows < PEERS; overflows++) {
		struct handover_gift gift = { .state_fd = sealed_text_begin() };
		uint32_t sessions;
		size_t len;
		char *data;

		make_peers();
		assert_int_equal(handover_give(&speaker, &source, &gift), 0);
		assert_int_equal(rounds, overflows + 1); /* the last one told what followed */
		assert_int_equal(gift.session_count, PEERS - overflows);
		assert_int_equal(gift.session[0], 100 + overflows);
		assert_int_equal(sealed_text_read(gift.state_fd, 1u << 20, &data, &len), 0);
		assert_int_equal(handover_check((uint8_t *)data, len, &scratch, &sessions), 0);
		assert_int_equal(sessions, PEERS - overflows);
		free(data);
		handover_gift_free(&gift);
		HASH_CLEAR(hh, speaker.peers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ends_in_the_last_round_ends_before_anything_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
