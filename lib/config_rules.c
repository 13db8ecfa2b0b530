/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_rules.c: the rules of bgp.filters.
 *
 * A rule says which routes it is for (conditions, all of which must hold), what is done to them
 * (operations, in order) and what becomes of them (action). The words are those of Calico's
 * BGPFilter; `next`, `local_pref` and `med` are ours. What contradicts itself is refused here, so
 * that bgp/filter.c only has to look.
 */
#include "lib/config_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ip_prefix.h"

#define LENGTH_LIST 2

/* --- values --- */

/* One of the numbers between colons. */
static bool read_part(const char **at, uint32_t max, uint32_t *ret)
{
	const char *start = *at;
	uint64_t number = 0;

	for (; **at >= '0' && **at <= '9' && *at - start < 11; (*at)++)
		number = number * 10 + (uint64_t)(**at - '0');
	*ret = (uint32_t)number;
	return *at > start && number <= max && !(*start == '0' && *at - start > 1);
}

bool config_community_parse(const char *text, struct config_community *ret)
{
	struct config_community community = { 0 };
	size_t colons = 0;

	for (const char *at = text; *at; at++)
		colons += *at == ':';
	if (colons != 1 && colons != 2)
		return false;
	community.is_large = colons == 2;
	for (size_t i = 0; i <= colons; i++) {
		if (!read_part(&text, colons == 2 ? UINT32_MAX : UINT16_MAX, &community.part[i]))
			return false;
		if (*text != (i < colons ? ':' : '\0'))
			return false;
		text++;
	}
	*ret = community;
	return true;
}

static int read_community(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (!config_community_parse(text, field))
		return config_fail(reader, node,
				   "not a community (A:B up to 65535, or A:B:C up to 4294967295)");
	return 0;
}

static int read_as_list(struct config_reader *reader, const struct config_node *node, uint32_t *as,
			uint32_t *ret_count)
{
	const struct config_row item = { .read = config_read_as };
	int err = config_check_list(reader, node, CONFIG_RULE_PATH_MAX);

	if (err == 0 && node->count == 0)
		return config_fail(reader, node, "is empty; name AS numbers");
	if (err == 0)
		err = config_read_list(reader, &item, node, as, sizeof(*as));
	*ret_count = (uint32_t)node->count;
	return err;
}

/* --- operations --- */

static int read_add_community(struct config_reader *reader, const struct config_row *row,
			      const struct config_node *node, void *field)
{
	struct config_operation *operation = field;

	operation->kind = RULE_ADD_COMMUNITY;
	return read_community(reader, row, node, &operation->community);
}

static int read_prepend(struct config_reader *reader, const struct config_row *row,
			const struct config_node *node, void *field)
{
	struct config_operation *operation = field;

	operation->kind = RULE_PREPEND;
	return read_as_list(reader, node, operation->as, &operation->as_count);
}

/* The key says which. */
static int read_value(struct config_reader *reader, const struct config_row *row,
		      const struct config_node *node, void *field)
{
	struct config_operation *operation = field;

	operation->kind = strcmp(row->key, "priority") == 0	? RULE_SET_PRIORITY
			  : strcmp(row->key, "local_pref") == 0 ? RULE_SET_LOCAL_PREF
								: RULE_SET_MED;
	return config_read_u32(reader, row, node, &operation->value);
}

static const struct config_row operation_rows[] = {
	{ "add_community", read_add_community, 0 },
	{ "prepend", read_prepend, 0 },
	{ "priority", read_value, 0, 1, CONFIG_PRIORITY_MAX, NULL },
	{ "local_pref", read_value, 0, 0, UINT32_MAX, NULL },
	{ "med", read_value, 0, 0, UINT32_MAX, NULL },
};

static int read_operation(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	int err = config_read_map(reader, node, CONFIG_ROWS(operation_rows), field);

	if (err == 0 && node->count != 1)
		return config_fail(reader, node, "needs exactly one operation; write a list");
	return err;
}

static int read_operations(struct config_reader *reader, const struct config_row *row,
			   const struct config_node *node, void *field)
{
	const struct config_row item = { .read = read_operation };
	struct config_rule *rule = field;
	int err = config_check_list(reader, node, CONFIG_OPERATIONS_MAX);

	if (err == 0)
		err = config_read_list(reader, &item, node, rule->operation,
				       sizeof(rule->operation[0]));
	rule->operation_count = err == 0 ? (uint32_t)node->count : 0;
	return err;
}

/* --- conditions --- */

static int read_rule_community(struct config_reader *reader, const struct config_row *row,
			       const struct config_node *node, void *field)
{
	struct config_rule *rule = field;

	rule->has_community = 1;
	return read_community(reader, row, node, &rule->community);
}

static int read_path_prefix(struct config_reader *reader, const struct config_row *row,
			    const struct config_node *node, void *field)
{
	struct config_rule *rule = field;

	return read_as_list(reader, node, rule->as, &rule->as_count);
}

