/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forward_accept.c: firewalls that drop what the host forwards, and our rules in them.
 *
 * Pods reach pods past the host stack. What takes it (Services of kube-proxy, the outside, large
 * and odd packets) is forwarded by the host, and a base chain with the policy drop, as Docker sets
 * it, ends it; nothing that we write into a table of ours could change that. With `forwarding:
 * {accept: true}` two rules for each pool go to the head of each such chain, and are put back when
 * someone flushes it; without, rules from before are removed and `tortie status` says what to do.
 *
 * Way of data: notifications of nf_tables about chains and deleted rules, lost ones and the
 * minute's sweep lead to a look at all chains at hook forward, and where a rule is missing to one
 * command.
 *
 * A chain of iptables-legacy is told, too.
 *
 * Left to others: which chains drop (forward_chains.c, lib/legacy_forward.c), the rules
 * (forward_rules.c). They stay when the agent ends; `tortie reset` removes them.
 */
#include "loader/forward_accept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "lib/event_loop.h"
#include "lib/ip_prefix.h"
#include "lib/legacy_forward.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/forward_chains.h"
#include "loader/forward_rules.h"
#include "loader/monitor.h"
#include "loader/nft_command.h"
#include "loader/nft_socket.h"
#include "loader/status_lines.h"

#define READ_DATAGRAMS 1024 /* of one event */
#define CHECK_DELAY_MS 50   /* a flush is many messages */
#define CHECK_GAP_MS   500  /* between two checks: someone may write without end */

struct forward_accept {
	struct agent *agent;
	int fd; /* notifications; -1: not listening */
	uint8_t *buffer;
	struct event_timer check;
	uint64_t checked_ms;
	size_t chains;	   /* that drop, and have our rules */
	bool was_in_force; /* since the start or the last change of pools */
	char problem[TEXT_MAX + 1];
};

static int note_rule(const struct nlmsghdr *header, void *arg)
{
	return forward_rules_note(header, arg);
}

/* Bring one chain to what @pools wants. Above 0: something was changed. -errno, with words. */
static int mend_chain(struct event_loop *loop, const struct forward_chain *chain,
		      const struct prefix_set *pools, char ret_words[TEXT_MAX + 1])
{
	struct forward_found found = { 0 };
	char *text = NULL;
	int err = forward_chain_rules(chain, note_rule, &found);

	snprintf(ret_words, TEXT_MAX + 1, "%s", strerror(err < 0 ? -err : ENOMEM));
	if (!err) {
		text = forward_rules_text(chain, pools, &found);
		err = text ? text[0] != '\0' : -ENOMEM;
	}
	if (err > 0 && nft_command(loop, text, NULL, ret_words) < 0)
		err = -EIO;
	free(text);
	free(found.rule);
	return err;
}

static void tell_change(struct forward_accept *accept, const char *chain)
{
	if (!accept->was_in_force) {
		log_info("firewall: chain %s drops what is forwarded; rules for the pools accept "
			 "pods' packets there",
			 chain);
		return;
	}
	accept->agent->repairs++;
	log_warning("firewall: chain %s: our rules for the pools were removed by someone; put back",
		    chain);
}

/* Our rules into every chain that drops. */
static void mend_all(struct forward_accept *accept, const struct prefix_set *pools)
{
	struct forward_chain chains[FORWARD_CHAINS_MAX];
	char place[FORWARD_TEXT_MAX], words[TEXT_MAX + 1], problem[TEXT_MAX + 1] = "";
	size_t count = forward_chains_find(chains);

	accept->chains = 0;
	for (size_t i = 0; i < count; i++) {
		int changed;

		if (chains[i].end == FORWARD_PASSES)
			continue;
		forward_chain_text(&chains[i], place, sizeof(place));
		changed = mend_chain(accept->agent->loop, &chains[i], pools, words);
		if (changed < 0) {
			snprintf(problem, sizeof(problem),
				 "firewall: chain %s drops what is forwarded, and takes no rule of "
				 "ours: %.250s",
				 place, words);
			continue;
		}
		accept->chains++;
		if (changed > 0)
			tell_change(accept, place);
	}
	if (problem[0] && strcmp(problem, accept->problem) != 0)
		log_error("%s", problem);
	memcpy(accept->problem, problem, sizeof(problem));
}

