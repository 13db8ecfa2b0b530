/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netconf.c: what the runtime passed, environment and standard input, as one checked request.
 *
 * Pure functions over octets: no file, no socket, no environment is read here, so the whole of it
 * is a fuzz target. JSON is parsed by json-c (strict, UTF-8 checked, bounded depth); every member
 * that is used is checked for type and range, everything else is left alone, as the specification
 * wants (keys of other plugins and of later versions are none of ours).
 *
 * Environment first: all missing variables in one message, then their syntax. Then cniVersion, name
 * and our keys: runDir, pools, mtu; of ipam its type, by which addresses are delegated
 * (delegate.c). For DEL only what is needed to detach counts: a runtime repeats a DEL for ever that
 * fails.
 *
 * CNI specification 1.1.0, sections 1 (configuration), 2 (protocol: parameters, errors) and 4
 * (prevResult). Limits: CNI_CONFIG_MAX octets, JSON_DEPTH levels (lib/json.h), CNI_POOLS_MAX pools.
 */
#include "cni/netconf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "cni/netconf_json.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/pod_ifname.h"
#include "lib/text.h"

#define RUN_DIR_DEFAULT "/run/tortie"
#define MTU_MIN		1280
#define MTU_MAX		65535
#define OWN_TYPE	"tortie-cni"
#define VALID_KEY	"cni.dev/valid-attachments"
#define VERSION_DEFAULT "0.1.0" /* of a configuration that names none: its first version */

static const char *const version_texts[CNI_VERSION_COUNT] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};

const char *cni_version_text(enum cni_version version)
{
	return version_texts[version];
}

int netconf_refuse(struct cni_error *error, unsigned int code, const char *format, ...)
{
	va_list args;

	error->code = code;
	error->details[0] = '\0';
	va_start(args, format);
	vsnprintf(error->msg, sizeof(error->msg), format, args);
	va_end(args);
	return -EINVAL;
}

static int parse_command(const char *text, enum cni_command *ret, struct cni_error *error)
{
	static const struct {
		const char *text;
		enum cni_command command;
	} rows[] = {
		{ "VERSION", COMMAND_VERSION }, { "ADD", COMMAND_ADD },
		{ "DEL", COMMAND_DEL },		{ "CHECK", COMMAND_CHECK },
		{ "STATUS", COMMAND_STATUS },	{ "GC", COMMAND_GC },
	};

	if (text == NULL || text[0] == '\0')
		return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
				      "required environment variables missing: CNI_COMMAND");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].text, text) == 0) {
			*ret = rows[i].command;
			return 0;
		}
	return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
			      "CNI_COMMAND=%.64s: not one of ADD, DEL, CHECK, GC, STATUS, VERSION",
			      text);
}

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static bool command_has_container(enum cni_command command)
{
	return command == COMMAND_ADD || command == COMMAND_DEL || command == COMMAND_CHECK;
}

static bool command_needs_netns(enum cni_command command)
{
	return command == COMMAND_ADD || command == COMMAND_CHECK;
}

static int check_missing(const struct netconf_env *env, enum cni_command command,
			 struct cni_error *error)
{
	char missing[TEXT_MAX + 1] = "";

	if (command_has_container(command) && !is_set(env->container_id))
		text_append(missing, sizeof(missing), " CNI_CONTAINERID");
	if (command_needs_netns(command) && !is_set(env->netns))
		text_append(missing, sizeof(missing), " CNI_NETNS");
	if (command_has_container(command) && !is_set(env->ifname))
		text_append(missing, sizeof(missing), " CNI_IFNAME");
	if (missing[0] == '\0')
		return 0;
	return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
			      "required environment variables missing:%.100s", missing);
}

static bool is_printable(const char *text)
{
	while (*text >= ' ' && *text < 0x7f)
		text++;
	return *text == '\0';
}

