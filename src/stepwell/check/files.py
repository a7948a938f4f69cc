"""Files that a program makes while it runs, kept for as long as they are looked into."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepwell.provision.values import Source


class Files:
    """Keeps the files and folders that assets and archives name, where they lie among temporary files."""

    def __init__(self, program: Path, keep: Path) -> None:
        self._program = program
        self._keep = keep
        self._copies: dict[Path, Path] = {}

    def kept(self, value: Any) -> Any:
        """The value with the paths of its files where they stay."""
        if isinstance(value, Source):
            return self._source(value)
        if isinstance(value, Mapping):
            return {name: self.kept(item) for name, item in value.items()}
        return [self.kept(item) for item in value] if isinstance(value, list) else value

    def _source(self, source: Source) -> Source:
        if source.members is not None:
            return replace(
                source, members={name: self._source(each) for name, each in source.members.items()}
            )
        path = Path(source.path or "")
        if not path.is_absolute() or path.is_relative_to(self._program) or not path.exists():
            return source
        if not path.is_relative_to(tempfile.gettempdir()):
            return source
        return replace(source, path=str(self._copies.get(path) or self._copy(path)))

    def _copy(self, path: Path) -> Path:
        copy = self._copies[path] = self._keep / str(len(self._copies)) / path.name
        copy.parent.mkdir()
        if path.is_dir():
            shutil.copytree(path, copy, copy_function=_linked)
        else:
            _linked(str(path), str(copy))
        return copy


def _linked(source: str, target: str) -> None:
    """A second name of a file, or a copy of it where another file system is meant."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
