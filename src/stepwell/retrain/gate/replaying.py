"""What would have been decided under another rule: from the evidence alone, without models or rows."""

from __future__ import annotations

import dataclasses
from typing import Any

from .comparing import recounted, tested
from .decision import Decision
from .evidence import Evidence
from .faults import SettingsInvalid
from .ruling import decide

#: settings that change nothing of what was measured
REPLAYABLE = ("rule", "margin", "trusted_margin", "floor", "alpha", "least_rows")


def replayed(found: Evidence, **changes: Any) -> Evidence:
    """The evidence as it would read with other settings: its tests anew, its decision anew.

    `changes` are of REPLAYABLE; None leaves what was. Raises SettingsInvalid for others, EvidenceInvalid for
    evidence whose counts are not those of its rows.
    """
    for name in changes:
        if name not in REPLAYABLE:
            raise SettingsInvalid(f"{name} takes the models; replayed are {', '.join(REPLAYABLE)}")
    settings = found.settings.changed(**{name: each for name, each in changes.items() if each is not None})
    for name, outcomes in found.outcomes.items():
        whole = found.whole(name)
        if whole is not None:
            recounted(whole, outcomes)
    comparisons = tuple(tested(each, settings) for each in found.comparisons)
    anew = dataclasses.replace(found, settings=settings, comparisons=comparisons)
    return dataclasses.replace(anew, decision=decide(anew))


def replay(found: Evidence, **changes: Any) -> Decision:
    """The decision that other settings would have led to; see `replayed`."""
    return replayed(found, **changes).decision
