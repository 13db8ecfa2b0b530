/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight.c: `tortie preflight`: can this machine run tortie, and what is missing.
 *
 * A table of checks, each a function that adds result lines: ok, warning or problem, the latter two
 * with what mends them. What the kernel can do is tried, never read from its version; nothing on
 * the node is changed (what must be created is created in a network namespace that ends with the
 * try). preflight_kernel.c asks the kernel, preflight_host.c looks at what others left,
 * preflight_config.c reads the configuration.
 */

#include "tools/tortie/preflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "lib/config.h"
#include "tools/tortie/document.h"
#include "tools/tortie/say.h"

static const struct output_view view = { .kind = "PreflightList" };

static const struct {
	const char *name;
	preflight_fn *fn;
} checks[] = {
	{ "bpffs", preflight_bpffs },
	{ "bpf", preflight_bpf },
	{ "memory", preflight_memory },
	{ "pod hook", preflight_pod_hook },
	{ "uplink hook", preflight_uplink_hook },
	{ "nftables", preflight_nftables },
	{ "sysctls", preflight_sysctls },
	{ "uplinks", preflight_uplinks },
	{ "port", preflight_port },
	{ "users", preflight_users },
	{ "conflists", preflight_conflists },
	{ "leftovers", preflight_leftovers },
	{ "groups", preflight_groups },
	{ "firewall", preflight_forward_policy },
	{ "kubernetes", preflight_kubernetes },
};

static void line_add(struct preflight *preflight, const char *level, const char *mend,
		     const char *text)
{
	struct json_object *item = document_new_map();

	document_set_words(item, "level", level);
	document_set_words(item, "check", preflight->check ? preflight->check : "");
	document_set_words(item, "text", text);
	document_set_words(item, "mend", mend);
	document_add(preflight->items, item);
}

void preflight_ok(struct preflight *preflight, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_add(preflight, "ok", "", text);
}

void preflight_warn(struct preflight *preflight, const char *mend, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_add(preflight, "warning", mend, text);
}

void preflight_problem(struct preflight *preflight, const char *mend, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_add(preflight, "problem", mend, text);
	preflight->problems++;
}

const struct kernel_link *preflight_link(const struct preflight *preflight, const char *name)
{
	for (size_t i = 0; i < preflight->link_count; i++) {
		if (strcmp(preflight->links[i].name, name) == 0)
			return &preflight->links[i];
	}
	return NULL;
}

int preflight_kernel_said(const struct command_line *line)
{
	static preflight_fn *const kernel_checks[] = { preflight_bpffs, preflight_bpf,
						       preflight_pod_hook, preflight_uplink_hook,
						       preflight_nftables };
	struct preflight preflight = { .line = line,
				       .is_kubernetes = true,
				       .items = document_new_list() };

	for (size_t i = 0; i < sizeof(kernel_checks) / sizeof(kernel_checks[0]); i++)
		kernel_checks[i](&preflight);
	for (size_t i = 0; i < json_object_array_length(preflight.items); i++) {
		struct json_object *item = json_object_array_get_idx(preflight.items, i);

		if (strcmp(document_get_words(item, "level"), "problem") != 0)
			continue;
		say_error("this node cannot run tortie: %s (%s)", document_get_words(item, "text"),
			  document_get_words(item, "mend"));
		break;
	}
	json_object_put(preflight.items);
	return preflight.problems ? -ENOSYS : 0;
}

static void lines_print(struct json_object *items)
{
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		const char *mend = document_get_words(item, "mend");

		printf("%-8s %-14s %s\n", document_get_words(item, "level"),
		       document_get_words(item, "check"), document_get_words(item, "text"));
		if (mend[0])
			printf("%-8s %-14s   mend: %s\n", "", "", mend);
	}
}

int preflight_run(const struct command_line *line)
{
	struct preflight preflight = { .line = line, .items = document_new_list() };
	struct config *config;
	int err;

	config = preflight_read_config(&preflight);
	preflight.config = config;
	preflight.is_kubernetes = config && config->kubernetes;
	preflight.check = "links";
	err = kernel_links(&preflight.links, &preflight.link_count);
	if (err < 0)
		preflight_problem(&preflight, "", "links cannot be listed: %s", strerror(-err));
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		preflight.check = checks[i].name;
		checks[i].fn(&preflight);
	}
	if (line->format == OUTPUT_JSON || line->format == OUTPUT_YAML)
		output_list(stdout, line->format, &view, preflight.items);
	else
		lines_print(preflight.items);
	json_object_put(preflight.items);
	free(preflight.links);
	config_free(config);
	return preflight.problems ? EXIT_FAILED : EXIT_DONE;
}
