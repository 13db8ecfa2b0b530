#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh COMMAND TARGET: what there is to do with a fuzz target, build/fuzz/TARGET
# (docs/testing.md).
#
#	replay    run each input of the kept corpus
#	fuzz      the same, then look for new ones for FUZZ_SECONDS (60)
#	coverage  line coverage by the kept corpus of what the target's head says it covers, in
#	          per cent; fails below COVERAGE_MIN (90)
#	merge     take what fuzz found and covers more into the kept corpus
#
# The kept corpus is tests/fuzz/corpus/NAME of target fuzz_NAME; a dictionary may stand beside it
# as NAME.dict. What fails is left as build/fuzz/crash/TARGET-*.
set -euo pipefail
cd "$(dirname "$0")/../.."
command=${1:-} target=${2:-}
name=${target#fuzz_}
program=build/fuzz/$target
corpus=tests/fuzz/corpus/$name
work=build/fuzz/work/$name
profile=build/fuzz/profile/$target
coverage_min=${COVERAGE_MIN:-90}

die() { echo "fuzz: $*" >&2; exit 1; }

[ -n "$target" ] || die "usage: run.sh replay|fuzz|coverage|merge TARGET"
[ -x "$program" ] || die "$program is missing: make $program"
ls "$corpus"/* >/dev/null 2>&1 || die "$corpus is empty: keep at least one input"
mkdir -p "$work" build/fuzz/crash "$(dirname "$profile")"
options=(-timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/crash/$target-")
if [ -e "tests/fuzz/$name.dict" ]; then options+=(-dict="tests/fuzz/$name.dict"); fi
export LLVM_PROFILE_FILE=$profile.profraw

replay() { "$program" "${options[@]}" -runs=0 "$corpus"; }

tool() { # llvm's tools carry a version in their name on some machines
	local found
	found=$(compgen -c "$1" | grep -xE "$1(-[0-9]+)?" | sort | head -n 1)
	[ -n "$found" ] || die "$1 is missing; tools/dev/packages.sh long installs it"
	echo "$found"
}

covers() { sed -n '1,40s/^ \* covers: *//p' "tests/fuzz/$target.c" | tr ' ' '\n' | grep . ; }

# Lines of one source, or of some of its functions, that ran: "COVERED ALL".
lines_run() { # SOURCE [FUNCTION...]
	local source=$1 cov
	shift
	cov=$(tool llvm-cov)
	if [ $# -eq 0 ]; then
		"$cov" report "$program" -instr-profile="$profile.profdata" "$source" |
			awk '$1 == "TOTAL" { print $8 - $9, $8 }'
		return
	fi
	"$cov" report "$program" -instr-profile="$profile.profdata" -show-functions "$source" |
		awk -v names="$*" '
			BEGIN { split(names, list, " "); for (i in list) want[list[i]] = 1 }
			{ sub(/^.*:/, "", $1) }
			$1 in want { all += $5; run += $5 - $6 } END { print run + 0, all + 0 }'
}

coverage() {
	local item source functions run all percent failed=0
	replay >/dev/null 2>&1 || die "$target: an input of the kept corpus fails"
	"$(tool llvm-profdata)" merge -sparse "$profile.profraw" -o "$profile.profdata"
	[ -n "$(covers)" ] || die "tests/fuzz/$target.c: its head names nothing under covers:"
	for source in $(covers | cut -d: -f1 | sort -u); do
		functions=()
		for item in $(covers); do
			case $item in "$source":*) functions+=("${item#*:}") ;; esac
		done
		read -r run all < <(lines_run "$source" "${functions[@]}")
		[ "${all:-0}" -gt 0 ] || die "$target: no coverage of $source"
		percent=$((run * 100 / all))
		echo "$target: $source: $percent % of $all lines"
		if [ "$percent" -lt "$coverage_min" ]; then
			echo "$target: $source: below $coverage_min %"
			failed=1
		fi
	done
	return $failed
}

case $command in
replay) replay ;;
fuzz)
	replay >/dev/null
	"$program" "${options[@]}" -max_total_time="${FUZZ_SECONDS:-60}" -print_final_stats=1 \
		"$work" "$corpus"
	;;
coverage) coverage ;;
merge) "$program" "${options[@]}" -merge=1 "$corpus" "$work" ;;
*) die "$command: no such command" ;;
esac
