/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_frame.c: frames that are nearly right.
 *
 * Pure noise would be dropped at the first check. So a packet is described as a careful sender
 * would (addresses of the world, usual protocols, sometimes options, extension headers, fragments,
 * quotations, speech of routers), and then in half of the cases some of its octets or its length
 * are spoilt. The same seed gives the same sequence everywhere.
 */
#include "tests/bpf/random_frame.h"

#include <string.h>

#define EXTENSIONS_MAX	  10
#define OPTIONS_MAX	  40
#define COUNT(array)	  (sizeof(array) / sizeof((array)[0]))
#define PICK(seed, array) ((array)[below(seed, COUNT(array))])

static const char *const addr_ipv4[] = {
	POD_A_IPV4,	   POD_A_IPV4,	 POD_A_IPV4,	POD_B_IPV4,    POD_B_IPV4,
	POD_B_IPV4,	   NODE_IPV4,	 "10.244.2.20", "10.244.2.99", "10.244.3.65",
	"10.244.3.1",	   "10.244.4.4", "10.244.5.5",	"10.244.6.6",  "10.244.1.99",
	"198.51.100.7",	   "127.0.0.1",	 "0.0.0.0",	"10.244.7.7",  "10.244.7.7",
	"10.244.7.70",	   "10.244.8.8", "169.254.1.1", "224.0.0.251", "10.244.2.20",
	"255.255.255.255",
};
static const char *const addr_ipv6[] = {
	POD_A_IPV6,
	POD_A_IPV6,
	POD_A_IPV6,
	POD_B_IPV6,
	POD_B_IPV6,
	POD_B_IPV6,
	NODE_IPV6,
	"fd00:244:2::20",
	"fd00:244:2::99",
	"fd00:244:3::40:1",
	"fd00:244:3::1",
	"fd00:244:4::4",
	"fd00:244:5::5",
	"fd00:244:6::6",
	"fd00:244:7::7",
	"fd00:244:7::7",
	"fd00:244:7::70",
	"fd00:244:8::8",
	"fd00:244:9::9",
	"fd00:244:1::99",
	"2001:db8::7",
	"::1",
	"::",
	"fe80::ecee:eeff:feee:eeee",
	"ff02::1",
	"::ffff:10.244.1.10",
	"::ffff:10.244.1.11",
	"fd00:244:2::20",
};
static const uint8_t protocols_ipv4[] = { 1, 6, 6, 6, 17, 17, 17, 132, 47, 58, 255 };
static const uint8_t protocols_ipv6[] = { 58, 6, 6, 6, 17, 17, 17, 132, 50, 59, 1 };
static const uint8_t icmp_types_ipv4[] = { 8, 0, 3, 4, 5, 9, 11, 12, 13 };
static const uint8_t icmp_types_ipv6[] = { 128, 129, 1, 2, 3, 4, 133, 134, 135, 136, 137, 143 };
static const uint16_t ports[] = { 67, 68, 546, 547, 53, 80, 40000 };
static const uint8_t extension_types[] = { 0, 43, 44, 51, 60, 60, 60, 135 };
static const int ttls[] = { 64, 64, 64, 255, 255, 2, 1, TTL_ZERO };

struct random_parts {
	char options[OPTIONS_MAX];
	char extensions[EXTENSIONS_MAX * 24];
	char body[64];
	struct frame_spec quoted;
};

/* xorshift64* (Marsaglia, Vigna). */
static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 0x2545f4914f6cdd1dull >> 16;
}

static uint32_t below(uint64_t *seed, uint32_t limit)
{
	return next(seed) % limit;
}

static bool chance(uint64_t *seed, uint32_t percent)
{
	return below(seed, 100) < percent;
}

static void add_options(uint64_t *seed, struct random_parts *parts, struct frame_spec *spec)
{
	size_t len = 4 * (1 + below(seed, OPTIONS_MAX / 4));

	for (size_t i = 0; i < len; i++)
		parts->options[i] = next(seed);
	spec->options = (struct octets){ parts->options, len };
}

