/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c: what the plugin says on its standard output: the result of ADD, the versions, an error.
 *
 * Results follow the version that the configuration asks for: ip4 and ip6 before 0.3.0,
 * ips[].version only before 1.0.0, interfaces[].mtu only from 1.1.0 on. A result has the host's end
 * first and the pod's second, each address with the index of the pod's end. Behind another plugin
 * (prevResult) its entries stay where they are, so that their indexes hold, and ours follow. DNS is
 * the configuration's when it sets any, else prevResult's.
 *
 * Text in errors may come from the environment, so octets that are not printable ASCII are shown as
 * '?': the output is valid UTF-8 whatever came in.
 *
 * CNI specification 1.1.0, section 5, and the same of the older versions.
 */
#include "cni/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "lib/ip_prefix.h"
#include "lib/mac.h"

#define GATEWAY_TEXT_V4 "169.254.1.1"
#define GATEWAY_TEXT_V6 "fe80::ecee:eeff:feee:eeee"

static void put_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static char *print(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t len = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? malloc(len + 2) : NULL;

	if (line != NULL) {
		memcpy(line, text, len);
		line[len] = '\n';
		line[len + 1] = '\0';
	}
	json_object_put(object);
	return line;
}

/* A list of prevResult, as a new list that ours are appended to. */
static struct json_object *start_list(const struct netconf *conf, const char *key)
{
	struct json_object *list = json_object_new_array(), *old = NULL;
	size_t count;

	if (conf->prev_result == NULL || !json_object_object_get_ex(conf->prev_result, key, &old) ||
	    old == NULL)
		return list;
	count = json_object_array_length(old);
	for (size_t i = 0; i < count; i++)
		json_object_array_add(list, json_object_get(json_object_array_get_idx(old, i)));
	return list;
}

static struct json_object *make_interface(const struct netconf *conf,
					  const struct msg_cni_reply *reply, bool is_pod)
{
	struct json_object *entry = json_object_new_object();
	char mac[MAC_TEXT_MAX];

	mac_format(is_pod ? reply->pod_mac : reply->host_mac, mac);
	put_text(entry, "name", is_pod ? conf->request.ifname : reply->host_ifname);
	put_text(entry, "mac", mac);
	if (conf->version >= CNI_1_1_0)
		json_object_object_add(entry, "mtu", json_object_new_int64(reply->mtu));
	if (is_pod)
		put_text(entry, "sandbox", conf->request.netns);
	return entry;
}

static struct json_object *make_ip(const struct netconf *conf, const struct ip_addr *addr,
				   size_t interface)
{
	struct json_object *entry = json_object_new_object();
	struct ip_prefix prefix = ip_prefix_host(addr);
	bool is_v4 = ip_addr_is_v4(addr);
	char text[IP_PREFIX_TEXT_MAX];

	if (conf->version < CNI_1_0_0)
		put_text(entry, "version", is_v4 ? "4" : "6");
	put_text(entry, "address", ip_prefix_format(&prefix, text, sizeof(text)));
	put_text(entry, "gateway", is_v4 ? GATEWAY_TEXT_V4 : GATEWAY_TEXT_V6);
	json_object_object_add(entry, "interface", json_object_new_int64((int64_t)interface));
	return entry;
}

static struct json_object *make_route(bool is_v4)
{
	struct json_object *entry = json_object_new_object();

	put_text(entry, "dst", is_v4 ? "0.0.0.0/0" : "::/0");
	put_text(entry, "gw", is_v4 ? GATEWAY_TEXT_V4 : GATEWAY_TEXT_V6);
	return entry;
}

static void put_routes(const struct msg_cni_reply *reply, struct json_object *routes)
{
	bool told[2] = { false, false };

	for (uint32_t i = 0; i < reply->address_count; i++) {
		bool is_v4 = ip_addr_is_v4(&reply->address[i]);

		if (!told[is_v4])
			json_object_array_add(routes, make_route(is_v4));
		told[is_v4] = true;
	}
}

