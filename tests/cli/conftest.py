# SPDX-License-Identifier: Apache-2.0
"""The command line is tested on the network tests' bed: nodes and pods as network namespaces."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "net"))

from pytest_hooks import *  # noqa: E402,F401,F403
