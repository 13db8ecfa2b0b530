/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connectivity_probe.c: `tortie connectivity probe TARGET...`: try each target, print a line each.
 *
 * Every target is tried in a process of its own, a few at a time, again and again until it works or
 * its time is over: Services of a moment ago may not be there yet. What is asked of a target is
 * more than an answer: the answer must be of the server that was meant, and for pods it must show
 * our own address and port, unchanged on the way; large packets must come back whole with the flag
 * that forbids to cut them.
 */
#include "tools/tortie/connectivity.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/tortie/command.h"
#include "tools/tortie/say.h"

#define AT_ONCE	      16
#define TRY_TCP_MS    3000
#define TRY_UDP_MS    1000
#define TRY_PAUSE_MS  200
#define IP4_UDP_BYTES 28
#define IP6_UDP_BYTES 48
#define PAYLOAD_MAX   65000
#define ADDRESSES_MAX 64

struct attempt {
	const struct connectivity_target *target;
	char text[256]; /* why not, or what was seen */
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(struct attempt *attempt, const char *what, int err)
{
	snprintf(attempt->text, sizeof(attempt->text), "%s: %s", what, strerror(-err));
	return err;
}

/* The addresses of the target's host; the list is freed by freeaddrinfo(). */
static int resolve(struct attempt *attempt, struct addrinfo **ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char port[16];
	int err;

	snprintf(port, sizeof(port), "%u", attempt->target->port);
	err = getaddrinfo(attempt->target->host, port, &hints, ret);
	if (err == 0)
		return 0;
	snprintf(attempt->text, sizeof(attempt->text), "name is not found: %s", gai_strerror(err));
	return -EHOSTUNREACH;
}

/* A connected socket of @type; its sends and receives end after the timeout too. -errno. */
static int connect_to(const struct addrinfo *at, int type, int timeout_ms)
{
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = timeout_ms % 1000 * 1000 };
	int err = 0, fd = socket(at->ai_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, at->ai_addr, at->ai_addrlen) < 0)
		err = errno == EINPROGRESS || errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* Our own side of the connection as the server would write it: "ADDRESS PORT". */
static void own_format(int fd, char *buf, size_t size)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	char host[64] = "", port[16] = "";

	getsockname(fd, (struct sockaddr *)&own, &len);
	getnameinfo((struct sockaddr *)&own, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(buf, size, "%s %s", host, port);
}

/* Compare an answer "NAME ADDRESS PORT\n" with what was expected. */
static int answer_judge(struct attempt *attempt, int fd, char *answer, bool keeps_source)
{
	const struct connectivity_target *target = attempt->target;
	char *space = strchr(answer, ' '), own[128];

	answer[strcspn(answer, "\n")] = '\0';
	if (!space)
		return fail(attempt, "the answer", -EPROTO);
	*space = '\0';
	if (strcmp(target->expect, "-") != 0 && strcmp(target->expect, answer) != 0) {
		snprintf(attempt->text, sizeof(attempt->text), "%.60s answered in place of %.60s",
			 answer, target->expect);
		return -EPROTO;
	}
	own_format(fd, own, sizeof(own));
	if (keeps_source && strcmp(own, space + 1) != 0) {
		snprintf(attempt->text, sizeof(attempt->text),
			 "our address was changed on the way: %.60s arrived as %.60s", own,
			 space + 1);
		return -EPROTO;
	}
	return 0;
}

static int whoami_at(struct attempt *attempt, const struct addrinfo *at, int type,
		     bool keeps_source)
{
	bool is_tcp = type == SOCK_STREAM;
	char answer[512];
	size_t len = 0;
	ssize_t got = 1;
	int err, fd = connect_to(at, type, is_tcp ? TRY_TCP_MS : TRY_UDP_MS);

	if (fd < 0)
		return fail(attempt, "connect", fd);
	if (send(fd, CONNECTIVITY_WHOAMI, strlen(CONNECTIVITY_WHOAMI), MSG_NOSIGNAL) < 0)
		got = -1;
	while (got > 0 && len < sizeof(answer) - 1 && !memchr(answer, '\n', len)) {
		got = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		len += got > 0 ? (size_t)got : 0;
	}
	answer[len] = '\0';
	if (got < 0)
		err = fail(attempt, "no answer", errno == EAGAIN ? -ETIMEDOUT : -errno);
	else
		err = answer_judge(attempt, fd, answer, keeps_source);
	close(fd);
	return err;
}

