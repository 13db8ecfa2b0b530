/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tortie-cni: the CNI plugin, which a container runtime starts once per question.
 *
 * It has no logic of its own: it checks what it was given (netconf.c), opens the pod's network
 * namespace and a netlink socket in it, hands both to tortied with the request (agent_call.c), and
 * prints what comes back (result.c). It needs no configuration file, no credential and no other
 * program, but where the configuration asks for another IPAM plugin (delegate.c), and is linked
 * statically, so that it runs from wherever a runtime finds it.
 *
 * Standard output carries one JSON document or nothing, in one write: a result, the versions, or an
 * error object; also when a signal ends the program, or time runs out. Exit status 0 is success, 1
 * is an error object.
 *
 * CNI specification 1.1.0, section 2.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/nsfs.h>

#include "cni/agent_call.h"
#include "cni/delegate.h"
#include "cni/netconf.h"
#include "cni/result.h"

#define VERSION_WAIT_MS 1000 /* VERSION works without stdin, which may be open for ever */
#define READ_STEP	65536

static void write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t done = write(STDOUT_FILENO, text, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		text += done;
		len -= (size_t)done;
	}
}

static void on_signal(int signo)
{
	if (signo == SIGALRM)
		write_all(RESULT_TIMED_OUT, sizeof(RESULT_TIMED_OUT) - 1);
	else
		write_all(RESULT_CRASHED, sizeof(RESULT_CRASHED) - 1);
	_exit(1);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	alarm(AGENT_CALL_ALARM_S);
}

/* Print the last words; from here on no signal may add others. */
static int finish(char *text, int status)
{
	alarm(0);
	if (text != NULL)
		write_all(text, strlen(text));
	else
		write_all(RESULT_CRASHED, sizeof(RESULT_CRASHED) - 1);
	free(text);
	return text != NULL ? status : 1;
}

static int fail(enum cni_version version, const struct cni_error *error)
{
	return finish(result_error(version, error), 1);
}

static int refuse(struct cni_error *error, unsigned int code, const char *what, int err)
{
	error->code = code;
	snprintf(error->msg, sizeof(error->msg), "%s", what);
	snprintf(error->details, sizeof(error->details), "%s", err < 0 ? strerror(-err) : "");
	return err < 0 ? err : -EINVAL;
}

static bool stdin_is_ready(bool is_version)
{
	struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };

	if (!is_version)
		return true;
	return !isatty(STDIN_FILENO) && poll(&ready, 1, VERSION_WAIT_MS) == 1;
}

/* All of standard input; *ret_data is to be given back by free(). */
static int read_stdin(bool is_version, char **ret_data, size_t *ret_len, struct cni_error *error)
{
	char *data = NULL;
	size_t len = 0;

	for (;;) {
		char *grown = realloc(data, len + READ_STEP);
		ssize_t got = 0;

		if (grown == NULL) {
			free(data);
			return refuse(error, CNI_ERROR_IO, "stdin: out of memory", -ENOMEM);
		}
		data = grown;
		if (stdin_is_ready(is_version))
			do
				got = read(STDIN_FILENO, data + len, READ_STEP);
			while (got < 0 && errno == EINTR);
		if (got < 0 && !is_version) {
			int err = -errno;

			free(data);
			return refuse(error, CNI_ERROR_IO, "stdin: cannot be read", err);
		}
		if (got <= 0)
			break;
		len += (size_t)got;
		if (len > CNI_CONFIG_MAX) {
			free(data);
			return refuse(error, CNI_ERROR_DECODE,
				      "stdin: the configuration is longer than 4 MiB", 0);
		}
	}
	*ret_data = data;
	*ret_len = len;
	return 0;
}

static int __attribute__((format(printf, 3, 4)))
refuse_netns(struct cni_error *error, const char *path, const char *format, ...)
{
	va_list args;

	error->code = CNI_ERROR_ENVIRONMENT;
	snprintf(error->msg, sizeof(error->msg), "CNI_NETNS=%.400s is unusable", path);
	va_start(args, format);
	vsnprintf(error->details, sizeof(error->details), format, args);
	va_end(args);
	return -EINVAL;
}

