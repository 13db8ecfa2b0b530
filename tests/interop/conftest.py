# SPDX-License-Identifier: Apache-2.0
"""The interop tests use the network tests' harness."""
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
sys.path.insert(0, str(HERE))

from pytest_hooks import *  # noqa: E402,F401,F403
