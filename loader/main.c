/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c: tortied, the node agent: from command line to event loop.
 *
 *   options -> configuration, checked whole -> capabilities -> RUN-DIR, ours alone -> capabilities
 *   given up -> parts (agent.c) -> loop until SIGTERM, SIGINT or MSG_SHUTDOWN -> parts closed, exit
 * 0
 *
 * What forwards packets outlives the process: maps and uplink programs are pinned, filters, links
 * and routes are the kernel's. So ending, however it comes, leaves the pods connected, and starting
 * means taking over.
 *
 * One agent per RUN-DIR and BPF-DIR: both folders are locked by flock(2) as long as the process
 * lives; the kernel lets go when it dies. Two agents in two network namespaces with other folders
 * share nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/descriptor_limit.h"
#include "lib/event_loop.h"
#include "lib/log.h"
#include "lib/options.h"
#include "lib/unix_socket.h"
#include "loader/agent.h"
#include "loader/folder_lock.h"
#include "loader/privileges.h"
#include "loader/server.h"
#include "node_objects.h"

#define PROGRAM		  "tortied"
#define EXIT_MISUSED	  2
#define ANSWER_TIMEOUT_MS 1000

struct arguments {
	const char *config_file;
	const char *run_dir;
	const char *bpf_dir;
	bool check, version, help;
};

static void print_help(const struct option_row *rows, size_t count)
{
	printf("usage: " PROGRAM " [-c FILE] [--run-dir DIR] [--bpf-dir DIR]\n"
	       "The node agent of tortie: owns BPF maps, programs, pods' links and routes of this\n"
	       "node. Stays in the foreground and logs on stderr.\n\n");
	options_print(rows, count);
}

/* Returns an exit status when there is nothing more to do, -1 to go on. */
static int parse_arguments(int argc, char **argv, struct arguments *args)
{
	const struct option_row rows[] = {
		{ .short_name = 'c',
		  .long_name = "config",
		  .kind = OPTION_TEXT,
		  .target = &args->config_file,
		  .value_name = "FILE",
		  .help = "configuration (default " CONFIG_FILE_DEFAULT ")" },
		{ .long_name = "run-dir",
		  .kind = OPTION_TEXT,
		  .target = &args->run_dir,
		  .value_name = "DIR",
		  .help = "sockets and the ready file (default " CONFIG_RUN_DIR_DEFAULT ")" },
		{ .long_name = "bpf-dir",
		  .kind = OPTION_TEXT,
		  .target = &args->bpf_dir,
		  .value_name = "DIR",
		  .help = "pinned maps, on a bpffs (default " CONFIG_BPF_DIR_DEFAULT ")" },
		{ .long_name = "check",
		  .kind = OPTION_FLAG,
		  .target = &args->check,
		  .help = "check the configuration and end" },
		{ .short_name = 'V',
		  .long_name = "version",
		  .kind = OPTION_FLAG,
		  .target = &args->version,
		  .help = "print the version and end" },
		{ .short_name = 'h',
		  .long_name = "help",
		  .kind = OPTION_FLAG,
		  .target = &args->help,
		  .help = "print this and end" },
	};
	size_t count = sizeof(rows) / sizeof(rows[0]);
	int operands = 0;

	if (options_parse(PROGRAM, rows, count, argc, argv, &operands) < 0)
		return EXIT_MISUSED;
	if (operands > 0) {
		fprintf(stderr, PROGRAM ": %s: takes no operands; see " PROGRAM " --help\n",
			argv[1]);
		return EXIT_MISUSED;
	}
	if (args->help)
		print_help(rows, count);
	else if (args->version)
		printf(PROGRAM " " TORTIE_VERSION "\n");
	return args->help || args->version ? 0 : -1;
}

/* The file's text is kept: on Kubernetes it is read together with each document of the cluster. */
static int load_config(const char *file, struct agent *agent, char **ret_text,
		       struct config **ret_config)
{
	struct config_error error = { 0 };
	char words[CONFIG_ERROR_TEXT_MAX];
	int err = config_read_file(file, ret_text, &agent->base_len, &error);

	if (!err)
		err = config_parse(*ret_text, agent->base_len, file, ret_config, &error);
	agent->base = *ret_text;
	if (!err)
		return 0;
	log_error("%s", config_error_text(&error, file, words, sizeof(words)));
	return err;
}

/*
 * Everybody may read the run folder and so lock it: only an agent that answers is one. One that is
 * still starting is met at its socket later.
 */
static bool agent_answers(const char *run_dir)
{
	char path[PATH_MAX + sizeof("/" CNI_SOCKET_NAME ".sock")];
	int fd;

	snprintf(path, sizeof(path), "%s/" CNI_SOCKET_NAME ".sock", run_dir);
	fd = unix_socket_connect_timeout(path, ANSWER_TIMEOUT_MS);
	if (fd >= 0)
		close(fd);
	return fd != -ENOENT && fd != -ECONNREFUSED;
}

