"""The servers that all cases run against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential.setting import setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.differential.setting import Setting


@pytest.fixture(scope="session")
def differential_setting() -> Iterator[Setting]:
    with setting() as running:
        yield running
