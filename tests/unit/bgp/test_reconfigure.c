/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reconfigure.c: from one configuration to the next: exactly what differs, and nothing else.
 *
 * The plan is written as words, in its order: "-A" peer A is removed, "-P" block P; "!A" replaced,
 * "~A" restarted, "?A" another import, "+A" and "+P" added.
 *
 * links: bgp/reconfigure.c bgp/filter.c bgp/communities.c bgp/link_table.c bgp/attributes.c
 * links: bgp/as_path.c bgp/message.c bgp/capability.c lib/wire.c lib/ip_prefix.c
 * links: tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bgp/reconfigure.h"
#include "lib/ip_prefix.h"
#include "tests/unit/bgp/hex.h"

#define PEERS_MAX 6000

struct side {
	struct config config;
	struct config_peer peer[PEERS_MAX];
	struct config_pool pool;
	struct ip_prefix block[4];
	char *password[PEERS_MAX];
	struct filter *filter[PEERS_MAX];
	struct setup setup;
};

static struct side *side_new(void)
{
	struct side *side = calloc(1, sizeof(*side));

	assert_non_null(side);
	side->config.bgp.peer = side->peer;
	side->config.bgp.as = 64512;
	side->config.pool = &side->pool;
	side->config.pool_count = 1;
	side->pool.block = side->block;
	side->setup = (struct setup){ &side->config, side->password, side->filter };
	return side;
}

static struct config_peer *add_peer(struct side *side, const char *who)
{
	struct config_peer *peer = &side->peer[side->config.bgp.peer_count++];

	peer->is_range = strchr(who, '/') != NULL;
	if (peer->is_range)
		peer->range = prefix_of(who);
	else
		peer->addr = addr_of(who);
	peer->as = 64512;
	peer->port = 179;
	peer->ipv4 = peer->ipv6 = true;
	peer->hold_time_s = 90;
	return peer;
}

static void add_block(struct side *side, const char *prefix)
{
	side->block[side->pool.block_count++] = prefix_of(prefix);
}

/* Two configurations that are equal: two peers, a range, a block. */
static void make_pair(struct side **before, struct side **now)
{
	*before = side_new();
	*now = side_new();
	for (int i = 0; i < 2; i++) {
		struct side *side = i ? *now : *before;

		add_peer(side, "10.0.0.2")->is_mesh = true;
		add_peer(side, "fd99::3");
		add_peer(side, "10.9.0.0/24")->passive = true;
		add_block(side, "10.244.1.0/24");
	}
}

static const char *peer_text(const struct config_peer *peer)
{
	static char text[IP_PREFIX_TEXT_MAX];

	if (peer->is_range)
		return ip_prefix_format(&peer->range, text, sizeof(text));
	return ip_addr_format(&peer->addr, text, sizeof(text));
}

static void write_change(const struct change *change, const struct side *before,
			 const struct side *now, char *words, size_t size)
{
	static const char signs[] = {
		[CHANGE_PEER_REMOVE] = '-',  [CHANGE_OWN_REMOVE] = '-',
		[CHANGE_PEER_REPLACE] = '!', [CHANGE_PEER_RESTART] = '~',
		[CHANGE_PEER_POLICY] = '?',  [CHANGE_PEER_ADD] = '+',
		[CHANGE_OWN_ADD] = '+',	     [CHANGE_PEER_BFD] = 'b',
	};
	char text[IP_PREFIX_TEXT_MAX];
	size_t len = strlen(words);
	const char *what;

	if (change->kind == CHANGE_OWN_REMOVE || change->kind == CHANGE_OWN_ADD)
		what = ip_prefix_format(&change->prefix, text, sizeof(text));
	else if (change->kind == CHANGE_PEER_REMOVE)
		what = peer_text(&before->peer[change->old_index]);
	else
		what = peer_text(&now->peer[change->new_index]);
	if (change->kind != CHANGE_PEER_REMOVE && change->kind != CHANGE_PEER_ADD &&
	    what != text) /* both indexes are of the same peer */
		assert_string_equal(peer_text(&before->peer[change->old_index]), what);
	snprintf(words + len, size - len, "%s%c%s", len ? " " : "", signs[change->kind], what);
}

