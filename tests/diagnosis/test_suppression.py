"""Suppression: what is left out, what is counted, and how a mistake in it is told."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.manifests import read_manifests
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.diagnosis.suppression import ANNOTATION, Suppression, SuppressionError, read_suppression
from grpcdoctor.model.finding import Evidence, Finding, Subject
from grpcdoctor.model.rule import Severity

ALPN, EXPIRED, SERVING = "alpn-missing", "certificate-expired", "not-serving"
EMPTY = cluster_of([])


def finding(rule: str = ALPN, kind: str | None = "Service", namespace: str = "staging", name: str = "api") -> Finding:
    subject = Subject(kind=kind, namespace=namespace or None, name=name) if kind is not None else None
    return Finding(rules()[rule], "wrong", (Evidence("seen"),), subject=subject)


def from_text(tmp_path: Path, text: str, **options: Any) -> Suppression:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return read_suppression(str(file), **options)


def kept(suppression: Suppression, *findings: Finding, cluster: Cluster = EMPTY) -> list[Finding]:
    return list(suppression.apply(findings, cluster)[0])


def test_without_anything_all_findings_stay_as_they_are() -> None:
    found = finding(), finding(EXPIRED, kind=None)
    assert Suppression().apply(found, EMPTY) == (found, Counter())


def test_an_entry_of_the_file_ignores_a_rule(tmp_path: Path) -> None:
    suppression = from_text(tmp_path, "ignore:\n  - rule: alpn-missing\n    reason: known since May\n")
    stay, suppressed = suppression.apply([finding(), finding(kind=None), finding(EXPIRED)], EMPTY)
    assert [each.rule.name for each in stay] == [EXPIRED]
    assert suppressed == {ALPN: 2}
    assert suppression.ignores[0].reason == "known since May"


@pytest.mark.parametrize(
    ("entry", "is_ignored"),
    [
        ("rule: GD204", True),
        ("rule: gd204", True),
        ("rule: alpn-*", True),
        ("rule: 'GD2*'", True),
        ("rule: '*'", True),
        ("rule: certificate-expired", False),
        ("rule: alpn-missing\n    kind: Service\n    namespace: staging\n    name: api", True),
        ("rule: alpn-missing\n    kind: service", True),
        ("rule: alpn-missing\n    kind: '*Service'", True),
        ("rule: alpn-missing\n    kind: Pod", False),
        ("rule: alpn-missing\n    namespace: 'stag*'", True),
        ("rule: alpn-missing\n    namespace: prod", False),
        ("rule: alpn-missing\n    name: 'a[op]i'", True),
        ("rule: alpn-missing\n    name: legacy-*", False),
    ],
)
def test_entries_say_rule_kind_namespace_and_name_by_globs(tmp_path: Path, entry: str, is_ignored: bool) -> None:
    suppression = from_text(tmp_path, f"ignore:\n  - {entry}\n")
    assert kept(suppression, finding()) == ([] if is_ignored else [finding()])


def test_an_entry_for_a_kind_leaves_findings_about_endpoints_alone(tmp_path: Path) -> None:
    suppression = from_text(tmp_path, "ignore:\n  - rule: '*'\n    kind: Service\n")
    assert len(kept(suppression, finding(kind=None))) == 1


def test_severities_are_overridden_and_off_is_counted(tmp_path: Path) -> None:
    text = "severity:\n  alpn-missing: warning\n  GD2*: info\n  alpn-missin[g]: error\n  not-serving: off\n"
    stay, suppressed = from_text(tmp_path, text).apply([finding(), finding(EXPIRED), finding(SERVING)], EMPTY)
    assert [(each.rule.name, each.effective_severity) for each in stay] == [
        (ALPN, Severity.ERROR),
        (EXPIRED, Severity.INFO),
    ]
    assert suppressed == {SERVING: 1}
    assert kept(from_text(tmp_path, "severity: {not-serving: 'off'}\n"), finding(SERVING)) == []


def test_the_command_line_ignores_and_selects(tmp_path: Path) -> None:
    found = [finding(), finding(EXPIRED), finding(SERVING)]
    ignoring = from_text(tmp_path, "", ignore=["GD204", "not-*"])
    assert ignoring.apply(found, EMPTY) == ((found[1],), Counter({ALPN: 1, SERVING: 1}))
    selecting = from_text(tmp_path, "ignore: [{rule: not-serving}]", only=["alpn-missing", "not-serving"])
    assert selecting.apply(found, EMPTY) == ((found[0],), Counter({EXPIRED: 1, SERVING: 1}))


@pytest.mark.parametrize(
    ("value", "is_ignored"),
    [
        ("alpn-missing", True),
        (" certificate-expired , alpn-missing ", True),
        ("GD204", True),
        ("*", True),
        ("alpn-*", True),
        ("certificate-expired", False),
        ("no-such-rule", False),
        ("", False),
        (",", False),
    ],
)
def test_an_object_waives_rules_by_its_annotation(value: str, is_ignored: bool) -> None:
    metadata = {"name": "api", "namespace": "staging", "annotations": {ANNOTATION: value}}
    cluster = cluster_of([{"apiVersion": "v1", "kind": "Service", "metadata": metadata}])
    assert Suppression().apply([finding()], cluster)[1] == ({ALPN: 1} if is_ignored else {})
    others = finding(name="other"), finding(kind="Pod"), finding(kind=None)
    assert len(kept(Suppression(), *others, cluster=cluster)) == 3


def test_of_two_objects_with_one_kind_and_name_the_file_tells_which_is_meant() -> None:
    waived = f"annotations: {{{ANNOTATION}: '*'}}"
    text = (
        f"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: g, {waived}}}\n"
        f"---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: cluster-wide, {waived}}}\n"
    )
    cluster = Cluster(read_manifests(["-"], stdin=io.StringIO(text)).objects)
    subjects = [
        Subject(kind="Gateway", namespace="default", name="g", file="<stdin>"),
        Subject(kind="Gateway", namespace="default", name="g", file="other.yaml"),
        Subject(kind="Namespace", name="cluster-wide"),
    ]
    found = [Finding(rules()[ALPN], "wrong", (Evidence("seen"),), subject=subject) for subject in subjects]
    assert kept(Suppression(), *found, cluster=cluster) == [found[1]]


def test_the_file_is_found_here_or_above_up_to_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".grpcdoctor.yaml").write_text("ignore: [{rule: alpn-missing}]\n")
    here = tmp_path / "repository" / "a" / "b"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert kept(read_suppression(), finding()) == []
    (tmp_path / "repository" / ".git").write_text("gitdir: elsewhere\n")
    assert len(kept(read_suppression(), finding())) == 1
    (tmp_path / "repository" / ".grpcdoctor.yml").write_text("ignore: [{rule: GD999}]\n")
    with pytest.raises(SuppressionError, match=r"^\.\./\.\./\.grpcdoctor\.yml:1: there is no rule 'GD999'"):
        read_suppression()


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "ignore:\nseverity:\n", "---\nignore: []\n"])
def test_an_empty_file_suppresses_nothing(tmp_path: Path, text: str) -> None:
    assert from_text(tmp_path, text) == Suppression()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("ignore:\n  - rule: alpn-mising\n", 2, "there is no rule 'alpn-mising'; the closest: alpn-missing"),
        ("ignore:\n  - kind: Pod\n    rule: zzz*\n", 3, "there is no rule 'zzz*'; grpcdoctor rule --list shows all"),
        ("ignore:\n\n  - kind: Pod\n", 3, "an entry names a rule (rule: '*' stands for all)"),
        ("ignore:\n  - rule: '*'\n    names: x\n", 3, '"names" is not known here; did you mean name?'),
        ("ignore:\n  - rule: '*'\n    name: 5\n", 3, "name is a text, such as a name or a glob; put it in quotes"),
        ("ignore:\n  - rule: [a]\n", 2, "rule is a text"),
        ("ignore:\n  - alpn-missing\n", 2, "a mapping has to be here, with rule, kind, namespace, name, reason"),
        ("ignore: alpn-missing\n", 1, "ignore is a list of entries, each with a rule"),
        ("a: 1\n", 1, '"a" is not known here; known are ignore, severity'),
        ("- a\n", 1, "a mapping has to be here, with ignore, severity"),
        ("severity: warning\n", 1, "severity is a mapping of rules"),
        ("severity:\n  alpn-missing: fatal\n", 2, "alpn-missing is error, warning, info or off, and not 'fatal'"),
        ("severity:\n  alpn-missing: on\n", 2, "and not True"),
        ("severity:\n  alpn-missing: 0\n", 2, "and not 0"),
        ("severity:\n  alpn-missing: []\n", 2, "and not []"),
        ("severity:\n  alpn: info\n", 2, "there is no rule 'alpn'; the closest: alpn-"),
        ("ignore:\n\t- rule: x\n", 2, "a tab indents this line"),
        ("ignore: []\nignore: [{rule: '*'}]\n", 2, 'the key "ignore" stands twice'),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(SuppressionError) as raised:
        from_text(tmp_path, text)
    assert str(raised.value).startswith(f"{tmp_path}/config.yaml:{line}: {message[:3]}") or message.startswith("and")
    assert f":{line}: " in str(raised.value)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("option", ["ignore", "only"])
def test_a_word_of_the_command_line_that_is_no_rule_is_told_with_the_closest_names(option: str) -> None:
    words = ["alpn-missing", "alpn-mising"]
    ignore, only = (words, ()) if option == "ignore" else ((), words)
    with pytest.raises(SuppressionError, match=f"^--{option}: there is no rule 'alpn-mising'; the closest: alpn-mis"):
        read_suppression("/dev/null", ignore=ignore, only=only)


def test_a_file_that_is_named_has_to_be_there_and_to_be_text(tmp_path: Path) -> None:
    with pytest.raises(SuppressionError, match=r"cannot read .*nothing\.yaml: No such file or directory"):
        read_suppression(str(tmp_path / "nothing.yaml"))
    (tmp_path / "x").write_bytes(b"\0\1\2" * 100)
    with pytest.raises(SuppressionError, match="it is no text"):
        read_suppression(str(tmp_path / "x"))
