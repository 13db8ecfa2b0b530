/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_peer_routes.c: how many routes a peer may tell.
 *
 * What follows for the peer is this test's: the functions below have the names of other files.
 *
 * links: bgp/peer_routes.c bgp/rib.c bgp/decide.c bgp/update.c bgp/import.c bgp/reflector.c
 * links: bgp/filter.c bgp/communities.c bgp/link_table.c bgp/attribute_set.c bgp/attributes.c
 * links: bgp/as_path.c bgp/message.c bgp/capability.c lib/prefix_set.c lib/slab.c lib/wire.c
 * links: lib/ip_prefix.c lib/log.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/peer_internal.h"
#include "lib/log.h"
#include "tests/unit/bgp/hex.h"

#define LIMIT 3

static struct config config = { .bgp.as = 64512 };
static struct speaker speaker = { .config = &config };
static struct peer peer;
static bool is_closed;

const char *peer_family_name(enum bgp_family family)
{
	return "";
}

void peer_close_over_limit(struct peer *unused, enum bgp_family family, uint32_t limit)
{
	assert_int_equal(family, FAMILY_IPV4);
	assert_int_equal(limit, LIMIT);
	is_closed = true;
}

void peer_on_end_of_rib(struct peer *unused, enum bgp_family family)
{
	rib_remove_source(speaker.rib, &peer.source, family, true);
}

void speaker_report_soon(struct speaker *unused)
{
}

static int make_peer(void **state)
{
	log_init("test", LOG_LEVEL_ERROR);
	is_closed = false;
	assert_int_equal(attribute_table_init(&speaker.attributes), 0);
	speaker.rib = rib_new(&speaker.attributes);
	peer = (struct peer){ .speaker = &speaker, .name = "10.0.0.2", .family = { true, true } };
	peer.config.import = IMPORT_ALL;
	peer.config.max_routes = LIMIT;
	peer.source.kind = SOURCE_EBGP;
	peer.import.local_as = config.bgp.as;
	return speaker.rib ? 0 : -1;
}

static int free_peer(void **state)
{
	rib_free(speaker.rib);
	attribute_table_fini(&speaker.attributes);
	return 0;
}

/* The peer tells @nlri, NULL: End-of-RIB. */
static void tell(const char *nlri)
{
	static const struct attribute_context context = { .is_ebgp = true, .four_octet_as = true };
	static struct update update;
	uint8_t body[256];
	struct bgp_error error;
	size_t len = hex_parse(nlri ? "0000 0014 40010100 40020602010000fde7 4003040a000002"
				    : "0000 0000",
			       body, sizeof(body));

	len += hex_parse(nlri ? nlri : "", body + len, sizeof(body) - len);
	assert_int_equal(update_parse(body, len, &context, &update, &error), 0);
	assert_int_equal(update.reaction, REACTION_NONE);
	peer_take_update(&peer, &update);
}

static bool has(const char *text)
{
	struct ip_prefix prefix = prefix_of(text);

	return rib_has_fresh_path(speaker.rib, &prefix, &peer.source);
}

static void what_is_beyond_the_limit_is_not_taken(void **state)
{
	tell("08 01 08 02 08 03 08 04");
	tell("08 02"); /* one that it has */
	assert_int_equal(peer.source.count[FAMILY_IPV4], LIMIT);
	assert_true(has("2.0.0.0/8"));
	assert_false(has("4.0.0.0/8"));
	assert_true(peer.is_beyond[FAMILY_IPV4]);
	assert_false(is_closed);
}

/* It comes back from a restart with other routes than it went with (RFC 4724 section 4.2): those
 * that are kept meanwhile are none that it tells. */
static void routes_on_notice_take_no_room(void **state)
{
	peer.config.max_routes_close = true;
	tell("08 01 08 02 08 03");
	rib_mark_stale(speaker.rib, &peer.source, FAMILY_IPV4);
	tell("08 04 08 05");
	assert_false(is_closed);
	assert_true(has("5.0.0.0/8"));
	tell("08 01"); /* as before */
	assert_true(has("1.0.0.0/8"));
	assert_int_equal(peer.source.count[FAMILY_IPV4], 5);
	assert_int_equal(peer.source.stale[FAMILY_IPV4], 2);
	tell(NULL);
	assert_int_equal(peer.source.count[FAMILY_IPV4], LIMIT);
	assert_int_equal(peer.source.stale[FAMILY_IPV4], 0);
	assert_false(is_closed);
}

/* But each that it tells again takes its room, or it could have as many again. */
static void a_route_told_again_takes_room(void **state)
{
	peer.config.max_routes_close = true;
	tell("08 01 08 02 08 03");
	rib_mark_stale(speaker.rib, &peer.source, FAMILY_IPV4);
	tell("08 04 08 05 08 06");
	assert_false(is_closed);
	tell("08 01");
	assert_true(is_closed);
	assert_false(has("1.0.0.0/8"));
}

/* Refreshes that never end (RFC 7313) hold no more than twice the limit. */
static void refresh_after_refresh_holds_no_more(void **state)
{
	tell("08 01 08 02 08 03");
	rib_mark_stale(speaker.rib, &peer.source, FAMILY_IPV4);
	tell("08 04 08 05 08 06");
	rib_mark_stale(speaker.rib, &peer.source, FAMILY_IPV4);
	tell("08 04 08 07 08 08");
	assert_true(has("4.0.0.0/8"));
	assert_true(has("8.0.0.0/8"));
	assert_true(peer.source.count[FAMILY_IPV4] <= 2 * LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_beyond_the_limit_is_not_taken, make_peer,
						free_peer),
		cmocka_unit_test_setup_teardown(routes_on_notice_take_no_room, make_peer,
						free_peer),
		cmocka_unit_test_setup_teardown(a_route_told_again_takes_room, make_peer,
						free_peer),
		cmocka_unit_test_setup_teardown(refresh_after_refresh_holds_no_more, make_peer,
						free_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
