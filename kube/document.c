/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.c: from the cluster's objects to the document, and to notices.
 *
 * A pure function. Nothing of an object gets into the document that was not parsed and checked
 * here, and one bad object never spoils the rest: it is left out and told. Where two objects claim
 * one thing (a range, an address) the older has it, by creationTimestamp, so every node decides
 * alike. Own addresses are the Node object's InternalIPs, never a guess.
 *
 *     document_nodes.c   node, nodes      document_pools.c   pools, reserved
 *     document_bgp.c     bgp              document_peers.c   bgp.peers
 *     document_services.c bgp.announce
 *
 * All texts in the document are quoted: a node may be called "1e3".
 */
#include "kube/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "kube/document_parts.h"
#include "lib/ip_prefix.h"
#include "lib/json.h"
#include "lib/text.h"

static char *compose_notice(enum cluster_kind kind, const char *name, const char *format,
			    va_list args) __attribute__((format(printf, 3, 0)));

/* "WORD NAME: TEXT", the caller's. */
static char *compose_notice(enum cluster_kind kind, const char *name, const char *format,
			    va_list args)
{
	char text[TEXT_MAX + 1];
	int len = snprintf(text, sizeof(text), "%s %.253s: ", cluster_kind_word(kind), name);

	vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
	text_make_line(text);
	return strdup(text);
}

static void add_notice(struct builder *builder, enum status_level level, char *text)
{
	struct document *document = builder->document;

	if (!text || document->notice_count == DOCUMENT_NOTICES_MAX) {
		document->notices_left_out++;
		free(text);
		return;
	}
	document->notice[document->notice_count].text = text;
	document->notice[document->notice_count++].level = level;
}

void document_warn(struct builder *builder, enum cluster_kind kind, const char *name,
		   const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_notice(builder, STATUS_WARNING, compose_notice(kind, name, format, args));
	va_end(args);
}

void document_problem(struct builder *builder, enum cluster_kind kind, const char *name,
		      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_notice(builder, STATUS_PROBLEM, compose_notice(kind, name, format, args));
	va_end(args);
}

/* --- fields that are not served --- */

/* A value that says no more than its absence does. */
static bool is_nothing(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(value);
	case json_type_string:
		return json_object_get_string_len(value) == 0;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
		return json_object_object_length(value) == 0;
	default:
		return false;
	}
}

static bool is_text(struct json_object *value, const char *text)
{
	const char *own = json_text(value);

	return own && text && strcmp(own, text) == 0;
}

/* A text, or an array with it. */
static bool is_harmless(struct json_object *value, const char *text)
{
	bool is_found = is_text(value, text);

	for (size_t i = 0; i < json_array_size(value); i++)
		is_found = is_found || is_text(json_get_item(value, i), text);
	return is_found;
}

static const struct doc_field *find_field(const struct doc_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (strcmp(fields->rows[i].name, name) == 0)
			return &fields->rows[i];
	return NULL;
}

void document_note_fields(struct builder *builder, const struct doc_fields *fields,
			  const struct cluster_object *object)
{
	struct json_object *spec = json_get_object(object->json, "spec");

	if (!spec)
		return;
	json_object_object_foreach(spec, name, value)
	{
		const struct doc_field *field = find_field(fields, name);

		if ((field && field->is_served) || is_nothing(value) ||
		    (field && is_harmless(value, field->harmless)))
			continue;
		document_warn(builder, fields->kind, object->name, "spec.%.80s: not served%s%s",
			      name, field && field->why ? ": " : "",
			      field && field->why ? field->why : "");
	}
}

/* --- values --- */

bool document_is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";

	return name[0] != '-' && name[0] != '.' && name[0] != '_' && !name[strspn(name, allowed)];
}

void document_write_prefixes(FILE *out, const struct ip_prefix *list, size_t count)
{
	char text[IP_PREFIX_TEXT_MAX];

	fputc('[', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "",
			ip_prefix_format(&list[i], text, sizeof(text)));
	fputc(']', out);
}

void document_write_addresses(FILE *out, const struct ip_addr *list, size_t count)
{
	char text[IP_ADDR_TEXT_MAX];

	fputc('[', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "",
			ip_addr_format(&list[i], text, sizeof(text)));
	fputc(']', out);
}

/* --- the whole --- */

bool document_wants(const struct cluster *cluster, enum cluster_kind kind)
{
	switch (kind) {
	case CLUSTER_SECRETS:
		return bgp_wants_secrets(cluster);
	case CLUSTER_SERVICES:
		return bgp_wants_services(cluster);
	case CLUSTER_SLICES:
		return bgp_wants_slices(cluster);
	default:
		return true;
	}
}

/* What keeps us from having a document at all; false: nothing does. */
static bool is_waiting(struct builder *builder, const char *node_name)
{
	struct document *document = builder->document;

	if (!cluster_find(builder->cluster, CLUSTER_NODES, node_name)) {
		snprintf(document->why, sizeof(document->why),
			 "Node %s does not exist in the cluster: its kubelet has not registered "
			 "yet, or the name is wrong (kubectl get nodes; it comes from "
			 "kubernetes.node, NODE_NAME or the host name)",
			 node_name);
		return true;
	}
	if (!builder->self || builder->self->address_count == 0) {
		snprintf(document->why, sizeof(document->why),
			 "node %s: the Node object has no usable InternalIP yet; the kubelet "
			 "(--node-ip) or the cloud controller sets it",
			 node_name);
		return true;
	}
	return false;
}

static int write_document(struct builder *builder)
{
	int err = document_write_nodes(builder);

	if (err == 0)
		err = document_read_pools(builder);
	if (err < 0)
		return err;
	document_write_pools(builder);
	document_write_reserved(builder);
	return document_write_bgp(builder);
}

int document_build(struct cluster *cluster, const char *node_name, struct document *ret)
{
	struct builder builder = { .cluster = cluster, .document = ret };
	char *text = NULL;
	size_t len = 0;
	int err;

	*ret = (struct document){ 0 };
	for (int kind = 0; kind < CLUSTER_OBJECTS; kind++)
		cluster_sort(cluster, (enum cluster_kind)kind);
	err = document_read_nodes(&builder, node_name);
	if (err == 0 && !is_waiting(&builder, node_name)) {
		builder.out = open_memstream(&text, &len);
		err = builder.out ? write_document(&builder) : -ENOMEM;
		if (builder.out && fclose(builder.out) != 0 && err == 0)
			err = -ENOMEM;
	}
	free(builder.nodes);
	free(builder.pools);
	if (err < 0) {
		free(text);
		document_fini(ret);
		return err;
	}
	ret->text = text;
	ret->len = len;
	return 0;
}

void document_fini(struct document *document)
{
	for (size_t i = 0; i < document->notice_count; i++)
		free(document->notice[i].text);
	free(document->text);
	*document = (struct document){ 0 };
}
