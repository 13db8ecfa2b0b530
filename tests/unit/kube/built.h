/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_KUBE_BUILT_H
#define TESTS_UNIT_KUBE_BUILT_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kube/document.h"
#include "lib/config.h"

/* The cluster of a test, and what is built of it for its node n1. Include it after <cmocka.h>. */

static struct cluster cluster;
static struct document document;

static inline void build_document(void)
{
	document_fini(&document);
	assert_int_equal(document_build(&cluster, "n1", &document), 0);
}

/* What the parser of the configuration makes of the document, the caller's: it takes each. */
static inline struct config *read_document(void)
{
	static const char base[] = "kubernetes: {node: n1}\n";
	struct config_source source = { .base = base, .base_len = strlen(base), .file = "base" };
	struct config_error error = { 0 };
	struct config *config = NULL;

	assert_non_null(document.text);
	source.document = document.text;
	source.document_len = document.len;
	if (config_parse_cluster(&source, &config, &error) < 0)
		fail_msg("%u:%u: %s in\n%s", error.line, error.column, error.text, document.text);
	return config;
}

static inline int forget_all(void **state)
{
	document_fini(&document);
	cluster_fini(&cluster);
	return 0;
}

static inline void assert_has(const char *text)
{
	if (!document.text || !strstr(document.text, text))
		fail_msg("not there: %s\nin\n%s", text, document.text);
}

static inline void assert_notice(const char *text)
{
	for (size_t i = 0; i < document.notice_count; i++)
		if (strstr(document.notice[i].text, text))
			return;
	for (size_t i = 0; i < document.notice_count; i++)
		fprintf(stderr, "  %s\n", document.notice[i].text);
	fail_msg("no notice: %s", text);
}

#endif /* TESTS_UNIT_KUBE_BUILT_H */
