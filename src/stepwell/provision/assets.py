"""Assets and archives: the files that a program hands to a resource.

The same files must give the same bytes on every run and machine, or each `up` would upload the function's
code again: names are sorted, times are fixed, modes are reduced to executable or not, and the hash is taken
over what is inside, not over the compressed form. Paths are relative to the program's folder.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from posixpath import normpath
from typing import Any

from stepwell.provision.problems import ResourceRefused
from stepwell.provision.values import Content, Source

_EPOCH = (1980, 1, 1, 0, 0, 0)
#: name → (bytes, executable)
Members = dict[str, tuple[bytes, bool]]


def read_all(value: Any, folder: Path) -> Any:
    """`value` with every source in it read.

    Raises:
        ResourceRefused: a file is absent or unreadable, or its kind is not supported.
    """
    if isinstance(value, Source):
        return read(value, folder)
    if isinstance(value, Mapping):
        return {key: read_all(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [read_all(item, folder) for item in value]
    return value


def read(source: Source, folder: Path) -> Content:
    """What `source` holds. A zip file is passed on byte by byte, any other archive becomes a zip."""
    if source.uri is not None:
        raise ResourceRefused(
            f"remote asset {source.uri}",
            advice="Only files of the program are read: download it and name the file",
        )
    if not source.archive:
        data = _asset(source, folder)
        return Content(archive=False, sha256=_sha256(data), about=source.path or "text", data=data)
    if source.path is not None and (folder / source.path).suffix in (".zip", ".jar"):
        data = _file(source.path, folder)
        return Content(archive=True, sha256=_sha256(data), about=source.path, data=data)
    members = _members(source, folder)
    about = source.path if source.path is not None else ", ".join(sorted(source.members or ()))
    return Content(archive=True, sha256=_fingerprint(members), about=about, data=_zip(members))


def _asset(source: Source, folder: Path) -> bytes:
    return source.text.encode() if source.text is not None else _file(source.path or "", folder)


def _file(path: str, folder: Path) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise ResourceRefused(
            f"asset {path}: {error.strerror or error}", advice=f"Paths are relative to {folder}"
        ) from error


def _members(source: Source, folder: Path) -> Members:
    if source.members is not None:
        members: Members = {}
        for name, part in source.members.items():
            if part.archive:
                for inner, entry in _members(part, folder).items():
                    members[_inside(f"{name}/{inner}")] = entry
            else:
                members[_inside(name)] = (_asset(part, folder), False)
        return members
    path = source.path or ""
    full = folder / path
    if full.is_dir():
        return dict(_walk(full))
    data = io.BytesIO(_file(path, folder))
    try:
        if zipfile.is_zipfile(data):
            return _unzip(data)
        data.seek(0)
        return _untar(data)
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise ResourceRefused(
            f"archive {path}: {error}", advice="An archive is a folder, a .zip, a .tar or a .tar.gz"
        ) from error


def _walk(top: Path) -> Iterator[tuple[str, tuple[bytes, bool]]]:
    for place, folders, files in os.walk(top):
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise ResourceRefused(
                    f"archive {top}: {Path(place) / name} is a link to a folder",
                    advice="Copy the folder instead",
                )
        for name in files:
            file = Path(place) / name
            try:
                yield file.relative_to(top).as_posix(), (file.read_bytes(), os.access(file, os.X_OK))
            except OSError as error:
                raise ResourceRefused(f"archive {top}: {file}: {error.strerror or error}") from error


def _unzip(data: io.BytesIO) -> Members:
    with zipfile.ZipFile(data) as archive:
        return {
            _inside(entry.filename): (archive.read(entry), bool(entry.external_attr >> 16 & 0o111))
            for entry in archive.infolist()
            if not entry.is_dir()
        }


def _untar(data: io.BytesIO) -> Members:
    members: Members = {}
    with tarfile.open(fileobj=data) as archive:
        for entry in archive:
            reader = archive.extractfile(entry) if entry.isfile() else None
            if reader is not None:
                members[_inside(entry.name)] = (reader.read(), bool(entry.mode & 0o111))
    return members


def _inside(name: str) -> str:
    clean = normpath(name)
    if clean.startswith(("/", "..")):
        raise ResourceRefused(f"archive member {name} lies outside of the archive")
    return clean


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _fingerprint(members: Members) -> str:
    digest = hashlib.sha256()
    for name in sorted(members):
        data, executable = members[name]
        digest.update(f"{name}\0{int(executable)}\0{_sha256(data)}\n".encode())
    return digest.hexdigest()


def _zip(members: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            data, executable = members[name]
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