static int try_whoami(struct attempt *attempt, int type, bool keeps_source)
{
	struct addrinfo *list;
	int err = resolve(attempt, &list);

	if (err < 0)
		return err;
	err = whoami_at(attempt, list, type, keeps_source);
	freeaddrinfo(list);
	return err;
}

/* Connected or refused: somebody is there. */
static int try_reach(struct attempt *attempt)
{
	struct addrinfo *list;
	int fd, err = resolve(attempt, &list);

	if (err < 0)
		return err;
	fd = connect_to(list, SOCK_STREAM, TRY_TCP_MS);
	freeaddrinfo(list);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd == -ECONNREFUSED ? 0 : fail(attempt, "connect", fd);
}

static int try_headless(struct attempt *attempt)
{
	unsigned long wanted = strtoul(attempt->target->expect, NULL, 10), found = 0;
	struct addrinfo *list, *at;
	int err = resolve(attempt, &list);

	if (err < 0)
		return err;
	for (at = list; at; at = at->ai_next)
		found++;
	freeaddrinfo(list);
	snprintf(attempt->text, sizeof(attempt->text), "%lu addresses, %lu pods'", found, wanted);
	return found == wanted ? 0 : -EPROTO;
}

/* One datagram as large as the path takes uncut, there and back. */
static int try_large_udp(struct attempt *attempt)
{
	static char sent[PAYLOAD_MAX], got[PAYLOAD_MAX + 1];
	struct addrinfo *list;
	int discover, mtu = 0, fd, err = resolve(attempt, &list);
	socklen_t mtu_len = sizeof(mtu);
	bool is_v4;
	size_t len;

	if (err < 0)
		return err;
	is_v4 = list->ai_family == AF_INET;
	discover = is_v4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;
	fd = connect_to(list, SOCK_DGRAM, TRY_UDP_MS);
	freeaddrinfo(list);
	if (fd < 0)
		return fail(attempt, "connect", fd);
	setsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
		   is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discover, sizeof(discover));
	getsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU, &mtu,
		   &mtu_len);
	len = mtu > 1000 ? (size_t)(mtu - (is_v4 ? IP4_UDP_BYTES : IP6_UDP_BYTES)) : 1000;
	len = len < PAYLOAD_MAX ? len : PAYLOAD_MAX;
	for (size_t i = 0; i < len; i++)
		sent[i] = (char)(i * 7 + i / 251);
	memcpy(sent, CONNECTIVITY_ECHO, strlen(CONNECTIVITY_ECHO));
	if (send(fd, sent, len, MSG_NOSIGNAL) < 0 ||
	    recv(fd, got, sizeof(got), 0) != (ssize_t)len || memcmp(sent, got, len) != 0)
		err = -EMSGSIZE;
	close(fd);
	snprintf(attempt->text, sizeof(attempt->text), "%s%zu octets in one packet of %d",
		 err < 0 ? "did not come back: " : "", len, mtu);
	return err;
}

/* Send and receive at the same time: the server holds little. */
static int echo_exchange(int fd)
{
	static char sent[CONNECTIVITY_ECHO_BYTES], got[CONNECTIVITY_ECHO_BYTES];
	size_t out = 0, in = 0;
	ssize_t len;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 13 + i / 255);
	while (in < sizeof(got)) {
		struct pollfd wait = { .fd = fd,
				       .events = POLLIN | (out < sizeof(sent) ? POLLOUT : 0) };

		if (poll(&wait, 1, TRY_TCP_MS) <= 0)
			return -ETIMEDOUT;
		if (wait.revents & POLLOUT) {
			len = send(fd, sent + out, sizeof(sent) - out, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (len < 0 && errno != EAGAIN)
				return -errno;
			out += len > 0 ? (size_t)len : 0;
		}
		if (wait.revents & (POLLIN | POLLHUP | POLLERR)) {
			len = recv(fd, got + in, sizeof(got) - in, MSG_DONTWAIT);
			if (len == 0 || (len < 0 && errno != EAGAIN))
				return len == 0 ? -ECONNRESET : -errno;
			in += len > 0 ? (size_t)len : 0;
		}
	}
	return memcmp(sent, got, sizeof(sent)) == 0 ? 0 : -EBADMSG;
}

