/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reset.c: `tortie reset`: nothing of tortie's stays on this node, everything of others does.
 *
 * First the agent is ended (reset_agent.c), since it would put back what is removed. Then, in this
 * order: the conflist (no runtime asks for a new pod), hooks on the uplinks and pins (no packet is
 * short-cut any more), pods' links with their routes and neighbours, the other routes, the nftables
 * table, our rules in others' chains, the run folder, the cluster's document; with --all also what
 * install-node brought to the host. Each object is recognised by what node_objects.h says. A step
 * that fails is said and the next one goes on; the exit status is 1 then. A second run finds
 * nothing.
 *
 * Settings that the agent switched on (IP forwarding, accept_ra=2, GSO sizes of uplinks) stay:
 * nobody can tell whether another program needs them by now.
 */

#include "tools/tortie/reset.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/config.h"
#include "node_objects.h"
#include "tools/tortie/command.h"
#include "tools/tortie/say.h"

void reset_removed(struct reset_report *report, const char *format, ...)
{
	char text[1024], line[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("removed %s\n", say_escape(text, sizeof(text), line, sizeof(line)));
	report->removed++;
}

void reset_failed(struct reset_report *report, const char *what, int err)
{
	say_error("%s: cannot be removed: %s", what, strerror(-err));
	report->failed++;
}

/* The folders as they are seen from here: in a container below the host's folder. */
static void scope_enter_host(struct reset_scope *scope)
{
	const char **folders[] = { &scope->run_dir, &scope->cni_dir, &scope->cni_bin_dir,
				   &scope->state };

	if (scope->host_dir[0] == '\0')
		return;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(scope->path[i], sizeof(scope->path[i]), "%.1000s%.2000s", scope->host_dir,
			 *folders[i]);
		*folders[i] = scope->path[i];
	}
}

/*
 * The groups and folders of the file. One that was named must be readable; the default one may be
 * missing or broken, since a reset is also for a node whose configuration is lost.
 */
static int scope_fill(const struct command_line *line, struct config **ret_config,
		      struct reset_scope *scope)
{
	const char *file = line->config_file ? line->config_file : CONFIG_FILE_DEFAULT;
	struct config_error error = { 0 };
	struct config *config = NULL;
	char text[CONFIG_ERROR_TEXT_MAX];
	int err;

	*scope = (struct reset_scope){ .run_dir = line->run_dir,
				       .bpf_dir = line->bpf_dir,
				       .cni_dir = CONFIG_CNI_DIR_DEFAULT,
				       .cni_bin_dir = CONFIG_CNI_BIN_DEFAULT,
				       .state = CONFIG_STATE_DEFAULT,
				       .host_dir = line->host_dir ? line->host_dir : "",
				       .group = { CONFIG_GROUP_CREATING_DEFAULT,
						  CONFIG_GROUP_LIVE_DEFAULT,
						  CONFIG_GROUP_DYING_DEFAULT } };
	err = config_load(file, &config, &error);
	if (err < 0 && (line->config_file || err != -ENOENT))
		say_error("%s%s", config_error_text(&error, file, text, sizeof(text)),
			  line->config_file ? "" : " (default groups and folders are used)");
	if (err < 0)
		return line->config_file ? err : 0;
	scope->group[0] = config->group_creating;
	scope->group[1] = config->group_live;
	scope->group[2] = config->group_dying;
	if (config->cni_dir)
		scope->cni_dir = config->cni_dir;
	if (config->cni_bin_dir)
		scope->cni_bin_dir = config->cni_bin_dir;
	if (config->kube.state)
		scope->state = config->kube.state;
	*ret_config = config;
	return 0;
}

/* Below a folder that is mistyped or not mounted all would be found gone. */
static bool host_is_there(const char *host_dir)
{
	struct stat state;

	if (!host_dir)
		return true;
	if (stat(host_dir, &state) < 0) {
		say_error("reset: --host %s: %s", host_dir, strerror(errno));
		return false;
	}
	if (!S_ISDIR(state.st_mode))
		say_error("reset: --host %s: not a folder", host_dir);
	return S_ISDIR(state.st_mode);
}

/* 1: go on, 0: no, -EINVAL: nobody to ask. */
static int person_agrees(void)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO)) {
		say_error("reset: nobody to ask (tortie reset --yes)");
		return -EINVAL;
	}
	printf("All that tortie made on this node is removed; its pods lose their network. "
	       "Go on? [y/N] ");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		return 0;
	return answer[0] == 'y' || answer[0] == 'Y';
}

/* As process 1 of a container no signal ends us that we do not wait for. */
static void stay_until_told(void)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("waiting to be ended\n");
	fflush(stdout);
	sigwait(&set, &signo);
}

int reset_run(const struct command_line *line)
{
	struct reset_report report = { 0 };
	struct config *config = NULL;
	struct reset_scope scope;
	int agreed = line->yes ? 1 : 0;

	if (geteuid() != 0) {
		say_error("reset: only root may (sudo tortie reset)");
		return EXIT_FAILED;
	}
	if (!host_is_there(line->host_dir))
		return EXIT_FAILED;
	if (!line->yes)
		agreed = person_agrees();
	if (agreed <= 0)
		return agreed < 0 ? EXIT_MISUSED : EXIT_FAILED;
	if (scope_fill(line, &config, &scope) < 0)
		return EXIT_FAILED;
	scope_enter_host(&scope);
	if (reset_agent_end(&scope, &report) < 0) {
		config_free(config);
		return EXIT_FAILED;
	}
	reset_conflist(&scope, &report);
	reset_pins(&scope, &report);
	reset_filters(&report);
	reset_links(&scope, &report);
	reset_routes(&report);
	reset_nft_table(&report);
	reset_rules(&report);
	reset_run_dir(&scope, &report);
	reset_state(&scope, &report);
	if (line->all)
		reset_programs(&scope, &report);
	config_free(config);
	if (report.removed == 0 && report.failed == 0)
		printf("nothing of tortie's is here\n");
	else
		printf("%zu removed, %zu failed; IP forwarding, accept_ra and the uplinks' GSO sizes stay\n",
		       report.removed, report.failed);
	if (line->stay && report.failed == 0)
		stay_until_told();
	return report.failed ? EXIT_FAILED : EXIT_DONE;
}
