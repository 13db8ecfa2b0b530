/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c: walks that pause.
 *
 * A long answer is made piece by piece, as its reader takes it (client.c), and between two pieces
 * routes and pods come and go. The list that is walked knows its walks, seldom more than one, and
 * tells them of each element that leaves it.
 */
#include "loader/walk.h"

#include <stddef.h>

#include <utlist.h>

void walk_begin(struct walk **walks, struct walk *walk, const void *first)
{
	walk->next = first;
	DL_APPEND2(*walks, walk, prev_walk, next_walk);
}

void walk_end(struct walk **walks, struct walk *walk)
{
	DL_DELETE2(*walks, walk, prev_walk, next_walk);
}

void walk_pass(struct walk *walks, const void *gone, const void *next)
{
	struct walk *walk;

	DL_FOREACH2(walks, walk, next_walk)
	if (walk->next == gone)
		walk->next = next;
}
