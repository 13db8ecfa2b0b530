/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bfd.c: BFD sessions with their sockets and timers.
 *
 * What a packet means for a session is bfd_machine.c's; here a packet finds its session, and what
 * the machine answers is done. A packet goes through the checks of RFC 5880 section 6.8.6 in their
 * order: bfd_packet.c has those that need no session, then by Your Discriminator or, while the
 * neighbour does not know ours, by its address. Either way it must come from the session's
 * neighbour, to the address that we speak from, on the session's port, and a single hop one with
 * TTL 255 (RFC 5881 section 5). Everything else is counted and dropped without a word.
 *
 * The receiving sockets exist only while a session of their kind does. When a neighbour's time is
 * over the sockets are read first: after this process was held up what proves it alive lies there.
 *
 * A session that its owner has removed goes on saying AdminDown for a Detection Time of the
 * neighbour (section 6.8.16). A callback may remove its session, and then the memory may be gone:
 * it is always the last thing that is done with one.
 */
#include "bgp/bfd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/ip_prefix.h"
#include "lib/log.h"

#define RX_COUNT	 4 /* two families, two kinds */
#define BATCHES_A_ROUND	 4
#define BATCHES_QUEUED	 32 /* more than a socket's buffer holds */
#define LISTEN_AGAIN_MS	 5000
#define KEEP_UP_MS	 20
#define PORT_TRIES	 64
#define RESUMED_LEAST_US 10000 /* between packets, whatever is said of another process' session */
#define STRANGERS_LOG_MS 10000

/* A receiving socket. */
struct receiver {
	struct bfd *bfd;
	int family;
	bool is_multihop;
	int fd; /* -1: closed */
	size_t sessions;
	bool is_fault_logged;
	struct event_timer again_timer;
};

struct bfd {
	struct event_loop *loop;
	struct receiver receiver[RX_COUNT];
	struct bfd_session *by_discriminator;
	struct bfd_session *by_remote;
	uint8_t port_used[BFD_SOURCE_COUNT / 8];
	uint64_t strangers; /* packets from addresses without a session */
	uint64_t strangers_logged_ms;
	uint64_t kept_up_ms;
	struct bfd_datagram datagram[BFD_BATCH];
};

static uint64_t now_us(void)
{
	return event_loop_now_ms() * 1000;
}

static uint32_t random_u32(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint32_t)random();
	return number;
}

static struct bfd_session *find_by_discriminator(struct bfd *bfd, uint32_t discriminator)
{
	struct bfd_session *session;

	HASH_FIND(by_discriminator, bfd->by_discriminator, &discriminator, sizeof(discriminator),
		  session);
	return session;
}

static struct bfd_session *find_by_remote(struct bfd *bfd, const struct ip_addr *remote)
{
	struct bfd_session *session;

	HASH_FIND(by_remote, bfd->by_remote, remote, sizeof(*remote), session);
	return session;
}

/* --- sending --- */

static void take_port(struct bfd *bfd, uint16_t port, bool is_used)
{
	unsigned int bit = port - BFD_SOURCE_FIRST;
	uint8_t mask = (uint8_t)(1u << bit % 8);

	if (is_used)
		bfd->port_used[bit / 8] |= mask;
	else
		bfd->port_used[bit / 8] &= (uint8_t)~mask;
}

static bool is_port_used(const struct bfd *bfd, uint16_t port)
{
	unsigned int bit = port - BFD_SOURCE_FIRST;

	return bfd->port_used[bit / 8] >> bit % 8 & 1;
}

/* RFC 5881 section 4: a source port of the session's own, from 49152 up. */
static int open_sender(struct bfd_session *session)
{
	struct bfd_params *params = &session->params;
	int fd = -EADDRINUSE, err = 0;

	if (ip_addr_is_zero(&params->local))
		err = bfd_socket_route(&params->remote, &params->local);
	if (err < 0)
		return err;
	if (session->port != 0 && !is_port_used(session->bfd, session->port))
		fd = bfd_socket_open(&params->remote, &params->local, session->port);
	for (int i = 0; i < PORT_TRIES && fd == -EADDRINUSE; i++) {
		session->port = (uint16_t)(BFD_SOURCE_FIRST + random_u32() % BFD_SOURCE_COUNT);
		if (!is_port_used(session->bfd, session->port))
			fd = bfd_socket_open(&params->remote, &params->local, session->port);
	}
	if (fd < 0)
		return fd;
	take_port(session->bfd, session->port, true);
	session->fd = fd;
	return 0;
}

