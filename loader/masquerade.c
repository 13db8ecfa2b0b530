/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masquerade.c: the nftables table of ours, kept in place.
 *
 * Way of data: the table is written in one transaction by libnftables, then listed once; the digest
 * of that text, the library's own way of saying what the kernel holds, is remembered. Any
 * notification about our table (someone flushed the ruleset, deleted a chain, added a rule), lost
 * notifications and the minute's sweep lead to another listing; when it differs, the table is
 * written again.
 *
 * Whether a table exists at all, and who changes it, is asked by nft_socket.c: a node
 * without masquerade never enters the library. A kernel that refuses (no nf_tables,
 * no nft_masq) is a condition of `tortie status`, not a reason to stop: pods reach each other.
 *
 * Left to others: the rules (masquerade_rules.c). The table stays when the agent ends.
 */
#include "loader/masquerade.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "lib/sha1.h"
#include "loader/agent.h"
#include "loader/masquerade_rules.h"
#include "loader/monitor.h"
#include "loader/netlink_attr.h"
#include "loader/nft_command.h"
#include "loader/nft_socket.h"
#include "loader/status_lines.h"
#include "node_objects.h"

#define TABLE		NFT_TABLE_FAMILY " " NFT_TABLE_NAME
#define READ_DATAGRAMS	1024 /* of one event */
#define CHECK_DELAY_MS	50   /* a flush is many messages */
#define CHECK_GAP_MS	500  /* between two checks: someone may write without end */
#define TABLE_NAME_ATTR 1    /* NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, ...: all the first */

struct masquerade {
	struct agent *agent;
	int fd; /* notifications */
	uint8_t *buffer;
	struct event_timer check;
	uint64_t checked_ms;
	bool is_wanted;		     /* by the configuration in force */
	bool has_kernel;	     /* listening: the kernel has nftables */
	bool is_set_up;		     /* the digests are of a table that was written */
	uint8_t rules[SHA1_OCTETS];  /* as they were written */
	uint8_t listed[SHA1_OCTETS]; /* as the kernel then told them */
	char problem[TEXT_MAX + 1];
};

/* --- keeping the table --- */

static int write_table(struct masquerade *masquerade)
{
	char words[TEXT_MAX + 1] = "no memory",
			      *rules = masquerade_rules(masquerade->agent->config);
	struct event_loop *loop = masquerade->agent->loop;
	int err = rules != NULL ? nft_command(loop, rules, NULL, words) : -ENOMEM;

	if (err == 0)
		sha1(rules, strlen(rules), masquerade->rules);
	free(rules);
	if (err == 0)
		err = nft_command(loop, "list table " TABLE, masquerade->listed, words);
	if (err < 0) {
		if (masquerade->problem[0] == '\0')
			log_error("masquerade: table " TABLE " cannot be written: %s", words);
		snprintf(masquerade->problem, sizeof(masquerade->problem),
			 "masquerade: table " TABLE " is not in force, pods do not reach the "
			 "outside: %.300s (load nf_tables, nft_chain_nat, nft_masq and "
			 "nft_reject_inet)",
			 words);
		return err;
	}
	masquerade->problem[0] = '\0';
	masquerade->is_set_up = true;
	return 0;
}

static bool is_whole(const struct masquerade *masquerade)
{
	uint8_t listed[SHA1_OCTETS];
	char words[TEXT_MAX + 1];

	return masquerade->is_set_up && nft_table_exists(NFT_TABLE_NAME) &&
	       nft_command(masquerade->agent->loop, "list table " TABLE, listed, words) == 0 &&
	       memcmp(listed, masquerade->listed, sizeof(listed)) == 0;
}

static void on_check(void *arg)
{
	struct masquerade *masquerade = arg;
	bool was_written = masquerade->is_set_up;

	if (masquerade->agent->resetting || !masquerade->is_wanted)
		return;
	masquerade->checked_ms = event_loop_now_ms();
	if (is_whole(masquerade) || write_table(masquerade) < 0)
		return;
	if (was_written) {
		masquerade->agent->repairs++;
		log_warning("masquerade: table " TABLE
			    " was changed or removed by someone; put back");
	}
}

static void check_soon(struct masquerade *masquerade)
{
	uint64_t now = event_loop_now_ms();
	uint64_t earliest = masquerade->checked_ms + CHECK_GAP_MS;
	uint64_t delay = now + CHECK_DELAY_MS < earliest ? earliest - now : CHECK_DELAY_MS;

	if (!event_timer_is_armed(&masquerade->check))
		event_timer_set(masquerade->agent->loop, &masquerade->check, delay);
}

/* --- listening --- */