/* The folder, made when missing, locked as long as we live; *ret_path is its absolute name. */
static int take_folder(const char *what, const char *path, mode_t mode, char ret_path[PATH_MAX])
{
	int fd, err;

	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		err = -errno;
		log_error("%s %s: cannot be made: %s; make the folder above it, or say --%s DIR",
			  what, path, strerror(-err), what);
		return err;
	}
	if (!realpath(path, ret_path)) {
		log_error("%s %s: %s", what, path, strerror(errno));
		return -errno;
	}
	fd = open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		log_error("%s %s: %s", what, path, strerror(errno));
		return -errno;
	}
	err = folder_lock(fd);
	if (err == 0)
		return 0; /* the descriptor stays open: it is the lock */
	close(fd);
	if (err == -EWOULDBLOCK && !agent_answers(ret_path)) {
		log_warning("%s %s: locked by a process that is no tortied (see /proc/locks)", what,
			    path);
		return 0;
	}
	if (err == -EWOULDBLOCK)
		log_error("%s %s: in use by another tortied; give this one a folder of its own",
			  what, path);
	else
		log_error("%s %s: cannot be locked: %s", what, path, strerror(-err));
	return err;
}

static int take_run_dir(const char *path, char ret_path[PATH_MAX])
{
	int err = take_folder("run-dir", path, 0755, ret_path);

	if (err || server_paths_fit(ret_path))
		return err;
	log_error("run-dir %s: too long for the path of a socket", path);
	return -ENAMETOOLONG;
}

static int check_privileges(void)
{
	char missing[128];

	if (privileges_missing(missing, sizeof(missing)) == 0)
		return 0;
	log_error("not permitted: %s missing; start as root or as a service with these "
		  "capabilities",
		  missing);
	return -EPERM;
}

static int give_up_privileges(void)
{
	int err = privileges_join_group(SERVER_SOCKET_GROUP);

	if (err && err != -ENOENT && err != -EPERM)
		log_warning("group " SERVER_SOCKET_GROUP ": cannot be joined: %s", strerror(-err));
	err = privileges_keep_for_loading();
	if (err)
		log_error("capabilities cannot be given up: %s", strerror(-err));
	return err;
}

static void on_signal(int signo, void *arg)
{
	struct agent *agent = arg;

	log_info("%s: ending; pods stay connected", strsignal(signo));
	event_loop_stop(agent->loop);
}

/* The loop, and what ends it. */
static int open_loop(struct agent *agent)
{
	int err = event_loop_new(&agent->loop);

	if (!err)
		err = event_loop_add_signal(agent->loop, SIGTERM, on_signal, agent);
	if (!err)
		err = event_loop_add_signal(agent->loop, SIGINT, on_signal, agent);
	if (err)
		log_error("cannot start: event loop: %s", strerror(-err));
	return err;
}

static int run(struct agent *agent)
{
	char stale[PATH_MAX];
	int err;

	signal(SIGPIPE, SIG_IGN);
	descriptor_limit_raise();
	/* A ready file of an agent that was killed promises what is not true yet. */
	snprintf(stale, sizeof(stale), "%s/" READY_FILE_NAME, agent->run_dir);
	unlink(stale);
	agent->started_ms = event_loop_now_ms();
	err = open_loop(agent);
	if (!err)
		err = agent_open(agent);
	if (!err) {
		err = event_loop_run(agent->loop);
		if (err)
			log_error("event loop: %s; ending", strerror(-err));
	}
	agent_close(agent);
	event_loop_free(agent->loop);
	return err == 0 && agent->has_failed ? -ECANCELED : err;
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.config_file = CONFIG_FILE_DEFAULT,
		.run_dir = CONFIG_RUN_DIR_DEFAULT,
		.bpf_dir = CONFIG_BPF_DIR_DEFAULT,
	};
	char run_dir[PATH_MAX];
	struct agent agent = { .run_dir = run_dir };
	struct config *config = NULL;
	char *text = NULL;
	int status = parse_arguments(argc, argv, &args);

	if (status >= 0)
		return status;
	log_init(PROGRAM, LOG_LEVEL_INFO);
	umask(022);
	if (load_config(args.config_file, &agent, &text, &config) < 0) {
		free(text);
		return EXIT_FAILURE;
	}
	log_init(PROGRAM, config->log_level);
	status = EXIT_FAILURE;
	agent.config = config;
	agent.bpf_dir = args.bpf_dir;
	if (args.check) {
		printf("%s: ok\n", args.config_file);
		status = EXIT_SUCCESS;
	} else if (check_privileges() == 0 && take_run_dir(args.run_dir, run_dir) == 0 &&
		   give_up_privileges() == 0 && run(&agent) == 0) {
		status = EXIT_SUCCESS;
	}
	config_free(config);
	free(text);
	return status;
}
