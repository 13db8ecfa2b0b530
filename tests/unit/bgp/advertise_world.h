/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_BGP_ADVERTISE_WORLD_H
#define TESTS_UNIT_BGP_ADVERTISE_WORLD_H

#include "bgp/advertise.h"
#include "bgp/update.h"
#include "tests/unit/bgp/routes.h"

/*
 * A table of routes and four peers that are told of it. Each writes what it gets into a text:
 * "+PREFIX" for an announcement, "-PREFIX" for a withdrawal, one word a prefix; the last message's
 * octets are kept.
 */
#define OWN_AS 64512
#define OWN_ID 0x0a000001u

struct receiver {
	struct advertise_member member; /* first */
	struct rib_source source;
	char words[1024];
	unsigned int messages;
	struct update last; /* announcement */
	uint8_t octets[BGP_MESSAGE_MAX];
};

struct world {
	struct routes routes;
	struct rib *rib;
	struct advertise *advertise;
	struct rib_source own;
	struct attribute_set *own_route;
	struct receiver peer[4];
};

int make_world(void **state); /* of cmocka, as end_world() */
int end_world(void **state);

/** work_off() - tell the peers what has changed. */
void work_off(struct world *world);
struct advertise_key key_of(enum rib_source_kind kind, enum config_export export);
/** join() - peer @number as a member of the group for @kind and @export, both families. */
struct receiver *join(struct world *world, unsigned int number, enum rib_source_kind kind,
		      enum config_export export);
void own(struct world *world, const char *text); /* a block of ours */
/** told() - peer @number tells @text with the set that routes_start() began. */
void told(struct world *world, unsigned int number, const char *text);
void untold(struct world *world, unsigned int number, const char *text);
/** expect() - @receiver was told just @words since it was last asked. */
void expect(struct receiver *receiver, const char *words);

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

#endif /* TESTS_UNIT_BGP_ADVERTISE_WORLD_H */
