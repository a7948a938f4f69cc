"""The evidence: one JSON document that says what was decided, from what, and lets it be decided again.

Rows are named by their digests and not copied. What each model made of each row is kept in a bit (right or
not) or a number (the error, or the probability of the right class).
"""

from __future__ import annotations

import base64
import dataclasses
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from .decision import REASONS, Decision, Note
from .faults import EvidenceInvalid
from .settings import Settings
from .sources import Release, Sources

#: the document's form; another number is another form
SCHEMA = "stepwell.gate/1"


@dataclass(frozen=True)
class Outcomes:
    """What became of each row of a set."""

    #: the rows' digests
    digests: tuple[str, ...]
    #: `right` (booleans), `error` (absolute) or `chance` (of the right class)
    kind: str
    #: the challenger's, a row each; empty where it has no answers
    challenger: tuple[float, ...] = ()
    #: the champion's
    champion: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Digests as one text, outcomes as bits or floats, deflated, in base64."""
        return {
            "kind": self.kind,
            "digests": _packed(bytes.fromhex("".join(self.digests))),
            "challenger": self._coded(self.challenger),
            "champion": self._coded(self.champion),
        }

    @classmethod
    def from_json(cls, rows: int, value: Mapping[str, Any]) -> Outcomes:
        """The outcomes of `to_json` for so many rows. Raises EvidenceInvalid."""
        digests = _unpacked(value["digests"]).hex()
        width = len(digests) // rows if rows else 1
        named = tuple(digests[at : at + width] for at in range(0, len(digests), width))
        kind = value["kind"]
        models = [cls._decoded(value[who], kind, rows) for who in ("challenger", "champion")]
        if len(named) != rows or any(len(each) not in (0, rows) for each in models):
            raise EvidenceInvalid(f"the outcomes are not those of {rows} rows")
        return cls(named, kind, *models)

    def _coded(self, values: Sequence[float]) -> str:
        if self.kind != "right":
            return _packed(struct.pack("<%df" % len(values), *values))
        bits = "".join("1" if each else "0" for each in values)
        whole = bits + "0" * (-len(bits) % 8)
        return _packed(bytes(int(whole[at : at + 8], 2) for at in range(0, len(whole), 8)))

    @staticmethod
    def _decoded(text: str, kind: str, rows: int) -> tuple[float, ...]:
        content = _unpacked(text)
        if kind != "right":
            return struct.unpack("<%df" % (len(content) // 4), content)
        bits = "".join(f"{each:08b}" for each in content)
        return tuple(float(bit) for bit in bits[: rows if bits else 0])


@dataclass(frozen=True)
class Comparison:
    """Both models on the same rows: a whole set, or a slice of it."""

    #: `new` or `trusted`
    rows_of: str
    #: the slice: `column=value`; empty for the whole set
    part: str
    #: how many rows
    rows: int
    #: the challenger's score; None where there is none
    challenger: float | None = None
    #: the champion's score
    champion: float | None = None
    #: by how much the challenger is better: points, or for errors a share of the champion's
    difference: float | None = None
    #: rows that only the challenger gets right, or for numbers gets nearer
    won: int = 0
    #: rows that only the champion gets right, or nearer
    lost: int = 0
    #: `mcnemar` or `bootstrap`; empty where nothing is tested
    test: str = ""
    #: P of as bad a result were the challenger no worse (by more than the trusted margin)
    p_worse: float | None = None
    #: P of as good a result were it no better
    p_better: float | None = None
    #: P of as good a result were it worse by the margin
    p_not_worse: float | None = None
    #: the interval of the difference at level 1 - 2 alpha
    low: float | None = None
    #: its upper end
    high: float | None = None
    #: the bootstrap's draws, packed; empty for McNemar's
    draws: str = ""
    #: draws without a score
    undefined: int = 0
    #: whether a rule is asked of it; a slice may be shown only
    judged: bool = True
    #: what the champion must score on this slice of the batch's own labels; None: nothing
    floor: float | None = None


@dataclass(frozen=True)
class Forecast:
    """A naive forecast beside the models, on the rows for which there is one."""

    #: what it says
    name: str
    #: `new` or `trusted`
    rows_of: str
    #: rows that it has a forecast for
    rows: int
    #: its score, and the models' on the same rows; None where there is none
    score: float | None
    challenger: float | None
    champion: float | None


@dataclass(frozen=True)
class Evidence:
    """All that a decision rests on."""

    #: what the gate said
    decision: Decision
    #: what was declared
    settings: Settings
    #: whether there was to be a champion
    champion_expected: bool
    #: what models predict: `classes`, `probabilities` or `numbers`
    task: str
    #: whether more of the metric is better
    higher_is_better: bool
    #: what part 1 asks: the score on the batch's own labels that the floor is for; None where there is none
    recognised: float | None = None
    #: what kept the gate from measuring, in the order it was found
    problems: tuple[Note, ...] = ()
    #: remarks that change no decision
    notes: tuple[Note, ...] = ()
    #: sets and slices
    comparisons: tuple[Comparison, ...] = ()
    #: naive forecasts
    baselines: tuple[Forecast, ...] = ()
    #: what became of each row, by `new` and `trusted`
    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    #: where things come from
    sources: Sources = field(default_factory=Sources)
    #: who decided otherwise; None: nobody
    released: Release | None = None

    def whole(self, rows_of: str) -> Comparison | None:
        """The comparison on a whole set."""
        return next((each for each in self.comparisons if each.rows_of == rows_of and not each.part), None)

    def to_json(self) -> dict[str, Any]:
        """The document."""
        made = dataclasses.asdict(dataclasses.replace(self, outcomes={}))
        made["outcomes"] = {
            name: {"rows": len(each.digests), **each.to_json()} for name, each in self.outcomes.items()
        }
        return {"schema": SCHEMA, **made}

    def summary(self) -> dict[str, Any]:
        """The document without rows, draws and lists of sources: small enough for a state machine's input."""
        made = self.to_json()
        del made["outcomes"], made["sources"]["packages"], made["sources"]["trusted"]
        for each in made["comparisons"]:
            del each["draws"]
        return made

    @classmethod
    def from_json(cls, value: Any) -> Evidence:
        """The evidence of a document. Raises EvidenceInvalid."""
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            said = value.get("schema") if isinstance(value, dict) else type(value).__name__
            raise EvidenceInvalid(f"this is no evidence of form {SCHEMA}: {said}")
        try:
            found = {name: each for name, each in value.items() if name != "schema"}
            found["decision"] = Decision(**found["decision"])
            found["settings"] = Settings.from_json(found["settings"])
            for name, kind in (
                ("problems", Note),
                ("notes", Note),
                ("comparisons", Comparison),
                ("baselines", Forecast),
            ):
                found[name] = tuple(kind(**each) for each in found[name])
            found["outcomes"] = {
                name: Outcomes.from_json(each["rows"], each)
                for name, each in found.get("outcomes", {}).items()
            }
            found["sources"] = Sources(**found["sources"])
            found["released"] = Release(**found["released"]) if found["released"] else None
            made = cls(**found)
        except (KeyError, TypeError, ValueError, struct.error, zlib.error) as error:
            raise EvidenceInvalid(f"the document is damaged: {error!r}") from error
        if made.decision.reason not in REASONS:
            raise EvidenceInvalid(f"there is no reason {made.decision.reason}")
        return made

    @classmethod
    def parse(cls, text: str) -> Evidence:
        """The evidence of a file's text. Raises EvidenceInvalid."""
        try:
            return cls.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise EvidenceInvalid(f"this is no JSON: {error}") from None
        except RecursionError:
            raise EvidenceInvalid("the document is nested too deeply") from None


def single(value: float) -> float:
    """A number as four bytes keep it; one that is beyond them is their greatest."""
    greatest = (2 - 2**-23) * 2.0**127
    found: float = struct.unpack("<f", struct.pack("<f", min(value, greatest)))[0]
    return found


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text, validate=True))
