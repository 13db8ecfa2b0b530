# SPDX-License-Identifier: Apache-2.0
"""The image and the manifests: marks and rights as in the network tests."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "net"))

from pytest_hooks import *  # noqa: E402,F401,F403
