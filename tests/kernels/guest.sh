#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The first and only program in the emulated machine (see boot.sh): two nodes as network namespaces,
# joined by a veth pair, each with its tortied (with the capabilities of its systemd unit, not all
# of root's) and tortie-bgpd; pods plugged in by the CNI plugin; packets on one node and across
# two, IPv4 and IPv6.
#
#   [a 10.244.1.x]-\                                            /-[c 10.244.2.x]
#                  (n1 192.168.100.1)====up0====(n2 192.168.100.2)
#   [b 10.244.1.y]-/
#
export PATH=/bin
/bin/busybox --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /run
mount -t tmpfs tmp /tmp
mount -t devtmpfs dev /dev 2>/dev/null
mount -t bpf bpf /sys/fs/bpf
mkdir -p /run/netns /etc
echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
echo 'root:x:0:' >/etc/group

say() {
	echo "guest: $*"
}

fail() {
	say "FAILED: $*"
	for log in /tmp/n1.log /tmp/n2.log /tmp/n1.bgp.log /tmp/n2.bgp.log; do
		echo "--- $log"
		tail -n 60 "$log" 2>/dev/null
	done
	dmesg | tail -n 5
	poweroff -f
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
	limit=$1
	what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		limit=$((limit - 1))
		[ "$limit" -gt 0 ] || fail "$what"
		sleep 1
	done
}

# Node 2 has programs without kube-proxy beside us: this kernel must take both kinds. Node 1 reaches
# the other's IPv4 pods by two next hops, one of them of IPv6.
config() {
	local beside=beside
	if [ "$1" = 2 ]; then beside=none; fi
	if [ "$1" = 1 ]; then
		routes='routes: [{prefix: 10.244.2.0/24, via: [192.168.100.2, "fd00:100::2"]}]'
	else
		routes=
	fi
	mkdir -p "/tmp/cni$1"
	cat >"/tmp/n$1.yaml" <<END
log_level: debug
kube_proxy: $beside
node:
  name: n$1
  addresses: [192.168.100.$1, "fd00:100::$1"]
  uplinks: [up0]
pools:
  - name: default-ipv4-ippool
    cidr: 10.244.0.0/16
    blocks: [10.244.$1.0/24]
  - name: default-ipv6-ippool
    cidr: fd00:244::/48
    blocks: ["fd00:244:0:$1::/64"]
$routes
cni:
  dir: /tmp/cni$1
bgp:
  as: 64512
  mesh: [192.168.100.1, 192.168.100.2]
END
}

start_node() {
	nsenter_net "n$1" setpriv --bounding-set -all,+bpf,+net_admin,+perfmon,+net_bind_service \
		--inh-caps -all /bin/tortied -c "/tmp/n$1.yaml" --run-dir "/run/n$1" \
		--bpf-dir "/tmp/bpf/n$1" >"/tmp/n$1.log" 2>&1 &
	nsenter_net "n$1" /bin/tortie-bgpd -c "/tmp/n$1.yaml" --run-dir "/run/n$1" \
		>"/tmp/n$1.bgp.log" 2>&1 &
}

# Enter only the network namespace: `ip netns exec` would hide /sys/fs/bpf behind a fresh /sys.
nsenter_net() {
	name=$1
	shift
	nsenter --net="/run/netns/$name" "$@"
}

cni() {
	verb=$1 node=$2 pod=$3
	printf '{"cniVersion":"1.0.0","name":"tortie","type":"tortie-cni","runDir":"%s"}' \
		"/run/n$node" |
		CNI_COMMAND=$verb CNI_CONTAINERID="pod-$pod" CNI_NETNS="/run/netns/$pod" \
			CNI_IFNAME=eth0 CNI_PATH=/bin nsenter_net "n$node" /bin/tortie-cni
}

address() {
	ip -n "$1" -o "$2" addr show dev eth0 scope global | awk '{print $4}' | cut -d/ -f1
}

# A stream of known octets both ways for two seconds; both ends must have met its end, undamaged.
tcp_works() {
	nsenter_net "$2" tcp_verify listen "$3" 7000 0 2 >/tmp/listen.json 2>&1 &
	server=$!
	wait_for 20 "no listener in $2" \
		bash -c "nsenter --net=/run/netns/$2 netstat -ltn | grep -q :7000"
	nsenter_net "$1" tcp_verify connect "$3" 7000 0 2 >/tmp/connect.json 2>&1 ||
		fail "TCP: $(cat /tmp/connect.json)"
	wait "$server" || fail "TCP: $(cat /tmp/listen.json)"
	for end in listen connect; do
		for word in '"alive": *true' '"mismatches\?[a-z_]*": *0[,}]'; do
			grep -q "$word" "/tmp/$end.json" ||
				fail "TCP $1 $2: $(cat "/tmp/$end.json")"
		done
	done
}

# The packet tables on this kernel: they say how the programs differ here, when they do.
packet_tables_hold() {
	ln -sf bash /bin/sh # busybox's sh would take its own ip for the real one
	for table in test_packets test_random test_wire test_decisions test_stack_flows \
		test_hop_group; do
		"$table" >"/tmp/$table.log" 2>&1 ||
			fail "$table: exit $?: $(tail -n 20 "/tmp/$table.log")"
		say "$table: $(grep -c ' OK ' "/tmp/$table.log") tests passed"
	done
}

