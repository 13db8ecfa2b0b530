/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: the table of commands, and the command line read through it.
 *
 * A row has a command's words, its operands, its options and its help; help texts, checks of
 * operand counts and option parsing all come from the row. Each noun has a file of its own with the
 * function that the row names. Options stand behind the command, --run-dir also before it.
 *
 * The option tables point into the one struct command_line below, which is why it is static.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lib/options.h"
#include "lib/text.h"
#include "tools/tortie/command.h"
#include "tools/tortie/runtime_result.h"
#include "tools/tortie/say.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROWS_MAX     16

static struct command_line line = {
	.run_dir = CONFIG_RUN_DIR_DEFAULT,
	.bpf_dir = CONFIG_BPF_DIR_DEFAULT,
};
static const char *format_text;
static bool help_wanted, version_wanted;

static const struct option_row global_rows[] = {
	{ 0, "run-dir", OPTION_TEXT, &line.run_dir, "DIR",
	  "the agent's run folder (" CONFIG_RUN_DIR_DEFAULT ")", 0, 0 },
	{ 'h', "help", OPTION_FLAG, &help_wanted, NULL, "say what the command does", 0, 0 },
};

#define ROW_OUTPUT                                                                             \
	{                                                                                      \
		'o', "output", OPTION_TEXT, &format_text, "FORMAT", "wide, json or yaml", 0, 0 \
	}
#define ROW_CONFIG                                                                 \
	{                                                                          \
		'c', "config", OPTION_TEXT, &line.config_file, "FILE",             \
			"the node's configuration (" CONFIG_FILE_DEFAULT ")", 0, 0 \
	}
#define ROW_BPF_DIR                                                                     \
	{                                                                               \
		0, "bpf-dir", OPTION_TEXT, &line.bpf_dir, "DIR",                        \
			"the agent's folder of pins (" CONFIG_BPF_DIR_DEFAULT ")", 0, 0 \
	}

#define ROWS_CLUSTER                                                \
	{ 0,	       "kubeconfig",                                \
	  OPTION_TEXT, &line.kubeconfig,                            \
	  "FILE",      "the cluster to ask (as kubectl finds it)",  \
	  0,	       0 },                                         \
	{                                                           \
		0, "context", OPTION_TEXT, &line.context, "NAME",   \
			"of the kubeconfig (its current one)", 0, 0 \
	}
#define ROW_NAMESPACE(text)                                                        \
	{                                                                          \
		'n', "namespace", OPTION_TEXT, &line.namespace, "NAME", text, 0, 0 \
	}
#define ROW_LOCAL                                                                       \
	{                                                                               \
		0, "local", OPTION_FLAG, &line.local, NULL, "ask this node alone", 0, 0 \
	}

