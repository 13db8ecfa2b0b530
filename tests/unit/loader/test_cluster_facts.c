/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cluster_facts.c: notices and objects, kept within their bounds (include/agent_protocol.h).
 *
 * links: loader/cluster_facts.c lib/text.c
 */
#include "loader/cluster_facts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int note(struct cluster_facts *facts, uint32_t level, const char *text)
{
	struct msg_status_line line = { .level = level };

	snprintf(line.text, sizeof(line.text), "%s", text);
	return cluster_facts_add_notice(facts, &line);
}

/* An object whose JSON is @json_len octets, told as @said octets. */
static int object(struct cluster_facts *facts, const char *kind, const char *name, size_t json_len,
		  uint32_t said)
{
	size_t len = sizeof(struct msg_cluster_object) + json_len;
	struct msg_cluster_object *body = calloc(1, len);
	int err;

	assert_non_null(body);
	snprintf(body->kind, sizeof(body->kind), "%s", kind);
	snprintf(body->name, sizeof(body->name), "%s", name);
	body->json_len = said;
	memset(body + 1, 'x', json_len);
	err = cluster_facts_add_object(facts, body, len);
	free(body);
	return err;
}

struct lines {
	size_t count;
	char last[TEXT_MAX + 1];
};

static int take_line(enum status_level level, const char *text, void *arg)
{
	struct lines *lines = arg;

	lines->count++;
	snprintf(lines->last, sizeof(lines->last), "%s", text);
	return 0;
}

static int count_octets(const struct cluster_object *found, void *arg)
{
	*(size_t *)arg += found->json_len;
	return 0;
}

static size_t octets_of(const struct cluster_facts *facts, const char *kind, const char *name)
{
	struct msg_get_objects which = { 0 };
	size_t octets = 0;

	snprintf(which.kind, sizeof(which.kind), "%s", kind);
	snprintf(which.name, sizeof(which.name), "%s", name);
	assert_int_equal(cluster_facts_for_each(facts, &which, count_octets, &octets), 0);
	return octets;
}

static void notices_are_kept_as_one_line_each(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();
	struct lines lines = { 0 };

	assert_int_equal(note(facts, STATUS_WARNING, "IPPool a: field\nx \x1b[2J is not served"),
			 0);
	assert_true(cluster_facts_has_notice(facts, "IPPool a: field?x ?[2J is not served"));
	assert_int_equal(cluster_facts_status(facts, take_line, &lines), 0);
	assert_int_equal(lines.count, 1);
	assert_string_equal(lines.last, "IPPool a: field?x ?[2J is not served");
	cluster_facts_free(facts);
}

static void wrong_notices_are_refused(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();

	assert_int_equal(note(facts, 0, "x"), -EPROTO);
	assert_int_equal(note(facts, STATUS_PROBLEM + 1, "x"), -EPROTO);
	assert_int_equal(note(facts, STATUS_OK, ""), -EPROTO);
	cluster_facts_free(facts);
}

static void notices_beyond_the_bound_are_counted(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();
	struct lines lines = { 0 };

	for (int i = 0; i < CLUSTER_NOTICES_MAX + 7; i++)
		assert_int_equal(note(facts, STATUS_PROBLEM, "same"), 0);
	assert_int_equal(cluster_facts_status(facts, take_line, &lines), 0);
	assert_int_equal(lines.count, CLUSTER_NOTICES_MAX + 1);
	assert_non_null(strstr(lines.last, "7 more"));
	cluster_facts_free(facts);
}

static void objects_are_found_by_kind_and_name(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();

	assert_int_equal(object(facts, "IPPool", "a", 10, 10), 0);
	assert_int_equal(object(facts, "IPPool", "b", 100, 100), 0);
	assert_int_equal(object(facts, "BGPPeer", "a", 1000, 1000), 0);
	assert_int_equal(octets_of(facts, "ippool", ""), 110);
	assert_int_equal(octets_of(facts, "IPPool", "b"), 100);
	assert_int_equal(octets_of(facts, "BGPPeer", "b"), 0);
	cluster_facts_free(facts);
}

static void wrong_objects_are_refused(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();
	const uint8_t few[8] = { 0 };

	assert_int_equal(object(facts, "IPPool", "a", 10, 11), -EPROTO);
	assert_int_equal(object(facts, "IPPool", "a", 10, 9), -EPROTO);
	assert_int_equal(object(facts, "IPPool", "a", 10, UINT32_MAX), -EPROTO);
	assert_int_equal(object(facts, "", "a", 10, 10), -EPROTO);
	assert_int_equal(object(facts, "IPPool", "", 10, 10), -EPROTO);
	assert_int_equal(object(facts, "IPPool", "a", OBJECT_JSON_MAX + 1, OBJECT_JSON_MAX + 1),
			 -EPROTO);
	assert_int_equal(cluster_facts_add_object(facts, few, sizeof(few)), -EPROTO);
	cluster_facts_free(facts);
}

static void objects_beyond_the_bound_are_told(void **state)
{
	struct cluster_facts *facts = cluster_facts_new();
	struct lines lines = { 0 };
	char name[16];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(object(facts, "IPPool", name, OBJECT_JSON_MAX, OBJECT_JSON_MAX),
				 0);
	}
	assert_true(octets_of(facts, "IPPool", "") <= OBJECTS_JSON_MAX);
	assert_int_equal(octets_of(facts, "IPPool", ""), 3 * OBJECT_JSON_MAX);
	/* A small one still fits. */
	assert_int_equal(object(facts, "BGPPeer", "a", 5, 5), 0);
	assert_int_equal(octets_of(facts, "BGPPeer", ""), 5);
	assert_int_equal(cluster_facts_status(facts, take_line, &lines), 0);
	assert_int_equal(lines.count, 1);
	assert_non_null(strstr(lines.last, "7 objects"));
	cluster_facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_are_kept_as_one_line_each),
		cmocka_unit_test(wrong_notices_are_refused),
		cmocka_unit_test(notices_beyond_the_bound_are_counted),
		cmocka_unit_test(objects_are_found_by_kind_and_name),
		cmocka_unit_test(wrong_objects_are_refused),
		cmocka_unit_test(objects_beyond_the_bound_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
