/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_TORTIE_COMMAND_H
#define TOOLS_TORTIE_COMMAND_H

#include <stdbool.h>

#include "tools/tortie/output.h"

/*
 * What the command line said. main.c fills it from its tables; a command reads what its own row
 * offers.
 */
struct command_line {
	const char *run_dir;
	const char *bpf_dir;	 /* preflight, reset */
	const char *config_file; /* preflight, reset; NULL: the default, which may be absent */
	enum output_format format;
	unsigned int wait_s;	 /* status; 0: ask once */
	bool ready;		 /* status: problems are no matter */
	bool follow;		 /* drops */
	unsigned int count;	 /* drops --follow: end after so many; 0: never */
	bool blocks;		 /* ipam show */
	const char *ip;		 /* ipam show; NULL: none */
	const char *results_dir; /* ipam check; NULL: the default, which may be absent */
	unsigned int length;	 /* explain; 0: smallest */
	unsigned int ttl;	 /* explain; 0: 64 */
	bool yes;		 /* reset */
	bool stay;		 /* reset: do not end */
	bool all;		 /* reset: what install-node brought, too */
	const char *host_dir; /* install-node, reset: where the host's folders are; NULL: default */
	const char *source_dir; /* install-node; NULL: the image's */
	const char
		*kubeconfig; /* get, version, preflight, connectivity; NULL: as kubectl finds it */
	const char *context; /* NULL: the current one */
	const char *namespace;	/* get, connectivity; NULL: the default */
	bool all_namespaces;	/* get */
	bool local;		/* get, version: ask this node alone */
	bool kubernetes;	/* preflight */
	bool accept_no_policy;	/* preflight */
	const char *image;	/* connectivity test */
	const char *outside;	/* connectivity test: HOST:PORT */
	unsigned int timeout_s; /* connectivity test, probe; 0: the default */
	unsigned int port;	/* connectivity serve; 0: the default */
	bool told, sent, best;	/* bgp routes: --in, --out, --best */
	const char *peer;	/* bgp routes; NULL: all */
	int operand_count;
	char **operand; /* borrowed from argv */
};

/* Each: enum exit_status; what went wrong has been said. */
int version_run(const struct command_line *line);
int status_run(const struct command_line *line);
int node_status_run(const struct command_line *line);
int bgp_dump_run(const struct command_line *line);
int bgp_alive_run(const struct command_line *line);
int bgp_peers_run(const struct command_line *line);
int bgp_peer_run(const struct command_line *line);
int bgp_routes_run(const struct command_line *line);
int get_run(const struct command_line *line);
int counters_run(const struct command_line *line);
int drops_run(const struct command_line *line);
int explain_run(const struct command_line *line);
int ipam_show_run(const struct command_line *line);
int ipam_check_run(const struct command_line *line);
int preflight_run(const struct command_line *line);
int reset_run(const struct command_line *line);
int connectivity_test_run(const struct command_line *line);
int connectivity_serve_run(const struct command_line *line);
int connectivity_probe_run(const struct command_line *line);
int install_node_run(const struct command_line *line);

#endif /* TOOLS_TORTIE_COMMAND_H */
