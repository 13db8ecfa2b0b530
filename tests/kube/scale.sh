#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scale.sh [PYTEST-WORD...]: test_scale.py on a cluster with the reference plugins, then on one with
# tortie, so that the times of ADD are compared in the same set-up and run.
#
# Settings as in cluster.py. Exit status 77: no cluster can be made, the last line says why. Else
# that of the first run that failed, and 1 without the reference's times: nothing could be compared.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
test=(/usr/bin/python3 -m pytest -q -p no:cacheprovider "$here/test_scale.py")

logs="$here/../../build/test-logs"
rm -f "$logs"/kube-add-*.json
KB_CNI=ref "$here/cluster.py" run "${test[@]}" -k hundred || exit $?
if ! [ -e "$logs/kube-add-reference.json" ]; then
	echo "scale.sh: the times of the reference plugins were not taken: its test was skipped" >&2
	exit 1
fi
exec "$here/cluster.py" run "${test[@]}" "$@"
