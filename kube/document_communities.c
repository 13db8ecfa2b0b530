/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_communities.c: communities of announced prefixes, from BGPConfiguration default.
 *
 * `prefixAdvertisements` says which communities go with routes inside a range, by value or by a
 * name of `communities`. That is a filter of the document whose rules add them and decide nothing;
 * every peer goes by it behind its own filters, so what one of these accepts or rejects does not
 * come to it, as with Calico. No BGPFilter can have its name, for that has a capital.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"

#define FILTER_NAME "prefixAdvertisements"
#define RULES_MAX   128 /* of a family: half of what a peer may have */

struct advertisements {
	struct bgp_draft *draft;
	struct json_object *spec;
	FILE *out[2]; /* rules by family */
	char *text[2];
	size_t count[2];
};

static void note(const struct advertisements *all, const char *field, const char *what)
{
	document_warn(all->draft->builder, CLUSTER_BGP_CONFIGS, "default",
		      "spec.%s: %.80s: left out", field, what);
}

/* A value as it is, or the value of a name. NULL: neither. */
static const char *find_community(const struct advertisements *all, const char *text)
{
	struct json_object *list = json_get_array(all->spec, "communities");
	struct config_community community;

	if (text && config_community_parse(text, &community))
		return text;
	for (size_t i = 0; text && i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *name = json_get_text(item, "name");
		const char *value = json_get_text(item, "value");

		if (name && value && strcmp(name, text) == 0)
			return config_community_parse(value, &community) ? value : NULL;
	}
	return NULL;
}

/* As many rules as it takes, each with as many communities as a rule may add. */
static void write_rules(struct advertisements *all, const struct ip_prefix *prefix,
			struct json_object *list)
{
	int family = ip_addr_is_v4(&prefix->addr) ? 0 : 1;
	FILE *out = all->out[family];
	char text[IP_PREFIX_TEXT_MAX];
	size_t in_rule = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_text(json_get_item(list, i));
		const char *value = find_community(all, name);

		if (!value) {
			note(all, FILTER_NAME, name ? name : "no text as community");
			continue;
		}
		if (in_rule == 0 && all->count[family] == RULES_MAX) {
			note(all, FILTER_NAME, "more than 128 rules of a family");
			return;
		}
		if (in_rule == 0)
			fprintf(out, "%s{cidr: \"%s\", action: next, operations: [",
				all->count[family]++ ? ", " : "",
				ip_prefix_format(prefix, text, sizeof(text)));
		fprintf(out, "%s{add_community: \"%s\"}", in_rule ? ", " : "", value);
		if (++in_rule < CONFIG_OPERATIONS_MAX)
			continue;
		fprintf(out, "]}");
		in_rule = 0;
	}
	if (in_rule > 0)
		fprintf(out, "]}");
}

static void read_all(struct advertisements *all)
{
	struct json_object *list = json_get_array(all->spec, "prefixAdvertisements");

	for (size_t i = 0; i < json_array_size(list); i++) {
		struct json_object *item = json_get_item(list, i);
		const char *cidr = json_get_text(item, "cidr");
		struct ip_prefix prefix;

		if (cidr && ip_prefix_parse(cidr, &prefix) == 0)
			write_rules(all, &prefix, json_get_array(item, "communities"));
		else
			note(all, FILTER_NAME, cidr ? cidr : "no cidr");
	}
}

static bool write_filter(const struct advertisements *all, struct doc_filter *filter)
{
	size_t len;
	FILE *out = open_memstream(&filter->text, &len);

	if (!out)
		return false;
	filter->name = FILTER_NAME;
	filter->count[DOC_EXPORT_V4] = all->count[0];
	filter->count[DOC_EXPORT_V6] = all->count[1];
	fprintf(out, "    - {name: \"%s\", export_v4: [%s], export_v6: [%s]}\n", filter->name,
		all->text[0], all->text[1]);
	if (fclose(out) == 0)
		return true;
	free(filter->text);
	return false;
}

/* False: no memory. */
static bool make_filter(struct advertisements *all, struct doc_filter *filter)
{
	size_t len[2];
	bool is_whole = true;

	for (int i = 0; i < 2; i++)
		all->out[i] = open_memstream(&all->text[i], &len[i]);
	if (all->out[0] && all->out[1])
		read_all(all);
	for (int i = 0; i < 2; i++)
		if (!all->out[i] || fclose(all->out[i]) != 0)
			is_whole = false;
	if (is_whole && all->count[0] + all->count[1] > 0)
		is_whole = write_filter(all, filter);
	free(all->text[0]);
	free(all->text[1]);
	return is_whole;
}

int bgp_read_advertisements(struct bgp_draft *draft, struct doc_filter *ret_filter)
{
	const struct cluster_object *object =
		cluster_find(draft->builder->cluster, CLUSTER_BGP_CONFIGS, "default");
	struct advertisements all = { .draft = draft };

	if (!object)
		return 0;
	all.spec = json_get_object(object->json, "spec");
	if (json_array_size(json_get_array(all.spec, "prefixAdvertisements")) == 0)
		return 0;
	return make_filter(&all, ret_filter) ? 0 : -ENOMEM;
}
