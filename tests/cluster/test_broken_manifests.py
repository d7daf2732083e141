"""Broken manifests: each named with file, line and plain words, and the rest still read."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path

import pytest
import yaml

from grpcdoctor.cluster import yaml_values
from grpcdoctor.cluster.manifests import Manifests, read_manifests
from grpcdoctor.model.finding import BlindSpot

HEAD = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n"
GOOD = HEAD.format(name="good")
RENDER = "helm template CHART | grpcdoctor inspect -f -"


def from_stdin(text: str) -> Manifests:
    return read_manifests(["-"], stdin=io.StringIO(text))


def the_spot(found: Manifests) -> BlindSpot:
    assert len(found.broken) == 1
    return found.broken[0]


@pytest.fixture(params=["libyaml", "pure"])
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if request.param == "libyaml" else yaml.SafeLoader
    monkeypatch.setattr(yaml_values, "_PARSER", parser)


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("metadata:\n\tname: x\n", 2, "a tab indents this line"),
        ("metadata:\n  name: x\n\tnamespace: y\n", 3, "a tab indents this line"),
        ("a: b\nhost: *.example.com\n", 2, "begins with \\* or & needs quotes"),
        ("a: b\nhost: @x\n", 2, "begins with @ needs quotes"),
        ("a: b\nport: %x\n", 2, "begins with % needs quotes"),
        ("a: b\nx: y: z\n", 2, "holds ': ' and needs quotes"),
        ("a:\n    b: 1\n  c: 2\n", 3, "indentation fits none"),
        ("a:\n  - b\n - c\n", 3, "indentation fits none"),
        ("a: - b\n", 1, "on the line below its key"),
        ("a: b\nc\n", 2, "no ': ' after its key|fits none"),
        ('a: "x\nb: y\n', 1, "quotation mark opens here"),
        ("a: {b: 1\n", 1, "a { is opened here"),
        ("a: [1, 2\nb: 3\n", 1, "a \\[ is opened here"),
        ("a: 1\nb: [\n\n# end\n", 2, "a bracket is opened and not closed"),
        ("a: {]\n", 1, "bracket is the wrong one"),
        ('a: "\\d"\n', 1, "backslash has to be doubled"),
        ("a: !x!y b\n", 1, "tag .* nothing defines"),
        ("a: b\nx: \x07\n", 2, "U\\+0007"),
        ("a: *x\n", 1, "\\*x has no &x before it"),
        ("? {a: b}\n: c\n", 1, "where a key has to be"),
        ("a: b\n<<<<<<< HEAD\nc: d\n=======\n", 2, "merge conflict"),
        ("<!DOCTYPE html>\n<html>a: b: c</html>\n", 1, "HTML"),
        ("{% if x %}\na: b\n{% endif %}\n", 1, "template with {% … %}"),
        ("```yaml\na: b\n```\n", 1, "Markdown fence"),
    ],
)
def test_a_breakage_is_said_in_plain_words(text: str, line: int, words: str) -> None:
    found = from_stdin(f"{GOOD}---\n{text}---\n{HEAD.format(name='last')}")
    spot = the_spot(found)
    assert [item.name for item in found.objects] == ["good", "last"]
    assert spot.what == f"<stdin>:{line + 5}"
    assert re.search(words, spot.why)
    assert spot.blocks_verdict


@pytest.mark.usefixtures("_parser")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{- if .Values.on }}\nkind: Service\n{{- end }}\n", 1),
        ("kind: Service\nmetadata:\n  name: {{ .Release.Name }}\n", 3),
        ("kind: Service\nmetadata:\n  labels:\n    {{- include \"x\" . | nindent 4 }}\n", 4),
        ('kind: Service\nspec:\n  ports:\n    - {{ .Values.port }}\n', 4),
        ('kind: Service\nspec:\n  "port": {{ .Values.port }}\n', 3),
        ("{{ template }}: {{ x }}\n", 1),
    ],
)
def test_a_helm_template_is_to_be_rendered_first(text: str, line: int) -> None:
    spot = the_spot(from_stdin(f"{GOOD}---\n{text}"))
    assert (spot.what, spot.decide) == (f"<stdin>:{line + 5}", RENDER)
    assert spot.why == "it is a Helm template, which is YAML only when it is rendered; render it first"


def test_a_template_that_is_valid_yaml_is_known_by_its_name() -> None:
    found = from_stdin('apiVersion: v1\nkind: Service\nmetadata:\n  name: "{{ .Release.Name }}"\n')
    assert (the_spot(found).what, the_spot(found).decide, found.objects) == ("<stdin>:1", RENDER, ())


def test_braces_in_the_texts_of_an_object_are_no_template() -> None:
    found = from_stdin(f"{GOOD}  annotations:\n    summary: '{{{{ $labels.pod }}}}'\n    b: |\n      {{{{ x }}}}\n")
    assert (len(found.objects), found.broken) == (1, ())


def test_a_chart_is_named_once_with_the_command_that_renders_it(tmp_path: Path) -> None:
    chart = tmp_path / "my chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: x\n")
    (chart / "values.yaml").write_text("port: 1\n")
    for name in ("a", "b", "c"):
        (chart / "templates" / f"{name}.yaml").write_text("kind: Service\nmetadata: {{ .x }}\n---\nkind: {{ .y }}\n")
    found = read_manifests([str(tmp_path)])
    spot = the_spot(found)
    assert spot.what == f"the Helm chart {chart} ({chart}/templates/a.yaml:2 and 2 more)"
    assert spot.decide == f"helm template '{chart}' | grpcdoctor inspect -f -"
    assert (len(found.files), found.skipped) == (3, 2)


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("apiVersion: v1\nkind: Service\nmetadata:\nname: x\nspec:\n  ports: []\n", "metadata", 1),
        ("apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\nselector:\napp: x\n", "spec", 1),
        ("kind: Service\napiVersion: v1\nmetadata:\nname: x\nspec:\n- : :\n: x\n", "metadata", 3),
        ("apiVersion: x/v1\nkind: Gateway\nmetadata: {name: x}\nspec:\nservers:\n- port:\n", "spec", 1),
    ],
)
def test_lost_indentation_is_seen(text: str, field: str, line: int) -> None:
    found = from_stdin(f"{GOOD}---\n{text}")
    spot = the_spot(found)
    assert (spot.what, len(found.objects)) == (f"<stdin>:{line + 5}", 1)
    assert spot.why.startswith(f"its indentation is lost, as in a text copied from a web page: {field} is empty")


def test_an_empty_spec_alone_is_no_lost_indentation() -> None:
    assert from_stdin(f"{GOOD}spec:\ntype: null\nstatus:\n").broken != ()
    assert from_stdin(f"{GOOD}spec:\nstatus:\n  loadBalancer: {{}}\n").broken == ()


@pytest.mark.parametrize(("missing", "rest"), [("apiVersion", "kind: Service"), ("kind", "apiVersion: v1")])
def test_an_object_without_kind_or_version_is_named(missing: str, rest: str) -> None:
    spot = the_spot(from_stdin(f"{GOOD}---\n\n{rest}\nmetadata: {{name: x}}\nspec: {{}}\n"))
    assert (spot.what, spot.why) == ("<stdin>:7", f"it has no {missing}, and every Kubernetes object has one")


def test_a_key_that_stands_twice_is_named_and_the_last_one_taken() -> None:
    found = from_stdin(f"{GOOD}spec:\n  type: A\n  type: B\n---\nkind: x\na: 1\na: 2\n")
    assert found.objects[0].spec == {"type": "B"}
    assert the_spot(found).what == "<stdin>:7"
    assert the_spot(found).why.startswith('the key "type" stands twice in one mapping, with different values')


def test_a_broken_item_of_a_list_loses_only_itself() -> None:
    item = "".join(f"  {line}\n" for line in GOOD.splitlines())[1:]
    for indent in ("", "  "):
        items = f"-{item}- apiVersion: v1\n  kind: [\n# comment\n\n-{item}"
        text = "apiVersion: v1\nitems: # all\n" + "".join(f"{indent}{x}\n" for x in items.splitlines()) + "kind: List\n"
        found = from_stdin(text)
        assert [each.name for each in found.objects] == ["good", "good"]
        assert the_spot(found).what == "<stdin>:8"


@pytest.mark.parametrize(
    "item",
    [
        'metadata: {name: x, annotations: {a: "one\n- two"}}',
        "metadata: {name: x,\nlabels: {a: b}}",
        "metadata: &m {name: x}\n- apiVersion: v1\n  kind: Service\n  metadata: *m",
    ],
)
def test_a_list_whose_items_hang_together_is_read_whole(item: str) -> None:
    found = from_stdin(f"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  {item}\n")
    assert {each.name for each in found.objects} == {"x"}
    assert found.broken == ()


def test_a_broken_line_of_ndjson_loses_only_itself() -> None:
    line = json.dumps(yaml.safe_load(GOOD))
    found = from_stdin(f'{line}\n{{"apiVersion": "v1", "kind": ]}}\n{line}\n')
    assert len(found.objects) == 2
    assert (the_spot(found).what, the_spot(found).why) == ("<stdin>:2", "it is no JSON: Expecting value")


def test_json_that_is_cut_off_is_named_at_its_end() -> None:
    text = json.dumps(yaml.safe_load(GOOD), indent=1)[:-8]
    assert the_spot(from_stdin(f"{GOOD}---\n{text}")).why.startswith("it is no JSON: ")


def test_json_with_comments_and_commas_at_the_end_is_yaml() -> None:
    text = '{\n  "apiVersion": "v1", # comment\n  "kind": "Service",\n  "metadata": {"name": "x",},\n}\n'
    assert [item.name for item in from_stdin(text).objects] == ["x"]


def test_in_a_folder_only_what_may_be_a_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "ci.yaml").write_text("script: [\n")
    found = read_manifests([str(tmp_path)])
    assert (found.broken, found.skipped, found.files) == ((), 1, (str(tmp_path / "a.yaml"),))
    (tmp_path / "ci.yaml").write_text("kind: [\n")
    assert the_spot(read_manifests([str(tmp_path)])).what == f"{tmp_path}/ci.yaml:1"
    (tmp_path / "ci.yaml").write_text("script: [\n")
    assert the_spot(read_manifests([str(tmp_path / "ci.yaml")])).what == f"{tmp_path}/ci.yaml:1"


def test_the_patches_of_a_kustomization_are_no_objects(tmp_path: Path) -> None:
    for folder in ("base", "prod"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "s.yaml").write_text(GOOD + "spec: {type: ClusterIP}\n")
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [s.yaml]\n")
    (tmp_path / "prod" / "kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../base]\n"
        "patches:\n- path: p.yaml\n- patch: '[]'\n- path: ''\npatchesStrategicMerge:\n- \"q.yaml\"\n- |\n  kind: x\n"
    )
    (tmp_path / "prod" / "p.yaml").write_text(GOOD)
    (tmp_path / "prod" / "q.yaml").write_text(HEAD.format(name="q"))
    found = read_manifests([str(tmp_path)])
    assert [item.spec for item in found.objects] == [{"type": "ClusterIP"}]
    spot = the_spot(found)
    assert (spot.what, spot.blocks_verdict) == (f"what kustomize makes of {tmp_path}/base, {tmp_path}/prod", False)
    assert spot.decide == "kustomize build FOLDER | grpcdoctor inspect -f -"


def test_two_objects_of_one_name_are_told_and_the_later_one_counts(tmp_path: Path) -> None:
    for folder, kind in (("dev", "A"), ("prod", "B")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "s.yaml").write_text(f"{GOOD}spec: {{type: {kind}}}\n---\n{HEAD.format(name='same')}")
    found = read_manifests([str(tmp_path)])
    spot = the_spot(found)
    assert (spot.what, spot.blocks_verdict) == (f"Service default/good of {tmp_path}/dev/s.yaml:1", False)
    assert spot.why.startswith(f"{tmp_path}/prod/s.yaml:1 holds another object of that name")


def test_of_very_many_breakages_in_a_file_the_first_are_named_and_the_rest_counted() -> None:
    found = from_stdin("---\na: b: c\n" * 2_000)
    assert [spot.what for spot in found.broken[:2]] == ["<stdin>:2", "<stdin>:4"]
    assert [spot.what for spot in found.broken[100:]] == ["1900 more places in <stdin>"]


def test_a_number_of_thousands_of_digits_is_text() -> None:
    found = from_stdin('{"apiVersion": "v1", "kind": "Service", "x": ' + "9" * 10_000 + "}")
    assert found.objects[0].raw["x"] == "9" * 10_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "- " * 20_000,
        "".join(" " * i + "a:\n" for i in range(1500)),
        '{"a":' * 20_000 + "1" + "}" * 20_000,
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)),
        "a: b: " * 200_000,
        "---\na: b: c\n" * 2_000,
    ],
    ids=["brackets", "dashes", "steps", "json", "laughs", "colons", "documents"],
)
def test_hostile_documents_cost_little_and_lose_only_themselves(text: str) -> None:
    started = time.process_time()
    found = from_stdin(f"{GOOD}---\n{text}\n---\n{GOOD}")
    assert len(found.objects) == 2
    assert len(found.broken) >= 1
    assert all("\n" not in spot.why for spot in found.broken)
    assert time.process_time() - started < 10