static int try_large_tcp(struct attempt *attempt)
{
	struct addrinfo *list;
	int fd, err = resolve(attempt, &list);

	if (err < 0)
		return err;
	fd = connect_to(list, SOCK_STREAM, TRY_TCP_MS);
	freeaddrinfo(list);
	if (fd < 0)
		return fail(attempt, "connect", fd);
	if (send(fd, CONNECTIVITY_ECHO, strlen(CONNECTIVITY_ECHO), MSG_NOSIGNAL) < 0)
		err = -errno;
	if (err == 0)
		err = echo_exchange(fd);
	close(fd);
	return err < 0 ? fail(attempt, "1 MiB there and back", err) : 0;
}

static int try_once(struct attempt *attempt)
{
	const char *check = attempt->target->check;

	attempt->text[0] = '\0';
	if (strcmp(check, "pod-tcp") == 0)
		return try_whoami(attempt, SOCK_STREAM, true);
	if (strcmp(check, "pod-udp") == 0)
		return try_whoami(attempt, SOCK_DGRAM, true);
	if (strcmp(check, "service-udp") == 0)
		return try_whoami(attempt, SOCK_DGRAM, false);
	if (strcmp(check, "large-tcp") == 0)
		return try_large_tcp(attempt);
	if (strcmp(check, "large-udp") == 0)
		return try_large_udp(attempt);
	if (strcmp(check, "headless") == 0)
		return try_headless(attempt);
	if (strcmp(check, "node") == 0 || strcmp(check, "outside") == 0)
		return try_reach(attempt);
	return try_whoami(attempt, SOCK_STREAM, false); /* service-tcp, service-name */
}

static void target_try(const struct connectivity_target *target, unsigned int timeout_s)
{
	struct attempt attempt = { .target = target };
	long started = now_ms(), until = started + (long)timeout_s * 1000;
	char line[1024];
	int err, len;

	while ((err = try_once(&attempt)) < 0 && now_ms() < until)
		poll(NULL, 0, TRY_PAUSE_MS);
	len = snprintf(line, sizeof(line), CONNECTIVITY_RESULT_MARK " %s %s %s %s %ld %s\n",
		       target->check, target->to, target->host, err < 0 ? "failed" : "ok",
		       now_ms() - started, attempt.text);
	/* One write below PIPE_BUF: lines of several processes do not mix. */
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(EXIT_FAILED);
	_exit(err < 0 ? EXIT_FAILED : EXIT_DONE);
}

static bool child_wait(void)
{
	int status = 0;

	while (wait(&status) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE;
}

int connectivity_probe_run(const struct command_line *line)
{
	unsigned int timeout_s = line->timeout_s ? line->timeout_s : CONNECTIVITY_PROBE_S;
	struct connectivity_target target;
	int running = 0;
	bool all_well = true;

	for (int i = 0; i < line->operand_count; i++) {
		if (connectivity_target_parse(line->operand[i], &target) < 0) {
			say_error("%s: not CHECK,TO,HOST,PORT,EXPECT", line->operand[i]);
			return EXIT_MISUSED;
		}
	}
	for (int i = 0; i < line->operand_count; i++) {
		pid_t pid;

		if (running == AT_ONCE) {
			all_well &= child_wait();
			running--;
		}
		connectivity_target_parse(line->operand[i], &target);
		pid = fork();
		if (pid == 0)
			target_try(&target, timeout_s);
		if (pid < 0) {
			say_error("a process for %s: %s", line->operand[i], strerror(errno));
			all_well = false;
		}
		running += pid > 0;
	}
	for (; running > 0; running--)
		all_well &= child_wait();
	return all_well ? EXIT_DONE : EXIT_FAILED;
}
