"""The environment of a command line under test, as for the other commands."""

from tests.cli.conftest import env

__all__ = ["env"]
