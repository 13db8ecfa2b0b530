/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BGP_HANDOVER_H
#define BGP_HANDOVER_H

#include "bgp/bfd_machine.h"
#include "bgp/message.h"
#include "bgp/update.h"
#include "ip_address.h"
#include "lib/wire.h"

/*
 * What a speaker that ends in order says to the next one of the sessions that it leaves: a file of
 * records, written once, read once, sealed (lib/sealed_text.h). Its descriptors travel beside it
 * (MSG_BGP_KEEP). Numbers are in network order.
 *
 *	file	magic, u16 HANDOVER_VERSION, records
 *	record	u8 type, u32 length, body
 *	order	SPEAKER, BASE, DOCUMENT (with a cluster), PASSWORD..., then for each peer PEER,
 *		ROUTES... (those on notice first), PEER_END; at last END
 *
 * Whatever changes here, or in what a speaker makes of it, is another HANDOVER_VERSION. Who does
 * not know the version closes the sessions: their peers help with a graceful restart.
 */
#define HANDOVER_VERSION    1
#define HANDOVER_OCTETS_MAX (512u << 20)
#define HANDOVER_NO_SESSION UINT32_MAX

enum handover_type {
	HANDOVER_SPEAKER = 1, /* struct handover_speaker */
	HANDOVER_BASE,	      /* text of the configuration file in force */
	HANDOVER_DOCUMENT,    /* text of the cluster's document in force */
	HANDOVER_PASSWORD,    /* u32 index into config.bgp.peer, the password in force */
	HANDOVER_PEER,	      /* struct handover_peer */
	HANDOVER_ROUTES,      /* u8 on notice or not, body of an UPDATE: as they lie in the table */
	HANDOVER_PEER_END,    /* struct handover_peer_end */
	HANDOVER_END,	      /* u32 number of descriptors: nothing is missing */
};

struct handover_speaker {
	bool is_restarting; /* struct speaker's */
	bool is_in_sync;
};

#define HANDOVER_ERROR_MAX  128 /* struct peer's last_error */
#define HANDOVER_NOTICE_MAX 192 /* its sent and received */

/* A peer with a session, or one that is restarting. Fields are those of struct peer. */
struct handover_peer {
	struct ip_addr addr;
	uint32_t session; /* number of its descriptor, or HANDOVER_NO_SESSION */
	uint32_t router_id;
	bool is_incoming;
	bool is_restarting, is_restart_by_us, end_of_rib_out, is_rewritten, is_limit_logged;
	bool end_of_rib_in[FAMILY_COUNT], is_refused[FAMILY_COUNT], is_refreshing[FAMILY_COUNT],
		is_asked[FAMILY_COUNT], is_beyond[FAMILY_COUNT];
	uint32_t stale_left_ms; /* is_restarting: until its routes go */
	uint64_t since_s, updates_in, updates_out, times_up, bad_updates;
	char last_error[HANDOVER_ERROR_MAX];
	char sent[HANDOVER_NOTICE_MAX], received[HANDOVER_NOTICE_MAX];
	bool has_bfd; /* it was Up */
	struct bfd_remains bfd;
	/* With a session only. What is borrowed lives as long as the file. */
	struct open_message own, theirs; /* as they were said */
	const uint8_t *partial;		 /* read and not whole: the start of a message */
	size_t partial_len;
	const uint8_t *begun; /* rest of a message of which the peer has the start */
	size_t begun_len;
	const uint8_t *output; /* not written yet: whole messages */
	size_t output_len;
};

struct handover_peer_end {
	uint64_t told; /* advertise_digest(): what the peer has been told */
};

/* --- writing; errors are kept and told by handover_finish() --- */

struct handover_writer {
	int fd;
	int err;
	uint64_t total;
	size_t len;
	uint8_t buf[65536];
};

void handover_begin(struct handover_writer *writer, int fd); /* @fd: sealed_text_begin() */
void handover_write_speaker(struct handover_writer *writer, const struct handover_speaker *speaker);
/** handover_write_text() - a record of @type whose body is @len octets at @text. */
void handover_write_text(struct handover_writer *writer, enum handover_type type, const void *text,
			 size_t len);
void handover_write_password(struct handover_writer *writer, uint32_t index, const char *password);
void handover_write_peer(struct handover_writer *writer, const struct handover_peer *peer);
/** handover_write_routes() - @update: a whole message. */
void handover_write_routes(struct handover_writer *writer, bool is_stale, const uint8_t *update,
			   size_t len);
void handover_write_peer_end(struct handover_writer *writer, const struct handover_peer_end *end);
/** handover_finish() - END. 0; or the first -errno, -EFBIG when it is too much. */
int handover_finish(struct handover_writer *writer, uint32_t session_count);

/* --- reading; pure --- */

struct handover_record {
	enum handover_type type;
	struct wire_reader body;
};

/** handover_open() - @reader over the records of the @len octets at @data, borrowed. 0, -EPROTO, or
 * -EPROTONOSUPPORT: another version. */
int handover_open(struct wire_reader *reader, const uint8_t *data, size_t len);
/** handover_next() - the next record. 0, or -EPROTO: there is none. */
int handover_next(struct wire_reader *reader, struct handover_record *ret);
/* The bodies, each of its type; 0 or -EPROTO. */
int handover_read_speaker(struct wire_reader body, struct handover_speaker *ret);
int handover_read_password(struct wire_reader body, uint32_t *ret_index, const char **ret_text,
			   size_t *ret_len);
int handover_read_peer(struct wire_reader body, struct handover_peer *ret);
/** handover_read_routes() - one announced section or more, and nothing else. */
int handover_read_routes(struct wire_reader body, bool *ret_is_stale, struct update *ret);
int handover_read_peer_end(struct wire_reader body, struct handover_peer_end *ret);
/**
 * handover_check() - is the file whole: every record well-formed and in its place, up to END, with
 * sessions numbered as they come? @scratch is large and need not be set. 0 with how many sessions
 * there are, or -errno of handover_open().
 */
int handover_check(const uint8_t *data, size_t len, struct update *scratch, uint32_t *ret_sessions);

#endif /* BGP_HANDOVER_H */
