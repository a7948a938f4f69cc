"""What the monitor is told: columns, thresholds, and how answers are scored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from .faults import MonitorFault

#: what can be measured, in the order of reports
MEASURES = ("psi", "ks", "unseen", "missing", "score")


@dataclass(frozen=True)
class Limits:
    """Where a value crosses, and where it has been back: between the two nothing changes."""

    #: beyond it a value crosses
    cross: float
    #: within it a value that has crossed may cross again
    rearm: float
    #: whether it crosses by falling, as a score does
    below: bool = False

    def crossed(self, value: float) -> bool:
        """Whether the value is beyond."""
        return value < self.cross if self.below else value > self.cross

    def back(self, value: float) -> bool:
        """Whether the value is well within."""
        return value >= self.rearm if self.below else value <= self.rearm


@dataclass(frozen=True)
class Configuration:
    """The job's one JSON file."""

    #: the endpoint's name, as it is told
    endpoint: str
    #: the columns that the model is asked with, in their order
    columns: Tuple[str, ...]
    #: thresholds by measure; one that is not there is measured and never crosses
    limits: Mapping[str, Limits] = field(default_factory=dict)
    #: rows below which nothing is said
    least_rows: int = 200
    #: labelled answers below which no score is said
    least_labels: int = 100
    #: measures in a row that must be beyond
    patience: int = 2
    #: how likely a false alarm of one measure may be, over all columns together
    alpha: float = 0.01
    #: the score's name, or `module:function`
    metric: str = "accuracy"
    #: for a metric of the user's: `classes`, `probabilities` or `numbers`
    task: str = "classes"
    #: for a metric of the user's
    higher_is_better: bool = True
    #: all classes in the order of probabilities, where the metric needs them
    classes: Tuple[str, ...] = ()
    #: the class that binary scores are about
    positive: str = "1"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Configuration:
        """The configuration of an object. Raises MonitorFault."""
        given: Dict[str, Any] = dict(value)
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown or "columns" not in given or "endpoint" not in given:
            what = f"no {', '.join(unknown)}" if unknown else "endpoint and columns"
            raise MonitorFault(f"the configuration has {what}")
        try:
            given["limits"] = {name: Limits(**each) for name, each in given.get("limits", {}).items()}
            given["columns"] = tuple(given["columns"])
            given["classes"] = tuple(given.get("classes", ()))
        except TypeError as error:
            raise MonitorFault(f"the configuration: {error}") from None
        wrong = sorted(set(given["limits"]) - set(MEASURES))
        if wrong:
            raise MonitorFault(f"there is no measure {', '.join(wrong)}; there are {', '.join(MEASURES)}")
        return cls(**given)

    @classmethod
    def read(cls, folder: Path) -> Configuration:
        """The configuration of the one JSON file below a folder. Raises MonitorFault."""
        found = sorted(folder.rglob("*.json"))
        if len(found) != 1:
            raise MonitorFault(f"config has {len(found)} JSON files; one is needed")
        value = parsed(found[0])
        return cls.from_json(value)


def parsed(path: Path) -> Dict[str, Any]:
    """The object of a JSON file. Raises MonitorFault."""
    try:
        value: Optional[Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise MonitorFault(f"{path.name} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise MonitorFault(f"{path.name} is no JSON object")
    return value
