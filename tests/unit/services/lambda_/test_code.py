"""Packages are unpacked whole, inside their folder, or refused with the entry's name."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from stepwell.services.lambda_ import code
from stepwell.services.lambda_.errors import InvalidParameterValueException


def archive(*entries: tuple[str, str, int]) -> bytes:
    """A zip file of (name, content, mode)."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, content)
    return target.getvalue()


FILE, LINK = stat.S_IFREG | 0o600, stat.S_IFLNK | 0o777


def test_files_folders_modes_and_inner_links_are_unpacked(tmp_path: Path) -> None:
    data = archive(
        ("app.py", "x = 1", FILE),
        ("bin/", "", stat.S_IFDIR | 0o755),
        ("bin/run", "#!", stat.S_IFREG | 0o700),
        ("lib/a/l.so", "../../app.py", LINK),
    )
    code.unpack(data, tmp_path / "p")
    assert (tmp_path / "p" / "app.py").read_text() == "x = 1"
    assert stat.S_IMODE((tmp_path / "p" / "app.py").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "p" / "bin" / "run").stat().st_mode) == 0o755
    assert (tmp_path / "p" / "lib" / "a" / "l.so").read_text() == "x = 1"
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize(
    ("name", "content", "mode"),
    [
        ("/etc/x", "", FILE),
        ("../x", "", FILE),
        ("a/../../x", "", FILE),
        ("a\\..\\x", "", FILE),
        ("link", "/etc/passwd", LINK),
        ("link", "..", LINK),
        ("a/link", "../../x", LINK),
        ("a/link", "b/../../x", LINK),
    ],
)
def test_an_entry_that_leads_outside_is_refused_by_name(
    tmp_path: Path, name: str, content: str, mode: int
) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        code.unpack(archive(("app.py", "", FILE), (name, content, mode)), tmp_path / "p")
    assert repr(name) in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    data = archive(("d/x", "y", FILE), ("d", "e", LINK))
    with pytest.raises(InvalidParameterValueException):
        code.unpack(data, tmp_path / "p")
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_stopped_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "UNZIPPED_LIMIT", 1000)
    code.unpack(archive(("a", "x" * 500, FILE), ("b", "x" * 500, FILE)), tmp_path / "p")
    with pytest.raises(InvalidParameterValueException, match="Unzipped size must be smaller than 1000 bytes"):
        code.unpack(archive(("a", "x" * 500, FILE), ("b", "x" * 501, FILE)), tmp_path / "q")
    monkeypatch.setattr(code, "FILES_LIMIT", 1)
    with pytest.raises(InvalidParameterValueException, match="more than 1 files"):
        code.unpack(archive(("a", "", FILE), ("b", "", FILE)), tmp_path / "q")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("data", [b"", b"not a zip", archive(("app.py", "x" * 99, FILE))[:-30]])
def test_what_is_no_zip_file_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidParameterValueException, match="Could not unzip uploaded file"):
        code.unpack(data, tmp_path / "p")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterValueException, match="Uploaded file must be a non-empty zip"):
        code.unpack(archive(("d/", "", stat.S_IFDIR)), tmp_path / "p")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive(("app.py", "x = 1", FILE)))
    data[40] ^= 0xFF
    with pytest.raises(InvalidParameterValueException):
        code.unpack(bytes(data), tmp_path / "p")


def test_a_package_that_another_call_unpacked_is_left_alone(tmp_path: Path) -> None:
    data = archive(("app.py", "x = 1", FILE))
    code.unpack(data, tmp_path / "p")
    code.unpack(data, tmp_path / "p")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
