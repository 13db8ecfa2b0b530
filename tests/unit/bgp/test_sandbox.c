/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sandbox.c: what a running speaker may not do any more, tried from inside, and what it must.
 *
 * Each attempt is made by a child that has entered the sandbox; its exit status, or the signal that
 * killed it, is the answer. So that a refusal is the sandbox's and not the machine's, each attempt
 * that can succeed here is made once outside too. Layers are looked at one by one as well, under a
 * seccomp filter around us that takes the other away, as a container's profile may.
 *
 * links: bgp/sandbox.c lib/log.c bgp/bfd_socket.c bgp/socket_address.c lib/ip_prefix.c
 * libs: -lseccomp -lcap-ng
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/tcp.h>
#include <seccomp.h>

#include <cmocka.h>

#include "bgp/bfd_socket.h"
#include "bgp/sandbox.h"
#include "lib/ip_prefix.h"
#include "lib/log.h"

#define REFUSED	  0
#define DONE	  1
#define NO_CHANCE 2 /* the attempt could not be prepared */
#define FREE_PORT 17917

static char folder[] = "/tmp/tortie-sandbox-XXXXXX";

typedef int attempt_fn(void);

static int answer(long result)
{
	return result < 0 ? REFUSED : DONE;
}

/* Linux' version of landlock, below 1: none. */
static long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static bool with_udp; /* BFD is configured */

/* Enter it as far as this kernel can. */
static bool is_entered(void)
{
	return sandbox_enter(with_udp) == 0 || landlock_version() < 1;
}

/* Valid until it is asked for another. */
static const char *in_folder(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* --- attempts --- */

static int create_a_file(void)
{
	return answer(open(in_folder("new"), O_WRONLY | O_CREAT, 0600));
}

static int write_a_file(void)
{
	return answer(open(in_folder("old"), O_WRONLY));
}

static int truncate_a_file(void)
{
	return answer(truncate(in_folder("old"), 0));
}

static int remove_a_file(void)
{
	return answer(unlink(in_folder("removed")));
}

static int make_a_folder(void)
{
	return answer(mkdir(in_folder("folder"), 0700));
}

static int change_a_mode(void)
{
	return answer(chmod(in_folder("old"), 0777));
}

static int make_a_symlink(void)
{
	return answer(symlink("/etc/passwd", in_folder("link")));
}

static int fork_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return answer(pid);
}

static int get_executable_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED
		       ? REFUSED
		       : DONE;
}

static int make_memory_executable(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NO_CHANCE : answer(mprotect(memory, 4096, PROT_EXEC));
}

static int open_a_packet_socket(void)
{
	return answer(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int open_a_raw_socket(void)
{
	return answer(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int open_a_netlink_socket(void)
{
	return answer(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int open_a_datagram_socket(void)
{
	return answer(socket(AF_INET, SOCK_DGRAM, 0));
}

static int open_a_ping_socket(void)
{
	return answer(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
}

static int signal_the_parent(void)
{
	return answer(kill(getppid(), 0));
}

static int change_the_user(void)
{
	return answer(syscall(SYS_setuid, 65534));
}

static int unshare_namespaces(void)
{
	return answer(unshare(CLONE_NEWNS));
}

static int mount_a_file_system(void)
{
	return answer(mount("none", folder, "tmpfs", 0, NULL));
}

static int change_the_root(void)
{
	return answer(chroot(folder));
}

static int load_a_bpf_program(void)
{
	char attributes[128] = {};

	return syscall(SYS_bpf, 0, attributes, sizeof(attributes)) < 0 && errno != EINVAL ? REFUSED
											  : DONE;
}

static int set_up_a_ring(void)
{
	char parameters[256] = {};

	return answer(syscall(SYS_io_uring_setup, 1, parameters));
}

static int make_a_memory_file(void)
{
	return answer(memfd_create("x", 0));
}

static int raise_a_limit(void)
{
	uint64_t limit[2] = { 64, 64 };

	return answer(syscall(SYS_prlimit64, 0, 7, limit, NULL));
}

static int bind_a_port(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return NO_CHANCE;
	return answer(bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -1 : listen(fd, 1));
}

static int listen_on_a_port_of_its_choice(void)
{
	return bind_a_port(FREE_PORT);
}

static int run_a_program(void)
{
	char *const arguments[] = { "true", NULL };

	execv("/bin/true", arguments);
	return REFUSED;
}

static int run_a_descriptor(void)
{
	char *const arguments[] = { "true", NULL };
	int fd = open("/bin/true", O_RDONLY);

	syscall(SYS_execveat, fd, "", arguments, NULL, AT_EMPTY_PATH);
	return REFUSED;
}

static int trace_the_parent(void)
{
	return answer(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int read_the_parents_memory(void)
{
	return answer(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

/* --- what must go on --- */

static int connect_to(const struct sockaddr_in *address)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	struct tcp_md5sig key = { .tcpm_keylen = 3, .tcpm_key = "key" };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting = 0;

	memcpy(&key.tcpm_addr, address, sizeof(*address));
	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) < 0)
		return -1;
	key.tcpm_keylen = 0;
	if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)) < 0 ||
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
	    ioctl(fd, FIONREAD, &waiting) < 0 || ioctl(fd, TIOCOUTQ, &waiting) < 0)
		return -1;
	return fd;
}

static int accept_on(int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0 ? fd : -1;
}

static int read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[16];
	bool got = file && fgets(line, sizeof(line), file);

	if (file)
		fclose(file);
	return got ? 0 : -1;
}

/* The event loop's: made before, set for ever after. */
static int set_an_alarm(int alarm)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	struct pollfd rings = { .fd = alarm, .events = POLLIN };

	return timerfd_settime(alarm, 0, &soon, NULL) < 0 || poll(&rings, 1, 1000) != 1 ? -1 : 0;
}

static int go_on(int listening, const struct sockaddr_in *address, int alarm)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	char name[64], *memory = malloc(64u << 20);
	int from, to;

	if (!memory || epoll_fd < 0)
		return 10;
	memset(memory, 1, 64u << 20);
	free(memory);
	from = connect_to(address);
	to = accept_on(listening);
	if (from < 0 || to < 0)
		return 11;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, to, &event) < 0 || send(from, "x", 1, 0) != 1 ||
	    epoll_wait(epoll_fd, &event, 1, 1000) != 1 || recv(to, name, 1, 0) != 1)
		return 12;
	if (read_file(in_folder("old")) < 0 || read_file("/etc/passwd") < 0)
		return 13;
	if (time(NULL) <= 0 || gethostname(name, sizeof(name)) < 0)
		return 14;
	if (socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0) < 0 ||
	    socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) < 0)
		return 15;
	return set_an_alarm(alarm) < 0 ? 16 : 0;
}