static const struct option_row output_rows[] = { ROW_OUTPUT };
static const struct option_row version_rows[] = { ROWS_CLUSTER, ROW_LOCAL, ROW_OUTPUT };
static const struct option_row get_rows[] = {
	{ 'A', "all-namespaces", OPTION_FLAG, &line.all_namespaces, NULL, "pods of all namespaces",
	  0, 0 },
	ROW_NAMESPACE("pods of this namespace"),
	ROWS_CLUSTER,
	ROW_LOCAL,
	ROW_OUTPUT,
};
static const struct option_row status_rows[] = {
	{ 'w', "wait", OPTION_NUMBER, &line.wait_s, "S",
	  "ask again until the node is well, at most S seconds", 0, 86400 },
	{ 'r', "ready", OPTION_FLAG, &line.ready, NULL,
	  "well is whose data plane serves, whatever problems are known", 0, 0 },
	ROW_OUTPUT,
};
static const struct option_row bgp_routes_rows[] = {
	{ 0, "in", OPTION_FLAG, &line.told, NULL, "what peers told and was let in", 0, 0 },
	{ 0, "out", OPTION_FLAG, &line.sent, NULL, "what peers are told", 0, 0 },
	{ 0, "best", OPTION_FLAG, &line.best, NULL, "the routes in use alone", 0, 0 },
	{ 0, "peer", OPTION_TEXT, &line.peer, "ADDRESS", "of this peer alone", 0, 0 },
	ROW_OUTPUT,
};
static const struct option_row drops_rows[] = {
	{ 'f', "follow", OPTION_FLAG, &line.follow, NULL, "print each sampled drop as it happens",
	  0, 0 },
	{ 'n', "count", OPTION_NUMBER, &line.count, "N", "with --follow: end after N drops", 1,
	  1000000000 },
	ROW_OUTPUT,
};
static const struct option_row explain_rows[] = {
	{ 'l', "length", OPTION_NUMBER, &line.length, "OCTETS", "length of the IP packet", 20,
	  65535 },
	{ 't', "ttl", OPTION_NUMBER, &line.ttl, "N", "TTL or hop limit (64)", 1, 255 },
	ROW_OUTPUT,
};
static const struct option_row ipam_rows[] = {
	{ 'b', "blocks", OPTION_FLAG, &line.blocks, NULL, "also each block of this node", 0, 0 },
	{ 0, "ip", OPTION_TEXT, &line.ip, "ADDRESS", "say who has this address", 0, 0 },
	ROW_OUTPUT,
};
static const struct option_row ipam_check_rows[] = {
	{ 0, "results", OPTION_TEXT, &line.results_dir, "DIR",
	  "where the runtime's libcni keeps results (" RUNTIME_RESULTS_DEFAULT ")", 0, 0 },
	ROW_BPF_DIR,
	ROW_OUTPUT,
};
static const struct option_row preflight_rows[] = {
	{ 'k', "kubernetes", OPTION_FLAG, &line.kubernetes, NULL,
	  "also the cluster (done when there is a kubeconfig)", 0, 0 },
	{ 0, "accept-no-policy", OPTION_FLAG, &line.accept_no_policy, NULL,
	  "it is known that network policies are not enforced", 0, 0 },
	ROWS_CLUSTER,
	ROW_CONFIG,
	ROW_BPF_DIR,
	ROW_OUTPUT,
};
static const struct option_row reset_rows[] = {
	ROW_CONFIG,
	ROW_BPF_DIR,
	{ 'y', "yes", OPTION_FLAG, &line.yes, NULL, "do not ask", 0, 0 },
	{ 'a', "all", OPTION_FLAG, &line.all, NULL, "also what install-node brought", 0, 0 },
	{ 0, "host", OPTION_TEXT, &line.host_dir, "DIR", "where the host's folders are (/)", 0, 0 },
	{ 0, "stay", OPTION_FLAG, &line.stay, NULL,
	  "wait for a signal then (a DaemonSet's container that ends is started again)", 0, 0 },
};

static const struct option_row install_rows[] = {
	{ 0, "host", OPTION_TEXT, &line.host_dir, "DIR", "where the host's folders are (/host)", 0,
	  0 },
	{ 0, "source", OPTION_TEXT, &line.source_dir, "DIR",
	  "folder with bin/ and lib/ (/opt/tortie)", 0, 0 },
	ROW_BPF_DIR,
};

static const struct option_row connectivity_rows[] = {
	ROW_NAMESPACE("an existing one to work in (a new one)"),
	{ 0, "image", OPTION_TEXT, &line.image, "IMAGE", "of the pods (that of tortie-node)", 0,
	  0 },
	{ 0, "outside", OPTION_TEXT, &line.outside, "HOST:PORT",
	  "what pods must reach outside (the API server)", 0, 0 },
	{ 0, "timeout", OPTION_NUMBER, &line.timeout_s, "S", "give up after S seconds (180)", 10,
	  3600 },
	ROWS_CLUSTER,
	ROW_OUTPUT,
};
static const struct option_row serve_rows[] = {
	{ 'p', "port", OPTION_NUMBER, &line.port, "N", "TCP and UDP (8080)", 1, 65535 },
};
static const struct option_row probe_rows[] = {
	{ 0, "timeout", OPTION_NUMBER, &line.timeout_s, "S", "for each target (15)", 1, 600 },
};