static int take_env(const struct netconf_env *env, struct netconf *conf, struct cni_error *error)
{
	struct msg_cni_request *request = &conf->request;

	if (!command_has_container(conf->command))
		return 0;
	if (!container_id_is_valid(env->container_id))
		return netconf_refuse(
			error, CNI_ERROR_ENVIRONMENT,
			"CNI_CONTAINERID=%.160s: must be 1 to %d letters, digits, '_', '.' or "
			"'-', the first a letter or digit",
			env->container_id, CONTAINER_ID_MAX);
	if (!ifname_is_valid(env->ifname))
		return netconf_refuse(
			error, CNI_ERROR_ENVIRONMENT,
			"CNI_IFNAME=%.64s: must be 1 to %d printable characters, not '.' or "
			"'..', without '/', ':', '%%' and white space",
			env->ifname, IFNAME_MAX);
	snprintf(request->container_id, sizeof(request->container_id), "%s", env->container_id);
	snprintf(request->ifname, sizeof(request->ifname), "%s", env->ifname);
	if (!command_needs_netns(conf->command))
		return 0;
	/* It comes back in the result, which must be UTF-8. */
	if (!is_printable(env->netns))
		return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
				      "CNI_NETNS: must be a path of printable ASCII characters");
	if (strlen(env->netns) > NETNS_PATH_MAX)
		return netconf_refuse(error, CNI_ERROR_ENVIRONMENT,
				      "CNI_NETNS: longer than %d octets", NETNS_PATH_MAX);
	snprintf(request->netns, sizeof(request->netns), "%s", env->netns);
	return 0;
}

/* Standard input, or words in *error. */
static struct json_object *parse_stdin(const char *data, size_t len, struct cni_error *error)
{
	const char *problem = "";
	struct json_object *object = json_parse(data, len, &problem);

	if (object == NULL) {
		netconf_refuse(error, CNI_ERROR_DECODE, "stdin: not JSON: %s", problem);
		return NULL;
	}
	if (!json_object_is_type(object, json_type_object)) {
		netconf_refuse(error, CNI_ERROR_DECODE, "stdin: the JSON is no object");
		json_object_put(object);
		return NULL;
	}
	return object;
}

static int parse_version(struct json_object *config, enum cni_version *ret, struct cni_error *error)
{
	struct json_object *value = json_get(config, "cniVersion");
	const char *text = value != NULL ? json_text(value) : VERSION_DEFAULT;

	if (text == NULL)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "cniVersion: must be a string");
	if (text[0] == '\0')
		text = VERSION_DEFAULT;
	for (int i = 0; i < CNI_VERSION_COUNT; i++)
		if (strcmp(text, version_texts[i]) == 0) {
			*ret = (enum cni_version)i;
			return 0;
		}
	netconf_refuse(error, CNI_ERROR_VERSION, "cniVersion \"%.64s\" is not supported%s", text,
		       value == NULL ? " (the configuration names none, which means that)" : "");
	snprintf(error->details, sizeof(error->details),
		 "supported are 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
	return -EINVAL;
}

static int check_version(const struct netconf *conf, struct cni_error *error)
{
	enum cni_version first = CNI_0_1_0;
	const char *name = "";

	if (conf->command == COMMAND_CHECK) {
		first = CNI_0_4_0;
		name = "CHECK";
	} else if (conf->command == COMMAND_STATUS) {
		first = CNI_1_1_0;
		name = "STATUS";
	} else if (conf->command == COMMAND_GC) {
		first = CNI_1_1_0;
		name = "GC";
	}
	if (conf->version >= first)
		return 0;
	return netconf_refuse(error, CNI_ERROR_VERSION,
			      "%s needs cniVersion %s or later, not \"%s\"", name,
			      version_texts[first], version_texts[conf->version]);
}

static bool is_name_octet(char c, bool is_first)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return !is_first && (c == '_' || c == '.' || c == '-');
}

static int parse_name(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	const char *text = json_text(json_get(config, "name"));
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL || len == 0)
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      "name: missing; a string names the network");
	if (len > NAME_MAX_LEN)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "name: longer than %d octets",
				      NAME_MAX_LEN);
	for (size_t i = 0; i < len; i++)
		if (!is_name_octet(text[i], i == 0))
			return netconf_refuse(
				error, CNI_ERROR_CONFIG,
				"name \"%.64s\": must be letters, digits, '_', '.' or '-', the "
				"first a letter or digit",
				text);
	snprintf(conf->request.network, sizeof(conf->request.network), "%s", text);
	return 0;
}