/* --- */

/* What wait(2) says of a child that does @attempt, inside the sandbox or not. */
static int status_of(attempt_fn *attempt, bool inside)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (inside && !is_entered())
			_exit(99);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static const struct {
	const char *name;
	attempt_fn *attempt;
} refused[] = {
	{ "create a file", create_a_file },
	{ "write a file", write_a_file },
	{ "truncate a file", truncate_a_file },
	{ "remove a file", remove_a_file },
	{ "make a folder", make_a_folder },
	{ "change a mode", change_a_mode },
	{ "make a symlink", make_a_symlink },
	{ "fork", fork_a_process },
	{ "executable memory", get_executable_memory },
	{ "memory made executable", make_memory_executable },
	{ "packet socket", open_a_packet_socket },
	{ "raw socket", open_a_raw_socket },
	{ "netlink socket", open_a_netlink_socket },
	{ "ping socket", open_a_ping_socket },
	{ "datagram socket", open_a_datagram_socket },
	{ "signal", signal_the_parent },
	{ "setuid", change_the_user },
	{ "unshare", unshare_namespaces },
	{ "mount", mount_a_file_system },
	{ "chroot", change_the_root },
	{ "bpf", load_a_bpf_program },
	{ "io_uring", set_up_a_ring },
	{ "memfd", make_a_memory_file },
	{ "limit", raise_a_limit },
	{ "port", listen_on_a_port_of_its_choice },
};

static void what_a_speaker_does_not_need_is_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int status = status_of(refused[i].attempt, true);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != REFUSED)
			print_error("%s: status %d\n", refused[i].name, status);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), REFUSED);
	}
}

/* With BFD it is UDP that comes back, and nothing else. */
static void with_bfd_all_but_datagrams_is_refused(void **state)
{
	with_udp = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int wanted = refused[i].attempt == open_a_datagram_socket ? DONE : REFUSED;
		int status = status_of(refused[i].attempt, true);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
			print_error("%s: status %d\n", refused[i].name, status);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), wanted);
	}
	with_udp = false;
}

static int speak_bfd(void)
{
	struct ip_addr loopback = ip_addr_from_v4((struct in_addr){ htonl(INADDR_LOOPBACK) });
	struct bfd_datagram *datagram = calloc(BFD_BATCH, sizeof(*datagram));
	struct ip_addr local = {};
	int listening, fd;

	if (!is_entered())
		return NO_CHANCE;
	if (!datagram || bfd_socket_route(&loopback, &local) < 0 ||
	    !ip_addr_equal(&local, &loopback))
		return REFUSED;
	listening = bfd_socket_listen(AF_INET, true);
	fd = bfd_socket_open(&loopback, &local, BFD_SOURCE_FIRST + 17);
	if (listening < 0 || fd < 0 || bfd_socket_listen(AF_INET6, true) < 0)
		return REFUSED;
	if (bfd_socket_send(fd, &loopback, true, (const uint8_t *)"x", 1) < 0 ||
	    bfd_socket_receive(listening, datagram) != 1)
		return REFUSED;
	return datagram->len == 1 && datagram->data[0] == 'x' && datagram->ttl == 255 &&
			       ip_addr_equal(&datagram->remote, &loopback) &&
			       ip_addr_equal(&datagram->local, &loopback)
		       ? DONE
		       : REFUSED;
}

