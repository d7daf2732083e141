"""What pyproject.toml says is what the tree has: nothing that users should get is left out of the wheel."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tomli

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS: dict[str, Any] = PROJECT["tool"]["setuptools"]
LINKS = {"checks": "../checks", "probes": "../probes", "pages": "../docs/rules"}


def folder_of(package: str) -> Path:
    """Where setuptools looks for a package: the nearest parent in package-dir decides."""
    mapping: dict[str, str] = SETUPTOOLS["package-dir"]
    parents = [package.rsplit(".", count)[0] for count in range(package.count(".") + 1)]
    home = next((parent for parent in parents if parent in mapping), "")
    rest = package[len(home) :].strip(".")
    return ROOT / mapping.get(home, "") / rest.replace(".", "/")


def packages_in(folder: Path, name: str) -> set[str]:
    """The package in a folder and those below it, links left out."""
    found = {name} if (folder / "__init__.py").exists() else set()
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            found |= packages_in(child, f"{name}.{child.name}")
    return found


def test_the_package_list_equals_the_tree() -> None:
    in_tree = packages_in(ROOT / "grpcdoctor", "grpcdoctor") | {"grpcdoctor.pages"}
    for name in ("checks", "probes"):
        in_tree |= packages_in(ROOT / name, f"grpcdoctor.{name}")
    assert sorted(SETUPTOOLS["packages"]) == sorted(in_tree)


@pytest.mark.parametrize("package", SETUPTOOLS["packages"])
def test_every_listed_package_is_a_folder_of_its_own(package: str) -> None:
    assert folder_of(package).is_dir()


def test_every_file_that_is_not_python_is_package_data() -> None:
    """A schema or a page that no pattern names works in the checkout and is missing from the wheel."""
    data: dict[str, list[str]] = SETUPTOOLS["package-data"]
    left_out = [
        str(path.relative_to(ROOT))
        for package in SETUPTOOLS["packages"]
        for path in folder_of(package).iterdir()
        if path.is_file() and path.suffix not in (".py", ".pyc")
        if not any(path.match(pattern) for pattern in data.get(package, []))
    ]
    assert left_out == []


@pytest.mark.parametrize(("name", "target"), LINKS.items())
def test_the_links_for_type_checkers_are_relative_and_lead_to_the_mapped_folder(name: str, target: str) -> None:
    link = ROOT / "grpcdoctor" / name
    if not link.is_symlink():
        pytest.skip("symbolic links (this checkout was made without them)")
    assert os.readlink(link) == target
    assert link.resolve() == folder_of(f"grpcdoctor.{name}").resolve()


def test_the_links_are_committed_as_links() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--stage", *(f"grpcdoctor/{name}" for name in LINKS)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("git (or this tree is no clone)")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["120000"] * len(LINKS)


def test_the_command_that_is_installed_exists() -> None:
    from importlib import import_module

    module, _, function = PROJECT["project"]["scripts"]["grpcdoctor"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_every_runtime_dependency_has_its_reason_in_contributing() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = [re.split(r"[<>=~!\[; ]", line, maxsplit=1)[0] for line in PROJECT["project"]["dependencies"]]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_changelog_speaks_of_this_version() -> None:
    from grpcdoctor.version import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
