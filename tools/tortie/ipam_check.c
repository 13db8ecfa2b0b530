/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam_check.c: `tortie ipam check`: is every address where it should be, and nowhere else?
 *
 * Four views of the same pods, each read by itself:
 *
 *     the links     kernel, each pod's link with its record; the truth
 *     the agent     which pods it lists, and how many addresses of each block it counts as used
 *     map endpoint  where the data plane sends a packet, by its pin
 *     the runtime   which attachments it believes in (runtime_result.c)
 *
 * Pods come and go while this is read. So when something differs all is read again a second later,
 * and a difference counts only when it stands in both lists. Items are json-c objects, used as
 * tables here: a link's item by its name, a link's name by each address.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <json-c/json.h>

#include "dataplane_abi.h"
#include "lib/ip_prefix.h"
#include "node_objects.h"
#include "tools/tortie/command.h"
#include "tools/tortie/document.h"
#include "tools/tortie/get.h"
#include "tools/tortie/kernel.h"
#include "tools/tortie/runtime_result.h"
#include "tools/tortie/say.h"

#define SECOND_LOOK_S  1
#define ALIAS_HEAD     4 /* words of a record before the addresses: mark, id, interface, MAC */
#define MAP_PATH_MAX   4096
#define DIFFERENCE_MAX 512

struct look {
	struct json_object *links;	 /* by name: {ifindex, addresses, container_id, workload} */
	struct json_object *owners;	 /* address -> name of its link */
	struct json_object *endpoints;	 /* of the agent, a list */
	struct json_object *pools;	 /* of the agent, a list */
	struct json_object *results;	 /* of the runtime, by name of the link: addresses */
	struct json_object *entries;	 /* of the map: address -> ifindex */
	struct json_object *differences; /* a list of {object, text} */
	bool has_results;
};

static void __attribute__((format(printf, 3, 4)))
differ(struct look *look, const char *object, const char *format, ...)
{
	struct json_object *item = document_new_map();
	char text[DIFFERENCE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	document_set_words(item, "object", object);
	document_set_words(item, "text", text);
	document_add(look->differences, item);
}

static void look_free(struct look *look)
{
	json_object_put(look->links);
	json_object_put(look->owners);
	json_object_put(look->endpoints);
	json_object_put(look->pools);
	json_object_put(look->results);
	json_object_put(look->entries);
	json_object_put(look->differences);
}

/* --- reading --- */

/* The record, "tortie:1 ID INTERFACE MAC ADDRESS...": words, one space between. */
static struct json_object *link_item(const struct kernel_link *link)
{
	struct json_object *item = document_new_map(), *addresses = document_new_list();
	char text[sizeof(link->alias)], *word, *rest = text;

	snprintf(text, sizeof(text), "%s", link->alias);
	for (int i = 0; (word = strsep(&rest, " ")) != NULL; i++) {
		if (i == 1)
			document_set_words(item, "container_id", word);
		if (i >= ALIAS_HEAD)
			document_add_words(addresses, word);
	}
	document_set_number(item, "ifindex", link->ifindex);
	document_set(item, "addresses", addresses);
	return item;
}

static int read_links(struct look *look)
{
	struct kernel_link *links;
	size_t count;
	int err = kernel_links(&links, &count);

	if (err < 0) {
		say_error("links: cannot be read: %s", strerror(-err));
		return err;
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *item, *addresses;

		if (!kernel_link_is_pod(&links[i]))
			continue;
		item = link_item(&links[i]);
		addresses = json_object_object_get(item, "addresses");
		json_object_object_add(look->links, links[i].name, item);
		for (size_t k = 0; k < json_object_array_length(addresses); k++) {
			const char *addr =
				json_object_get_string(json_object_array_get_idx(addresses, k));
			struct json_object *other = json_object_object_get(look->owners, addr);

			if (other)
				differ(look, addr,
				       "links %s and %s both carry it; delete one of "
				       "the two pods",
				       json_object_get_string(other), links[i].name);
			json_object_object_add(look->owners, addr,
					       json_object_new_string(links[i].name));
		}
	}
	free(links);
	return 0;
}

static int read_map(struct look *look, const char *bpf_dir)
{
	char path[MAP_PATH_MAX], text[IP_ADDR_TEXT_MAX];
	struct ip_addr key, *at = NULL;
	int fd;

	snprintf(path, sizeof(path), "%s/endpoint_v%d", bpf_dir, DATAPLANE_ABI_VERSION);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		say_error("map endpoint: %s: %s (--bpf-dir as tortied has it; root may read it)",
			  path, strerror(-fd));
		return fd;
	}
	while (bpf_map_get_next_key(fd, at, &key) == 0) {
		struct endpoint_value value = { 0 };

		at = &key;
		if (bpf_map_lookup_elem(fd, &key, &value) < 0 || value.flags & ENDPOINT_HOST)
			continue;
		json_object_object_add(look->entries, ip_addr_format(&key, text, sizeof(text)),
				       json_object_new_int64(value.ifindex));
	}
	close(fd);
	return 0;
}

