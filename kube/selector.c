/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.c: Calico's selector language, parsed and answered in one pass.
 *
 * Grammar (lowest precedence first):  or := and ("||" and)*;  and := op ("&&" op)*;
 * op := "!"* ( "all()" | "global()" | "has(KEY)" | KEY test | "(" or ")" ). KEY is letters, digits
 * and _ . / -; a value stands between ' or between ", without escapes; white space is blank and
 * tab. The parser goes over the text once per node that is asked about and computes the answer on
 * the way, so there is nothing to keep and nothing to free; both sides of && and || are always
 * read, which finds every fault whatever the labels.
 *
 * Source: Calico's reference of selectors ("EntityRule", "Selectors") and its tokenizer.
 */
#include "kube/selector.h"

#include <errno.h>
#include <string.h>

struct cursor {
	const char *at;
	const char *labels;
	size_t count;
	unsigned int depth;
	const char *why;
};

struct word {
	const char *text;
	size_t len;
};

static int match_or(struct cursor *cursor, bool *ret);

static int refuse(struct cursor *cursor, const char *why)
{
	cursor->why = why;
	return -EINVAL;
}

static void skip_blanks(struct cursor *cursor)
{
	cursor->at += strspn(cursor->at, " \t");
}

/* Take @mark when it is next. */
static bool take(struct cursor *cursor, const char *mark)
{
	size_t len = strlen(mark);

	skip_blanks(cursor);
	if (strncmp(cursor->at, mark, len) != 0)
		return false;
	cursor->at += len;
	return true;
}

static int take_key(struct cursor *cursor, struct word *ret)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_./-";

	skip_blanks(cursor);
	ret->text = cursor->at;
	ret->len = strspn(cursor->at, allowed);
	if (ret->len == 0)
		return refuse(cursor, "a label, all(), has() or ( is expected");
	if (ret->len > 512)
		return refuse(cursor, "a label's name is longer than 512");
	cursor->at += ret->len;
	return 0;
}

static int take_value(struct cursor *cursor, struct word *ret)
{
	const char *end;

	skip_blanks(cursor);
	if (*cursor->at != '\'' && *cursor->at != '"')
		return refuse(cursor, "a value in quotes is expected");
	end = strchr(cursor->at + 1, *cursor->at);
	if (!end)
		return refuse(cursor, "a quote is not closed");
	ret->text = cursor->at + 1;
	ret->len = (size_t)(end - ret->text);
	cursor->at = end + 1;
	return 0;
}

