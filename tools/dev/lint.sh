#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh [CHECK...]: the style that a script can check, over all files of the project. Checks:
# format (clang-format), style (check_style.py), includes (check_includes.py), shell (shellcheck),
# python (compiles). Prints each breach; exit 1 when there is one.
# shellcheck disable=SC2317 # the checks are called by name
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

files() { # NAME-PATTERN...: files of the project, without what is generated
	local pattern args=()
	for pattern in "$@"; do args+=(-o -name "$pattern"); done
	find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune -o \
		-type f \( "${args[@]:1}" \) -print |
		sed 's|^\./||' | grep -vx 'vmlinux/vmlinux.h' | sort
}

shell_files() {
	files '*.sh'
	printf '%s\n' .ci/run deploy/bash-completion/tortie
}

need() {
	command -v "$1" >/dev/null || {
		echo "lint: $1 is missing; tools/dev/packages.sh test installs it" >&2
		exit 1
	}
}

check_format() {
	need clang-format
	files '*.c' '*.h' | xargs -r clang-format --dry-run --Werror 2>&1 |
		grep -E '^[^ ]+:[0-9]+:[0-9]+: error' | sed 's/ \[-W.*//'
	[ "${PIPESTATUS[1]}" -eq 0 ]
}

check_style() {
	{ files '*.c' '*.h' '*.py'; shell_files; } |
		xargs -r /usr/bin/python3 tools/dev/check_style.py
}

check_includes() {
	files '*.c' '*.h' | xargs -r /usr/bin/python3 tools/dev/check_includes.py
}

check_shell() {
	need shellcheck
	shell_files | xargs -r shellcheck --format=gcc
}

check_python() {
	files '*.py' | xargs -r /usr/bin/python3 -c '
import sys
bad = 0
for path in sys.argv[1:]:
    try:
        compile(open(path, encoding="utf-8").read(), path, "exec")
    except SyntaxError as error:
        print(f"{path}:{error.lineno}: {error.msg}")
        bad = 1
sys.exit(bad)'
}

[ $# -gt 0 ] || set -- format style includes shell python
failed=0
for check in "$@"; do
	if "check_$check"; then
		echo "lint: $check: ok"
	else
		echo "lint: $check: breaches (above)"
		failed=1
	fi
done
exit $failed
