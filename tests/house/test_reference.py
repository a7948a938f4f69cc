"""The reference is written from the tables that the server runs on, and leaves nothing of them out."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from stepwell.api.operations import Service
from stepwell.cli import COMMANDS
from stepwell.provision.aws import TYPES


@pytest.fixture(scope="module")
def build(root: Path) -> ModuleType:
    """docs/build.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("build_reference", root / "docs" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_operation_is_in_the_reference(build: ModuleType, services: Mapping[str, Service]) -> None:
    page = "\n".join(build.operations(services))
    assert not [
        f"{name} {operation}"
        for name, service in services.items()
        for operation in service.operations
        if f"| `{operation}` |" not in page
    ]


def test_every_pulumi_property_is_in_the_reference(build: ModuleType) -> None:
    sections = re.split(r"^## ", "\n".join(build.pulumi()), flags=re.MULTILINE)
    told = {section.partition("\n")[0]: section for section in sections}
    missing = [
        f"{token} {name}"
        for token, kind in TYPES.items()
        for name in kind.properties
        if f"`{name}`" not in told[token]
    ]
    assert not missing


def test_every_command_is_in_the_reference(build: ModuleType) -> None:
    page = "\n".join(build.help_pages())
    assert [name for name in COMMANDS if f"## stepwell {name}\n" in page] == list(COMMANDS)


def test_what_the_language_refuses_is_told_with_its_reason(build: ModuleType) -> None:
    page = "\n".join(build.language())
    assert "| `ItemReader` | refused: distributed Map is not supported |" in page
    assert "| `Arguments` | honoured in JSONata states |" in page


def test_the_site_lists_the_pages_that_are_written(build: ModuleType, root: Path) -> None:
    listed = set(re.findall(r"reference/([\w-]+)\.md", (root / "mkdocs.yml").read_text()))
    source = (root / "docs" / "build.py").read_text()
    written = set(re.findall(r'^        "(\w+)": \w+\(', source, re.MULTILINE))
    assert listed == written


def test_a_cell_cannot_break_its_table(build: ModuleType) -> None:
    assert list(build.table(("a",), [("x | y",)]))[2] == "| x / y |"
