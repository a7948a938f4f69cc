"""What models answered, made comparable: one value a row, or a problem that is named.

Labels come from CSV and answers from any library; `3`, `3.0` and numpy's 3 are the same class.
"""

from __future__ import annotations

import math
from typing import Any, Sequence


class Unusable(Exception):
    """Answers that nothing can be said about. `kind` ends the reason's code: `NAN` or `SHAPE`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def class_name(value: Any) -> str:
    """A class as text, whatever type it has: whole numbers without a point, all else as it prints."""
    if isinstance(value, str):
        text = value.strip()
        whole, _, rest = text.partition(".")
        return whole if rest and not rest.strip("0") and whole.lstrip("-").isdigit() else text
    if isinstance(value, bytes):
        return class_name(value.decode("utf-8", "replace"))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def plain(values: Any) -> list[Any]:
    """Lists of whatever a model gave: arrays, series and tensors of any library. Raises Unusable."""
    found = values
    for step in ("to_numpy", "tolist"):
        method = getattr(found, step, None)
        if callable(method):
            found = method()
    if isinstance(found, (str, bytes, dict)) or not hasattr(found, "__iter__"):
        raise Unusable("SHAPE", f"the answers are a {type(found).__name__}, not one for each row")
    listed = [each.tolist() if hasattr(each, "tolist") else each for each in found]
    return [each[0] if isinstance(each, (list, tuple)) and len(each) == 1 else each for each in listed]


def answers(given: Any, rows: int, task: str, scale: Sequence[str], own: Sequence[str] | None) -> list[Any]:
    """One answer a row for a task: a class's name, a tuple of probabilities in `scale`'s order, a number.

    `own` are the classes in the order of the model's own columns, where it says. Raises Unusable.
    """
    listed = plain(given)
    if len(listed) != rows:
        raise Unusable("SHAPE", f"there are {len(listed)} answers for {rows} rows")
    order = [class_name(each) for each in own] if own is not None else list(scale)
    found: list[Any] = []
    for number, value in enumerate(listed):
        if task == "numbers":
            found.append(_number(value, number))
        elif isinstance(value, (list, tuple)):
            chances = _chances(value, number, order)
            if task == "classes":
                found.append(max(chances, key=lambda name: chances[name]))
            else:
                found.append(tuple(chances.get(name, 0.0) for name in scale))
        elif task == "classes":
            if value is None or (isinstance(value, float) and not math.isfinite(value)):
                raise Unusable("NAN", f"the answer to row {number + 1} is {value}")
            found.append(class_name(value))
        else:
            chance = _number(value, number)
            if len(scale) != 2 or not 0.0 <= chance <= 1.0:
                raise Unusable("SHAPE", f"the answer to row {number + 1}, {chance}, is no probability")
            found.append((1.0 - chance, chance))
    return found


def _number(value: Any, number: int) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise Unusable("SHAPE", f"the answer to row {number + 1} is no number: {value!r:.60}") from None
    if not math.isfinite(found):
        raise Unusable("NAN", f"the answer to row {number + 1} is {found}")
    return found


def _chances(value: Sequence[Any], number: int, order: Sequence[str]) -> dict[str, float]:
    if len(value) != len(order):
        raise Unusable(
            "SHAPE", f"the answer to row {number + 1} has {len(value)} values; there are {len(order)} classes"
        )
    found = [_number(each, number) for each in value]
    if min(found) < 0.0 or max(found) > 1.0 + 1e-6:
        raise Unusable("SHAPE", f"the answer to row {number + 1} has values that are no probabilities")
    return dict(zip(order, found))
