"""Where a judgement's parts come from, and who overruled the one before it."""

from __future__ import annotations

import dataclasses
import importlib
import platform
import sys
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Mapping

from .faults import SettingsInvalid

#: libraries whose own word on their version is evidence, where they were loaded
LIBRARIES = ("numpy", "scipy", "sklearn", "joblib", "pandas", "xgboost", "lightgbm", "torch", "tensorflow")
#: what the program that starts the job may tell of its sources, and what each is
TOLD = {"batch": str, "trusted": dict, "trusted_version": str, "execution": str, "champion": dict}


@dataclass(frozen=True)
class Sources:
    """Where things come from, as far as the job knows."""

    #: SHA-256 of each model's artefact, by `challenger` and `champion`
    models: dict[str, str] = field(default_factory=dict)
    #: versions of Python and of the libraries that were loaded
    versions: dict[str, str] = field(default_factory=dict)
    #: the processing job's ARN
    job: str = ""
    #: SHA-256 over the gate's own files
    gate: str = ""
    #: the version of Python
    python: str = ""
    #: the exact version of every distribution that is installed in the image
    packages: dict[str, str] = field(default_factory=dict)
    #: the batch's name
    batch: str = ""
    #: the digest of each batch that trusted rows come from, by the batch's name
    trusted: dict[str, str] = field(default_factory=dict)
    #: SHA-256 that names the trusted rows as a whole
    trusted_version: str = ""
    #: the execution's ARN
    execution: str = ""
    #: what served when the champion was looked up: endpoint, config, model, package, model_data
    champion: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def told(cls, value: Mapping[str, Any]) -> Sources:
        """Sources of the job's configuration; what is null is not known. Raises SettingsInvalid."""
        found = {name: each for name, each in value.items() if each is not None}
        for name, each in found.items():
            if name not in TOLD:
                raise SettingsInvalid(f"sources have no {name!r}; there are {', '.join(TOLD)}")
            if not isinstance(each, TOLD[name]):
                raise SettingsInvalid(f"sources: {name} must be {_kind(TOLD[name])}, not {each!r}")
        return cls(**found)

    def measured(self, models: Mapping[str, str], job: str, gate: str) -> Sources:
        """The same with what the job itself sees: artefacts, its own code, and the image's libraries.

        Called before any model is asked, whose word on libraries is added by `loaded`.
        """
        return dataclasses.replace(
            self,
            models={name: each for name, each in models.items() if each},
            versions=versions(),
            job=job,
            gate=gate,
            python=platform.python_version(),
            packages=_packages(),
        )

    def loaded(self, told: Mapping[str, str]) -> Sources:
        """The same with the libraries that models loaded, each by its own word."""
        named = {name: each for name, each in told.items() if name in LIBRARIES}
        return dataclasses.replace(self, versions={**named, **self.versions})


@dataclass(frozen=True)
class Release:
    """Who decided otherwise, later."""

    #: `release` or `reject`
    action: str
    #: the caller's ARN
    by: str
    #: when, in ISO 8601
    at: str
    #: why
    reason: str

    @classmethod
    def told(cls, value: Mapping[str, Any]) -> Release:
        """The release of the job's configuration. Raises SettingsInvalid, also for a rejection."""
        names = [each.name for each in dataclasses.fields(cls)]
        if sorted(value) != sorted(names) or not all(isinstance(each, str) for each in value.values()):
            raise SettingsInvalid(f"released has the texts {', '.join(names)}, not {dict(value)!r}")
        if value["action"] != "release":
            raise SettingsInvalid(f"released: only a release is judged again, not {value['action']!r}")
        return cls(**value)


def _kind(kind: type) -> str:
    return "a text" if kind is str else "an object"


def versions() -> dict[str, str]:
    """Of Python, and of the libraries that this process has loaded."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            found[name] = str(getattr(importlib.import_module(name), "__version__", "?"))
    return found


def _packages() -> dict[str, str]:
    """Every installed distribution; of two with one name the one that is imported: the first on the path."""
    found: dict[str, str] = {}
    for each in metadata.distributions():
        # a distribution whose metadata is damaged has no name
        name = each.metadata["Name"] if each.metadata is not None else None
        if name:
            found.setdefault(name, each.version)
    return dict(sorted(found.items()))
