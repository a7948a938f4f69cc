"""Shipped packages: the same code is the same archive, and Python runs it as it is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from stepwell.retrain import archives


@pytest.mark.parametrize("package", ["gate", "prepare"])
def test_an_archive_is_the_same_every_time_and_holds_the_whole_package(tmp_path: Path, package: str) -> None:
    first, second = (archives.write(package, tmp_path / "new" / name) for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == second.read_bytes()
    folder = archives.HERE / package
    with zipfile.ZipFile(first) as packed:
        assert packed.namelist() == [f"{package}/{path.name}" for path in sorted(folder.glob("*.py"))]
        assert all(packed.read(name) == (archives.HERE / name).read_bytes() for name in packed.namelist())


def test_a_package_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        archives.write("absent", tmp_path / "absent.zip")
    assert not (tmp_path / "absent.zip").exists()
