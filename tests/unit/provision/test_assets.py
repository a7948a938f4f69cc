"""Files that a program hands over: the same files are the same bytes."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from stepwell.provision import assets
from stepwell.provision.problems import ResourceRefused
from stepwell.provision.values import Source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    (code / "package").mkdir(parents=True)
    (code / "main.py").write_text("main")
    (code / "package" / "__init__.py").write_text("")
    (code / "run.sh").write_text("#!/bin/sh")
    (code / "run.sh").chmod(0o755)
    return tmp_path


def _names(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.namelist()


def test_a_folder_gives_the_same_zip_whatever_its_times(folder: Path) -> None:
    """Sorted names, fixed times, executable bits kept."""
    first = assets.read(Source(archive=True, path="code"), folder)
    os.utime(folder / "code" / "main.py", (1, 1))
    second = assets.read(Source(archive=True, path="code"), folder)
    assert (first.data, first.sha256) == (second.data, second.sha256)
    assert _names(first.data) == ["main.py", "package/__init__.py", "run.sh"]
    with zipfile.ZipFile(io.BytesIO(first.data)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert (modes["run.sh"], modes["main.py"]) == (0o755, 0o644)


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_any_change_changes_the_hash(folder: Path, change: str) -> None:
    """Bytes, names and executable bits are what a function sees."""
    before = assets.read(Source(archive=True, path="code"), folder).sha256
    file = folder / "code" / "main.py"
    if change == "content":
        file.write_text("other")
    elif change == "name":
        file.rename(file.with_name("renamed.py"))
    else:
        file.chmod(0o755)
    assert assets.read(Source(archive=True, path="code"), folder).sha256 != before


def test_a_zip_is_passed_on_and_a_tar_becomes_one(folder: Path) -> None:
    """A zip's own bytes are uploaded; other archives are repacked."""
    zipped = assets.read(Source(archive=True, path="code"), folder).data
    (folder / "code.zip").write_bytes(zipped)
    assert assets.read(Source(archive=True, path="code.zip"), folder).data == zipped
    with tarfile.open(folder / "code.tar.gz", "w:gz") as archive:
        archive.add(folder / "code" / "main.py", "./main.py")
    assert _names(assets.read(Source(archive=True, path="code.tar.gz"), folder).data) == ["main.py"]


def test_an_archive_is_put_together_from_parts(folder: Path) -> None:
    """`.` is the root; nested archives spread under their name."""
    parts = {
        ".": Source(archive=True, path="code/package"),
        "lib": Source(archive=True, path="code/package"),
        "config.json": Source(archive=False, text="{}"),
        "m.py": Source(archive=False, path="code/main.py"),
    }
    content = assets.read(Source(archive=True, members=parts), folder)
    assert _names(content.data) == ["__init__.py", "config.json", "lib/__init__.py", "m.py"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Source(archive=False, path="absent.txt"), "asset absent.txt: No such file or directory"),
        (Source(archive=True, path="absent"), "asset absent: No such file or directory"),
        (Source(archive=True, path="code/main.py"), "archive code/main.py"),
        (Source(archive=False, uri="https://example.org/x"), "remote asset https://example.org/x"),
        (Source(archive=True, members={"../x": Source(archive=False, text="")}), "lies outside"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(folder: Path, source: Source, message: str) -> None:
    """The path is in the message."""
    with pytest.raises(ResourceRefused, match=message):
        assets.read(source, folder)


def test_a_link_to_a_folder_is_refused_rather_than_left_out(folder: Path) -> None:
    """A package that silently lacks files would fail later and elsewhere."""
    (folder / "code" / "link").symlink_to(folder)
    with pytest.raises(ResourceRefused, match="link to a folder"):
        assets.read(Source(archive=True, path="code"), folder)
