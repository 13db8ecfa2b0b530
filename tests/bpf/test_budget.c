/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_budget.c: what the verifier and the JIT say about each program, held to
 * tests/bpf/budget.txt.
 *
 * Instructions processed by the verifier (its limit is a million, and older kernels walk more),
 * octets of machine code and stack depth may grow by 10 % before the recorded line must be changed,
 * with a reason in the commit. Figures differ between kernels, so a line names the kernel (major
 * and minor) it was taken on; without lines for the running kernel the test is skipped and prints
 * what to record. Run from the top of the tree.
 *
 * libs: -lbpf -lelf -lz
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tortie.skel.h"

#define EXIT_SKIPPED   77
#define BUDGET_FILE    "tests/bpf/budget.txt"
#define GROWTH_PERCENT 10
#define PROGRAMS_MAX   4 /* of one copy */
#define MEASURED_MAX   12
#define LOG_LEVEL      5 /* of the verifier: figures, and the path that it refused */
#define TAIL_SHOWN     3000

struct figures {
	char kernel[16];  /* "6.18" */
	char copy[16];	  /* live, dry, or none: live with kube_proxy: none */
	char program[32]; /* from_pod ... */
	unsigned int instructions, octets, stack;
};

static struct figures measured[MEASURED_MAX];
static size_t measured_count;

static unsigned int number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoul(at + strlen(word), NULL, 10) : 0;
}

/* "stack depth 232+0+64": of the program and the functions it calls. */
static unsigned int stack_depth(const char *log)
{
	const char *at = strstr(log, "stack depth ");
	unsigned int sum = 0;
	char *end;

	if (!at)
		return 0;
	at += strlen("stack depth ");
	for (;;) {
		sum += strtoul(at, &end, 10);
		if (*end != '+')
			return sum;
		at = end + 1;
	}
}

static void kernel_name(char *text, size_t size)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	snprintf(text, size, "%u.%u", major, minor);
}

/* What the verifier said last, where it refused. */
static void print_tail(const char *log)
{
	size_t len = strlen(log);

	fprintf(stderr, "%s\n", len > TAIL_SHOWN ? log + len - TAIL_SHOWN : log);
}

static int measure(const char *copy)
{
	struct tortie_bpf *skeleton = tortie_bpf__open();
	static char log[PROGRAMS_MAX][1 << 20];
	struct bpf_program *program;
	size_t n = 0;
	int err;

	if (!skeleton)
		return -1;
	skeleton->rodata->dry_run = !strcmp(copy, "dry");
	skeleton->rodata->beside_kube_proxy = !!strcmp(copy, "none");
	bpf_object__for_each_program(program, skeleton->obj) {
		bpf_program__set_log_level(program, LOG_LEVEL);
		bpf_program__set_log_buf(program, log[n], sizeof(log[n]));
		n++;
	}
	err = tortie_bpf__load(skeleton);
	for (size_t i = 0; err && i < n; i++)
		print_tail(log[i]);
	n = 0;
	bpf_object__for_each_program(program, skeleton->obj) {
		struct figures *to = &measured[measured_count];
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);

		if (err || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			break;
		kernel_name(to->kernel, sizeof(to->kernel));
		snprintf(to->copy, sizeof(to->copy), "%s", copy);
		snprintf(to->program, sizeof(to->program), "%s", bpf_program__name(program));
		to->instructions = number_after(log[n], "processed ");
		to->octets = info.jited_prog_len;
		to->stack = stack_depth(log[n]);
		measured_count++;
		n++;
	}
	tortie_bpf__destroy(skeleton);
	return err;
}

/* The recorded line of the same kernel, copy and program. */
static bool find_recorded(const struct figures *like, struct figures *ret)
{
	FILE *file = fopen(BUDGET_FILE, "re");
	bool found = false;
	char line[256];

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%15s %15s %31s %u %u %u", ret->kernel, ret->copy, ret->program,
			   &ret->instructions, &ret->octets, &ret->stack) != 6)
			continue;
		found = !strcmp(ret->kernel, like->kernel) && !strcmp(ret->copy, like->copy) &&
			!strcmp(ret->program, like->program);
	}
	if (file)
		fclose(file);
	return found;
}

static void print_measured(void)
{
	for (size_t i = 0; i < measured_count; i++)
		printf("%s %s %s %u %u %u\n", measured[i].kernel, measured[i].copy,
		       measured[i].program, measured[i].instructions, measured[i].octets,
		       measured[i].stack);
}

static int is_over(const struct figures *now, const char *what, unsigned int got,
		   unsigned int recorded)
{
	if (got * 100ull <= recorded * (100ull + GROWTH_PERCENT))
		return 0;
	print_error("%s (%s copy): %s: %u, recorded %u; make it smaller, or change " BUDGET_FILE
		    " and say why\n",
		    now->program, now->copy, what, got, recorded);
	return 1;
}

static void programs_stay_within_their_recorded_budget(void **state)
{
	struct figures recorded;
	int over = 0;

	for (size_t i = 0; i < measured_count; i++) {
		const struct figures *now = &measured[i];

		if (!find_recorded(now, &recorded)) {
			print_error("%s has no line for %s %s %s; now:\n", BUDGET_FILE, now->kernel,
				    now->copy, now->program);
			print_measured();
			skip();
		}
		over += is_over(now, "instructions verified", now->instructions,
				recorded.instructions);
		over += is_over(now, "octets of machine code", now->octets, recorded.octets);
		over += is_over(now, "octets of stack", now->stack, recorded.stack);
	}
	assert_int_equal(over, 0);
	assert_int_equal(measured_count, MEASURED_MAX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_stay_within_their_recorded_budget),
	};

	if (measure("live") || measure("dry") || measure("none")) {
		fprintf(stderr, "verifier budget needs root: the programs could not be loaded\n");
		return EXIT_SKIPPED;
	}
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		print_measured();
		return 0;
	}
	return cmocka_run_group_tests_name("verifier budget", tests, NULL, NULL);
}
