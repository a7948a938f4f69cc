"""What one measure leaves to the next: which requests have counted, what waits for rows or labels."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Tuple

from .configuration import parsed
from .faults import MonitorFault
from .signals import Signal

#: the document's form; another number is another form
SCHEMA = "stepwell.monitor-state/1"
#: seconds by which a captured line may come later than others and still counts
LATE = 6 * 3600
#: a counted request: its time, and the first bytes of its event's digest
_SEEN = struct.Struct("<Q8s")


@dataclass
class State:
    """What is known before a measure, and amended by it."""

    #: which measure it is the state after; 0: none
    number: int = 0
    #: the time of the newest request that has counted, in seconds since 1970; 0: none has
    until: float = 0.0
    #: requests that have counted and could be met again: time by digest
    seen: Dict[bytes, int] = field(default_factory=dict)
    #: digest of the profile that rows were counted against
    profile: str = ""
    #: rows that have been counted and not yet measured
    rows: int = 0
    #: their counts by column
    tallies: Dict[str, Any] = field(default_factory=dict)
    #: signals by (measure, column); the score's column is empty
    signals: Dict[Tuple[str, str], Signal] = field(default_factory=dict)
    #: answers without a label: (time, answers) by inference id, the oldest first
    awaiting: Dict[str, Tuple[float, List[Any]]] = field(default_factory=dict)
    #: (label, answer) that were not enough for a score yet
    pairs: List[Tuple[str, Any]] = field(default_factory=list)

    @property
    def horizon(self) -> float:
        """A request from before this time is too late: whether it has counted isn't known any more."""
        return self.until - LATE if self.until else 0.0

    def is_new(self, event: str, time: float) -> bool:
        """Whether a request counts now, which it does once."""
        key = hashlib.sha256(event.encode("utf-8")).digest()[:8]
        if key in self.seen:
            return False
        self.seen[key] = max(int(time), 0)
        return True

    def advance(self, until: float) -> None:
        """Requests up to that time have counted; forget those that can't be met again."""
        self.until = max(self.until, until)
        self.seen = {key: time for key, time in self.seen.items() if time >= self.horizon}

    def to_json(self) -> Dict[str, Any]:
        """The object that is written."""
        packed = b"".join(_SEEN.pack(time, key) for key, time in self.seen.items())
        return {
            "schema": SCHEMA,
            "number": self.number,
            "until": self.until,
            "seen": base64.b64encode(zlib.compress(packed)).decode("ascii"),
            "profile": self.profile,
            "rows": self.rows,
            "tallies": self.tallies,
            "signals": [
                {"measure": measure, "column": column, **signal.to_json()}
                for (measure, column), signal in self.signals.items()
            ],
            "awaiting": self.awaiting,
            "pairs": self.pairs,
        }

    def write(self, path: Path) -> None:
        """Write the document."""
        path.write_text(json.dumps(self.to_json(), allow_nan=False), "utf-8")

    @classmethod
    def read(cls, folder: Path) -> State:
        """The state of the folder's `state.json`; a new one where there is none. Raises MonitorFault."""
        path = folder / "state.json"
        if not path.exists():
            return cls()
        value = parsed(path)
        if value.get("schema") != SCHEMA:
            raise MonitorFault(f"state.json is no {SCHEMA}")
        try:
            packed = zlib.decompress(base64.b64decode(value["seen"], validate=True))
            return cls(
                number=value["number"],
                until=value["until"],
                seen={key: time for time, key in _SEEN.iter_unpack(packed)},
                profile=value["profile"],
                rows=value["rows"],
                tallies=value["tallies"],
                signals={
                    (each["measure"], each["column"]): Signal.from_json(each) for each in value["signals"]
                },
                awaiting={name: (time, answers) for name, (time, answers) in value["awaiting"].items()},
                pairs=[(label, answer) for label, answer in value["pairs"]],
            )
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error, struct.error) as error:
            raise MonitorFault(f"state.json is damaged: {error!r}") from None
