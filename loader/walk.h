/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOADER_WALK_H
#define LOADER_WALK_H

/*
 * A walk over a list that may pause while the list changes: what goes meanwhile is stepped over,
 * what is appended is met. Pure: the list's owner says what comes next.
 */
struct walk {
	const void *next; /* the element to look at; NULL: at the end */
	struct walk *prev_walk, *next_walk;
};

/** walk_begin() - at @first; from now on walk_pass() of @walks knows of it. */
void walk_begin(struct walk **walks, struct walk *walk, const void *first);
/** walk_end() - @walks may forget it. */
void walk_end(struct walk **walks, struct walk *walk);
/** walk_pass() - to be called before @gone leaves its list, where @next stands behind it. */
void walk_pass(struct walk *walks, const void *gone, const void *next);

#endif /* LOADER_WALK_H */
