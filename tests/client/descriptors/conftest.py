"""The kitchen's servers, once for all tests of a folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.kitchen_sink import Kitchen, kitchen


@pytest.fixture(scope="package")
def lab() -> Iterator[Kitchen]:
    with kitchen() as running:
        yield running
