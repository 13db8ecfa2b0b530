/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netconf_wishes.c: what is asked for one attachment, beside the network's own configuration.
 *
 * Four places may ask, each outranking those before it, whole list by whole list:
 *   the pod's annotations (a capability of containerd's: io.kubernetes.cri.pod-annotations), under
 *     the names that Calico gave them; CNI_ARGS; args.cni; runtimeConfig.
 * What is asked in a form that cannot be served is refused: a pod with another address than the one
 * it asked for would be worse than none. Not so the pod's names, which are for people: what is
 * malformed there is passed over. DEL needs none of it and never fails for it.
 *
 * Bandwidth is not served; that it was asked for is handed on, so that somebody hears of it.
 *
 * The CNI project's CONVENTIONS.md: "args", "CNI_ARGS", capabilities mac, ips, dns, bandwidth.
 * containerd writes the keys inside of capabilities with capital letters.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "cni/netconf_json.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/mac.h"

#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"
#define CALICO	    "cni.projectcalico.org/"

/* --- CNI_ARGS and args.cni --- */

/* The value of @key in CNI_ARGS, "KEY=VALUE;KEY=VALUE", of several the last; NULL: none. */
static const char *find_arg(const char *args, const char *key, size_t *ret_len)
{
	size_t key_len = strlen(key);
	const char *found = NULL;

	while (args != NULL && *args != '\0') {
		size_t len = strcspn(args, ";");

		if (len > key_len && memcmp(args, key, key_len) == 0 && args[key_len] == '=') {
			found = args + key_len + 1;
			*ret_len = len - key_len - 1;
		}
		args += len;
		args += *args == ';';
	}
	return found;
}

/* The same as text, cut off at @size; false when there is none or it is empty. */
static bool read_arg(const char *args, const char *key, char *value, size_t size)
{
	size_t len = 0;
	const char *found = find_arg(args, key, &len);

	if (len == 0)
		return false;
	snprintf(value, size, "%.*s", (int)len, found);
	return true;
}

static void keep_name(const char *value, size_t len, char *name, size_t size)
{
	if (value == NULL || len >= size)
		return;
	memcpy(name, value, len);
	name[len] = '\0';
}

/* By these keys Kubernetes' runtimes name the pod. */
static void take_names(const char *args, struct json_object *config_args,
		       struct msg_cni_request *request)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} rows[] = {
		{ "K8S_POD_NAME", request->pod_name, sizeof(request->pod_name) },
		{ "K8S_POD_NAMESPACE", request->pod_namespace, sizeof(request->pod_namespace) },
		{ "K8S_POD_UID", request->pod_uid, sizeof(request->pod_uid) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = json_text(json_get(config_args, rows[i].key));
		size_t len = 0;
		const char *value = find_arg(args, rows[i].key, &len);

		keep_name(value, len, rows[i].to, rows[i].size);
		if (text != NULL)
			keep_name(text, strlen(text), rows[i].to, rows[i].size);
	}
}

/* --- addresses and MAC --- */

/* "ADDRESS" or "ADDRESS/LENGTH"; the length is none of ours: a pod's are whole. */
static int parse_ip(const char *text, struct ip_addr *ret)
{
	unsigned int bits;

	return strchr(text, '/') != NULL ? ip_interface_parse(text, ret, &bits)
					 : ip_addr_parse(text, ret);
}

static int take_ips(struct json_object *list, const char *where, struct msg_cni_request *request,
		    struct cni_error *error)
{
	size_t count;

	if (list == NULL)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return netconf_refuse(error, CNI_ERROR_CONFIG, "%s: must be a list of IP addresses",
				      where);
	count = json_object_array_length(list);
	if (count > POD_ADDRESSES_MAX)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "%s: more than %d addresses", where,
				      POD_ADDRESSES_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_text(json_object_array_get_idx(list, i));

		if (text == NULL || parse_ip(text, &request->want[i]) < 0)
			return netconf_refuse(error, CNI_ERROR_CONFIG,
					      "%s[%zu]: \"%.64s\" is no IP address", where, i,
					      text != NULL ? text : "");
	}
	if (count > 0)
		request->want_count = (__u32)count;
	return 0;
}

/* As mac_parse(), of one interface. */
static int parse_mac(const char *text, __u8 ret[6])
{
	static const __u8 none[6] = { 0 };
	__u8 mac[6];

	if (mac_parse(text, mac) < 0 || (mac[0] & 1) || memcmp(mac, none, sizeof(none)) == 0)
		return -EINVAL;
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

static int take_mac(const char *text, const char *where, struct msg_cni_request *request,
		    struct cni_error *error)
{
	if (parse_mac(text, request->mac) == 0)
		return 0;
	return netconf_refuse(error, CNI_ERROR_CONFIG,
			      "%s: \"%.64s\" is no MAC of one interface (such as "
			      "02:00:00:0a:0b:0c)",
			      where, text);
}

static int take_mac_member(struct json_object *object, const char *where,
			   struct msg_cni_request *request, struct cni_error *error)
{
	struct json_object *value = json_get(object, "mac");
	const char *text = json_text(value);

	if (value == NULL || (text != NULL && text[0] == '\0'))
		return 0;
	return take_mac(text != NULL ? text : "", where, request, error);
}

static int take_args(const char *args, struct msg_cni_request *request, struct cni_error *error)
{
	char value[80];

	if (read_arg(args, "IP", value, sizeof(value))) {
		if (parse_ip(value, &request->want[0]) < 0)
			return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
					      "CNI_ARGS: IP=%.64s is no IP address", value);
		request->want_count = 1;
	}
	if (read_arg(args, "MAC", value, sizeof(value)) &&
	    take_mac(value, "CNI_ARGS: MAC", request, error) < 0) {
		error->code = CNI_ERROR_ENVIRONMENT;
		return -EINVAL;
	}
	return 0;
}

