/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_document_bfd.c: the annotations tortie/bfd, and that nothing but numbers comes of it, and
 * tortie/extended-next-hop.
 *
 * links: kube/document*.c kube/cluster.c kube/node_object.c kube/selector.c lib/json.c
 * links: lib/text.c lib/sha1.c lib/ip_prefix.c lib/next_hops.c kube/service_object.c
 * links: lib/config*.c
 * libs: -ljson-c -lyaml -lresolv
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "tests/unit/kube/built.h"

static struct config *config;

/* An object with the annotation @key, if @value is there, and the spec @spec. */
static void set_annotated(enum cluster_kind kind, const char *name, const char *key,
			  const char *value, const char *spec)
{
	struct json_object *object = json_object_new_object(), *metadata = json_object_new_object();
	struct json_object *annotations = json_object_new_object();

	json_object_object_add(metadata, "name", json_object_new_string(name));
	if (value)
		json_object_object_add(annotations, key, json_object_new_string(value));
	json_object_object_add(metadata, "annotations", annotations);
	json_object_object_add(object, "metadata", metadata);
	json_object_object_add(object, "spec", json_tokener_parse(spec));
	assert_true(cluster_set(&cluster, kind, object) >= 0);
	json_object_put(object);
}

static void set(enum cluster_kind kind, const char *name, const char *value, const char *spec)
{
	set_annotated(kind, name, "tortie/bfd", value, spec);
}

static void add_node(const char *name, const char *range, const char *addr)
{
	struct json_object *object;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"podCIDRs\":[\"%s\"]},\"status\":{"
		 "\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"%s\"}]}}",
		 name, range, addr);
	object = json_tokener_parse(text);
	assert_true(cluster_set(&cluster, CLUSTER_NODES, object) >= 0);
	json_object_put(object);
}

static int forget(void **state)
{
	config_free(config);
	config = NULL;
	return forget_all(state);
}

static void build(void)
{
	add_node("n1", "10.244.1.0/24", "10.77.0.11");
	add_node("n2", "10.244.2.0/24", "10.77.0.12");
	build_document();
	config_free(config);
	config = read_document();
}

static const struct config_peer *peer_of(const char *addr)
{
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < config->bgp.peer_count; i++)
		if (strcmp(ip_addr_format(&config->bgp.peer[i].addr, text, sizeof(text)), addr) ==
		    0)
			return &config->bgp.peer[i];
	fail_msg("no peer %s", addr);
	return NULL;
}

static const struct config_bfd *bfd_of(const char *addr)
{
	return &peer_of(addr)->bfd;
}

#define EXTERNAL "{\"peerIP\":\"192.0.2.1\",\"asNumber\":65000}"
#define INTERNAL "{\"peerIP\":\"192.0.2.1\",\"asNumber\":64512}"

static const struct {
	const char *value, *spec;
	struct config_bfd bfd;
} good[] = {
	{ NULL, EXTERNAL, { 0 } },
	{ "false", EXTERNAL, { 0 } },
	{ "true", EXTERNAL, { true, false, 300, 3 } },
	{ "true", INTERNAL, { true, true, 300, 3 } },
	{ "{}", EXTERNAL, { true, false, 300, 3 } },
	{ "{\"multihop\": false}", INTERNAL, { true, false, 300, 3 } },
	{ "{\"min_interval\": 50, \"multiplier\": 255, \"multihop\": true}",
	  EXTERNAL,
	  { true, true, 50, 255 } },
	{ "{\"multiplier\": 5}", EXTERNAL, { true, false, 300, 5 } },
};

static void a_peers_annotation_is_its_bfd(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct config_bfd *bfd;

		set(CLUSTER_BGP_PEERS, "p", good[i].value, good[i].spec);
		build();
		bfd = bfd_of("192.0.2.1");
		assert_int_equal(bfd->present, good[i].bfd.present);
		assert_int_equal(bfd->multihop, good[i].bfd.multihop);
		assert_int_equal(bfd->min_interval_ms, good[i].bfd.min_interval_ms);
		assert_int_equal(bfd->multiplier, good[i].bfd.multiplier);
		assert_int_equal(document.notice_count, 0);
		assert_false(bfd_of("10.77.0.12")->present);
		forget(NULL);
	}
}