static void check_now(struct forward_accept *accept)
{
	struct prefix_set pools;
	int err = forward_rules_pools(accept->agent->config, &pools);

	accept->checked_ms = event_loop_now_ms();
	if (!err)
		mend_all(accept, &pools);
	if (pools.count > FORWARD_PREFIXES_MAX && !accept->problem[0])
		snprintf(accept->problem, sizeof(accept->problem),
			 "firewall: %zu pools, of which the first %d are accepted where a chain "
			 "drops; make them fewer and larger",
			 pools.count, FORWARD_PREFIXES_MAX);
	prefix_set_free(&pools);
	accept->was_in_force = true;
}

static void on_check(void *arg)
{
	struct forward_accept *accept = arg;

	if (!accept->agent->resetting)
		check_now(accept);
}

static void check_soon(struct forward_accept *accept)
{
	uint64_t now = event_loop_now_ms();
	uint64_t earliest = accept->checked_ms + CHECK_GAP_MS;
	uint64_t delay = now + CHECK_DELAY_MS < earliest ? earliest - now : CHECK_DELAY_MS;

	if (!event_timer_is_armed(&accept->check))
		event_timer_set(accept->agent->loop, &accept->check, delay);
}

/* --- listening --- */

/*
 * A chain's policy is told as a new chain, a rule gone as such. A rule more may be firewalld's last
 * one; kube-proxy writes thousands of them, but in transactions that a look every half a second can
 * follow.
 */
static bool matters(const struct nlmsghdr *header)
{
	switch (header->nlmsg_type) {
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE:
	case NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE:
		return true;
	default:
		return false;
	}
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	struct forward_accept *accept = arg;
	bool look = false;

	for (int i = 0; i < READ_DATAGRAMS; i++) {
		const struct nlmsghdr *header = (const void *)accept->buffer;
		ssize_t got = nft_receive(fd, accept->buffer);
		int len = (int)got;

		if (got == -EAGAIN)
			break;
		if (got < 0)
			look = true; /* lost some */
		for (; !look && len > 0 && NLMSG_OK(header, len); header = NLMSG_NEXT(header, len))
			look = matters(header);
	}
	if (look)
		check_soon(accept);
}

static void on_kernel(const struct nlmsghdr *header, void *arg)
{
	if (header == NULL)
		check_soon(arg);
}

static int start_listening(struct forward_accept *accept)
{
	struct agent *agent = accept->agent;
	int err;

	accept->fd = nft_listen();
	if (accept->fd < 0)
		return accept->fd;
	accept->buffer = malloc(NFT_RECEIVE_SIZE);
	if (!accept->buffer)
		return -ENOMEM;
	err = event_loop_add_fd(agent->loop, accept->fd, EPOLLIN, on_readable, accept);
	if (err < 0)
		return err;
	return monitor_listen(agent->monitor, on_kernel, accept);
}

static void remove_leftovers(struct event_loop *loop)
{
	const struct prefix_set none = { 0 };
	struct forward_chain chains[FORWARD_CHAINS_MAX];
	char place[FORWARD_TEXT_MAX], words[TEXT_MAX + 1];
	size_t count = forward_chains_find(chains);

	for (size_t i = 0; i < count; i++) {
		int changed = mend_chain(loop, &chains[i], &none, words);

		forward_chain_text(&chains[i], place, sizeof(place));
		if (changed > 0)
			log_info("firewall: our rules for the pools left chain %s "
				 "(forwarding.accept is off)",
				 place);
		else if (changed < 0)
			log_warning("firewall: our rules cannot leave chain %s: %s", place, words);
	}
}

int forward_accept_open(struct agent *agent, struct forward_accept **ret_accept)
{
	struct forward_accept *accept = calloc(1, sizeof(*accept));
	int err;

	if (!accept)
		return -ENOMEM;
	accept->agent = agent;
	accept->fd = -1;
	event_timer_init(&accept->check, on_check, accept);
	*ret_accept = accept;
	if (!agent->config->forwarding_accept) {
		remove_leftovers(agent->loop);
		return 0;
	}
	err = start_listening(accept);
	if (err < 0) {
		/* Without nf_tables there is no chain of it that drops. */
		log_info("firewall: no nftables in this kernel: %s", strerror(-err));
		return 0;
	}
	check_now(accept);
	return 0;
}

