"""The examples on the pages of the rules about a cluster hold: they fire or stay quiet, and their fixes cure."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.changes import apply
from grpcdoctor.cluster.entrance_addresses import ADDRESS_KINDS
from grpcdoctor.cluster.kinds import KINDS, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.registry import ClusterCheck, cluster_checks
from grpcdoctor.model.finding import Change, Finding, Fix
from grpcdoctor.model.rule import Severity
from tests.checks.expectations import assert_as_expected
from tests.checks.pages import ClusterExample, cluster_examples_of

BY_NAME = {check.rule.name: check for check in cluster_checks()}
EXAMPLES = [example for name in BY_NAME for example in cluster_examples_of(name)]
FIRING = [example for example in EXAMPLES if example.fires]


def name_of(example: ClusterExample) -> str:
    return f"{example.page}-{example.number}"


def findings_in(example: ClusterExample, cluster: Cluster) -> list[Finding]:
    return [c for c in BY_NAME[example.page].function(cluster) if isinstance(c, Finding)]


def identity(document: dict[str, Any]) -> tuple[str, str, str]:
    metadata = document["metadata"]
    return document["kind"], metadata.get("namespace", "default"), metadata["name"]


def changed(documents: list[dict[str, Any]], change: Change) -> list[dict[str, Any]]:
    """The documents after the change. Cluster-scoped objects have no namespace on either side."""
    if change.create is not None:
        return [*documents, change.create]
    wanted = (change.kind, change.namespace or "default", change.name)
    assert any(identity(document) == wanted for document in documents), f"{wanted} is not there to be changed"
    if change.delete:
        return [document for document in documents if identity(document) != wanted]
    return [apply(change, d) if identity(d) == wanted else d for d in documents]


def cure_of(finding: Finding) -> Fix | None:
    return next((fix for fix in finding.fixes if fix.changes), None)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_does_what_its_page_says(example: ClusterExample) -> None:
    assert_as_expected(example, BY_NAME[example.page].function(example.cluster))


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_a_finding_names_object_and_field_and_the_clients_symptom(example: ClusterExample) -> None:
    for finding in findings_in(example, example.cluster):
        assert finding.subject is not None
        assert finding.subject.kind
        assert finding.explanation, "the symptom in the client's words"
        assert finding.fixes, "a finding without a cure helps nobody"


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_the_first_fix_of_every_finding_silences_the_rule(example: ClusterExample) -> None:
    findings = findings_in(example, example.cluster)
    cures = [cure_of(finding) for finding in findings]
    if example.expect.get("fixed", True) is False:
        return
    assert all(cures), "no fix with changes; say `fixed: false` where none can be"
    documents = list(example.documents)
    done: list[Change] = []
    for cure in cures:
        for change in cure.changes if cure else ():
            if change not in done:
                done.append(change)
                documents = changed(documents, change)
    assert findings_in(example, cluster_of(documents, example.complete)) == []


@pytest.mark.parametrize("example", FIRING, ids=name_of)
def test_the_command_says_what_the_change_does(example: ClusterExample) -> None:
    for finding in findings_in(example, example.cluster):
        for fix in finding.fixes:
            if fix.command is None or len(fix.changes) != 1 or "--type=json" not in fix.command:
                continue
            words = shlex.split(fix.command)
            steps = json.loads(words[words.index("-p") + 1])
            assert [(s["op"], s["path"], s.get("value")) for s in steps] == [
                (o.op, o.path, o.value) for o in fix.changes[0].operations
            ]


@pytest.mark.parametrize("check", cluster_checks(), ids=lambda check: check.rule.name)
def test_a_rule_shows_a_cure_in_at_least_one_example_unless_none_can_be(check: ClusterCheck) -> None:
    firing = [example for example in cluster_examples_of(check.rule.name) if example.fires]
    assert all(finding.fixes for example in firing for finding in findings_in(example, example.cluster))


@pytest.mark.parametrize("check", cluster_checks(), ids=lambda check: check.rule.name)
def test_a_check_is_quiet_in_an_empty_cluster(check: ClusterCheck) -> None:
    assert list(check.function(Cluster())) == []
    assert list(check.function(cluster_of([], complete=True))) == []


class Recording(Cluster):
    """Remembers the kinds that were asked for."""

    def __init__(self, example: ClusterExample) -> None:
        copy = example.cluster
        super().__init__(copy.objects, copy.coverage, copy.blind_spots, copy.name, copy.strangers)
        self.read: set[Kind] = set()

    def _objects(self, kind: Kind) -> dict[tuple[str, str], Object]:
        self.read.add(kind)
        return super()._objects(kind)


@pytest.mark.parametrize("check", cluster_checks(), ids=lambda check: check.rule.name)
def test_a_check_reads_no_more_kinds_than_it_declares(check: ClusterCheck) -> None:
    """The live reader fetches what rules declare: a kind that is read and not declared would always look absent."""
    read: set[Kind] = set()
    for example in cluster_examples_of(check.rule.name):
        cluster = Recording(example)
        list(check.function(cluster))
        read |= cluster.read
    assert sorted(kind.resource for kind in read - set(check.reads)) == []


MALFORMED: tuple[Any, ...] = (None, [], {}, "text", 7, [None], [[]], {"a": None}, [{"name": None}], True)
OF_THEM = 3  # for each field, in rotation: all of them would take minutes


@pytest.mark.parametrize("check", cluster_checks(), ids=lambda check: check.rule.name)
def test_no_malformed_field_stops_a_check(check: ClusterCheck) -> None:
    """Every field of the page's own examples, in turn, with a value of the wrong type."""
    for example in cluster_examples_of(check.rule.name):
        for number, document in enumerate(example.documents):
            for path in paths_in(document):
                for wrong in some_of(MALFORMED, len(path) + sum(map(len, map(str, path)))):
                    documents = list(example.documents)
                    documents[number] = replaced(document, path, wrong)
                    list(check.function(cluster_of(documents, example.complete)))


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [p for key, item in items for p in paths_in(item, (*path, key))]
    return [path, *found] if path and path not in (("apiVersion",), ("kind",)) else found


def replaced(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    if not path:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], wrong)
    return copy


def test_every_severity_is_used_by_some_rule() -> None:
    assert {check.rule.severity for check in cluster_checks()} == set(Severity)


def test_every_kind_that_we_know_is_read_by_some_rule() -> None:
    unread = set(KINDS) - {kind for check in cluster_checks() for kind in check.reads} - set(ADDRESS_KINDS)
    assert sorted(kind.resource for kind in unread) == []


def some_of(values: tuple[Any, ...], start: int) -> list[Any]:
    return [values[(start + step * 3) % len(values)] for step in range(OF_THEM)]
