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
	local mode=$1 status passed
	export KB_PROXY_MODE=$mode
	"$here/cluster.py" up >"$log.variables" 2>"$log.up"
	status=$?
	if [ "$status" != 0 ]; then
		tail -1 "$log.variables"
		[ "$status" = 77 ] && return 77
		tail -5 "$log.up"
	else
		"$here/cluster.py" e2e conformance "$focus" >"$log.txt" 2>"$log.e2e"
		passed=$(grep -c '^passed' "$log.txt")
		echo "$mode: $passed of $all passed"
		grep -v '^passed' "$log.txt" | sed "s/^/$mode: /"
		[ "$passed" = "$all" ] || status=1
	fi
	[ "${KEEP:-0}" = 1 ] || "$here/cluster.py" down 2>/dev/null
	return "$status"
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
