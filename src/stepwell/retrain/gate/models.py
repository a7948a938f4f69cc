"""A model's artefact and what it answers, from the gate's side: unpacked, asked in a process of its own."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path
from typing import Any

from . import apart
from .decision import Note
from .rows import Rows
from .trial import Model

#: bytes and files that an artefact may unpack to; SageMaker's own bound is the instance's disk
MOST_BYTES, MOST_FILES = 1 << 36, 100_000
#: bytes of a piece
PIECE = 1 << 20


class _Broken(Exception):
    """Why a model has no answers: a code of REASONS without its first word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.note = Note(code, message)


def digest(folder: Path) -> str:
    """SHA-256 of the artefact in a folder; empty where there is none, or none that can be read."""
    archive = _archive(folder)
    if archive is None:
        return ""
    whole = hashlib.sha256()
    try:
        with archive.open("rb") as file:
            for piece in iter(lambda: file.read(PIECE), b""):
                whole.update(piece)
    except OSError:
        return ""
    return whole.hexdigest()


def model(
    folder: Path, known: str, work: Path, sets: dict[str, Rows], task: str
) -> tuple[Model, dict[str, str]]:
    """The answers of the model whose artefact lies in `folder`, and the libraries that it says it loaded.

    known: the artefact's digest before any model was asked; work: a folder that is there for this model
    alone, and empty again afterwards.
    """
    root = work / "model"
    try:
        archive = _archive(folder)
        if archive is None:
            raise _Broken("MISSING", "there is no model.tar.gz.")
        if digest(folder) != known:
            raise _Broken("UNLOADABLE", "model.tar.gz was changed while the gate was at work.")
        _unpack(archive, root)
        return _asked(root, sets, task)
    except _Broken as broken:
        return Model(problem=broken.note), {}
    finally:
        shutil.rmtree(str(root), ignore_errors=True)


def _archive(folder: Path) -> Path | None:
    return next(iter(sorted(folder.rglob("model.tar.gz"))), None)


def _unpack(archive: Path, target: Path) -> None:
    """Lay down the artefact's files; one that would lie elsewhere makes it unloadable."""
    root = target.resolve()
    number, size = 0, 0
    try:
        target.mkdir(parents=True)
        with tarfile.open(archive) as packed:
            # entry by entry, so that an archive of a million is not read before it is refused
            for entry in packed:
                place = (root / entry.name).resolve()
                within = place == root or root in place.parents
                if not within or not (entry.isfile() or entry.isdir()):
                    raise _Broken("UNLOADABLE", f"an entry is no plain file: {entry.name}.")
                number, size = number + 1, size + entry.size
                if number > MOST_FILES or size > MOST_BYTES:
                    told = f"more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB"
                    raise _Broken("UNLOADABLE", f"model.tar.gz unpacks to {told}.")
                packed.extract(entry, str(root))
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _Broken("UNLOADABLE", f"model.tar.gz cannot be unpacked: {error}.") from None


def _asked(root: Path, sets: dict[str, Rows], task: str) -> tuple[Model, dict[str, str]]:
    given = {name: {"columns": rows.columns, "cells": rows.cells} for name, rows in sets.items() if len(rows)}
    try:
        said = apart.ask({"folder": str(root), "task": task, "sets": given})
    except ValueError as error:
        raise _Broken("SHAPE", f"the answers {error}.") from None
    last = said[-1] if said and isinstance(said[-1], dict) else {}
    if "code" in last:
        raise _Broken(_code(last["code"]), str(last.get("sentence")))
    if "predictions" not in last:
        raise _Broken("RAISES" if said else "UNLOADABLE", "its process ended without an answer.")
    predictions, classes, versions = (last.get(name) for name in ("predictions", "classes", "versions"))
    if not isinstance(predictions, dict) or not (classes is None or isinstance(classes, list)):
        raise _Broken("SHAPE", "the answers have another form.")
    told = versions if isinstance(versions, dict) else {}
    return Model(predictions, classes), {str(name): str(each)[:100] for name, each in told.items()}


def _code(given: Any) -> str:
    """One of the codes that a model may end with; whatever else it says is that it raised."""
    return str(given) if given in ("UNLOADABLE", "RAISES", "NAN", "SHAPE") else "RAISES"
