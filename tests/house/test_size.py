"""A budget for the eye: modules are short, and the whole stays within sight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

#: a module that passes this is two
LONGEST = 600
#: most modules are at most this long
USUAL = 400


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.parametrize("folder", ["src", "examples", "docs", "bench"])
def test_no_module_is_longer_than_600_lines(root: Path, folder: str) -> None:
    long = {str(path.relative_to(root)): lines(path) for path in (root / folder).rglob("*.py")}
    assert not {name: count for name, count in long.items() if count > LONGEST}


def test_few_modules_are_longer_than_400_lines(package: Path) -> None:
    sizes = [lines(path) for path in package.rglob("*.py")]
    assert sum(size > USUAL for size in sizes) <= len(sizes) // 20


def test_every_package_has_code_and_tells_its_size(
    package: Path, record_property: Callable[[str, object], None]
) -> None:
    """The sizes are in the report that `pytest --junit-xml` writes."""
    sizes: Counter[str] = Counter()
    for path in package.rglob("*.py"):
        sizes["/".join(path.relative_to(package).parts[:-1][:2]) or "."] += lines(path)
    for name, count in sorted(sizes.items()):
        record_property(f"lines of {name}", count)
    assert min(sizes.values()) > 0