/* As read_choice, but 0 is "not asked". */
static int read_condition(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	uint32_t index = 0;
	int err = config_read_choice(reader, row, node, &index);

	if (err == 0)
		*(uint32_t *)field = index + 1;
	return err;
}

/* A link's name, or a pattern of names. */
static int read_interface(struct config_reader *reader, const struct config_row *row,
			  const struct config_node *node, void *field)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._@*?";
	const char *text = config_text(reader, node);

	if (!text)
		return -EINVAL;
	if (strlen(text) > CONFIG_INTERFACE_MAX_LEN || text[strspn(text, allowed)])
		return config_fail(reader, node,
				   "not a link's name or pattern (1 to 15 letters, digits, - . _ "
				   "@ * ?)");
	strcpy(field, text);
	return 0;
}

/* Lengths as people write them; they become those of struct ip_prefix in check_prefix(). */
static int read_length(struct config_reader *reader, const struct config_row *row,
		       const struct config_node *node, void *field)
{
	const struct config_row item = { .read = config_read_u32, .min = 0, .max = IP_ADDR_BITS };
	uint32_t length[LENGTH_LIST] = { 0, 0 };
	struct config_rule *rule = field;
	int err = config_check_list(reader, node, LENGTH_LIST);

	if (err == 0 && node->count != LENGTH_LIST)
		return config_fail(reader, node, "must be two lengths, [MIN, MAX]");
	if (err == 0)
		err = config_read_list(reader, &item, node, length, sizeof(length[0]));
	if (err == 0 && length[0] > length[1])
		return config_fail(reader, node, "%u is more than %u", length[0], length[1]);
	rule->length_min = length[0];
	rule->length_max = length[1];
	return err;
}

#define RULE_FIELD(name) offsetof(struct config_rule, name)

static const struct config_row rule_rows[] = {
	{ "cidr", config_read_prefix, RULE_FIELD(cidr) },
	{ "operator", read_condition, RULE_FIELD(prefix_operator),
	  .choices = "in not-in equal not-equal" },
	{ "length", read_length, 0 },
	{ "source", read_condition, RULE_FIELD(source), .choices = "peers own" },
	{ "interface", read_interface, RULE_FIELD(interface) },
	{ "peer_type", read_condition, RULE_FIELD(peer_type), .choices = "ebgp ibgp" },
	{ "community", read_rule_community, 0 },
	{ "as_path_prefix", read_path_prefix, 0 },
	{ "priority", config_read_u32, RULE_FIELD(priority), 1, CONFIG_PRIORITY_MAX, NULL },
	{ "action", config_read_choice, RULE_FIELD(action), .choices = "accept reject next" },
	{ "operations", read_operations, 0 },
};

static int check_prefix(struct config_reader *reader, const struct config_node *node,
			struct config_rule *rule, bool is_v4)
{
	const struct config_node *cidr = config_find(node, "cidr");
	const struct config_node *length = config_find(node, "length");
	const struct config_node *word = config_find(node, "operator");
	uint32_t offset = is_v4 ? IP_ADDR_V4_BITS : 0;

	if (!cidr && (length || word))
		return config_fail(reader, length ? length : word, "%s: needs cidr beside it",
				   length ? "length" : "operator");
	if (!cidr)
		return 0;
	if (ip_addr_is_v4(&rule->cidr.addr) != is_v4)
		return config_fail(reader, cidr, "cidr: %s: not of the list's address family",
				   cidr->text);
	if (!word)
		rule->prefix_operator = RULE_IN;
	if (length && rule->length_max + offset > IP_ADDR_BITS)
		return config_fail(reader, length, "length: %u: at most 32 for IPv4",
				   rule->length_max);
	rule->length_min = length ? rule->length_min + offset : rule->cidr.bits;
	rule->length_max = length ? rule->length_max + offset : IP_ADDR_BITS;
	return 0;
}

static int read_rule(struct config_reader *reader, const struct config_row *row,
		     const struct config_node *node, void *field)
{
	struct config_rule *rule = field;
	int err = config_read_map(reader, node, CONFIG_ROWS(rule_rows), rule);

	if (err == 0)
		err = check_prefix(reader, node, rule, row->min == 0);
	if (err < 0)
		return err;
	if (!config_find(node, "action"))
		return config_fail(reader, node, "needs action: accept, reject or next");
	if (rule->action == RULE_REJECT && rule->operation_count > 0)
		return config_fail(reader, config_find(node, "operations"),
				   "operations: a rule that rejects has none");
	return 0;
}

int config_rules_read(struct config_reader *reader, const struct config_node *node, bool is_v6,
		      struct config_rule_list *list)
{
	const struct config_row item = { .read = read_rule, .min = is_v6 };
	int err = config_check_list(reader, node, CONFIG_RULES_MAX);

	if (err < 0 || node->count == 0)
		return err;
	list->rule = calloc(node->count, sizeof(*list->rule));
	if (!list->rule)
		return -ENOMEM;
	list->count = node->count;
	return config_read_list(reader, &item, node, list->rule, sizeof(*list->rule));
}
