/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_PREFLIGHT_H
#define TOOLS_TORTIE_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/tortie/command.h"
#include "tools/tortie/kernel.h"

struct config;
struct json_object;

struct preflight {
	const struct command_line *line;
	const struct config *config; /* NULL: cannot be read */
	bool is_kubernetes; /* the file has kubernetes:, a cluster's node has none, or the image's
			       installer asks */
	struct kernel_link *links;
	size_t link_count;
	struct json_object *items; /* result lines */
	const char *check;	   /* the one that runs */
	size_t problems;
};

/* A result line of the running check. @mend: what to do about it. */
void preflight_ok(struct preflight *preflight, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void preflight_warn(struct preflight *preflight, const char *mend, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void preflight_problem(struct preflight *preflight, const char *mend, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** preflight_link() - the link called @name, NULL when there is none (borrowed). */
const struct kernel_link *preflight_link(const struct preflight *preflight, const char *name);

typedef void preflight_fn(struct preflight *preflight);

/** preflight_read_config() - preflight_config.c: the file, or what a node of a cluster has in its
 * place. The caller's; NULL: there is none, which is told as a problem. */
struct config *preflight_read_config(struct preflight *preflight);

/* preflight_kernel.c: what the kernel can do, by trying. */
preflight_fn preflight_bpffs, preflight_bpf, preflight_memory, preflight_uplink_hook,
	preflight_pod_hook, preflight_nftables, preflight_sysctls;
/* preflight_host.c: what others left or hold. */
preflight_fn preflight_conflists, preflight_leftovers, preflight_groups, preflight_uplinks,
	preflight_port, preflight_forward_policy, preflight_users;

/* preflight_kube.c: the cluster, when there is a kubeconfig. */
preflight_fn preflight_kubernetes;
/** preflight_proxy_mode() - the mode in kube-proxy's configuration file @config, into @ret ("": its
 * default). false: it has no such line. Pure. */
bool preflight_proxy_mode(const char *config, char *ret, size_t size);

/** preflight_kernel_said() - the kernel's checks alone, for install-node: 0, or -ENOSYS with the
 * first problem said as one error line. */
int preflight_kernel_said(const struct command_line *line);

/** preflight_conflist_is_first() - would a runtime that sorts by name take @name before ours? Pure.
 */
bool preflight_conflist_is_first(const char *name);
/** preflight_conflist_is_read() - is @name one that runtimes read (.conf, .conflist, .json)? Pure.
 */
bool preflight_conflist_is_read(const char *name);
/** preflight_conflist_has_plugin() - does the text of a conflist chain the plugin @type? Pure. */
bool preflight_conflist_has_plugin(const char *text, const char *type);
/** preflight_ruleset_drops_forward() - does nft's listing of chains have a forward base chain with
 * policy drop? Its "family table chain" goes to @ret. Pure. */
bool preflight_ruleset_drops_forward(const char *listing, char *ret, size_t size);

#endif /* TOOLS_TORTIE_PREFLIGHT_H */
