/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate_answer.c: what a delegated IPAM plugin printed, result or error.
 *
 * Pure functions over octets; a fuzz target. Of a result only the addresses and dns are used: each
 * address becomes a /32 or /128 of the pod, whatever its length, and the one way out of a pod is
 * tortie's own gateway, so gateways and routes say nothing that could be done.
 *
 * CNI specification 1.1.0, section 5: "Delegated plugins (IPAM)" and "Error".
 */
#include "cni/delegate_answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/text.h"

#define SHOWN_MAX   200 /* octets of an answer that is no error object */
#define CODE_BROKEN 999 /* of an error object without a code */

static int __attribute__((format(printf, 2, 3)))
refuse(struct cni_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->details, sizeof(error->details), format, args);
	va_end(args);
	return -EINVAL;
}

/* An object, or NULL. */
static struct json_object *parse_object(const char *data, size_t len)
{
	struct json_object *object = json_parse(data, len, NULL);

	if (json_object_is_type(object, json_type_object))
		return object;
	json_object_put(object);
	return NULL;
}

/* The length is none of ours: a pod's addresses are whole. */
static bool parse_address(const char *text, struct ip_addr *ret)
{
	unsigned int bits;

	return ip_interface_parse(text, ret, &bits) == 0;
}

/* Results of 0.1.0 and 0.2.0: one object for each family. */
static int take_old_addresses(struct delegate_answer *answer, struct cni_error *error)
{
	static const char *const keys[] = { "ip4", "ip6" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct json_object *entry = json_get(answer->json, keys[i]);

		if (entry == NULL)
			continue;
		if (!parse_address(json_words(json_get(entry, "ip")),
				   &answer->address[answer->address_count]))
			return refuse(error, "its result's %s.ip is not ADDRESS/LENGTH", keys[i]);
		answer->address_count++;
	}
	return answer->address_count > 0
		       ? 0
		       : refuse(error, "its result has no ips, so the pod would have no address");
}

static int take_addresses(struct delegate_answer *answer, struct cni_error *error)
{
	struct json_object *ips = json_get(answer->json, "ips");
	size_t count = json_array_size(ips);

	if (count == 0)
		return take_old_addresses(answer, error);
	if (count > POD_ADDRESSES_MAX)
		return refuse(error, "its result has %zu ips; at most %d are served", count,
			      POD_ADDRESSES_MAX);
	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(ips, i);

		if (!parse_address(json_words(json_get(entry, "address")), &answer->address[i]))
			return refuse(error, "its result's ips[%zu].address is not ADDRESS/LENGTH",
				      i);
	}
	answer->address_count = count;
	return 0;
}

int delegate_answer_parse(const char *data, size_t len, struct delegate_answer *ret_answer,
			  struct cni_error *ret_error)
{
	struct delegate_answer answer = { .json = parse_object(data, len) };
	struct json_object *dns;

	if (answer.json == NULL)
		return refuse(ret_error, "its result is not one JSON object");
	if (take_addresses(&answer, ret_error) < 0) {
		json_object_put(answer.json);
		return -EINVAL;
	}
	dns = json_get(answer.json, "dns");
	if (json_object_is_type(dns, json_type_object) && json_object_object_length(dns) > 0)
		answer.dns = dns;
	*ret_answer = answer;
	return 0;
}

void delegate_answer_free(struct delegate_answer *answer)
{
	json_object_put(answer->json);
	answer->json = NULL;
	answer->dns = NULL;
}

void delegate_error_parse(const char *type, int status, const char *data, size_t len,
			  struct cni_error *ret_error)
{
	struct json_object *object = parse_object(data, len);
	struct json_object *code = json_get(object, "code");
	const char *msg = json_words(json_get(object, "msg"));
	int64_t number = json_object_is_type(code, json_type_int) ? json_object_get_int64(code) : 0;

	ret_error->code = number > 0 && number <= UINT32_MAX ? (unsigned int)number : CODE_BROKEN;
	ret_error->details[0] = '\0';
	if (msg[0] != '\0') {
		snprintf(ret_error->msg, sizeof(ret_error->msg), "ipam %s: %s", type, msg);
		snprintf(ret_error->details, sizeof(ret_error->details), "%s",
			 json_words(json_get(object, "details")));
	} else {
		snprintf(ret_error->msg, sizeof(ret_error->msg),
			 "ipam %s: ended with status %d and no error object", type, status);
		snprintf(ret_error->details, sizeof(ret_error->details), "%.*s",
			 (int)(len < SHOWN_MAX ? len : SHOWN_MAX), data);
	}
	json_object_put(object);
}
