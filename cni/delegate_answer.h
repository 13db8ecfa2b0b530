/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_DELEGATE_ANSWER_H
#define CNI_DELEGATE_ANSWER_H

#include "cni/netconf.h"

/* What a delegated IPAM plugin said to ADD. */
struct delegate_answer {
	struct ip_addr address[POD_ADDRESSES_MAX];
	size_t address_count;	  /* at least one */
	struct json_object *json; /* owned */
	struct json_object *dns;  /* borrowed from json; NULL: it says nothing of DNS */
};

/** delegate_answer_parse() - the result of an ADD from @len octets at @data (pure; a fuzz target).
 * 0 (free with delegate_answer_free()), or -EINVAL with the words in ret_error->details. */
int delegate_answer_parse(const char *data, size_t len, struct delegate_answer *ret_answer,
			  struct cni_error *ret_error);
void delegate_answer_free(struct delegate_answer *answer);
/** delegate_error_parse() - the error object that plugin @type printed before it ended with
 * @status; when it is none, its first words are passed on. */
void delegate_error_parse(const char *type, int status, const char *data, size_t len,
			  struct cni_error *ret_error);

#endif /* CNI_DELEGATE_ANSWER_H */
