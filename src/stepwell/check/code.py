"""The code that a function is made of: a folder, a zip, or an archive put together, as names of files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stepwell.check.paths import located, spelled
from stepwell.check.program import Program
from stepwell.check.resources import Declared
from stepwell.check.values import Made, Object, Value, known

#: the files of a package that are looked at
MOST = 20_000


@dataclass(slots=True, kw_only=True)
class Package:
    """The files of a function's package."""

    #: their names in the package, with what reads each and its size in bytes
    files: Mapping[str, tuple[Callable[[], bytes], int]]
    #: folders and files that the program names and that aren't there, with where it names them
    absent: list[tuple[Value, str]]
    #: whether there may be more files than these
    open: bool
    #: the size of the zip, where the program names one
    zipped: int | None = None

    def text(self, name: str) -> str | None:
        """A file's text; None where there is none, or it isn't UTF-8."""
        if name not in self.files:
            return None
        try:
            return self.files[name][0]().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError, zipfile.BadZipFile, RuntimeError):
            return None


def package(program: Program, function: Declared) -> Package | None:
    """The package of a function; None where its code isn't named here."""
    code = function.get("code")
    if not isinstance(code, Made) or not code.kind.endswith("Archive"):
        return None
    found = Package(files={}, absent=[], open=False)
    found.files = _gathered(program, code, found)
    return found


def _gathered(
    program: Program, value: Value | None, found: Package
) -> dict[str, tuple[Callable[[], bytes], int]]:
    value = known(value)
    if not isinstance(value, Made):
        found.open = True
        return {}
    argument = known(value.arguments[0] if value.arguments else next(iter(value.named.values()), None))
    if value.kind == "pulumi.AssetArchive" and isinstance(argument, Object):
        found.open = found.open or argument.open
        files: dict[str, tuple[Callable[[], bytes], int]] = {}
        for name, inner in argument.entries.items():
            for below, file in _gathered(program, inner, found).items():
                files["/".join(part for part in (name.strip("./"), below) if part)] = file
        return files
    text = spelled(argument)
    if value.kind not in ("pulumi.FileArchive", "pulumi.FileAsset") or text is None:
        found.open = True
        # an asset of a text is one file, named by the archive around it
        return {"": (bytes, 0)} if value.kind.endswith("Asset") else {}
    return _below(located(program.folder, text), argument or value, text, value.kind, found)


def _below(
    path: Path, value: Value, text: str, kind: str, found: Package
) -> dict[str, tuple[Callable[[], bytes], int]]:
    try:
        if kind == "pulumi.FileAsset" and path.is_file():
            return {"": (path.read_bytes, path.stat().st_size)}
        if path.is_dir() and kind == "pulumi.FileArchive":
            return _of_folder(path, found)
        if path.is_file():
            found.zipped = path.stat().st_size
            return _of_zip(path)
    except (OSError, zipfile.BadZipFile):
        found.open = True
        return {}
    found.absent.append((value, text))
    return {}


def _of_folder(path: Path, found: Package) -> dict[str, tuple[Callable[[], bytes], int]]:
    files: dict[str, tuple[Callable[[], bytes], int]] = {}
    for file in path.rglob("*"):
        if len(files) >= MOST:
            found.open = True
            break
        if file.is_file() and "__pycache__" not in file.parts:
            files[file.relative_to(path).as_posix()] = (file.read_bytes, file.stat().st_size)
    return files


def _of_zip(path: Path) -> dict[str, tuple[Callable[[], bytes], int]]:
    def reader(name: str) -> Callable[[], bytes]:
        def read() -> bytes:
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)

        return read

    with zipfile.ZipFile(path) as archive:
        return {
            each.filename: (reader(each.filename), each.file_size)
            for each in archive.infolist()[:MOST]
            if not each.is_dir() and each.file_size < 50_000_000
        }
