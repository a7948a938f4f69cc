"""The job's one JSON file: what is declared, how rows are read, where they come from, who released."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .faults import SettingsInvalid
from .settings import Input, Settings
from .sources import Release, Sources

PARTS = ("gate", "input", "sources", "released")


@dataclass(frozen=True)
class Configuration:
    """What a gate's job is told."""

    #: what is declared
    settings: Settings
    #: how the batch's files are read
    input: Input
    #: where things come from, as far as the job can't see it
    sources: Sources
    #: who released the batch after it was quarantined; None: nobody
    released: Release | None

    @classmethod
    def read(cls, folder: Path) -> Configuration:
        """The configuration of a folder's JSON file. Raises SettingsInvalid."""
        paths = sorted(folder.rglob("*.json"))
        if len(paths) != 1:
            raise SettingsInvalid(f"config has {len(paths)} JSON files; one is needed")
        name = paths[0].name
        try:
            value = json.loads(paths[0].read_text("utf-8"))
        except ValueError as error:
            raise SettingsInvalid(f"{name} is no JSON: {error}") from None
        if not isinstance(value, dict) or not isinstance(value.get("gate"), dict):
            raise SettingsInvalid(f'{name} must be an object with "gate"')
        more = sorted(set(value) - set(PARTS))
        if more:
            raise SettingsInvalid(f"{name} has {', '.join(PARTS)}, not {', '.join(more)}")
        parts: dict[str, Any] = {part: {} if value.get(part) is None else value[part] for part in PARTS}
        for part, each in parts.items():
            if not isinstance(each, dict):
                raise SettingsInvalid(f"{name}: {part} must be an object, not {each!r}")
        return cls(
            Settings.from_json(parts["gate"]),
            Input.from_json(parts["input"]),
            Sources.told(parts["sources"]),
            Release.told(parts["released"]) if value.get("released") is not None else None,
        )
