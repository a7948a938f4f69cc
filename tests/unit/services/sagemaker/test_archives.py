"""Archives stay in their folder on the way in, and are the same bytes for the same content on the way out."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from stepwell.services.sagemaker import archives
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.staging import relative


def tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for member in members:
            file.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    made.size = 1 if kind == tarfile.REGTYPE else 0
    return made


@pytest.mark.parametrize(
    "bad",
    [
        member("/etc/absolute"),
        member("../outside"),
        member("inside/../../outside"),
        member("link", tarfile.SYMTYPE, "../../secret"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("hard", tarfile.LNKTYPE, "../secret"),
        member("device", tarfile.CHRTYPE),
    ],
    ids=lambda each: f"{each.name}-{each.linkname}",
)
def test_nothing_is_unpacked_outside_its_folder(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    archive = tar(tmp_path / "a.tar.gz", bad)
    folder = tmp_path / "in" / "folder"
    with pytest.raises(RunFailed):
        archives.unpack(archive, folder)
    assert not any(folder.iterdir())
    assert not (tmp_path / "in" / "outside").exists()


def test_what_is_no_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(RunFailed, match=r"model\.tar\.gz cannot be unpacked"):
        archives.unpack(path, tmp_path / "folder")


def test_a_truncated_archive_says_so(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar.gz", *(member(f"file-{number}") for number in range(50)))
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(RunFailed, match="cannot be unpacked"):
        archives.unpack(whole, tmp_path / "folder")


def test_equal_content_packs_to_equal_bytes(tmp_path: Path) -> None:
    packed = []
    for place in ("one", "two"):
        folder = tmp_path / place
        (folder / "deep").mkdir(parents=True)
        names = ("b", "deep/a") if place == "one" else ("deep/a", "b")
        for name in names:
            (folder / name).write_text(name)
            os.utime(folder / name, (len(place) * len(name), 7 if place == "one" else 9))
        archives.pack(folder, tmp_path / f"{place}.tar.gz")
        packed.append((tmp_path / f"{place}.tar.gz").read_bytes())
    assert packed[0] == packed[1]
    archives.unpack(tmp_path / "one.tar.gz", tmp_path / "back")
    assert (tmp_path / "back" / "deep" / "a").read_text() == "deep/a"


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        ("data/a.csv", "data/a.csv", "a.csv"),
        ("data/train/a.csv", "data/train", "a.csv"),
        ("data/train/a.csv", "data/train/", "a.csv"),
        ("data/train/deep/a.csv", "data/train", "deep/a.csv"),
        ("data/training.csv", "data/train", "training.csv"),
        ("data/a.csv", "", "data/a.csv"),
        ("training.csv", "train", "training.csv"),
    ],
)
def test_where_an_object_of_a_prefix_lies(key: str, prefix: str, path: str) -> None:
    assert relative(key, prefix) == path
