# SPDX-License-Identifier: Apache-2.0
"""The walk through the user's guide (tests/kube/guide), each row a test."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "guide"))

import rows  # noqa: E402


@pytest.fixture(scope="module")
def bed():
    made = rows.Bed()
    yield made
    made.remove()


@pytest.mark.parametrize("row", [row for row in rows.ROWS if not row.later],
                         ids=lambda row: row.name)
def test_row(bed, row):
    row.check(bed)
