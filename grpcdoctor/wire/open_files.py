"""How much may be asked at once without running out of file descriptors."""

from __future__ import annotations

import resource
from typing import Final

# A target opens at most four connections at once; the rest of the process needs some descriptors too.
_DESCRIPTORS_A_TARGET: Final = 4
_DESCRIPTORS_KEPT: Final = 64
_NO_LIMIT: Final = 10_000


def affordable_concurrency() -> int:
    """How many targets the limit on open files allows at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _NO_LIMIT
    return max(1, (soft - _DESCRIPTORS_KEPT) // _DESCRIPTORS_A_TARGET)
