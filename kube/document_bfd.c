/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_bfd.c: BFD, from the annotation tortie/bfd of BGPPeers and of BGPConfiguration default.
 *
 * Calico's kinds have no field for it. The annotation's text is what the file has, as JSON: "true",
 * "false" or {"min_interval": 300, "multiplier": 3, "multihop": true}. That of BGPConfiguration is
 * the mesh's. Numbers and flags alone reach the document, never the text; one that says anything
 * else is named, and there is no BFD.
 */
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "lib/json.h"

#define ANNOTATION     "tortie/bfd"
#define TEXT_LEN_MAX   256
#define INTERVAL_MIN   50
#define INTERVAL_MAX   60000
#define MULTIPLIER_MAX 255

/* One member of the map. False: it says nothing sensible, or nobody knows it. */
static bool read_member(struct json_object *map, const char *key, struct doc_bfd *bfd)
{
	int64_t number;

	if (strcmp(key, "min_interval") == 0) {
		if (!json_get_number(map, key, INTERVAL_MIN, INTERVAL_MAX, &number))
			return false;
		bfd->min_interval_ms = (unsigned int)number;
		return true;
	}
	if (strcmp(key, "multiplier") == 0) {
		if (!json_get_number(map, key, 1, MULTIPLIER_MAX, &number))
			return false;
		bfd->multiplier = (unsigned int)number;
		return true;
	}
	bfd->has_multihop = true;
	return strcmp(key, "multihop") == 0 && json_get_bool(map, key, &bfd->multihop);
}

static bool read_value(struct json_object *value, struct doc_bfd *bfd)
{
	bfd->present = true;
	if (json_object_is_type(value, json_type_boolean)) {
		bfd->present = json_object_get_boolean(value);
		return true;
	}
	if (!json_object_is_type(value, json_type_object))
		return false;
	json_object_object_foreach(value, key, member)
	{
		(void)member;
		if (!read_member(value, key, bfd))
			return false;
	}
	return true;
}

static bool read_text(const char *text, struct doc_bfd *bfd)
{
	struct json_tokener *tokener;
	struct json_object *value;
	size_t len = strlen(text);
	bool is_good;

	if (len > TEXT_LEN_MAX)
		return false;
	tokener = json_tokener_new();
	if (!tokener)
		return false;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT); /* nothing may stand behind it */
	value = json_tokener_parse_ex(tokener, text, (int)len + 1);
	is_good = json_tokener_get_error(tokener) == json_tokener_success && read_value(value, bfd);
	json_object_put(value);
	json_tokener_free(tokener);
	return is_good;
}

void bgp_read_bfd(struct bgp_draft *draft, enum cluster_kind kind,
		  const struct cluster_object *object, struct doc_bfd *ret)
{
	struct json_object *metadata = json_get_object(object->json, "metadata");
	const char *text = json_get_text(json_get_object(metadata, "annotations"), ANNOTATION);

	memset(ret, 0, sizeof(*ret));
	if (!text || read_text(text, ret))
		return;
	memset(ret, 0, sizeof(*ret));
	document_warn(draft->builder, kind, object->name,
		      "annotation " ANNOTATION ": neither true, false nor a map of min_interval "
		      "(50 to 60000), multiplier (1 to 255) and multihop: no BFD");
}

void bgp_write_bfd(FILE *out, const struct doc_bfd *bfd)
{
	const char *comma = "";

	fputc('{', out);
	if (bfd->min_interval_ms) {
		fprintf(out, "min_interval: %u", bfd->min_interval_ms);
		comma = ", ";
	}
	if (bfd->multiplier) {
		fprintf(out, "%smultiplier: %u", comma, bfd->multiplier);
		comma = ", ";
	}
	if (bfd->has_multihop)
		fprintf(out, "%smultihop: %s", comma, bfd->multihop ? "true" : "false");
	fputc('}', out);
}