static int parse_run_dir(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	struct json_object *value = json_get(config, "runDir");
	const char *text = value != NULL ? json_text(value) : RUN_DIR_DEFAULT;

	if (text == NULL || text[0] != '/')
		return netconf_refuse(
			error, CNI_ERROR_CONFIG,
			"runDir: must be a string, an absolute path, as given to tortied "
			"--run-dir");
	if (strlen(text) > NETCONF_RUN_DIR_MAX)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "runDir: longer than %d octets",
				      NETCONF_RUN_DIR_MAX);
	snprintf(conf->run_dir, sizeof(conf->run_dir), "%s", text);
	return 0;
}

int netconf_pools(struct json_object *list, const char *where, char (*pools)[NAME_MAX_LEN + 1],
		  __u32 *ret_count, struct cni_error *error)
{
	size_t count;

	if (list == NULL)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      "%s: must be a list of strings, names or CIDRs of pools",
				      where);
	count = json_object_array_length(list);
	if (count > CNI_POOLS_MAX)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "%s: more than %d entries", where,
				      CNI_POOLS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *text = json_text(json_object_array_get_idx(list, i));

		if (text == NULL || text[0] == '\0' || strlen(text) > NAME_MAX_LEN)
			return netconf_refuse(
				error, CNI_ERROR_CONFIG,
				"%s[%zu]: must be the name or CIDR of a pool, 1 to %d octets",
				where, i, NAME_MAX_LEN);
		snprintf(pools[i], sizeof(pools[i]), "%s", text);
	}
	*ret_count = (__u32)count;
	return 0;
}

static int parse_mtu(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	struct json_object *value = json_get(config, "mtu");
	int64_t mtu;

	if (value == NULL)
		return 0;
	mtu = json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_int) ||
	    (mtu != 0 && (mtu < MTU_MIN || mtu > MTU_MAX)))
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      "mtu: must be a number, %d to %d, or 0 for the node's own",
				      MTU_MIN, MTU_MAX);
	conf->request.mtu = (uint32_t)mtu;
	return 0;
}

/* A file name, to be found in CNI_PATH. */
static bool ipam_type_is_valid(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (!is_name_octet(text[i], i == 0))
			return false;
	return len <= NETCONF_IPAM_TYPE_MAX && strcmp(text, OWN_TYPE) != 0;
}

/* No type: addresses come from the node's own blocks. */
static int parse_ipam(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	struct json_object *value = json_get(config, "ipam"), *type = json_get(value, "type");
	const char *text = type != NULL ? json_text(type) : "";

	if (value != NULL && !json_object_is_type(value, json_type_object))
		return netconf_refuse(error, CNI_ERROR_CONFIG, "ipam: must be an object");
	if (text == NULL)
		return netconf_refuse(error, CNI_ERROR_CONFIG, "ipam.type: must be a string");
	if (!ipam_type_is_valid(text))
		return netconf_refuse(
			error, CNI_ERROR_CONFIG,
			"ipam.type \"%.64s\": must be the file name of an IPAM plugin in "
			"CNI_PATH, at most %d letters, digits, '_', '.' or '-', and not " OWN_TYPE,
			text, NETCONF_IPAM_TYPE_MAX);
	snprintf(conf->ipam_type, sizeof(conf->ipam_type), "%s", text);
	return 0;
}

static int check_dns(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	struct json_object *value = json_get(config, "dns");

	if (value == NULL)
		return 0;
	if (!json_object_is_type(value, json_type_object))
		return netconf_refuse(error, CNI_ERROR_CONFIG, "dns: must be an object");
	if (json_object_object_length(value) > 0)
		conf->dns = value;
	return 0;
}

/* The index of the pod's interface in prevResult.interfaces, -1: it is not there. */
static int find_interface(struct json_object *interfaces, const char *ifname)
{
	size_t count = json_object_is_type(interfaces, json_type_array)
			       ? json_object_array_length(interfaces)
			       : 0;

	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(interfaces, i);
		const char *name = json_text(json_get(entry, "name"));
		const char *sandbox = json_text(json_get(entry, "sandbox"));

		if (name != NULL && strcmp(name, ifname) == 0 && is_set(sandbox))
			return (int)i;
	}
	return -1;
}