void forward_accept_config_changed(struct forward_accept *accept)
{
	if (accept->fd < 0 || accept->agent->resetting)
		return;
	accept->was_in_force = false;
	check_now(accept);
}

void forward_accept_close(struct forward_accept *accept)
{
	if (!accept)
		return;
	monitor_unlisten(accept->agent->monitor, on_kernel, accept);
	event_timer_cancel(accept->agent->loop, &accept->check);
	if (accept->fd >= 0) {
		event_loop_remove_fd(accept->agent->loop, accept->fd);
		close(accept->fd);
	}
	free(accept->buffer);
	free(accept);
}

/* --- telling --- */

/* The words about a chain that drops, with the command that would mend it for one pool. */
static void drop_words(const struct agent *agent, const struct forward_chain *chain,
		       char words[TEXT_MAX + 1])
{
	const char *how = chain->end == FORWARD_POLICY_DROPS ? "has the policy drop"
							     : "ends with a rule that drops";
	char place[FORWARD_TEXT_MAX], advice[FORWARD_TEXT_MAX + 128] = "";

	for (size_t i = 0; i < agent->config->pool_count && !advice[0]; i++)
		if (forward_rules_fits(chain, &agent->config->pool[i].cidr))
			forward_rules_advice(chain, &agent->config->pool[i].cidr, advice,
					     sizeof(advice));
	snprintf(words, TEXT_MAX + 1,
		 "firewall: chain %s %s: pods reach pods, but Services and the outside only by "
		 "rules there (forwarding: {accept: true} in the file keeps them; or, for each "
		 "pool: %s)",
		 forward_chain_text(chain, place, sizeof(place)), how, advice);
}

/* Tables of iptables-legacy are exchanged whole, so no rule of ours goes there. */
static bool find_legacy_drop(const struct agent *agent, char ret_words[TEXT_MAX + 1])
{
	char prefix[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < agent->config->pool_count; i++) {
		const struct ip_prefix *pool = &agent->config->pool[i].cidr;
		int family = ip_addr_family(&pool->addr);
		enum legacy_end end = legacy_forward_end(family);

		if (end == LEGACY_PASSES)
			continue;
		snprintf(ret_words, TEXT_MAX + 1,
			 "firewall: chain FORWARD of %s %s: pods reach pods, but Services and the "
			 "outside only by rules there, and tortie writes none (for each pool: %s "
			 "-I FORWARD -s %s -j ACCEPT, and the same with -d)",
			 legacy_forward_command(family),
			 end == LEGACY_POLICY_DROPS ? "has the policy drop"
						    : "ends with a rule that drops",
			 legacy_forward_command(family),
			 ip_prefix_format(pool, prefix, sizeof(prefix)));
		return true;
	}
	return false;
}

bool forward_accept_find_drop(struct agent *agent, char ret_words[TEXT_MAX + 1])
{
	struct forward_chain chains[FORWARD_CHAINS_MAX];
	size_t count = forward_chains_find(chains);

	if (agent->forward_accept && agent->forward_accept->fd >= 0 &&
	    agent->config->forwarding_accept && !agent->forward_accept->problem[0])
		return find_legacy_drop(agent, ret_words);
	for (size_t i = 0; i < count; i++) {
		if (chains[i].end == FORWARD_PASSES)
			continue;
		drop_words(agent, &chains[i], ret_words);
		return true;
	}
	return find_legacy_drop(agent, ret_words);
}

int forward_accept_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct forward_accept *accept = agent->forward_accept;
	char text[TEXT_MAX + 1];

	if (!accept) /* waits for the cluster */
		return 0;
	if (accept->problem[0])
		return fn(STATUS_PROBLEM, accept->problem, arg);
	if (forward_accept_find_drop(agent, text))
		return fn(STATUS_WARNING, text, arg);
	if (!accept->chains)
		return 0;
	snprintf(text, sizeof(text),
		 "firewall: our rules accept pods' packets in %zu chain%s that drop%s what is "
		 "forwarded",
		 accept->chains, accept->chains == 1 ? "" : "s", accept->chains == 1 ? "s" : "");
	return fn(STATUS_OK, text, arg);
}
