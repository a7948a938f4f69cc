"""Trials made by hand: rows of two classes, and models that are right on the rows one says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stepwell.retrain.gate.rows import Rows, digest
from stepwell.retrain.gate.settings import Settings
from stepwell.retrain.gate.trial import Model, Trial

SETTINGS = Settings(floor=0.7)


def rows(labels: Iterable[Any], hospital: str = "north south", seed: str = "") -> Rows:
    """Rows with a number and a hospital, which alternates."""
    given = list(labels)
    names = hospital.split()
    cells = tuple((str(at), names[at % len(names)]) for at in range(len(given)))
    digests = tuple(digest((seed, str(label), *row)) for label, row in zip(given, cells, strict=True))
    return Rows(("number", "hospital"), cells, tuple(given), digests)


def labels(count: int) -> list[str]:
    """Zeros and ones in turn."""
    return [str(at % 2) for at in range(count)]


def wrong(given: list[str], places: Iterable[int]) -> list[str]:
    """Answers that are right but for some places."""
    failed = set(places)
    return [str(1 - int(label)) if at in failed else label for at, label in enumerate(given)]


def trial(
    *,
    new: int = 200,
    trusted: int = 200,
    challenger: tuple[Iterable[int], Iterable[int]] = ((), ()),
    champion: tuple[Iterable[int], Iterable[int]] | None = ((), ()),
    **changes: Any,
) -> Trial:
    """So many rows of each kind; the places in (new, trusted) that each model gets wrong."""
    sets = {"new": rows(labels(new)), "trusted": rows(labels(trusted), seed="t")}

    def model(failed: tuple[Iterable[int], Iterable[int]]) -> Model:
        given = {
            name: wrong(list(each.labels), places)
            for (name, each), places in zip(sets.items(), failed, strict=True)
        }
        return Model(given, ["0", "1"])

    made: dict[str, Any] = {
        **sets,
        "challenger": model(challenger),
        "champion": model(champion) if champion is not None else None,
        **changes,
    }
    return Trial(**{**made, "trusted": made["trusted"] if trusted else None})