static void take_result(const struct runtime_result *result, void *arg)
{
	struct look *look = arg;
	struct json_object *item = document_new_map(), *addresses = document_new_list();
	char text[IP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < result->address_count; i++)
		document_add_words(addresses,
				   ip_addr_format(&result->address[i], text, sizeof(text)));
	document_set(item, "addresses", addresses);
	document_set_words(item, "container_id", result->container_id);
	json_object_object_add(look->results, result->host_ifname, item);
}

static int read_results(struct look *look, const struct command_line *line)
{
	const char *dir = line->results_dir ? line->results_dir : RUNTIME_RESULTS_DEFAULT;
	int err = runtime_results_read(dir, take_result, look);

	look->has_results = err == 0;
	if (err == 0 || (err == -ENOENT && !line->results_dir))
		return 0;
	say_error("%s: %s (--results: the folder that libcni keeps results in)", dir,
		  strerror(-err));
	return err;
}

/* --- comparing --- */

static bool list_has(struct json_object *list, const char *word)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), word) == 0)
			return true;
	return false;
}

/* Words of @list that @other lacks: the first one, or NULL. */
static const char *find_missing(struct json_object *list, struct json_object *other)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(list, i));

		if (!list_has(other, word))
			return word;
	}
	return NULL;
}

/* The agent writes addresses as ADDRESS/32. */
static bool agent_has(struct json_object *endpoint, const char *addr)
{
	struct json_object *networks = json_object_object_get(endpoint, "networks");
	size_t len = strlen(addr);

	for (size_t i = 0; i < json_object_array_length(networks); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(networks, i));

		if (strncmp(text, addr, len) == 0 && text[len] == '/')
			return true;
	}
	return false;
}

static struct json_object *agent_find(struct look *look, const char *link)
{
	for (size_t i = 0; i < json_object_array_length(look->endpoints); i++) {
		struct json_object *item = json_object_array_get_idx(look->endpoints, i);

		if (strcmp(document_get_words(item, "interface"), link) == 0)
			return item;
	}
	return NULL;
}

static void compare_link(struct look *look, const char *name, struct json_object *link)
{
	struct json_object *addresses = json_object_object_get(link, "addresses");
	struct json_object *endpoint = agent_find(look, name);
	uint64_t ifindex = document_get_number(link, "ifindex");

	if (!endpoint)
		differ(look, name,
		       "tortied does not list this pod's link (container %s); "
		       "`tortie status` and its log say more",
		       document_get_words(link, "container_id"));
	for (size_t i = 0; i < json_object_array_length(addresses); i++) {
		const char *addr = json_object_get_string(json_object_array_get_idx(addresses, i));
		struct json_object *entry = json_object_object_get(look->entries, addr);

		if (endpoint && !agent_has(endpoint, addr))
			differ(look, name, "its record has %s, tortied does not; restart tortied",
			       addr);
		if (!entry)
			differ(look, name,
			       "map endpoint has no entry for %s; tortied puts it "
			       "back within a minute",
			       addr);
		else if ((uint64_t)json_object_get_int64(entry) != ifindex)
			differ(look, name,
			       "map endpoint has %s at link number %s instead of %llu; "
			       "tortied puts it right within a minute",
			       addr, json_object_get_string(entry), (unsigned long long)ifindex);
	}
	if (look->has_results && !json_object_object_get(look->results, name))
		differ(look, name,
		       "the runtime has no result for container %s: an attachment that "
		       "it has forgotten, or another runtime's (--results)",
		       document_get_words(link, "container_id"));
}

