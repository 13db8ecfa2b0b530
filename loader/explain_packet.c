/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_packet.c: the packet that `tortie explain` asks about, octet by octet.
 *
 * The programs judge real packets, so a real one is made: Ethernet, IPv4 (RFC 791) or IPv6
 * (RFC 8200), then the first packet of a conversation: TCP SYN (RFC 9293), UDP (RFC 768), echo
 * request (RFC 792, RFC 4443) or SCTP INIT (RFC 9260). Payload is zeros up to the wanted length.
 * Checksums are right, although nothing on the way looks at them yet; SCTP's CRC32c is left zero,
 * since the packet never reaches an SCTP.
 */
#include "loader/explain_packet.h"

#include <errno.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "lib/ip_prefix.h"

#define SCTP_INIT_OCTETS 32 /* common header 12, chunk INIT 20 */
#define SCTP_CHUNK_INIT	 1

static uint32_t sum_octets(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += (uint32_t)data[len - 1] << 8;
	return sum;
}

/* RFC 1071; the answer is in network order. */
static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static uint8_t real_protocol(const struct explain_packet *packet)
{
	if (packet->protocol == IPPROTO_ICMP && !ip_addr_is_v4(&packet->dest))
		return IPPROTO_ICMPV6;
	return packet->protocol;
}

static size_t transport_octets(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_UDP:
		return sizeof(struct udphdr);
	case IPPROTO_ICMP:
		return sizeof(struct icmphdr);
	case IPPROTO_ICMPV6:
		return sizeof(struct icmp6_hdr);
	case IPPROTO_SCTP:
		return SCTP_INIT_OCTETS;
	default:
		return 0;
	}
}

/* Pseudo header of RFC 793 and RFC 8200 section 8.1: the same sum for both families' forms. */
static uint32_t pseudo_sum(const struct explain_packet *packet, uint8_t protocol, size_t len)
{
	size_t octets;
	const uint8_t *source = ip_addr_octets(&packet->source, &octets);
	uint32_t sum = sum_octets(0, source, octets);

	sum = sum_octets(sum, ip_addr_octets(&packet->dest, &octets), octets);
	return sum + protocol + (uint32_t)len;
}

static uint16_t source_port(const struct explain_packet *packet)
{
	return packet->source_port ? packet->source_port : EXPLAIN_SOURCE_PORT;
}

/* Headers are made aside and copied: behind 14 octets of Ethernet nothing is aligned. */
static void build_tcp(const struct explain_packet *packet, uint8_t *data, size_t len)
{
	struct tcphdr tcp = {
		.source = htons(source_port(packet)),
		.dest = htons(packet->port),
		.doff = sizeof(tcp) / 4,
		.syn = 1,
		.window = htons(65535),
	};

	memcpy(data, &tcp, sizeof(tcp));
	tcp.check = fold(sum_octets(pseudo_sum(packet, IPPROTO_TCP, len), data, len));
	memcpy(data, &tcp, sizeof(tcp));
}

static void build_udp(const struct explain_packet *packet, uint8_t *data, size_t len)
{
	struct udphdr udp = {
		.source = htons(source_port(packet)),
		.dest = htons(packet->port),
		.len = htons((uint16_t)len),
	};

	memcpy(data, &udp, sizeof(udp));
	udp.check = fold(sum_octets(pseudo_sum(packet, IPPROTO_UDP, len), data, len));
	if (!udp.check)
		udp.check = 0xffff; /* zero would mean: none (RFC 768) */
	memcpy(data, &udp, sizeof(udp));
}

static void build_echo(uint8_t type, uint32_t pseudo, uint8_t *data, size_t len)
{
	uint16_t check;

	data[0] = type;
	check = fold(sum_octets(pseudo, data, len));
	memcpy(data + 2, &check, sizeof(check));
}

static void build_sctp(const struct explain_packet *packet, uint8_t *data)
{
	data[0] = (uint8_t)(source_port(packet) >> 8);
	data[1] = (uint8_t)source_port(packet);
	data[2] = (uint8_t)(packet->port >> 8);
	data[3] = (uint8_t)packet->port;
	data[12] = SCTP_CHUNK_INIT;
	data[15] = SCTP_INIT_OCTETS - 12;
}

static void build_transport(const struct explain_packet *packet, uint8_t *data, size_t len)
{
	switch (real_protocol(packet)) {
	case IPPROTO_TCP:
		build_tcp(packet, data, len);
		break;
	case IPPROTO_UDP:
		build_udp(packet, data, len);
		break;
	case IPPROTO_ICMP:
		build_echo(ICMP_ECHO, 0, data, len);
		break;
	case IPPROTO_ICMPV6:
		build_echo(ICMP6_ECHO_REQUEST, pseudo_sum(packet, IPPROTO_ICMPV6, len), data, len);
		break;
	case IPPROTO_SCTP:
		build_sctp(packet, data);
		break;
	default:
		break;
	}
}

static void build_ipv4(const struct explain_packet *packet, uint8_t *data, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)len),
		.ttl = packet->ttl ? packet->ttl : EXPLAIN_TTL_DEFAULT,
		.protocol = packet->protocol,
		.saddr = packet->source.word[3],
		.daddr = packet->dest.word[3],
	};

	memcpy(data, &ip, sizeof(ip));
	ip.check = fold(sum_octets(0, data, sizeof(ip)));
	memcpy(data, &ip, sizeof(ip));
}

static void build_ipv6(const struct explain_packet *packet, uint8_t *data, size_t len)
{
	struct ip6_hdr ip = { 0 };

	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons((uint16_t)(len - sizeof(ip)));
	ip.ip6_hlim = packet->ttl ? packet->ttl : EXPLAIN_TTL_DEFAULT;
	ip.ip6_nxt = real_protocol(packet);
	ip.ip6_src = ip_addr_to_v6(&packet->source);
	ip.ip6_dst = ip_addr_to_v6(&packet->dest);
	memcpy(data, &ip, sizeof(ip));
}

int explain_packet_build(const struct explain_packet *packet, uint8_t *buf, size_t size)
{
	bool is_v4 = ip_addr_is_v4(&packet->dest);
	size_t ip_octets = is_v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	size_t len = ip_octets + transport_octets(real_protocol(packet));
	uint16_t ethertype = htons(is_v4 ? ETH_P_IP : ETH_P_IPV6);

	if (is_v4 != ip_addr_is_v4(&packet->source))
		return -EINVAL;
	if (packet->length > len)
		len = packet->length;
	if (len > EXPLAIN_PACKET_MAX || ETH_HLEN + len > size)
		return -EMSGSIZE;
	memset(buf, 0, ETH_HLEN + len);
	memcpy(buf, packet->dest_mac, ETH_ALEN);
	memcpy(buf + ETH_ALEN, packet->source_mac, ETH_ALEN);
	memcpy(buf + 2 * ETH_ALEN, &ethertype, sizeof(ethertype));
	if (is_v4)
		build_ipv4(packet, buf + ETH_HLEN, len);
	else
		build_ipv6(packet, buf + ETH_HLEN, len);
	build_transport(packet, buf + ETH_HLEN + ip_octets, len - ip_octets);
	return (int)(ETH_HLEN + len);
}
