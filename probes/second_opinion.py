"""second-opinion: what grpcio says to the same endpoint, in a child process that may die of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from time import monotonic
from typing import Any

from grpcdoctor import version
from grpcdoctor.model.facts.grpc import SecondOpinionFacts
from grpcdoctor.model.facts.reach import TcpFacts
from grpcdoctor.model.redact import redact_text
from grpcdoctor.wire.questions import HEALTH_CHECK, RESERVED
from grpcdoctor.wire.session import Measurement, Session

NAME = "second-opinion"

_QUESTION_SECONDS = 5.0
# Starting Python and importing grpc, on a slow machine.
_START_SECONDS = 5.0
# With less than this left of the target's time, the child would be killed while it still imports.
_LEAST_SECONDS = 1.0
_DETAILS_KEPT = 500
# Without the current folder on its path: a user's own grpc/ or json.py there must not run in place of ours.
_CHILD = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
sys.path.append(sys.argv[1])
from grpcdoctor.client.second_opinion import main
main()
"""
_PACKAGE_ROOT = str(Path(version.__file__).parents[1])


def wanted(session: Session) -> bool:
    return session.options.second_opinion is not False


def ready(session: Session) -> bool:
    """Where the user said so, or the checks have found trouble at a peer that accepts connections."""
    tcp = session.get(TcpFacts)
    asked = session.trouble
    return asked and tcp is not None and tcp.chosen is not None


async def run(session: Session) -> Measurement:
    if session.options.insecure and session.over_tls:
        return Measurement(error="grpcio cannot be told not to verify a certificate", skipped=True)
    if session.deadline.remaining < _LEAST_SECONDS:
        return Measurement(error="too little time was left to ask grpcio", skipped=True)
    # Never the user's own method: it was called once already, and a second time may not be harmless.
    method = HEALTH_CHECK
    started = monotonic()
    async with session.shared.second_opinions:
        answer, exit_code = await _ask_child(_question(session, method), session.deadline.remaining)
    duration_ms = (monotonic() - started) * 1000
    if answer is not None:
        details = redact_text(answer["details"], session.options.secrets)[:_DETAILS_KEPT]
        facts = SecondOpinionFacts(answer["client"], method, answer["code"], details, None, duration_ms)
        return Measurement(facts, None if answer["code"] == "OK" else f"{answer['code']}: {details}")
    died_of = -exit_code if exit_code is not None and exit_code < 0 else None
    facts = SecondOpinionFacts("grpcio", method, exit_signal=died_of, duration_ms=duration_ms)
    if died_of is None:
        return Measurement(facts, "the child process gave no answer", skipped=True)
    return Measurement(facts, f"grpcio died of {_signal_name(died_of)}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"


def _question(session: Session, method: str) -> dict[str, Any]:
    target, options = session.target, session.options
    endpoint = f"unix:{target.unix_path}" if target.unix_path is not None else session.dial_endpoint
    return {
        "endpoint": endpoint,
        "tls": target.tls,
        "authority": target.authority_header if target.authority or target.connect_to or target.unix_path else "",
        "server_name": target.verify_name if target.server_name or target.authority or target.connect_to else "",
        "cacert": options.cacert,
        "cert": options.cert,
        "key": options.key,
        "metadata": [(name, value) for name, value in options.headers if name not in RESERVED],
        "method": method,
        "timeout": min(_QUESTION_SECONDS, session.deadline.remaining),
        "use_proxy": session.proxy is not None,
    }


async def _ask_child(question: dict[str, Any], seconds_left: float) -> tuple[dict[str, str] | None, int | None]:
    """(its answer, its exit code); the child is killed if it takes too long."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _CHILD,
        _PACKAGE_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
    )
    try:
        deadline = min(_QUESTION_SECONDS + _START_SECONDS, seconds_left)
        output, _ = await asyncio.wait_for(child.communicate(json.dumps(question).encode()), deadline)
        return json.loads(output), child.returncode
    except (asyncio.TimeoutError, ValueError):
        return None, child.returncode
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
