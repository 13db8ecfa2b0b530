/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_SLAB_H
#define LIB_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab_block;

/*
 * Objects of one size, many of them: side by side in blocks, without malloc's own words between
 * them, walked in the order of memory. A block without objects is given back.
 */
struct slab {
	size_t object_size;
	size_t block_capacity;	   /* objects of a block */
	uint64_t last_number;	   /* that a block got */
	struct slab_block *blocks; /* those with room first (utlist) */
	struct slab_block *oldest; /* the same in the order of their making (utlist) */
	struct slab_block *walked; /* the last one of slab_walk_on(), NULL when it is gone */
};

/** slab_init() - for objects of @object_size octets, a multiple of 8, at most 4096. */
void slab_init(struct slab *slab, size_t object_size);
void slab_fini(struct slab *slab); /* frees all objects */
/** slab_take() - a new object, zeroed; NULL: no memory. */
void *slab_take(struct slab *slab);
void slab_give(struct slab *slab, void *object);
/** slab_walk() - call @fn for each object; it must neither take nor give any. */
void slab_walk(struct slab *slab, void (*fn)(void *object, void *arg), void *arg);
/** slab_walk_on() - the same in pieces, while objects come and go between them: those of one block,
 * the next one by *@cursor (0 at first), which is moved. False: there was none left. Who stays is
 * met once. */
bool slab_walk_on(struct slab *slab, uint64_t *cursor, void (*fn)(void *object, void *arg),
		  void *arg);

#endif /* LIB_SLAB_H */
