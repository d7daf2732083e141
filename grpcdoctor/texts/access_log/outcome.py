"""Whose word the end of a request was: nobody's fault, the client's, the application's or the proxy's."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from grpcdoctor.texts.access_log.entry import Entry


class Outcome(str, Enum):
    """What became of a request."""

    OK = "ok"
    CLIENT_LEFT = "client-left"
    """The client cancelled, closed or gave up waiting. No fault by itself; too short a deadline looks the same."""
    APPLICATION = "application-error"
    """The upstream answered, and its answer was an error."""
    PROXY = "proxy-fault"
    """The proxy answered in the upstream's place, or cut the request."""


_CLIENT_FLAGS: Final = frozenset({"DC", "DR"})
# RFCF: from the cache. DI: a delay was injected, and the request went on.
_HARMLESS_FLAGS: Final = frozenset({"RFCF", "DI"})
_CLIENT_CODES: Final = frozenset({499, 460})  # nginx and Envoy; AWS' load balancer
_CLIENT_DETAILS: Final = re.compile(r"downstream_remote_disconnect|http[23]\.remote_re(?:set|fuse)|client_disconnected")
_UPSTREAM_DETAILS: Final = re.compile(r"via_upstream|response_from_cache|internal_redirect")
# Answers of the proxy's own that refuse; they come with no flag, and with 200 where the request was gRPC.
_REFUSALS: Final = re.compile(
    r"rbac_access_denied|jwt_authn_access_denied|ext_authz_|.*rate_limited|route_not_found|cluster_not_found|"
    r"no_healthy_upstream|maintenance_mode|fault_filter_abort|upstream_reset_|.*_timeout\b|overload|"
    r"filter_chain_not_found|http[123]\.(?!remote)|.*_duration_reached|(?:request|response)_payload_"
)
# HAProxy configuration manual §8.5: first letter who, second letter in which state.
_HAPROXY_CLIENT: Final = frozenset("Cc")
_HAPROXY_PROXY: Final = frozenset("SsPRIDUK")
_NO_ANSWER: Final = frozenset({502, 504})
_GATEWAY_CODES: Final = frozenset({502, 503, 504})


def outcome_of(entry: Entry) -> Outcome:
    """The outcome of one request, by what its line says."""
    if entry.source == "haproxy":
        return _haproxy(entry)
    strong = set(entry.flags) - _HARMLESS_FLAGS
    if strong:
        return Outcome.CLIENT_LEFT if strong <= _CLIENT_FLAGS else Outcome.PROXY
    if entry.response_code in _CLIENT_CODES or _CLIENT_DETAILS.match(entry.code_details):
        return Outcome.CLIENT_LEFT
    if _REFUSALS.match(entry.code_details):
        return Outcome.PROXY
    if not entry.grpc_status and (entry.response_code or 0) < 400:
        return Outcome.OK
    return _whose_error(entry)


def _whose_error(entry: Entry) -> Outcome:
    """An error without a flag: the upstream's where the line says so, and where a gateway would not make it."""
    if _UPSTREAM_DETAILS.match(entry.code_details):
        return Outcome.APPLICATION
    if entry.code_details:
        return Outcome.PROXY
    if entry.upstream_code:
        # nginx writes 502 and 504 as the upstream's status too where the upstream gave no answer at all.
        own = entry.source == "ingress-nginx" and entry.upstream_code in _NO_ANSWER
        same = entry.upstream_code == entry.response_code
        return Outcome.APPLICATION if same and not own else Outcome.PROXY
    return Outcome.PROXY if entry.response_code in _GATEWAY_CODES else Outcome.APPLICATION


def _haproxy(entry: Entry) -> Outcome:
    who = entry.code_details[:1]
    if who in _HAPROXY_CLIENT and who:
        return Outcome.CLIENT_LEFT
    if who in _HAPROXY_PROXY and who:
        return Outcome.PROXY
    return Outcome.APPLICATION if (entry.response_code or 0) >= 400 else Outcome.OK
