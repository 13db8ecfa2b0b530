/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_version.c: ask a chained plugin's program which versions of CNI it knows.
 *
 * The runtime takes the highest version that the conflist names and tells it to each plugin of the
 * chain; one that does not know it fails every pod. So what is named depends on the program that is
 * there, and only the program can say (SPEC 1.1.0, "VERSION: probe plugin version support").
 *
 *   ask -> fork, exec -> its output, until its end or too much -> read -> answered
 *                     -> PLUGIN_ANSWER_MS over: killed, nothing is known
 *
 * The child gives up all capabilities before exec (no_new_privs keeps it from getting any back) and
 * has pipes as its only descriptors. A file is asked once: its inode, size and time say whether it
 * is still the same. The loop never waits: a child that ended is collected by a timer.
 */
#include "loader/plugin_version.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "lib/event_loop.h"
#include "lib/json.h"
#include "lib/log.h"

#define COLLECT_MS 20

static const char question[] = "{\"cniVersion\":\"1.0.0\"}\n";

struct plugin_version {
	struct event_loop *loop;
	plugin_version_fn *answered;
	void *arg;
	bool knows_1_1;
	struct stat asked; /* the file that was asked last; st_ino 0: none */
	pid_t child;	   /* 0: none */
	int output;	   /* of the child; -1: none */
	size_t len;
	char text[PLUGIN_ANSWER_OCTETS];
	struct event_timer patience, collect;
};

/* --- the answer --- */

static bool has_version(struct json_object *list, const char *version)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_words(json_get_item(list, i)), version) == 0)
			return true;
	return false;
}

bool plugin_version_read(const char *text, size_t len)
{
	struct json_object *answer =
		len <= PLUGIN_ANSWER_OCTETS ? json_parse(text, len, NULL) : NULL;
	struct json_object *list = json_get_array(answer, "supportedVersions");
	bool knows = has_version(list, "1.0.0") && has_version(list, "1.1.0");

	json_object_put(answer);
	return knows;
}

static void finish(struct plugin_version *plugin, bool knows_1_1)
{
	bool is_news = knows_1_1 != plugin->knows_1_1;

	event_timer_cancel(plugin->loop, &plugin->patience);
	if (plugin->output >= 0) {
		event_loop_remove_fd(plugin->loop, plugin->output);
		close(plugin->output);
	}
	plugin->output = -1;
	kill(plugin->child, SIGKILL); /* it has ended, or has nothing more to say */
	event_timer_set(plugin->loop, &plugin->collect, 0);
	plugin->knows_1_1 = knows_1_1;
	if (is_news)
		plugin->answered(plugin->arg);
}

static void on_output(int fd, uint32_t events, void *arg)
{
	struct plugin_version *plugin = arg;
	ssize_t got = read(fd, plugin->text + plugin->len, sizeof(plugin->text) - plugin->len);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		plugin->len += (size_t)got;
	if (got > 0 && plugin->len < sizeof(plugin->text))
		return;
	finish(plugin, got == 0 && plugin_version_read(plugin->text, plugin->len));
}

static void on_patience(void *arg)
{
	log_warning("a chained CNI plugin has not said in %u s which versions it knows: 1.0.0 is "
		    "used",
		    PLUGIN_ANSWER_MS / 1000);
	finish(arg, false);
}

static void on_collect(void *arg)
{
	struct plugin_version *plugin = arg;

	if (waitpid(plugin->child, NULL, WNOHANG) == 0)
		event_timer_set(plugin->loop, &plugin->collect, COLLECT_MS);
	else
		plugin->child = 0;
}

/* --- the child --- */

/* Between fork and exec: the agent has threads, so nothing here may take a lock. */
static void run(const char *path, int input, int output)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	char command[] = "CNI_COMMAND=VERSION";
	char *const argv[] = { (char *)(uintptr_t)path, NULL }, *const env[] = { command, NULL };
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sigset_t signals;

	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, none) < 0 ||
	    dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(nothing, 2) < 0)
		_exit(127);
	execve(path, argv, env);
	_exit(127);
}

/* A pipe that holds the question, and nothing after it. */
static int open_question(void)
{
	int ends[2], err = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (write(ends[1], question, sizeof(question) - 1) != (ssize_t)sizeof(question) - 1)
		err = -EIO;
	close(ends[1]);
	if (err == 0)
		return ends[0];
	close(ends[0]);
	return err;
}

static int start(struct plugin_version *plugin, const char *path)
{
	int ends[2], err, input = open_question();

	if (input < 0)
		return input;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		err = -errno;
		close(input);
		return err;
	}
	plugin->child = fork();
	if (plugin->child == 0)
		run(path, input, ends[1]);
	err = plugin->child < 0 ? -errno : 0;
	close(input);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	if (err == 0)
		err = event_loop_add_fd(plugin->loop, ends[0], EPOLLIN, on_output, plugin);
	if (err == 0) {
		plugin->output = ends[0];
		plugin->len = 0;
		return event_timer_set(plugin->loop, &plugin->patience, PLUGIN_ANSWER_MS);
	}
	close(ends[0]);
	if (plugin->child > 0)
		event_timer_set(plugin->loop, &plugin->collect, COLLECT_MS);
	else
		plugin->child = 0;
	return err;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void plugin_version_ask(struct plugin_version *plugin, const char *path)
{
	struct stat file;

	if (!plugin || plugin->child > 0 || stat(path, &file) < 0 || !S_ISREG(file.st_mode) ||
	    is_same(&file, &plugin->asked))
		return;
	plugin->asked = file;
	if (start(plugin, path) < 0)
		plugin->asked = (struct stat){ 0 };
}

bool plugin_version_knows_1_1(const struct plugin_version *plugin)
{
	return plugin && plugin->knows_1_1;
}

int plugin_version_new(struct event_loop *loop, plugin_version_fn *answered, void *arg,
		       struct plugin_version **ret)
{
	struct plugin_version *plugin = calloc(1, sizeof(*plugin));

	if (!plugin)
		return -ENOMEM;
	plugin->loop = loop;
	plugin->answered = answered;
	plugin->arg = arg;
	plugin->output = -1;
	event_timer_init(&plugin->patience, on_patience, plugin);
	event_timer_init(&plugin->collect, on_collect, plugin);
	*ret = plugin;
	return 0;
}

void plugin_version_free(struct plugin_version *plugin)
{
	if (!plugin)
		return;
	event_timer_cancel(plugin->loop, &plugin->patience);
	event_timer_cancel(plugin->loop, &plugin->collect);
	if (plugin->output >= 0) {
		event_loop_remove_fd(plugin->loop, plugin->output);
		close(plugin->output);
	}
	if (plugin->child > 0) {
		kill(plugin->child, SIGKILL);
		waitpid(plugin->child, NULL, 0);
	}
	free(plugin);
}