/* In a network of its own: the ports may be somebody's. */
static int speak_bfd_alone(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return NO_CHANCE;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0)
		return NO_CHANCE;
	close(fd);
	return speak_bfd();
}

static void bfd_speaks_from_inside(void **state)
{
	if (geteuid() != 0) {
		print_message("skip: needs root, for a network namespace\n");
		skip();
	}
	with_udp = true;
	assert_int_equal(status_of(speak_bfd_alone, false), DONE << 8);
	with_udp = false;
	assert_int_equal(status_of(speak_bfd_alone, false), REFUSED << 8);
}

/* The control: outside nearly all of it can be done, so the test can fail. */
static void outside_the_same_attempts_succeed(void **state)
{
	size_t done = 0;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].attempt != mount_a_file_system) /* nobody would unmount it */
			done += WEXITSTATUS(status_of(refused[i].attempt, false)) == DONE;
	assert_true(done >= (geteuid() == 0 ? 18 : 12));
}

static void what_only_an_intruder_does_kills(void **state)
{
	static attempt_fn *const deadly[] = { run_a_program, run_a_descriptor, trace_the_parent,
					      read_the_parents_memory };

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++) {
		int status = status_of(deadly[i], true);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static int listening_socket(struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)ret, len) == 0 && listen(fd, 4) == 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	return fd;
}

static void the_speakers_own_work_goes_on(void **state)
{
	struct sockaddr_in address;
	int listening = listening_socket(&address), status;
	int alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	pid_t pid = fork();

	if (pid == 0)
		_exit(is_entered() ? go_on(listening, &address, alarm) : 99);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(listening);
	close(alarm);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A line of /proc/self/status has @value. */
static bool status_says(const char *key, const char *value)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	bool says = false;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			says = strtoull(line + strlen(key) + 1, NULL, 16) ==
			       strtoull(value, NULL, 16);
	if (file)
		fclose(file);
	return says;
}

static int check_status(void)
{
	return status_says("CapEff", "0") && status_says("CapPrm", "0") &&
			       status_says("CapInh", "0") && status_says("CapAmb", "0") &&
			       status_says("NoNewPrivs", "1") && status_says("Seccomp", "2")
		       ? DONE
		       : REFUSED;
}

static void no_capability_is_left_and_none_comes_back(void **state)
{
	assert_int_equal(WEXITSTATUS(status_of(check_status, true)), DONE);
}

/* --- inside a container --- */

/* A filter around us, as a container's: @call is answered by EPERM. */
static void refuse_call(int call)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) < 0 ||
	    seccomp_load(filter) < 0)
		_exit(98);
	seccomp_release(filter);
}

static int without_landlock(void)
{
	refuse_call(SCMP_SYS(landlock_create_ruleset));
	if (sandbox_enter(false) != -EPERM)
		return NO_CHANCE;
	return open_a_packet_socket() == REFUSED && create_a_file() == REFUSED ? REFUSED : DONE;
}

static int without_seccomp(void)
{
	refuse_call(SCMP_SYS(seccomp));
	if (sandbox_enter(false) == 0)
		return NO_CHANCE;
	return create_a_file() == REFUSED && listen_on_a_port_of_its_choice() == REFUSED &&
			       write_a_file() == REFUSED && run_a_program() == REFUSED
		       ? REFUSED
		       : DONE;
}

static void each_layer_holds_without_the_other(void **state)
{
	if (landlock_version() < 4) {
		print_message("skip: landlock of this kernel has no rules for ports (Linux 6.7)\n");
		skip();
	}
	assert_int_equal(status_of(without_landlock, false), REFUSED << 8);
	assert_int_equal(status_of(without_seccomp, false), REFUSED << 8);
}

static int make_folder(void **state)
{
	static const char *const names[] = { "old", "removed" };
	FILE *file;

	log_init("test_sandbox", LOG_LEVEL_ERROR);
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		file = fopen(in_folder(names[i]), "we");
		if (!file || fputs("text\n", file) < 0 || fclose(file) < 0)
			return -1;
	}
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "old", "removed", "new", "folder", "link" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in_folder(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_speaker_does_not_need_is_refused),
		cmocka_unit_test(with_bfd_all_but_datagrams_is_refused),
		cmocka_unit_test(bfd_speaks_from_inside),
		cmocka_unit_test(what_only_an_intruder_does_kills),
		cmocka_unit_test(the_speakers_own_work_goes_on),
		cmocka_unit_test(no_capability_is_left_and_none_comes_back),
		cmocka_unit_test(each_layer_holds_without_the_other),
		cmocka_unit_test(outside_the_same_attempts_succeed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