static void send_packet(struct bfd_session *session, bool is_final)
{
	const struct bfd_params *params = &session->params;
	uint8_t octets[BFD_PACKET_LEN];
	struct bfd_packet packet;
	int err = 0;

	if (session->fd < 0)
		err = open_sender(session); /* an address may come yet: each packet is a try */
	if (err == 0) {
		bfd_machine_fill(&session->machine, is_final, &packet);
		bfd_packet_write(octets, &packet);
		err = bfd_socket_send(session->fd, &params->remote, params->is_multihop, octets,
				      sizeof(octets));
	}
	if (err == 0)
		session->sent++;
}

static void arm_sending(struct bfd_session *session)
{
	uint64_t interval_us = bfd_machine_interval_us(&session->machine);

	if (interval_us == 0) {
		event_timer_cancel(session->bfd->loop, &session->send_timer);
		return;
	}
	interval_us = bfd_machine_jitter(&session->machine, interval_us, (uint32_t)random());
	event_timer_set(session->bfd->loop, &session->send_timer, interval_us / 1000);
}

static void on_send(void *arg)
{
	struct bfd_session *session = arg;

	send_packet(session, false);
	arm_sending(session);
}

static void arm_looking(struct bfd_session *session)
{
	uint64_t deadline_us = bfd_machine_deadline_us(&session->machine), at_us = now_us();

	if (deadline_us == UINT64_MAX)
		event_timer_cancel(session->bfd->loop, &session->look_timer);
	else
		event_timer_set(session->bfd->loop, &session->look_timer,
				deadline_us > at_us ? (deadline_us - at_us + 999) / 1000 : 0);
}

/* Do what the machine answers. The last thing that is done with @session. */
static void carry_out(struct bfd_session *session, enum bfd_state before, unsigned int effects)
{
	if (effects & BFD_SEND_FINAL)
		send_packet(session, true);
	else if (effects & BFD_SEND)
		send_packet(session, false);
	if (effects & (BFD_SEND | BFD_TIMES))
		arm_sending(session);
	if (effects & BFD_TIMES || !event_timer_is_armed(&session->look_timer))
		arm_looking(session);
	if (before == BFD_UP && session->machine.state != BFD_UP)
		session->times_down++;
	if (effects & BFD_CHANGED && session->changed)
		session->changed(session, before, session->arg);
}

/* --- receiving --- */

static void discard_strangers(struct bfd *bfd, const struct ip_addr *remote)
{
	uint64_t now_ms = event_loop_now_ms();
	char text[IP_ADDR_TEXT_MAX];

	bfd->strangers++;
	if (bfd->strangers_logged_ms && now_ms - bfd->strangers_logged_ms < STRANGERS_LOG_MS)
		return;
	bfd->strangers_logged_ms = now_ms;
	log_info("BFD: packet from %s discarded (%" PRIu64 " of such so far): no peer with bfd has "
		 "this address",
		 ip_addr_format(remote, text, sizeof(text)), bfd->strangers);
}

/* @session: of the sender. A neighbour's are told once for each reason that follows another. */
static void discard(struct bfd *bfd, struct bfd_session *session,
		    const struct bfd_datagram *datagram, enum bfd_discard why)
{
	char text[IP_ADDR_TEXT_MAX];

	if (!session) {
		discard_strangers(bfd, &datagram->remote);
		return;
	}
	if (session->discarded == 0 || session->last_discard != why)
		log_debug("BFD: packet from %s discarded: %s",
			  ip_addr_format(&datagram->remote, text, sizeof(text)),
			  bfd_discard_text(why));
	session->discarded++;
	session->last_discard = why;
}

static bool is_from_neighbour(const struct bfd_session *session, const struct receiver *receiver,
			      const struct bfd_datagram *datagram)
{
	const struct bfd_params *params = &session->params;

	return params->is_multihop == receiver->is_multihop &&
	       ip_addr_equal(&params->remote, &datagram->remote) &&
	       ip_addr_equal(&params->local, &datagram->local);
}

static bool is_near(const struct bfd_session *session, unsigned int ttl)
{
	if (!session->params.is_multihop)
		return ttl == BFD_TTL;
	return session->params.hops == 0 || ttl >= BFD_TTL + 1 - session->params.hops;
}

