/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drops.c: what was dropped, counted and sampled.
 *
 * Programs count every drop by reason in map drop_counter and put a sample of the packet (bounded
 * in number per second) into the ring buffer drop_event. MSG_GET_DROPS reads the counts.
 * MSG_FOLLOW_DROPS makes a client a follower: from then on each sample goes to all followers as
 * MSG_DROP, until they hang up.
 *
 * Without a follower the ring buffer is not even polled: a flood of bad packets then wakes nobody,
 * the buffer fills and programs skip their samples. The first follower's arrival empties it, so
 * that he hears nothing old. A follower who reads too slowly misses samples and is not cut.
 */
#include "loader/drops.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <utlist.h>

#include "lib/event_loop.h"
#include "lib/log.h"
#include "loader/agent.h"
#include "loader/dataplane.h"
#include "loader/queries.h"

struct follower {
	struct follower *prev, *next;
	struct client *client;
	uint32_t id; /* of the request, repeated in every record */
};

struct drops {
	struct agent *agent;
	struct ring_buffer *ring;
	struct follower *followers;
};

static int64_t realtime_offset_ns(void)
{
	struct timespec real, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	return (int64_t)(real.tv_sec - mono.tv_sec) * 1000000000 + real.tv_nsec - mono.tv_nsec;
}

static void make_record(const struct drop_event *event, struct msg_drop *ret_record)
{
	uint32_t head_len = event->head_len < DROP_HEAD_LEN ? event->head_len : DROP_HEAD_LEN;
	char name[IF_NAMESIZE] = "";

	*ret_record = (struct msg_drop){
		.time_ns = (int64_t)event->time_ns + realtime_offset_ns(),
		.ifindex = event->ifindex,
		.reason = event->reason,
		.hook = event->hook,
		.packet_len = event->packet_len,
		.head_len = head_len,
	};
	memcpy(ret_record->head, event->head, head_len);
	if (if_indextoname(event->ifindex, name))
		snprintf(ret_record->ifname, sizeof(ret_record->ifname), "%s", name);
}

static int on_sample(void *context, void *data, size_t size)
{
	struct drops *drops = context;
	struct follower *follower;
	struct msg_drop record;

	if (size < sizeof(struct drop_event) || !drops->followers)
		return 0;
	make_record(data, &record);
	DL_FOREACH(drops->followers, follower)
	if (!client_is_behind(follower->client))
		client_send(follower->client, MSG_DROP, follower->id, &record, sizeof(record));
	return 0;
}

static void on_ring(int fd, uint32_t events, void *arg)
{
	const struct drops *drops = arg;

	ring_buffer__consume(drops->ring);
}

static void on_follower_gone(struct client *client, void *arg)
{
	struct drops *drops = arg;
	struct follower *follower, *next;

	DL_FOREACH_SAFE(drops->followers, follower, next)
	{
		if (follower->client != client)
			continue;
		DL_DELETE(drops->followers, follower);
		free(follower);
	}
	if (!drops->followers)
		event_loop_remove_fd(drops->agent->loop, ring_buffer__epoll_fd(drops->ring));
}

int query_follow_drops(struct agent *agent, struct client *client, const struct request *request)
{
	struct drops *drops = agent->drops;
	struct follower *follower = calloc(1, sizeof(*follower));
	int err;

	if (!follower)
		return -ENOMEM;
	/* Once for a client: each following costs memory and a message a drop. */
	err = client_on_gone(client, on_follower_gone, drops);
	if (err)
		goto err_free;
	if (!drops->followers) {
		ring_buffer__consume(drops->ring); /* what is old is for nobody */
		err = event_loop_add_fd(agent->loop, ring_buffer__epoll_fd(drops->ring), EPOLLIN,
					on_ring, drops);
		if (err)
			goto err_free;
	}
	follower->client = client;
	follower->id = request->id;
	DL_APPEND(drops->followers, follower);
	client_keep(client);
	return 0;

err_free:
	free(follower);
	return err; /* cuts the connection */
}

int query_drops(struct agent *agent, struct client *client, const struct request *request)
{
	uint64_t count[DROP_REASON_COUNT];
	int err = dataplane_read_drops(agent->dataplane, count);

	if (err)
		return client_send_error(client, request->id, err,
					 "drop counters: cannot be read: %s", strerror(-err));
	for (uint32_t reason = 1; reason < DROP_REASON_COUNT && !err; reason++) {
		const struct msg_drop_count record = { .reason = reason, .count = count[reason] };

		err = client_send(client, MSG_DROP_COUNT, request->id, &record, sizeof(record));
	}
	return err ? err : client_send_end(client, request->id);
}

int drops_open(struct agent *agent, struct drops **ret_drops)
{
	struct drops *drops = calloc(1, sizeof(*drops));
	int err;

	if (!drops)
		return -ENOMEM;
	drops->agent = agent;
	drops->ring =
		ring_buffer__new(dataplane_drop_event_fd(agent->dataplane), on_sample, drops, NULL);
	if (!drops->ring) {
		err = -errno;
		log_error("map drop_event: cannot be read: %s", strerror(-err));
		free(drops);
		return err;
	}
	*ret_drops = drops;
	return 0;
}

void drops_close(struct drops *drops)
{
	if (!drops)
		return;
	ring_buffer__free(drops->ring);
	free(drops);
}
