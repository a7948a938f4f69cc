"""What a measure found: all values, and those thresholds that were crossed, in words too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List

#: the document's form; another number is another form
SCHEMA = "stepwell.drift/1"
#: crossings that fit into a summary, which goes through a state machine
MOST_TOLD = 20

WORDS = {
    "psi": "the distribution of {column} has moved (PSI {value:.3g}, limit {cross:g})",
    "ks": "the distribution of {column} has moved (Kolmogorov-Smirnov {value:.3g}, limit {cross:g})",
    "unseen": "{value:.1%} of {column} are categories that training never saw (limit {cross:.1%})",
    "missing": "{column} is missing in {value:.1%} more rows than in training (limit {cross:.1%})",
    "score": "the score on late labels is {value:.4g} (limit {cross:g})",
}


@dataclass
class Report:
    """One measure, as it is written."""

    endpoint: str
    number: int
    #: requests that counted now
    requests: int = 0
    #: rows that were measured, or that wait for more
    rows: int = 0
    #: rows below which nothing is said
    least_rows: int = 0
    #: lines of requests that had counted before
    repeated: int = 0
    #: lines that came too late to know whether they had counted
    late: int = 0
    #: lines that can't be read, and the first reasons
    unreadable: int = 0
    remarks: List[str] = field(default_factory=list)
    #: by column: by measure {"value", "chance"}, and what belongs to it
    columns: Dict[str, Dict[str, Any]] = field(default_factory=dict)
    score: Any = None
    #: answers that wait for a label
    awaiting: int = 0
    #: the time of the newest request that has counted, in seconds since 1970; 0: none has
    until: float = 0.0
    #: {"measure", "column", "value", "cross", "rearm"} of all that crossed now
    crossings: List[Dict[str, Any]] = field(default_factory=list)
    #: the same of signals that had crossed and aren't back
    standing: List[Dict[str, Any]] = field(default_factory=list)
    #: all measures of which some value has crossed and isn't back, also where nothing was said of it now
    drifted: List[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """`CROSSED`, `TOO_FEW_ROWS` or `MEASURED`."""
        if self.crossings:
            return "CROSSED"
        return "MEASURED" if self.columns or self.score else "TOO_FEW_ROWS"

    @property
    def sentence(self) -> str:
        """What there is to say, for people."""
        if self.crossings:
            told = [WORDS[each["measure"]].format(**each) for each in self.crossings[:3]]
            more = len(self.crossings) - len(told)
            text = "; ".join(told) + (f"; and {more} more" if more else "")
            return f"{text[0].upper()}{text[1:]}."
        if self.outcome == "TOO_FEW_ROWS":
            return (
                f"{self.rows} rows are too few to say anything: they wait until there are {self.least_rows}."
            )
        standing = f"; {len(self.standing)} that crossed before aren't back" if self.standing else ""
        return f"No threshold was crossed in {self.rows} rows{standing}."

    def to_json(self) -> Dict[str, Any]:
        """The object that is written as report.json."""
        return {
            "schema": SCHEMA,
            "endpoint": self.endpoint,
            "number": self.number,
            "outcome": self.outcome,
            "sentence": self.sentence,
            "requests": self.requests,
            "rows": self.rows,
            "repeated": self.repeated,
            "late": self.late,
            "unreadable": self.unreadable,
            "remarks": self.remarks,
            "columns": self.columns,
            "score": self.score,
            "awaiting": self.awaiting,
            "until": self.until,
            "crossings": self.crossings,
            "standing": self.standing,
        }

    def summary(self) -> Dict[str, Any]:
        """The same for a state machine, which carries little: summary.json."""
        return {
            "outcome": self.outcome,
            "sentence": self.sentence,
            "rows": self.rows,
            "until": self.until,
            "crossings": self.crossings[:MOST_TOLD],
            "more": max(len(self.crossings) - MOST_TOLD, 0),
            "drifted": self.drifted,
        }
