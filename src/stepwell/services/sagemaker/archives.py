"""`tar.gz` in and out: nothing unpacked lands outside its folder; equal content packs to equal bytes."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

from stepwell.services.sagemaker.errors import RunFailed


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar, compressed or not, into `folder`.

    Raises RunFailed for absolute names, `..`, links that lead out, devices, and what is no archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if os.path.isabs(member.name):
                    raise RunFailed(f"{archive.name} holds an absolute name: {member.name}")
                tar.extract(member, folder, filter="data")
    except (tarfile.FilterError, tarfile.TarError, EOFError, OSError, gzip.BadGzipFile) as error:
        raise RunFailed(f"{archive.name} cannot be unpacked: {error}") from error


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
