#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install_hook.sh: what the cluster's maker runs once when its nodes are registered (KB_CNI): the
# image onto each node, then the manifest, as a user does it. Settings: cluster.py.
# The maker's nodes have folders of their own for what other pod networks use; ours get them here.
# A mount goes when somebody removes the folder under it, so that one is never empty (cluster.py).
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck disable=SC1091 # the maker's own
. "$TORTIE_KUBE_MAKER/env.sh"

for i in $(seq 1 "$KB_NODES"); do
	own=$KB/n$i/own
	if ! in_node "$i" mountpoint -q /var/lib/tortie; then
		mkdir -p /var/lib/tortie "$own/state" "$own/opt/cni" "$own/opt/tortie"
		touch /var/lib/tortie/.mounted
		in_node "$i" mount --bind "$own/state" /var/lib/tortie
		in_node "$i" mount --bind "$own/opt" /opt
		in_node "$i" mount --bind "$KB/n$i/opt-cni" /opt/cni
	fi
	for image in $TORTIE_KUBE_IMAGES; do
		in_node "$i" "$KB_CRI_BIN/ctr" -a /run/containerd/containerd.sock -n k8s.io \
			images import "$image" >/dev/null
	done
done
# The control plane is no node here, but what the API server proxies goes to pods: static routes.
for i in $(seq 1 "$KB_NODES"); do
	until cidrs=$(k get node "n$i" -o jsonpath='{.spec.podCIDRs[*]}') && [ -n "$cidrs" ]; do
		sleep 0.2
	done
	for cidr in $cidrs; do
		case $cidr in *:*) via=$KB_LAN6:1$i ;; *) via=$KB_LAN.1$i ;; esac
		in_m ip route replace "$cidr" via "$via"
	done
done
[ "${TORTIE_KUBE_APPLY:-1}" = 0 ] || k apply -f "$top/deploy/kubernetes/tortie.yaml"