struct command {
	const char *noun, *verb; /* verb NULL: one word */
	const char *operands;	 /* for help, "" for none */
	int operands_min, operands_max;
	const char *summary; /* one line */
	const char *help;    /* the rest */
	const struct option_row *rows;
	size_t row_count;
	int (*run)(const struct command_line *line);
};

static const struct command commands[] = {
	{ "version", NULL, "", 0, 0, "versions of tortie, the agent, the data plane and the kernel",
	  "Exit status 1 when no agent answers, or the cluster that was named.\n", version_rows,
	  COUNT(version_rows), version_run },
	{ "status", NULL, "", 0, 0, "is this node well",
	  "Exit status 0 only when the data plane serves and no problem is known; each problem\n"
	  "is a line with its mend; with --ready they do not count. With --wait it asks again\n"
	  "until that is so.\n",
	  status_rows, COUNT(status_rows), status_run },
	{ "node", "status", "", 0, 0, "BGP peers: state, since when, routes",
	  "SINCE is the time since the last change of state. ROUTES IN counts the routes accepted\n"
	  "from the peer, ROUTES OUT those advertised to it, IPv4 and IPv6.\n",
	  output_rows, COUNT(output_rows), node_status_run },
	{ "bgp", "peers", "", 0, 0, "tortie-bgpd's peers, with what they last said",
	  "Asks tortie-bgpd itself (RUN-DIR/bgp.sock), with or without the agent. UPDATES counts\n"
	  "messages; SENT and RECEIVED are the last NOTIFICATION of each side in words.\n",
	  output_rows, COUNT(output_rows), bgp_peers_run },
	{ "bgp", "peer", "ADDRESS reset|refresh|down|up [TEXT]", 2, 3,
	  "end, refresh or stop a session",
	  "reset ends the session and begins a new one; refresh has both sides tell all their routes\n"
	  "again within it; down ends it until up, or until tortie-bgpd is started again. TEXT (at\n"
	  "most 128 octets) is told the peer's people with reset and down. For root.\n",
	  NULL, 0, bgp_peer_run },
	{ "bgp", "routes", "[PREFIX|ADDRESS]", 0, 1, "routes that tortie-bgpd knows, tells, uses",
	  "With PREFIX those in it, with ADDRESS those that hold it. Sorted as far as there are at\n"
	  "most 4,096; of more the heading comes again with each 4,096.\n",
	  bgp_routes_rows, COUNT(bgp_routes_rows), bgp_routes_run },
	{ "bgp", "dump", "FILE", 1, 1, "write tortie-bgpd's table as an MRT file",
	  "TABLE_DUMP_V2 of RFC 6396, for bgpdump and other tools: all routes with all attributes,\n"
	  "this node's too. The time of a route is that of its peer's session. FILE is replaced\n"
	  "when the new one is whole.\n",
	  NULL, 0, bgp_dump_run },
	{ "bgp", "alive", "", 0, 0, "does tortie-bgpd answer the agent",
	  "For the liveness probe of tortie-bgpd. Status 1 when the agent says that it is not\n"
	  "connected, or has not answered for 15 seconds; 0 else, also when there is no agent.\n",
	  NULL, 0, bgp_alive_run },
	{ "get", NULL, "KIND [NAME]", 1, 2, "list pods, routes, nodes, pools, BGP peers",
	  "KIND is one of\n"
	  "  workloadendpoint (wep)       pods\n"
	  "  ippool (pool)                address pools\n"
	  "  bgpconfiguration (bgpconfig) BGP of all nodes\n"
	  "  bgppeer                      BGP peers outside the mesh\n"
	  "  bgpfilter                    rules for routes of BGP peers\n"
	  "  ipreservation                addresses that no pod gets\n"
	  "  node                         nodes\n"
	  "  route                        this node's routes to pods (asks this node)\n"
	  "or its plural. With a kubeconfig the cluster is asked, else (or with --local) the agent\n"
	  "of this node; the first line says which. With NAME only the item of that name; status 1\n"
	  "when there is none.\n",
	  get_rows, COUNT(get_rows), get_run },
	{ "counters", NULL, "", 0, 0, "packets and octets of each pod",
	  "TX is what the pod sent, RX what it received. Packets between pods pass the kernel's own\n"
	  "counters of cali* links by: these are the ones that count them.\n",
	  output_rows, COUNT(output_rows), counters_run },
	{ "drops", NULL, "", 0, 0, "dropped packets by reason, or one by one",
	  "Without --follow: how many packets were dropped, by reason. With --follow: sampled drops\n"
	  "(at most 32 a second for each reason and CPU) with time, link, reason and packet.\n",
	  drops_rows, COUNT(drops_rows), drops_run },
	{ "explain", NULL, "FROM[:PORT] TO[:PORT][/PROTOCOL]", 2, 2,
	  "what becomes of a packet, and why",
	  "Runs the data plane's own program on a packet that is never sent. FROM is a pod of this\n"
	  "node (address, NAME, NAMESPACE/NAME or container id) or a pod's address of another node;\n"
	  "TO is an address ([ADDRESS]:PORT for IPv6) or a pod of this node. PROTOCOL is tcp, udp,\n"
	  "icmp or sctp; with a port tcp, else icmp. FROM's port matters where kube-proxy translates:\n"
	  "flows that the host stack carries are known by both. Status 0 when the packet is\n"
	  "delivered, 1 when it is dropped or nobody has the address.\n",
	  explain_rows, COUNT(explain_rows), explain_run },
	{ "ipam", "show", "", 0, 0, "addresses in use and free",
	  "Counts addresses of this node's blocks.\n", ipam_rows, COUNT(ipam_rows), ipam_show_run },
	{ "ipam", "check", "", 0, 0, "do links, agent, data plane and runtime agree",
	  "Compares each pod's link and its addresses with what tortied lists and counts, with the\n"
	  "data plane's map, and with the results that the container runtime keeps. What differs\n"
	  "for a second is a line with its mend; status 1 then. Needs root.\n",
	  ipam_check_rows, COUNT(ipam_check_rows), ipam_check_run },
	{ "connectivity", "test", "", 0, 0, "does the cluster's network work, node by node",
	  "Makes a namespace with a serving and a probing pod on each node, and Services; tries\n"
	  "pod to pod, node, Service, name and outside, by TCP and UDP, small and large, in each\n"
	  "family that the pods have; prints a matrix and removes all it made. Needs a kubeconfig\n"
	  "whose user may create namespaces and pods. Status 1 when a check fails.\n",
	  connectivity_rows, COUNT(connectivity_rows), connectivity_test_run },
	{ "connectivity", "serve", "", 0, 0, "the server in the test's pods",
	  "Answers \"whoami\" with the asker's address, \"echo\" with what follows, and HTTP.\n",
	  serve_rows, COUNT(serve_rows), connectivity_serve_run },
	{ "connectivity", "probe", "TARGET...", 1, 1024, "what the test's pods try",
	  "TARGET is CHECK,TO,HOST,PORT,EXPECT. Prints a line for each target.\n", probe_rows,
	  COUNT(probe_rows), connectivity_probe_run },
	{ "preflight", NULL, "", 0, 0, "can this machine run tortie, and what is missing",
	  "Tries what the kernel can do, looks for what other pod networks left, reads the\n"
	  "configuration; with a kubeconfig also: the server's version, the nodes' podCIDRs,\n"
	  "kube-proxy, network policies, which must be accepted as not enforced. Needs no agent and\n"
	  "changes nothing. Status 1 when there is a problem.\n",
	  preflight_rows, COUNT(preflight_rows), preflight_run },
	{ "reset", NULL, "", 0, 0, "remove all that tortie made on this node",
	  "Pods' links, hooks, pins, routes, the nftables table, the rules that forwarding.accept put\n"
	  "into chains of others, run files, the conflist, what was kept of the cluster; conflists\n"
	  "that were renamed get their names back; with --all also the programs that install-node\n"
	  "brought. Nothing of others. Works with the agent running (it is ended first), stopped or\n"
	  "dead; a second run finds nothing. Pods of this node lose their network.\n",
	  reset_rows, COUNT(reset_rows), reset_run },
	{ "install-node", NULL, "", 0, 0, "bring the programs from the image to the host",
	  "For the init container of the DaemonSet. Asks the kernel whether it can carry the data\n"
	  "plane, then puts the CNI program, the tortie command and the folders into the host's\n"
	  "folders below --host (each written beside its place and renamed), and switches IP\n"
	  "forwarding on. A second run changes nothing.\n",
	  install_rows, COUNT(install_rows), install_node_run },
};

