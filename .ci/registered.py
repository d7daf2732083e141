"""Prints what an installed grpcdoctor has registered, one line each: rules, probes, and the pages that it ships."""

from __future__ import annotations

from importlib.resources import files

from grpcdoctor.diagnosis.registry import modules_in, rules

for rule in rules().values():
    print("rule", rule.code, rule.name)
for module in modules_in("grpcdoctor.probes"):
    print("probe", module.__name__.rpartition(".")[2])
for page in sorted(item.name for item in files("grpcdoctor.pages").iterdir() if item.name.endswith(".md")):
    if page != "README.md":
        print("page", page)
