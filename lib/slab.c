/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.c: objects of one size in blocks of BLOCK_SIZE octets.
 *
 * A block begins with its head: how many objects are taken, and a bit for each. Blocks lie at
 * multiples of BLOCK_SIZE, so an object's address says where its head is. The list has blocks with
 * room before those without: taking looks at the first one alone. An empty block is freed unless
 * it is the only one with room, so that one object coming and going costs no block each time.
 * Blocks have numbers in the order of their making, and a second list of that order: by these a
 * walk in pieces finds its way. Where the last piece ended is kept: the next one need not look for
 * it.
 *
 * With AddressSanitizer a given object is poisoned, as one of malloc's would be (the macros are
 * empty without it).
 */
#include "lib/slab.h"

#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>
#include <utlist.h>

#define BLOCK_ALIGN 65536u
#define BLOCK_SIZE  (BLOCK_ALIGN - 64) /* room for malloc's head of the block behind */
#define OBJECTS_MAX 1024
#define WORD_BITS   64

struct slab_block {
	struct slab_block *prev, *next;
	struct slab_block *older, *newer;
	uint64_t number;
	uint32_t taken;
	uint32_t hint; /* no word of @bits before it has room */
	uint64_t bits[OBJECTS_MAX / WORD_BITS];
	uint64_t objects[] __attribute__((aligned(64))); /* a cache line */
};

void slab_init(struct slab *slab, size_t object_size)
{
	size_t room = (BLOCK_SIZE - sizeof(struct slab_block)) / object_size;

	*slab = (struct slab){ .object_size = object_size,
			       .block_capacity = room < OBJECTS_MAX ? room : OBJECTS_MAX };
}

void slab_fini(struct slab *slab)
{
	struct slab_block *block, *next;

	DL_FOREACH_SAFE(slab->blocks, block, next)
	{
		ASAN_UNPOISON_MEMORY_REGION(block, BLOCK_SIZE);
		free(block);
	}
	slab->blocks = slab->oldest = slab->walked = NULL;
}

static char *object_at(const struct slab *slab, struct slab_block *block, size_t index)
{
	return (char *)block->objects + index * slab->object_size;
}

static struct slab_block *add_block(struct slab *slab)
{
	struct slab_block *block;
	void *memory;

	if (posix_memalign(&memory, BLOCK_ALIGN, BLOCK_SIZE) != 0)
		return NULL;
	block = memory;
	memset(block, 0, sizeof(*block));
	block->number = ++slab->last_number;
	ASAN_POISON_MEMORY_REGION(block->objects, BLOCK_SIZE - sizeof(*block));
	DL_PREPEND(slab->blocks, block);
	DL_APPEND2(slab->oldest, block, older, newer);
	return block;
}

/* The lowest free place of a block that has one. */
static size_t find_place(struct slab_block *block)
{
	while (block->bits[block->hint] == UINT64_MAX)
		block->hint++;
	return block->hint * WORD_BITS + (size_t)__builtin_ctzll(~block->bits[block->hint]);
}

void *slab_take(struct slab *slab)
{
	struct slab_block *block = slab->blocks;
	size_t place;
	char *object;

	if (!block || block->taken == slab->block_capacity)
		block = add_block(slab);
	if (!block)
		return NULL;
	place = find_place(block);
	block->bits[place / WORD_BITS] |= 1ull << place % WORD_BITS;
	if (++block->taken == slab->block_capacity && block->next) {
		DL_DELETE(slab->blocks, block);
		DL_APPEND(slab->blocks, block);
	}
	object = object_at(slab, block, place);
	ASAN_UNPOISON_MEMORY_REGION(object, slab->object_size);
	return memset(object, 0, slab->object_size);
}

void slab_give(struct slab *slab, void *object)
{
	struct slab_block *block =
		(struct slab_block *)((uintptr_t)object & ~(uintptr_t)(BLOCK_ALIGN - 1));
	size_t place = (size_t)((char *)object - (char *)block->objects) / slab->object_size;
	bool was_full = block->taken == slab->block_capacity;
	struct slab_block *first;

	block->bits[place / WORD_BITS] &= ~(1ull << place % WORD_BITS);
	if (place / WORD_BITS < block->hint)
		block->hint = (uint32_t)(place / WORD_BITS);
	block->taken--;
	ASAN_POISON_MEMORY_REGION(object, slab->object_size);
	if (was_full) {
		DL_DELETE(slab->blocks, block);
		DL_PREPEND(slab->blocks, block);
	}
	first = slab->blocks == block ? block->next : slab->blocks;
	if (block->taken > 0 || !first || first->taken == slab->block_capacity)
		return;
	DL_DELETE(slab->blocks, block);
	DL_DELETE2(slab->oldest, block, older, newer);
	if (slab->walked == block)
		slab->walked = NULL;
	ASAN_UNPOISON_MEMORY_REGION(block, BLOCK_SIZE);
	free(block);
}

static void walk_block(struct slab *slab, struct slab_block *block,
		       void (*fn)(void *object, void *arg), void *arg)
{
	for (size_t word = 0; word < OBJECTS_MAX / WORD_BITS; word++) {
		uint64_t left = block->bits[word];

		for (; left; left &= left - 1)
			fn(object_at(slab, block, word * WORD_BITS + (size_t)__builtin_ctzll(left)),
			   arg);
	}
}

void slab_walk(struct slab *slab, void (*fn)(void *object, void *arg), void *arg)
{
	struct slab_block *block;

	DL_FOREACH(slab->blocks, block)
	walk_block(slab, block, fn, arg);
}

bool slab_walk_on(struct slab *slab, uint64_t *cursor, void (*fn)(void *object, void *arg),
		  void *arg)
{
	struct slab_block *block = slab->oldest;

	if (slab->walked && slab->walked->number == *cursor)
		block = slab->walked->newer;
	while (block && block->number <= *cursor)
		block = block->newer;
	if (!block)
		return false;
	*cursor = block->number;
	slab->walked = block;
	walk_block(slab, block, fn, arg);
	return true;
}
