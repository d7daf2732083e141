"""Each of the servers, for all tests of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.interop.peers import ALL, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.interop.peers import Peer


@pytest.fixture(scope="module", params=ALL)
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with serving(request.param, tmp_path_factory.mktemp("interop")) as running:
        yield running
