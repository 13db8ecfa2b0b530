/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign_filter.bpf.c: a stranger's tc program that accepts every packet (TC_ACT_OK), as one that
 * stands in front of ours and hides it, or behind ours and never sees a packet.
 */
#define TC_ACT_OK 0

struct __sk_buff;

int foreign_pass(struct __sk_buff *skb);

__attribute__((section("tc"), used)) int foreign_pass(struct __sk_buff *skb)
{
	return TC_ACT_OK;
}

__attribute__((section("license"), used)) static const char our_license[] = "Apache-2.0";
