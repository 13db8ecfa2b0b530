/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: tortie-bgpd, the BGP speaker: its command line. What it does is control.c's.
 *
 * With the agent (the usual way) it needs no privilege: listening sockets come from tortied, learnt
 * routes go there. With --standalone it binds itself and touches neither agent nor kernel: a route
 * reflector or a route server.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bgp/control.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/options.h"

#define LARGE_BUFFER 131072

struct options {
	struct control_options control;
	bool help;
	bool version;
};

int main(int argc, char **argv)
{
	struct options options = { .control = { .config_file = CONFIG_FILE_DEFAULT,
						.run_dir = CONFIG_RUN_DIR_DEFAULT } };
	const struct option_row rows[] = {
		{ 'c', "config", OPTION_TEXT, &options.control.config_file, "FILE",
		  "configuration (default " CONFIG_FILE_DEFAULT ")", 0, 0 },
		{ 0, "run-dir", OPTION_TEXT, &options.control.run_dir, "DIR",
		  "where tortied's sockets are, and bgp.sock (default " CONFIG_RUN_DIR_DEFAULT ")",
		  0, 0 },
		{ 0, "standalone", OPTION_FLAG, &options.control.standalone, NULL,
		  "bind itself, without tortied and without kernel routes", 0, 0 },
		{ 'h', "help", OPTION_FLAG, &options.help, NULL, "print this help", 0, 0 },
		{ 'V', "version", OPTION_FLAG, &options.version, NULL, "print the version", 0, 0 },
	};
	size_t row_count = sizeof(rows) / sizeof(rows[0]);
	int operands;

	log_init(CONTROL_PROGRAM, LOG_LEVEL_INFO);
	if (options_parse(CONTROL_PROGRAM, rows, row_count, argc, argv, &operands) < 0)
		return 2;
	if (options.help) {
		printf("Usage: %s [-c FILE] [--run-dir DIR] [--standalone]\n", CONTROL_PROGRAM);
		options_print(rows, row_count);
		return 0;
	}
	if (options.version) {
		printf("%s %s\n", CONTROL_PROGRAM, TORTIE_VERSION);
		return 0;
	}
	if (operands > 0) {
		fprintf(stderr, "%s: %s: takes no operands; see --help\n", CONTROL_PROGRAM,
			argv[1]);
		return 2;
	}
	/* Else malloc raises it by itself, and a large buffer's memory stays here when it is freed.
	 */
	mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
	srandom((unsigned int)(time(NULL) ^ getpid()));
	return control_run(&options.control) < 0 ? 1 : 0;
}
