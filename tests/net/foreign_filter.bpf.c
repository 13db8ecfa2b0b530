/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
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

__attribute__((section("license"), used)) static const char our_license[] = "Dual BSD/GPL";