static void take_datagram(struct bfd *bfd, const struct receiver *receiver,
			  const struct bfd_datagram *datagram)
{
	struct bfd_session *sender = find_by_remote(bfd, &datagram->remote), *session = sender;
	struct bfd_packet packet;
	enum bfd_discard why;
	enum bfd_state before;

	if (bfd_packet_parse(datagram->data, datagram->len, &packet, &why) < 0) {
		discard(bfd, sender, datagram, why);
		return;
	}
	if (packet.your_discriminator != 0)
		session = find_by_discriminator(bfd, packet.your_discriminator);
	if (packet.your_discriminator == 0 && packet.state != BFD_DOWN &&
	    packet.state != BFD_ADMIN_DOWN)
		discard(bfd, sender, datagram, BFD_DISCARD_STATE);
	else if (!session || !is_from_neighbour(session, receiver, datagram))
		discard(bfd, sender, datagram, BFD_DISCARD_NO_SESSION);
	else if (!is_near(session, datagram->ttl))
		discard(bfd, session, datagram, BFD_DISCARD_HOPS);
	else if (packet.authenticated)
		discard(bfd, session, datagram, BFD_DISCARD_AUTHENTICATED);
	else {
		before = session->machine.state;
		session->received++;
		carry_out(session, before,
			  bfd_machine_receive(&session->machine, &packet, now_us()));
	}
}

/* Up to @batches of what waits; a handler on the way may close the socket. */
static void receive(struct receiver *receiver, int batches)
{
	struct bfd *bfd = receiver->bfd;

	while (receiver->fd >= 0 && batches-- > 0) {
		int count = bfd_socket_receive(receiver->fd, bfd->datagram);

		for (int i = 0; i < count; i++)
			take_datagram(bfd, receiver, &bfd->datagram[i]);
		if (count < BFD_BATCH)
			return;
	}
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	receive(arg, BATCHES_A_ROUND);
}

static const char *listen_mend(int err)
{
	return err == -EADDRINUSE ? "; stop the other BFD daemon of this node, or take bfd out of "
				    "bgp"
				  : "";
}

static void open_receiver(struct receiver *receiver)
{
	int fd = bfd_socket_listen(receiver->family, receiver->is_multihop), err = fd;

	if (fd >= 0) {
		err = event_loop_add_fd(receiver->bfd->loop, fd, EPOLLIN, on_readable, receiver);
		if (err < 0)
			close(fd);
	}
	if (err < 0) {
		if (!receiver->is_fault_logged)
			log_error("BFD: %s port %d: %s; sessions stay down%s",
				  receiver->family == AF_INET ? "IPv4" : "IPv6",
				  receiver->is_multihop ? BFD_PORT_MULTIHOP : BFD_PORT_SINGLE_HOP,
				  strerror(-err), listen_mend(err));
		receiver->is_fault_logged = true;
		event_timer_set(receiver->bfd->loop, &receiver->again_timer, LISTEN_AGAIN_MS);
		return;
	}
	receiver->is_fault_logged = false;
	receiver->fd = fd;
}

static void on_open_again(void *arg)
{
	open_receiver(arg);
}

static struct receiver *receiver_of(struct bfd *bfd, const struct bfd_params *params)
{
	return &bfd->receiver[(ip_addr_is_v4(&params->remote) ? 0 : 2) + params->is_multihop];
}

static void close_receiver(struct receiver *receiver)
{
	event_timer_cancel(receiver->bfd->loop, &receiver->again_timer);
	if (receiver->fd < 0)
		return;
	event_loop_remove_fd(receiver->bfd->loop, receiver->fd);
	close(receiver->fd);
	receiver->fd = -1;
}

/* --- sessions --- */

/* The time is over, if nothing waits to be read that says otherwise. */
static void on_look(void *arg)
{
	struct bfd_session *session = arg;
	struct bfd *bfd = session->bfd;
	uint32_t discriminator = session->machine.kept.discriminator;
	enum bfd_state before;

	receive(receiver_of(bfd, &session->params), BATCHES_QUEUED);
	session = find_by_discriminator(bfd, discriminator);
	if (!session)
		return; /* a packet has ended it */
	before = session->machine.state;
	carry_out(session, before, bfd_machine_look(&session->machine, now_us()));
}

static void free_session(struct bfd_session *session)
{
	struct bfd *bfd = session->bfd;
	struct receiver *receiver = receiver_of(bfd, &session->params);

	event_timer_cancel(bfd->loop, &session->send_timer);
	event_timer_cancel(bfd->loop, &session->look_timer);
	event_timer_cancel(bfd->loop, &session->linger_timer);
	if (session->fd >= 0) {
		close(session->fd);
		take_port(bfd, session->port, false);
	}
	HASH_DELETE(by_discriminator, bfd->by_discriminator, session);
	HASH_DELETE(by_remote, bfd->by_remote, session);
	if (--receiver->sessions == 0)
		close_receiver(receiver);
	free(session);
}

static void on_linger(void *arg)
{
	free_session(arg);
}

static uint32_t choose_discriminator(struct bfd *bfd)
{
	uint32_t number = random_u32();

	while (number == 0 || find_by_discriminator(bfd, number))
		number = random_u32();
	return number;
}