static bool is_about_us(const struct nlmsghdr *header)
{
	const struct nfgenmsg *body = netlink_body(header, sizeof(*body));
	const struct nlattr *attr[TABLE_NAME_ATTR + 1];
	char name[sizeof(NFT_TABLE_NAME) + 1];

	if (header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || body == NULL ||
	    body->nfgen_family != NFPROTO_INET)
		return false;
	netlink_attrs(header, sizeof(*body), attr, TABLE_NAME_ATTR + 1);
	return netlink_attr_text(attr[TABLE_NAME_ATTR], name, sizeof(name)) == 0 &&
	       strcmp(name, NFT_TABLE_NAME) == 0;
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	struct masquerade *masquerade = arg;
	bool matters = false;

	for (int i = 0; i < READ_DATAGRAMS; i++) {
		const struct nlmsghdr *header = (const void *)masquerade->buffer;
		ssize_t got = nft_receive(fd, masquerade->buffer);
		int len = (int)got;

		if (got == -EAGAIN)
			break;
		if (got < 0)
			matters = true; /* lost some */
		for (; !matters && len > 0 && NLMSG_OK(header, len);
		     header = NLMSG_NEXT(header, len))
			matters = is_about_us(header);
	}
	if (matters)
		check_soon(masquerade);
}

static void on_kernel(const struct nlmsghdr *header, void *arg)
{
	if (header == NULL)
		check_soon(arg);
}

static int start_listening(struct masquerade *masquerade)
{
	struct agent *agent = masquerade->agent;
	int err;

	masquerade->fd = nft_listen();
	if (masquerade->fd < 0)
		return masquerade->fd;
	masquerade->buffer = malloc(NFT_RECEIVE_SIZE);
	if (masquerade->buffer == NULL)
		return -ENOMEM;
	err = event_loop_add_fd(agent->loop, masquerade->fd, EPOLLIN, on_readable, masquerade);
	if (err < 0)
		return err;
	return monitor_listen(agent->monitor, on_kernel, masquerade);
}

static void remove_leftover(struct event_loop *loop)
{
	char words[TEXT_MAX + 1];

	if (!nft_table_exists(NFT_TABLE_NAME))
		return;
	if (nft_command(loop, "delete table " TABLE, NULL, words) < 0)
		log_warning("masquerade: table " TABLE
			    " is there from before, not wanted any more, and cannot be removed: %s",
			    words);
	else
		log_info("masquerade: table " TABLE
			 " removed, no pool has nat_outgoing any more and there are no "
			 "ranges of Services");
}

static void set_up(struct masquerade *masquerade)
{
	int err = masquerade->has_kernel ? 0 : start_listening(masquerade);

	if (err < 0) {
		snprintf(masquerade->problem, sizeof(masquerade->problem),
			 "masquerade: no nftables in this kernel, pods do not reach the outside: "
			 "%s (load nf_tables)",
			 strerror(-err));
		log_error("%s", masquerade->problem);
		return;
	}
	masquerade->has_kernel = true;
	write_table(masquerade);
	masquerade->checked_ms = event_loop_now_ms();
}

static void take_down(struct masquerade *masquerade)
{
	remove_leftover(masquerade->agent->loop);
	masquerade->is_set_up = false;
	masquerade->problem[0] = '\0';
}

int masquerade_open(struct agent *agent, struct masquerade **ret_masquerade)
{
	struct masquerade *masquerade = calloc(1, sizeof(*masquerade));

	if (masquerade == NULL)
		return -ENOMEM;
	masquerade->agent = agent;
	masquerade->fd = -1;
	event_timer_init(&masquerade->check, on_check, masquerade);
	*ret_masquerade = masquerade;
	masquerade->is_wanted = masquerade_is_wanted(agent->config);
	if (masquerade->is_wanted)
		set_up(masquerade);
	else
		remove_leftover(agent->loop);
	return 0;
}

static bool rules_differ(const struct masquerade *masquerade)
{
	char *rules = masquerade_rules(masquerade->agent->config);
	uint8_t digest[SHA1_OCTETS] = { 0 };

	if (rules != NULL)
		sha1(rules, strlen(rules), digest);
	free(rules);
	return !masquerade->is_set_up || memcmp(digest, masquerade->rules, sizeof(digest)) != 0;
}

void masquerade_config_changed(struct masquerade *masquerade)
{
	bool was_wanted = masquerade->is_wanted;

	if (masquerade->agent->resetting)
		return;
	masquerade->is_wanted = masquerade_is_wanted(masquerade->agent->config);
	if (!masquerade->is_wanted && was_wanted)
		take_down(masquerade);
	else if (masquerade->is_wanted && rules_differ(masquerade))
		set_up(masquerade);
}

void masquerade_close(struct masquerade *masquerade)
{
	if (masquerade == NULL)
		return;
	monitor_unlisten(masquerade->agent->monitor, on_kernel, masquerade);
	event_timer_cancel(masquerade->agent->loop, &masquerade->check);
	if (masquerade->fd >= 0) {
		event_loop_remove_fd(masquerade->agent->loop, masquerade->fd);
		close(masquerade->fd);
	}
	free(masquerade->buffer);
	free(masquerade);
}

int masquerade_status(struct agent *agent, status_line_fn *fn, void *arg)
{
	const struct masquerade *masquerade = agent->masquerade;
	int err = 0;

	if (masquerade->problem[0] != '\0')
		err = fn(STATUS_PROBLEM, masquerade->problem, arg);
	else if (masquerade->is_set_up)
		err = fn(STATUS_OK, "masquerade: table " TABLE " in force", arg);
	return err;
}
