"""The lab's own tools."""

from __future__ import annotations

from tests.lab.processes import free_port


def test_no_port_is_given_twice() -> None:
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == len(ports)
