/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link_table.c: links and their subnets out of files as proc(5) has them, copied from a
 * machine.
 *
 * links: bgp/link_table.c lib/ip_prefix.c tests/unit/bgp/hex.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bgp/link_table.h"
#include "tests/unit/bgp/hex.h"

static const char route_text[] =
	"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
	"eth0\t00000000\t010010AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	"eth0\t000010AC\t00000000\t0001\t0\t0\t0\t00FCFFFF\t0\t0\t0\n"
	"*\t0001F40A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	"lan0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	"lan0\t0002F40A\t0200630A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	"wide\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
	"half a line\n";

static const char inet6_text[] = "fd990000000000000000000000000001 02 40 00 80     lan0\n"
				 "00000000000000000000000000000001 01 80 10 80       lo\n"
				 "fe80000000000000a8bbccfffe000001 02 40 20 80     lan0\n"
				 "20010db8000000000000000000000005 03 20 00 80     eth0\n"
				 "20010db8000000000000000000000005 03 fff 00 80     eth1\n"
				 "zz\n";

/* A file with @text; its name, for free_file(). */
static char *make_file(const char *text)
{
	char *path = strdup("/tmp/tortie-links-XXXXXX");
	int fd;

	assert_non_null(path);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void free_file(char *path)
{
	unlink(path);
	free(path);
}

static struct link_table *table_of(const char *route, const char *inet6)
{
	char *route_path = make_file(route), *inet6_path = make_file(inet6);
	struct link_table *table;

	assert_int_equal(link_table_read_from(route_path, inet6_path, &table), 0);
	free_file(route_path);
	free_file(inet6_path);
	return table;
}

static const struct {
	const char *addr, *link; /* NULL: none */
} find_rows[] = {
	{ "10.99.0.7", "lan0" }, { "10.98.0.7", "wide" },   { "172.16.3.255", "eth0" },
	{ "172.16.4.0", NULL },	 { "192.0.2.1", NULL },	    { "10.244.1.5", "wide" },
	{ "fd99::7", "lan0" },	 { "2001:db8::9", "eth0" }, { "fe80::1", NULL },
	{ "::1", NULL },	 { "2001:db9::1", NULL },
};

static void a_next_hop_is_on_the_link_of_its_narrowest_subnet(void **state)
{
	struct link_table *table = table_of(route_text, inet6_text);

	for (size_t i = 0; i < sizeof(find_rows) / sizeof(find_rows[0]); i++) {
		struct ip_addr addr = addr_of(find_rows[i].addr);
		const char *link = link_table_find(table, &addr);

		if (!link != !find_rows[i].link)
			print_error("%s: %s\n", find_rows[i].addr, link ? link : "none");
		assert_int_equal(!link, !find_rows[i].link);
		if (link)
			assert_string_equal(link, find_rows[i].link);
	}
	link_table_unref(table);
}

static void equal_links_are_equal_tables(void **state)
{
	struct link_table *a = table_of(route_text, inet6_text);
	struct link_table *b = table_of(route_text, inet6_text);
	struct link_table *c = table_of(route_text, "");

	assert_true(link_table_equal(a, b));
	assert_false(link_table_equal(a, c));
	assert_false(link_table_equal(a, NULL));
	assert_true(link_table_equal(NULL, NULL));
	link_table_unref(a);
	link_table_unref(b);
	link_table_unref(c);
}

static void this_machine_can_be_asked(void **state)
{
	struct link_table *table;

	assert_int_equal(link_table_read(&table), 0);
	link_table_unref(link_table_ref(table));
	link_table_unref(table);
}

static void without_the_files_there_are_no_links(void **state)
{
	struct ip_addr addr = addr_of("10.99.0.7");
	struct link_table *table;

	assert_int_equal(link_table_read_from("/nowhere", "/nowhere", &table), 0);
	assert_null(link_table_find(table, &addr));
	assert_null(link_table_find(NULL, &addr));
	link_table_unref(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_next_hop_is_on_the_link_of_its_narrowest_subnet),
		cmocka_unit_test(equal_links_are_equal_tables),
		cmocka_unit_test(this_machine_can_be_asked),
		cmocka_unit_test(without_the_files_there_are_no_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
