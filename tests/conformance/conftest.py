"""GP's own file is collected only where torch is: in the image that has it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore = [] if find_spec("torch") else ["test_gp.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torch: needs torch")