/* May another process' session go on here? Nothing of it is as sure as what we chose. */
static bool is_resumable(struct bfd *bfd, const struct bfd_remains *remains)
{
	return remains && remains->port >= BFD_SOURCE_FIRST &&
	       remains->used_min_tx_us >= RESUMED_LEAST_US &&
	       !find_by_discriminator(bfd, remains->discriminator);
}

struct bfd_session *bfd_resume(struct bfd *bfd, const struct bfd_params *params,
			       const struct bfd_remains *remains, bfd_changed_fn *changed,
			       void *arg)
{
	struct receiver *receiver = receiver_of(bfd, params);
	struct bfd_session *session = find_by_remote(bfd, &params->remote);

	if (session) /* removed a moment ago */
		free_session(session);
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->bfd = bfd;
	session->params = *params;
	session->changed = changed;
	session->arg = arg;
	session->fd = -1;
	bfd_machine_init(&session->machine, &params->settings, choose_discriminator(bfd));
	if (is_resumable(bfd, remains)) {
		bfd_machine_resume(&session->machine, remains, now_us());
		session->port = remains->port;
	}
	event_timer_init(&session->send_timer, on_send, session);
	event_timer_init(&session->look_timer, on_look, session);
	event_timer_init(&session->linger_timer, on_linger, session);
	HASH_ADD(by_discriminator, bfd->by_discriminator, machine.kept.discriminator,
		 sizeof(session->machine.kept.discriminator), session);
	HASH_ADD(by_remote, bfd->by_remote, params.remote, sizeof(session->params.remote), session);
	if (receiver->sessions++ == 0)
		open_receiver(receiver);
	on_send(session);
	arm_looking(session);
	return session;
}

struct bfd_session *bfd_add(struct bfd *bfd, const struct bfd_params *params,
			    bfd_changed_fn *changed, void *arg)
{
	return bfd_resume(bfd, params, NULL, changed, arg);
}

bool bfd_leave(struct bfd_session *session, struct bfd_remains *ret)
{
	if (!bfd_machine_leave(&session->machine, ret))
		return false;
	ret->port = session->port;
	session->is_left = true;
	return true;
}

void bfd_stay(struct bfd *bfd)
{
	struct bfd_session *session, *next;

	HASH_ITER(by_discriminator, bfd->by_discriminator, session, next)
	session->is_left = false;
}

void bfd_reconfigure(struct bfd_session *session, const struct bfd_settings *settings)
{
	session->params.settings = *settings;
	carry_out(session, session->machine.state,
		  bfd_machine_configure(&session->machine, settings));
}

void bfd_remove(struct bfd_session *session)
{
	uint64_t linger_us;

	if (!session)
		return;
	session->changed = NULL;
	if (session->is_left || session->machine.kept.remote_discriminator == 0 ||
	    session->fd < 0) {
		free_session(session); /* nobody should or would hear it */
		return;
	}
	carry_out(session, session->machine.state, bfd_machine_set_down(&session->machine));
	linger_us =
		bfd_machine_interval_us(&session->machine) * session->machine.settings.multiplier;
	event_timer_set(session->bfd->loop, &session->linger_timer, linger_us / 1000);
}

void bfd_keep_up(struct bfd *bfd)
{
	uint64_t now_ms = event_loop_now_ms();
	struct bfd_session *session, *next;

	if (now_ms - bfd->kept_up_ms < KEEP_UP_MS)
		return;
	bfd->kept_up_ms = now_ms;
	HASH_ITER(by_discriminator, bfd->by_discriminator, session, next)
	if (event_timer_is_armed(&session->send_timer) && session->send_timer.due_ms <= now_ms)
		on_send(session);
}

struct bfd *bfd_new(struct event_loop *loop)
{
	struct bfd *bfd = calloc(1, sizeof(*bfd));

	if (!bfd)
		return NULL;
	bfd->loop = loop;
	for (int i = 0; i < RX_COUNT; i++) {
		struct receiver *receiver = &bfd->receiver[i];

		*receiver = (struct receiver){ .bfd = bfd,
					       .family = i < 2 ? AF_INET : AF_INET6,
					       .is_multihop = i % 2,
					       .fd = -1 };
		event_timer_init(&receiver->again_timer, on_open_again, receiver);
	}
	return bfd;
}

void bfd_free(struct bfd *bfd)
{
	struct bfd_session *session, *next;

	if (!bfd)
		return;
	HASH_ITER(by_discriminator, bfd->by_discriminator, session, next)
	{
		/* In the place of the packets that it has no time for: one may be lost. */
		if (session->machine.state == BFD_ADMIN_DOWN)
			send_packet(session, false);
		free_session(session);
	}
	free(bfd);
}
