"""The user's training scripts as the archive that SageMaker's script mode wants, always the same bytes."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from stepwell.retrain.resources import train_and_pack

#: the script that a training job runs first
PROGRAM = "train_and_pack.py"


def packed(code: Path, *, entry_point: str, inference: str) -> bytes:
    """The folder's files and ours. Caches and hidden files stay out."""
    own = {
        PROGRAM: Path(train_and_pack.__file__).read_bytes(),
        train_and_pack.TOLD: json.dumps({"entry_point": entry_point, "inference": inference}).encode(),
    }
    whole = BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=whole, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in sorted({**dict(_files(code)), **own}.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    return whole.getvalue()


def _files(code: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(code.rglob("*")):
        within = path.relative_to(code)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in within.parts)
        if path.is_file() and not hidden:
            yield within.as_posix(), path.read_bytes()