static const char *command_name(const struct command *command, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s", command->noun, command->verb ? " " : "",
		 command->verb ? command->verb : "");
	return buf;
}

static void help_print_all(void)
{
	char name[32];

	printf("usage: tortie [--run-dir DIR] COMMAND [OPTION...]\n\ncommands:\n");
	for (size_t i = 0; i < COUNT(commands); i++)
		printf("  %-18s %s\n", command_name(&commands[i], name, sizeof(name)),
		       commands[i].summary);
	printf("\noptions of every command:\n");
	options_print(global_rows, COUNT(global_rows));
	printf("\ntortie COMMAND --help says more; tortie(8) has it all.\n"
	       "exit status: 0 done, 1 failed, 2 misused\n");
}

/* For "tortie NOUN --help" where NOUN has verbs: false: it has none, or help is not asked for. */
static bool help_print_verbs(int argc, char **argv)
{
	char name[32];
	bool printed = false;

	if (!(argc == 1 && help_wanted) &&
	    (argc != 2 || (strcmp(argv[1], "--help") != 0 && strcmp(argv[1], "-h") != 0)))
		return false;
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (!commands[i].verb || strcmp(commands[i].noun, argv[0]) != 0)
			continue;
		if (!printed)
			printf("commands (tortie COMMAND --help says more):\n");
		printf("  %-18s %s\n", command_name(&commands[i], name, sizeof(name)),
		       commands[i].summary);
		printed = true;
	}
	return printed;
}