# A kernel of which nobody recorded a line says what to record, and ends with 77.
verifier_budget_holds() {
	cd / || fail "no /"
	test_budget >/tmp/test_budget.log 2>&1
	case $? in
	0) say "test_budget: passed" ;;
	77) say "test_budget: skipped: $(head -n 1 /tmp/test_budget.log)" ;;
	*) fail "test_budget: $(tail -n 20 /tmp/test_budget.log)" ;;
	esac
}

# What docs/ promise of kernels without tcx (6.6) and without BIG TCP for IPv4 (6.3).
status_names_what_is_in_force() {
	local hook=tcx big='BIG TCP'
	case $(uname -r) in
	6.[0-5].*) hook=clsact ;;
	esac
	case $(uname -r) in
	6.[0-2].*) big='BIG TCP .*IPv4 off' ;;
	esac
	tortie --run-dir /run/n1 status >/tmp/status.txt
	sed 's/^/guest: /' /tmp/status.txt
	grep -q "uplink hook *$hook" /tmp/status.txt || fail "status: uplink hook is not $hook"
	grep -q "$big" /tmp/status.txt || fail "status: not $big"
}

pair_talks() {
	for family in -4 -6; do
		to=$(address "$2" "$family")
		[ -n "$to" ] || fail "pod $2 has no address ($family)"
		wait_for 20 "ping $family from $1 to $2 ($to)" \
			nsenter_net "$1" ping "$family" -c 3 -W 2 "$to"
		say "$1 -> $2 $to: ping"
	done
	for family in -4 -6; do
		tcp_works "$1" "$2" "$(address "$2" "$family")"
		say "$1 -> $2: TCP ($family): $(tail -n 1 /tmp/connect.json)"
	done
}

# One packet from a pod whose ADD has just answered, which nobody repeats: to a pod of
# the node, to the node, to another node's pod. Before 6.8 the kernel does not activate a link when
# asked, so ADD has to wait for it.
first_packets_arrive() {
	local number target pod
	for number in $(seq 1 "$1"); do
		for target in "$(address b -4)" "$(address b -6)" 192.168.100.1 fd00:100::1 \
			"$(address c -4)" "$(address c -6)"; do
			pod="new$number-${target//[.:]/-}"
			ip netns add "$pod" || fail "namespace $pod"
			cni ADD 1 "$pod" >/tmp/new.json || fail "ADD $pod: $(cat /tmp/new.json)"
			nsenter_net "$pod" ping -c 1 -W 10 "$target" >/tmp/ping 2>&1 ||
				fail "the first packet of $pod to $target: $(cat /tmp/ping)"
			cni DEL 1 "$pod" || fail "DEL $pod"
			ip netns del "$pod"
		done
	done
	say "first packets of $(($1 * 6)) new pods arrived"
}

# The kernel's group has both; it loses them with the link, and gets them back.
several_hops_are_followed() {
	both() {
		route=$(ip -n n1 route show 10.244.2.0/24)
		[[ $route == *nhid* && $route == *"via 192.168.100.2 "* &&
			$route == *"via inet6 fd00:100::2 "* ]]
	}
	wait_for 20 "both next hops: $(ip -n n1 route show)" both
	ip -n n1 link set up0 down
	wait_for 20 "no next hop of a link that is down" \
		bash -c "! ip -n n1 route show 10.244.2.0/24 | grep -q via"
	ip -n n1 link set up0 up
	ip -n n1 addr replace "fd00:100::1/64" dev up0 nodad # went with the link
	wait_for 20 "both next hops again: $(ip -n n1 route show)" both
	tortie --run-dir /run/n1 get route | sed 's/^/guest: /'
}

say "kernel $(uname -r)"
while read -r module; do
	insmod "/modules/$module" 2>/dev/null # some have no hardware here
done </modules/order
packet_tables_hold
verifier_budget_holds
mkdir -p /tmp/bpf
mount -t bpf bpf /tmp/bpf
ip link set lo up
for name in n1 n2 a b c; do
	ip netns add "$name" || fail "namespace $name"
	ip -n "$name" link set lo up
done
ip link add up0 netns n1 type veth peer name up0 netns n2 || fail "veth"
for node in 1 2; do
	ip -n "n$node" addr add "192.168.100.$node/24" dev up0
	ip -n "n$node" addr add "fd00:100::$node/64" dev up0 nodad
	ip -n "n$node" link set up0 up
	config "$node"
	start_node "$node"
done
for node in 1 2; do
	wait_for 20 "tortied of n$node is not ready" test -e "/run/n$node/ready"
	say "n$node: tortied is ready"
done
cni ADD 1 a >/tmp/a.json || fail "ADD a: $(cat /tmp/a.json)"
cni ADD 1 b >/tmp/b.json || fail "ADD b: $(cat /tmp/b.json)"
cni ADD 2 c >/tmp/c.json || fail "ADD c: $(cat /tmp/c.json)"
say "three pods plugged in"
cni STATUS 1 a >/dev/null || true
pair_talks a b
for node in 1 2; do
	wait_for 60 "n$node learns no route by BGP" \
		bash -c "ip -n n$node route show proto 116 | grep -q via"
done
pair_talks a c
pair_talks c b
first_packets_arrive 5
several_hops_are_followed
pair_talks a c
status_names_what_is_in_force
tortie --run-dir /run/n1 counters | sed 's/^/guest: /'
tortie --run-dir /run/n1 explain pod-a "$(address c -4)":80/tcp | sed 's/^/guest: /'
cni DEL 1 a || fail "DEL a"
wait_for 10 "the link of a is still there" bash -c "! ip -n a link show eth0"
say passed
poweroff -f
