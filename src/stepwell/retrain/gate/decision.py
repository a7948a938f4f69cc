"""The reasons that a gate can have, each with what follows from it: one table."""

from __future__ import annotations

from dataclasses import dataclass

DEPLOY, KEEP, QUARANTINE = "DEPLOY", "KEEP", "QUARANTINE"

#: reason → (what follows, the part of the gate that it belongs to, what it means)
REASONS = {
    "EMPTY_BATCH": (KEEP, 1, "the batch has no held-out rows"),
    "TOO_FEW_ROWS": (KEEP, 1, "the batch has too few held-out rows to decide anything"),
    "COLUMNS_DIFFER": (QUARANTINE, 1, "the batch's columns are not those declared, or of the trusted rows"),
    "LABEL_INVALID": (QUARANTINE, 1, "a label is missing, or is no number where one is needed"),
    "CHAMPION_MISSING": (QUARANTINE, 1, "a champion is expected, and its artefact is not there"),
    "CHAMPION_UNLOADABLE": (QUARANTINE, 1, "the champion's artefact cannot be loaded"),
    "CHAMPION_RAISES": (QUARANTINE, 1, "the champion raised an error when asked to predict"),
    "CHAMPION_NAN": (QUARANTINE, 1, "the champion predicted no number"),
    "CHAMPION_SHAPE": (QUARANTINE, 1, "the champion's predictions have another shape than one a row"),
    "NEW_CLASS": (QUARANTINE, 1, "the batch has a class that the champion never saw"),
    "ONE_CLASS": (QUARANTINE, 1, "all rows of the batch are of one class"),
    "BELOW_FLOOR": (QUARANTINE, 1, "the champion does not recognise the batch's labels"),
    "METRIC_FAILED": (KEEP, 2, "the metric raised an error"),
    "METRIC_NAN": (KEEP, 2, "the metric gave no finite number"),
    "METRIC_UNDEFINED": (KEEP, 2, "the metric does not exist for these rows"),
    "CHALLENGER_MISSING": (KEEP, 2, "the challenger's artefact is not there"),
    "CHALLENGER_UNLOADABLE": (KEEP, 2, "the challenger's artefact cannot be loaded"),
    "CHALLENGER_RAISES": (KEEP, 2, "the challenger raised an error when asked to predict"),
    "CHALLENGER_NAN": (KEEP, 2, "the challenger predicted no number"),
    "CHALLENGER_SHAPE": (KEEP, 2, "the challenger's predictions have another shape than one a row"),
    "FIRST_BELOW_FLOOR": (QUARANTINE, 2, "there is no champion, and the first model misses the floor itself"),
    "FIRST_CHAMPION": (DEPLOY, 2, "there is no champion, and the first model reaches the floor"),
    "FIRST_RELEASED": (DEPLOY, 2, "there is no champion, and a person let a first model pass that misses it"),
    "WORSE_ON_TRUSTED": (KEEP, 2, "the challenger is significantly worse on trusted rows"),
    "WORSE_ON_SLICE": (KEEP, 2, "the challenger is significantly worse on a slice"),
    "WORSE_ON_NEW": (KEEP, 2, "the challenger is significantly worse on the batch's held-out rows"),
    "NOT_SHOWN": (
        KEEP,
        2,
        "the rule is not shown to hold by so many rows",
    ),
    "RELEASED_BELOW_FLOOR": (
        KEEP,
        2,
        "a person released the batch, and the challenger doesn't recognise its labels either",
    ),
    "NOT_WORSE": (DEPLOY, 2, "the challenger is shown to be no more than the margin worse"),
    "BETTER": (DEPLOY, 2, "the challenger is shown to be better"),
}

#: what a person who releases a batch overrules; all else stands, since without it nothing can be compared
OVERRULED = ("BELOW_FLOOR", "NEW_CLASS", "ONE_CLASS", "FIRST_BELOW_FLOOR")
#: what a release of a batch makes a first model of: there is no champion that could be compared with
NO_CHAMPION = ("CHAMPION_MISSING", "CHAMPION_UNLOADABLE", "CHAMPION_RAISES", "CHAMPION_NAN", "CHAMPION_SHAPE")

#: remarks that change no decision
NOTES = {
    "NO_TRUSTED_ROWS": "there are no trusted rows yet; only the batch's own were compared",
    "FEW_TRUSTED_ROWS": "there are few trusted rows: only a great loss would have been noticed",
    "NEW_CLASS": "a class that the champion never saw was let pass; its rows don't count against the floor",
    "ONE_CLASS": "all rows are of one class, which was let pass",
    "BELOW_BASELINE": "a naive forecast is as good as the challenger",
    "NO_COLUMN": "a slice or a baseline names a column that the rows don't have",
    "NO_DRAWS": "a comparison has no test: its score exists for too few draws",
    "SMALL_SLICE": "a slice has too few rows to be judged",
    "OVERRULED": "a person released the batch, and overruled what had quarantined it",
    "CHALLENGER_BELOW_FLOOR": "a person released the batch, and the challenger misses the floor on it itself",
    "WITHOUT_CHAMPION": "a person released the batch, and its champion can't answer: judged as a first model",
}


@dataclass(frozen=True)
class Note:
    """A remark, or a problem: a code of NOTES or REASONS, and the case at hand."""

    #: the code
    code: str
    #: the case in one sentence
    sentence: str


@dataclass(frozen=True)
class Decision:
    """What the gate says."""

    #: DEPLOY, KEEP or QUARANTINE
    outcome: str
    #: a key of REASONS
    reason: str
    #: the reason with this case's figures
    sentence: str


def decision(reason: str, detail: str = "") -> Decision:
    """The decision that follows from a reason."""
    outcome, _, meaning = REASONS[reason]
    said = meaning[0].upper() + meaning[1:]
    return Decision(outcome, reason, f"{said}: {detail}" if detail else f"{said}.")


def part(reason: str) -> int:
    """Whether a reason belongs to the first part (the batch) or the second (the challenger)."""
    return REASONS[reason][1]