/* Our addresses are whole ones, /32 and /128; what later plugins added is theirs. */
static void take_result_address(const char *text, struct msg_cni_request *request)
{
	struct ip_prefix prefix;

	if (text == NULL || ip_prefix_parse(text, &prefix) < 0 || prefix.bits != IP_ADDR_BITS ||
	    request->address_count == POD_ADDRESSES_MAX)
		return;
	request->address[request->address_count++] = prefix.addr;
}

static int take_result_addresses(struct netconf *conf, struct cni_error *error)
{
	struct json_object *ips = json_get(conf->prev_result, "ips");
	int index = find_interface(json_get(conf->prev_result, "interfaces"), conf->request.ifname);
	size_t count;

	if (index < 0)
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      "prevResult: no interface \"%s\" with a sandbox in it",
				      conf->request.ifname);
	count = json_object_is_type(ips, json_type_array) ? json_object_array_length(ips) : 0;
	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(ips, i);
		struct json_object *number = json_get(entry, "interface");

		if (json_object_is_type(number, json_type_int) &&
		    json_object_get_int64(number) == index)
			take_result_address(json_text(json_get(entry, "address")), &conf->request);
	}
	return 0;
}

static int check_list(struct json_object *result, const char *key, struct cni_error *error)
{
	struct json_object *list = json_get(result, key);
	size_t count;

	if (list == NULL)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return netconf_refuse(error, CNI_ERROR_CONFIG, "prevResult.%s: must be a list",
				      key);
	count = json_object_array_length(list);
	for (size_t i = 0; i < count; i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_object))
			return netconf_refuse(error, CNI_ERROR_CONFIG,
					      "prevResult.%s[%zu]: must be an object", key, i);
	return 0;
}

static int parse_prev_result(struct json_object *config, struct netconf *conf,
			     struct cni_error *error)
{
	static const char *const lists[] = { "interfaces", "ips", "routes" };
	struct json_object *value = json_get(config, "prevResult");

	if (value == NULL)
		return conf->command != COMMAND_CHECK
			       ? 0
			       : netconf_refuse(error, CNI_ERROR_CONFIG,
						"prevResult: missing; CHECK compares with it");
	if (!json_object_is_type(value, json_type_object))
		return netconf_refuse(error, CNI_ERROR_CONFIG, "prevResult: must be an object");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (check_list(value, lists[i], error) < 0)
			return -EINVAL;
	conf->prev_result = value;
	return conf->command == COMMAND_CHECK ? take_result_addresses(conf, error) : 0;
}

static int take_attachment(struct json_object *entry, size_t index, struct netconf *conf,
			   struct cni_error *error)
{
	const char *id = json_text(json_get(entry, "containerID"));
	const char *ifname = json_text(json_get(entry, "ifname"));

	if (id == NULL || ifname == NULL || !container_id_is_valid(id) || !ifname_is_valid(ifname))
		return netconf_refuse(
			error, CNI_ERROR_CONFIG,
			VALID_KEY "[%zu]: must be an object with containerID and ifname, as ADD "
				  "takes them; nothing was removed",
			index);
	pod_ifname(id, ifname, conf->valid[index].host_ifname);
	return 0;
}

/* GC: what is to stay. Taken whole or not at all: what is not in it is removed. */
static int parse_valid(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	struct json_object *list = json_get(config, VALID_KEY);
	size_t count;

	if (list == NULL)
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      VALID_KEY
				      ": missing; a GC without the list of what is to stay removes "
				      "nothing (an empty list removes all)");
	if (!json_object_is_type(list, json_type_array))
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      VALID_KEY ": must be a list; nothing was removed");
	count = json_object_array_length(list);
	if (count > CNI_VALID_MAX)
		return netconf_refuse(error, CNI_ERROR_CONFIG,
				      VALID_KEY ": more than %d entries; nothing was removed",
				      CNI_VALID_MAX);
	conf->valid = calloc(count + 1, sizeof(*conf->valid));
	if (conf->valid == NULL)
		return netconf_refuse(error, CNI_ERROR_IO, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (take_attachment(json_object_array_get_idx(list, i), i, conf, error) < 0)
			return -EINVAL;
	conf->request.valid_count = (uint32_t)count;
	return 0;
}

