"""How a run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grpcdoctor.client.errors import ClientError
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers


class Outcome(NamedTuple):
    """`failure` is what went wrong on the way to the server or there; None where nothing did, or it was the user's.
    `metadata` was sent with the call of `method` that failed, `answer` are the headers and trailers that came."""

    code: int = 0
    failure: ClientError | Status | None = None
    metadata: Headers = ()
    answer: Headers = ()
    method: str | None = None
