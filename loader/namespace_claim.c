/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace_claim.c: one agent for each network namespace.
 *
 * Links, routes, the table of masquerading and the switches belong to the namespace, not to a
 * folder: two agents with folders of their own would take each other's away, each putting its own
 * back for ever. So an agent binds an abstract socket (unix(7)): its name is known in this
 * namespace only, and the kernel lets go of it when the process dies.
 *
 * Anybody may bind an abstract name. Who holds ours is therefore asked for (SO_PEERCRED): root is
 * an agent, anyone else a stranger who shall not keep the agent from starting.
 *
 * Left to others: the locks of RUN-DIR (main.c) and BPF-DIR (dataplane_pins.c).
 */
#include "loader/namespace_claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"

#define CLAIM_NAME    "tortie/agent"
#define CLAIM_BACKLOG 16

struct namespace_claim {
	struct event_loop *loop;
	int fd;
};

static socklen_t fill_address(struct sockaddr_un *ret_addr)
{
	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret_addr->sun_path + 1, CLAIM_NAME, sizeof(CLAIM_NAME) - 1);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(CLAIM_NAME));
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Whoever asks who we are learns it by having connected; there is nothing to say. */
static void on_question(int fd, uint32_t events, void *arg)
{
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (conn >= 0)
		close(conn);
}

/* Who holds the name? -EADDRINUSE: an agent; 0: a stranger, or nobody any more; else -errno. */
static int ask_holder(const struct sockaddr_un *addr, socklen_t len)
{
	struct ucred holder = { .uid = (uid_t)-1 };
	socklen_t holder_len = sizeof(holder);
	int fd = new_socket();

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)addr, len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &holder_len) < 0)
		holder.uid = (uid_t)-1;
	close(fd);
	if (holder.uid == 0) {
		log_error(
			"network namespace: another tortied (process %d) serves it; stop it first, "
			"or give this one a network namespace of its own",
			holder.pid);
		return -EADDRINUSE;
	}
	log_warning("network namespace: process %d of uid %u holds the abstract socket " CLAIM_NAME
		    "; a second tortied here would not be noticed",
		    holder.pid, holder.uid);
	return 0;
}

static int claim_name(struct namespace_claim *claim)
{
	struct sockaddr_un addr;
	socklen_t len = fill_address(&addr);

	if (bind(claim->fd, (const struct sockaddr *)&addr, len) < 0)
		return errno == EADDRINUSE ? ask_holder(&addr, len) : -errno;
	if (listen(claim->fd, CLAIM_BACKLOG) < 0)
		return -errno;
	return event_loop_add_fd(claim->loop, claim->fd, EPOLLIN, on_question, claim);
}

int namespace_claim_open(struct agent *agent, struct namespace_claim **ret_claim)
{
	struct namespace_claim *claim = calloc(1, sizeof(*claim));
	int err;

	if (!claim)
		return -ENOMEM;
	claim->loop = agent->loop;
	claim->fd = new_socket();
	if (claim->fd < 0) {
		err = claim->fd;
		goto err_free;
	}
	err = claim_name(claim);
	if (err)
		goto err_close;
	*ret_claim = claim;
	return 0;

err_close:
	close(claim->fd);
err_free:
	free(claim);
	return err;
}

void namespace_claim_close(struct namespace_claim *claim)
{
	if (!claim)
		return;
	event_loop_remove_fd(claim->loop, claim->fd);
	close(claim->fd);
	free(claim);
}
