"""The durable core's ports and loop: decide purely, commit once, then act.

`records` says what services remember, `draft` collects what one decision wants to change,
`loop` is the one writer, `effects` does what committed decisions ask for, `ports` is what a store
must offer.
"""

from stepwell.durable.draft import Draft
from stepwell.durable.effects import EffectKind, Outcome, Performers
from stepwell.durable.loop import Loop
from stepwell.durable.ports import Blob, Blobs, Store, View
from stepwell.durable.records import Record
from stepwell.durable.writes import Effect, Timer, WriteSet

__all__ = [
    "Blob",
    "Blobs",
    "Draft",
    "Effect",
    "EffectKind",
    "Loop",
    "Outcome",
    "Performers",
    "Record",
    "Store",
    "Timer",
    "View",
    "WriteSet",
]
