"""`tar.gz` in and out: nothing unpacked lands outside its folder; equal content packs to equal bytes."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from stepwell.services.sagemaker.errors import RunFailed

GZIP = b"\x1f\x8b"
#: headers that stand before a member and hold its long names, and how much of one is read into memory
EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
EXTENDED_LIMIT = 1 << 20
#: one part in so many of a disk is not filled by an archive
RESERVED = 20


class _Member(tarfile.TarInfo):
    """A member whose extended header is not read into memory at whatever size it claims."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in EXTENDED and self.size > EXTENDED_LIMIT:
            raise tarfile.ReadError(f"an extended header claims {self.size} bytes")
        return super()._proc_member(tar)  # type: ignore[misc, no-any-return]


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar, compressed by gzip or not, into `folder`.

    Python's own extraction filters are not used: they came with 3.11.4, and were mended until 3.11.13.
    Raises RunFailed for absolute names, `..`, links that lead out, devices, more than the disk takes, and
    what is no archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open("rb") as file:
            compressed = file.read(2) == GZIP
        links: dict[Path, str] = {}
        with tarfile.open(archive, "r:gz" if compressed else "r:", tarinfo=_Member) as tar:
            for member in tar:
                target = _below(archive, folder, member.name)
                if target == folder and member.isdir():
                    continue
                links.pop(target, None)
                if member.issym():
                    links[target] = _destination(archive, member)
                else:
                    _extract(archive, folder, tar, member, target)
        for target, destination in links.items():  # last, so that nothing is written through one
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(destination)
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        raise RunFailed(f"{archive.name} cannot be unpacked: {error}") from error


def _extract(
    archive: Path, folder: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path
) -> None:
    """A folder, a file, or another name of an earlier file."""
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.islnk():
        earlier = _below(archive, folder, member.linkname)
        if earlier != target:
            target.unlink(missing_ok=True)
            os.link(earlier, target)
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise RunFailed(f"{archive.name} holds what is neither a file, a folder nor a link: {member.name}")
    disk = shutil.disk_usage(folder)
    if member.size > disk.free - disk.total // RESERVED:
        raise RunFailed(f"{archive.name} does not fit on the disk: {member.name} has {member.size} bytes")
    target.unlink(missing_ok=True)
    with target.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    target.chmod(0o755 if member.mode & 0o111 else 0o644)


def _below(archive: Path, folder: Path, name: str) -> Path:
    """Where a member lies. Raises RunFailed for a name that leads out."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise RunFailed(f"{archive.name} holds a name that leads out of it: {name}")
    return folder.joinpath(path)


def _destination(archive: Path, member: tarfile.TarInfo) -> str:
    """Where a symbolic link leads. Raises RunFailed for one that leads out.

    `..` may stand at its beginning only: behind another link it would lead from where that one ends.
    """
    path = PurePosixPath(member.linkname)
    climbs = path.parts.count("..")
    deep = len(PurePosixPath(member.name).parts) - 1
    if path.is_absolute() or climbs > deep or ".." in path.parts[climbs:]:
        raise RunFailed(f"{archive.name} holds a link that leads out of it: {member.name}")
    return member.linkname


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
