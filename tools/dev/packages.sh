#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh [SET...]: install what is missing of the Debian packages that the sets name
# (packages.txt: build, demo, test, bench, bgp, long; without any: build demo test). As root, or
# through sudo.
#
# No package gets to start or enable its daemon on this machine (bird2, containerd): while apt
# runs, /usr/sbin/policy-rc.d says no to every start, and units that an installation enabled for
# the next boot are disabled again. What was enabled before stays as it is. An existing policy-rc.d
# is never touched: where it allows starts, nothing is installed and a line says what to do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
policy=/usr/sbin/policy-rc.d
guard_mark='# guard of tools/dev/packages.sh'

die() { echo "packages: $*" >&2; exit 1; }

wanted() { # the packages of the sets, each once
	local set
	for set in "$@"; do
		grep -q "^$set " "$here/packages.txt" || die "$set: no such set in packages.txt"
		sed -n "s/^$set \\+//p" "$here/packages.txt"
	done | sort -u
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing() { # those of the arguments of which no alternative is installed
	local entry package
	for entry in "$@"; do
		for package in ${entry//|/ }; do
			if is_installed "$package"; then continue 2; fi
		done
		echo "$entry"
	done
}

choose() { # of each argument's alternatives the first that apt knows
	local entry package
	for entry in "$@"; do
		for package in ${entry//|/ }; do
			if apt-cache show "$package" >/dev/null 2>&1; then break; fi
			package=${entry%%|*}
		done
		echo "$package"
	done
}

enabled_units() { # links that make systemd start something
	find /etc/systemd/system /etc/systemd/user -type l -path '*.wants/*' 2>/dev/null | sort
}

remove_guard() {
	if [ -f "$policy" ] && grep -qF "$guard_mark" "$policy"; then rm -f "$policy"; fi
}

# A guard that a killed run left behind is ours, and is taken over.
place_guard() {
	remove_guard
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		"$policy" tortie-probe start >/dev/null 2>&1 || [ $? -ne 101 ] || return 0
		die "$policy exists and lets daemons start; install yourself: apt-get install $*"
	fi
	trap remove_guard EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	(set -C; printf '#!/bin/sh\n%s\nexit 101\n' "$guard_mark" >"$policy") ||
		die "$policy: cannot be written"
	chmod 0755 "$policy"
}

disable_new_units() { # those that are enabled now and were not in the file $1
	local link
	enabled_units | comm -13 "$1" - | while read -r link; do
		rm -f "$link"
		echo "packages: left disabled: ${link##*/}" \
			"(to use it: systemctl enable ${link##*/})"
	done
}

install_packages() {
	local before
	place_guard "$@"
	before=$(mktemp)
	enabled_units >"$before"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >/dev/null || echo "packages: apt-get update failed; trying as it is" >&2
	mapfile -t packages < <(choose "$@")
	set -- "${packages[@]}"
	echo "packages: installing $*"
	if ! apt-get install -y -q --no-install-recommends "$@" </dev/null >"$before.log" 2>&1; then
		disable_new_units "$before"
		tail -n 20 "$before.log" >&2
		rm -f "$before" "$before.log"
		die "apt-get install failed (above); install yourself: apt-get install $*"
	fi
	disable_new_units "$before"
	rm -f "$before" "$before.log"
}

[ $# -gt 0 ] || set -- build demo test
command -v apt-get >/dev/null || command -v dpkg-query >/dev/null ||
	die "no apt here; install what packages.txt names by hand"
list=$(wanted "$@") # on its own line: set -e sees its failure
# shellcheck disable=SC2086 # names of packages are words
mapfile -t packages < <(missing $list)
if [ "$(id -u)" -eq 0 ]; then
	exec 9>/run/lock/tortie-packages
	flock 9 # one at a time, so that a guard found here is a dead run's
	remove_guard
fi
[ "${#packages[@]}" -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null ||
		die "needs root to install ${packages[*]}: run as root, or install sudo"
	exec sudo -- "$0" "$@"
fi
install_packages "${packages[@]}"
