/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_filters.c: bgp.filters, from BGPFilter.
 *
 * A BGPFilter is one filter of the document, its rules the same in other words. Only those that a
 * peer of this node names are written, behind the peers.
 *
 * A rule that cannot be read must not let in or out what its writer wanted to hold back: the list
 * that has it rejects everything until it is mended, and a problem says so. A BGPPeer that names a
 * filter that is not there goes by the others, as with Calico. One whose filters have more rules
 * than a configuration may is left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "kube/json.h"
#include "lib/config_filter.h"
#include "lib/ip_prefix.h"

static const struct {
	const char *field, *key;
	bool is_v6;
} list_rows[DOC_FILTER_LISTS] = {
	{ "importV4", "import_v4", false },
	{ "importV6", "import_v6", true },
	{ "exportV4", "export_v4", false },
	{ "exportV6", "export_v6", true },
};

/* A rule on its way; what is wrong with it ends in `fault`. */
struct rule_text {
	FILE *out;
	struct json_object *json;
	bool is_v6;
	char fault[160];
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

/* The rules of one list as text, the caller's; NULL: no memory, or @ret_fault says what is wrong.
 */
static char *rules_text(struct json_object *list, bool is_v6, size_t *ret_index,
			struct rule_text *ret_rule)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	*ret_rule = (struct rule_text){ .out = out, .is_v6 = is_v6 };
	if (!out)
		return NULL;
	for (*ret_index = 0; *ret_index < json_array_size(list); (*ret_index)++) {
		fprintf(out, "%s", *ret_index ? ", " : "");
		ret_rule->json = json_get_item(list, *ret_index);
		write_rule(ret_rule);
		if (ret_rule->fault[0])
			break;
	}
	if (fclose(out) != 0 || ret_rule->fault[0]) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_list(struct bgp_draft *draft, struct doc_filter *filter, FILE *out, size_t index)
{
	struct json_object *spec = json_get_object(filter->object->json, "spec");
	struct json_object *list = json_get_array(spec, list_rows[index].field);
	struct rule_text rule;
	size_t number = 0;
	char *text;

	if (!list && json_get(spec, list_rows[index].field)) {
		filter->count[index] = 1;
		document_problem(draft->builder, CLUSTER_BGP_FILTERS, filter->object->name,
				 "spec.%s: is no list: every route is rejected until it is mended",
				 list_rows[index].field);
		fprintf(out, ", %s: [{action: reject}]", list_rows[index].key);
		return;
	}
	filter->count[index] = json_array_size(list);
	if (filter->count[index] == 0)
		return;
	text = rules_text(list, list_rows[index].is_v6, &number, &rule);
	if (!text) {
		filter->count[index] = 1;
		document_problem(draft->builder, CLUSTER_BGP_FILTERS, filter->object->name,
				 "spec.%s[%zu].%s: the list rejects every route until it is mended",
				 list_rows[index].field, number,
				 rule.fault[0] ? rule.fault : "no memory");
	}
	fprintf(out, ", %s: [%s]", list_rows[index].key, text ? text : "{action: reject}");
	free(text);
}

static void read_filter(struct bgp_draft *draft, struct doc_filter *filter)
{
	size_t len;
	FILE *out = open_memstream(&filter->text, &len);

	if (!out)
		return;
	fprintf(out, "    - {name: \"%s\"", filter->name);
	for (size_t i = 0; i < DOC_FILTER_LISTS; i++)
		write_list(draft, filter, out, i);
	fprintf(out, "}\n");
	if (fclose(out) != 0) {
		free(filter->text);
		filter->text = NULL;
	}
}

static const struct doc_field filter_rows[] = {
	{ "exportV4", true, NULL, NULL },
	{ "importV4", true, NULL, NULL },
	{ "exportV6", true, NULL, NULL },
	{ "importV6", true, NULL, NULL },
};

static const struct doc_fields filter_fields = {
	CLUSTER_BGP_FILTERS,
	filter_rows,
	sizeof(filter_rows) / sizeof(filter_rows[0]),
};

int bgp_read_filters(struct bgp_draft *draft)
{
	struct cluster_object *object = draft->builder->cluster->objects[CLUSTER_BGP_FILTERS];

	draft->filters = calloc(HASH_COUNT(object) + 1, sizeof(*draft->filters));
	if (!draft->filters)
		return -ENOMEM;
	for (; object && draft->filter_count < CONFIG_FILTERS_MAX - 1; object = object->hh.next) {
		if (!document_is_name(object->name))
			continue;
		document_note_fields(draft->builder, &filter_fields, object);
		draft->filters[draft->filter_count].name = object->name;
		draft->filters[draft->filter_count].object = object;
		read_filter(draft, &draft->filters[draft->filter_count++]);
	}
	if (object)
		document_problem(draft->builder, CLUSTER_BGP_FILTERS, object->name,
				 "more than %d filters: it and younger ones are left out",
				 CONFIG_FILTERS_MAX - 1);
	draft->advertisements = draft->filter_count;
	if (bgp_read_advertisements(draft, &draft->filters[draft->filter_count]) < 0)
		return -ENOMEM;
	if (draft->filters[draft->filter_count].text)
		draft->filter_count++;
	return 0;
}

void bgp_free_filters(struct bgp_draft *draft)
{
	for (size_t i = 0; i < draft->filter_count; i++)
		free(draft->filters[i].text);
	free(draft->filters);
}

/* --- at peers --- */

static struct doc_filter *find_filter(struct bgp_draft *draft, const char *name)
{
	for (size_t i = 0; name && i < draft->filter_count; i++)
		if (strcmp(draft->filters[i].name, name) == 0)
			return &draft->filters[i];
	return NULL;
}

/* Are the rules of @peer's filters as many as a configuration may have? */
static bool is_bounded(const struct bgp_draft *draft, const struct bgp_peer *peer)
{
	size_t in_list[DOC_FILTER_LISTS] = { 0 }, more = 0;

	for (size_t i = 0; i < peer->filter_count; i++) {
		const struct doc_filter *filter = &draft->filters[peer->filter[i]];

		for (size_t k = 0; k < DOC_FILTER_LISTS; k++) {
			in_list[k] += filter->count[k];
			more += filter->is_used ? 0 : filter->count[k];
		}
	}
	for (size_t k = 0; k < DOC_FILTER_LISTS; k++)
		if (in_list[k] > CONFIG_RULES_MAX)
			return false;
	return draft->rule_count + more <= CONFIG_ALL_RULES_MAX;
}

void bgp_take_advertisements(const struct bgp_draft *draft, struct bgp_peer *peer)
{
	if (draft->advertisements < draft->filter_count)
		peer->filter[peer->filter_count++] = (uint16_t)draft->advertisements;
}

bool bgp_take_filters(struct bgp_draft *draft, const struct cluster_object *object,
		      struct bgp_peer *peer)
{
	struct json_object *list = json_get_array(json_get_object(object->json, "spec"), "filters");

