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
        member("pipe", tarfile.FIFOTYPE),
        member("hard", tarfile.LNKTYPE, "/etc/passwd"),
        member("deep/link", tarfile.SYMTYPE, "../deep/../../secret"),
    ],
    ids=lambda each: f"{each.name}-{each.linkname}",
)
def test_nothing_is_unpacked_outside_its_folder(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    archive = tar(tmp_path / "a.tar.gz", bad)
    folder = tmp_path / "in" / "folder"
    with pytest.raises(RunFailed):
        archives.unpack(archive, folder)
    assert not [path for path in folder.rglob("*") if not path.is_dir()]
    assert not (tmp_path / "in" / "outside").exists()


@pytest.mark.parametrize(
    "members",
    [
        [member("a", tarfile.SYMTYPE, "b"), member("a/file")],
        [member("a", tarfile.SYMTYPE, "b"), member("b", tarfile.SYMTYPE, "c"), member("a/file")],
        [member("deep/a", tarfile.SYMTYPE, "../b"), member("deep/a/file")],
    ],
)
def test_nothing_is_written_through_a_link(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    """A name that is a link and a folder is neither: links that lead nowhere yet cannot be aimed later."""
    with pytest.raises(RunFailed):
        archives.unpack(tar(tmp_path / "a.tar.gz", *members), tmp_path / "folder")
    assert not (tmp_path / "folder" / "b").exists()


def test_the_last_member_of_a_name_holds_and_links_stay(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    kept = member("bin/run")
    kept.mode = 0o4755
    archives.unpack(
        tar(
            tmp_path / "a.tar.gz",
            member("./", tarfile.DIRTYPE),
            member("name", tarfile.SYMTYPE, "bin/run"),
            kept,
            member("./name"),
            member("lib/run", tarfile.SYMTYPE, "../bin/run"),
            member("same", tarfile.LNKTYPE, "bin/run"),
        ),
        folder,
    )
    assert not (folder / "name").is_symlink()
    assert (folder / "lib/run").resolve() == folder / "bin/run"
    assert (folder / "same").read_text() == "x"
    assert (folder / "bin/run").stat().st_mode & 0o7777 == 0o755


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path: Path) -> None:
    header = member("x", tarfile.XHDTYPE)
    header.size = 4 << 30
    path = tmp_path / "a.tar"
    path.write_bytes(header.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    with pytest.raises(RunFailed, match="claims"):
        archives.unpack(path, tmp_path / "folder")


def test_what_the_disk_does_not_take_is_not_begun(tmp_path: Path) -> None:
    huge = member("huge")
    huge.size = 1 << 50
    path = tmp_path / "a.tar"
    path.write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(RunFailed, match="does not fit"):
        archives.unpack(path, tmp_path / "folder")


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
