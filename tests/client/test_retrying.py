"""What is tried again, and after how long."""

from __future__ import annotations

import pytest

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.client.retrying import pauses, worth_retrying
from grpcdoctor.client.status import Status


@pytest.mark.parametrize("code", range(17))
def test_of_all_statuses_only_unavailable_is_tried_again(code: int) -> None:
    assert worth_retrying(Status(code)) is (code == 14)


@pytest.mark.parametrize("stage", Stage)
def test_a_connection_is_tried_again_unless_the_peer_speaks_wrongly(stage: Stage) -> None:
    assert worth_retrying(ConnectError(stage, "why")) is (stage in (Stage.DNS, Stage.TCP, Stage.PROXY))


def test_pauses_double_up_to_five_seconds() -> None:
    found = list(pauses(10))
    for pause, wanted in zip(found, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0, 5.0], strict=True):
        assert wanted * 0.8 <= pause <= wanted * 1.2
