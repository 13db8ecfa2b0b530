/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_rules.c: a rule of a BGPFilter, in the words of bgp.filters.
 *
 * Calico's rules and the document's say the same; names differ, and what a rule may hold is checked
 * here, so that the configuration's parser takes whatever comes out. The first thing that cannot be
 * read ends it: a condition that is passed over would be one that holds nobody back, so unknown
 * fields are faults too.
 */
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "lib/config_filter.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

/* A rule on its way; what is wrong with it ends in `fault`. */
struct rule_text {
	FILE *out;
	struct json_object *json;
	bool is_v6;
	char fault[BGP_RULE_FAULT_MAX];
};

static void fail(struct rule_text *rule, const char *field, const char *what)
{
	if (!rule->fault[0])
		snprintf(rule->fault, sizeof(rule->fault), "%.60s: %s", field, what);
}

/* --- conditions --- */

/* The word that goes for @text: two texts a row. */
static const char *translate(const char *const words[][2], size_t count, const char *text)
{
	for (size_t i = 0; text && i < count; i++)
		if (strcmp(words[i][0], text) == 0)
			return words[i][1];
	return NULL;
}

static void write_word(struct rule_text *rule, const char *field, const char *key,
		       const char *const words[][2], size_t count)
{
	const char *text = json_get_text(rule->json, field);
	const char *word = translate(words, count, text);

	if (!json_get(rule->json, field) || (text && !*text))
		return;
	if (word)
		fprintf(rule->out, "%s: %s, ", key, word);
	else
		fail(rule, field, "no such word");
}

static bool read_length(struct rule_text *rule, const char *end, int64_t none, int64_t *ret)
{
	struct json_object *length = json_get_object(rule->json, "prefixLength");

	*ret = none;
	return !json_get(length, end) ||
	       json_get_number(length, end, 0, rule->is_v6 ? 128 : 32, ret);
}

static void write_cidr(struct rule_text *rule)
{
	static const char *const operators[][2] = { { "In", "in" },
						    { "NotIn", "not-in" },
						    { "Equal", "equal" },
						    { "NotEqual", "not-equal" } };
	const char *text = json_get_text(rule->json, "cidr");
	char name[IP_PREFIX_TEXT_MAX];
	struct ip_prefix prefix;
	int64_t min, max;

	if (!text || !*text) {
		if (json_get(rule->json, "matchOperator") || json_get(rule->json, "prefixLength"))
			fail(rule, "cidr", "is missing");
		return;
	}
	if (ip_prefix_parse(text, &prefix) < 0 || ip_addr_is_v4(&prefix.addr) == rule->is_v6) {
		fail(rule, "cidr", "no prefix of the list's family");
		return;
	}
	fprintf(rule->out, "cidr: \"%s\", ", ip_prefix_format(&prefix, name, sizeof(name)));
	if (!json_get(rule->json, "matchOperator"))
		fail(rule, "matchOperator", "is missing");
	write_word(rule, "matchOperator", "operator", operators,
		   sizeof(operators) / sizeof(operators[0]));
	if (!json_get(rule->json, "prefixLength"))
		return;
	if (read_length(rule, "min", ip_prefix_family_bits(&prefix), &min) &&
	    read_length(rule, "max", rule->is_v6 ? 128 : 32, &max) && min <= max)
		fprintf(rule->out, "length: [%d, %d], ", (int)min, (int)max);
	else
		fail(rule, "prefixLength", "no range of lengths");
}

static void write_interface(struct rule_text *rule)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._@*?";
	const char *text = json_get_text(rule->json, "interface");

	if (!text || !*text)
		return;
	if (strlen(text) > CONFIG_INTERFACE_MAX_LEN || text[strspn(text, allowed)])
		fail(rule, "interface", "no link's name or pattern");
	else
		fprintf(rule->out, "interface: \"%s\", ", text);
}

static void write_community(struct rule_text *rule, const char *field, const char *key,
			    const char *text)
{
	struct config_community community;

	if (text && config_community_parse(text, &community))
		fprintf(rule->out, "%s: \"%s\"", key, text);
	else
		fail(rule, field, "no community (A:B or A:B:C)");
}

static void write_communities(struct rule_text *rule)
{
	struct json_object *communities = json_get_object(rule->json, "communities");
	struct json_object *values = json_get_array(communities, "values");

	if (!json_get(rule->json, "communities"))
		return;
	if (json_array_size(values) != 1) {
		fail(rule, "communities", "must have one value");
		return;
	}
	write_community(rule, "communities", "community", json_text(json_get_item(values, 0)));
	fprintf(rule->out, ", ");
}

static void write_as_list(struct rule_text *rule, const char *field, const char *key,
			  struct json_object *list)
{
	uint32_t as;

