# SPDX-License-Identifier: Apache-2.0
"""The network tests import each other's helpers by file name."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pytest_hooks import *  # noqa: E402,F401,F403


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(request):
    return request.param
