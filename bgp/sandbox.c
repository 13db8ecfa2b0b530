/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.c: what is left to somebody who gets the speaker to run code of theirs: little.
 *
 * Three layers, each of which holds without the others, because kernels and containers differ:
 *
 *   capabilities  none, whoever started us, and none can be got again (no_new_privs)
 *   landlock      no file is written, made, moved or executed; no TCP port is bound (one chosen by
 *                 the kernel is); no signal and no abstract socket of processes outside
 *   seccomp       the system calls that the program makes, with the arguments that it gives them;
 *                 UDP sockets only where there may be BFD
 *
 * Reading stays allowed everywhere that the user may read: the configuration and password files
 * are read again when the cluster's document changes, and it may name new ones. A system call that
 * is not in the list answers ENOSYS, which makes the C library try an older one, rather than
 * killing the speaker for an oddity; what only an intruder would call kills it. The sanitizers'
 * runtime needs more than this (the leak check attaches to the process), so control.c leaves the
 * sandbox out in such a build.
 */
#include "bgp/sandbox.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cap-ng.h>

#include "lib/log.h"

/* linux/landlock.h of later kernels; the library has no wrappers. */
#define LANDLOCK_FS_REFER      (1ULL << 13) /* ABI 2 */
#define LANDLOCK_FS_TRUNCATE   (1ULL << 14) /* ABI 3 */
#define LANDLOCK_FS_IOCTL_DEV  (1ULL << 15) /* ABI 5 */
#define LANDLOCK_FS_FIRST      ((1ULL << 13) - 1)
#define LANDLOCK_NET_BIND_TCP  (1ULL << 0)		   /* ABI 4 */
#define LANDLOCK_SCOPE_OUTSIDE ((1ULL << 0) | (1ULL << 1)) /* ABI 6: abstract sockets, signals */
#define LANDLOCK_RULE_PORT     2

struct landlock_rules {
	uint64_t fs, net, scoped;
};

struct landlock_port {
	uint64_t allowed, port;
};

/* --- capabilities --- */

static int drop_capabilities(bool with_udp)
{
	/* The bounding set can be emptied by those who have CAP_SETPCAP; others cannot use it. */
	bool all = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(all ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* --- landlock --- */

/* The kernel's version of landlock, or -errno: none. */
static int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? -errno : (int)version;
}

static int allow_reading(int ruleset)
{
	struct landlock_path_beneath_attr below = { .allowed_access =
							    LANDLOCK_ACCESS_FS_READ_FILE };
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (root < 0)
		return -errno;
	below.parent_fd = root;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
		err = -errno;
	close(root);
	return err;
}

static int allow_chosen_port(int ruleset)
{
	const struct landlock_port any = { .allowed = LANDLOCK_NET_BIND_TCP, .port = 0 };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PORT, &any, 0) < 0 ? -errno
											: 0;
}

static int restrict_files(bool with_udp)
{
	struct landlock_rules rules = { .fs = LANDLOCK_FS_FIRST };
	int version = landlock_version(), ruleset, err;
	size_t size = sizeof(rules.fs);

	if (version < 0)
		return version;
	rules.fs |= version >= 2 ? LANDLOCK_FS_REFER : 0;
	rules.fs |= version >= 3 ? LANDLOCK_FS_TRUNCATE : 0;
	rules.fs |= version >= 5 ? LANDLOCK_FS_IOCTL_DEV : 0;
	if (version >= 4) {
		rules.net = LANDLOCK_NET_BIND_TCP;
		size += sizeof(rules.net);
	}
	if (version >= 6) {
		rules.scoped = LANDLOCK_SCOPE_OUTSIDE;
		size += sizeof(rules.scoped);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (ruleset < 0)
		return -errno;
	err = allow_reading(ruleset);
	if (err == 0 && rules.net)
		err = allow_chosen_port(ruleset);
	if (err == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		err = -errno;
	close(ruleset);
	return err;
}

/* --- seccomp --- */

/* Whatever the arguments: what the descriptors are good for has been decided when they were made.
 */
static const int calls_allowed[] = {
	/* descriptors */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(fadvise64),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	/* sockets */
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(accept4),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(shutdown),
	/* the event loop */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(signalfd4),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* time, chance, who we are */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(uname),
	/* the C library */
	SCMP_SYS(futex),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sysinfo),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Nobody but an intruder. */
static const int calls_that_kill[] = {
	SCMP_SYS(execve),	    SCMP_SYS(execveat),		 SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
};

#define OPEN_FLAGS_WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE)

static int allow_if(scmp_filter_ctx filter, int call, const struct scmp_arg_cmp *arguments,
		    unsigned int count)
{
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, arguments);
}

/* Protocol 0 is the usual one of the kind: of SOCK_DGRAM there are others (ping sockets). */
static int allow_sockets(scmp_filter_ctx filter, bool with_udp)
{
	static const struct {
		unsigned int domain, type;
		bool is_udp;
	} kinds[] = { { AF_INET, SOCK_STREAM, false },
		      { AF_INET6, SOCK_STREAM, false },
		      { AF_UNIX, SOCK_SEQPACKET, false },
		      { AF_INET, SOCK_DGRAM, true },
		      { AF_INET6, SOCK_DGRAM, true } };
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct scmp_arg_cmp arguments[] = {
			SCMP_A0_32(SCMP_CMP_EQ, kinds[i].domain),
			SCMP_A1_32(SCMP_CMP_MASKED_EQ, (uint32_t) ~(SOCK_NONBLOCK | SOCK_CLOEXEC),
				   kinds[i].type),
			SCMP_A2_32(SCMP_CMP_EQ, 0),
		};

		if (kinds[i].is_udp && !with_udp)
			continue;
		err = allow_if(filter, SCMP_SYS(socket), arguments, kinds[i].is_udp ? 3 : 2);
	}
	return err;
}

