/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_config_bfd.c: bfd of a peer and bgp.mesh_bfd.
 *
 * links: lib/ip_prefix.c lib/next_hops.c lib/config*.c
 * libs: -lyaml
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/config.h"

#define NODE "node: {addresses: [192.0.2.1]}\n"
#define PEER NODE "bgp: {peers: [{address: 1.2.3.4, as: 1, bfd: "

static struct config *parse(const char *text)
{
	struct config_error error = {};
	struct config *config = NULL;

	if (config_parse(text, strlen(text), "f", &config, &error) < 0)
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	return config;
}

static const struct {
	const char *text;
	struct config_bfd bfd;
} good[] = {
	{ "true", { true, false, 300, 3 } },
	{ "false", { false, false, 0, 0 } },
	{ "{}", { true, false, 300, 3 } },
	{ "{min_interval: 50, multiplier: 1, multihop: true}", { true, true, 50, 1 } },
	{ "{min_interval: 60000, multiplier: 255}", { true, false, 60000, 255 } },
};

static void what_is_not_said_has_its_default(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char text[256] = PEER;
		struct config *config;
		const struct config_bfd *bfd;

		strcat(strcat(text, good[i].text), "}]}\n");
		config = parse(text);
		bfd = &config->bgp.peer[0].bfd;
		assert_int_equal(bfd->present, good[i].bfd.present);
		assert_int_equal(bfd->multihop, good[i].bfd.multihop);
		assert_int_equal(bfd->min_interval_ms, good[i].bfd.min_interval_ms);
		assert_int_equal(bfd->multiplier, good[i].bfd.multiplier);
		config_free(config);
	}
}

static void the_mesh_has_one_for_all_and_peers_their_own(void **state)
{
	struct config *config =
		parse(NODE "bgp:\n"
			   "  mesh: [192.0.2.1, 192.0.2.2, 192.0.2.3]\n"
			   "  mesh_bfd: {multiplier: 5}\n"
			   "  peers: [{address: 1.2.3.4, as: 1}, {range: 1.2.4.0/24, as: 1, bfd: "
			   "true}]\n");

	assert_int_equal(config->bgp.peer_count, 4);
	for (size_t i = 0; i < 2; i++) {
		assert_true(config->bgp.peer[i].bfd.present);
		assert_int_equal(config->bgp.peer[i].bfd.multiplier, 5);
		assert_true(config->bgp.peer[i].bfd.multihop);
	}
	assert_false(config->bgp.peer[2].bfd.present);
	assert_true(config->bgp.peer[3].bfd.present);
	config_free(config);
}

static void a_peer_of_our_own_as_is_multihop_unless_it_is_said(void **state)
{
	struct config *config =
		parse(NODE "bgp:\n"
			   "  peers:\n"
			   "  - {address: 192.0.2.2, as: 64512, bfd: true}\n"
			   "  - {address: 192.0.2.3, as: 64512, bfd: {multihop: false}}\n"
			   "  - {address: 192.0.2.4, as: 64513, bfd: {multiplier: 5}}\n"
			   "  - {address: 192.0.2.5, as: 64513, local_as: 64513, bfd: {}}\n"
			   "  - {address: 192.0.2.6, as: 64513, bfd: {multihop: true}}\n");
	static const bool wanted[] = { true, false, false, true, true };

	for (size_t i = 0; i < 5; i++)
		assert_int_equal(config->bgp.peer[i].bfd.multihop, wanted[i]);
	config_free(config);
}

static const struct {
	const char *text;
	unsigned int column; /* in the line of the peer */
	const char *word;
} bad[] = {
	{ "maybe", 46, "neither true nor false" },
	{ "[true]", 46, "must be a map" },
	{ "{min_interval: 49}", 61, "50" },
	{ "{min_interval: 60001}", 61, "60000" },
	{ "{multiplier: 0}", 59, "1" },
	{ "{multiplier: 256}", 59, "255" },
	{ "{multihop: 2}", 57, "neither true nor false" },
	{ "{interval: 300}", 47, "interval" },
};

static void what_is_wrong_is_told_with_its_place(void **state)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_error error = {};
		struct config *config = NULL;
		char text[256] = PEER;

		strcat(strcat(text, bad[i].text), "}]}\n");
		assert_int_equal(config_parse(text, strlen(text), "f", &config, &error), -EINVAL);
		if (error.line != 2 || error.column != bad[i].column ||
		    !strstr(error.text, bad[i].word) || !strstr(error.text, "bgp.peers[0].bfd"))
			fail_msg("%s: %u:%u: %s", bad[i].text, error.line, error.column,
				 error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(the_mesh_has_one_for_all_and_peers_their_own),
		cmocka_unit_test(a_peer_of_our_own_as_is_multihop_unless_it_is_said),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
