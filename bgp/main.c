/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: tortie-bgpd, the BGP speaker.
 *
 * Reads the configuration, makes the speaker, and runs the event loop until SIGTERM or SIGINT. With
 * the agent (the usual way) it needs no privilege: listening sockets come from tortied, learnt
 * routes go there. With --standalone it binds itself and touches neither agent nor kernel: a route
 * reflector or a route server.
 *
 * Ending closes the connections without a NOTIFICATION, on purpose: a service that is stopped is
 * normally about to be started again, and so the peers keep our routes for the restart time (RFC
 * 4724) while the maps go on forwarding.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bgp/agent_feed.h"
#include "bgp/speaker.h"
#include "lib/log.h"
#include "lib/options.h"

#define PROGRAM "tortie-bgpd"

struct options {
	const char *config_file;
	const char *run_dir;
	bool standalone;
	bool help;
	bool version;
};

static void on_signal(int signo, void *arg)
{
	log_info("%s: ending; peers keep our routes for the restart time", strsignal(signo));
	event_loop_stop(arg);
}

static void on_agent_connected(void *arg)
{
	speaker_replay(arg);
}

static void on_agent_listening(size_t index, int fd, void *arg)
{
	speaker_take_listen_fd(arg, index, fd);
}

static const struct agent_feed_ops feed_ops = {
	.connected = on_agent_connected,
	.listening = on_agent_listening,
};

static int run_speaker(struct event_loop *loop, const struct config *config,
		       const struct options *options)
{
	struct speaker *speaker = NULL;
	struct agent_feed *feed = NULL;
	int err = 0;

	if (!options->standalone)
		err = agent_feed_new(loop, config, options->run_dir, &feed);
	if (err == 0)
		err = speaker_new(loop, config, feed, &speaker);
	if (err == 0 && options->standalone)
		err = speaker_listen(speaker);
	if (err == 0) {
		if (feed)
			agent_feed_start(feed, &feed_ops, speaker);
		speaker_start(speaker);
		err = event_loop_run(loop);
	}
	speaker_free(speaker);
	agent_feed_free(feed);
	return err;
}

/* One session is one descriptor, and a mesh has thousands; the default of 1,024 is for select(2).
 */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_with_config(const struct config *config, const struct options *options)
{
	struct event_loop *loop;
	int err = event_loop_new(&loop);

	if (err < 0) {
		log_error("event loop: %s", strerror(-err));
		return err;
	}
	raise_descriptor_limit();
	event_loop_add_signal(loop, SIGTERM, on_signal, loop);
	event_loop_add_signal(loop, SIGINT, on_signal, loop);
	err = run_speaker(loop, config, options);
	event_loop_free(loop);
	return err;
}

static int run(const struct options *options)
{
	struct config_error error;
	struct config *config;
	int err = config_load(options->config_file, &config, &error);

	if (err < 0) {
		if (error.line > 0)
			log_error("%s:%u:%u: %s", options->config_file, error.line, error.column,
				  error.text);
		else
			log_error("%s: %s", options->config_file, error.text);
		return err;
	}
	log_init(PROGRAM, config->log_level);
	if (config->bgp.present) {
		err = run_with_config(config, options);
	} else {
		log_error("%s: no bgp: section, so there is nothing to do; add one",
			  options->config_file);
		err = -EINVAL;
	}
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
		{ 0, "standalone", OPTION_FLAG, &options.standalone, NULL,
		  "bind itself, without tortied and without kernel routes", 0, 0 },
		{ 'h', "help", OPTION_FLAG, &options.help, NULL, "print this help", 0, 0 },
		{ 'V', "version", OPTION_FLAG, &options.version, NULL, "print the version", 0, 0 },
	};
	size_t row_count = sizeof(rows) / sizeof(rows[0]);
	int operands;

	log_init(PROGRAM, LOG_LEVEL_INFO);
	if (options_parse(PROGRAM, rows, row_count, argc, argv, &operands) < 0)
		return 2;
	if (options.help) {
		printf("Usage: %s [-c FILE] [--run-dir DIR | --standalone]\n", PROGRAM);
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
	return run(&options) < 0 ? 1 : 0;
}
