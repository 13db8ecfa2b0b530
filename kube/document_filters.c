/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_filters.c: bgp.filters, from BGPFilter.
 *
 * A BGPFilter is one filter of the document, its rules the same in other words (document_rules.c).
 * Only those that a peer of this node names are written, behind the peers.
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
#include "lib/config_filter.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

static const struct {
	const char *field, *key;
	bool is_v6;
} list_rows[DOC_FILTER_LISTS] = {
	{ "importV4", "import_v4", false },
	{ "importV6", "import_v6", true },
	{ "exportV4", "export_v4", false },
	{ "exportV6", "export_v6", true },
};

/* What is wrong with a list: the rule and how. */
struct rule_fault {
	size_t index;
	char text[BGP_RULE_FAULT_MAX];
};

/* The rules of one list as text, the caller's; NULL: no memory, or @ret_fault says what is wrong.
 */
static char *rules_text(struct json_object *list, bool is_v6, struct rule_fault *ret_fault)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool is_whole = true;

	*ret_fault = (struct rule_fault){ .index = 0 };
	if (!out)
		return NULL;
	for (size_t i = 0; i < json_array_size(list) && is_whole; i++) {
		fprintf(out, "%s", i ? ", " : "");
		is_whole = bgp_write_rule(out, json_get_item(list, i), is_v6, ret_fault->text);
		ret_fault->index = i;
	}
	if (fclose(out) != 0 || !is_whole) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_list(struct bgp_draft *draft, struct doc_filter *filter, FILE *out, size_t index)
{
	struct json_object *spec = json_get_object(filter->object->json, "spec");
	struct json_object *list = json_get_array(spec, list_rows[index].field);
	struct rule_fault fault;
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
	text = rules_text(list, list_rows[index].is_v6, &fault);
	if (!text) {
		filter->count[index] = 1;
		document_problem(draft->builder, CLUSTER_BGP_FILTERS, filter->object->name,
				 "spec.%s[%zu].%s: the list rejects every route until it is mended",
				 list_rows[index].field, fault.index,
				 fault.text[0] ? fault.text : "no memory");
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
