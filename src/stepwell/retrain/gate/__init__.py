"""The gate: whether a challenger replaces the champion, decided in two parts and kept as evidence.

Why two: a challenger trained on wrong labels agrees with them, so rows of its own batch say nothing
against it. First the champion is asked whether it recognises the batch's labels at all; only then are
both models compared, on rows that earlier batches left behind and on the batch's own.

The folder is shipped to a processing job as it is. So it imports the standard library alone (a model's
own libraries come with the model) and runs on every Python from 3.8 on.
"""

from __future__ import annotations

from .decision import Decision
from .evidence import Evidence
from .faults import GateFault
from .replaying import replay
from .settings import Settings
from .trial import Trial, judge

__all__ = ["Decision", "Evidence", "GateFault", "Settings", "Trial", "judge", "replay"]