/* The value of label @key, or NULL. */
static const char *find(const struct cursor *cursor, const struct word *key)
{
	const char *at = cursor->labels;

	for (size_t i = 0; i < cursor->count; i++) {
		const char *value = at + strlen(at) + 1;

		if (strlen(at) == key->len && memcmp(at, key->text, key->len) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

static bool is_equal(const char *text, const struct word *value)
{
	return text && strlen(text) == value->len && memcmp(text, value->text, value->len) == 0;
}

static int match_set(struct cursor *cursor, const char *label, bool *ret)
{
	struct word value;

	*ret = false;
	if (!take(cursor, "{"))
		return refuse(cursor, "{ is expected after in");
	while (!take(cursor, "}")) {
		if (take_value(cursor, &value) < 0)
			return -EINVAL;
		*ret = *ret || is_equal(label, &value);
		if (take(cursor, ","))
			continue;
		if (!take(cursor, "}"))
			return refuse(cursor, "} is expected");
		break;
	}
	return 0;
}

enum test {
	TEST_EQUAL,
	TEST_CONTAINS,
	TEST_STARTS,
	TEST_ENDS,
};

static int match_value(struct cursor *cursor, const char *label, enum test test, bool *ret)
{
	size_t len = label ? strlen(label) : 0;
	struct word value;

	if (take_value(cursor, &value) < 0)
		return -EINVAL;
	*ret = false;
	if (!label || len < value.len)
		return 0;
	switch (test) {
	case TEST_EQUAL:
		*ret = is_equal(label, &value);
		break;
	case TEST_CONTAINS:
		*ret = memmem(label, len, value.text, value.len) != NULL;
		break;
	case TEST_STARTS:
		*ret = memcmp(label, value.text, value.len) == 0;
		break;
	case TEST_ENDS:
		*ret = memcmp(label + len - value.len, value.text, value.len) == 0;
		break;
	}
	return 0;
}

static int invert(int err, bool *ret)
{
	*ret = !*ret;
	return err;
}

static int match_label(struct cursor *cursor, bool *ret)
{
	const char *label;
	struct word key;

	if (take_key(cursor, &key) < 0)
		return -EINVAL;
	label = find(cursor, &key);
	if (take(cursor, "=="))
		return match_value(cursor, label, TEST_EQUAL, ret);
	if (take(cursor, "!="))
		return invert(match_value(cursor, label, TEST_EQUAL, ret), ret);
	if (take(cursor, "contains"))
		return match_value(cursor, label, TEST_CONTAINS, ret);
	if (take(cursor, "starts") && take(cursor, "with"))
		return match_value(cursor, label, TEST_STARTS, ret);
	if (take(cursor, "ends") && take(cursor, "with"))
		return match_value(cursor, label, TEST_ENDS, ret);
	if (take(cursor, "not"))
		return take(cursor, "in") ? invert(match_set(cursor, label, ret), ret)
					  : refuse(cursor, "in is expected after not");
	if (take(cursor, "in"))
		return match_set(cursor, label, ret);
	return refuse(cursor, "after a label ==, !=, in, not in, contains, starts with or ends "
			      "with is expected");
}

static int match_has(struct cursor *cursor, bool *ret)
{
	struct word key;

	if (take_key(cursor, &key) < 0)
		return -EINVAL;
	*ret = find(cursor, &key) != NULL;
	return take(cursor, ")") ? 0 : refuse(cursor, ") is expected after has(");
}

static int match_group(struct cursor *cursor, bool *ret)
{
	if (cursor->depth++ == SELECTOR_DEPTH_MAX)
		return refuse(cursor, "too many ( inside each other");
	if (match_or(cursor, ret) < 0)
		return -EINVAL;
	cursor->depth--;
	return take(cursor, ")") ? 0 : refuse(cursor, ") is expected");
}

static int match_operation(struct cursor *cursor, bool *ret)
{
	bool is_negated = false;
	int err;

	*ret = false;
	for (skip_blanks(cursor); cursor->at[0] == '!' && cursor->at[1] != '=';
	     skip_blanks(cursor)) {
		is_negated = !is_negated;
		cursor->at++;
	}
	if (take(cursor, "has(")) {
		err = match_has(cursor, ret);
	} else if (take(cursor, "all(") || take(cursor, "global(")) {
		*ret = true;
		err = take(cursor, ")") ? 0 : refuse(cursor, ") is expected");
	} else if (take(cursor, "(")) {
		err = match_group(cursor, ret);
	} else {
		err = match_label(cursor, ret);
	}
	if (is_negated)
		*ret = !*ret;
	return err;
}

static int match_and(struct cursor *cursor, bool *ret)
{
	bool one;

	if (match_operation(cursor, ret) < 0)
		return -EINVAL;
	while (take(cursor, "&&")) {
		if (match_operation(cursor, &one) < 0)
			return -EINVAL;
		*ret = *ret && one;
	}
	return 0;
}

static int match_or(struct cursor *cursor, bool *ret)
{
	bool one;

	if (match_and(cursor, ret) < 0)
		return -EINVAL;
	while (take(cursor, "||")) {
		if (match_and(cursor, &one) < 0)
			return -EINVAL;
		*ret = *ret || one;
	}
	return 0;
}

int selector_match(const char *text, const char *labels, size_t count, bool *ret,
		   const char **ret_why)
{
	struct cursor cursor = { .at = text, .labels = labels, .count = count };
	bool holds = true;
	int err = 0;

	if (strlen(text) > SELECTOR_BYTES_MAX)
		err = refuse(&cursor, "longer than 8192 octets");
	skip_blanks(&cursor);
	if (err == 0 && *cursor.at)
		err = match_or(&cursor, &holds);
	skip_blanks(&cursor);
	if (err == 0 && *cursor.at)
		err = refuse(&cursor, "&&, || or the end is expected");
	if (err < 0)
		*ret_why = cursor.why;
	else
		*ret = holds;
	return err;
}

int selector_check(const char *text, const char **ret_why)
{
	bool holds;

	return selector_match(text, "", 0, &holds, ret_why);
}