/* Reading only; memory that is not executed; a signal to ourselves, which is abort(). */
static int allow_with_arguments(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_writing =
		SCMP_A2_32(SCMP_CMP_MASKED_EQ, OPEN_FLAGS_WRITING, 0);
	const struct scmp_arg_cmp no_writing_open =
		SCMP_A1_32(SCMP_CMP_MASKED_EQ, OPEN_FLAGS_WRITING, 0);
	const struct scmp_arg_cmp no_program = SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp unread = SCMP_A1_32(SCMP_CMP_EQ, FIONREAD);
	const struct scmp_arg_cmp unsent = SCMP_A1_32(SCMP_CMP_EQ, SIOCOUTQ);
	const struct scmp_arg_cmp no_new_limit = SCMP_A2_64(SCMP_CMP_EQ, 0);
	const struct scmp_arg_cmp ourselves = SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid());
	const struct {
		int call;
		const struct scmp_arg_cmp *argument;
	} rows[] = {
		{ SCMP_SYS(openat), &no_writing },	{ SCMP_SYS(open), &no_writing_open },
		{ SCMP_SYS(mmap), &no_program },	{ SCMP_SYS(mprotect), &no_program },
		{ SCMP_SYS(ioctl), &unread },		{ SCMP_SYS(ioctl), &unsent },
		{ SCMP_SYS(prlimit64), &no_new_limit }, { SCMP_SYS(tgkill), &ourselves },
	};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		err = allow_if(filter, rows[i].call, rows[i].argument, 1);
	return err;
}

static int fill_filter(scmp_filter_ctx filter, bool with_udp)
{
	int err = 0;

	/* The kernel finds a call in the list by halves. Older libraries do not know how. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; err == 0 && i < sizeof(calls_allowed) / sizeof(calls_allowed[0]); i++)
		err = allow_if(filter, calls_allowed[i], NULL, 0);
	for (size_t i = 0; err == 0 && i < sizeof(calls_that_kill) / sizeof(calls_that_kill[0]);
	     i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, calls_that_kill[i], 0,
					     NULL);
	if (err == 0)
		err = allow_sockets(filter, with_udp);
	return err == 0 ? allow_with_arguments(filter) : err;
}

static int filter_calls(bool with_udp)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err;

	if (!filter)
		return -ENOMEM;
	err = fill_filter(filter, with_udp);
	if (err == 0)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

/* --- all --- */

int sandbox_enter(bool with_udp)
{
	static const struct {
		const char *name;
		int (*enter)(bool with_udp);
	} layers[] = {
		{ "capabilities", drop_capabilities },
		{ "landlock", restrict_files },
		{ "seccomp", filter_calls },
	};
	int first = 0;

	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		int err = layers[i].enter(with_udp);

		if (err == -ENOSYS || err == -EOPNOTSUPP)
			log_info("sandbox: %s: this kernel has none; going on without",
				 layers[i].name);
		else if (err < 0)
			log_warning("sandbox: %s: %s; going on without", layers[i].name,
				    strerror(-err));
		first = first ? first : err;
	}
	return first;
}
