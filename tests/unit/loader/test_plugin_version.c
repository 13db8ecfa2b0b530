/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_plugin_version.c: programs that answer VERSION as CNI SPEC 1.1.0 says, and some that do not.
 *
 * links: loader/plugin_version.c lib/event_loop.c lib/timer_heap.c lib/log.c lib/json.c
 * libs: -ljson-c
 */
#include "loader/plugin_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/event_loop.h"

/* As plugins v1.9.0 and Debian 12's 1.1.1 say it. */
#define NEW                                                                               \
	"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\"," \
	"\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"
#define OLD                                                                               \
	"{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\"," \
	"\"0.3.1\",\"0.4.0\",\"1.0.0\"]}\n"
#define DEBIAN_PORTMAP "/usr/lib/cni/portmap"

struct world {
	char dir[64], path[80];
	struct event_loop *loop;
	struct event_timer deadline;
	struct plugin_version *plugin;
	unsigned int answers;
};

static void on_answer(void *arg)
{
	struct world *world = arg;

	world->answers++;
	event_loop_stop(world->loop);
}

static void on_deadline(void *arg)
{
	event_loop_stop(((struct world *)arg)->loop);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world || event_loop_new(&world->loop) < 0)
		return -1;
	strcpy(world->dir, "/tmp/tortie-plugin-XXXXXX");
	if (!mkdtemp(world->dir))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/portmap", world->dir);
	event_timer_init(&world->deadline, on_deadline, world);
	*state = world;
	return plugin_version_new(world->loop, on_answer, world, &world->plugin);
}

static int teardown(void **state)
{
	struct world *world = *state;

	plugin_version_free(world->plugin);
	unlink(world->path);
	rmdir(world->dir);
	event_loop_free(world->loop);
	free(world);
	return 0;
}

/* Another program than the one before: written beside and renamed, so with an inode of its own. */
static void put(const struct world *world, const char *script)
{
	char fresh[96];
	FILE *file;

	snprintf(fresh, sizeof(fresh), "%s.new", world->path);
	file = fopen(fresh, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(fresh, 0755), 0);
	assert_int_equal(rename(fresh, world->path), 0);
}

/* Run the loop until the answer changes, at most @ms. */
static void ask(struct world *world, const char *path, uint64_t ms)
{
	plugin_version_ask(world->plugin, path);
	event_timer_set(world->loop, &world->deadline, ms);
	assert_int_equal(event_loop_run(world->loop), 0);
	event_timer_cancel(world->loop, &world->deadline);
}

static void answers_are_read(void **state)
{
	static const struct {
		const char *text;
		bool knows;
	} rows[] = {
		{ NEW, true },
		{ OLD, false },
		{ "", false },
		{ "{", false },
		{ "[]", false },
		{ "null", false },
		{ "{\"supportedVersions\":\"1.1.0\"}", false },
		{ "{\"supportedVersions\":[1.1,{},null,\"1.1.0\"]}", false },
		{ "{\"supportedVersions\":[1.1,{},null,\"1.1.0\",\"1.0.0\"]}", true },
		{ "{\"supportedVersions\":[\"1.1.0\"]}", false },
		{ "{\"code\":4,\"msg\":\"environment\"}", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(plugin_version_read(rows[i].text, strlen(rows[i].text)),
				 rows[i].knows);
}

static void a_program_that_knows_both_is_believed_until_it_is_exchanged(void **state)
{
	struct world *world = *state;

	/* The question is on its standard input, the verb in its environment, and no more there. */
	put(world, "read line; [ \"$line\" = '{\"cniVersion\":\"1.0.0\"}' ] || exit 1\n"
		   "[ \"$CNI_COMMAND\" = VERSION ] && [ -z \"$HOME\" ] && printf '%s' '" NEW "'");
	ask(world, world->path, 20000);
	assert_true(plugin_version_knows_1_1(world->plugin));
	ask(world, world->path, 50); /* it is not asked again */
	assert_int_equal(world->answers, 1);
	put(world, "printf '%s' '" OLD "'");
	while (plugin_version_knows_1_1(world->plugin) && world->answers < 3)
		ask(world, world->path, 100);
	assert_int_equal(world->answers, 2);
	assert_false(plugin_version_knows_1_1(world->plugin));
}

static void it_has_no_capability(void **state)
{
	struct world *world = *state;

	put(world, "grep -q '^CapEff:.0*$' /proc/self/status && printf '%s' '" NEW "'");
	ask(world, world->path, 20000);
	assert_true(plugin_version_knows_1_1(world->plugin));
}

static void one_that_says_nothing_of_use_is_not_believed(void **state)
{
	static const char *const scripts[] = {
		"exit 3",
		"yes",
		"printf '%s' '" NEW "'; yes ' '",
		"exec 1>&-; exec sleep 100",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		put(world, scripts[i]);
		ask(world, world->path, 500);
		assert_false(plugin_version_knows_1_1(world->plugin));
	}
	ask(world, "/nowhere/portmap", 20);
	ask(world, world->dir, 20);
	assert_int_equal(world->answers, 0);
}

static void one_that_hangs_is_killed(void **state)
{
	struct world *world = *state;
	char path[96];

	snprintf(path, sizeof(path), "%s/pid", world->dir);
	put(world, "echo $$ > ${0%/*}/pid; exec sleep 100");
	ask(world, world->path, PLUGIN_ANSWER_MS + 1000);
	assert_false(plugin_version_knows_1_1(world->plugin));
	put(world, "printf '%s' '" NEW "'"); /* and the next one is asked */
	ask(world, world->path, 20000);
	assert_true(plugin_version_knows_1_1(world->plugin));
	unlink(path);
}

static void debians_portmap_of_2023_does_not_know_1_1(void **state)
{
	struct world *world = *state;

	if (access(DEBIAN_PORTMAP, X_OK) < 0) {
		print_message("skip: no " DEBIAN_PORTMAP "\n");
		skip();
	}
	ask(world, DEBIAN_PORTMAP, 1000);
	assert_false(plugin_version_knows_1_1(world->plugin));
}

#define PLUGIN_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		PLUGIN_TEST(a_program_that_knows_both_is_believed_until_it_is_exchanged),
		PLUGIN_TEST(it_has_no_capability),
		PLUGIN_TEST(one_that_says_nothing_of_use_is_not_believed),
		PLUGIN_TEST(one_that_hangs_is_killed),
		PLUGIN_TEST(debians_portmap_of_2023_does_not_know_1_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
