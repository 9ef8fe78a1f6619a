"""docs/glossary.md and cebox.domain speak the same words."""

import importlib
import inspect
import pkgutil
import re
from enum import Enum
from pathlib import Path

import cebox.domain

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<french>[^|]+) \| (?P<english>[^|]+) \| `(?P<code>[\w.]+)` \|$", re.MULTILINE)


def load_domain_names() -> dict[str, object]:
    names: dict[str, object] = {}
    for module in pkgutil.iter_modules(cebox.domain.__path__, "cebox.domain."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if getattr(value, "__module__", None) == module.name:
                names[name] = value
    return names


def test_every_word_of_the_glossary_is_a_name_of_the_domain() -> None:
    names = load_domain_names()
    rows = ROW.findall((ROOT / "docs/glossary.md").read_text())
    assert len(rows) > 40
    for _french, _english, code in rows:
        owner, _, member = code.partition(".")
        assert owner in names, f"the domain has no {owner}"
        if member:
            assert hasattr(names[owner], member), f"the domain has no {code}"


def test_every_class_of_the_domain_and_every_state_is_in_the_glossary() -> None:
    listed = {code for _, _, code in ROW.findall((ROOT / "docs/glossary.md").read_text())}
    for name, value in load_domain_names().items():
        if inspect.isclass(value):
            assert name in listed or any(code.startswith(f"{name}.") for code in listed), (
                f"{name} is not in the glossary"
            )
            if issubclass(value, Enum) and name in {
                "ActionState",
                "ActionKind",
                "Phase",
                "Place",
                "Role",
                "DeviceKind",
            }:
                assert {f"{name}.{member.name}" for member in value} <= listed


def test_no_french_label_stands_for_two_names() -> None:
    labels = [french for french, _, _ in ROW.findall((ROOT / "docs/glossary.md").read_text())]
    assert len(labels) == len(set(labels))
