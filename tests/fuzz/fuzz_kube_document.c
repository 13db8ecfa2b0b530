/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_kube_document.c: any objects as a cluster.
 *
 * Each line is a digit, the kind, and an object in JSON. Whatever they say: a document that comes
 * out must be one that the configuration's parser takes, announces nothing outside of the ranges of
 * Services, and each notice is one line.
 *
 * links: kube/document*.c kube/cluster.c kube/node_object.c kube/selector.c lib/json.c
 * links: lib/text.c lib/sha1.c lib/ip_prefix.c lib/next_hops.c kube/service_object.c
 * links: lib/config*.c
 * covers: kube/document.c kube/document_nodes.c kube/document_pools.c kube/document_bgp.c
 * covers: kube/document_peers.c kube/document_filters.c kube/document_communities.c
 * covers: kube/document_rules.c kube/document_bfd.c kube/document_next_hop.c
 * covers: kube/document_secrets.c kube/document_services.c kube/node_object.c kube/selector.c
 * covers: kube/service_object.c
 * libs: -ljson-c -lyaml -lresolv
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "kube/document.h"
#include "lib/config.h"
#include "lib/ip_prefix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const struct document *document, const char *why)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n%s\n", why, document->text ? document->text : "(no document)");
	abort();
}

static void add_line(struct cluster *cluster, const char *line, size_t len)
{
	struct json_tokener *tokener;
	struct json_object *json;

	if (len < 2 || line[0] < '0' || line[0] >= '0' + CLUSTER_KINDS)
		return;
	tokener = json_tokener_new();
	json = json_tokener_parse_ex(tokener, line + 1, (int)len - 1);
	cluster_set(cluster, (enum cluster_kind)(line[0] - '0'), json);
	json_object_put(json);
	json_tokener_free(tokener);
}

static bool is_service(const struct config *config, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < config->bgp.service_range_count; i++)
		if (ip_prefix_covers(&config->bgp.service_range[i], prefix))
			return true;
	return false;
}

static void check(const struct document *document)
{
	static const char base[] = "kubernetes: {node: n1}\n";
	struct config_source source = { .file = "base", .base = base, .base_len = strlen(base) };
	struct config_error error = { .text = "" };
	struct config *config = NULL;

	for (size_t i = 0; i < document->notice_count; i++) {
		require(!strchr(document->notice[i].text, '\n'), document, "a line in a notice");
		require(strlen(document->notice[i].text) <= TEXT_MAX, document, "a long notice");
	}
	require(!document->text == !!document->why[0], document, document->why);
	if (!document->text)
		return;
	source.document = document->text;
	source.document_len = document->len;
	require(config_parse_cluster(&source, &config, &error) == 0, document, error.text);
	require(config->node_address_count > 0, document, "no address");
	for (size_t i = 0; i < config->bgp.announce_count; i++)
		require(is_service(config, &config->bgp.announce[i]), document,
			"announced outside of the ranges");
	config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cluster cluster = { .node_name = "n1" };
	struct document document;
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);

		add_line(&cluster, at, len);
		at += len + 1;
	}
	if (document_build(&cluster, "n1", &document) == 0)
		check(&document);
	for (int kind = 0; kind < CLUSTER_KINDS; kind++)
		document_wants(&cluster, (enum cluster_kind)kind);
	/* who names none has no password in the document */
	if (!document_wants(&cluster, CLUSTER_SECRETS))
		require(!document.text || !strstr(document.text, "password: "), &document,
			"a password that nobody asked for");
	document_fini(&document);
	cluster_fini(&cluster);
	return 0;
}