static void the_mesh_has_that_of_the_configuration(void **state)
{
	set(CLUSTER_BGP_CONFIGS, "default", "{\"min_interval\": 1000}", "{}");
	build();
	assert_has("mesh_bfd: {min_interval: 1000}");
	assert_int_equal(bfd_of("10.77.0.12")->min_interval_ms, 1000);
	assert_true(bfd_of("10.77.0.12")->multihop);
	set(CLUSTER_BGP_CONFIGS, "default", "true", "{\"listenPort\":1790}");
	build();
	assert_true(bfd_of("10.77.0.12")->present && bfd_of("10.77.0.12")->multihop);
}

static const char *const bad[] = {
	"",
	"yes",
	"1",
	"[true]",
	"null",
	"{\"min_interval\": 49}",
	"{\"min_interval\": 60001}",
	"{\"min_interval\": \"300\"}",
	"{\"multiplier\": 0}",
	"{\"multiplier\": 256}",
	"{\"multihop\": 1}",
	"{\"interval\": 300}",
	"{\"min_interval\": 300}, password_file: /etc/shadow}",
	"{",
};

static void what_says_nothing_sensible_is_named_and_means_none(void **state)
{
	char text[300];

	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		bool is_long = i == sizeof(bad) / sizeof(bad[0]);

		memset(text, ' ', sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		memcpy(text, "true", 4);
		set(CLUSTER_BGP_PEERS, "p", is_long ? text : bad[i], EXTERNAL);
		build();
		if (bfd_of("192.0.2.1")->present)
			fail_msg("taken: %s", is_long ? text : bad[i]);
		assert_notice("bgppeer p: annotation tortie/bfd: ");
		forget(NULL);
	}
}

#define HOP_ANNOTATION "tortie/extended-next-hop"

static void next_hops_of_peers_and_mesh_are_as_annotated(void **state)
{
	set_annotated(CLUSTER_BGP_CONFIGS, "default", HOP_ANNOTATION, "always", "{}");
	set_annotated(CLUSTER_BGP_PEERS, "p", HOP_ANNOTATION, "never", EXTERNAL);
	build();
	assert_int_equal(peer_of("10.77.0.12")->extended_next_hop, EXTENDED_NEXT_HOP_ALWAYS);
	assert_int_equal(peer_of("192.0.2.1")->extended_next_hop, EXTENDED_NEXT_HOP_NEVER);
	assert_int_equal(document.notice_count, 0);
	/* With another port the mesh is a list of peers. */
	set_annotated(CLUSTER_BGP_CONFIGS, "default", HOP_ANNOTATION, "always",
		      "{\"listenPort\":1790}");
	build();
	assert_int_equal(peer_of("10.77.0.12")->extended_next_hop, EXTENDED_NEXT_HOP_ALWAYS);
}

static void an_annotation_of_next_hops_that_says_nothing_sensible_is_named(void **state)
{
	set_annotated(CLUSTER_BGP_PEERS, "p", HOP_ANNOTATION, "always}", EXTERNAL);
	build();
	assert_int_equal(peer_of("192.0.2.1")->extended_next_hop, EXTENDED_NEXT_HOP_AUTO);
	assert_notice("bgppeer p: annotation " HOP_ANNOTATION ": ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_peers_annotation_is_its_bfd, forget),
		cmocka_unit_test_teardown(the_mesh_has_that_of_the_configuration, forget),
		cmocka_unit_test_teardown(next_hops_of_peers_and_mesh_are_as_annotated, forget),
		cmocka_unit_test_teardown(
			an_annotation_of_next_hops_that_says_nothing_sensible_is_named, forget),
		cmocka_unit_test_teardown(what_says_nothing_sensible_is_named_and_means_none,
					  forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
