"""Imports go down only; what else the floors forbid is in pyproject.toml's import contracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

#: what makes a decision depend on more than its inputs
IMPURE = {
    "time.time",
    "time.monotonic",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "uuid.uuid4",
}
#: the packages whose code is a function of (state, input, now)
PURE = ("asl", "identity", "durable", "engine")


def test_the_import_contracts_hold(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.chdir(root)
    # it would switch off every logger that there is, and later tests read what was logged
    monkeypatch.setattr("logging.config.dictConfig", lambda settings: None)
    assert lint_imports(no_cache=True, no_logo=True) == 0, "run lint-imports to see which import it is"


def _calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ".".join(ast.unparse(node.func).split(".")[-2:])


@pytest.mark.parametrize("part", PURE)
def test_the_core_reads_no_clock_and_never_sleeps(package: Path, part: str) -> None:
    found = {
        f"{path.relative_to(package)}: {name}"
        for path in (package / part).rglob("*.py")
        for name in _calls(path)
        if name in IMPURE
    }
    assert not found