/* A chain that ends in the spec's protocol, mostly right in its lengths. */
static void add_extensions(uint64_t *seed, struct random_parts *parts, struct frame_spec *spec)
{
	size_t count = chance(seed, 70) ? 1 + below(seed, 3) : 1 + below(seed, EXTENSIONS_MAX);
	char *at = parts->extensions;
	uint8_t type = PICK(seed, extension_types);

	spec->next = type;
	for (size_t i = 0; i < count; i++) {
		uint8_t following = i + 1 < count ? PICK(seed, extension_types) : spec->protocol;
		size_t units = type == 44 ? 0 : below(seed, 2);
		size_t len = 8 * (units + 1);

		memset(at, 0, len);
		at[0] = following;
		at[1] = type == 51 ? len / 4 - 2 : units;
		if (type == 44 && chance(seed, 50))
			at[3] = 1; /* a first fragment */
		else if (type == 44)
			at[2] = 1; /* a later one */
		if (chance(seed, 3))
			at[1] = next(seed);
		at += len;
		type = following;
	}
	spec->extensions = (struct octets){ parts->extensions, at - parts->extensions };
}

static void add_solicitation(uint64_t *seed, struct random_parts *parts, struct frame_spec *spec)
{
	static const char target[16] = "\xfe\x80\0\0\0\0\0\0\xec\xee\xee\xff\xfe\xee\xee\xee";

	memset(parts->body, 0, sizeof(parts->body));
	parts->body[0] = (char)(chance(seed, 80) ? 135 : 136);
	memcpy(parts->body + 8, target, sizeof(target));
	if (chance(seed, 10))
		parts->body[8 + below(seed, 16)] ^= 1;
	spec->protocol = 58;
	spec->ttl = chance(seed, 80) ? 255 : 64;
	spec->body = (struct octets){ parts->body, 24 + 8 * below(seed, 3) };
}

static void add_quoted(uint64_t *seed, bool is_ipv4, struct random_parts *parts,
		       struct frame_spec *spec)
{
	parts->quoted = (struct frame_spec){
		.from = chance(seed, 70) ? spec->to
			: is_ipv4	 ? PICK(seed, addr_ipv4)
					 : PICK(seed, addr_ipv6),
		.to = is_ipv4 ? PICK(seed, addr_ipv4) : PICK(seed, addr_ipv6),
	};
	spec->quoted = &parts->quoted;
	spec->protocol = 0;
	spec->icmp_type = is_ipv4 ? 3 : 2;
}

static void describe(uint64_t *seed, struct random_packet *packet, struct random_parts *parts,
		     struct frame_spec *spec)
{
	bool is_ipv4 = chance(seed, 50);
	const char *own = packet->place == POD_A ? (is_ipv4 ? POD_A_IPV4 : POD_A_IPV6)
						 : (is_ipv4 ? POD_B_IPV4 : POD_B_IPV6);

	spec->from = is_ipv4 ? PICK(seed, addr_ipv4) : PICK(seed, addr_ipv6);
	spec->to = is_ipv4 ? PICK(seed, addr_ipv4) : PICK(seed, addr_ipv6);
	if (packet->hook == HOOK_FROM_POD && chance(seed, 75))
		spec->from = own;
	spec->protocol = is_ipv4 ? PICK(seed, protocols_ipv4) : PICK(seed, protocols_ipv6);
	spec->icmp_type = is_ipv4 ? PICK(seed, icmp_types_ipv4) : PICK(seed, icmp_types_ipv6);
	spec->ttl = PICK(seed, ttls);
	spec->source_port = PICK(seed, ports);
	spec->dest_port = PICK(seed, ports);
	spec->payload = 1 + below(seed, chance(seed, 20) ? 1500 : 64);
	if (is_ipv4 && chance(seed, 10))
		spec->fragment = chance(seed, 50) ? 0x2000 : below(seed, 0x4000);
	if (is_ipv4 && chance(seed, 10))
		add_options(seed, parts, spec);
	if (!is_ipv4 && chance(seed, 8))
		add_solicitation(seed, parts, spec);
	else if (chance(seed, 12))
		add_quoted(seed, is_ipv4, parts, spec);
	if (!is_ipv4 && spec->protocol && chance(seed, 20))
		add_extensions(seed, parts, spec);
	if (chance(seed, 10))
		spec->pad = below(seed, 40);
}