static void compare_agent(struct look *look)
{
	for (size_t i = 0; i < json_object_array_length(look->endpoints); i++) {
		struct json_object *item = json_object_array_get_idx(look->endpoints, i);
		const char *name = document_get_words(item, "interface");

		if (!json_object_object_get(look->links, name))
			differ(look, name, "tortied lists pod %s there, but there is no such link",
			       document_get_words(item, "workload"));
	}
}

/* How many addresses of the links lie in @cidr. */
static uint64_t count_inside(struct look *look, const struct ip_prefix *cidr)
{
	uint64_t count = 0;

	json_object_object_foreach(look->owners, text, link)
	{
		struct ip_addr addr;

		(void)link;
		count += ip_addr_parse(text, &addr) == 0 && ip_prefix_contains(cidr, &addr);
	}
	return count;
}

static void compare_blocks(struct look *look, struct json_object *pool)
{
	struct json_object *blocks = json_object_object_get(pool, "blocks");

	for (size_t i = 0; i < json_object_array_length(blocks); i++) {
		struct json_object *block = json_object_array_get_idx(blocks, i);
		const char *text = document_get_words(block, "cidr");
		uint64_t used = document_get_number(block, "used"), carried;
		struct ip_prefix cidr;

		if (ip_prefix_parse(text, &cidr) < 0)
			continue;
		carried = count_inside(look, &cidr);
		if (used != carried)
			differ(look, text,
			       "tortied counts %llu addresses as used, links carry "
			       "%llu; restart tortied",
			       (unsigned long long)used, (unsigned long long)carried);
	}
}

static void compare_result(struct look *look, const char *name, struct json_object *result)
{
	struct json_object *link = json_object_object_get(look->links, name);
	struct json_object *told = json_object_object_get(result, "addresses"), *carried;
	const char *addr;

	if (!link) {
		differ(look, name,
		       "the runtime has container %s there, but there is no such link; "
		       "delete the pod, it has no network",
		       document_get_words(result, "container_id"));
		return;
	}
	carried = json_object_object_get(link, "addresses");
	addr = find_missing(carried, told);
	if (addr)
		differ(look, name, "carries %s, which the runtime's result lacks", addr);
	addr = find_missing(told, carried);
	if (addr)
		differ(look, name, "the runtime's result has %s, which the link lacks", addr);
}

static void compare(struct look *look)
{
	json_object_object_foreach(look->links, link_name, link)
	{
		compare_link(look, link_name, link);
	}
	compare_agent(look);
	json_object_object_foreach(look->entries, addr, ifindex)
	{
		if (!json_object_object_get(look->owners, addr))
			differ(look, addr,
			       "map endpoint has it at link number %s, but no pod's "
			       "link carries it; tortied removes it within a minute",
			       json_object_get_string(ifindex));
	}
	for (size_t i = 0; i < json_object_array_length(look->pools); i++)
		compare_blocks(look, json_object_array_get_idx(look->pools, i));
	json_object_object_foreach(look->results, result_name, result)
	{
		compare_result(look, result_name, result);
	}
}

/* --- the command --- */