/* --- the pod's annotations --- */

/* An annotation's value is text; Calico's hold a list of JSON in it. *ret_list is NULL when there
 * is none, else to be given back by json_object_put(). */
static int annotation_list(struct json_object *annotations, const char *key,
			   struct json_object **ret_list, struct cni_error *error)
{
	struct json_object *value = json_get(annotations, key);
	const char *text = json_text(value), *problem = "it is no text";

	*ret_list = NULL;
	if (value == NULL)
		return 0;
	if (text != NULL)
		*ret_list = json_parse(text, strlen(text), &problem);
	if (*ret_list == NULL)
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      "annotation %s: must be a list in JSON, such as [\"a\"]: %s",
				      key, problem);
	return 0;
}

static int take_annotated_pools(struct json_object *annotations, const char *key, int family,
				struct msg_cni_request *request, struct cni_error *error)
{
	char where[64];
	struct json_object *list;
	int err = annotation_list(annotations, key, &list, error);

	snprintf(where, sizeof(where), "annotation %s", key);
	if (err == 0 && list != NULL)
		err = netconf_pools(list, where, request->family_pool[family],
				    &request->family_pool_count[family], error);
	json_object_put(list);
	return err;
}

static int take_annotations(struct json_object *annotations, struct msg_cni_request *request,
			    struct cni_error *error)
{
	const char *mac = json_text(json_get(annotations, CALICO "hwAddr"));
	struct json_object *list;
	int err;

	err = annotation_list(annotations, CALICO "ipAddrs", &list, error);
	if (err == 0)
		err = take_ips(list, "annotation " CALICO "ipAddrs", request, error);
	json_object_put(list);
	if (err == 0 && mac != NULL)
		err = take_mac(mac, "annotation " CALICO "hwAddr", request, error);
	if (err == 0)
		err = take_annotated_pools(annotations, CALICO "ipv4pools", CNI_POOLS_V4, request,
					   error);
	if (err == 0)
		err = take_annotated_pools(annotations, CALICO "ipv6pools", CNI_POOLS_V6, request,
					   error);
	if (json_get(annotations, "kubernetes.io/ingress-bandwidth") != NULL ||
	    json_get(annotations, "kubernetes.io/egress-bandwidth") != NULL)
		request->asked |= CNI_ASKED_BANDWIDTH;
	return err;
}

/* --- runtimeConfig --- */

/* A member by its name in either case. */
static struct json_object *member_of_runtime(struct json_object *object, const char *key)
{
	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_foreach(object, name, value)
	{
		if (strcasecmp(name, key) == 0 && value != NULL)
			return value;
	}
	return NULL;
}

/* The capability's keys are not those of a result. */
static int take_dns(struct json_object *dns, struct netconf *conf, struct cni_error *error)
{
	static const struct {
		const char *from, *to;
	} rows[] = { { "servers", "nameservers" },
		     { "searches", "search" },
		     { "options", "options" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *list = member_of_runtime(dns, rows[i].from);
		size_t count;

		if (list == NULL)
			continue;
		if (!json_object_is_type(list, json_type_array))
			return netconf_refuse(error, CNI_ERROR_CONFIG,
					      "runtimeConfig.dns.%s: must be a list", rows[i].from);
		count = json_object_array_length(list);
		for (size_t k = 0; k < count; k++)
			if (json_text(json_object_array_get_idx(list, k)) == NULL)
				return netconf_refuse(error, CNI_ERROR_CONFIG,
						      "runtimeConfig.dns.%s[%zu]: must be a string",
						      rows[i].from, k);
		if (count == 0)
			continue;
		if (conf->runtime_dns == NULL)
			conf->runtime_dns = json_object_new_object();
		json_object_object_add(conf->runtime_dns, rows[i].to, json_object_get(list));
	}
	if (conf->runtime_dns != NULL)
		conf->dns = conf->runtime_dns;
	return 0;
}

static bool asks_for_bandwidth(struct json_object *bandwidth)
{
	static const char *const rates[] = { "ingressRate", "egressRate" };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (json_object_get_int64(member_of_runtime(bandwidth, rates[i])) > 0)
			return true;
	return false;
}

int netconf_take_wishes(const char *args, struct json_object *config, struct netconf *conf,
			struct cni_error *error)
{
	struct json_object *config_args = json_get(json_get(config, "args"), "cni");
	struct json_object *runtime = json_get(config, "runtimeConfig");
	struct msg_cni_request *request = &conf->request;

	take_names(args, config_args, request);
	if (conf->command != COMMAND_ADD)
		return 0;
	if (asks_for_bandwidth(json_get(runtime, "bandwidth")))
		request->asked |= CNI_ASKED_BANDWIDTH;
	if (take_annotations(json_get(runtime, ANNOTATIONS), request, error) < 0 ||
	    take_args(args, request, error) < 0 ||
	    take_ips(json_get(config_args, "ips"), "args.cni.ips", request, error) < 0 ||
	    take_mac_member(config_args, "args.cni.mac", request, error) < 0 ||
	    take_ips(json_get(runtime, "ips"), "runtimeConfig.ips", request, error) < 0 ||
	    take_mac_member(runtime, "runtimeConfig.mac", request, error) < 0)
		return -EINVAL;
	return take_dns(json_get(runtime, "dns"), conf, error);
}
