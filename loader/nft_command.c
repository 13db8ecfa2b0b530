/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_command.c: one command of nft(8), by libnftables in a process of its own.
 *
 * The library takes 2 KiB of memory for each element of a set, several megabytes for the table of
 * a large cluster, and when there is none left, or no nfnetlink, it ends its process. Both are for
 * a child: the agent stays small, and what happens to the child is an error with words.
 *
 *   fork -> libnftables -> one struct answer through a pipe -> its end
 *        -> NFT_COMMAND_LIMIT_MS over: killed
 *
 * The agent waits, since its callers ask one thing after another; its loop is said to go on, so
 * that plugins wait, too. The child has the agent's capabilities and dies with it (a transaction is
 * in force or not, never half). It does not exec, though the agent has threads: these only answer
 * on sockets and close links, and the C library keeps memory and streams usable after a fork.
 */
#include "loader/nft_command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "lib/event_loop.h"

#define BEAT_MS 500

struct answer {
	int err;
	uint8_t digest[SHA1_OCTETS]; /* of the output */
	char words[TEXT_MAX + 1];
};

/* A write to a pipe of up to so much is read whole. */
_Static_assert(sizeof(struct answer) <= PIPE_BUF, "the answer is one write");

/* --- the child --- */

/* The first line of what the library says about a failure. */
static void take_words(struct nft_ctx *ctx, char ret_words[TEXT_MAX + 1])
{
	const char *words = nft_ctx_get_error_buffer(ctx);

	if (words == NULL || words[0] == '\0')
		words = strerror(errno);
	snprintf(ret_words, TEXT_MAX + 1, "%s", words);
	ret_words[strcspn(ret_words, "\n")] = '\0';
}

static void run_command(const char *command, struct answer *answer)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *output;

	answer->err = -EIO;
	if (ctx == NULL || nft_ctx_buffer_output(ctx) != 0 || nft_ctx_buffer_error(ctx) != 0) {
		snprintf(answer->words, sizeof(answer->words), "libnftables cannot start");
		return;
	}
	if (nft_run_cmd_from_buffer(ctx, command) != 0) {
		take_words(ctx, answer->words);
		return;
	}
	output = nft_ctx_get_output_buffer(ctx);
	if (output != NULL)
		sha1(output, strlen(output), answer->digest);
	answer->err = 0;
}

/* The agent's locks, sockets and maps must end with it, not with its last child. */
static void close_all_but(int fd)
{
	if (fd > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned int)fd - 1, 0);
	close_range((unsigned int)fd + 1, ~0u, 0);
}

/* Memory is given back by the end of the process. */
static _Noreturn void be_child(const char *command, pid_t agent, int fd)
{
	struct answer answer = { 0 };
	ssize_t sent;

	prctl(PR_SET_NAME, "tortied-nft"); /* who lists processes sees one agent */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_all_but(fd);
	if (getppid() != agent) /* ended before that was set */
		_exit(EXIT_FAILURE);
	run_command(command, &answer);
	sent = write(fd, &answer, sizeof(answer));
	_exit(sent == (ssize_t)sizeof(answer) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the agent --- */

/* Wait until @fd has something to read or its other end is closed. 0 or -ETIMEDOUT. */
static int wait_readable(struct event_loop *loop, int fd, unsigned int limit_ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint64_t end = event_loop_now_ms() + limit_ms;

	while (poll(&ready, 1, BEAT_MS) <= 0) {
		event_loop_beat(loop);
		if (event_loop_now_ms() >= end)
			return -ETIMEDOUT;
	}
	return 0;
}

/* How a child ended that said nothing. */
static void end_words(int status, char ret_words[TEXT_MAX + 1])
{
	if (WIFSIGNALED(status))
		snprintf(ret_words, TEXT_MAX + 1, "libnftables was ended by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(ret_words, TEXT_MAX + 1,
			 "libnftables ended its process with status %d and no word",
			 WEXITSTATUS(status));
}

static int take_answer(struct event_loop *loop, pid_t child, int fd, unsigned int limit_ms,
		       struct answer *answer)
{
	int status = 0, err = wait_readable(loop, fd, limit_ms);
	ssize_t got = -1;

	if (err == 0)
		got = read(fd, answer, sizeof(*answer));
	else
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (got == (ssize_t)sizeof(*answer))
		return answer->err;
	if (err < 0)
		snprintf(answer->words, sizeof(answer->words),
			 "libnftables did not end within %u s", limit_ms / 1000);
	else
		end_words(status, answer->words);
	return -EIO;
}

int nft_command(struct event_loop *loop, const char *command, uint8_t *ret_digest,
		char ret_words[TEXT_MAX + 1])
{
	return nft_command_within(loop, NFT_COMMAND_LIMIT_MS, command, ret_digest, ret_words);
}

int nft_command_within(struct event_loop *loop, unsigned int limit_ms, const char *command,
		       uint8_t *ret_digest, char ret_words[TEXT_MAX + 1])
{
	struct answer answer = { 0 };
	pid_t child, agent = getpid();
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		snprintf(ret_words, TEXT_MAX + 1, "no pipe to libnftables: %s", strerror(errno));
		return -EIO;
	}
	child = fork();
	if (child == 0)
		be_child(command, agent, ends[1]);
	if (child < 0)
		snprintf(answer.words, sizeof(answer.words), "no process for libnftables: %s",
			 strerror(errno));
	close(ends[1]);
	err = child > 0 ? take_answer(loop, child, ends[0], limit_ms, &answer) : -EIO;
	close(ends[0]);
	if (err < 0)
		snprintf(ret_words, TEXT_MAX + 1, "%s", answer.words);
	else if (ret_digest != NULL)
		memcpy(ret_digest, answer.digest, SHA1_OCTETS);
	return err;
}
