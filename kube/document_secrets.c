/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document_secrets.c: passwords of BGP sessions, from Secrets of our own namespace.
 *
 * BGPPeer and BGPConfiguration name a Secret and a key in it. Its value goes into the document, and
 * nowhere else: into no notice, no log and not among the objects that the agent shows. Secrets are
 * watched only when something names one.
 *
 * A session whose password cannot be had must not run without one: its peers are left out until
 * the Secret is there, unless the reference says that it is optional.
 */
#include <ctype.h>
#include <netinet/in.h>
#include <resolv.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document_bgp.h"
#include "lib/json.h"

#define VALUE_MAX   1024 /* octets of base64 that are looked at */
#define DECODED_MAX (VALUE_MAX / 4 * 3 + 3)

static struct json_object *reference_of(const struct cluster_object *object, const char *field)
{
	struct json_object *spec = json_get_object(object->json, "spec");

	return json_get_object(json_get_object(spec, field), "secretKeyRef");
}

bool bgp_wants_secrets(const struct cluster *cluster)
{
	const struct cluster_object *object = cluster->objects[CLUSTER_BGP_PEERS];

	for (; object; object = object->hh.next)
		if (reference_of(object, "password"))
			return true;
	object = cluster_find(cluster, CLUSTER_BGP_CONFIGS, "default");
	return object && reference_of(object, "nodeMeshPassword");
}

/* Base64 of a line into @ret. NULL, or what is wrong. */
static const char *decode(const char *value, char *ret)
{
	unsigned char octets[DECODED_MAX];
	int len = strlen(value) <= VALUE_MAX ? b64_pton(value, octets, sizeof(octets)) : -1;

	if (len < 0)
		return "is too long or no base64";
	while (len > 0 && (octets[len - 1] == '\n' || octets[len - 1] == '\r'))
		len--;
	if (len == 0 || len > CONFIG_PASSWORD_MAX)
		return "must have 1 to 80 octets";
	for (int i = 0; i < len; i++)
		if (octets[i] >= 0x80 || !isprint(octets[i]))
			return "has octets that are not printable ASCII";
	memcpy(ret, octets, (size_t)len);
	ret[len] = '\0';
	return NULL;
}

/* NULL, or why there is no value. */
static const char *read_value(const struct cluster *cluster, const char *name, const char *key,
			      char *ret)
{
	const struct cluster_object *secret = cluster_find(cluster, CLUSTER_SECRETS, name);
	const char *value;

	if (!secret)
		return "is not there, or may not be read";
	value = json_get_text(json_get_object(secret->json, "data"), key);
	return value ? decode(value, ret) : "has no such key";
}

enum bgp_secret bgp_read_secret(struct bgp_draft *draft, const struct bgp_secret_place *place,
				char *ret)
{
	struct json_object *reference = reference_of(place->object, place->field);
	const char *name = json_get_text(reference, "name"), *key = json_get_text(reference, "key");
	bool is_optional = false;
	const char *why;

	if (!reference)
		return BGP_SECRET_NONE;
	json_get_bool(reference, "optional", &is_optional);
	why = name && key ? read_value(draft->builder->cluster, name, key, ret)
			  : "is not named whole";
	if (!why)
		return BGP_SECRET_TAKEN;
	if (is_optional)
		return BGP_SECRET_NONE;
	document_problem(draft->builder, place->kind, place->object->name,
			 "spec.%s: key %.80s of secret %.80s %s: left out until it is mended",
			 place->field, key ? key : "", name ? name : "", why);
	return BGP_SECRET_MISSING;
}

void bgp_write_password(FILE *out, const char *password)
{
	fputc('"', out);
	for (; *password; password++) {
		if (*password == '"' || *password == '\\')
			fputc('\\', out);
		fputc(*password, out);
	}
	fputc('"', out);
}