	peer->filter_count = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_text(json_get_item(list, i));
		struct doc_filter *filter = find_filter(draft, name);

		if (filter && filter->text && filter->object &&
		    peer->filter_count < CONFIG_PEER_FILTERS_MAX - 1)
			peer->filter[peer->filter_count++] = (uint16_t)(filter - draft->filters);
		else
			document_warn(draft->builder, CLUSTER_BGP_PEERS, object->name,
				      "spec.filters: %.100s: %s: the peer goes by the others",
				      name ? name : "",
				      filter && filter->object ? "too many" : "no such BGPFilter");
	}
	bgp_take_advertisements(draft, peer);
	if (is_bounded(draft, peer))
		return true;
	document_problem(draft->builder, CLUSTER_BGP_PEERS, object->name,
			 "spec.filters: more than %d rules of one kind, or %d in all: left out",
			 CONFIG_RULES_MAX, CONFIG_ALL_RULES_MAX);
	return false;
}

/* Used twice by a peer it counts once: the configuration has it once. */
static void write_names(struct bgp_draft *draft, const struct bgp_peer *peer)
{
	FILE *out = draft->builder->out;

	for (size_t i = 0; i < peer->filter_count; i++) {
		struct doc_filter *filter = &draft->filters[peer->filter[i]];

		fprintf(out, "%s\"%s\"", i ? ", " : "", filter->name);
		for (size_t k = 0; k < DOC_FILTER_LISTS && !filter->is_used; k++)
			draft->rule_count += filter->count[k];
		filter->is_used = true;
	}
}

void bgp_write_peer_filters(struct bgp_draft *draft, const struct bgp_peer *peer)
{
	if (peer->filter_count == 0)
		return;
	fprintf(draft->builder->out, ", filters: [");
	write_names(draft, peer);
	fputc(']', draft->builder->out);
}

void bgp_write_mesh_filters(struct bgp_draft *draft, const struct bgp_peer *peer)
{
	if (peer->filter_count == 0)
		return;
	fprintf(draft->builder->out, "  mesh_filters: [");
	write_names(draft, peer);
	fprintf(draft->builder->out, "]\n");
}

void bgp_write_filters(struct bgp_draft *draft)
{
	FILE *out = draft->builder->out;
	bool is_first = true;

	for (size_t i = 0; i < draft->filter_count; i++) {
		if (!draft->filters[i].is_used)
			continue;
		if (is_first)
			fprintf(out, "  filters:\n");
		is_first = false;
		fputs(draft->filters[i].text, out);
	}
}