static int look_take(struct look *look, const struct command_line *line)
{
	int err;

	*look = (struct look){ .links = document_new_map(),
			       .owners = document_new_map(),
			       .results = document_new_map(),
			       .entries = document_new_map(),
			       .differences = document_new_list() };
	err = get_collect(line->run_dir, &get_endpoints, &look->endpoints);
	if (err == 0)
		err = get_collect(line->run_dir, &get_pools, &look->pools);
	if (err == 0)
		err = read_links(look);
	if (err == 0)
		err = read_map(look, line->bpf_dir);
	if (err == 0)
		err = read_results(look, line);
	if (err < 0) {
		look_free(look);
		return err;
	}
	compare(look);
	return 0;
}

/* Those of @now that stood in @before as well, word for word. */
static struct json_object *keep_lasting(struct json_object *now, struct json_object *before)
{
	struct json_object *lasting = document_new_list();

	for (size_t i = 0; i < json_object_array_length(now); i++) {
		struct json_object *item = json_object_array_get_idx(now, i);
		bool found = false;

		for (size_t k = 0; k < json_object_array_length(before) && !found; k++)
			found = json_object_equal(item, json_object_array_get_idx(before, k));
		if (found)
			document_add(lasting, json_object_get(item));
	}
	return lasting;
}

static int look_twice(struct look *look, const struct command_line *line)
{
	const struct timespec pause = { .tv_sec = SECOND_LOOK_S };
	struct json_object *before;
	int err = look_take(look, line);

	if (err < 0 || json_object_array_length(look->differences) == 0)
		return err;
	before = json_object_get(look->differences);
	look_free(look);
	nanosleep(&pause, NULL);
	err = look_take(look, line);
	if (err == 0) {
		struct json_object *lasting = keep_lasting(look->differences, before);

		json_object_put(look->differences);
		look->differences = lasting;
	}
	json_object_put(before);
	return err;
}

static struct json_object *report(const struct look *look)
{
	struct json_object *document = document_new_map();

	document_set_number(document, "links", (uint64_t)json_object_object_length(look->links));
	document_set_number(document, "addresses",
			    (uint64_t)json_object_object_length(look->owners));
	document_set_number(document, "pods", json_object_array_length(look->endpoints));
	document_set_number(document, "map_entries",
			    (uint64_t)json_object_object_length(look->entries));
	document_set_flag(document, "runtime_compared", look->has_results);
	document_set_number(document, "runtime_results",
			    (uint64_t)json_object_object_length(look->results));
	document_set(document, "differences", json_object_get(look->differences));
	return document;
}

static void print(struct json_object *document, const struct look *look,
		  const struct command_line *line)
{
	size_t count = json_object_array_length(look->differences);

	printf("links         %s pods, %s addresses\n", document_get_words(document, "links"),
	       document_get_words(document, "addresses"));
	printf("tortied       %s pods\n", document_get_words(document, "pods"));
	printf("map endpoint  %s entries\n", document_get_words(document, "map_entries"));
	if (look->has_results)
		printf("runtime       %s results\n",
		       document_get_words(document, "runtime_results"));
	else
		printf("runtime       not compared: there is no %s (--results)\n",
		       line->results_dir ? line->results_dir : RUNTIME_RESULTS_DEFAULT);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(look->differences, i);

		printf("%s%s: %s\n", i == 0 ? "\n" : "", document_get_words(item, "object"),
		       document_get_words(item, "text"));
	}
	printf("\n%s\n", count == 0 ? "All agree." : "They differ.");
}

int ipam_check_run(const struct command_line *line)
{
	struct json_object *document;
	struct look look;
	int status;

	if (look_twice(&look, line) < 0)
		return EXIT_FAILED;
	document = report(&look);
	status = json_object_array_length(look.differences) == 0 ? EXIT_DONE : EXIT_FAILED;
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML) {
		if (output_document(stdout, line->format, document) < 0)
			status = EXIT_FAILED;
	} else {
		print(document, &look, line);
	}
	json_object_put(document);
	look_free(&look);
	return status;
}
