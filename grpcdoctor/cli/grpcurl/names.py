"""What the program calls itself."""

from typing import Final

from grpcdoctor.version import __version__

PROGRAM: Final = "grpcdoctor grpcurl"
SAME_AS: Final = "1.9.4"
"""The grpcurl whose behaviour this has."""
VERSION: Final = f"{PROGRAM} {__version__} (as grpcurl {SAME_AS})"
USER_AGENT: Final = f"grpcdoctor/{__version__}"
