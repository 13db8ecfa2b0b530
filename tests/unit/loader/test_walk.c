/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of walk.c: a list that changes while a walk over it pauses.
 *
 * links: loader/walk.c
 */
#include "loader/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <utlist.h>

struct item {
	char name;
	struct item *prev, *next;
};

struct list {
	struct item *first;
	struct walk *walks;
	struct item item[4];
};

static void fill(struct list *list, size_t count)
{
	*list = (struct list){ 0 };
	for (size_t i = 0; i < count; i++) {
		list->item[i].name = (char)('a' + i);
		DL_APPEND(list->first, &list->item[i]);
	}
}

static void drop(struct list *list, char name)
{
	struct item *item = &list->item[name - 'a'];

	walk_pass(list->walks, item, item->next);
	DL_DELETE(list->first, item);
}

/* '-' at the end. */
static char step(struct walk *walk)
{
	const struct item *item = walk->next;

	if (!item)
		return '-';
	walk->next = item->next;
	return item->name;
}

static void what_goes_while_a_walk_pauses_is_stepped_over(void **state)
{
	struct walk walk;
	struct list list;

	fill(&list, 4);
	walk_begin(&list.walks, &walk, list.first);
	assert_int_equal(step(&walk), 'a');
	drop(&list, 'a');
	drop(&list, 'b');
	drop(&list, 'c');
	assert_int_equal(step(&walk), 'd');
	assert_int_equal(step(&walk), '-');
	walk_end(&list.walks, &walk);
}

static void a_walk_at_the_last_one_that_goes_is_at_its_end(void **state)
{
	struct walk walk;
	struct list list;

	fill(&list, 2);
	walk_begin(&list.walks, &walk, list.first);
	assert_int_equal(step(&walk), 'a');
	drop(&list, 'b');
	assert_int_equal(step(&walk), '-');
	walk_end(&list.walks, &walk);
}

static void what_is_appended_while_a_walk_pauses_is_met(void **state)
{
	struct item late = { .name = 'z' };
	struct walk walk;
	struct list list;

	fill(&list, 2);
	walk_begin(&list.walks, &walk, list.first);
	assert_int_equal(step(&walk), 'a');
	DL_APPEND(list.first, &late);
	assert_int_equal(step(&walk), 'b');
	assert_int_equal(step(&walk), 'z');
	walk_end(&list.walks, &walk);
}

static void walks_do_not_know_of_each_other(void **state)
{
	struct walk one, two;
	struct list list;

	fill(&list, 3);
	walk_begin(&list.walks, &one, list.first);
	walk_begin(&list.walks, &two, list.first);
	assert_int_equal(step(&one), 'a');
	drop(&list, 'a');
	assert_int_equal(step(&one), 'b');
	assert_int_equal(step(&two), 'b');
	walk_end(&list.walks, &one);
	drop(&list, 'c');
	assert_int_equal(step(&two), '-');
	walk_end(&list.walks, &two);
	assert_null(list.walks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_while_a_walk_pauses_is_stepped_over),
		cmocka_unit_test(a_walk_at_the_last_one_that_goes_is_at_its_end),
		cmocka_unit_test(what_is_appended_while_a_walk_pauses_is_met),
		cmocka_unit_test(walks_do_not_know_of_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
