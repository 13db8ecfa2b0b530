/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertise_world.c: routes and the peers that are told of them, for the tests of advertise.c.
 *
 * What a peer gets is parsed as a peer would, by update.c, and written down in words.
 */
#include "tests/unit/bgp/advertise_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

static void note_section(struct receiver *receiver, struct update_section section, char sign)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix prefix;
	size_t len;

	while (update_next_prefix(&section, &prefix)) {
		len = strlen(receiver->words);
		snprintf(receiver->words + len, sizeof(receiver->words) - len, "%s%c%s",
			 len ? " " : "", sign, ip_prefix_format(&prefix, text, sizeof(text)));
	}
}

static void take_message(struct advertise_member *member, const uint8_t *data, size_t len)
{
	struct receiver *receiver = (struct receiver *)member;
	struct attribute_context context = { .four_octet_as = true, .extended_next_hop = true };
	struct bgp_error error;
	static struct update update;

	receiver->messages++;
	memcpy(receiver->octets, data, len);
	if (update_parse(receiver->octets + BGP_HEADER_LEN, len - BGP_HEADER_LEN, &context, &update,
			 &error) < 0)
		abort();
	for (unsigned int i = 0; i < update.withdrawn_count; i++)
		note_section(receiver, update.withdrawn[i], '-');
	for (unsigned int i = 0; i < update.announced_count; i++)
		note_section(receiver, update.announced[i], '+');
	if (update.announced_count > 0)
		receiver->last = update;
}

int make_world(void **state)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	routes_init(&world.routes);
	world.rib = rib_new(&world.routes.table);
	world.advertise = advertise_new(world.rib, &world.routes.table, OWN_ID);
	world.own.router_id = OWN_ID;
	routes_start(&world.routes, "", "0.0.0.0")->present = HAS_EMPTY_NEXT_HOP;
	memset(&world.routes.draft.values.next_hop, 0, sizeof(struct ip_addr));
	world.own_route = routes_intern(&world.routes);
	for (unsigned int i = 0; i < 4; i++) {
		world.peer[i].source.router_id = 0x0a000002 + i;
		world.peer[i].member.send = take_message;
	}
	*state = &world;
	return 0;
}

int end_world(void **state)
{
	struct world *world = *state;

	for (unsigned int i = 0; i < 4; i++)
		advertise_leave(world->advertise, &world->peer[i].member);
	advertise_free(world->advertise);
	rib_free(world->rib);
	attribute_set_unref(&world->routes.table, world->own_route);
	routes_fini(&world->routes);
	return 0;
}

void work_off(struct world *world)
{
	struct rib_change change;

	while (rib_next_changed(world->rib, &change)) {
		assert_int_equal(advertise_change(world->advertise, &change), 0);
		rib_put_changed(world->rib, &change);
	}
	advertise_flush(world->advertise);
}

struct advertise_key key_of(enum rib_source_kind kind, enum config_export export)
{
	struct advertise_key key = {
		.kind = kind, .export = export, .four_octet_as = true, .local_as = OWN_AS
	};

	key.family[FAMILY_IPV4] = key.family[FAMILY_IPV6] = true;
	key.next_hop[FAMILY_IPV4] = addr_of("10.0.0.1");
	key.next_hop[FAMILY_IPV6] = addr_of("fd00::1");
	return key;
}

struct receiver *join(struct world *world, unsigned int number, enum rib_source_kind kind,
		      enum config_export export)
{
	struct advertise_key key = key_of(kind, export);
	struct receiver *receiver = &world->peer[number];

	receiver->source.kind = kind;
	work_off(world);
	assert_int_equal(
		advertise_join(world->advertise, &key, &receiver->member, &receiver->source), 0);
	return receiver;
}

void own(struct world *world, const char *text)
{
	struct ip_prefix prefix = prefix_of(text);

	assert_int_equal(rib_set_path(world->rib, &prefix, &world->own, world->own_route), 0);
}

void told(struct world *world, unsigned int number, const char *text)
{
	struct attribute_set *set = routes_intern(&world->routes);
	struct ip_prefix prefix = prefix_of(text);

	assert_int_equal(rib_set_path(world->rib, &prefix, &world->peer[number].source, set), 0);
	attribute_set_unref(&world->routes.table, set);
}

void untold(struct world *world, unsigned int number, const char *text)
{
	struct ip_prefix prefix = prefix_of(text);

	rib_remove_path(world->rib, &prefix, &world->peer[number].source);
}

void expect(struct receiver *receiver, const char *words)
{
	assert_string_equal(receiver->words, words);
	receiver->words[0] = '\0';
	receiver->messages = 0;
}
