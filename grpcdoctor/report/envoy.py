"""The text of an Envoy: findings first, what it refuses or fails, what listens, what is spoken upstream and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from grpcdoctor.model.envoy import EnvoyView, ShownCertificate, ShownCluster, ShownListener
from grpcdoctor.model.report import Cause, Report
from grpcdoctor.report import clean
from grpcdoctor.report.envoy_details import in_words, listener_details, routes_details
from grpcdoctor.report.envoy_request import request_block
from grpcdoctor.report.inspection import causes_blocks, counts, notes_block, unseen_block
from grpcdoctor.report.layout import NO_BREAK, Page, Span, cells, clip
from grpcdoctor.report.marks import ROLE_OF_SEVERITY, ROLE_OF_VERDICT, mark_of
from grpcdoctor.report.style import Style

_LISTENERS_AT_ONCE: Final = 10
_CLUSTERS_AT_ONCE: Final = 12
_FAILING_AT_ONCE: Final = 6
_COUNTERS_AT_ONCE: Final = 3
_CERTIFICATES_AT_ONCE: Final = 2
_ENDPOINTS_AT_ONCE: Final = 3
_GROUP_INDENT: Final = 4
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def render_envoy(report: Report, view: EnvoyView, style: Style) -> str:
    """The whole page; with a request only what concerns it."""
    page = Page(style)
    _header(page, report, view)
    if view.request is not None:
        request_block(page, view.request)
    if view.request is not None and not style.verbose:
        _also(page, report)
    else:
        causes_blocks(page, report)
        _failing(page, view)
        _listening(page, view)
        _upstream(page, view)
        _certificates(page, view)
        if _in_full(page, view):
            routes_details(page, view.routes)
    aside = view.request is not None and not style.verbose
    unseen_block(page, [spot for spot in report.blind_spots if spot.blocks_verdict or not aside])
    notes_block(page, report)
    if report.causes:
        page.blank()
        page.prose("More", f"grpcdoctor rule {report.causes[0].name}")
    return page.text()


def _also(page: Page, report: Report) -> None:
    """The causes, a line or two each: the request was what was asked for."""
    if report.causes:
        page.blank()
    page.listed("Also", map(_in_a_line, report.causes))


def _in_a_line(cause: Cause) -> list[Span]:
    return [
        (f"{cause.severity.value}: ", ROLE_OF_SEVERITY[cause.severity]),
        (clean.line(cause.title), ""),
        (f" ({cause.code} {cause.name})", "dim"),
    ]


def _in_full(page: Page, view: EnvoyView) -> bool:
    return page.style.verbose or view.shown == "named"


def _header(page: Page, report: Report, view: EnvoyView) -> None:
    style, role = page.style, ROLE_OF_VERDICT[report.verdict]
    verdict = report.verdict.value.upper()
    stopped = view.request is not None and view.request.symptom
    right = view.request.outcome if stopped and view.request is not None else counts(report)
    mark = mark_of(report.verdict, style)
    room = style.width - cells(verdict) - cells(right) - cells(mark) - 6
    left: list[Span] = [(mark, role), (" ", ""), (clip(report.name, max(room, 12), style), "strong"),
                        ("  ", ""), (verdict, role)]  # fmt: skip
    page.heading(left, right)
    page.prose("", [(" · ".join(_about(view)), "dim")], indent=2)


def _about(view: EnvoyView) -> Iterable[str]:
    """`Envoy 1.40.0, live for 3 h · Istio sidecar 1.30 · 4 listeners, 17 clusters`."""
    state = f", {view.state.lower()}" if view.state else ""
    up = f" for {_time(view.uptime_seconds)}" if view.uptime_seconds is not None and view.state == "LIVE" else ""
    yield f"Envoy {view.version or 'of unknown version'}{state}{up}"
    if view.istio_version or view.role:
        yield f"Istio {view.istio_version} {view.role}".replace("  ", " ").strip()
    if view.node:
        yield clean.line(view.node)
    if view.control_plane is False:
        yield "not connected to its control plane"
    if view.shown != "named":
        yield f"{_number(len(view.listeners), 'listener')}, {_number(len(view.clusters), 'cluster')}"


def _time(seconds: float) -> str:
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds:.0f} s"


def _failing(page: Page, view: EnvoyView) -> None:
    """Counters that say that something was refused or failed, and endpoints that are not healthy."""
    failing = [cluster for cluster in view.clusters if cluster.counted or _sick(cluster)]
    if not failing:
        return
    page.blank()
    page.line(("Refused or failing, by its counters", "strong"))
    shown = failing if page.style.verbose or view.shown == "all" else failing[:_FAILING_AT_ONCE]
    for cluster in shown:
        said = [f"{item.value:,} {item.words}" for item in cluster.counted]
        more = len(said) - _COUNTERS_AT_ONCE
        if more > 0 and not page.style.verbose:
            said = [*said[:_COUNTERS_AT_ONCE], f"+{more} more"]
        said += _sick(cluster)
        page.prose("", [(clean.line(cluster.name), "code"), (f": {' · '.join(map(_together, said))}", "")], indent=2)
    _rest(page, len(failing) - len(shown), "cluster")


def _sick(cluster: ShownCluster) -> list[str]:
    """`10.0.0.1:80: ejected by outlier detection`."""
    sick = [item for item in cluster.endpoints if not item.healthy]
    said = [f"{item.address}: {', '.join(item.ailments)}" for item in sick[:_ENDPOINTS_AT_ONCE]]
    return [*said, f"+{len(sick) - len(said)} more"] if len(sick) > len(said) else said


def _listening(page: Page, view: EnvoyView) -> None:
    if not view.listeners:
        return
    page.blank()
    page.line(("Listens", "strong"))
    if _in_full(page, view):
        for listener in view.listeners:
            listener_details(page, listener)
        return
    shown = view.listeners if view.shown == "all" else view.listeners[:_LISTENERS_AT_ONCE]
    groups: dict[str, list[ShownListener]] = {}
    for listener in shown:
        groups.setdefault(_speaks(listener), []).append(listener)
    for speaks, listeners in groups.items():
        names = [f"{clean.line(item.name)} {item.address}{_state(item)}" for item in listeners]
        _group(page, speaks, names)
    _rest(page, len(view.listeners) - len(shown), "listener", "--listener NAME")


def _speaks(listener: ShownListener) -> str:
    """Of several chains all that they speak."""
    spoken = dict.fromkeys(chain.speaks for chain in listener.chains)
    return "; ".join(spoken) or "no filter chain"


def _state(listener: ShownListener) -> str:
    return f" ({listener.state})" if listener.state in ("warming", "draining") else ""


def _upstream(page: Page, view: EnvoyView) -> None:
    """Clusters that speak alike stand together: HTTP version, TLS, and the field that decided."""
    if not view.clusters:
        return
    page.blank()
    page.prose("", [("Speaks upstream", "strong"), (" (healthy endpoints/all)", "dim")], indent=0)
    if _in_full(page, view):
        for cluster in view.clusters:
            _cluster_details(page, cluster)
        return
    ordered = sorted(view.clusters, key=lambda item: (not _sick(item) and not item.counted, not item.used))
    shown = ordered if view.shown == "all" else ordered[:_CLUSTERS_AT_ONCE]
    groups: dict[tuple[str, str, bool, str], list[ShownCluster]] = {}
    for cluster in shown:
        groups.setdefault((cluster.protocol, cluster.tls, _unverified(cluster), cluster.decided_by), []).append(cluster)
    for (protocol, _, _, field), clusters in groups.items():
        names = [f"{clean.line(item.name)} {_healthy(item)}{_warming(item)}" for item in clusters]
        _group(page, f"{protocol}, {_tls_in_short(clusters)}", names, _by(protocol, field))
    _rest(page, len(ordered) - len(shown), "cluster", "--cluster NAME")


def _tls(cluster: ShownCluster) -> str:
    """Of endpoints that differ each says its own with -v."""
    details = f" ({cluster.tls_details})" if cluster.tls_details else ""
    return f"{in_words(cluster.tls)}{details}"


def _tls_in_short(clusters: Sequence[ShownCluster]) -> str:
    """The name that all of them ask for, if it is one, and whether the certificate is looked at."""
    names = {cluster.tls_details.partition(", ")[0] for cluster in clusters}
    said = [*(names if len(names) == 1 else ()), "not verified" if _unverified(clusters[0]) else ""]
    details = ", ".join(filter(None, said))
    return in_words(clusters[0].tls) + (f" ({details})" if details else "")


def _unverified(cluster: ShownCluster) -> bool:
    return cluster.tls_details.endswith("not verified")


def _by(protocol: str, field: str) -> str:
    if protocol == "unknown":
        return "its configuration was not read"
    return f"by {_short(field)}" if field else "nothing is set: Envoy's default"


def _short(field: str) -> str:
    """The field without the message that all of them are in."""
    return field.removeprefix("HttpProtocolOptions.")


def _healthy(cluster: ShownCluster) -> str:
    if cluster.type == "ORIGINAL_DST" and not cluster.endpoints:
        return "original destination"
    return f"{cluster.healthy}/{len(cluster.endpoints)}" if cluster.endpoints_known else "?/?"


def _warming(cluster: ShownCluster) -> str:
    return " (warming)" if cluster.state == "warming" else ""


def _group(page: Page, title: str, names: Sequence[str], by: str = "") -> None:
    """What is alike, then the names, a middle dot between them."""
    page.prose("", [(clean.line(title), "strong"), (f" · {by}" if by else "", "dim")], indent=2)
    text = " · ".join(map(_together, names))
    page.prose("", text, indent=_GROUP_INDENT)


def _together(text: str) -> str:
    return text.replace(" ", NO_BREAK)


def _cluster_details(page: Page, cluster: ShownCluster) -> None:
    head = f"{cluster.protocol}, {_tls(cluster)}"
    page.prose("", [(clean.line(cluster.name), "strong"), (f": {head}", ""),
                    (f" · {_by(cluster.protocol, cluster.decided_by)}", "dim")], indent=2)  # fmt: skip
    unused = "" if cluster.used else ", no route in force leads to it"
    page.prose("", f"{cluster.type}, {cluster.state}, {_healthy(cluster)} healthy{unused}", indent=_GROUP_INDENT)
    for endpoint in cluster.endpoints:
        health = "healthy" if endpoint.healthy else ", ".join(endpoint.ailments)
        counts_ = f"{endpoint.requests:,} requests, {endpoint.failed_connects:,} failed connections"
        page.prose("", f"{endpoint.address}: {health}, {endpoint.tls}, {counts_}", indent=_GROUP_INDENT)
    for item in cluster.counted:
        page.prose("", f"{item.name} {item.value:,}: {item.words}", indent=_GROUP_INDENT)
    for setting in cluster.settings:
        page.prose("", [(setting, "dim")], indent=_GROUP_INDENT)


def _certificates(page: Page, view: EnvoyView) -> None:
    """The one that ends first; all of them with -v."""
    dated = sorted((item for item in view.certificates if item.days_left is not None), key=_left)
    if not dated:
        return
    page.blank()
    shown = dated if page.style.verbose else dated[:_CERTIFICATES_AT_ONCE]
    page.listed("Certs", map(_certificate_words, shown))
    if len(shown) < len(dated):
        page.prose("", [(f"+{len(dated) - len(shown)} that end later; -v shows them", "dim")])


def _certificate_words(item: ShownCertificate) -> str:
    name = item.names[0] if item.names else item.path or item.serial
    return f"{'CA ' if item.authority else ''}{clean.line(name)} {_ends(item)}"


def _left(item: ShownCertificate) -> float:
    return item.days_left if item.days_left is not None else 0.0


def _ends(item: ShownCertificate) -> str:
    left = _left(item)
    return f"ends in {_time(left * _DAY)} ({item.expires})" if left > 0 else f"has expired ({item.expires})"


def _rest(page: Page, count: int, word: str, how: str = "") -> None:
    if count > 0:
        also = f" or {how}" if how else ""
        page.prose("", [(f"+{_number(count, 'more ' + word)}; -v{also} shows {'it' if count == 1 else 'them'}", "dim")],
                   indent=_GROUP_INDENT)  # fmt: skip


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'s' if count != 1 else ''}"
