"""Prepare: a batch's raw files become rows to train on and rows held out, or one message that says why not.

Why at all: a model learns whatever it is given. A column that was renamed or a temperature in other units
costs a week when it is noticed in production, and a minute when a job names the file, the line and the cell.

The folder is shipped to a processing job as it is. So it imports the standard library alone and runs on
every Python from 3.8 on; and it reads in pieces, so that a batch may be larger than memory.
"""

from __future__ import annotations

from .faults import BatchInvalid, PrepareFault, SettingsInvalid, TooFewRows
from .prepared import Prepared, describe
from .profile import Profile
from .settings import Column, HeldOut, Settings

__all__ = [
    "BatchInvalid",
    "Column",
    "HeldOut",
    "PrepareFault",
    "Prepared",
    "Profile",
    "Settings",
    "SettingsInvalid",
    "TooFewRows",
    "describe",
]