/* Our keys. DEL needs but the agent's folder. */
static int parse_keys(struct json_object *config, struct netconf *conf, struct cni_error *error)
{
	int err = parse_name(config, conf, error);

	if (err < 0 && conf->command != COMMAND_DEL)
		return err;
	if (parse_run_dir(config, conf, error) < 0)
		return -EINVAL;
	if (conf->command == COMMAND_DEL) {
		struct cni_error ignored;

		/* What no ADD can have come through with has nothing to give back. */
		if (err == 0)
			parse_ipam(config, conf, &ignored);
		return 0;
	}
	if (netconf_pools(json_get(config, "pools"), "pools", conf->request.pool,
			  &conf->request.pool_count, error) < 0 ||
	    parse_mtu(config, conf, error) < 0 || parse_ipam(config, conf, error) < 0 ||
	    check_dns(config, conf, error) < 0)
		return -EINVAL;
	if (conf->command == COMMAND_GC)
		return parse_valid(config, conf, error);
	/* Versions before chaining know no such key. */
	return conf->version < CNI_0_3_0 ? 0 : parse_prev_result(config, conf, error);
}

static int parse_config(const struct netconf_env *env, struct json_object *config,
			struct netconf *conf, struct cni_error *error)
{
	if (parse_version(config, &conf->version, error) < 0 || check_version(conf, error) < 0)
		return -EINVAL;
	if (parse_keys(config, conf, error) < 0)
		return -EINVAL;
	return netconf_take_wishes(env->args, config, conf, error);
}

static uint32_t verb_of(enum cni_command command)
{
	static const uint32_t verbs[] = {
		[COMMAND_ADD] = CNI_ADD,       [COMMAND_DEL] = CNI_DEL, [COMMAND_CHECK] = CNI_CHECK,
		[COMMAND_STATUS] = CNI_STATUS, [COMMAND_GC] = CNI_GC,
	};

	return verbs[command];
}

int netconf_parse(const struct netconf_env *env, const char *data, size_t len,
		  struct netconf *ret_conf, struct cni_error *ret_error)
{
	struct cni_error json_error, ignored;
	struct json_object *config;
	enum cni_version version;
	int err;

	memset(ret_conf, 0, sizeof(*ret_conf));
	ret_conf->version = CNI_1_1_0;
	config = parse_stdin(data, len, &json_error);
	if (config != NULL && parse_version(config, &version, &ignored) == 0)
		ret_conf->version = version;
	err = parse_command(env->command, &ret_conf->command, ret_error);
	if (err == 0 && ret_conf->command == COMMAND_VERSION) {
		json_object_put(config); /* VERSION works without any input */
		return 0;
	}
	if (err == 0)
		err = check_missing(env, ret_conf->command, ret_error);
	if (err == 0)
		err = take_env(env, ret_conf, ret_error);
	if (err == 0 && config == NULL) {
		*ret_error = json_error;
		err = -EINVAL;
	}
	if (err == 0)
		err = parse_config(env, config, ret_conf, ret_error);
	if (err < 0) {
		json_object_put(config);
		netconf_free(ret_conf);
		return err;
	}
	ret_conf->request.verb = verb_of(ret_conf->command);
	ret_conf->config = config;
	ret_conf->input = data;
	ret_conf->input_len = len;
	return 0;
}

void netconf_free(struct netconf *conf)
{
	free(conf->valid);
	conf->valid = NULL;
	json_object_put(conf->runtime_dns);
	json_object_put(conf->config);
	json_object_put(conf->delegate_answer);
	conf->runtime_dns = NULL;
	conf->config = NULL;
	conf->delegate_answer = NULL;
	conf->prev_result = NULL;
	conf->dns = NULL;
}
