"""`tar.gz` in and out: nothing unpacked lands outside its folder; equal content packs to equal bytes."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path

from stepwell.services.sagemaker.errors import RunFailed


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar, compressed or not, into `folder`.

    Raises RunFailed for absolute names, `..`, links that lead out, devices, and what is no archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, root)
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise RunFailed(f"{archive.name} cannot be unpacked: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    """Python's own extraction filters came with 3.11.4, and Debian 12 has 3.11.2."""
    target = _inside(member.name, root)
    if target == root:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(root):
        raise ValueError(f"{member.name} would be written through a link")
    if target.is_symlink():
        target.unlink()
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        within = os.path.relpath(target.parent, root)
        _inside(os.path.normpath(os.path.join(within, member.linkname)), root)
        target.symlink_to(member.linkname)
    elif member.isreg() or member.islnk():
        if member.islnk():
            _inside(member.linkname, root)
        content = tar.extractfile(member)
        if content is None:
            raise ValueError(f"{member.name} links to nothing in the archive")
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
        target.chmod(member.mode & 0o755 | 0o600)
    else:
        raise ValueError(f"{member.name} is neither a file nor a folder nor a link")


def _inside(name: str, root: Path) -> Path:
    """The path of `name` below `root`. Raises ValueError for one that leads out."""
    if os.path.isabs(name) or ".." in Path(name).parts:
        raise ValueError(f"{name} leads out of the folder")
    return root / name


def pack(folder: Path, archive: Path) -> None:
    """Pack what is in `folder`, names relative to it, sorted, without owners and with fixed times."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            member = tar.gettarinfo(path, arcname=str(path.relative_to(folder)))
            if member is None:
                continue
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = 0
            if member.isreg():
                with path.open("rb") as file:
                    tar.addfile(member, file)
            else:
                tar.addfile(member)


def is_empty(folder: Path) -> bool:
    """Whether a folder is absent or holds nothing."""
    return not folder.is_dir() or not any(folder.iterdir())
