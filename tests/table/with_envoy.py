"""Probes a lab server with an Envoy's admin API beside it, and shows what a failed row says."""

from __future__ import annotations

import asyncio
from typing import Any

from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.diagnosis.envoy_hearing import AskedEnvoy
from grpcdoctor.envoy.admin import connect_to
from grpcdoctor.model.facts.envoy import EnvoyFacts
from grpcdoctor.model.finding import Source
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.model.target import parse_target
from tests.lab.certificates import lab_certificates
from tests.lab.envoy import Envoy
from tests.table.diagnose import LOOPBACK, told


def asked(envoy: Envoy) -> AskedEnvoy:
    address = f"{LOOPBACK}:{envoy.admin_port}"
    connect, host = connect_to(address)
    return AskedEnvoy(address, connect, host)


def diagnose_with_envoy(envoy: Envoy, scenario: str, *, port: int | None = None, **options: Any) -> Report:
    """The report on a listener of the lab's Envoy, with that Envoy's own word."""
    tls = envoy.tls(scenario)
    options.setdefault("cacert", str(lab_certificates().ca) if tls else None)
    options.setdefault("timeout", 8.0)
    options.setdefault("second_opinion", False)
    target = parse_target(f"{'grpcs' if tls else 'grpc'}://{LOOPBACK}:{port or envoy.port(scenario)}")
    return asyncio.run(diagnose(target, ProbeOptions(**options), envoy=asked(envoy)))


def facts_of(report: Report) -> EnvoyFacts:
    facts = Observations(report.observations).get(EnvoyFacts)
    assert facts is not None, told(report)
    return facts


def envoy_says(cause: Cause) -> str:
    """All that Envoy gave as evidence."""
    return "\n".join(item.detail for item in cause.evidence if item.source is Source.ENVOY)
