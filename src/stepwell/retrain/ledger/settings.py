"""What the program declared, as the functions read it: `code/settings.json` in the workflow's bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: what a part of a path can't be called, and the bytes of the longest that it can
NO_NAMES = ("", ".", "..")
LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where raw objects arrive."""

    #: what their keys begin with
    prefix: str = ""
    #: what their keys end with
    suffix: str = ""

    def holds(self, key: str) -> bool:
        """Whether a key is one of its objects.

        A key that is no path of a file is none: one that ends with `/` is a console's folder, and one with
        `..` in it would fail every job that collects what is pending.
        """
        parts = key.split("/")
        is_path = all(part not in NO_NAMES and len(part.encode("utf-8")) <= LONGEST_NAME for part in parts)
        return key.startswith(self.prefix) and key.endswith(self.suffix) and is_path and "\0" not in key


@dataclass(frozen=True, kw_only=True)
class When:
    """How much must have arrived before a batch is begun; whichever holds first."""

    #: rows in all pending objects; None: rows don't count
    rows: int | None = None
    #: seconds since the oldest pending object arrived; None: time doesn't count
    seconds: float | None = None
    #: whether a score on late labels that has fallen, and isn't back, is enough
    score: bool = False


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A workflow as declared."""

    #: its name
    workflow: str
    #: the endpoint's name; None: models are registered and not served
    endpoint: str | None
    #: the model package group's name
    package_group: str
    #: where raw objects arrive
    sources: tuple[Source, ...]
    #: None: an upload is a batch
    when: When | None
    #: the gate's settings
    gate: Mapping[str, Any]
    #: the label's column
    label: str
    #: all columns of prepared files, in their order
    columns: tuple[str, ...]
    #: s3:// URI of the folder of the gate's archive, and of the user's metric
    gate_code: str
    #: the training image
    image: str
    #: of the training job
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    #: s3:// URI of the training code
    code: str
    #: how many accepted batches are trained on beside the new one, the newest; None: all
    batches: int | None = None
    #: whether raw files begin with a line of names, which is no row
    header: bool = True

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """The settings of the document."""
        when, train = value.get("when"), value["train"]
        return cls(
            workflow=value["workflow"],
            endpoint=value.get("endpoint"),
            package_group=value["package_group"],
            sources=tuple(
                Source(prefix=each.get("prefix") or "", suffix=each.get("suffix") or "")
                for each in value["sources"]
            ),
            when=None if when is None else _when(when),
            gate=value["gate"],
            label=value["label"],
            columns=tuple(value["columns"]),
            gate_code=value["gate_code"],
            image=train["image"],
            hyperparameters=train.get("hyperparameters") or {},
            code=train["code"],
            batches=train.get("batches"),
            header=value.get("header", True),
        )


def _when(value: Mapping[str, Any]) -> When:
    return When(rows=value.get("rows"), seconds=value.get("seconds"), score=value.get("score", False))
