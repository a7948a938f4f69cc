"""What a user declares of a gate, checked once, so that nothing behind it meets a wrong setting."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Mapping

from .faults import SettingsInvalid
from .metrics import METRICS

RULES = ("not-worse", "better")
#: what a user may let pass that otherwise quarantines a batch
ALLOWANCES = ("new-class", "one-class")
#: rules of a slice: judged, or only shown
SLICE_RULES = ("no-regression", "show")


@dataclass(frozen=True)
class Slice:
    """Rows that share a value of one column, or fall between two bounds of it."""

    #: the column's name, or its number from 0 where rows have no header; `label`: the label
    column: str
    #: for numbers: where one slice ends and the next begins, ascending; empty: each value is a slice
    bounds: tuple[float, ...] = ()
    #: `no-regression`: the challenger may not be significantly worse in any; `show`: not judged
    rule: str = "no-regression"
    #: what the champion must score on each slice of the batch's own labels; None: nothing
    floor: float | None = None


@dataclass(frozen=True)
class Baseline:
    """A naive forecast: the label `lag` rows earlier, or what a column of the row says."""

    #: how it is called in the evidence
    name: str
    #: rows back in time; 0 where a column says it
    lag: int = 0
    #: the column that holds the forecast; empty where it is the lag's
    column: str = ""


@dataclass(frozen=True)
class Settings:
    """A gate as declared; everything has a default except the floor, which is the user's knowledge."""

    #: what the champion must score on the batch's own labels: at least, or for errors at most
    floor: float
    #: a metric's name, or `module:function` called with (labels, predictions)
    metric: str = "accuracy"
    #: for a metric of the user's: whether more is better
    higher_is_better: bool = True
    #: for a metric of the user's: what predictions are: `classes`, `probabilities` or `numbers`
    task: str = "classes"
    #: `not-worse`: shown to be no more than `margin` worse; `better`: shown to be better
    rule: str = "not-worse"
    #: the loss that counts as none: points of the score, or for errors a share of the champion's
    margin: float = 0.05
    #: how much worse than the champion on trusted rows is let pass; as `margin`
    trusted_margin: float = 0.0
    #: the share of wrong answers that each test may give
    alpha: float = 0.05
    #: rows of the batch below which nothing is decided for the challenger
    least_rows: int = 30
    #: rows of a slice below which it is shown and not judged
    least_slice_rows: int = 30
    #: how often the bootstrap draws
    resamples: int = 2000
    #: what the bootstrap's draws begin with
    seed: int = 0
    #: the class that `f1` is about
    positive: str = "1"
    #: all classes that there are, in the order of a model's probabilities; empty: the champion's own
    classes: tuple[str, ...] = ()
    #: which of ALLOWANCES the user makes
    allow: tuple[str, ...] = ()
    #: parts of the rows that are looked at by themselves
    slices: tuple[Slice, ...] = ()
    #: naive forecasts beside those that are always shown
    baselines: tuple[Baseline, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """Settings of a JSON object. Raises SettingsInvalid, which names the setting."""
        found = dict(value)
        _known(cls, found, "the settings")
        if "floor" not in found:
            raise SettingsInvalid("floor is missing: what must the champion score on a batch's own labels?")
        for name in ("classes", "allow"):
            if name in found:
                found[name] = tuple(str(each) for each in _array(name, found[name]))
        if "slices" in found:
            found["slices"] = tuple(_slice(each) for each in _array("slices", found["slices"]))
        if "baselines" in found:
            found["baselines"] = tuple(_baseline(each) for each in _array("baselines", found["baselines"]))
        return cls(**found)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return dataclasses.asdict(self)

    def changed(self, **changes: Any) -> Settings:
        """The same with other values, checked again. Raises SettingsInvalid."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Input:
    """How a batch's files are read."""

    #: the column of the label: a name, or a number from 0 where files have no header
    label: str = "0"
    #: whether the first line of each file names the columns
    header: bool = False
    #: the columns that rows must have, the label's among them; empty: those of the trusted rows
    columns: tuple[str, ...] = ()
    #: whether a champion is expected; None: one is where its folder is there
    champion: bool | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Input:
        """The reading of a JSON object. Raises SettingsInvalid."""
        found = dict(value)
        _known(cls, found, "input")
        for name in ("header", "champion"):
            if not isinstance(found.get(name, False), bool):
                raise SettingsInvalid(f"{name} must be true or false, not {found[name]!r}")
        found["label"] = str(found.get("label", "0"))
        found["columns"] = tuple(str(each) for each in _array("columns", found.get("columns", ())))
        return cls(**found)


def _known(kind: Any, value: Mapping[str, Any], where: str) -> None:
    names = [each.name for each in dataclasses.fields(kind)]
    for name in value:
        if name not in names:
            raise SettingsInvalid(f"{where} have no {name!r}; there are {', '.join(names)}")


def _array(name: str, value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise SettingsInvalid(f"{name} must be an array, not {value!r}")
    return list(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SettingsInvalid(f"{name} must be a number, not {value!r}")
    return value


def _slice(value: Any) -> Slice:
    if not isinstance(value, dict):
        raise SettingsInvalid(f"a slice is an object with a column, not {value!r}")
    _known(Slice, value, "slices")
    bounds = tuple(_number("a bound", each) for each in _array("bounds", value.get("bounds", ())))
    floor = value.get("floor")
    return Slice(
        column=str(value.get("column", "")),
        bounds=bounds,
        rule=value.get("rule", "no-regression"),
        floor=None if floor is None else _number("a slice's floor", floor),
    )


def _baseline(value: Any) -> Baseline:
    if not isinstance(value, dict):
        raise SettingsInvalid(f"a baseline is an object with a lag or a column, not {value!r}")
    _known(Baseline, value, "baselines")
    lag, column = value.get("lag", 0), str(value.get("column", ""))
    return Baseline(str(value.get("name") or (f"lag {lag}" if lag else column)), lag, column)


def _check(settings: Settings) -> None:
    for name, least, most in (
        ("floor", -math.inf, math.inf),
        ("margin", 0.0, math.inf),
        ("trusted_margin", 0.0, math.inf),
        ("alpha", 1e-6, 0.5),
    ):
        value = _number(name, getattr(settings, name))
        if not least <= value <= most:
            raise SettingsInvalid(f"{name} must be from {least} to {most}, not {value}")
    for name, lowest in (("least_rows", 1), ("least_slice_rows", 1), ("resamples", 100), ("seed", 0)):
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise SettingsInvalid(f"{name} must be a whole number from {lowest} on, not {value!r}")
    if not isinstance(settings.metric, str) or (
        settings.metric not in METRICS and ":" not in settings.metric
    ):
        raise SettingsInvalid(
            f"there is no metric {settings.metric!r}; there are {', '.join(METRICS)}, or your module:function"
        )
    choices: list[tuple[str, Any, tuple[str, ...]]] = [
        ("rule", settings.rule, RULES),
        ("task", settings.task, ("classes", "probabilities", "numbers")),
    ]
    choices += [("allow", each, ALLOWANCES) for each in settings.allow]
    choices += [("a slice's rule", each.rule, SLICE_RULES) for each in settings.slices]
    for name, value, known in choices:
        if value not in known:
            raise SettingsInvalid(f"{name} is one of {', '.join(known)}, not {value!r}")
    for each in settings.slices:
        if not each.column or list(each.bounds) != sorted(each.bounds):
            raise SettingsInvalid("a slice has a column, and ascending bounds if any")
    for baseline in settings.baselines:
        whole = isinstance(baseline.lag, int) and baseline.lag >= 0
        if not whole or bool(baseline.lag) == bool(baseline.column):
            raise SettingsInvalid(f"baseline {baseline.name!r} has either a lag of 1 or more, or a column")
