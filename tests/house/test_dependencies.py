"""Each dependency is used, and has a row that says why it is one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

#: a requirement's name → what it is imported as, where that differs
IMPORTED = {"boto3": "botocore", "google-re2": "re2", "pulumi-aws": "pulumi_aws", "pyyaml": "yaml"}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~!\[ ;]", requirement)[0] for requirement in requirements}


def test_every_dependency_has_a_row_and_every_row_is_one(root: Path, project: dict[str, Any]) -> None:
    page = (root / "docs" / "dependencies.md").read_text().partition("## Written here")[0]
    rows = set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package"}
    asked = names(project["project"]["dependencies"])
    asked |= names(project["project"]["optional-dependencies"]["pulumi"])
    asked |= names(project["dependency-groups"]["dev"])
    assert rows == asked


def test_every_runtime_dependency_is_imported(package: Path, project: dict[str, Any]) -> None:
    text = "\n".join(path.read_text() for path in package.rglob("*.py"))
    unused = [
        name
        for name in names(project["project"]["dependencies"])
        if not re.search(rf"^\s*(import|from) {IMPORTED.get(name, name)}\b", text, re.MULTILINE)
    ]
    assert not unused
