"""(c) Connections and round trips of one full probe, counted by a relay between the probe and a real server.

Round trips are those of the critical path: the relay adds a delay to every byte, and what the probe takes longer is
counted in delays. TCP's own handshake does not pass the relay and is added.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from benchmarks.figures import Figure, run_alone
from benchmarks.servers import certificates, servers
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report
from grpcdoctor.model.target import parse_target

ONE_WAY_SECONDS = 0.1
CONNECTIONS = 4


def measure() -> list[Figure]:
    with certificates() as tls, servers(1, tls) as ports:
        options = ProbeOptions(use_proxy=False, cacert=str(tls.ca))
        near, _ = asyncio.run(_through_relay(ports[0], options, 0.0))
        far, connections = asyncio.run(_through_relay(ports[0], options, ONE_WAY_SECONDS))
        _, quick = asyncio.run(_through_relay(ports[0], replace(options, quick=True), 0.0))
    trips = (far.duration_ms - near.duration_ms) / (2 * ONE_WAY_SECONDS * 1000) + 1
    return [
        Figure("politeness: connections of a full probe", connections, "connections", at_most=CONNECTIONS),
        Figure("politeness: connections of probe --quick", quick, "connections"),
        Figure(
            "politeness: round trips of a full probe",
            trips,
            "round trips",
            note="critical path, with TCP and TLS",
        ),
    ]


async def _through_relay(port: int, options: ProbeOptions, delay: float) -> tuple[Report, int]:
    accepted = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, inner_writer, delay), _copy(inner_reader, writer, delay))
        except asyncio.CancelledError:
            pass  # the measurement is over; before Python 3.12 asyncio prints a traceback for a cancelled handler

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        relay: int = server.sockets[0].getsockname()[1]
        report = await diagnose(parse_target(f"127.0.0.1:{relay}"), options)
        await asyncio.sleep(2 * delay)
    if report.verdict is not Verdict.HEALTHY:
        raise SystemExit(f"the probe says {report.verdict.value}")
    return report, accepted


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data := await reader.read(65536):
            loop.call_later(delay, writer.write, data)
    except OSError:
        pass  # the probe has hung up
    loop.call_later(delay, writer.transport.abort)


if __name__ == "__main__":
    run_alone(measure)
