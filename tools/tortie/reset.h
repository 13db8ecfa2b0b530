/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_RESET_H
#define TOOLS_TORTIE_RESET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What reset looks for, from the configuration or the defaults. */
struct reset_scope {
	const char *run_dir;
	const char *bpf_dir;
	const char *cni_dir;
	const char *cni_bin_dir;
	const char *state;	/* file of the cluster's document */
	const char *host_dir;	/* in front of the host's folders, "" on the host itself */
	uint32_t group[3];	/* creating, live, dying */
	char path[4][PATH_MAX]; /* where the folders' names are kept when host_dir is in front */
};

/* What it did; every removal and every failure is a line as it happens. */
struct reset_report {
	size_t removed;
	size_t failed;
};

/** reset_agent_end() - ask a running agent to end and wait until its process is gone. 0 (also when
 * none runs) or -errno, said. */
int reset_agent_end(const struct reset_scope *scope, struct reset_report *report);

void reset_removed(struct reset_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void reset_failed(struct reset_report *report, const char *what, int err);

/* reset_kernel.c */
void reset_links(const struct reset_scope *scope, struct reset_report *report);
void reset_filters(struct reset_report *report);
void reset_routes(struct reset_report *report);
void reset_nft_table(struct reset_report *report);
/* reset_rules.c */
void reset_rules(struct reset_report *report);
/** reset_rule_commands() - commands that delete our rules from a ruleset's @listing with handles,
 * and their number. The caller frees; NULL without memory. Pure. */
char *reset_rule_commands(const char *listing, size_t *ret_count);
/* reset_files.c */
void reset_pins(const struct reset_scope *scope, struct reset_report *report);
void reset_run_dir(const struct reset_scope *scope, struct reset_report *report);
/** reset_conflist() - ours goes, and what was renamed for us gets its name back. */
void reset_conflist(const struct reset_scope *scope, struct reset_report *report);
void reset_state(const struct reset_scope *scope, struct reset_report *report);
/** reset_programs() - what install-node brought: CNI program, command, libraries. */
void reset_programs(const struct reset_scope *scope, struct reset_report *report);

/** reset_pin_is_ours() - does a file of the pin folder have one of our names? Pure. */
bool reset_pin_is_ours(const char *name);

#endif /* TOOLS_TORTIE_RESET_H */
