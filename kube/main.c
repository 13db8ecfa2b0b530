/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: tortie-kubed, what Kubernetes says, told to tortied.
 *
 * Reads the configuration, makes the parts and runs the event loop until SIGTERM or SIGINT. It
 * needs no privilege and keeps none. Without `kubernetes:` in the file it only serves metrics,
 * where `metrics.listen` says so.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "kube/health.h"
#include "kube/kubed.h"
#include "lib/log.h"
#include "lib/options.h"

#define PROGRAM "tortie-kubed"

struct options {
	const char *config_file;
	const char *run_dir;
	bool check;
	bool help;
	bool version;
};

static void on_signal(int signo, void *arg)
{
	log_info("%s: ending; the agent keeps what it was told", strsignal(signo));
	event_loop_stop(arg);
}

static int run_parts(struct event_loop *loop, const struct config *config,
		     const struct options *options)
{
	struct kubed *kubed = NULL;
	struct health *health = NULL;
	int err = kubed_new(loop, config, options->run_dir, &kubed);

	if (err == 0 && !options->check)
		err = health_new(loop, config, kubed, &health);
	if (err == 0 && !options->check) {
		kubed_start(kubed);
		err = event_loop_run(loop);
	}
	health_free(health);
	kubed_free(kubed);
	return err;
}

static int run_with_config(const struct config *config, const struct options *options)
{
	struct event_loop *loop;
	int err;

	if (!config->kubernetes && config->metrics_listen_count == 0) {
		log_error("%s: neither kubernetes: nor metrics.listen, so there is nothing to do",
			  options->config_file);
		return -EINVAL;
	}
	err = event_loop_new(&loop);
	if (err < 0) {
		log_error("event loop: %s", strerror(-err));
		return err;
	}
	signal(SIGPIPE, SIG_IGN);
	event_loop_add_signal(loop, SIGTERM, on_signal, loop);
	event_loop_add_signal(loop, SIGINT, on_signal, loop);
	err = run_parts(loop, config, options);
	event_loop_free(loop);
	return err;
}

static int run(const struct options *options)
{
	char text[CONFIG_ERROR_TEXT_MAX];
	struct config_error error;
	struct config *config;
	int err = config_load_cluster(options->config_file, NULL, 0, &config, &error);

	if (err < 0) {
		log_error("%s",
			  config_error_text(&error, options->config_file, text, sizeof(text)));
		return err;
	}
	log_init(PROGRAM, config->log_level);
	err = run_with_config(config, options);
	config_free(config);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = { .config_file = CONFIG_FILE_DEFAULT,
				   .run_dir = CONFIG_RUN_DIR_DEFAULT };
	const struct option_row rows[] = {
		{ 'c', "config", OPTION_TEXT, &options.config_file, "FILE",
		  "configuration (default " CONFIG_FILE_DEFAULT ")", 0, 0 },
		{ 0, "run-dir", OPTION_TEXT, &options.run_dir, "DIR",
		  "where tortied's sockets are (default " CONFIG_RUN_DIR_DEFAULT ")", 0, 0 },
		{ 0, "check", OPTION_FLAG, &options.check, NULL,
		  "check the configuration and the way to the API server's account, then end", 0,
		  0 },
		{ 'h', "help", OPTION_FLAG, &options.help, NULL, "print this help", 0, 0 },
		{ 'V', "version", OPTION_FLAG, &options.version, NULL, "print the version", 0, 0 },
	};
	size_t row_count = sizeof(rows) / sizeof(rows[0]);
	int operands, err;

	log_init(PROGRAM, LOG_LEVEL_INFO);
	if (options_parse(PROGRAM, rows, row_count, argc, argv, &operands) < 0)
		return 2;
	if (options.help) {
		printf("Usage: %s [-c FILE] [--run-dir DIR] [--check]\n", PROGRAM);
		options_print(rows, row_count);
		return 0;
	}
	if (options.version) {
		printf("%s %s\n", PROGRAM, TORTIE_VERSION);
		return 0;
	}
	if (operands > 0) {
		fprintf(stderr, "%s: %s: takes no operands; see --help\n", PROGRAM, argv[1]);
		return 2;
	}
	srandom((unsigned int)(time(NULL) ^ getpid()));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("libcurl: cannot be initialised");
		return 1;
	}
	err = run(&options);
	curl_global_cleanup();
	return err < 0 ? 1 : 0;
}