/* Is @fd a network namespace, and not the one that the runtime runs in? */
static int check_netns(int fd, const char *path, struct cni_error *error)
{
	struct stat pod, own;

	if (fstat(fd, &pod) < 0 || ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return refuse_netns(error, path, "it is not a network namespace");
	if (stat("/proc/self/ns/net", &own) == 0 && own.st_dev == pod.st_dev &&
	    own.st_ino == pod.st_ino)
		return refuse_netns(
			error, path,
			"it is the node's own network namespace; a pod needs one of its "
			"own");
	return 0;
}

/*
 * The namespace, and a netlink socket opened in it: through that the agent configures the pod's
 * side without ever entering. The plugin stays inside; it has nothing to do outside but talk to a
 * Unix socket, which belongs to no network namespace.
 */
static int open_namespace(const char *path, struct namespace_fds *ret_fds, struct cni_error *error)
{
	int netns_fd, netlink_fd;

	netns_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (netns_fd < 0)
		return refuse_netns(error, path, "it cannot be opened: %s", strerror(errno));
	if (check_netns(netns_fd, path, error) < 0)
		goto err_close;
	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		refuse_netns(error, path,
			     "it cannot be entered: %s; the runtime must start plugins "
			     "as root",
			     strerror(errno));
		goto err_close;
	}
	netlink_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (netlink_fd < 0) {
		refuse_netns(error, path, "no netlink socket in it: %s", strerror(errno));
		goto err_close;
	}
	*ret_fds = (struct namespace_fds){ .fd = { netns_fd, netlink_fd } };
	return 0;

err_close:
	close(netns_fd);
	return -EINVAL;
}

static void error_of_reply(const struct msg_cni_reply *reply, struct cni_error *error)
{
	error->code = reply->code;
	snprintf(error->msg, sizeof(error->msg), "%s", reply->msg);
	snprintf(error->details, sizeof(error->details), "%s", reply->details);
}

/* Carry out what was asked; 0 or -EINVAL with *error. */
static int ask_agent(const struct netconf *conf, struct msg_cni_reply *reply,
		     struct cni_error *error)
{
	struct namespace_fds fds;
	int err;

	if (conf->command == COMMAND_DEL) {
		err = agent_detach(conf, reply);
	} else if (conf->command == COMMAND_STATUS || conf->command == COMMAND_GC) {
		err = agent_call(conf, NULL, reply, error);
	} else {
		err = open_namespace(conf->request.netns, &fds, error);
		if (err == 0)
			err = agent_call(conf, &fds, reply, error);
	}
	if (err == 0 && reply->code != 0) {
		error_of_reply(reply, error);
		err = -EINVAL;
	}
	return err;
}

static int run(struct netconf *conf)
{
	struct cni_error error = { 0 };
	struct msg_cni_reply reply;
	int err;

	if (conf->command == COMMAND_VERSION)
		return finish(result_version(conf->version), 0);
	if (conf->ipam_type[0] != '\0')
		err = delegate_carry_out(conf, ask_agent, &reply, &error);
	else
		err = ask_agent(conf, &reply, &error);
	if (err < 0)
		return fail(conf->version, &error);
	if (conf->command != COMMAND_ADD) {
		alarm(0);
		return 0; /* the specification has no words for success here */
	}
	return finish(result_add(conf, &reply), 0);
}

/* Started by hand, with none of the runtime's variables. */
static int introduce(void)
{
	fprintf(stderr,
		"tortie-cni %s: CNI plugin of the tortie pod network, started by container "
		"runtimes (CNI specification 0.1.0 to 1.1.0); see tortie-cni(8)\n",
		TORTIE_VERSION);
	return finish(result_version(CNI_1_1_0), 0);
}

int main(void)
{
	struct netconf_env env = { .command = getenv("CNI_COMMAND"),
				   .container_id = getenv("CNI_CONTAINERID"),
				   .netns = getenv("CNI_NETNS"),
				   .ifname = getenv("CNI_IFNAME"),
				   .args = getenv("CNI_ARGS") };
	struct cni_error error = { 0 };
	struct netconf conf = { 0 };
	char *data = NULL;
	size_t len = 0;
	bool is_version;
	int status;

	catch_signals();
	if (env.command == NULL && env.container_id == NULL && env.netns == NULL &&
	    env.ifname == NULL)
		return introduce();
	is_version = env.command != NULL && strcmp(env.command, "VERSION") == 0;
	if (read_stdin(is_version, &data, &len, &error) < 0)
		return fail(CNI_1_1_0, &error);
	if (netconf_parse(&env, data, len, &conf, &error) < 0) {
		free(data);
		return fail(conf.version, &error);
	}
	status = run(&conf);
	netconf_free(&conf);
	free(data);
	return status;
}
