"""Proxy: an immutable snapshot of one Envoy, as it told it itself. Pure; `admin` and `files` do the reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, TypeVar

from grpcdoctor.envoy import endpoints as hosts
from grpcdoctor.envoy.addresses import address_text
from grpcdoctor.envoy.answers import Answers
from grpcdoctor.envoy.certificates import Certificate, Secret, certificates, secret
from grpcdoctor.envoy.clusters import Cluster
from grpcdoctor.envoy.endpoints import Endpoint
from grpcdoctor.envoy.fields import Json, has, mapping, text
from grpcdoctor.envoy.http import HttpManager
from grpcdoctor.envoy.listeners import FilterChain, Listener
from grpcdoctor.envoy.routes import RouteConfiguration
from grpcdoctor.envoy.server import ControlPlane, Server, server
from grpcdoctor.envoy.stats import Stats
from grpcdoctor.envoy.updates import Rejection, State, Update, entries, rejections
from grpcdoctor.model.expected import Expected
from grpcdoctor.model.finding import BlindSpot

T = TypeVar("T")

_INLINE = Update(State.STATIC)


class Proxy:
    """All that is known of one Envoy. Views are worked out once, when first asked for."""

    def __init__(
        self,
        answers: Answers,
        name: str = "",
        blind_spots: Iterable[BlindSpot] = (),
        read_at: str = "",
        expected: Iterable[Expected] = (),
    ) -> None:
        self.answers = answers
        self.expected = tuple(expected)
        """What it should speak by the objects of a cluster, where there is one at hand."""
        self.name = name
        """Where it was read from: a URL, files, `pod/NS/NAME`."""
        self.blind_spots = tuple(blind_spots)
        """What could not be read."""
        self.read_at = read_at or datetime.now(timezone.utc).isoformat(timespec="seconds")
        """When (RFC 3339): rules read no clock."""
        self._worked_out: dict[Callable[..., Any], Any] = {}

    def answered(self, endpoint: str) -> bool:
        """Whether this admin endpoint answered: "config_dump" (at least one section of it), "clusters", "stats" …"""
        return self.answers.answered(endpoint)

    def shows(self, section: str) -> bool:
        """Whether this section of config_dump is here: what is missing from it does not exist."""
        return section in self.answers.sections

    def expecting(self, expected: Iterable[Expected]) -> Proxy:
        """The same Envoy beside what a cluster's objects say of it."""
        return Proxy(self.answers, self.name, self.blind_spots, self.read_at, expected)

    def once(self, work: Callable[[Proxy], T]) -> T:
        """What `work` makes of this proxy, worked out once however many rules ask for it."""
        if work not in self._worked_out:
            self._worked_out[work] = work(self)
        result: T = self._worked_out[work]
        return result

    @cached_property
    def server(self) -> Server:
        return server(self.answers.server_info or {}, self.answers.ready or "", self._section("bootstrap"))

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """In every state; `serving` has those in force."""
        bound = {text(item, "name"): address_text(mapping(item, "local_address")) for item in self._listening}
        return tuple(
            Listener(entry.resource, entry.name, entry.update, bound.get(entry.name, ""))
            for entry in entries("listeners", self._section("listeners"))
        )

    @cached_property
    def serving(self) -> tuple[Listener, ...]:
        """The listeners in force."""
        return tuple(item for item in self.listeners if item.update.state.in_force)

    def listener(self, name: str) -> Listener | None:
        """The one in force with this name."""
        return next((item for item in self.serving if item.name == name), None)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """In the dump's order, then those that only /clusters knows. A warming one with an active elder comes too."""
        statuses = {text(item, "name"): item for item in self.answers.clusters or ()}
        found = [
            Cluster(entry.resource, entry.name, entry.update, *self._hosts(entry.name, entry.resource, statuses))
            for entry in entries("clusters", self._section("clusters"))
        ]
        known = {item.name for item in found}
        found += [
            Cluster({}, name, Update(State.ACTIVE), *self._hosts(name, {}, statuses))
            for name in statuses
            if name not in known and not self.shows("clusters")
        ]
        return tuple(found)

    def cluster(self, name: str) -> Cluster | None:
        """The one in force with this name, else a warming one."""
        return self._clusters_by_name.get(name)

    @cached_property
    def _clusters_by_name(self) -> Mapping[str, Cluster]:
        return {item.name: item for item in sorted(self.clusters, key=lambda item: item.update.state.in_force)}

    def _hosts(
        self, name: str, raw: Json, statuses: Mapping[str, Json]
    ) -> tuple[tuple[Endpoint, ...], Json | None]:
        service = text(raw, "eds_cluster_config", "service_name") or name
        known = self._assigned.get(service) or self._assigned.get(name)
        known = known or tuple(hosts.configured(mapping(raw, "load_assignment")))
        status = statuses.get(name)
        return (known if status is None else tuple(hosts.live(status, known))), status

    @cached_property
    def _assigned(self) -> Mapping[str, tuple[Endpoint, ...]]:
        """EDS's word, by the name that EDS uses."""
        return {
            entry.name: tuple(hosts.configured(entry.resource))
            for entry in entries("endpoints", self._section("endpoints"))
        }

    @cached_property
    def route_configurations(self) -> tuple[RouteConfiguration, ...]:
        """RDS's and static ones by name; inline ones are repeated there by Envoy, and are added where they are not."""
        found = [
            RouteConfiguration(entry.resource, entry.name, entry.update)
            for entry in entries("routes", self._section("routes"))
        ]
        return tuple(found)

    def routes_of(self, manager: HttpManager) -> RouteConfiguration | None:
        """The route configuration that an HTTP connection manager uses; None where it has not come (or is scoped)."""
        inline = manager.inline_routes
        if inline is not None:
            return RouteConfiguration(inline, text(inline, "name"), _INLINE)
        return self._routes_by_name.get(manager.route_name) if manager.route_name else None

    @cached_property
    def _routes_by_name(self) -> Mapping[str, RouteConfiguration]:
        """A dynamic one before a static (inline) one of the same name."""
        ordered = sorted(self.route_configurations, key=lambda item: item.update.state is State.ACTIVE)
        return {item.name: item for item in ordered}

    @cached_property
    def http_chains(self) -> tuple[tuple[Listener, FilterChain, HttpManager], ...]:
        """Every chain in force that reads HTTP."""
        return tuple(
            (listener, chain, chain.http)
            for listener in self.serving
            for chain in listener.all_chains
            if chain.http is not None
        )

    @cached_property
    def rejections(self) -> tuple[Rejection, ...]:
        """Updates that were refused, of which the dump tells the reason."""
        return tuple(rejections(self.answers.sections))

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(secret(entry) for entry in entries("secrets", self._section("secrets")))

    @cached_property
    def certificates(self) -> tuple[Certificate, ...]:
        return certificates(self.answers.certs or (), self.read_at)

    @cached_property
    def stats(self) -> Stats:
        hidden = has(self._section("bootstrap"), "bootstrap", "stats_config", "stats_matcher")
        return Stats(self.answers.stats, hidden)

    @cached_property
    def control_plane(self) -> ControlPlane:
        connected = self.stats.value("control_plane.connected_state")
        identifier = self.stats.texts.get("control_plane.identifier", "")
        return ControlPlane(None if connected is None else connected > 0, identifier)

    @property
    def _listening(self) -> tuple[Json, ...]:
        return self.answers.listeners or ()

    def _section(self, name: str) -> Json:
        return self.answers.sections.get(name, {})
