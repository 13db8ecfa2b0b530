/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slab.c: objects side by side, found by a walk, given back.
 *
 * links: lib/slab.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/slab.h"

#define COUNT 5000

struct object {
	uint64_t number;
	uint64_t more[7];
};

static struct object *taken[COUNT];

static void take_all(struct slab *slab)
{
	for (uint64_t i = 0; i < COUNT; i++) {
		taken[i] = slab_take(slab);
		assert_non_null(taken[i]);
		assert_int_equal(taken[i]->number, 0);
		taken[i]->number = i + 1;
	}
}

static void add_up(void *object, void *arg)
{
	*(uint64_t *)arg += ((struct object *)object)->number;
}

static uint64_t sum_of(struct slab *slab)
{
	uint64_t sum = 0;

	slab_walk(slab, add_up, &sum);
	return sum;
}

static void a_walk_meets_each_object_once(void **state)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct object));
	assert_int_equal(sum_of(&slab), 0);
	take_all(&slab);
	assert_int_equal(sum_of(&slab), (uint64_t)COUNT * (COUNT + 1) / 2);
	slab_fini(&slab);
}

static void what_was_given_is_taken_again_and_zero(void **state)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct object));
	take_all(&slab);
	for (size_t i = 0; i < COUNT; i += 2)
		slab_give(&slab, taken[i]);
	assert_int_equal(sum_of(&slab), (uint64_t)(COUNT / 2) * (COUNT / 2 + 1));
	for (size_t i = 0; i < COUNT; i += 2) {
		taken[i] = slab_take(&slab);
		assert_int_equal(taken[i]->number, 0);
	}
	assert_int_equal(sum_of(&slab), (uint64_t)(COUNT / 2) * (COUNT / 2 + 1));
	slab_fini(&slab);
}

static void all_may_go_and_come_back(void **state)
{
	struct slab slab;

	slab_init(&slab, sizeof(struct object));
	for (int round = 0; round < 3; round++) {
		take_all(&slab);
		for (size_t i = 0; i < COUNT; i++)
			slab_give(&slab, taken[round == 1 ? COUNT - 1 - i : i]);
		assert_int_equal(sum_of(&slab), 0);
	}
	slab_fini(&slab);
}

static void count_up(void *object, void *arg)
{
	((struct object *)object)->more[0]++;
}

static void count_up_another(void *object, void *arg)
{
	((struct object *)object)->more[1]++;
}

/* Blocks fill, empty, are freed and made anew meanwhile. */
static void a_walk_in_pieces_meets_once_who_stays(void **state)
{
	uint64_t cursor = 0, another = 0; /* of a second walk, which falls behind */
	unsigned int pieces = 0;
	struct slab slab;

	slab_init(&slab, sizeof(struct object));
	assert_false(slab_walk_on(&slab, &cursor, count_up, NULL));
	take_all(&slab);
	for (; slab_walk_on(&slab, &cursor, count_up, NULL); pieces++) {
		for (uint64_t i = pieces; i < COUNT; i += 10) { /* of each block some */
			if (pieces % 2 == 0 && taken[i])
				slab_give(&slab, taken[i]);
			taken[i] = NULL;
		}
		for (int i = 0; i < COUNT / 20; i++)
			assert_non_null(slab_take(&slab));
		if (pieces % 2)
			slab_walk_on(&slab, &another, count_up_another, NULL);
	}
	while (slab_walk_on(&slab, &another, count_up_another, NULL))
		continue;
	assert_true(pieces >= 4);
	for (unsigned int i = 0; i < COUNT; i++)
		if (taken[i])
			assert_true(taken[i]->more[0] == 1 && taken[i]->more[1] == 1);
	assert_non_null(taken[COUNT - 1]);
	slab_fini(&slab);
}

static void count_and_collect(void *object, void *arg)
{
	unsigned int *count = arg;

	taken[(*count)++] = object;
}

/* What was met goes at once, and with it the block that the walk stands on. */
static void a_walk_goes_on_from_where_nothing_is_any_more(void **state)
{
	unsigned int met = 0, given = 0;
	uint64_t cursor = 0;
	struct slab slab;

	slab_init(&slab, sizeof(struct object));
	take_all(&slab);
	while (slab_walk_on(&slab, &cursor, count_and_collect, &met))
		for (; given < met; given++)
			slab_give(&slab, taken[given]);
	assert_int_equal(met, COUNT);
	assert_int_equal(sum_of(&slab), 0);
	slab_fini(&slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_meets_each_object_once),
		cmocka_unit_test(what_was_given_is_taken_again_and_zero),
		cmocka_unit_test(all_may_go_and_come_back),
		cmocka_unit_test(a_walk_in_pieces_meets_once_who_stays),
		cmocka_unit_test(a_walk_goes_on_from_where_nothing_is_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
