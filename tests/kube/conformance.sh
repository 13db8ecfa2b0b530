#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# conformance.sh [MODE...]: the sig-network conformance tests of Kubernetes itself, with kube-proxy
# in each of the modes (default: nftables iptables); a line for each mode and each failure.
#
# A cluster is made for it by cluster.py, whose variables hold; the tests' program is run by the
# maker's e2e.sh. Where no cluster can be made: exit status 77 with the reason. Exit status 1 when
# one of the tests failed or fewer ran than there are.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
focus='\[sig-network\].*\[Conformance\]'
all=45

one_mode() { # MODE: run, print, 1 on failure
	local mode=$1 status=0 maker results passed
	export KB_PROXY_MODE=$mode
	"$here/cluster.py" up >"$log.variables" 2>"$log.up" || {
		status=$?
		tail -1 "$log.variables"
		"$here/cluster.py" down 2>/dev/null
		[ "$status" = 77 ] || tail -5 "$log.up"
		return "$status"
	}
	maker=$("$here/cluster.py" maker)
	results=$("$here/cluster.py" folder)
	KB=$results KB_E2E_TIMEOUT=${KB_E2E_TIMEOUT:-2400} "$maker/e2e.sh" conformance "$focus" \
		>"$log.e2e" 2>&1
	cp "$results/e2e/conformance.log" "$log.log"
	passed=$(grep -c '^passed' "$results/e2e/conformance.txt")
	echo "$mode: $passed of $all passed"
	grep -v '^passed' "$results/e2e/conformance.txt" | sed "s/^/$mode: /"
	[ "${KEEP:-0}" = 1 ] || "$here/cluster.py" down 2>/dev/null
	[ "$passed" = "$all" ]
}

mkdir -p "$top/build/test-logs"
failed=0
for mode in "${@:-nftables iptables}"; do
	for each in $mode; do
		log=$top/build/test-logs/conformance-$each
		one_mode "$each"
		status=$?
		[ "$status" = 77 ] && exit 77
		[ "$status" = 0 ] || failed=1
	done
done
exit $failed