static void describe_arp(uint64_t *seed, struct frame_spec *spec)
{
	static const char of_a[] =
		"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x5e\x10\x00\x0a"
		"\x0a\xf4\x01\x0a\x00\x00\x00\x00\x00\x00\xa9\xfe\x01\x01";
	static const char of_b[] =
		"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x5e\x10\x00\x0b"
		"\x0a\xf4\x01\x0b\x00\x00\x00\x00\x00\x00\xa9\xfe\x01\x01";

	spec->raw = (struct octets){ chance(seed, 50) ? of_a : of_b, sizeof(of_a) - 1 };
}

/* Big TCP: a super-packet, in half of the cases without a length in its header. */
static void make_super_packet(uint64_t *seed, struct random_packet *packet)
{
	uint8_t *data = packet->frame.data;
	size_t length_at = data[12] == 0x86 ? 18 : 16;

	packet->gso_size = 1 + below(seed, 1500);
	if (chance(seed, 50) && packet->frame.len > length_at + 1)
		data[length_at] = data[length_at + 1] = 0;
}

static void spoil(uint64_t *seed, struct frame *frame)
{
	size_t head = frame->len < 100 ? frame->len : 100;

	for (uint32_t n = below(seed, 3); n > 0; n--)
		frame->data[below(seed, head)] = next(seed);
	if (chance(seed, 30)) /* one bit, near the headers' lengths and types */
		frame->data[12 + below(seed, 12)] ^= 1 << below(seed, 8);
	if (chance(seed, 20))
		frame->len = ETHERNET_LEN + 1 + below(seed, frame->len - ETHERNET_LEN);
}

static bool is_egress(enum dataplane_hook hook)
{
	return hook == HOOK_TO_POD || hook == HOOK_TO_NETWORK;
}

void random_packet(uint64_t *seed, struct random_packet *ret)
{
	static const enum dataplane_hook hooks[] = { HOOK_FROM_POD,	HOOK_FROM_POD,
						     HOOK_FROM_POD,	HOOK_FROM_POD,
						     HOOK_FROM_NETWORK, HOOK_FROM_NETWORK,
						     HOOK_FROM_NETWORK, HOOK_TO_POD,
						     HOOK_TO_NETWORK };
	struct random_parts parts;
	struct frame_spec spec = {};
	const uint8_t *source, *dest;

	memset(ret, 0, sizeof(*ret));
	ret->hook = PICK(seed, hooks);
	ret->place = chance(seed, 50) ? POD_A : POD_B;
	if (ret->hook == HOOK_FROM_NETWORK || ret->hook == HOOK_TO_NETWORK)
		ret->place = UPLINK;
	if (ret->hook == HOOK_FROM_POD && chance(seed, 4))
		describe_arp(seed, &spec);
	else
		describe(seed, ret, &parts, &spec);
	source = ret->place == UPLINK ? router_mac : pod_mac[ret->place];
	dest = ret->place == UPLINK ? uplink_mac : gateway_mac;
	if (is_egress(ret->hook)) {
		const uint8_t *swap = source;

		source = dest;
		dest = swap;
	}
	frame_build(&spec, source, dest, &ret->frame);
	if (chance(seed, 10))
		make_super_packet(seed, ret);
	if (chance(seed, 50))
		spoil(seed, &ret->frame);
	/* The wire has no way in for what the stack sends. */
	if (is_egress(ret->hook) && ret->frame.len < ETHERNET_LEN + IPV6_LEN)
		ret->frame.len = ETHERNET_LEN + IPV6_LEN;
	if (ret->frame.len < ETHERNET_LEN + IPV6_LEN) /* may have to take the wire */
		ret->gso_size = 0;
}
