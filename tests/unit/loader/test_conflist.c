/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of conflist.c: what a container runtime finds, and when.
 *
 * links: loader/conflist.c loader/plugin_version.c lib/event_loop.c lib/timer_heap.c lib/log.c
 * links: lib/file_mark.c lib/json.c
 * libs: -ljson-c
 */
#include "loader/conflist.h"

#include <errno.h>
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
#include <json-c/json.h>

#include "lib/event_loop.h"
#include "loader/agent.h"
#include "loader/plugin_version.h"

struct folder {
	char dir[64];
	struct config config;
	struct agent agent;
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return -1;
	strcpy(folder->dir, "/tmp/tortie-conflist-XXXXXX");
	if (!mkdtemp(folder->dir))
		return -1;
	folder->config.cni_dir = folder->dir;
	folder->config.cni_bin_dir = folder->dir;
	folder->config.cni_conflist = true;
	folder->agent.config = &folder->config;
	folder->agent.run_dir = CONFIG_RUN_DIR_DEFAULT;
	*state = folder;
	return 0;
}

static int drop_folder(void **state)
{
	struct folder *folder = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder->dir);
	free(folder);
	return system(command);
}

static bool has_file(const struct folder *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder->dir, name);
	return access(path, F_OK) == 0;
}

static void touch(const struct folder *folder, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static const char *text_at(struct json_object *object, const char *path)
{
	struct json_object *found = NULL;

	if (json_pointer_get(object, path, &found) < 0)
		return NULL;
	return json_object_get_string(found);
}

static void it_names_versions_that_old_runtimes_take(void **state)
{
	static const char *const capabilities[] = { "ips", "mac", "dns", "bandwidth",
						    "io.kubernetes.cri.pod-annotations" };
	char text[4096];
	struct json_object *object;

	assert_true(conflist_format(CONFIG_RUN_DIR_DEFAULT, CONFLIST_ALONE, text, sizeof(text)) >
		    0);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(text_at(object, "/cniVersion"), "1.0.0");
	assert_string_equal(text_at(object, "/cniVersions/0"), "0.4.0");
	assert_string_equal(text_at(object, "/cniVersions/1"), "1.0.0");
	assert_string_equal(text_at(object, "/cniVersions/2"), "1.1.0");
	assert_string_equal(text_at(object, "/plugins/0/type"), "tortie-cni");
	assert_null(text_at(object, "/plugins/0/runDir"));
	/* CONVENTIONS.md of the CNI project, and containerd's own. */
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "/plugins/0/capabilities/%s", capabilities[i]);
		assert_string_equal(text_at(object, path), "true");
	}
	assert_non_null(text_at(object, "/name"));
	json_object_put(object);
}

static void another_run_dir_is_told_and_escaped(void **state)
{
	char text[4096];
	struct json_object *object;

	assert_true(conflist_format("/run/a \"b\"\\c\n", CONFLIST_ALONE, text, sizeof(text)) > 0);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(text_at(object, "/plugins/0/runDir"), "/run/a \"b\"\\c\n");
	json_object_put(object);
}

static void a_text_that_does_not_fit_is_refused(void **state)
{
	char text[64];

	assert_int_equal(
		conflist_format(CONFIG_RUN_DIR_DEFAULT, CONFLIST_ALONE, text, sizeof(text)),
		-ENAMETOOLONG);
}

static void portmap_is_chained_with_a_version_that_it_knows(void **state)
{
	char text[4096];
	struct json_object *object;

	assert_true(conflist_format(CONFIG_RUN_DIR_DEFAULT, CONFLIST_PORTMAP_OLD, text,
				    sizeof(text)) > 0);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(text_at(object, "/cniVersion"), "1.0.0");
	assert_null(text_at(object, "/cniVersions"));
	assert_string_equal(text_at(object, "/plugins/0/type"), "tortie-cni");
	/* containernetworking/plugins, portmap: README.md */
	assert_string_equal(text_at(object, "/plugins/1/type"), "portmap");
	assert_string_equal(text_at(object, "/plugins/1/snat"), "true");
	assert_string_equal(text_at(object, "/plugins/1/capabilities/portMappings"), "true");
	json_object_put(object);
	assert_true(conflist_format(CONFIG_RUN_DIR_DEFAULT, CONFLIST_PORTMAP, text, sizeof(text)) >
		    0);
	object = json_tokener_parse(text);
	assert_string_equal(text_at(object, "/cniVersions/2"), "1.1.0");
	assert_string_equal(text_at(object, "/plugins/1/type"), "portmap");
	json_object_put(object);
}

static bool has_word(const struct folder *folder, const char *word)
{
	char path[128], text[4096] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/10-tortie.conflist", folder->dir);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	return strstr(text, word) != NULL;
}

static void portmap_is_chained_while_the_runtime_has_it(void **state)
{
	struct folder *folder = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/portmap", folder->dir);
	folder->config.cni_portmap = true;
	assert_int_equal(conflist_write(&folder->agent), 0);
	assert_false(has_word(folder, "portmap"));
	touch(folder, "portmap");
	assert_int_equal(chmod(path, 0755), 0);
	conflist_restore(&folder->agent);
	assert_true(has_word(folder, "portmap"));
	assert_int_equal(unlink(path), 0);
	conflist_restore(&folder->agent);
	assert_false(has_word(folder, "portmap"));
}

static void stop_loop(void *arg)
{
	event_loop_stop(arg);
}