	if (json_array_size(list) == 0 || json_array_size(list) > CONFIG_RULE_PATH_MAX) {
		fail(rule, field, "must be a list of 1 to 10 AS numbers");
		return;
	}
	fprintf(rule->out, "%s: [", key);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!bgp_as_read(json_get_item(list, i), &as)) {
			fail(rule, field, "one is no AS number");
			return;
		}
		fprintf(rule->out, "%s%u", i ? ", " : "", as);
	}
	fprintf(rule->out, "]");
}

static void write_number(struct rule_text *rule, const char *field, struct json_object *in,
			 const char *member)
{
	int64_t number;

	if (json_get_number(in, member, 1, CONFIG_PRIORITY_MAX, &number))
		fprintf(rule->out, "priority: %d", (int)number);
	else
		fail(rule, field, "not 1 to 2147483646");
}

/* --- operations --- */

static void write_operation(struct rule_text *rule, struct json_object *operation)
{
	static const char *const names[] = { "addCommunity", "prependASPath", "setPriority" };
	struct json_object *body = NULL;
	size_t which = 0;

	while (which < 3 && !body) {
		body = json_get_object(operation, names[which]);
		which += !body;
	}
	if (!body || json_object_object_length(operation) != 1) {
		fail(rule, "operations",
		     "each must have one of addCommunity, prependASPath, "
		     "setPriority");
		return;
	}
	fprintf(rule->out, "{");
	if (which == 0)
		write_community(rule, names[0], "add_community", json_get_text(body, "value"));
	else if (which == 1)
		write_as_list(rule, names[1], "prepend", json_get_array(body, "prefix"));
	else
		write_number(rule, names[2], body, "value");
	fprintf(rule->out, "}");
}

static void write_operations(struct rule_text *rule, bool is_accept)
{
	struct json_object *list = json_get_array(rule->json, "operations");
	size_t count = json_array_size(list);

	if (count == 0)
		return;
	if (!is_accept || count > CONFIG_OPERATIONS_MAX) {
		fail(rule, "operations",
		     is_accept ? "more than 10" : "a rule that rejects has none");
		return;
	}
	fprintf(rule->out, ", operations: [");
	for (size_t i = 0; i < count; i++) {
		fprintf(rule->out, "%s", i ? ", " : "");
		write_operation(rule, json_get_item(list, i));
	}
	fprintf(rule->out, "]");
}

/* --- rules --- */

/* A condition that cannot be read would be one that holds nobody back. */
static void refuse_strange(struct rule_text *rule)
{
	static const struct {
		const char *name;
		enum json_type type;
	} known[] = {
		{ "cidr", json_type_string },	     { "prefixLength", json_type_object },
		{ "source", json_type_string },	     { "interface", json_type_string },
		{ "peerType", json_type_string },    { "matchOperator", json_type_string },
		{ "communities", json_type_object }, { "asPathPrefix", json_type_array },
		{ "priority", json_type_int },	     { "operations", json_type_array },
		{ "action", json_type_string },
	};

	json_object_object_foreach(rule->json, name, value)
	{
		bool is_known = !value;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !is_known; i++)
			is_known = strcmp(known[i].name, name) == 0 &&
				   json_object_is_type(value, known[i].type);
		if (!is_known)
			fail(rule, "a field", "is not known, or not of its type");
	}
}

static void write_rule(struct rule_text *rule)
{
	static const char *const sources[][2] = { { "RemotePeers", "peers" } };
	static const char *const types[][2] = { { "eBGP", "ebgp" }, { "iBGP", "ibgp" } };
	const char *action = json_get_text(rule->json, "action");
	bool is_accept = action && strcmp(action, "Accept") == 0;

	if (!json_object_is_type(rule->json, json_type_object)) {
		fail(rule, "the rule", "is no object");
		return;
	}
	if (!is_accept && (!action || strcmp(action, "Reject") != 0))
		fail(rule, "action", "neither Accept nor Reject");
	refuse_strange(rule);
	fprintf(rule->out, "{");
	write_cidr(rule);
	write_interface(rule);
	write_word(rule, "source", "source", sources, 1);
	write_word(rule, "peerType", "peer_type", types, 2);
	write_communities(rule);
	if (json_array_size(json_get_array(rule->json, "asPathPrefix")) > 0) {
		write_as_list(rule, "asPathPrefix", "as_path_prefix",
			      json_get_array(rule->json, "asPathPrefix"));
		fprintf(rule->out, ", ");
	}
	if (json_get(rule->json, "priority")) {
		write_number(rule, "priority", rule->json, "priority");
		fprintf(rule->out, ", ");
	}
	fprintf(rule->out, "action: %s", is_accept ? "accept" : "reject");
	write_operations(rule, is_accept);
	fprintf(rule->out, "}");
}

bool bgp_write_rule(FILE *out, struct json_object *json, bool is_v6, char fault[BGP_RULE_FAULT_MAX])
{
	struct rule_text rule = { .out = out, .json = json, .is_v6 = is_v6 };

	write_rule(&rule);
	memcpy(fault, rule.fault, sizeof(rule.fault));
	return !fault[0];
}