static void put_dns(const struct netconf *conf, struct json_object *result)
{
	struct json_object *dns = conf->dns;

	if (dns == NULL && conf->prev_result != NULL)
		json_object_object_get_ex(conf->prev_result, "dns", &dns);
	if (json_object_is_type(dns, json_type_object))
		json_object_object_add(result, "dns", json_object_get(dns));
	else
		json_object_object_add(result, "dns", json_object_new_object());
}

static char *result_add_030(const struct netconf *conf, const struct msg_cni_reply *reply)
{
	struct json_object *result = json_object_new_object();
	struct json_object *interfaces = start_list(conf, "interfaces");
	struct json_object *ips = start_list(conf, "ips");
	struct json_object *routes = start_list(conf, "routes");
	size_t pod_index = json_object_array_length(interfaces) + 1;

	put_text(result, "cniVersion", cni_version_text(conf->version));
	json_object_array_add(interfaces, make_interface(conf, reply, false));
	json_object_array_add(interfaces, make_interface(conf, reply, true));
	for (uint32_t i = 0; i < reply->address_count; i++)
		json_object_array_add(ips, make_ip(conf, &reply->address[i], pod_index));
	put_routes(reply, routes);
	json_object_object_add(result, "interfaces", interfaces);
	json_object_object_add(result, "ips", ips);
	json_object_object_add(result, "routes", routes);
	put_dns(conf, result);
	return print(result);
}

/* Before 0.3.0: one object for each family, with its first address. */
static char *result_add_010(const struct netconf *conf, const struct msg_cni_reply *reply)
{
	struct json_object *result = json_object_new_object();

	put_text(result, "cniVersion", cni_version_text(conf->version));
	for (uint32_t i = 0; i < reply->address_count; i++) {
		struct ip_prefix prefix = ip_prefix_host(&reply->address[i]);
		bool is_v4 = ip_addr_is_v4(&reply->address[i]);
		const char *key = is_v4 ? "ip4" : "ip6";
		struct json_object *entry, *routes;
		char text[IP_PREFIX_TEXT_MAX];

		if (json_object_object_get_ex(result, key, NULL))
			continue;
		entry = json_object_new_object();
		routes = json_object_new_array();
		put_text(entry, "ip", ip_prefix_format(&prefix, text, sizeof(text)));
		put_text(entry, "gateway", is_v4 ? GATEWAY_TEXT_V4 : GATEWAY_TEXT_V6);
		json_object_array_add(routes, make_route(is_v4));
		json_object_object_add(entry, "routes", routes);
		json_object_object_add(result, key, entry);
	}
	put_dns(conf, result);
	return print(result);
}

char *result_add(const struct netconf *conf, const struct msg_cni_reply *reply)
{
	return conf->version < CNI_0_3_0 ? result_add_010(conf, reply)
					 : result_add_030(conf, reply);
}

char *result_version(enum cni_version version)
{
	struct json_object *object = json_object_new_object();
	struct json_object *versions = json_object_new_array();

	put_text(object, "cniVersion", cni_version_text(version));
	for (int i = 0; i < CNI_VERSION_COUNT; i++)
		json_object_array_add(
			versions, json_object_new_string(cni_version_text((enum cni_version)i)));
	json_object_object_add(object, "supportedVersions", versions);
	return print(object);
}

static void put_words(struct json_object *object, const char *key, const char *text)
{
	char plain[TEXT_MAX + 1];
	size_t i;

	for (i = 0; i < TEXT_MAX && text[i] != '\0'; i++)
		plain[i] = text[i] >= ' ' && text[i] < 0x7f ? text[i] : '?';
	plain[i] = '\0';
	put_text(object, key, plain);
}

char *result_error(enum cni_version version, const struct cni_error *error)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "cniVersion", cni_version_text(version));
	json_object_object_add(object, "code", json_object_new_int64(error->code));
	put_words(object, "msg", error->msg);
	if (error->details[0] != '\0')
		put_words(object, "details", error->details);
	return print(object);
}
