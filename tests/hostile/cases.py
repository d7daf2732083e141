"""How many cases are generated, where, and the proof that they ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.search import SEARCHES_ANEW

# Together at least 20,000 (tests/hostile/test_generated.py holds the sum to it).
CASES: Final = {
    "bytes of a healthy server, mutated": 7000,
    "frames of a healthy server, mutated and reordered": 5000,
    "random frames": 3000,
    "headers of any content": 1500,
    "mutated frames, judged and rendered": 1500,
    "random TLS records": 1500,
    "a live TLS server's flight, mutated": 1000,
    "certificates, mutated": 2000,
    "HTTP/1.1 answers, mutated": 1500,
    "random first bytes": 1000,
    "protobuf messages, mutated": 2000,
    "saved runs, mutated": 600,
}


def run_cases(name: str, strategy: st.SearchStrategy[Any], body: Callable[[Any], None]) -> None:
    """Runs `body` on CASES[name] generated values, and asserts that it really did."""
    wanted, ran = CASES[name], 0

    @settings(
        max_examples=wanted,
        deadline=None,
        database=None,
        derandomize=not SEARCHES_ANEW,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def case(value: Any) -> None:
        nonlocal ran
        ran += 1
        body(value)

    case()
    print(f"{name}: {ran} cases")
    assert ran >= wanted
