"""The live line on stderr while probes run: how many are done, and for how long it has been going.

rich's live display cannot share a terminal with results that go to another stream: it would overwrite them.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from grpcdoctor.cli.terminal import is_terminal, style_of
from grpcdoctor.report.layout import clip

_EVERY_SECONDS: Final = 0.2
# A run that is over sooner shows nothing: a line that flashes is noise.
_SILENT_SECONDS: Final = 0.5
_CLEAR_LINE: Final = "\r\x1b[K"


@dataclass
class Status:
    """Quiet unless stderr is a terminal."""

    what: str
    total: int = 1
    enabled: bool = True
    doing: str = "probing"
    done: int = 0
    trouble: int = 0
    _shown: bool = False
    _start: float = field(default_factory=time.monotonic)

    def clear(self) -> None:
        """Make room for a line of results."""
        if self._shown:
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
            self._shown = False

    def show(self) -> None:
        elapsed = time.monotonic() - self._start
        if elapsed < _SILENT_SECONDS:
            return
        style = style_of(sys.stderr)
        sys.stderr.write(_CLEAR_LINE + clip(self.text(elapsed), style.width - 1, style))
        sys.stderr.flush()
        self._shown = True

    def text(self, elapsed: float) -> str:
        if self.total == 1:
            return f"{self.doing} {self.what} … {elapsed:.0f} s"
        trouble = f", {self.trouble} not healthy" if self.trouble else ""
        return f"{self.done} of {self.total} done{trouble} … {elapsed:.0f} s"

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Refresh the line until the block ends."""
        if not (self.enabled and is_terminal(sys.stderr)):
            yield
            return
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            self.clear()

    async def _tick(self) -> None:
        while True:
            self.show()
            await asyncio.sleep(_EVERY_SECONDS)