/* The plan leads to these words; both sides are freed. */
static void expect_plan(struct side *before, struct side *now, const char *expected)
{
	struct change_list list;
	char words[1024] = "";

	assert_int_equal(reconfigure_plan(&before->setup, &now->setup, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		write_change(&list.change[i], before, now, words, sizeof(words));
	assert_string_equal(words, expected);
	change_list_free(&list);
	free(before);
	free(now);
}

static void equal_configurations_change_nothing(void **state)
{
	struct side *before, *now;

	make_pair(&before, &now);
	expect_plan(before, now, "");
}

static void the_order_of_peers_means_nothing(void **state)
{
	struct side *before, *now;
	struct config_peer first;

	make_pair(&before, &now);
	first = now->peer[0];
	now->peer[0] = now->peer[2];
	now->peer[2] = first;
	expect_plan(before, now, "");
}

static void peers_and_blocks_come_and_go(void **state)
{
	struct side *before, *now;

	make_pair(&before, &now);
	now->peer[0].addr = addr_of("10.0.0.4");
	now->peer[2].range = prefix_of("10.9.0.0/25");
	now->block[0] = prefix_of("10.244.2.0/24");
	add_block(now, "fd00:244::/64");
	expect_plan(before, now,
		    "-10.0.0.2 -10.9.0.0/24 -10.244.1.0/24 +10.0.0.4 +10.9.0.0/25 +10.244.2.0/24 "
		    "+fd00:244::/64");
}

static void announced_prefixes_come_and_go(void **state)
{
	struct ip_prefix old[] = { prefix_of("10.96.0.0/16"), prefix_of("10.96.0.7/32"),
				   prefix_of("192.0.2.9/32") };
	struct ip_prefix new[] = { prefix_of("10.96.0.0/12"), prefix_of("10.96.0.7/32"),
				   prefix_of("10.96.0.8/32"), prefix_of("192.0.2.9/32"),
				   prefix_of("fd96::9/128") };
	struct side *before, *now;

	make_pair(&before, &now);
	before->config.bgp.announce = old;
	before->config.bgp.announce_count = 3;
	now->config.bgp.announce = new;
	now->config.bgp.announce_count = 5;
	expect_plan(before, now, "-10.96.0.0/16 +10.96.0.0/12 +10.96.0.8/32 +fd96::9/128");

	make_pair(&before, &now);
	before->config.bgp.announce = old;
	before->config.bgp.announce_count = 2;
	expect_plan(before, now, "-10.96.0.0/16 -10.96.0.7/32");
}

static void an_address_and_the_range_of_it_are_two_peers(void **state)
{
	struct side *before, *now;

	make_pair(&before, &now);
	add_peer(before, "10.9.0.7");
	add_peer(now, "10.9.0.7/32");
	expect_plan(before, now, "-10.9.0.7 +10.9.0.7/32");
}

static void set_as(struct config_peer *peer)
{
	peer->as = 64999;
}

static void set_client(struct config_peer *peer)
{
	peer->reflector_client = true;
}

static void set_mesh(struct config_peer *peer)
{
	peer->is_mesh = !peer->is_mesh;
}

static void set_port(struct config_peer *peer)
{
	peer->port = 1790;
}

static void set_passive(struct config_peer *peer)
{
	peer->passive = true;
}

static void set_families(struct config_peer *peer)
{
	peer->ipv6 = false;
}

static void set_export(struct config_peer *peer)
{
	peer->export = EXPORT_ALL;
}

static void set_hold_time(struct config_peer *peer)
{
	peer->hold_time_s = 9;
}

static void set_source(struct config_peer *peer)
{
	peer->source = CONNECT_FROM_NODE;
}

static void set_restart_time(struct config_peer *peer)
{
	peer->restart_time_s = 30;
}

static void set_ttl_security(struct config_peer *peer)
{
	peer->ttl_security = 1;
}

static void set_extended_next_hop(struct config_peer *peer)
{
	peer->extended_next_hop = EXTENDED_NEXT_HOP_ALWAYS;
}

static void set_local_as(struct config_peer *peer)
{
	peer->local_as = 65001;
}

static void set_next_hop(struct config_peer *peer)
{
	peer->next_hop = NEXT_HOP_SELF;
}

static void set_allow_own_as(struct config_peer *peer)
{
	peer->allow_own_as = 1;
}

static void set_max_routes(struct config_peer *peer)
{
	peer->max_routes = 10;
}

static void set_bfd(struct config_peer *peer)
{
	peer->bfd = (struct config_bfd){ true, false, 300, 3 };
}

static void set_bfd_and_hold_time(struct config_peer *peer)
{
	set_bfd(peer);
	peer->hold_time_s = 9;
}

static void set_import(struct config_peer *peer)
{
	peer->import = IMPORT_ALL;
}

static void set_import_and_hold_time(struct config_peer *peer)
{
	peer->import = IMPORT_ALL;
	peer->hold_time_s = 9;
}

static const struct {
	void (*set)(struct config_peer *peer);
	const char *plan;
} setting_rows[] = {
	{ set_as, "!fd99::3" },
	{ set_client, "!fd99::3" },
	{ set_local_as, "!fd99::3" },
	{ set_next_hop, "?fd99::3" },
	{ set_allow_own_as, "?fd99::3" },
	{ set_max_routes, "?fd99::3" },
	{ set_mesh, "~fd99::3" },
	{ set_port, "~fd99::3" },
	{ set_passive, "~fd99::3" },
	{ set_families, "~fd99::3" },
	{ set_export, "?fd99::3" },
	{ set_hold_time, "~fd99::3" },
	{ set_source, "~fd99::3" },
	{ set_restart_time, "~fd99::3" },
	{ set_ttl_security, "~fd99::3" },
	{ set_bfd, "bfd99::3" },
	{ set_bfd_and_hold_time, "~fd99::3 bfd99::3" },
	{ set_import, "?fd99::3" },
	{ set_import_and_hold_time, "~fd99::3" },
	{ set_extended_next_hop, "~fd99::3" },
};

static void only_the_peer_whose_setting_changed_is_touched(void **state)
{
	for (size_t i = 0; i < sizeof(setting_rows) / sizeof(setting_rows[0]); i++) {
		struct side *before, *now;

		make_pair(&before, &now);
		setting_rows[i].set(&now->peer[1]);
		expect_plan(before, now, setting_rows[i].plan);
	}
}

static void each_setting_of_bfd_is_a_change_of_it_alone(void **state)
{
	static const struct config_bfd usual = { true, false, 300, 3 };
	static const struct config_bfd others[] = { { false, false, 0, 0 },
						    { true, true, 300, 3 },
						    { true, false, 301, 3 },
						    { true, false, 300, 4 } };
	struct side *before, *now;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		make_pair(&before, &now);
		before->peer[1].bfd = usual;
		now->peer[1].bfd = others[i];
		expect_plan(before, now, "bfd99::3");
	}
	make_pair(&before, &now);
	before->peer[1].bfd = now->peer[1].bfd = usual;
	now->peer[1].ttl_security = 2; /* how far away the neighbour may be */
	expect_plan(before, now, "~fd99::3 bfd99::3");
}

/* Passwords are compared by what was read; NULL with a file: it could not be. */
static const struct {
	const char *old_file, *old_password, *new_file, *new_password;
	const char *plan;
} password_rows[] = {
	{ "/a", "x", "/a", "x", "" },		{ "/a", "x", "/b", "x", "" },
	{ "/a", "x", "/a", "y", "~fd99::3" },	{ NULL, NULL, "/a", "x", "~fd99::3" },
	{ "/a", "x", NULL, NULL, "~fd99::3" },	{ "/a", NULL, "/a", NULL, "" },
	{ "/a", NULL, "/a", "x", "+fd99::3" },	{ "/a", NULL, NULL, NULL, "+fd99::3" },
	{ NULL, NULL, "/a", NULL, "-fd99::3" },
};

static void a_password_counts_by_its_content(void **state)
{
	for (size_t i = 0; i < sizeof(password_rows) / sizeof(password_rows[0]); i++) {
		struct side *before, *now;

		make_pair(&before, &now);
		before->peer[1].password_file = (char *)(uintptr_t)password_rows[i].old_file;
		before->password[1] = (char *)(uintptr_t)password_rows[i].old_password;
		now->peer[1].password_file = (char *)(uintptr_t)password_rows[i].new_file;
		now->password[1] = (char *)(uintptr_t)password_rows[i].new_password;
		expect_plan(before, now, password_rows[i].plan);
	}
}

static void numbered_peers(struct side *side, size_t count)
{
	struct ip_addr first = addr_of("10.0.0.1");

	for (size_t i = 0; i < count; i++) {
		struct config_peer *peer = add_peer(side, "10.0.0.1");

		peer->addr = ip_addr_add(&first, i);
		peer->is_mesh = true;
	}
}

/* A hundred nodes join one after another: each time one peer is added, wherever it is put. */
static void a_mesh_that_grows_adds_one_peer_each_time(void **state)
{
	for (size_t count = 1; count <= 200; count++) {
		struct side *before = side_new(), *now = side_new();
		struct change_list list;
		struct config_peer newest;

		numbered_peers(before, count);
		numbered_peers(now, count + 1);
		newest = now->peer[count];
		memmove(&now->peer[1], &now->peer[0], count * sizeof(newest));
		now->peer[0] = newest; /* all others have another place now */
		assert_int_equal(reconfigure_plan(&before->setup, &now->setup, &list), 0);
		assert_int_equal(list.count, 1);
		assert_int_equal(list.change[0].kind, CHANGE_PEER_ADD);
		assert_int_equal(list.change[0].new_index, 0);
		change_list_free(&list);
		free(before);
		free(now);
	}
}

static void the_largest_mesh_may_be_exchanged_whole(void **state)
{
	struct side *before = side_new(), *now = side_new();
	struct change_list list;

	numbered_peers(before, 5000);
	numbered_peers(now, 5000);
	for (size_t i = 0; i < 5000; i++)
		now->peer[i].addr = ip_addr_add(&now->peer[i].addr, 4999);
	assert_int_equal(reconfigure_plan(&before->setup, &now->setup, &list), 0);
	assert_int_equal(list.count, 2 * 4999);
	assert_int_equal(list.change[0].kind, CHANGE_PEER_REMOVE);
	assert_int_equal(list.change[list.count - 1].kind, CHANGE_PEER_ADD);
	change_list_free(&list);
	free(before);
	free(now);
}

static void another_as_router_id_or_address_is_another_speaker(void **state)
{
	struct config before = { .node_address_count = 2, .bgp = { .as = 64512 } }, now;

	before.node_address[0] = addr_of("10.0.0.1");
	before.node_address[1] = addr_of("fd99::1");
	before.bgp.router_id_be = 7;
	now = before;
	assert_false(reconfigure_needs_new_speaker(&before, &now));
	now.bgp.restart_time_s = 60; /* is told in the next OPEN */
	assert_false(reconfigure_needs_new_speaker(&before, &now));
	now.bgp.as = 64513;
	assert_true(reconfigure_needs_new_speaker(&before, &now));
	now = before;
	now.bgp.router_id_be = 8;
	assert_true(reconfigure_needs_new_speaker(&before, &now));
	now = before;
	now.node_address_count = 1;
	assert_true(reconfigure_needs_new_speaker(&before, &now));
	now = before;
	now.node_address[1] = addr_of("fd99::2");
	assert_true(reconfigure_needs_new_speaker(&before, &now));
}

static void a_listening_socket_is_found_by_address_and_port(void **state)
{
	struct config_listen listen[2] = { { addr_of("10.0.0.1"), 179 },
					   { addr_of("10.0.0.1"), 1790 } };
	struct config_bgp bgp = { .listen = listen, .listen_count = 2 };
	struct config_listen wanted = listen[1];

	assert_int_equal(reconfigure_find_listen(&bgp, &wanted), 1);
	wanted.port = 180;
	assert_int_equal(reconfigure_find_listen(&bgp, &wanted), -1);
	wanted = (struct config_listen){ addr_of("::"), 179 };
	assert_int_equal(reconfigure_find_listen(&bgp, &wanted), -1);
}

/* A filter with one rule, in the list of @direction. */
static struct filter make_filter(struct config_rule *rule, enum filter_direction direction,
				 uint32_t action)
{
	struct filter filter = { .references = 1 };

	*rule = (struct config_rule){ .action = action };
	filter.list[direction][0] = (struct config_rule_list){ rule, 1 };
	return filter;
}

static void only_a_filter_of_other_rules_is_another_policy(void **state)
{
	struct config_rule rule[3];
	struct filter first = make_filter(&rule[0], FILTER_IMPORT, RULE_REJECT);
	struct filter equal = make_filter(&rule[1], FILTER_IMPORT, RULE_REJECT);
	struct filter other = make_filter(&rule[2], FILTER_EXPORT, RULE_REJECT);
	struct side *before, *now;

	make_pair(&before, &now);
	before->filter[0] = before->filter[1] = before->filter[2] = &first;
	now->filter[0] = &equal;
	now->filter[1] = NULL;
	now->filter[2] = &other;
	expect_plan(before, now, "?fd99::3 ?10.9.0.0/24");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_configurations_change_nothing),
		cmocka_unit_test(the_order_of_peers_means_nothing),
		cmocka_unit_test(peers_and_blocks_come_and_go),
		cmocka_unit_test(announced_prefixes_come_and_go),
		cmocka_unit_test(an_address_and_the_range_of_it_are_two_peers),
		cmocka_unit_test(only_the_peer_whose_setting_changed_is_touched),
		cmocka_unit_test(each_setting_of_bfd_is_a_change_of_it_alone),
		cmocka_unit_test(only_a_filter_of_other_rules_is_another_policy),
		cmocka_unit_test(a_password_counts_by_its_content),
		cmocka_unit_test(a_mesh_that_grows_adds_one_peer_each_time),
		cmocka_unit_test(the_largest_mesh_may_be_exchanged_whole),
		cmocka_unit_test(another_as_router_id_or_address_is_another_speaker),
		cmocka_unit_test(a_listening_socket_is_found_by_address_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
