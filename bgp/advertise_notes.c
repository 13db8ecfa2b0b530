/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertise_notes.c: what a group is to be told, in runs of prefixes with the same attributes.
 *
 * Routes come in runs, as their UPDATE had them, so what costs is paid for a run: a reference to
 * the attributes, a place in the sorting. Runs of equal attributes are brought side by side before
 * they are written; the prefixes stay where they are. Pure but for memory.
 */
#include <errno.h>
#include <stdlib.h>

#include "bgp/advertise_internal.h"

#define NOTES_KEPT 256 /* a larger empty list is given back */

static int reserve(void **array, size_t *size, size_t count, size_t object_size)
{
	size_t more = *size ? *size * 2 : 16;
	void *grown;

	if (count < *size)
		return 0;
	grown = reallocarray(*array, more, object_size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*size = more;
	return 0;
}

int note_add(struct note_list *list, const struct route *route, struct attribute_set *attributes,
	     struct rib_source *except)
{
	struct note_run *run = list->run_count ? &list->run[list->run_count - 1] : NULL;

	if (reserve((void **)&list->prefix, &list->prefix_size, list->prefix_count,
		    sizeof(*list->prefix)) < 0)
		return -ENOMEM;
	if (!run || run->attributes != attributes || run->except != except ||
	    run->family != route->family) {
		if (reserve((void **)&list->run, &list->run_size, list->run_count, sizeof(*run)) <
		    0)
			return -ENOMEM;
		run = &list->run[list->run_count++];
		*run = (struct note_run){ attributes, except, route->family,
					  (uint32_t)list->prefix_count, 0 };
		if (attributes)
			attribute_set_ref(attributes);
	}
	run->count++;
	list->prefix[list->prefix_count++] = *route->prefix;
	return 0;
}

void note_list_free(struct note_list *list)
{
	free(list->prefix);
	free(list->run);
	*list = (struct note_list){};
}

void note_list_clear(struct attribute_table *attributes, struct note_list *list)
{
	for (size_t i = 0; i < list->run_count; i++)
		attribute_set_unref(attributes, list->run[i].attributes);
	list->prefix_count = list->run_count = 0;
	if (list->prefix_size > NOTES_KEPT)
		note_list_free(list);
}

/* Withdrawals first, then what can share a message side by side. */
static int run_compare(const void *a, const void *b)
{
	const struct note_run *left = a, *right = b;
	uintptr_t keys[2][4] = {
		{ (uintptr_t)left->attributes, left->family, (uintptr_t)left->except, left->first },
		{ (uintptr_t)right->attributes, right->family, (uintptr_t)right->except,
		  right->first },
	};

	for (int i = 0; i < 4; i++)
		if (keys[0][i] != keys[1][i])
			return keys[0][i] < keys[1][i] ? -1 : 1;
	return 0;
}

bool note_shares_message(const struct note_run *a, const struct note_run *b)
{
	return a->attributes == b->attributes && a->except == b->except && a->family == b->family;
}

void note_list_sort(struct note_list *list)
{
	if (list->run_count > 1)
		qsort(list->run, list->run_count, sizeof(*list->run), run_compare);
}