static void help_print(const struct command *command)
{
	char name[32];

	printf("usage: tortie [--run-dir DIR] %s%s%s [OPTION...]\n\n%s\n\n%s\noptions:\n",
	       command_name(command, name, sizeof(name)), command->operands[0] ? " " : "",
	       command->operands, command->summary, command->help);
	options_print(command->rows, command->row_count);
	options_print(global_rows, COUNT(global_rows));
}

/* Words before the command: the global options only. *ret_at is the command's place in @argv. */
static int globals_parse(int argc, char **argv, int *ret_at)
{
	static const struct option_row version_row = {
		'V', "version", OPTION_FLAG, &version_wanted, NULL, "", 0, 0
	};
	struct option_row rows[COUNT(global_rows) + 1];
	int at = 1, operands;

	memcpy(rows, global_rows, sizeof(global_rows));
	rows[COUNT(global_rows)] = version_row;
	while (at < argc && argv[at][0] == '-') {
		bool takes_next = strcmp(argv[at], "--run-dir") == 0;

		at += takes_next && at + 1 < argc ? 2 : 1;
	}
	*ret_at = at;
	return options_parse("tortie", rows, COUNT(rows), at, argv, &operands);
}

/* The row for the words at @argv; *ret_words are used by it. NULL: said. */
static const struct command *command_find(int argc, char **argv, int *ret_words)
{
	char verbs[64] = "";

	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct command *command = &commands[i];

		if (strcmp(command->noun, argv[0]) != 0)
			continue;
		*ret_words = command->verb ? 2 : 1;
		if (!command->verb || (argc > 1 && strcmp(command->verb, argv[1]) == 0))
			return command;
		text_append(verbs, sizeof(verbs), "%s%s", verbs[0] ? ", " : "", command->verb);
	}
	if (verbs[0] && argc > 1)
		say_error("%s %s: unknown command (tortie %s %s)", argv[0], argv[1], argv[0],
			  verbs);
	else if (verbs[0])
		say_error("%s: needs one more word (tortie %s %s)", argv[0], argv[0], verbs);
	else
		say_error("%s: unknown command (tortie --help lists them)", argv[0]);
	return NULL;
}

