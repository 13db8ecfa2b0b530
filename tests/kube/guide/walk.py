#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""walk.py: walk through the user's guide on the cluster of KUBECONFIG, a line for each row.

pass      the step works here
fail      it does not, and why
skip      it needs something that is not there (the environment variables of kube.py)
later     not in this version

Exit status 1 when a row failed. The questions of the guide's FAQ are tests/kube/test_faq.py.
"""
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

import kube  # noqa: E402
import rows  # noqa: E402


def walk(bed):
    """Print each row's outcome; how many failed."""
    failed = 0
    for row in rows.ROWS:
        if row.later:
            print(f"later  {row.words}: not in this version")
            continue
        try:
            row.check(bed)
            print(f"pass   {row.words}", flush=True)
        except Exception as error:  # whatever a row raises is its failure
            print(f"fail   {row.words}: {error}", flush=True)
            failed += 1
        except BaseException as error:
            if rows.skip_reason(error) is None:
                raise
            print(f"skip   {row.words}: {error}", flush=True)
    return failed


def main():
    if not kube.HAVE_CLUSTER:
        print("needs a cluster: KUBECONFIG is not set")
        return 77
    bed = rows.Bed()
    try:
        return 1 if walk(bed) else 0
    finally:
        bed.remove()


if __name__ == "__main__":
    sys.exit(main())
