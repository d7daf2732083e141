"""Reading manifests: what is found in files, folders, globs and on standard input."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from grpcdoctor.cluster import manifest_files
from grpcdoctor.cluster.kinds import GATEWAY, ISTIO_GATEWAY
from grpcdoctor.cluster.manifests import ManifestError, Manifests, read_manifests

SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  ports:\n  - port: 1\n"
ONE = SERVICE.format(name="one")
TWO = SERVICE.format(name="two")


def from_stdin(text: str) -> Manifests:
    return read_manifests(["-"], stdin=io.StringIO(text))


def from_bytes(data: bytes) -> Manifests:
    return read_manifests(["-"], stdin=io.TextIOWrapper(io.BytesIO(data)))


def names(manifests: Manifests) -> list[str]:
    return [item.name for item in manifests.objects]


def write(folder: Path, **files: str) -> None:
    """`write(tmp, a__b_yaml="…")` writes a/b.yaml."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class TestDocuments:
    @pytest.mark.parametrize(
        "text",
        [
            f"{ONE}---\n{TWO}",
            f"---\n{ONE}---\n---\n# nothing\n---\n{TWO}---\n",
            f"# a comment\n\n--- # another\n{ONE}...\n# a third\n---\n{TWO}...\n",
            f"{ONE}...\n{TWO}",
            f"%YAML 1.1\n---\n{ONE}...\n%YAML 1.2\n# so it is\n---\n{TWO}",
            f"\ufeff{ONE}\ufeff---\n{TWO}",
            f"{ONE}--- \n{TWO}".replace("\n", "\r\n"),
            f"--- {{apiVersion: v1, kind: Service, metadata: {{name: one}}}}\n---\t\n{TWO}",
            f"{json.dumps(yaml.safe_load(ONE))}\n---\n{TWO}",
            f"{json.dumps(yaml.safe_load(ONE), indent=2)}\n{json.dumps(yaml.safe_load(TWO))}\n",
            json.dumps([yaml.safe_load(ONE), yaml.safe_load(TWO)], indent="\t"),
            yaml.safe_dump([yaml.safe_load(ONE), yaml.safe_load(TWO)]),
            "{apiVersion: v1, kind: Service, metadata: {name: one}}\n---\n" + TWO,
        ],
    )
    def test_documents_are_told_apart(self, text: str) -> None:
        found = from_stdin(text)
        assert (names(found), found.broken, found.strangers) == (["one", "two"], (), ())
        assert found.files == ("<stdin>",)

    def test_dashes_in_a_block_of_text_do_not_end_a_document(self) -> None:
        found = from_stdin("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  x: |\n    ---\n    a\n   \n")
        assert found.objects[0].raw["data"] == {"x": "---\na\n"}

    def test_lists_are_taken_apart_to_any_depth(self) -> None:
        inner = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(TWO)]}
        outer = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(ONE), inner]}
        for text in (yaml.safe_dump(outer), json.dumps(outer), yaml.safe_dump(outer, default_flow_style=True)):
            assert names(from_stdin(text)) == ["one", "two"]

    def test_a_list_of_the_api_server_says_the_kind_of_its_items(self) -> None:
        raw = {"kind": "ServiceList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "one"}}]}
        for text in (json.dumps(raw), yaml.safe_dump(raw), yaml.safe_dump(raw, sort_keys=False)):
            item = from_stdin(text).objects[0]
            assert (item.title, item.api_version) == ("Service default/one", "v1")

    def test_the_namespace_is_the_given_one_where_the_object_says_none(self) -> None:
        text = f"{ONE}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: prod}}\n"
        found = read_manifests(["-"], default_namespace="prod", stdin=io.StringIO(text))
        assert [item.full_name for item in found.objects] == ["prod/one", "prod"]

    def test_kinds_are_told_apart_by_their_group_and_unknown_ones_are_strangers(self) -> None:
        versions = ("networking.istio.io/v1beta1", "gateway.networking.k8s.io/v1", "gateway.networking.k8s/v1")
        found = from_stdin("---\n".join(f"apiVersion: {v}\nkind: Gateway\nmetadata: {{name: g}}\n" for v in versions))
        assert [item.kind for item in found.objects] == [ISTIO_GATEWAY, GATEWAY]
        assert [(item.api_version, item.kind.plural) for item in found.strangers] == [(versions[2], "")]

    def test_what_is_no_kubernetes_object_is_counted_and_no_more(self) -> None:
        found = from_stdin(f"{ONE}---\nreplicas: 2\n---\n- a\n---\njust text\n---\nname: drone\nkind: pipeline\n")
        assert (names(found), found.skipped, found.broken) == (["one"], 4, ())


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_every_encoding_of_unicode_is_read(self, encoding: str) -> None:
        text = SERVICE.format(name="grüße-😀").replace("\n", "\r\n")
        assert names(from_bytes(text.encode(encoding))) == ["grüße-😀"]

    def test_a_byte_that_is_no_utf8_loses_its_document_only(self) -> None:
        found = from_bytes(f"# Grüße\n{ONE}".encode("latin-1") + f"---\n{TWO}".encode())
        assert names(found) == ["two"]
        assert (found.broken[0].what, found.broken[0].why) == (
            "<stdin>:1",
            "it holds a byte that is no UTF-8 (0xFC); save it as UTF-8",
        )

    def test_a_binary_file_is_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "secret.yaml"
        file.write_bytes(b"\0GITCRYPT\0" + bytes(range(256)) * 20)
        with pytest.raises(ManifestError, match=r"cannot read .*secret\.yaml: it is no text"):
            read_manifests([str(file)])
        (tmp_path / "one.yaml").write_text(ONE)
        found = read_manifests([str(tmp_path)])
        assert names(found) == ["one"]
        assert [(spot.what, spot.blocks_verdict) for spot in found.broken] == [(str(file), False)]


class TestPaths:
    def test_folders_are_walked_in_order_without_hidden_ones(self, tmp_path: Path) -> None:
        write(tmp_path, b_yaml=ONE, a__z_yaml=TWO, c__values_yaml="replicas: 1\n", **{"a.txt": "kind: Service"})
        for folder in (".git", "node_modules", "a/.hidden"):
            write(tmp_path / folder, x_yaml="kind: [")
        (tmp_path / ".hidden.yaml").write_text("kind: [")
        (tmp_path / "c" / "n.JSON").write_text(json.dumps(yaml.safe_load(SERVICE.format(name="three"))))
        found = read_manifests([str(tmp_path)])
        assert names(found) == ["two", "one", "three"]
        assert found.files == tuple(str(tmp_path / name) for name in ("a/z.yaml", "b.yaml", "c/n.JSON"))
        assert (found.skipped, found.broken) == (1, ())

    def test_a_file_is_read_once_however_often_it_is_named(self, tmp_path: Path) -> None:
        write(tmp_path, a_yaml=ONE)
        (tmp_path / "b.yaml").symlink_to("a.yaml")
        assert names(read_manifests([str(tmp_path), str(tmp_path / "a.yaml"), f"{tmp_path}/*.yaml"])) == ["one"]

    def test_links_in_a_circle_end(self, tmp_path: Path) -> None:
        write(tmp_path, a__one_yaml=ONE, b__two_yaml=TWO)
        for folder in ("a", "b"):
            for name in ("up", "again"):
                (tmp_path / folder / name).symlink_to("..")
        assert names(read_manifests([str(tmp_path)])) == ["one", "two"]
        assert names(read_manifests([f"{tmp_path}/**/*.yaml"])) == ["one", "two"]

    def test_globs_are_expanded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, a__one_yaml=ONE, b__c__two_yaml=TWO, **{".x__y_yaml": "kind: [", "a__notes.md": "kind: ["})
        monkeypatch.chdir(tmp_path)
        assert names(read_manifests(["a/*"])) == ["one"]
        assert names(read_manifests(["**/*.yaml"])) == ["one", "two"]
        assert names(read_manifests([f"{tmp_path}/?/[c]"])) == ["two"]
        assert read_manifests(["a/o*.yaml"]).files == ("a/one.yaml",)

    def test_a_file_with_a_name_like_a_glob_is_itself(self, tmp_path: Path) -> None:
        write(tmp_path, **{"[a]_yaml": ONE, "a_yaml": TWO})
        assert names(read_manifests([str(tmp_path / "[a].yaml")])) == ["one"]

    def test_a_pipe_is_read_where_it_is_named_and_passed_by_in_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path, a_yaml=ONE)
        os.mkfifo(tmp_path / "pipe.yaml")
        os.mkfifo(tmp_path / "kustomization.yaml")
        assert names(read_manifests([str(tmp_path)])) == ["one"]
        reading, writing = os.pipe()
        os.write(writing, TWO.encode())
        os.close(writing)
        assert names(read_manifests([f"/dev/fd/{reading}"])) == ["two"]
        os.close(reading)

    def test_standard_input_and_files_go_together(self, tmp_path: Path) -> None:
        write(tmp_path, a_yaml=ONE)
        assert names(read_manifests([str(tmp_path), "-"], stdin=io.StringIO(TWO))) == ["one", "two"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("nothing.yaml", "there is no file or folder nothing.yaml"),
            ("", "there is no file or folder ''"),
            ("a.yaml/b", "there is no file or folder a.yaml/b"),
            ("x\0y", r"cannot read 'x\\x00y'"),
            ("*.json", r"nothing matches \*\.json"),
            ("empty", r"empty holds no \.yaml, \.yml or \.json file"),
            ("plain", "none of the 1 files of plain holds a Kubernetes object"),
            ("plain/*.yaml", r"none of the 1 files of plain/\*\.yaml holds a Kubernetes object"),
            ("plain/x.yaml", r"plain/x\.yaml holds no Kubernetes object, which has apiVersion and kind$"),
            ("values.yaml", r"render it first: helm template \. \| grpcdoctor inspect -f -"),
            ("kustomization.yaml", r"build it first: kustomize build \. \| grpcdoctor inspect -f -"),
            ("blank.yaml", r"blank\.yaml is empty"),
            ("list.yaml", r"list\.yaml is a List without items: kubectl found no such objects"),
            ("https://example.com/a.yaml", r"curl -fsSL https://example\.com/a\.yaml \| grpcdoctor inspect -f -"),
        ],
    )
    def test_a_word_that_stands_for_nothing_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, message: str
    ) -> None:
        write(tmp_path, a_yaml=ONE, plain__x_yaml="a: 1\n", values_yaml="a: 1\n", blank_yaml=" \n")
        write(tmp_path, list_yaml="apiVersion: v1\nitems: []\nkind: List\n")
        write(tmp_path, kustomization_yaml="apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ManifestError, match=message):
            read_manifests(["a.yaml", word])

    def test_standard_input_is_read_once_and_must_not_be_empty(self) -> None:
        with pytest.raises(ManifestError, match="named twice"):
            read_manifests(["-", "-"], stdin=io.StringIO(ONE))
        for data in (b"", b"\xef\xbb\xbf \r\n"):
            with pytest.raises(ManifestError, match="input: it is empty; did the command before the pipe fail"):
                from_bytes(data)

    def test_a_process_without_standard_input_is_told_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", None)
        with pytest.raises(ManifestError, match="cannot read standard input"):
            read_manifests(["-"])

    def test_a_folder_that_cannot_be_listed_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, a_yaml=ONE)
        scandir = os.scandir

        def refuse(folder: str) -> Any:
            if str(folder).endswith("shut"):
                raise PermissionError(13, "Permission denied", folder)
            return scandir(folder)

        (tmp_path / "shut").mkdir()
        monkeypatch.setattr(os, "scandir", refuse)
        spot = read_manifests([str(tmp_path)]).broken[0]
        assert (spot.what, spot.why, spot.blocks_verdict) == (str(tmp_path / "shut"), "Permission denied", True)
        with pytest.raises(ManifestError, match=r"cannot read .*shut: Permission denied"):
            read_manifests([str(tmp_path / "shut")])

    def test_a_file_that_cannot_be_read_keeps_a_folder_from_being_all_well(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(file: str) -> bytes:
            raise PermissionError(13, "Permission denied", file)

        write(tmp_path, a_yaml=ONE, b_yaml=TWO)
        read_file = manifest_files._read_file
        monkeypatch.setattr(manifest_files, "_read_file", lambda f: refuse(f) if f.endswith("a.yaml") else read_file(f))
        spot = read_manifests([str(tmp_path)]).broken[0]
        assert (spot.what, spot.why, spot.blocks_verdict) == (str(tmp_path / "a.yaml"), "Permission denied", True)
        with pytest.raises(ManifestError, match=r"cannot read .*a\.yaml: Permission denied"):
            read_manifests([str(tmp_path / "a.yaml")])

    def test_sizes_are_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, a_yaml=ONE, b_yaml=TWO)
        monkeypatch.setattr(manifest_files, "LARGEST_FILE", 10)
        with pytest.raises(ManifestError, match="larger than"):
            read_manifests([str(tmp_path / "a.yaml")])
        monkeypatch.setattr(manifest_files, "MOST_FILES", 1)
        with pytest.raises(ManifestError, match="more than 1 YAML and JSON files"):
            read_manifests([str(tmp_path)])


@given(st.lists(st.dictionaries(st.text("abc: -#\n'", max_size=6), st.text("ab:- #\n\"'", max_size=12), max_size=4)))
@settings(max_examples=200, deadline=None)
def test_a_list_cut_into_items_is_the_list_read_whole(data: list[dict[str, str]]) -> None:
    items: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{i}"}, "data": each}
        for i, each in enumerate(data)
    ]
    items.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "last"}, "data": {}})
    text = yaml.safe_dump({"apiVersion": "v1", "items": items, "kind": "List"}, width=15)
    assert [item.raw for item in from_stdin(text).objects] == items


@given(st.binary(max_size=80))
@settings(max_examples=500, deadline=None)
def test_no_bytes_make_it_raise_anything_else(data: bytes) -> None:
    try:
        from_bytes(ONE.encode() + b"---\n" + data)
        from_bytes(data)
    except ManifestError as error:
        assert "\n" not in str(error)  # noqa: PT017