static void a_portmap_that_knows_1_1_gets_all_versions(void **state)
{
	struct folder *folder = *state;
	struct event_timer timer;
	char path[128];
	FILE *file;

	assert_int_equal(event_loop_new(&folder->agent.loop), 0);
	event_timer_init(&timer, stop_loop, folder->agent.loop);
	snprintf(path, sizeof(path), "%s/portmap", folder->dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("#!/bin/sh\necho '{\"supportedVersions\":[\"1.0.0\",\"1.1.0\"]}'\n", file);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
	folder->config.cni_portmap = true;
	folder->agent.ready = true;
	assert_int_equal(conflist_write(&folder->agent), 0);
	assert_true(has_word(folder, "portmap") && !has_word(folder, "cniVersions"));
	for (int i = 0; i < 1000 && !has_word(folder, "cniVersions"); i++) {
		event_timer_set(folder->agent.loop, &timer, 20);
		event_loop_run(folder->agent.loop);
	}
	assert_true(has_word(folder, "portmap") && has_word(folder, "cniVersions"));
	plugin_version_free(folder->agent.portmap);
	event_loop_free(folder->agent.loop);
	folder->agent.loop = NULL;
}

static void an_exclusive_node_moves_others_files_away(void **state)
{
	struct folder *folder = *state;

	folder->config.cni_exclusive = true;
	touch(folder, "05-other.conf");
	touch(folder, "99-other.conflist");
	assert_int_equal(conflist_write(&folder->agent), 0);
	assert_false(has_file(folder, "05-other.conf"));
	assert_true(has_file(folder, "05-other.conf.tortie-off"));
	assert_true(has_file(folder, "99-other.conflist"));
	touch(folder, "05-other.conf"); /* its network writes it again */
	conflist_restore(&folder->agent);
	assert_false(has_file(folder, "05-other.conf"));
}

static void it_appears_whole_and_is_removed_on_demand(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(conflist_write(&folder->agent), 0);
	assert_true(has_file(folder, "10-tortie.conflist"));
	assert_false(has_file(folder, ".10-tortie.conflist"));
	conflist_remove(&folder->agent);
	assert_false(has_file(folder, "10-tortie.conflist"));
	conflist_restore(&folder->agent);
	assert_true(has_file(folder, "10-tortie.conflist"));
}

static void what_somebody_wrote_over_it_goes(void **state)
{
	struct folder *folder = *state;
	char path[128];
	FILE *file;

	assert_int_equal(conflist_write(&folder->agent), 0);
	snprintf(path, sizeof(path), "%s/10-tortie.conflist", folder->dir);
	file = fopen(path, "w"); /* the same inode */
	assert_non_null(file);
	fputs("{\"name\": \"other\"}", file);
	fclose(file);
	assert_false(has_word(folder, "tortie-cni"));
	conflist_restore(&folder->agent);
	assert_true(has_word(folder, "tortie-cni") && !has_word(folder, "other"));
}

static void nobody_asked_for_it_nobody_gets_it(void **state)
{
	struct folder *folder = *state;

	folder->config.cni_conflist = false;
	assert_int_equal(conflist_write(&folder->agent), 0);
	conflist_restore(&folder->agent);
	assert_false(has_file(folder, "10-tortie.conflist"));
	touch(folder, "10-tortie.conflist");
	conflist_remove(&folder->agent);
	assert_true(has_file(folder, "10-tortie.conflist")); /* somebody's own */
}

static int count_line(enum status_level level, const char *text, void *arg)
{
	int *lines = arg;

	assert_int_equal(level, STATUS_WARNING);
	assert_non_null(strstr(text, "05-other.conf"));
	(*lines)++;
	return 0;
}

static void a_file_that_a_runtime_takes_first_is_told(void **state)
{
	struct folder *folder = *state;
	int lines = 0;

	touch(folder, "05-other.conf");
	touch(folder, "05-other.conf.bak");
	touch(folder, "99-other.conflist");
	assert_int_equal(conflist_status(&folder->agent, count_line, &lines), 0);
	assert_int_equal(lines, 1);
}

static void order_is_that_of_names(void **state)
{
	assert_true(conflist_is_before("00-x.conflist"));
	assert_true(conflist_is_before("10-calico.conflist"));
	assert_true(conflist_is_before("05-x.json"));
	assert_false(conflist_is_before("10-tortie.conflist"));
	assert_false(conflist_is_before("11-x.conf"));
	assert_false(conflist_is_before(".00-x.conf"));
	assert_false(conflist_is_before("00-x"));
	assert_false(conflist_is_before("00-x.txt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_names_versions_that_old_runtimes_take),
		cmocka_unit_test(another_run_dir_is_told_and_escaped),
		cmocka_unit_test(a_text_that_does_not_fit_is_refused),
		cmocka_unit_test(portmap_is_chained_with_a_version_that_it_knows),
		cmocka_unit_test_setup_teardown(a_portmap_that_knows_1_1_gets_all_versions,
						make_folder, drop_folder),
		cmocka_unit_test_setup_teardown(portmap_is_chained_while_the_runtime_has_it,
						make_folder, drop_folder),
		cmocka_unit_test_setup_teardown(an_exclusive_node_moves_others_files_away,
						make_folder, drop_folder),
		cmocka_unit_test_setup_teardown(it_appears_whole_and_is_removed_on_demand,
						make_folder, drop_folder),
		cmocka_unit_test_setup_teardown(what_somebody_wrote_over_it_goes, make_folder,
						drop_folder),
		cmocka_unit_test_setup_teardown(nobody_asked_for_it_nobody_gets_it, make_folder,
						drop_folder),
		cmocka_unit_test_setup_teardown(a_file_that_a_runtime_takes_first_is_told,
						make_folder, drop_folder),
		cmocka_unit_test(order_is_that_of_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
