"""Whether generated inputs are the same for everybody, or made up anew to search for what nobody has met."""

from __future__ import annotations

import os
from typing import Final

SEARCHES_ANEW: Final = os.environ.get("SEARCH_ANEW") == "1"
