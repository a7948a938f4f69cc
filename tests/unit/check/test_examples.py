"""Our own examples have nothing to find, here and for AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.check import check

EXAMPLES = sorted(
    path.parent for path in (Path(__file__).resolve().parents[3] / "examples").glob("*/__main__.py")
)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_nothing_is_found_in_an_example(folder: Path) -> None:
    found = check(folder, target="aws")
    assert [f"{each.place.file}:{each.place.line} {each.code} {each.message}" for each in found] == []