static int command_parse(const struct command *command, int argc, char **argv)
{
	struct option_row rows[ROWS_MAX];
	char name[32], program[48];

	snprintf(program, sizeof(program), "tortie %s", command_name(command, name, sizeof(name)));
	memcpy(rows, global_rows, sizeof(global_rows));
	if (command->row_count > 0)
		memcpy(rows + COUNT(global_rows), command->rows,
		       command->row_count * sizeof(rows[0]));
	if (options_parse(program, rows, COUNT(global_rows) + command->row_count, argc, argv,
			  &line.operand_count) < 0)
		return EXIT_MISUSED;
	if (help_wanted)
		return EXIT_DONE;
	line.operand = argv + 1;
	if (line.operand_count < command->operands_min) {
		say_error("%s: operand missing: %s (%s --help)", name, command->operands, program);
		return EXIT_MISUSED;
	}
	if (line.operand_count > command->operands_max) {
		say_error("%s: too many words: %s (%s --help)", name,
			  line.operand[command->operands_max], program);
		return EXIT_MISUSED;
	}
	if (output_format_parse(format_text, &line.format) < 0) {
		say_error("-o %s: unknown format (wide, json or yaml)", format_text);
		return EXIT_MISUSED;
	}
	return EXIT_DONE;
}

static int tortie_run(int argc, char **argv)
{
	const struct command *command;
	int at = 0, words = 0, status;

	if (globals_parse(argc, argv, &at) < 0)
		return EXIT_MISUSED;
	if (version_wanted) {
		printf("tortie %s\n", TORTIE_VERSION);
		return EXIT_DONE;
	}
	if (at < argc && strcmp(argv[at], "help") == 0) { /* of what follows, as with --help */
		help_wanted = true;
		at++;
	}
	if (at >= argc) {
		if (help_wanted) {
			help_print_all();
			return EXIT_DONE;
		}
		say_error("no command (tortie --help lists them)");
		return EXIT_MISUSED;
	}
	if (help_print_verbs(argc - at, argv + at))
		return EXIT_DONE;
	command = command_find(argc - at, argv + at, &words);
	if (!command)
		return EXIT_MISUSED;
	status = command_parse(command, argc - at - words + 1, argv + at + words - 1);
	if (status != EXIT_DONE)
		return status;
	if (help_wanted) {
		help_print(command);
		return EXIT_DONE;
	}
	return command->run(&line);
}

int main(int argc, char **argv)
{
	const char *bpf_dir = getenv("TORTIE_BPF_DIR");
	int status;

	log_init("tortie", LOG_LEVEL_WARNING);
	if (bpf_dir && *bpf_dir)
		line.bpf_dir = bpf_dir;
	status = tortie_run(argc, argv);
	/* The first: what was left; the second: what failed before it. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		say_error("standard output: cannot be written");
		return status == EXIT_DONE ? EXIT_FAILED : status;
	}
	return status;
}
